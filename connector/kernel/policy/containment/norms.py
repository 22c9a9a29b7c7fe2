"""A policy as statements: which requests each of its rules is about, and which actions have to be told apart.

Mirrors the evaluation at data access, where nothing is deferred: an unknown action, party or refinement does not match
a permission and does match a prohibition (spec/policy.md 2.3).
"""

from collections.abc import Iterable, Iterator

from connector.kernel.policy.containment.encode import COUNT, ELAPSED, METERED, PARTICIPANT, TARGET, Encoder, Use
from connector.kernel.policy.containment.logic import Every, Never, Some, Statement
from connector.kernel.policy.containment.regions import Box
from connector.kernel.policy.odrl.model import Clause, Collection, Policy, Rule
from connector.kernel.policy.odrl.names import ACTIONS, CONFLICTS, PROFILES, REPLACED, covers

KINDS = frozenset({"", "Set", "Policy", "Offer", "Agreement", "Request"})


def strange(rule: Rule) -> bool:
    """Whether something is not understood about a rule, its clauses and duties apart: only the same words are equal."""
    odd = any(isinstance(whom, Collection) and (not whom.source or bool(whom.extras)) for whom in rule.named)
    return odd or rule.action.iri not in ACTIONS or bool(rule.extras or rule.action.extras)


def conditions(rule: Rule) -> tuple[Clause, ...]:
    """All clauses of a rule that decide about requests."""
    members = (whom.refinements for whom in rule.named if isinstance(whom, Collection))
    return (*rule.action.refinements, *rule.constraints, *(clause for found in members for clause in found))


def oddities(policy: Policy) -> Iterator[tuple[str, str]]:
    """(pointer, word) of what is not understood about the policy as a whole."""
    yield from (("/" + name, name) for name, _ in policy.extras)
    yield from (("/profile", profile) for profile in policy.profiles if profile not in PROFILES)
    yield from (("/" + REPLACED, name) for name in policy.replaced_by)
    if policy.kind not in KINDS:
        yield "/@type", policy.kind
    if policy.conflict not in CONFLICTS:
        yield "/conflict", policy.conflict


class Norms:
    """The rules of one policy as statements; the same rule always gives the same statement."""

    def __init__(self, policy: Policy, encoder: Encoder) -> None:
        self.policy, self._encoder = policy, encoder
        self._made: dict[int, Statement] = {}
        self.wins = policy.conflict == "perm"
        """Whether a permission wins over a prohibition."""

    def pieces(self, rule: Rule, *, declared: bool = False) -> list[tuple[Clause | Rule | Policy, Statement]]:
        """What must hold for a permission, part by part, each with what says it; `declared`: without being bound."""
        encoder, policy = self._encoder, self.policy
        found: list[tuple[Clause | Rule | Policy, Statement]] = []
        if policy.assignee:
            found.append((policy, encoder.whom(PARTICIPANT, (policy.assignee,)).yes))
        if policy.target:
            found.append((policy, encoder.whom(TARGET, (policy.target,), unnamed=True).yes))
        parties = filter(None, (rule.parties, rule.policy_parties))
        targets = filter(None, (rule.targets, rule.policy_targets))
        found += [(rule, encoder.whom(PARTICIPANT, whoms).yes) for whoms in parties]
        found += [(rule, encoder.whom(TARGET, whoms).yes) for whoms in targets]
        found += [(clause, encoder.meaning(clause, "declare").yes) for clause in rule.action.refinements]
        use: Use = "declare" if declared else "permit"
        return found + [(clause, encoder.meaning(clause, use).yes) for clause in rule.constraints]

    def grants(self, rule: Rule, *, declared: bool = False) -> Statement:
        """When a permission is active, its duties apart."""
        if declared:
            return Every(tuple(statement for _, statement in self.pieces(rule, declared=True)))
        if id(rule) not in self._made:
            self._made[id(rule)] = Every(tuple(statement for _, statement in self.pieces(rule)))
        return self._made[id(rule)]

    def forbids(self, rule: Rule) -> Statement:
        """When a prohibition is active."""
        if id(rule) not in self._made:
            encoder = self._encoder
            against = [encoder.all((*rule.action.refinements, *rule.constraints), "forbid").no]
            for name, whoms in ((PARTICIPANT, rule.parties), (TARGET, rule.targets)):
                if whoms:
                    against.append(encoder.whom(name, whoms, "forbid").no)
            self._made[id(rule)] = Never(Some(tuple(against)))
        return self._made[id(rule)]

    def forbidden(self, action: str) -> Statement:
        """When some prohibition is active for this action and wins."""
        if self.wins:
            return Some(())
        return Some(tuple(self.forbids(rule) for rule in self.policy.prohibitions if concerns(rule, action)))


def concerns(prohibition: Rule, action: str) -> bool:
    """Whether a prohibition is about this action; an unknown one may be about any."""
    return prohibition.action.iri not in ACTIONS or covers(prohibition.action.iri, action)


_ACTIONS = tuple(sorted(ACTIONS))


def actions(rules: Iterable[Rule]) -> list[str]:
    """Known actions, one of each kind that the rules cannot tell apart."""
    named = [rule.action.iri for rule in rules]
    kinds: dict[tuple[bool, ...], str] = {}
    for action in dict.fromkeys((*(iri for iri in named if iri in ACTIONS), *_ACTIONS)):
        kinds.setdefault(tuple(covers(name, action) for name in named), action)
    return list(kinds.values())


def sound(box: Box) -> bool:
    """Whether the numbers of a box go together."""
    return _counted(box) and _metered(box)


def _metered(box: Box) -> bool:
    """Nothing was used for longer than has passed; `delayPeriod` does not say from when on, so it bounds neither."""
    rooms = {dimension.name: room for dimension, room in box.items() if dimension.name in (METERED, ELAPSED)}
    if len(rooms) < 2 or any(room.others or not room.spans for room in rooms.values()):
        return True
    return rooms[METERED].spans[0][0] < rooms[ELAPSED].spans[-1][1]


def _counted(box: Box) -> bool:
    """Never more uses today than this month, and never more this month than ever; who knows one number knows all."""
    counts = {d.window: room for d, room in box.items() if d.name == COUNT and not d.unit}
    if all(room.others for room in counts.values()):
        return True
    at_least = 1
    for window in ("P1D", "P1M", ""):
        if window in counts:
            left = [max(start, at_least) for start, end in counts[window].spans if end > at_least]
            if not left:
                return False
            at_least = min(left)
    return True
