"""Whether a request is what a rule is about: its action, who asks, and for which asset (spec/policy.md 2.2, 6).

An unknown action, party or refinement does not match a permission and does match a prohibition. Collections are known
by their source; membership is in the world, resolved for this request, and current also under an old agreement. Whoever
is in none that the world names may still be in one that nobody looked up, so that is unknown (`Scope.members_known`).
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

from connector.kernel.policy.evaluation.checks import Scope, all_of, clause
from connector.kernel.policy.evaluation.connectives import Check, Piece, Show, constant
from connector.kernel.policy.evaluation.decision import Node
from connector.kernel.policy.odrl.identifiers import IDENTIFIER, evened, well_formed
from connector.kernel.policy.odrl.model import Collection, Rule, Whom
from connector.kernel.policy.odrl.names import ACTIONS, covers
from connector.kernel.policy.odrl.operators import DEFERRED, NO, RANK, STATES, UNKNOWN, YES
from connector.kernel.policy.odrl.state_of_world import World

Side = Literal["party", "target"]


_KNOWN = frozenset(ACTIONS) | {""}


def covered(action: str) -> frozenset[str]:
    """All known actions that a rule about `action` speaks about; empty if it is not known."""
    return _covered(action) if action in ACTIONS else frozenset()


@cache
def _covered(action: str) -> frozenset[str]:
    """Kept for known actions only, so that no peer fills the memory with names of its own."""
    return frozenset(asked for asked in ACTIONS if covers(action, asked))


class Doing:
    """The action of a rule with its refinements, whose values come from the request."""

    def __init__(self, rule: Rule, scope: Scope) -> None:
        self._rule = rule
        action = rule.action
        self.covered = covered(action.iri)
        self.understood = bool(self.covered) and not action.extras
        refining = scope._replace(binding=False, part="refinement")
        self._parts = [clause(part, refining) for part in action.refinements]
        self.refined: Check = all_of(self._parts, refining).check if self._parts else constant(YES)
        self._plain: dict[str, Node] = {}

    def check(self, world: World, asked: str) -> int:
        """Whether the rule speaks about the action asked for; deferred while the phase leaves that open."""
        if not self.understood:
            return UNKNOWN
        state = DEFERRED if not asked else YES if asked in self.covered else NO
        return min(state, self.refined(world)) if state and self._parts else state

    def show(self, world: World, asked: str) -> Node:
        if self._parts or asked not in _KNOWN:
            return self._shown(world, asked)
        if (found := self._plain.get(asked)) is None:
            found = self._plain[asked] = self._shown(world, asked)
        return found

    def _shown(self, world: World, asked: str) -> Node:
        children = tuple([part.show(world) for part in self._parts])
        state = STATES[self.check(world, asked)]
        return Node("action", state, self._rule, self._rule.pointer, text=asked, children=children)


def whom(side: Side, rule: Rule, names: Sequence[Whom], scope: Scope) -> Piece:
    """Whether the participant (or the target) is one of these."""
    refining = scope._replace(binding=False, part="refinement")
    singles = frozenset(name for name in names if isinstance(name, str))
    members = [_member(side, name, refining) for name in names if isinstance(name, Collection)]
    # A party that is no DID can only be a collection; of assets every name may be that of another one.
    groups = side == "party" and not scope.members_known and any(not name.startswith("did:") for name in singles)
    apart = _apart(singles)

    def single(world: World) -> int:
        name, belongs = _asking(side, world)
        if not name:
            return UNKNOWN
        if name in singles or not singles.isdisjoint(belongs):
            return YES
        return UNKNOWN if groups or not apart(name) else NO

    def check(world: World) -> int:
        state = single(world) if singles else NO
        for piece in members:
            if state == YES:
                break
            state = max(state, piece.check(world))
        return state

    def show(world: World) -> Node:
        children = tuple([piece.show(world) for piece in members])
        states = [RANK[child.state] for child in children]
        state = STATES[max([single(world) if singles else NO, *states])]
        return Node(side, state, rule, rule.pointer, text=_asking(side, world)[0], children=children)

    return Piece(check, show, 2 + sum(piece.cost for piece in members))


def _apart(singles: frozenset[str]) -> Callable[[str], bool]:
    """Whether a name surely is none of these; what is no identifier, or only spelled otherwise, may be anybody."""
    understood = all(well_formed(IDENTIFIER, name) for name in singles)
    spellings = frozenset(map(evened, singles))
    return lambda name: understood and well_formed(IDENTIFIER, name) and evened(name) not in spellings


def _asking(side: Side, world: World) -> tuple[str, frozenset[str]]:
    return (world.participant, world.parties) if side == "party" else (world.target, world.assets)


def _member(side: Side, collection: Collection, scope: Scope) -> Piece:
    source = collection.source
    parts = [clause(part, scope) for part in collection.refinements]
    inner = all_of(parts, scope) if parts else None
    refined = inner.check if inner else constant(YES)
    strange = bool(collection.extras) or not source
    otherwise = NO if scope.members_known else UNKNOWN

    def check(world: World) -> int:
        name, belongs = _asking(side, world)
        if strange or not name:
            return UNKNOWN
        return refined(world) if source in belongs else otherwise

    shown = _shown(side, collection, check, [part.show for part in parts])
    return Piece(check, shown, 2 + (inner.cost if inner else 0))


def _shown(side: Side, collection: Collection, check: Check, shows: Sequence[Show]) -> Show:
    def show(world: World) -> Node:
        children = tuple([one(world) for one in shows])
        state = STATES[check(world)]
        return Node(side, state, collection, collection.pointer, text=_asking(side, world)[0], children=children)

    return show
