"""Clauses as statements about requests: for each, when it is satisfied ("yes") and when it is contradicted ("no").

Between the two lies "unknown", which refuses a permission and keeps a prohibition in force (spec/policy.md 2.3);
nothing here may therefore be simpler than the evaluation it mirrors. A clause that is not understood becomes a thing of
its own, equal only to the same clause, and is remembered in `opaque`.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from msgspec.structs import replace

from connector.kernel.policy.containment.concepts import Concepts
from connector.kernel.policy.containment.logic import FALSE, TRUE, Every, Some, Statement
from connector.kernel.policy.containment.regions import ABSENT, BOUND, HIGH, LOW, Dimension, Leaf, Spans, complement
from connector.kernel.policy.odrl.clauses import atoms, clauses_of
from connector.kernel.policy.odrl.identifiers import IDENTIFIER, REGIONAL_KEY, TEXT, Names
from connector.kernel.policy.odrl.model import Atom, Clause, Closure, Logic, Policy, Whom, nameless
from connector.kernel.policy.odrl.names import HANSE, ODRL
from connector.kernel.policy.odrl.registry import Registry
from connector.kernel.policy.odrl.units import SIZE
from connector.kernel.policy.odrl.values import Due, Span

PARTICIPANT = HANSE + "participant"
PURPOSE = ODRL + "purpose"
COUNT = ODRL + "count"
ELAPSED, METERED, _DELAY = (ODRL + name for name in ("elapsedTime", "meteredTime", "delayPeriod"))
CLOCK = ODRL + "dateTime"
TARGET = "target"
_ALWAYS = frozenset({CLOCK, PARTICIPANT})
"""Operands that every request has."""
_SINGLE = frozenset({PURPOSE, PARTICIPANT, TARGET})
"""Operands of which a request has one."""
_LEAST = {COUNT: 1, **dict.fromkeys((ELAPSED, METERED, _DELAY, SIZE), 0)}
"""The smallest number that an operand can be: a use counts itself, and no time or size is below nothing."""
_WIDEST = 64
"""Most clauses of an `xone`, whose statement grows with the square."""

Use = Literal["permit", "declare", "forbid", "open", "done"]
"""Where a clause stands: in a permission, there without being bound to a purpose that nobody declared, in a prohibition
or the condition of a duty, there within an `xone`, or as a duty's parameter (`checks.Scope.sets`)."""


class Meaning(NamedTuple):
    """When a clause is satisfied and when it is contradicted."""

    yes: Statement
    no: Statement


