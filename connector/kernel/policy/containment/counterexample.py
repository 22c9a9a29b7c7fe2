"""A request out of a box: the example that shows what a proof found, and is told only if the evaluation confirms it."""

from msgspec.structs import replace

from connector.kernel.policy.containment.encode import (
    CLOCK,
    COUNT,
    ELAPSED,
    METERED,
    PARTICIPANT,
    PURPOSE,
    TARGET,
    Encoder,
)
from connector.kernel.policy.containment.regions import BOUND, HIGH, LOW, Box, Dimension, Room
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import Closure, Policy
from connector.kernel.policy.odrl.state_of_world import Fact, World

_ANYBODY = "did:web:anybody.example"
_NOW = 1_700_000_000_000


def _number(room: Room, least: int = LOW) -> int:
    """The one nearest to an edge that a policy names, and at least `least` if there is one."""
    start, end = next(((max(a, least), b) for a, b in room.spans if b > least), room.spans[0])
    return start if start > LOW else end - 1 if end < HIGH else 0


def _texts(dimension: Dimension, room: Room, encoder: Encoder) -> frozenset[str]:
    members = encoder.concepts(dimension.name).members

    def some(mask: int) -> str:
        return next(member for index, member in enumerate(members) if mask >> index & 1)

    if dimension.single:
        return frozenset((some(room.one() & encoder.concepts(dimension.name).full),))
    return frozenset(some(mask & room.only) for mask in room.has)


def made(box: Box, action: str, encoder: Encoder, closure: Closure) -> World:
    """A request of this box."""
    texts = {d.name: _texts(d, r, encoder) for d, r in box.items() if _is_set(r) and r.valued(d.single)}
    spans = {(d.name, d.window): r for d, r in box.items() if not _is_set(r) and r.spans}
    numbers = {key: _number(room) for key, room in spans.items()}
    if (ELAPSED, "") in spans:  # at least the time for which it was used
        numbers[ELAPSED, ""] = _number(spans[ELAPSED, ""], numbers.get((METERED, ""), LOW))
    units = {d.name: d.unit for d in box if d.unit}
    now = numbers.pop((CLOCK, ""), _NOW)
    elapsed = numbers.pop((ELAPSED, ""), None)
    uses = {window: value for (name, window), value in numbers.items() if name == COUNT}
    facts = {name: Fact(value) for name, value in texts.items()}
    facts |= {name: Fact(value, unit=units.get(name, "")) for (name, _), value in numbers.items() if ":" in name}
    purpose = texts.get(PURPOSE)
    return World(
        now=now,
        participant=next(iter(texts.get(PARTICIPANT, {_ANYBODY}))),
        action=action,
        target=next(iter(texts.get(TARGET, {""}))),
        facts=facts,
        purpose=None if purpose is None else next(iter(purpose)),
        purpose_source="declared" if purpose else "contractual" if _bound(box) else None,
        agreement_at=_agreed(box, now, elapsed),
        uses=uses,
        closure=closure,
    )


def _agreed(box: Box, now: int, elapsed: int | None) -> int | None:
    """Whoever accesses data has agreed, unless the box says that nobody knows when."""
    unknown = elapsed is None and any(dimension.name == ELAPSED for dimension in box)
    return None if unknown else now - (elapsed or 0)


def _is_set(room: Room) -> bool:
    return room.only != -1 or bool(room.has)


def _bound(box: Box) -> bool:
    return any(not room.valued(dimension.single) and room.others & BOUND for dimension, room in box.items())


def witness(box: Box, action: str, encoder: Encoder, closure: Closure, offer: Policy, asked: Policy) -> World | None:
    """A request that `asked` permits and `offer` does not, None if the box gives none that can be made."""
    world = made(box, action, encoder, closure)
    return world if permits(asked, world) and not permits(offer, world) else None


def permits(policy: Policy, world: World) -> bool:
    """Whether a data access is permitted under the policy, once it is agreed."""
    return compile(replace(policy, kind="Set")).verdict(world, "access").permit
