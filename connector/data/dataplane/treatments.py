"""What a plane is to do to the data while they flow: the *during* duties as values, and who may say it does them.

A duty that is not understood to its last parameter cannot be executed (spec/policy.md 2.4, 8.4): then not one byte
leaves. Parameters are constraints of the duty (spec/policy.md 2.5). This plane executes none yet; the contract is here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from connector.data.sources.model import Description, Reading
from connector.foundation.errors import Refusal
from connector.foundation.language.reasons import because
from connector.kernel.policy.odrl.model import Atom, Duty
from connector.kernel.policy.odrl.names import HANSE, ODRL
from connector.kernel.policy.odrl.values import Span


class DropFields(Struct, frozen=True, tag="drop-fields"):
    """Leave out these fields (JSONPath or column names)."""

    fields: tuple[str, ...]


class Pseudonymise(Struct, frozen=True, tag="pseudonymise"):
    """Replace the values of these fields by pseudonyms made by `method`, a concept IRI (empty: the plane's own)."""

    fields: tuple[str, ...]
    method: str = ""


class Generalise(Struct, frozen=True, tag="generalise"):
    """Coarsen these fields (empty: the geometry) by `method`, a concept IRI."""

    fields: tuple[str, ...] = ()
    method: str = ""


class Aggregate(Struct, frozen=True, tag="aggregate"):
    """Sums over groups of this aggregation level, a concept IRI, instead of single records."""

    level: str


class SuppressCells(Struct, frozen=True, tag="suppress-cells"):
    """Leave out table cells that count fewer than `k` units."""

    k: int


class Anonymise(Struct, frozen=True, tag="anonymise"):
    """Make it anonymous by `method`, a concept IRI: at least `k` alike, at most `epsilon` millionths (None: unsaid)."""

    method: str = ""
    k: int | None = None
    epsilon: int | None = None


class Watermark(Struct, frozen=True, tag="watermark"):
    """Mark the copy so that it can be traced to its receiver."""


Treatment = DropFields | Pseudonymise | Generalise | Aggregate | SuppressCells | Anonymise | Watermark

CAN: frozenset[str] = frozenset()
"""Actions that the plane of this process executes. Whoever adds one adds its treatment to `Executor`."""


class Executor(Protocol):
    """Executes treatments in the stream."""

    def able(self, treatments: Sequence[Treatment]) -> bool:
        """Whether it executes all of them, as they are and in this order."""

    def treated(self, reading: Reading, what: Description, treatments: Sequence[Treatment]) -> Reading:
        """The reading with all of them applied, in this order; Refusal (`dataplane.void`) before the first byte."""


class Untouched:
    """The executor of a plane that changes nothing: whatever is to be treated does not leave."""

    def able(self, treatments: Sequence[Treatment]) -> bool:
        return not treatments

    def treated(self, reading: Reading, what: Description, treatments: Sequence[Treatment]) -> Reading:
        if treatments:
            raise void()
        return reading


def void() -> Refusal:
    """The decision is void: it was given on a condition that is not met here."""
    return Refusal("dataplane.void", reasons=because("dataplane.void"))


def plan(duties: Sequence[Duty]) -> tuple[Treatment, ...] | None:
    """The treatments in the order of the document; None if one of them is not understood completely."""
    found = [treatment(duty) for duty in duties]
    return None if None in found else tuple(each for each in found if each is not None)


def treatment(duty: Duty) -> Treatment | None:
    """A duty as what is to be done; None for an unknown action or parameter, a missing or a senseless one."""
    made = _MADE.get(duty.action.iri)
    if made is None or duty.action.refinements or duty.action.extras or duty.extras or duty.consequences:
        return None
    given: dict[str, Atom] = {}
    for clause in duty.constraints:
        if not isinstance(clause, Atom) or clause.extras or clause.value is None or clause.unit:
            return None
        if clause.role != "parameter":
            continue  # conditions were judged with the policy; a deadline means nothing to what happens at once
        if clause.left in given:
            return None
        given[clause.left] = clause
    return made(given)


Given = Mapping[str, Atom]


def _names(given: Given, name: str) -> tuple[str, ...]:
    """A list of texts or IRIs as they were written; empty if there is none, or it is no plain list."""
    atom = given.get(HANSE + name)
    if atom is None or atom.operator not in ("eq", "isAllOf", "isAnyOf") or not isinstance(atom.value, frozenset):
        return ()
    return tuple(term.text for term in atom.right)


def _one(given: Given, name: str) -> str:
    atom = given.get(HANSE + name)
    if atom is None or atom.operator != "eq" or not isinstance(atom.value, frozenset) or len(atom.value) != 1:
        return ""
    return next(iter(atom.value))


def _at_least(given: Given, name: str) -> int | None:
    """The least whole number that a lower bound (or an exact value) allows."""
    atom = given.get(HANSE + name)
    if atom is None or not isinstance(atom.value, Span):
        return None
    return {"eq": atom.value.start, "gteq": atom.value.start, "gt": atom.value.end}.get(atom.operator)


def _at_most(given: Given, name: str) -> int | None:
    atom = given.get(HANSE + name)
    if atom is None or not isinstance(atom.value, Span):
        return None
    return {"eq": atom.value.start, "lteq": atom.value.start, "lt": atom.value.start - 1}.get(atom.operator)


def _only(given: Given, *names: str) -> bool:
    return given.keys() <= {HANSE + name for name in names}


def _drop(given: Given) -> Treatment | None:
    fields = _names(given, "fields")
    return DropFields(fields) if fields and _only(given, "fields") else None


def _pseudonymise(given: Given) -> Treatment | None:
    fields, method = _names(given, "fields"), _one(given, "method")
    sound = fields and _only(given, "fields", "method") and bool(method) == (HANSE + "method" in given)
    return Pseudonymise(fields, method) if sound else None


def _generalise(given: Given) -> Treatment | None:
    fields, method = _names(given, "fields"), _one(given, "method")
    sound = bool(fields) == (HANSE + "fields" in given) and bool(method) == (HANSE + "method" in given)
    return Generalise(fields, method) if sound and _only(given, "fields", "method") else None


def _aggregate(given: Given) -> Treatment | None:
    level = _one(given, "aggregationLevel")
    return Aggregate(level) if level and _only(given, "aggregationLevel") else None


def _suppress(given: Given) -> Treatment | None:
    k = _at_least(given, "kAnonymity")
    return SuppressCells(k) if k is not None and k > 1 and _only(given, "kAnonymity") else None


def _anonymise(given: Given) -> Treatment | None:
    method, k, epsilon = _one(given, "method"), _at_least(given, "kAnonymity"), _at_most(given, "epsilon")
    bounded = k is not None and k > 1, epsilon is not None and epsilon > 0
    said = {"method": bool(method), "kAnonymity": bounded[0], "epsilon": bounded[1]}
    sound = given and _only(given, *said) and all(said[iri.removeprefix(HANSE)] for iri in given)
    return Anonymise(method, k, epsilon) if sound else None


def _watermark(given: Given) -> Treatment | None:
    return None if given else Watermark()


_MADE: Mapping[str, Callable[[Given], Treatment | None]] = {
    HANSE + "dropFields": _drop,
    HANSE + "pseudonymise": _pseudonymise,
    HANSE + "generalise": _generalise,
    HANSE + "aggregate": _aggregate,
    HANSE + "suppressCells": _suppress,
    ODRL + "anonymize": _anonymise,
    ODRL + "watermark": _watermark,
}
"""The actions whose duties are due while data flow (spec/policy.md 2.4)."""
