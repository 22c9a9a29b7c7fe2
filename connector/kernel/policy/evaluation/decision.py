"""What a decision is: permit or not, what it entails, and the tree of its reasons (spec/policy.md 7.2, 11.1)."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from msgspec import Struct

from connector.kernel.policy.odrl.model import Clause, Collection, Duty, Phase, Policy, Rule
from connector.kernel.policy.odrl.operators import State
from connector.kernel.policy.odrl.state_of_world import DutyState, Value, World

Step = Literal["policy", "permission", "prohibition", "obligation", "duty", "remedy", "consequence"]
Part = Literal["constraint", "logic", "odd", "action", "refinement", "party", "target"]
Obstacle = Literal["profile", "kind", "conflict", "extra", "nothing", "inherit", "suspended", "clash", "replaced"]
TimeClass = Literal["", "before", "during", "after"]
Doubt = Literal["no-unit", "other-unit", "rule-no-unit", "weak-source", "unlisted", "rule-unlisted", "open"]
"""Why a value that is there answers nothing: it has no unit, or another one; the rule names none; nobody but the asker
vouches for it; it is in no list, or what the rule names is in none; or it may be what is asked for, or not."""
Item = Policy | Rule | Duty | Collection | Clause | None


class Counter(NamedTuple):
    """A counter to increment in the transaction that decides: `count` of the agreement, per calendar window."""

    name: str
    window: str


class Node(Struct, frozen=True):
    """One step of the reasoning. `source` says who vouches for `actual`; `children` follow the document's order.

    The state of a prohibition says whether it is in force ("yes" forbids), every other whether it is met; an obligation
    that is still open is met. Of duties `deontic` and `due_at` (ms, the first instant that is too late) say how they
    stand, `time` when they are due; of prohibitions `deontic` says whether the forbidden was done and made good.
    `evidence` is that of the fact, `unit` that of `actual`. `text` is the action or name asked for, "order-not-checked"
    of an `andSequence`, or of a comparison that is unknown although a value is there why (`Doubt`).
    """

    kind: Step | Part | Obstacle
    state: State
    item: Item = None
    pointer: str = ""
    actual: Value = None
    source: str = ""
    text: str = ""
    children: tuple["Node", ...] = ()
    evidence: str = ""
    unit: str = ""
    deontic: DutyState = "not-set"
    time: TimeClass = ""
    due_at: int | None = None


class Again:
    """The question behind an answer, so that it can be put again with something changed. No part of the answer: two
    decisions are equal whoever may put their questions again.
    """

    __slots__ = ("permits", "world")

    def __init__(self, world: World, permits: Callable[[World], bool]) -> None:
        self.world, self.permits = world, permits

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Again)

    def __hash__(self) -> int:
        return 0


class Decision(Struct, frozen=True, kw_only=True):
    """The answer. `rule` points to the granting permission, everything behind it is what it entails.

    `duties` are all of that permission, `during` those the data plane must execute or the decision is void. `counters`
    are to be incremented in the transaction that decides. `suspended` points to the obligations whose violation blocks
    access. `void` tells a clash under `invalid`. `next_change` is the next instant (ms) at which time alone can change
    the answer. `purpose_source` is "contractual" if the peer declared no purpose. `again` asks a refused one again.
    """

    permit: bool
    phase: Phase
    tree: Node
    now: int
    action: str = ""
    rule: str = ""
    deferred: tuple[str, ...] = ()
    duties: tuple[Duty, ...] = ()
    during: tuple[Duty, ...] = ()
    counters: tuple[Counter, ...] = ()
    suspended: tuple[str, ...] = ()
    void: bool = False
    next_change: int | None = None
    purpose_source: str = ""
    again: Again | None = None


_WHOLE = frozenset({"duty", "obligation", "remedy", "consequence", "action", "party", "target"})


def leaves(node: Node) -> list[Node]:
    """The steps that decide, in order; what lies below a duty, an action or a collection belongs to it."""
    found: list[Node] = []
    stack = [node]
    while stack:
        one = stack.pop()
        if one.children and one.kind not in _WHOLE:
            stack.extend(reversed(one.children))
        else:
            found.append(one)
    return found
