"""Who could use data under a rule today: every member of the trust list, judged by what the list says of it, and three
invented requesters with their reasons.

Pure over claims: the policy engine alone decides, in the phase in which a contract is made. What a later phase looks at
(a first day, a fee, a number of uses) keeps nobody out here, but is told.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, Literal, Protocol

import msgspec
from msgspec import Struct

from connector.identity.trust.members.claims import regional_keys
from connector.identity.trust.members.roster import Member
from connector.kernel.policy.conflict.model import HINDRANCES, Objection
from connector.kernel.policy.engine import LANGUAGES, PolicyEngine, Requester
from connector.kernel.policy.evaluation.decision import Decision, Node, leaves
from connector.kernel.policy.evaluation.edges_in_time import begins_later
from connector.kernel.policy.odrl.clauses import atoms, clauses_of
from connector.kernel.policy.odrl.model import Atom
from connector.kernel.policy.odrl.names import HANSE, ODRL
from connector.kernel.policy.odrl.state_of_world import Fact
from connector.kernel.policy.odrl.values import Span

Family = Literal["public", "firm", "research"]
Trait = Literal["", "group", "seat", "region", "named"]
"""What an invented requester has beyond its kind, because the rule asks for it."""
FAMILIES: Mapping[Family, tuple[str, ...]] = {
    "public": ("municipality", "county", "intermunicipalAssociation", "stateAuthority", "federalAuthority"),
    "firm": ("company", "municipalEnterprise", "municipalItProvider", "networkOperator"),
    "research": ("university", "researchInstitution", "statisticsOffice"),
}
"""Kinds of invented requesters by their names in the list of kinds, the usual one first."""
ALWAYS = (HANSE + "municipality", HANSE + "company")
"""Kinds that are counted even if no member is of them."""
NOBODY = "did:web:somebody.example"
_LEVELS = {
    "municipality": "municipalLevel",
    "county": "countyLevel",
    "stateAuthority": "stateLevel",
    "federalAuthority": "federalLevel",
}
_MEMBER_OF, _PARTICIPANT = HANSE + "memberOf", HANSE + "participant"
_REGION = HANSE + "regionalKey"
_LEVEL, _SEAT, _PURPOSE = HANSE + "adminLevel", HANSE + "participantLocation", ODRL + "purpose"
_SOMEWHERE = HANSE + "DE-HE"
_SOME_KEY = "064110000000"
"""A seat that no rule is likely to name: by state and by regional key."""


class Roster(Protocol):
    """Who belongs at an instant (ms)."""

    def members(self, now: int, own: str) -> Sequence[Member]:
        """All that belong, with the groups that a participant of ours (`own`, a DID) keeps itself."""
        ...

    def held(self, now: int, own: str) -> Mapping[str, Set[str]]:
        """The groups and DIDs of all that belong or may belong again, by operand: what a rule of `own` may name."""
        ...


class Outcome(Struct, frozen=True, kw_only=True):
    """What a requester would get. `begins` (ms): a contract now, data only from then on; `first` are the actions that
    are due before the data, `bound`: it is bound to the purposes of the rule. `reasons` and `helps` of a refusal."""

    permit: bool
    begins: int | None = None
    first: tuple[str, ...] = ()
    bound: bool = False
    reasons: Mapping[str, list[str]] = {}
    helps: Mapping[str, str] = {}


class KindOf(Struct, frozen=True, kw_only=True):
    """Members of one kind (an IRI): those that would get a contract, by name, and those that would not."""

    kind: str
    permitted: tuple[Member, ...]
    refused: tuple[Member, ...]


class Example(Struct, frozen=True, kw_only=True):
    """An invented requester; `trait` with its `value` is what it was given because the rule names it."""

    family: Family
    kind: str
    trait: Trait
    value: str
    outcome: Outcome


class Audience(Struct, frozen=True, kw_only=True):
    """`begins` and `ends` in ms if the rule has a first day still to come, or ends by itself. `hindrance` says why
    nobody could be permitted anything yet."""

    kinds: tuple[KindOf, ...]
    examples: tuple[Example, ...]
    begins: int | None
    ends: int | None
    hindrance: Objection | None

    @property
    def permitted(self) -> int:
        """How many members would get a contract."""
        return sum(len(one.permitted) for one in self.kinds)


class Audiences:
    """`roster` says who belongs; each answer is about this moment."""

    def __init__(self, engine: PolicyEngine, roster: Roster) -> None:
        self._engine, self._roster = engine, roster

    def of(self, policy: Mapping[str, Any], now: int, own: str) -> Audience:
        """`own` is the DID of whoever provides, who is not counted. Raises PolicyError."""
        members = [one for one in self._roster.members(now, own) if one.requester.did != own]
        return audience(self._engine, policy, members, now, self._roster.held(now, own))


def audience(
    engine: PolicyEngine,
    policy: Mapping[str, Any],
    members: Iterable[Member],
    now: int,
    held: Mapping[str, Set[str]] = {},
) -> Audience:
    """Who of `members` would get a contract now (ms). Raises PolicyError."""
    against = engine.contradictions(policy, now=now, held=held)
    hindrance = next((one for one in against if one.fault in HINDRANCES or one.fault == "past"), None)
    decided = _Decided(engine, policy, now, hindrance)
    counted: dict[str, tuple[list[Member], list[Member]]] = {kind: ([], []) for kind in ALWAYS}
    for member in members:
        permitted, refused = counted.setdefault(member.requester.kind, ([], []))
        (permitted if decided.permits(member.requester) else refused).append(member)
    kinds = [
        KindOf(kind=kind, permitted=_by_name(permitted), refused=_by_name(refused))
        for kind, (permitted, refused) in counted.items()
    ]
    examples = tuple(_examples(decided))
    begins = [each.outcome.begins for each in examples if each.outcome.begins is not None]
    return Audience(
        kinds=tuple(sorted(kinds, key=lambda one: (-len(one.permitted), one.kind not in ALWAYS, -len(one.refused)))),
        examples=examples,
        begins=min(begins, default=None),
        ends=engine.expires_at(policy, now),
        hindrance=hindrance,
    )


def _by_name(members: list[Member]) -> tuple[Member, ...]:
    return tuple(sorted(members, key=lambda one: (one.name.casefold(), one.requester.did)))


class _Decided:
    """Decisions about one policy at one moment; whom the policy cannot tell apart is decided once. A `hindrance` of all
    stands before every permit."""

    def __init__(self, engine: PolicyEngine, policy: Mapping[str, Any], now: int, hindrance: Objection | None) -> None:
        self.engine, self._policy, self._now, self._hindrance = engine, policy, now, hindrance
        self._text = msgspec.json.encode(policy).decode()
        self._known: dict[object, bool] = {}
        self.atoms = tuple(atoms(clauses_of(engine.policy(policy))))

    def permits(self, requester: Requester) -> bool:
        named = requester.did if requester.did in self._text else ""
        key = (requester.kind, requester.groups, requester.own, requester.facts, named)
        if key not in self._known:
            self._known[key] = self._hindrance is None and self._decide(requester).permit
        return self._known[key]

    def outcome(self, requester: Requester) -> Outcome:
        decision = self._decide(requester)
        if not decision.permit:
            helps = {lang: self.engine.what_if(decision, lang) for lang in LANGUAGES}
            return Outcome(permit=False, reasons=self.engine.reasons(decision), helps=helps)
        if self._hindrance is not None:
            return Outcome(permit=False, reasons={lang: [why] for lang, why in self._hindrance.reasons.items()})
        waiting = [one for one in leaves(decision.tree) if one.state == "deferred"]
        begins = [at for one in waiting if (at := _first_instant(one, self._now)) is not None]
        due = set(decision.deferred)
        return Outcome(
            permit=True,
            begins=max(begins, default=None),
            first=tuple(duty.action.iri for duty in decision.duties if duty.pointer in due),
            bound=decision.purpose_source == "contractual" and any(one.left == _PURPOSE for one in self.atoms),
        )

    def named(self, operand: str) -> list[str]:
        """What the policy names of this operand, in order."""
        values = (one.value for one in self.atoms if one.left == operand and isinstance(one.value, frozenset))
        return sorted({text for value in values for text in value})

    def _decide(self, requester: Requester) -> Decision:
        return self.engine.decide(self._policy, requester, "negotiation", self._now)


def _first_instant(node: Node, now: int) -> int | None:
    atom = node.item
    if not isinstance(atom, Atom) or not begins_later(atom, now) or not isinstance(atom.value, Span):
        return None
    first = atom.value.end if atom.operator == "gt" else atom.value.start
    return first if first > now and atom.operator in ("gteq", "gt", "eq") else None


# ---- invented requesters


def _examples(decided: _Decided) -> Iterator[Example]:
    """One of each family; if all had the same answer, one of them is exchanged for a requester that differs."""
    candidates = {family: list(_candidates(decided, family)) for family in FAMILIES}
    chosen = {family: found[0] for family, found in candidates.items()}
    answers = {decided.permits(one[0]) for one in chosen.values()}
    if len(answers) == 1:
        other = next(
            (
                (family, one)
                for family, found in candidates.items()
                for one in found
                if decided.permits(one[0]) not in answers
            ),
            None,
        )
        chosen |= {} if other is None else dict((other,))
    for family, (requester, trait, value) in chosen.items():
        yield Example(family=family, kind=requester.kind, trait=trait, value=value, outcome=decided.outcome(requester))


def _candidates(decided: _Decided, family: Family) -> Iterator[tuple[Requester, Trait, str]]:
    """The usual kind first, then what the rule names: groups, seats, other kinds, participants."""
    usual = FAMILIES[family][0]
    yield _invented(usual), "", ""
    groups, seats = decided.named(_MEMBER_OF), decided.named(_SEAT)
    for kind in FAMILIES[family]:
        if kind != usual:
            yield _invented(kind), "", ""
        if groups:
            yield _invented(kind, groups=frozenset(groups)), "group", groups[0]
        for seat in seats:
            yield _invented(kind, seat=seat), "seat", seat
        for key in decided.named(_REGION):
            yield _invented(kind, key=key), "region", key
    for did in decided.named(_PARTICIPANT):
        yield _invented(usual, did=did), "named", did


def _invented(
    kind: str, *, did: str = NOBODY, seat: str = _SOMEWHERE, key: str = _SOME_KEY, groups: frozenset[str] = frozenset()
) -> Requester:
    said = {_SEAT: seat, **({_LEVEL: HANSE + _LEVELS[kind]} if kind in _LEVELS else {})}
    values = {iri: frozenset((value,)) for iri, value in said.items()} | {_REGION: regional_keys(f"{key:0<12}")}
    facts = tuple((iri, Fact(value, "verified-credential")) for iri, value in values.items())
    return Requester(did=did, kind=HANSE + kind, groups=groups, facts=facts)
