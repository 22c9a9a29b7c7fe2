"""What is wrong with a policy before anyone signs it: it contradicts itself, or what its data are.

A contradiction is a permission that no request can ever use, or a duty that nobody can ever fulfil
(spec/policy.md 5.2). Open data carry no restriction, and classified information is not published at all. What is not
understood is a contradiction as well: nobody could say that it is none. Nothing found means nothing of these.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Literal

from msgspec import Struct

from connector.kernel.policy.conflict.model import ANYTHING, Means
from connector.kernel.policy.conflict.usable import Use
from connector.kernel.policy.containment.duties_kept import (
    applies,
    conditions_of,
    impossible,
    nested,
    puzzling,
    terms_of,
)
from connector.kernel.policy.containment.encode import CLOCK, Encoder
from connector.kernel.policy.containment.logic import Budget, Exhausted, Never, Statement, together
from connector.kernel.policy.containment.norms import Norms, actions, concerns, conditions, oddities, sound, strange
from connector.kernel.policy.containment.regions import HIGH, LOW, Dimension, Leaf
from connector.kernel.policy.evaluation.duty_states import AFTER, DURING
from connector.kernel.policy.odrl.clauses import atoms, clauses_of
from connector.kernel.policy.odrl.model import Atom, Clause, Closure, Duty, Logic, Policy, Rule
from connector.kernel.policy.odrl.names import ACTIONS, HANSE, ODRL, REPLACED, covers, is_classified
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.registry import Registry
from connector.kernel.policy.odrl.state_of_world import World
from connector.kernel.policy.odrl.units import measured
from connector.kernel.policy.odrl.values import Due, Span

Fault = Literal[
    "never",
    "excluded",
    "forbidden",
    "past",
    "duty",
    "early",
    "clash",
    "term",
    "open-data",
    "not-open",
    "classified",
    "size",
    "replaced",
    "unit",
    "unsupplied",
    "unheld",
    "untreated",
    "nobody",
]
"""A clause or permission that no request meets; two clauses that exclude each other; a permission that prohibitions
cover wholly; one that has ended; a duty that cannot be done; one that is due before anything is permitted; one that is
itself forbidden; a term that is not understood; a restriction on open data; open data that not everybody may use; a
rule about classified information; a policy too large to be judged; one that was replaced and is void; a size in no unit
in which it is measured here; and, if nothing else is wrong, that nobody could be permitted anything: by a clause that
this installation cannot judge, one that names what no member is or belongs to, a treatment that it cannot carry out, or
for no known reason."""

OPEN_ACTIONS = tuple(ODRL + name for name in ("use", "distribute", "derive"))
"""What everybody may do with open data."""
_CREDIT = ODRL + "attribute"
_CLASSIFICATION = HANSE + "classification"
_CLAUSES = 2_000
Item = Clause | Rule | Duty | Policy


class Contradiction(Struct, frozen=True, kw_only=True):
    """What is wrong: `item` is the clause, rule or duty, `other` what stands against it, `pointer` where `item` is."""

    fault: Fault
    item: Item
    pointer: str
    other: Item | None = None


def contradictions(
    policy: Policy,
    closure: Closure,
    *,
    open_data: bool = False,
    now: int | None = None,
    registry: Registry = BUILT_IN,
    means: Means = ANYTHING,
) -> tuple[Contradiction, ...]:
    """Everything that is wrong; never raises, and is bounded.

    `open_data`: the dataset is open (a licence of open data, a high-value dataset). `now` (ms): permissions that have
    ended by then are useless; None if the time does not matter. `means`: what the installation that would publish it
    has.
    """
    try:
        check = _Check(policy, closure, registry, now)
        return tuple(check.all(open_data)) or tuple(check.usable(means))
    except (Exhausted, RecursionError):
        return (Contradiction(fault="size", item=policy, pointer=""),)


class _Check:
    def __init__(self, policy: Policy, closure: Closure, registry: Registry, now: int | None) -> None:
        self.policy, self.encoder = policy, Encoder((policy,), closure, registry)
        self.closure, self.registry, self.now = closure, registry, now
        self.norms, self.budget = Norms(policy, self.encoder), Budget()
        later = () if now is None else (Leaf(Dimension(CLOCK, others=0), "in", ((now, HIGH),)),)
        self.later: tuple[Statement, ...] = later

    def all(self, open_data: bool) -> Iterator[Contradiction]:
        if sum(1 for _ in atoms(clauses_of(self.policy))) > _CLAUSES:
            raise Exhausted
        yield from self._terms()
        for rule in self.policy.permissions:
            if not strange(rule) and not any(True for _ in self._puzzles(rule)):
                yield from self._permission(rule)
        for duty, owner in self._duties():
            if not puzzling(duty, self.encoder):
                yield from self._duty(duty, owner)
        yield from self._classified()
        if open_data:
            yield from self._open()

    def usable(self, means: Means) -> Iterator[Contradiction]:
        """Whether some request could be permitted by an installation with these means."""
        if not self.policy.permissions:
            return
        world = World(now=self.now or 0, participant="", closure=self.closure)
        if found := Use(self.norms, self.encoder, self.registry, means).unusable(self.later, world):
            place = "/permission" if isinstance(found.item, Policy) else found.item.pointer
            yield Contradiction(fault=found.why, item=found.item, pointer=place)

    def _meets(self, *statements: Statement) -> bool:
        return together(statements, self.budget, sound) is not None

    # What is not understood

    def _puzzles(self, rule: Rule) -> Iterator[Clause]:
        for clause in conditions(rule):
            yield from self.encoder.puzzles(clause, "forbid")

    def _terms(self) -> Iterator[Contradiction]:
        policy = self.policy
        for place, _ in oddities(policy):
            fault: Fault = "replaced" if place == "/" + REPLACED else "term"
            yield Contradiction(fault=fault, item=policy, pointer=place)
        for rule in (*policy.permissions, *policy.prohibitions):
            if strange(rule):
                yield _fault("term", rule)
            yield from (_fault("term", clause) for clause in self._puzzles(rule))
            yield from (_fault("term", clause) for clause in self.encoder.unlisted(conditions(rule)))
            yield from (_fault("unit", atom) for atom in atoms(conditions(rule)) if not measured(atom))
        for duty, _ in self._duties():
            odd = [p for clause in terms_of(duty) for p in self.encoder.puzzles(clause, "done")]
            odd += [p for clause in conditions_of(duty) for p in self.encoder.puzzles(clause, "forbid")]
            odd += self.encoder.unlisted((*terms_of(duty), *conditions_of(duty)))
            yield from (_fault("unit", atom) for atom in atoms(conditions_of(duty)) if not measured(atom))
            if odd:
                yield from (_fault("term", clause) for clause in odd)
            elif duty.action.iri not in ACTIONS or puzzling(duty, self.encoder):
                yield _fault("term", duty)

    def _duties(self) -> Iterator[tuple[Duty, Rule | None]]:
        """Every duty with the permission it belongs to."""
        policy = self.policy
        for rule in policy.permissions:
            yield from ((duty, rule) for duty in nested(rule.duties))
        for rule in policy.prohibitions:
            yield from ((duty, None) for duty in nested(rule.remedies))
        yield from ((duty, None) for duty in nested(policy.obligations))

    # Permissions that no request can use

    def _permission(self, rule: Rule) -> Iterator[Contradiction]:
        """Only requests that say what they want count: being bound to purposes that exclude each other is no use."""
        parts = [*_flat((*rule.action.refinements, *rule.constraints))]
        grants = self.norms.grants(rule, declared=True)
        if not self._meets(grants):
            yield self._impossible(parts, rule)
        elif not self._meets(grants, *self.later):
            clause = next((p for p in parts if not self._meets(self._yes(p), *self.later)), rule)
            yield _fault("past", clause)
        elif self.norms.wins:
            return
        else:
            about = [a for a in actions((rule, *self.policy.prohibitions)) if covers(rule.action.iri, a)]
            if not any(self._meets(grants, Never(self.norms.forbidden(action))) for action in about):
                yield _fault("forbidden", rule, self._forbidding(rule, grants, about))

    def _yes(self, clause: Clause) -> Statement:
        return self.encoder.meaning(clause, "declare").yes

    def _impossible(self, parts: Sequence[Clause], rule: Rule) -> Contradiction:
        """The clause, or the two, that no request meets; else the permission as a whole."""
        try:
            for part in parts:
                if not self._meets(self._yes(part)):
                    return _fault("never", part)
            for one, other in combinations(parts, 2):
                if not self._meets(self._yes(one), self._yes(other)):
                    return _fault("excluded", one, other)
        except Exhausted:
            self.budget = Budget()
        return _fault("never", rule)

    def _forbidding(self, rule: Rule, grants: Statement, about: Sequence[str]) -> Rule | None:
        """The prohibition that alone covers the permission, else the first that touches it."""
        rules = [q for q in self.policy.prohibitions if any(concerns(q, action) for action in about)]
        wide = (q for q in rules if all(concerns(q, action) for action in about))
        whole = (q for q in wide if not self._meets(grants, Never(self.norms.forbids(q))))
        return next(whole, rules[0] if rules else None)

    # Duties that nobody can fulfil

    def _duty(self, duty: Duty, rule: Rule | None) -> Iterator[Contradiction]:
        if impossible(duty, self.encoder, self.budget):
            yield _fault("duty", duty)
        elif early := self._early(duty, rule):
            yield _fault("early", early, duty)
        for other in self.policy.prohibitions:
            same = duty.action.iri == other.action.iri
            before = duty.action.iri not in AFTER | DURING and covers(other.action.iri, duty.action.iri)
            if (same or before) and not strange(other) and not self._free(duty, other):
                yield _fault("clash", duty, other)

    def _free(self, duty: Duty, prohibition: Rule) -> bool:
        """Whether the duty sometimes applies without being forbidden."""
        return self._meets(applies(duty, self.encoder), Never(self.norms.forbids(prohibition)))

    def _early(self, duty: Duty, rule: Rule | None) -> Clause | None:
        """A deadline that has passed before anything is permitted."""
        rules = self.policy.permissions if rule is None else (rule,)
        for clause in terms_of(duty):
            if isinstance(clause, Atom) and clause.role == "deadline" and (end := _due(clause)) is not None:
                before = Leaf(Dimension(CLOCK, others=0), "in", ((LOW, end),))
                if rules and not any(self._meets(self.norms.grants(r), before, *self.later) for r in rules):
                    return clause
        return None

    # What the data are

    def _classified(self) -> Iterator[Contradiction]:
        for atom in atoms(clauses_of(self.policy)):
            if atom.left == _CLASSIFICATION and any(is_classified(term.text) for term in atom.right):
                yield _fault("classified", atom)

    def _open(self) -> Iterator[Contradiction]:
        policy, free = self.policy, []
        for rule in policy.permissions:
            limits: list[Clause | Rule | Duty] = [*rule.action.refinements, *rule.constraints]
            limits += [duty for duty in rule.duties if duty.action.iri != _CREDIT or duty.consequences]
            if rule.parties or rule.targets:
                limits.append(rule)
            yield from (_fault("open-data", limit) for limit in limits)
            if not limits:
                free.append(rule)
        others: tuple[Rule | Duty, ...] = (*policy.prohibitions, *policy.obligations)
        yield from (_fault("open-data", other) for other in others)
        missing = [a for a in OPEN_ACTIONS if not any(covers(rule.action.iri, a) for rule in free)]
        if missing or policy.assignee:
            yield Contradiction(fault="not-open", item=policy, pointer="/permission")


def _fault(fault: Fault, item: Clause | Rule | Duty, other: Item | None = None) -> Contradiction:
    return Contradiction(fault=fault, item=item, pointer=item.pointer, other=other)


def _flat(clauses: Sequence[Clause]) -> Iterator[Clause]:
    """The parts that must all hold."""
    for clause in clauses:
        if isinstance(clause, Logic) and clause.operator in ("and", "andSequence"):
            yield from _flat(clause.clauses)
        else:
            yield clause


def _due(clause: Atom) -> int | None:
    """The first instant that is too late, of a deadline that names one."""
    match clause.value:
        case Due() | None:
            return None
        case Span(start, end):
            return start if clause.operator == "lt" else end
        case _:
            return None
