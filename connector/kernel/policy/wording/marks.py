"""How a step of the reasoning is marked: with the answer to it, a duty with how it stands.

A duty that is no hindrance yet was not done: nobody may read it as done. What follows from a breach is no clause that
failed: it is owed, it is in force, or it does not apply.
"""

from typing import Literal

from connector.kernel.policy.evaluation.decision import Node
from connector.kernel.policy.evaluation.duty_states import SUSPEND
from connector.kernel.policy.odrl.model import Duty

Mark = Literal["yes", "no", "unknown", "deferred", "open", "idle"]
MARKS: tuple[Mark, ...] = ("yes", "no", "unknown", "deferred", "open", "idle")
"""Message keys below `policy.tree.mark-`. "open": owed and not done; "idle": does not apply."""
DUTIES = frozenset({"duty", "obligation", "remedy", "consequence"})
_FOLLOWING = frozenset({"remedy", "consequence"})
_CONDITIONS = frozenset({"constraint", "logic", "odd"})


def mark(node: Node, above: Node | None = None) -> Mark:
    """The mark of a step; `above` is the one from which a consequence or remedy follows."""
    if node.kind not in DUTIES or node.state in ("unknown", "deferred"):
        return node.state
    if any(child.kind in _CONDITIONS and child.state == "no" for child in node.children):
        return "idle"
    if suspension(node):
        return "idle" if above is not None and above.deontic == "healed" else "yes"
    if node.deontic != "not-set" or (node.kind == "duty" and node.time == "during"):
        return node.state
    return "no" if node.kind == "duty" and node.state == "no" else "open"


def suspension(node: Node) -> bool:
    """Whether this follows from a breach and is done by our enforcement point itself, not by anybody's deed."""
    return node.kind in _FOLLOWING and isinstance(node.item, Duty) and node.item.action.iri == SUSPEND
