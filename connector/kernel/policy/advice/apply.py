"""Applies a change that would help to the world of a refusal: the requests one would then make (spec/policy.md 11.2).

Nothing is taken back: time only goes on, uses only fall when their window is over, and what was done stays done. So a
change that nobody could bring about gives no world at all. There are at most `MOST` a change.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, islice
from typing import NamedTuple

from msgspec.structs import replace

from connector.kernel.policy.advice.what_if import Change, owed
from connector.kernel.policy.evaluation.duty import AMOUNT, CURRENCY
from connector.kernel.policy.evaluation.duty_states import SUSPEND
from connector.kernel.policy.evaluation.edges_in_time import CALENDAR, WINDOW_END
from connector.kernel.policy.odrl.model import Atom, Collection, Duty, Logic, Policy, Rule
from connector.kernel.policy.odrl.names import HANSE, ODRL
from connector.kernel.policy.odrl.registry import Registry
from connector.kernel.policy.odrl.state_of_world import Deed, Fact, Value, World
from connector.kernel.policy.odrl.values import Span

MOST = 500
"""Most values that are tried for one change: a vocabulary has some hundred concepts."""
_TOGETHER = 8
"""Most duties of which some may be enough."""

_CLOCK, _ELAPSED, _COUNT = ODRL + "dateTime", ODRL + "elapsedTime", ODRL + "count"
_PURPOSE, _PARTICIPANT = ODRL + "purpose", HANSE + "participant"
_ALIAS = {ODRL + "device": ODRL + "systemDevice", ODRL + "system": ODRL + "systemDevice"}
_OTHER = frozenset({"urn:hanse:another"})
_OTHERS = (_OTHER, frozenset({"did:web:another.example"}), frozenset({"qaa"}), frozenset({"xx"}))
"""Values that no policy names: an identifier, a party, languages."""
Texts = frozenset[str]


class Try(NamedTuple):
    """A world with the change made; `value` is what the operand became, `done` the duties that were done."""

    world: World
    value: Value = None
    done: tuple[Duty, ...] = ()


def tries(change: Change, world: World, registry: Registry) -> Iterable[Try]:
    """The worlds in which this step has the answer that was asked for, likely ones first."""
    return islice(_tries(change, world, registry), MOST)


def _tries(change: Change, world: World, registry: Registry) -> Iterator[Try]:
    item, kind = change.node.item, change.node.kind
    if isinstance(item, Atom):
        yield from _with_value(item, change.to == "yes", world, registry)
    elif isinstance(item, Duty):
        yield from _done(item, change.node.time or change.node.text, world)
    elif isinstance(item, Rule) and kind == "suspended":
        yield from (Try(done(some, world), done=some) for some in _some_of(owed(item)))
    elif isinstance(item, Rule) and kind == "action":
        yield Try(replace(world, action=item.action.iri))
    elif isinstance(item, Rule | Policy | Collection) and kind in ("party", "target"):
        yield from _by_another(item, kind, world)


# ---- values of operands


def _with_value(atom: Atom, wanted: bool, world: World, registry: Registry) -> Iterator[Try]:
    if isinstance(atom.value, Span):
        for number in _numbers(atom.operator, atom.value, wanted):
            if (found := _numbered(atom, number, world, registry)) is not None:
                yield Try(found, number)
    elif isinstance(atom.value, frozenset):
        for texts in _sets(atom, wanted, world):
            if (found := _named(atom, texts, world, registry)) is not None:
                yield Try(found, texts)


def _numbers(operator: str, span: Span, wanted: bool) -> tuple[int, ...]:
    """Numbers at the edges for which the comparison has this answer."""
    below, above = span.start - 1, span.end
    inside, outside = (span.start, span.end - 1), (above, below)
    return {
        ("eq", True): inside,
        ("eq", False): outside,
        ("neq", True): outside,
        ("neq", False): inside,
        ("lt", True): (below,),
        ("lt", False): (span.start,),
        ("lteq", True): (span.end - 1,),
        ("lteq", False): (above,),
        ("gt", True): (above,),
        ("gt", False): (span.end - 1,),
        ("gteq", True): (span.start,),
        ("gteq", False): (below,),
    }.get((operator, wanted), ())


def _numbered(atom: Atom, number: int, world: World, registry: Registry) -> World | None:
    if atom.left == _CLOCK:
        return _later(world, number)
    if atom.left == _ELAPSED:
        return None if world.agreement_at is None else _later(world, world.agreement_at + number)
    if atom.left == _COUNT and not atom.unit:
        return _counted(atom.window, number, world)
    return None if number < 0 else _known(atom, number, world, registry)


def _later(world: World, now: int) -> World | None:
    """The same request at a later time, when windows of counting that are over begin anew with it."""
    if now <= world.now:
        return None
    over = {w for w, end in WINDOW_END.items() if world.now in CALENDAR and end(world.now) <= now}
    return replace(world, now=now, uses={w: 1 if w in over else uses for w, uses in world.uses.items()})


def _counted(window: str, number: int, world: World) -> World | None:
    """More uses, or the first one of the next window."""
    before = world.uses.get(window)
    if number >= max(before or 1, 1):
        return replace(world, uses={**world.uses, window: number})
    if window not in WINDOW_END or number < 1 or world.now not in CALENDAR:
        return None
    return _later(world, WINDOW_END[window](world.now))


def _sets(atom: Atom, wanted: bool, world: World) -> Iterator[Texts]:
    """Sets of texts for which the comparison has this answer, or may have it: whoever asks decides again."""
    right: Texts = atom.value if isinstance(atom.value, frozenset) else frozenset()
    has = _actual(atom, world)
    members = [frozenset({term.text}) & right for term in atom.right]
    if (atom.operator in ("neq", "isNoneOf")) is wanted:
        yield from [has - right] if has - right else _OTHERS
        yield from _strangers(right, world)
    elif atom.operator == "eq" or atom.operator in ("isAllOf", "hasPart"):
        yield right
        yield has | right
    else:
        yield from (member for member in members if member)
        yield from (has | member for member in members if member)


def _strangers(right: Texts, world: World) -> Iterator[Texts]:
    """Concepts of the vocabulary that lie in none of these."""
    above = world.closure.above
    return (frozenset({name}) for name in sorted(above) if not above[name] & right)


def _actual(atom: Atom, world: World) -> Texts:
    if atom.left == _PURPOSE:
        return frozenset() if world.purpose is None else frozenset({world.purpose})
    fact = world.facts.get(_ALIAS.get(atom.left, atom.left))
    return fact.value if fact is not None and isinstance(fact.value, frozenset) else frozenset()


def _named(atom: Atom, texts: Texts, world: World, registry: Registry) -> World | None:
    if atom.left not in (_PURPOSE, _PARTICIPANT):
        return _known(atom, texts, world, registry)
    if len(texts) != 1:
        return None
    [text] = texts
    if atom.left == _PARTICIPANT:
        return replace(world, participant=text)
    return replace(world, purpose=text, purpose_source="declared")


def _known(atom: Atom, value: Value, world: World, registry: Registry) -> World | None:
    operand = registry.get(atom.left)
    if operand is None:
        return None
    fact = Fact(value, operand.source, unit=atom.unit)
    return replace(world, facts={**world.facts, _ALIAS.get(atom.left, atom.left): fact})


# ---- duties


def _done(duty: Duty, time: str, world: World) -> Iterator[Try]:
    """The duty executed in the stream; or done, alone or, where that is too late, with all that follows from it."""
    if time == "during":
        yield Try(replace(world, can=world.can | {duty.action.iri}))
        return
    all_of_it = [duty, *(inner for inner in _below(duty) if inner.action.iri != SUSPEND)]
    yield from (Try(done(some, world), done=some) for some in _some_of(all_of_it))


def _some_of(duties: Sequence[Duty]) -> Iterator[tuple[Duty, ...]]:
    """Few of them before many: what is not needed is not advised."""
    for count in range(1, len(duties[:_TOGETHER]) + 1):
        yield from combinations(duties[:_TOGETHER], count)


def _below(duty: Duty) -> Iterator[Duty]:
    for inner in duty.consequences:
        yield inner
        yield from _below(inner)


def done(duties: Iterable[Duty], world: World) -> World:
    """All of these done now, each by a deed of its own."""
    return replace(world, deeds=(*world.deeds, *(_deed(duty, world) for duty in duties)))


def _deed(duty: Duty, world: World) -> Deed:
    party = next((whom for whom in duty.parties if isinstance(whom, str)), "") if duty.parties else world.participant
    target = next((whom for whom in duty.targets if isinstance(whom, str)), "") if duty.targets else world.target
    values = dict(_manner((*duty.constraints, *duty.action.refinements)))
    return Deed(
        action=duty.action.iri, at=world.now, party=party, target=target, rule=duty.id or duty.pointer, values=values
    )


def _manner(clauses: Iterable[object]) -> Iterator[tuple[str, Value]]:
    """Values that agree with the parameters; an `or` is kept by keeping all of it."""
    for found in clauses:
        if isinstance(found, Logic):
            yield from _manner(found.clauses)
        elif isinstance(found, Atom) and found.role not in ("deadline", "window"):
            if isinstance(found.value, Span):
                yield found.left, _numbers(found.operator, found.value, True)[0]
            elif isinstance(found.value, frozenset):
                yield found.left, found.value if found.operator not in ("neq", "isNoneOf") else _OTHER
            if found.unit and found.left == AMOUNT:
                yield CURRENCY, frozenset({found.unit})


# ---- who asks, and for what


def _by_another(item: Rule | Policy | Collection, kind: str, world: World) -> Iterator[Try]:
    party = kind == "party"
    for whom in _named_in(item, party):
        if isinstance(whom, str):
            yield Try(replace(world, participant=whom) if party else replace(world, target=whom))
        elif whom.source:
            among = (world.parties if party else world.assets) | {whom.source}
            yield Try(replace(world, parties=among) if party else replace(world, assets=among))


def _named_in(item: Rule | Policy | Collection, party: bool) -> tuple[str | Collection, ...]:
    if isinstance(item, Collection):
        return (item,)
    if isinstance(item, Policy):
        return (item.assignee if party else item.target,)
    return item.parties + item.policy_parties if party else item.targets + item.policy_targets
