"""Two policies side by side: which is narrower, whether one permits what the other forbids, whether both can hold.

"Narrower" is the proof of `narrow`, asked both ways. A clash is a request for the very action of a permission that the
other policy forbids: "use" beside "use, but do not distribute" is none, it is only wider. Two policies exclude each
other if no request is permitted by both (spec/policy.md 5.1).
"""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from connector.kernel.policy.containment.compare import CLAUSES, Answer
from connector.kernel.policy.containment.duties_kept import nested, puzzling
from connector.kernel.policy.containment.encode import Encoder
from connector.kernel.policy.containment.logic import Budget, Exhausted, Never, Some, Statement, together
from connector.kernel.policy.containment.narrow import narrower
from connector.kernel.policy.containment.norms import Norms, actions, concerns, conditions, oddities, sound, strange
from connector.kernel.policy.odrl.clauses import atoms, clauses_of
from connector.kernel.policy.odrl.model import Closure, Policy, Rule
from connector.kernel.policy.odrl.names import ACTIONS, covers
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.registry import Registry

Relation = Literal["equal", "narrower", "wider", "different", "unknown"]
"""Of the second policy to the first."""


class Clash(Struct, frozen=True, kw_only=True):
    """The permission of one policy and the prohibition of the other that one request meets; `first`: of the first."""

    permission: Rule
    prohibition: Rule
    first: bool


class Pair(Struct, frozen=True, kw_only=True):
    """`within` says whether the second is no wider than the first, `around` the reverse. `together`: whether a request
    is permitted by both; None if the question is too large, or hangs on what nobody understands.
    """

    relation: Relation
    within: Answer
    around: Answer
    clashes: tuple[Clash, ...] = ()
    together: bool | None = None

    @property
    def compatible(self) -> bool | None:
        """Whether both can be in force together; None if that is not known."""
        return False if self.clashes or self.together is False else self.together


def pair(first: Policy, second: Policy, closure: Closure, registry: Registry = BUILT_IN) -> Pair:
    """The comparison; never raises, bounded."""
    first, second = (_bare(policy) for policy in (first, second))
    within, around = narrower(first, second, closure, registry), narrower(second, first, closure, registry)
    found = Pair(relation=_relation(within, around), within=within, around=around)
    try:
        beside = _Beside(first, second, closure, registry)
        return replace(found, clashes=tuple(beside.clashes()), together=beside.together())
    except (Exhausted, RecursionError):
        return found


def _bare(policy: Policy) -> Policy:
    """Without the names of one deal: an offer and its agreement are the same rules."""
    return replace(policy, kind="Set", id="", target="", assigner="", assignee="", timestamp="")


def _relation(within: Answer, around: Answer) -> Relation:
    match within.verdict, around.verdict:
        case "compatible", "compatible":
            return "equal"
        case "compatible", _:
            return "narrower"
        case _, "compatible":
            return "wider"
        case "conflict", "conflict":
            return "different"
    return "unknown"


class _Beside:
    """Statements about both policies. Raises Exhausted."""

    def __init__(self, first: Policy, second: Policy, closure: Closure, registry: Registry) -> None:
        if sum(1 for policy in (first, second) for _ in atoms(clauses_of(policy))) > CLAUSES:
            raise Exhausted
        self._encoder = encoder = Encoder((first, second), closure, registry)
        self._both = Norms(first, encoder), Norms(second, encoder)
        rules = [rule for p in (first, second) for rule in (*p.permissions, *p.prohibitions)]
        self._actions, self._budget = actions(rules), Budget()

    def _holds(self, *statements: Statement) -> bool:
        return together(statements, self._budget, sound) is not None

    def _granted(self, norms: Norms, action: str) -> Iterator[tuple[Rule, Statement]]:
        for rule in norms.policy.permissions:
            if not strange(rule) and covers(rule.action.iri, action):
                yield rule, norms.grants(rule)

    def clashes(self) -> Iterator[Clash]:
        """One for each permission and prohibition that meet."""
        for mine, theirs in (self._both, self._both[::-1]):
            for rule in mine.policy.permissions:
                action, first = rule.action.iri, mine is self._both[0]
                granted = (mine.grants(rule), Never(mine.forbidden(action)))
                for other in theirs.policy.prohibitions if not strange(rule) else ():
                    if concerns(other, action) and self._holds(*granted, theirs.forbids(other)):
                        yield Clash(permission=rule, prohibition=other, first=first)

    def together(self) -> bool | None:
        """Whether some request is permitted by both; None if that hangs on something that nobody understands."""
        if self._puzzling():
            return None
        return any(self._holds(*self._permitted(action)) for action in self._actions)

    def _puzzling(self) -> bool:
        """Whether something that may decide is not understood: a rule, a clause, a duty, or the policy as a whole."""
        for policy in (norms.policy for norms in self._both):
            rules = (*policy.permissions, *policy.prohibitions)
            duties = nested((*policy.obligations, *(d for rule in rules for d in (*rule.duties, *rule.remedies))))
            if any(True for _ in oddities(policy)) or any(strange(rule) for rule in rules):
                return True
            if any(not self._encoder.understood(conditions(rule), "forbid") for rule in rules):
                return True
            if any(duty.action.iri not in ACTIONS or puzzling(duty, self._encoder) for duty in duties):
                return True
        return False

    def _permitted(self, action: str) -> list[Statement]:
        found: list[Statement] = []
        for norms in self._both:
            found += [Some(tuple(grants for _, grants in self._granted(norms, action))), Never(norms.forbidden(action))]
        return found
