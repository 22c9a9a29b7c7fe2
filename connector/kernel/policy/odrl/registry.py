"""What a left operand is, and the immutable list of those that one engine knows (spec/policy.md 4).

Source, phases and operators must be declared, because they decide what may be promised about a clause. A plug-in's
operands extend a copy of the list; `digest` goes into the decision record, so that a decision says which list it used.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

import msgspec
from msgspec import Struct

from connector.kernel.policy.odrl.identifiers import IDENTIFIER, TAG, TEXT
from connector.kernel.policy.odrl.model import PHASES, Phase, Role
from connector.kernel.policy.odrl.names import OPERATORS
from connector.kernel.policy.odrl.state_of_world import Source, Value, World
from connector.kernel.policy.odrl.values import Type

SOURCES: frozenset[Source] = frozenset({"measured", "verified-credential", "declared"})


class Operand(Struct, frozen=True, kw_only=True):
    """A left operand. `first` is the index in PHASES from which on it is decided; `value` None means nobody knows.

    `in_duty` is its role among the constraints of a duty, `role` that elsewhere. With `units` a constraint may name a
    unit and then compares with facts of that unit only; without, a unit is not understood. `range` says which names its
    values have (`identifiers`): a form, or the local name of the concept scheme.
    """

    iri: str
    type: Type
    source: Source
    first: int
    operators: frozenset[str]
    role: Role
    in_duty: Role
    units: bool
    range: str
    value: Callable[[World], Value]

    @property
    def name(self) -> str:
        """The local name, which is also the key of its label."""
        return self.iri.rpartition("#")[2] if "#" in self.iri else self.iri.rpartition("/")[2]


RANGES: Mapping[Type, str] = {Type.CONCEPT: "concept", Type.IRI: IDENTIFIER, Type.LANGUAGE: TAG}
"""The range of an operand that names none; no list of ours is called "concept", so what it names is unknown."""


def left_operand(
    iri: str,
    *,
    type: Type,
    source: Source,
    phases: Iterable[Phase],
    operators: Iterable[str],
    role: Role = "condition",
    in_duty: Role | None = None,
    units: bool = False,
    range: str = "",
) -> Callable[[Callable[[World], Value]], Operand]:
    """Make the decorated function of the world an operand; ValueError if anything about it is undeclared or unknown."""
    indices = [PHASES.index(phase) for phase in phases]
    known = frozenset(operators)
    if not indices or not known or not known <= OPERATORS or source not in SOURCES or ":" not in iri:
        raise ValueError(iri)

    def registered(value: Callable[[World], Value]) -> Operand:
        return Operand(
            iri=iri,
            type=type,
            source=source,
            first=min(indices),
            operators=known,
            role=role,
            in_duty=in_duty or role,
            units=units,
            range=range or RANGES.get(type, TEXT),
            value=value,
        )

    return registered


class Registry:
    """The operands by IRI. Immutable: `with_` gives a longer one."""

    __slots__ = ("digest", "operands")

    def __init__(self, operands: Iterable[Operand] = ()) -> None:
        found: dict[str, Operand] = {}
        for operand in operands:
            if operand.iri in found:
                raise ValueError(operand.iri)
            found[operand.iri] = operand
        self.operands: Mapping[str, Operand] = MappingProxyType(found)
        self.digest: str = _digest(found.values())

    def get(self, iri: str) -> Operand | None:
        """The operand, None if nobody registered it."""
        return self.operands.get(iri)

    def with_(self, operands: Iterable[Operand]) -> "Registry":
        """This list and those; ValueError if one of them has a name that is taken."""
        return Registry([*self.operands.values(), *operands])


def _digest(operands: Iterable[Operand]) -> str:
    """Lower-case hex SHA-256 over all that is declared; the code of functions has digests elsewhere."""
    rows = sorted(
        [o.iri, o.type, o.source, o.first, sorted(o.operators), o.role, o.in_duty, o.units, o.range] for o in operands
    )
    return hashlib.sha256(msgspec.json.encode(rows)).hexdigest()
