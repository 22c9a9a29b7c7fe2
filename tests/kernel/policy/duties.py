"""What tests of duties share: policies that owe something, things done, and both ways through the engine at once."""

from typing import Any

from msgspec.structs import replace

from connector.kernel.policy.evaluation.decision import Decision, Node
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Deed, World
from tests.kernel.policy.worlds import NOW, TOWN, H, O, at, atom

HOUR = 3_600_000
DUE = NOW
"""The deadline of the duties below, if they have one."""
DUE_BY = atom(H + "dueBy", "lt", at(DUE))
MAY = World(now=NOW, participant=TOWN, purpose=H + "research")
SUSPEND = {"action": H + "suspendAccess"}


def owing(*duties: object, **members: Any) -> dict[str, Any]:
    """A permission with these duties."""
    return {"permission": [{"action": "use", "duty": list(duties)}], "odrl:conflict": "odrl:prohibit"} | members


def obliging(*duties: object) -> dict[str, Any]:
    """A free permission, and these obligations beside it."""
    return {"permission": [{"action": "use"}], "obligation": list(duties), "odrl:conflict": "odrl:prohibit"}


def duty(action: str, *constraints: object, **members: Any) -> dict[str, Any]:
    return {"action": action, "constraint": list(constraints)} | members


def deed(action: str, at: int, **members: Any) -> Deed:
    return Deed(action=O + action, at=at, party=TOWN, **members)


def ask(document: dict[str, Any], world: World = MAY, **changes: Any) -> Decision:
    program = compile(parse(document))
    asker = replace(world, **changes)
    decision, verdict = program.examine(asker, "access"), program.verdict(asker, "access")
    assert (verdict.permit, verdict.suspended) == (decision.permit, decision.suspended)
    return decision


def found(node: Node, kind: str) -> Node:
    if node.kind == kind:
        return node
    return next(f for child in node.children if (f := _maybe(child, kind)))


def _maybe(node: Node, kind: str) -> Node | None:
    return node if node.kind == kind else next((f for child in node.children if (f := _maybe(child, kind))), None)
