"""Cases: each operator on each type, satisfied and not, in typed and plain spelling, and values that cannot be read."""

from collections.abc import Iterator
from typing import Any

from tests.suites.municipal.form import TOWN, Case, Fact, H, O, State, atom, fact, hanse, literal, may, off, on, typed

Row = tuple[str, Any, str]
"""Operator, right operand (a tuple is several), and the sign that is expected: `+`, `-`, or `?` for unknown."""

_INSTANT: tuple[Row, ...] = (
    ("eq", typed("2026-11-24T08:00:00.000Z", "dateTime"), "+"),
    ("eq", "2026-11-24T08:00:00.001Z", "-"),
    ("eq", "2026-11-24T09:00:00+01:00", "+"),
    ("neq", "2026-11-24T08:00:00.001Z", "+"),
    ("neq", typed("2026-11-24T09:00:00+01:00", "dateTime"), "-"),
    ("lt", "2026-11-24T09:00:00.001+01:00", "+"),
    ("lt", "2026-11-24T09:00:00+01:00", "-"),
    ("lteq", "2026-11-24T09:00:00+01:00", "+"),
    ("lteq", "2026-11-24T08:59:59+01:00", "-"),
    ("gt", "2026-11-24T07:59:59.999Z", "+"),
    ("gt", "2026-11-24T08:00:00Z", "-"),
    ("gteq", "2026-11-24T08:00:00Z", "+"),
    ("gteq", "2026-11-24T08:00:00.001Z", "-"),
    ("lteq", typed("2026-11-24", "date"), "+"),
    ("lteq", "2026-11-23", "-"),
    ("eq", "2026-11-24", "+"),
    ("neq", "2026-11-24", "-"),
    ("gt", "2026-11-23", "+"),
    ("gt", "2026-11-24", "-"),
    ("gteq", "2026-11-24T08:00:00", "+"),
    ("lt", "2026-13-01T00:00:00Z", "?"),
    ("lt", "tomorrow", "?"),
    ("lt", typed("2027-01-01T00:00:00Z", "string"), "+"),
    ("lt", typed("20270101", "integer"), "?"),
    ("isAnyOf", "2026-11-24", "?"),
)
_DURATION: tuple[Row, ...] = (
    ("eq", "P10D", "+"),
    ("eq", "PT239H", "-"),
    ("neq", "P9D", "+"),
    ("neq", typed("PT240H", "dayTimeDuration"), "-"),
    ("lt", "P10DT1S", "+"),
    ("lt", "P10D", "-"),
    ("lteq", typed("P10D", "duration"), "+"),
    ("lteq", "P9DT23H59M59S", "-"),
    ("gt", "P9D", "+"),
    ("gt", "P10D", "-"),
    ("gteq", "P10D", "+"),
    ("gteq", "P11D", "-"),
    ("lt", "P1M", "?"),
    ("lt", "P1Y", "?"),
    ("lt", "11 Tage", "?"),
)
_INTEGER: tuple[Row, ...] = (
    ("eq", "3", "+"),
    ("eq", "4", "-"),
    ("neq", typed("4", "integer"), "+"),
    ("neq", "3", "-"),
    ("lt", "4", "+"),
    ("lt", "3", "-"),
    ("lteq", "3", "+"),
    ("lteq", typed("2", "integer"), "-"),
    ("gt", "2", "+"),
    ("gt", "3", "-"),
    ("gteq", "3", "+"),
    ("gteq", "4", "-"),
    ("lteq", "9007199254740991", "+"),
    ("lteq", "9007199254740992", "?"),
    ("lteq", "3.5", "?"),
    ("lteq", "many", "?"),
)
_DECIMAL: tuple[Row, ...] = (
    ("eq", "2.50", "+"),
    ("eq", "2.51", "-"),
    ("neq", "2.49", "+"),
    ("neq", typed("2.5", "decimal"), "-"),
    ("lt", "2.500001", "+"),
    ("lt", "2.5", "-"),
    ("lteq", typed("2.5", "decimal"), "+"),
    ("lteq", "2.499999", "-"),
    ("gt", "2.499999", "+"),
    ("gt", "2.5", "-"),
    ("gteq", "2.5", "+"),
    ("gteq", "2.500001", "-"),
    ("lteq", "2.5000001", "?"),
    ("lteq", "two", "?"),
)
_CONCEPT: tuple[Row, ...] = (
    ("eq", H + "heatPlanning", "+"),
    ("eq", literal(H + "heatPlanning"), "+"),
    ("eq", H + "statutoryTask", "-"),
    ("neq", H + "research", "+"),
    ("neq", H + "heatPlanning", "-"),
    ("isA", H + "publicAdministration", "+"),
    ("isA", H + "operations", "-"),
    ("isPartOf", H + "statutoryTask", "+"),
    ("isPartOf", literal(H + "statutoryTask"), "+"),
    ("isPartOf", H + "research", "-"),
    ("isPartOf", hanse("research", "statutoryTask"), "+"),
    ("isPartOf", "urn:hanse:suite:nowhere", "?"),
    ("hasPart", H + "heatPlanning", "+"),
    ("hasPart", H + "statutoryTask", "-"),
    ("isAllOf", H + "heatPlanning", "+"),
    ("isAllOf", hanse("heatPlanning", "research"), "-"),
    ("isAnyOf", hanse("heatPlanning", "research"), "+"),
    ("isAnyOf", hanse("statutoryTask", "research"), "-"),
    ("isNoneOf", hanse("statutoryTask", "research"), "+"),
    ("isNoneOf", hanse("heatPlanning", "research"), "-"),
    ("lt", H + "heatPlanning", "?"),
)
_A, _B, _C = (f"urn:hanse:suite:group:{name}" for name in "abc")
_SET: tuple[Row, ...] = (
    ("eq", _A, "-"),
    ("neq", _C, "+"),
    ("neq", _A, "-"),
    ("isAllOf", (_A, _B), "+"),
    ("isAllOf", (_A, _C), "-"),
    ("isAnyOf", (_B, _C), "+"),
    ("isAnyOf", _C, "-"),
    ("isNoneOf", _C, "+"),
    ("isNoneOf", (_A, _C), "-"),
    ("isPartOf", _A, "+"),
    ("isPartOf", literal(_B), "+"),
    ("isPartOf", _C, "?"),
    ("isA", _B, "+"),
    ("hasPart", (_A, _B), "+"),
    ("hasPart", _C, "?"),
    ("gteq", _A, "?"),
)
_DID: tuple[Row, ...] = (
    ("eq", TOWN, "+"),
    ("eq", literal(TOWN), "+"),
    ("eq", TOWN + ".org", "-"),
    ("eq", "did:web:TOWN.example", "-"),
    ("neq", TOWN + ".org", "+"),
    ("neq", TOWN, "-"),
    ("isAnyOf", (TOWN, "did:web:other.example"), "+"),
    ("isNoneOf", (TOWN, "did:web:other.example"), "-"),
)
_TEXT: tuple[Row, ...] = (
    ("eq", "2.1", "+"),
    ("eq", "2.10", "-"),
    ("neq", "2.10", "+"),
    ("neq", "2.1", "-"),
    ("isAnyOf", ("2.1", "2.2"), "+"),
    ("isAnyOf", "2.2", "-"),
    ("isNoneOf", ("2.2", "2.3"), "+"),
    ("isNoneOf", ("2.1", "2.2"), "-"),
    ("isAllOf", "2.1", "+"),
    ("isAllOf", ("2.1", "2.2"), "-"),
    ("lteq", "3", "?"),
)
_LANGUAGE: tuple[Row, ...] = (
    ("eq", "de-DE", "+"),
    ("eq", "DE-de", "+"),
    ("eq", "de", "-"),
    ("neq", "en", "+"),
    ("neq", "de-DE", "-"),
    ("isAnyOf", ("en", "de-de"), "+"),
    ("isAnyOf", ("en", "fr"), "-"),
    ("isNoneOf", ("en", "fr"), "+"),
    ("isNoneOf", ("en", "de-DE"), "-"),
    ("isAllOf", "de-DE", "+"),
    ("isAllOf", ("de-DE", "en"), "-"),
)
_GROUPS = Fact(H + "memberOf", (_A, _B), source="verified-credential")
_TABLES: tuple[tuple[str, str, State, tuple[Row, ...]], ...] = (
    ("instant", "odrl:dateTime", State(), _INSTANT),
    ("duration", "odrl:elapsedTime", State(agreement_at="2026-11-14T08:00:00.000Z"), _DURATION),
    ("whole number", "odrl:count", State(uses=(("", 3),)), _INTEGER),
    ("decimal", "odrl:relativeSize", State(facts=(fact("odrl:relativeSize", "2.5"),)), _DECIMAL),
    ("concept", "odrl:purpose", State(facts=(fact("odrl:purpose", H + "heatPlanning", source="declared"),)), _CONCEPT),
    ("set of IRIs", "memberOf", State(facts=(_GROUPS,)), _SET),
    ("one IRI", "participant", State(), _DID),
    ("text", "odrl:version", State(facts=(fact("odrl:version", "2.1"),)), _TEXT),
    ("language", "odrl:language", State(facts=(fact("odrl:language", "de-DE", source="declared"),)), _LANGUAGE),
)


