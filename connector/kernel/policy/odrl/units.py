"""Units of sizes: a size is compared in bytes, in whatever unit of bytes a policy writes it.

The names are those of QUDT (`http://qudt.org/vocab/unit/`): 1 000 for kilo, 1 024 for kibi. Any other unit stays as
written, and only compares with a fact of that unit (spec/policy.md 4.2).
"""

from collections.abc import Mapping

from connector.kernel.policy.odrl.model import Atom
from connector.kernel.policy.odrl.names import ODRL
from connector.kernel.policy.odrl.values import MILLION, SAFE, Right, Span

_QUDT = ("http://qudt.org/vocab/unit/", "https://qudt.org/vocab/unit/")
SIZE, BYTES = ODRL + "absoluteSize", _QUDT[0] + "BYTE"
MEASURED_IN: Mapping[str, str] = {SIZE: BYTES}
"""Operand -> the unit in which this installation measures it; a value without, or in another one, is never known."""

_DECIMAL = {name + "BYTE": 1000**power for power, name in enumerate(("", "Kilo", "Mega", "Giga", "Tera", "Peta"))}
_BINARY = {name + "BYTE": 1024**power for power, name in enumerate(("Kibi", "Mebi", "Gibi", "Tebi", "Pebi"), start=1)}
_BYTES = {prefix + name: many for prefix in _QUDT for name, many in (_DECIMAL | _BINARY).items()}


def measured(atom: Atom) -> bool:
    """Whether the operand's value, if it has one here, is in the unit of this comparison."""
    return MEASURED_IN.get(atom.left, atom.unit) == atom.unit


def in_bytes(left: str, value: Right | None, unit: str) -> tuple[Right | None, str]:
    """The value of the operand `left` and its unit, a size in bytes; None if it is beyond all that can be compared."""
    many = _BYTES.get(unit) if left == SIZE else None
    if many is None or not isinstance(value, Span):
        return value, unit
    size = value.start * many
    return (Span(size, size + 1) if abs(size) <= SAFE * MILLION else None), BYTES
