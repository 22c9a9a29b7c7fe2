"""The other side of a negotiation or transfer, as far as it is known before its first message."""

import msgspec

from connector.kernel.policy.engine import Requester


class Partner(msgspec.Struct, frozen=True, kw_only=True):
    """A peer as the trust list names it, with the root that its DID document gives.

    `base` is where its version document says that it speaks DSP 2025-1; empty for whoever calls us.
    """

    did: str
    name: str
    requester: Requester
    root: str
    base: str = ""