def _shown(right: Any) -> str:
    values = right if isinstance(right, tuple) else (right,)
    return " | ".join(_short(value["@value"]) + "^" if isinstance(value, dict) else _short(value) for value in values)


def _short(text: str) -> str:
    return text.removeprefix(H).removeprefix("urn:hanse:suite:")


def _one(kind: str, left: str, state: State, row: Row) -> Case:
    operator, right, sign = row
    document = may(atom(left, operator, *(right if isinstance(right, tuple) else (right,))))
    yes = sign == "+"
    return Case(
        title=f"{kind}: {left} {operator} {_shown(right)} ({ {'+': 'holds', '-': 'fails', '?': 'unknown'}[sign] })",
        policy=document,
        rules=(on("a+ +") if yes else off("a+ -"),),
        permit=yes,
        state=state,
    )


_UNITS = "http://qudt.org/vocab/unit/M", "http://qudt.org/vocab/unit/KiloM"


def _last(unit: str) -> str:
    return unit.rpartition("/")[2] or "none"


def _with_units() -> Iterator[Case]:
    """A number with a unit compares with a number of the same unit, and with nothing else."""
    metre, kilometre = _UNITS
    for had, wanted, yes in ((metre, metre, True), (metre, kilometre, False), ("", metre, False)):
        unit = {"unit": {"@id": wanted}} if wanted else {}
        yield Case(
            title=f"decimal with unit: has {_last(had)}, wanted {_last(wanted)}",
            policy=may(atom("odrl:resolution", "lteq", "10", **unit)),
            rules=(on("a+ +") if yes else off("a+ -"),),
            permit=yes,
            state=State(facts=(fact("odrl:resolution", "5", unit=had),)),
        )


def _missing() -> Iterator[Case]:
    """Nobody states the value: unknown with each operator, also with those that deny; then a permission is inactive."""
    for left, operators, right in (
        ("odrl:relativeSize", "eq neq lt lteq gt gteq", "1"),
        ("odrl:industry", "isA hasPart isPartOf isAllOf isAnyOf isNoneOf", O + "All"),
    ):
        for operator in operators.split():
            yield Case(
                title=f"missing value: {left} {operator}",
                policy=may(atom(left, operator, right)),
                rules=(off("a+ -"),),
                permit=False,
            )


def cases() -> Iterator[Case]:
    for kind, left, state, rows in _TABLES:
        yield from (_one(kind, left, state, row) for row in rows)
    yield from _with_units()
    yield from _missing()
