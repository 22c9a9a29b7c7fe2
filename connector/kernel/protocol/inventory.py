"""Where a connector of ours gives its inventory, and how it says so (spec/metadata-federation.md 1.1).

A `Link` (RFC 8288) on the version document, which every peer reads anyway: its body stays as the protocol has it.
"""

from connector.kernel.protocol.messages import HANSE

INVENTORY = "/federation/inventory"
"""Below the root; the entries themselves are asked for beside it."""
DATASETS = "/federation/datasets"
LISTS = "/federation/lists"
"""Beside it: which lists members hold (spec/trust.md 4.8)."""
RELATION = f"{HANSE}inventory"


def link(root: str) -> str:
    """The header of a participant's version document."""
    return f'<{root}{INVENTORY}>; rel="{RELATION}"'