class Encoder:
    """Gives clauses of the same policies their meaning; equal clauses share one statement."""

    def __init__(self, policies: Iterable[Policy], closure: Closure, registry: Registry) -> None:
        self._registry, self._closure = registry, closure
        self._named: dict[str, set[str]] = {PARTICIPANT: set(), TARGET: set()}
        self._ranges: dict[str, str] = {PARTICIPANT: IDENTIFIER, TARGET: IDENTIFIER}
        self._tables: dict[str, Concepts] = {}
        self._known: dict[tuple[object, Use], Meaning] = {}
        self._opaque: dict[object, Dimension] = {}
        for policy in policies:
            self._collect(policy)

    def _collect(self, policy: Policy) -> None:
        for atom in atoms(clauses_of(policy)):
            if isinstance(atom.value, frozenset):
                self._named.setdefault(atom.left, set()).update(atom.value)
                self._ranges.setdefault(atom.left, atom.range)
        rules = (*policy.permissions, *policy.prohibitions)
        parties = [policy.assignee, *(whom for rule in rules for whom in (*rule.parties, *rule.policy_parties))]
        targets = [policy.target, *(whom for rule in rules for whom in (*rule.targets, *rule.policy_targets))]
        self._named[PARTICIPANT].update(p for p in parties if isinstance(p, str) and p)
        self._named[TARGET].update(t for t in targets if isinstance(t, str) and t)

    def concepts(self, name: str) -> Concepts:
        if name not in self._tables:
            named = frozenset(self._named.get(name, ()))
            range, verified = self._ranges.get(name, TEXT), name == PARTICIPANT
            self._tables[name] = Concepts(named, self._closure, range, verified=verified)
        return self._tables[name]

    def puzzles(self, clause: Clause, use: Use) -> Iterator[Clause]:
        """The parts of the clause that are not understood there."""
        match clause:
            case Logic() if not clause.extras and (clause.operator != "xone" or len(clause.clauses) <= _WIDEST):
                for inner in clause.clauses:
                    yield from self.puzzles(inner, use)
            case Atom() if clause.value is not None and not clause.extras and self._registry.get(clause.left):
                if use != "done" and clause.role in ("parameter", "deadline"):
                    yield clause
            case _:
                yield clause

    def understood(self, clauses: Iterable[Clause], use: Use) -> bool:
        """Whether everything in these clauses has a meaning there."""
        return not any(True for clause in clauses for _ in self.puzzles(clause, use))

    def unlisted(self, clauses: Iterable[Clause]) -> Iterator[Clause]:
        """The comparisons with a concept that stands in no list that we have: no author of ours can mean it."""
        for atom in atoms(clauses):
            value = atom.value if isinstance(atom.value, frozenset) and atom.role != "window" else frozenset()
            if not atom.extras and not Names(atom.range, self._closure).apart((), value):
                yield atom

    def meaning(self, clause: Clause, use: Use) -> Meaning:
        key = (nameless(clause), use)
        if key not in self._known:
            self._known[key] = self._meaning(clause, use)
        return self._known[key]

    def all(self, clauses: Iterable[Clause], use: Use) -> Meaning:
        """The implicit `and` of a rule's constraints."""
        found = [self.meaning(clause, use) for clause in clauses]
        return Meaning(Every(tuple(m.yes for m in found)), Some(tuple(m.no for m in found)))

    def _meaning(self, clause: Clause, use: Use) -> Meaning:
        if isinstance(clause, Logic) and not clause.extras:
            return self._logic(clause, use)
        if not isinstance(clause, Atom) or not self.understood((clause,), use):
            return self._strange(clause)
        match clause.value:
            case Span():
                return self._number(clause, _spans(clause.operator, clause.value), use)
            case Due(anchor, ms):
                spans: Spans = ((LOW, ms if clause.operator == "lt" else ms + 1),)
                return self._number(replace(clause, window=anchor), spans, use)
            case frozenset():
                if clause.role == "window":
                    return Meaning(TRUE, FALSE)
                return self._texts(clause, clause.value, use)
            case _:
                return self._strange(clause)

    def _strange(self, clause: object) -> Meaning:
        """Something of which only the same words can say the same."""
        dimension = self._opaque.setdefault(nameless(clause), Dimension(f"strange:{len(self._opaque)}"))
        return _switch(dimension)

    def _logic(self, clause: Logic, use: Use) -> Meaning:
        if clause.operator == "xone" and use == "forbid":
            use = "open"
        parts = [self.meaning(inner, use) for inner in clause.clauses]
        yes, no = tuple(part.yes for part in parts), tuple(part.no for part in parts)
        match clause.operator:
            case "and" | "andSequence":
                return Meaning(Every(yes), Some(no))
            case "or":
                return Meaning(Some(yes), Every(no))
            case "xone" if len(parts) <= _WIDEST:
                ones = [Every((yes[i], *no[:i], *no[i + 1 :])) for i in range(len(parts))]
                pairs = [Every((yes[i], yes[k])) for i in range(len(parts)) for k in range(i)]
                return Meaning(Some(tuple(ones)), Some((Every(no), *pairs)))
            case _:
                return self._strange(clause)

    def _dimension(self, atom: Atom, use: Use) -> Dimension:
        name = atom.left
        if use == "done":
            return Dimension("done:" + name, atom.unit, atom.window)
        others = 0 if name in _ALWAYS else ABSENT
        if name == PURPOSE:
            others |= BOUND
        low = _LEAST.get(name, LOW)
        return Dimension(name, atom.unit, atom.window, name in _SINGLE, others, low)

    def absent(self, atom: Atom) -> Leaf:
        """That nobody knows a value of the operand."""
        return Leaf(self._dimension(atom, "forbid"), "in", others=ABSENT)

    def _number(self, atom: Atom, spans: Spans, use: Use) -> Meaning:
        dimension = self._dimension(atom, use)
        return Meaning(Leaf(dimension, "in", spans), Leaf(dimension, "in", complement(spans)))

    def _texts(self, atom: Atom, wanted: frozenset[str], use: Use) -> Meaning:
        dimension, concepts = self._dimension(atom, use), self.concepts(atom.left)
        mask, away, full = concepts.among(wanted), concepts.apart(wanted), concepts.full
        bound = dimension.others & BOUND if use == "permit" else 0

        def has(mask: int, others: int = 0) -> Leaf:
            return Leaf(dimension, "has", mask=mask, full=full, others=others)

        def only(mask: int, others: int = 0) -> Leaf:
            return Leaf(dimension, "only", mask=mask, full=full, others=others)

        nothing = only(0)
        if atom.range == REGIONAL_KEY and use in ("forbid", "open"):
            use = "declare"  # a seat is one place: its keys are never asked one by one
        match atom.operator:
            case "isAnyOf":
                return Meaning(has(mask, bound), FALSE if away is None else only(away))
            case "isNoneOf" | "neq":
                none = has(0, bound) if away is None else only(away, bound)
                another = FALSE if away is None else Some((has(away), nothing))
                all_of_them = Every((only(mask), has(mask)))
                if use in ("forbid", "open"):
                    return Meaning(another if use == "forbid" else none, all_of_them)
                return Meaning(none, has(mask))
            case "isAllOf":
                there = tuple(has(concepts.among((text,)), bound) for text in sorted(wanted))
                gone = [concepts.apart((text,)) for text in sorted(wanted)]
                return Meaning(Every(there), Some(tuple(only(each) for each in gone if each is not None)))
            case "eq":
                one = Every((has(mask, bound), only(mask, bound)))
                if use in ("forbid", "open"):
                    return Meaning(has(mask) if use == "forbid" else one, FALSE if away is None else only(away))
                return Meaning(one, FALSE if away is None else Some((has(away), nothing)))
            case "isA" | "isPartOf":
                return Meaning(has(concepts.surely(wanted, True), bound), only(concepts.surely(wanted, False)))
            case "hasPart":
                parts = sorted(wanted)
                there = tuple(has(concepts.surely((t,), True, upwards=True), bound) for t in parts)
                lacking = tuple(only(concepts.surely((t,), False, upwards=True)) for t in parts)
                return Meaning(Every(there), Some(lacking))
            case _:
                return self._strange(atom)

    def whom(self, name: str, whoms: Iterable[Whom], use: Use = "declare", *, unnamed: bool = False) -> Meaning:
        """Whether party (PARTICIPANT) or asset (TARGET) is one of these, or a member; `unnamed`: or is not named."""
        texts, found = set(), []
        for one in whoms:
            if isinstance(one, str):
                texts.add(one)
                found.append(self._member(name, one))
            elif one.extras or not one.source:
                found.append(self._strange(one))
            else:
                member, inner = self._member(name, one.source), self.all(one.refinements, use)
                found.append(Meaning(Every((member.yes, inner.yes)), Some((member.no, inner.no))))
        concepts, others = self.concepts(name), 0 if name in _ALWAYS else ABSENT
        dimension, full = Dimension(name, single=True, others=others), concepts.full
        mask = concepts.among(texts)
        named = Leaf(dimension, "has", mask=full, full=full)
        direct = Leaf(dimension, "has", mask=mask, full=full)
        yes = Every((named, Some((direct, *(m.yes for m in found)))))
        away = concepts.apart(texts)
        other = FALSE if away is None else Leaf(dimension, "only", mask=away, full=full)
        no = Every((other, *(m.no for m in found)))
        return Meaning(Some((named.denied(), yes)), no) if unnamed else Meaning(yes, no)

    def _member(self, name: str, source: str) -> Meaning:
        """Membership in what the world names; whoever is in none may still be in one that nobody looked up."""
        return _switch(Dimension(f"in:{name}", source, others=0))


def _switch(dimension: Dimension) -> Meaning:
    """Something that is (1), is not (0), or is not known."""
    return Meaning(Leaf(dimension, "in", ((1, 2),)), Leaf(dimension, "in", ((0, 1),)))


def _spans(operator: str, span: Span) -> Spans:
    """The numbers that a comparison accepts."""
    match operator:
        case "lt":
            return ((LOW, span.start),)
        case "lteq":
            return ((LOW, span.end),)
        case "gt":
            return ((span.end, HIGH),)
        case "gteq":
            return ((span.start, HIGH),)
        case "eq":
            return ((span.start, span.end),)
        case "neq":
            return complement(((span.start, span.end),))
        case _:
            return ()
