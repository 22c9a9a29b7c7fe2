"""The comparison of asked terms with an offer, step by step; what its answers mean is said in `narrow`."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from connector.kernel.policy.containment.counterexample import witness
from connector.kernel.policy.containment.duties_kept import Keeping, burden, keeping, nested, puzzling, remedied
from connector.kernel.policy.containment.encode import Encoder
from connector.kernel.policy.containment.logic import Budget, Exhausted, Never, Some, Statement, together
from connector.kernel.policy.containment.norms import Norms, actions, concerns, conditions, oddities, sound, strange
from connector.kernel.policy.containment.regions import Box
from connector.kernel.policy.evaluation.digest import sharing
from connector.kernel.policy.evaluation.fees import fees
from connector.kernel.policy.odrl.clauses import atoms, clauses_of
from connector.kernel.policy.odrl.model import Clause, Closure, Duty, Logic, Policy, Rule, nameless
from connector.kernel.policy.odrl.names import ACTIONS, covers
from connector.kernel.policy.odrl.registry import Registry
from connector.kernel.policy.odrl.state_of_world import World

CLAUSES = 1_000
"""Most comparisons that two policies may have together."""

RULES = 100
"""Most rules and duties that they may have together: each is held against each."""

Verdict = Literal["compatible", "conflict", "unknown"]
Ground = Literal[
    "",
    "clause",
    "action",
    "forbidden",
    "prohibition",
    "duty",
    "obligation",
    "remedy",
    "term",
    "burden",
    "party",
    "profile",
    "size",
]
"""What fails: a clause of the offer is not kept, an action is not offered or forbidden there, a prohibition, duty,
obligation or remedy is missing or weaker, a term is not understood, a new duty binds a named party, it is about others,
the profile differs, or the question is too large."""


class Answer(Struct, frozen=True, kw_only=True):
    """Whether the asked terms are no wider. `item` is what fails: part of the offer, or for "term", "burden" and
    "action" part of what was asked; `pointer` is its place there. `witness` is a request that only the asked permit.
    """

    verdict: Verdict
    ground: Ground = ""
    item: Clause | Rule | Duty | Policy | None = None
    pointer: str = ""
    witness: World | None = None


COMPATIBLE = Answer(verdict="compatible")


class Comparison:
    """Raises Exhausted from `answer` if the question is too large."""

    def __init__(self, offer: Policy, asked: Policy, closure: Closure, registry: Registry) -> None:
        self.offer, self.asked, self.closure = offer, asked, closure
        self.encoder = Encoder((offer, asked), closure, registry)
        self.offered, self.wanted = Norms(offer, self.encoder), Norms(asked, self.encoder)
        self.budget = Budget()
        rules = (*offer.permissions, *offer.prohibitions, *asked.permissions, *asked.prohibitions)
        self.actions = actions(rules)

    def answer(self) -> Answer:
        """The first thing that is surely wider, else the first that is not known, else compatible."""
        if self._size(lambda policy: atoms(clauses_of(policy))) > CLAUSES or self._size(_norms) > RULES:
            raise Exhausted
        doubt: Answer | None = None
        for step in (self._head, self._terms, self._prohibitions, self._obligations, self._permissions):
            for found in step():
                if found.verdict == "conflict":
                    return found
                doubt = doubt or found
        return doubt or COMPATIBLE

    def _size(self, parts: Callable[[Policy], Iterator[object]]) -> int:
        return sum(1 for policy in (self.offer, self.asked) for _ in parts(policy))

    def _holds(self, *statements: Statement) -> Box | None:
        return together(statements, self.budget, sound)

    # What the policies are about

    def _head(self) -> Iterator[Answer]:
        offer, asked = self.offer, self.asked
        if offer.assigner and asked.assigner and offer.assigner != asked.assigner:
            yield Answer(verdict="conflict", ground="party", item=offer, pointer="/assigner")
        if offer.profiles != asked.profiles:
            yield Answer(verdict="unknown", ground="profile", item=offer, pointer="/profile")
        if extra := set(asked.notes) - set(offer.notes):
            yield Answer(verdict="unknown", ground="term", item=asked, pointer="/" + min(extra)[0])
        before, after = set(oddities(offer)), set(oddities(asked))
        same = offer.extras == asked.extras
        for pointer, _ in sorted(before ^ after) or ([] if same else [("/", "")]):
            yield Answer(verdict="unknown", ground="term", item=asked, pointer=pointer)
        grantors = set(_grantors(asked)) - set(_grantors(offer)) - {offer.assigner}
        if grantors:
            yield Answer(verdict="unknown", ground="party", item=asked, pointer="/assigner")
        if (shares := sharing(offer)) and shares != sharing(asked):
            _, fee = next(fees(offer))
            yield Answer(verdict="unknown", ground="duty", item=fee, pointer=fee.pointer)

    def _terms(self) -> Iterator[Answer]:
        """What is not understood stands in the offer in the same words, or nobody knows what is asked."""
        offer, asked = self.offer, self.asked
        for mine, theirs in ((offer.permissions, asked.permissions), (offer.prohibitions, asked.prohibitions)):
            before, after = {nameless(rule) for rule in mine}, {nameless(rule) for rule in theirs}
            for rule in theirs:
                if strange(rule) and nameless(rule) not in before:
                    yield _term(rule)
            for rule in mine:
                if mine is offer.prohibitions and strange(rule) and nameless(rule) not in after:
                    yield _term(rule)
            known = {nameless(clause) for clause in self._puzzles(mine)}
            for clause in self._puzzles(theirs):
                if nameless(clause) not in known:
                    yield _term(clause)
        told = {nameless(duty) for duty in _duties(offer)}
        for duty in _duties(asked):
            if nameless(duty) not in told and (duty.action.iri not in ACTIONS or puzzling(duty, self.encoder)):
                yield _term(duty)

    def _puzzles(self, rules: Iterable[Rule]) -> Iterator[Clause]:
        for rule in rules:
            for clause in conditions(rule):
                yield from self.encoder.puzzles(clause, "forbid")

    # What the asked terms must keep

    def _prohibitions(self) -> Iterator[Answer]:
        for rule in self.offer.prohibitions:
            for action in self.actions:
                if not concerns(rule, action):
                    continue
                about = [other for other in self.asked.prohibitions if concerns(other, action)]
                kept = [remedied(rule, other, self.encoder, self.budget) for other in about]
                whole = [other for other, found in zip(about, kept, strict=True) if found.kept == "yes"]
                if self._holds(self.offered.forbids(rule), *self._none(whole)) is None:
                    continue
                all_of_them = self._holds(self.offered.forbids(rule), *self._none(about)) is None
                if not all_of_them:
                    yield Answer(verdict="conflict", ground="prohibition", item=rule, pointer=rule.pointer)
                else:
                    lost = (found for found in kept if found.kept != "yes")
                    yield _weaker(min(lost, key=lambda found: found.kept == "no"), "remedy")
                break
        new = [rule for rule in self.asked.prohibitions if rule.remedies]
        old = [duty for rule in self.offer.prohibitions for duty in rule.remedies]
        yield from self._burdens((duty for rule in new for duty in rule.remedies), old)

    def _none(self, rules: list[Rule]) -> list[Statement]:
        return [Never(self.wanted.forbids(rule)) for rule in rules]

    def _obligations(self) -> Iterator[Answer]:
        for duty in self.offer.obligations:
            found = keeping((duty,), self.asked.obligations, self.encoder, self.budget)
            if found.kept != "yes":
                yield _weaker(found, "obligation")
        yield from self._burdens(iter(self.asked.obligations), list(self.offer.obligations))

    def _burdens(self, duties: Iterator[Duty], before: list[Duty]) -> Iterator[Answer]:
        if duty := burden(duties, before):
            yield Answer(verdict="unknown", ground="burden", item=duty, pointer=duty.pointer)

    # What the asked terms permit

    def _permissions(self) -> Iterator[Answer]:
        for rule in self.asked.permissions:
            if strange(rule):
                continue
            for action in self.actions:
                if covers(rule.action.iri, action) and (found := self._within(rule, action)) is not None:
                    yield found
                    break
            old = [duty for other in self.offer.permissions for duty in other.duties]
            yield from self._burdens(iter(rule.duties), old)

    def _within(self, rule: Rule, action: str) -> Answer | None:
        """Whether whoever may do this under the asked permission may do it under the offer, with the same duties."""
        grants = [self.wanted.grants(rule), Never(self.wanted.forbidden(action))]
        grants += [Never(self.wanted.grants(other)) for other in self._before(rule, self.asked, action)]
        if self._holds(*grants) is None:
            return None
        known = [r for r in self.offer.permissions if not strange(r) and covers(r.action.iri, action)]
        allowed = Some(tuple(self.offered.grants(other) for other in known))
        forbidden = self.offered.forbidden(action)
        if (box := self._holds(*grants, forbidden)) is not None:
            return self._wider(box, action, self._forbidding(box, action))
        if (box := self._holds(*grants, Never(allowed))) is not None:
            return self._wider(box, action, self._lacking(box, rule, known))
        for other in known:
            kept = keeping(other.duties, rule.duties, self.encoder, self.budget)
            earlier = [Never(self.offered.grants(r)) for r in self._before(other, self.offer, action)]
            if kept.kept != "yes" and self._holds(*grants, self.offered.grants(other), *earlier) is not None:
                return _weaker(kept, "duty")
        return None

    def _before(self, rule: Rule, policy: Policy, action: str) -> Iterator[Rule]:
        """The permissions that always come first: those before it that ask for nothing (spec/policy.md 2.2)."""
        for other in policy.permissions:
            if other is rule:
                return
            if not other.duties and covers(other.action.iri, action) and not strange(other):
                yield other

    def _forbidding(self, box: Box, action: str) -> Answer:
        rules = [rule for rule in self.offer.prohibitions if concerns(rule, action)]
        found = next(
            (rule for rule in rules if together([Never(self.offered.forbids(rule))], self.budget, sound, box) is None),
            rules[0],
        )
        return Answer(verdict="conflict", ground="forbidden", item=found, pointer=found.pointer)

    def _lacking(self, box: Box, rule: Rule, known: list[Rule]) -> Answer:
        """The first clause of the offer that a request of this box does not meet."""
        for other in known:
            for item, statement in self.offered.pieces(other):
                if together([statement], self.budget, sound, box) is None:
                    found = self._deeper(item, box)
                    ground: Ground = "clause" if isinstance(found, Clause) else "party"
                    place = found.pointer if not isinstance(found, Policy) else ""
                    return Answer(verdict="conflict", ground=ground, item=found, pointer=place)
        return Answer(verdict="conflict", ground="action", item=rule, pointer=rule.pointer)

    def _deeper(self, item: Clause | Rule | Policy, box: Box) -> Clause | Rule | Policy:
        if isinstance(item, Logic) and item.operator in ("and", "andSequence"):
            for inner in item.clauses:
                if together([self.encoder.meaning(inner, "permit").yes], self.budget, sound, box) is None:
                    return self._deeper(inner, box)
        return item

    def _wider(self, box: Box, action: str, answer: Answer) -> Answer:
        return replace(answer, witness=witness(box, action, self.encoder, self.closure, self.offer, self.asked))


def _weaker(found: Keeping, ground: Ground) -> Answer:
    item = found.clause or found.duty
    verdict: Verdict = "conflict" if found.kept == "no" else "unknown"
    return Answer(verdict=verdict, ground=ground, item=item, pointer="" if item is None else item.pointer)


def _term(item: Clause | Rule | Duty) -> Answer:
    return Answer(verdict="unknown", ground="term", item=item, pointer=item.pointer)


def _duties(policy: Policy) -> Iterator[Duty]:
    """All duties, obligations, remedies and consequences of a policy."""
    yield from nested(policy.obligations)
    for rule in (*policy.permissions, *policy.prohibitions):
        yield from nested((*rule.duties, *rule.remedies))


def _norms(policy: Policy) -> Iterator[object]:
    yield from (*policy.permissions, *policy.prohibitions)
    yield from _duties(policy)


def _grantors(policy: Policy) -> Iterator[object]:
    for rule in (*policy.permissions, *policy.prohibitions):
        yield from (nameless(whom) for whom in rule.assigners)
