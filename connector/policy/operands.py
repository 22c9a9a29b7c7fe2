"""The registry of left operands: what type each has, who vouches for its value and which phase can first decide it.

An operand without source or phases cannot be registered, because they decide what may be promised (policy.md 3.3).
Operands are pure functions of the `World`; None means that nobody knows the value.
"""

from collections.abc import Callable, Iterable
from typing import Literal

from msgspec import Struct

from .model import PHASES, Phase
from .names import COMPARISONS, HANSE, MEMBERSHIP, ODRL
from .values import Type
from .world import World

Source = Literal["measured", "verified-credential", "declared"]
Role = Literal["condition", "parameter"]
Value = int | frozenset[str] | None


class Operand(Struct, frozen=True, kw_only=True):
    """A registered left operand; `first` is the index in PHASES from which on it is decided."""

    iri: str
    type: Type
    source: Source
    first: int
    operators: frozenset[str]
    role: Role
    value: Callable[[World], Value]

    @property
    def name(self) -> str:
        """The local name, which is also the key of its label."""
        return self.iri.rpartition("#")[2] if "#" in self.iri else self.iri.rpartition("/")[2]


REGISTRY: dict[str, Operand] = {}


def left_operand(
    iri: str, *, type: Type, source: Source, phases: Iterable[Phase], operators: Iterable[str], role: Role = "condition"
) -> Callable[[Callable[[World], Value]], Callable[[World], Value]]:
    """Register the decorated function as the operand `iri`; ValueError if it names no phase, or is taken."""
    indices = [PHASES.index(phase) for phase in phases]
    if not indices or iri in REGISTRY:
        raise ValueError(iri)

    def register(value: Callable[[World], Value]) -> Callable[[World], Value]:
        REGISTRY[iri] = Operand(
            iri=iri,
            type=type,
            source=source,
            first=min(indices),
            operators=frozenset(operators),
            role=role,
            value=value,
        )
        return value

    return register


def _one(text: str | None) -> frozenset[str] | None:
    return None if text is None else frozenset((text,))


@left_operand(ODRL + "dateTime", type=Type.INSTANT, source="measured", phases=PHASES, operators=COMPARISONS)
def date_time(world: World) -> Value:
    return world.now


@left_operand(ODRL + "elapsedTime", type=Type.DURATION, source="measured", phases=["access"], operators=COMPARISONS)
def elapsed_time(world: World) -> Value:
    """Since the agreement was concluded."""
    return None if world.agreement_at is None else world.now - world.agreement_at


@left_operand(ODRL + "count", type=Type.INTEGER, source="measured", phases=["access"], operators=COMPARISONS)
def count(world: World) -> Value:
    return world.uses


@left_operand(ODRL + "purpose", type=Type.CONCEPT, source="declared", phases=PHASES[1:], operators=MEMBERSHIP)
def purpose(world: World) -> Value:
    return _one(world.purpose)


@left_operand(
    HANSE + "participantKind", type=Type.CONCEPT, source="verified-credential", phases=PHASES, operators=MEMBERSHIP
)
def participant_kind(world: World) -> Value:
    return _one(world.kind)


@left_operand(
    HANSE + "adminLevel", type=Type.CONCEPT, source="verified-credential", phases=PHASES, operators=MEMBERSHIP
)
def admin_level(world: World) -> Value:
    return _one(world.admin_level)


@left_operand(HANSE + "participant", type=Type.IRI, source="verified-credential", phases=PHASES, operators=MEMBERSHIP)
def participant(world: World) -> Value:
    return _one(world.participant)


@left_operand(HANSE + "memberOf", type=Type.IRI, source="verified-credential", phases=PHASES, operators=MEMBERSHIP)
def member_of(world: World) -> Value:
    return world.groups


@left_operand(
    HANSE + "attributionText",
    type=Type.TEXT,
    source="declared",
    phases=["access"],
    operators=["eq"],
    role="parameter",
)
def attribution_text(world: World) -> Value:
    """How a duty is to be done: compared with what was done, never with the world."""
    return None
