"""Typed right operands: text of a policy becomes a comparable value, or None, which later means `unknown`.

An instant is a half-open span of milliseconds: a bare date means the whole day (policy.md 3.2), a timestamp one
millisecond. Without an offset UTC is meant. Durations of years or months have no length and do not compare.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from typing import NamedTuple

from .names import XSD

SAFE = 2**53 - 1
"""Largest integer that survives every JSON parser (I-JSON)."""


class Type(StrEnum):
    INSTANT = "instant"
    DURATION = "duration"
    INTEGER = "integer"
    CONCEPT = "concept"
    IRI = "iri"
    TEXT = "text"


class Span(NamedTuple):
    """From `start` up to but not including `end`; milliseconds (since the epoch) or a whole number."""

    start: int
    end: int


DATATYPES: dict[Type, frozenset[str]] = {
    Type.INSTANT: frozenset(XSD + name for name in ("dateTime", "dateTimeStamp", "date")),
    Type.DURATION: frozenset(XSD + name for name in ("duration", "dayTimeDuration")),
    Type.INTEGER: frozenset(XSD + name for name in ("integer", "int", "long", "nonNegativeInteger", "positiveInteger")),
    Type.CONCEPT: frozenset({XSD + "anyURI"}),
    Type.IRI: frozenset({XSD + "anyURI"}),
    Type.TEXT: frozenset(),
}
"""Datatypes that a literal of each type may carry; none and xsd:string always may."""

_INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,12}))?)?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_DURATION = re.compile(
    r"P(?=.)(?:([0-9]{1,6})D)?(?:T(?=.)(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,9})(?:\.([0-9]{1,9}))?S)?)?"
)
_INTEGER = re.compile(r"[+-]?[0-9]{1,16}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_DAY = 86_400_000


def _zone(text: str | None) -> timezone | None:
    if text is None or text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:6])
    if hours * 60 + minutes > 14 * 60 or minutes > 59:
        return None
    return timezone((1 if text[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes))


def moment(text: str) -> tuple[datetime, bool] | None:
    """The beginning of an xsd:dateTime or xsd:date, and whether it stands for the whole day."""
    if not (match := _INSTANT.fullmatch(text)) or (zone := _zone(match[9])) is None:
        return None
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    try:
        start = datetime(year, month, day, tzinfo=zone)
    except ValueError:
        return None
    if match[4] is None:
        return start, True
    offset = _since_midnight(int(match[5]), int(match[6]), int(match[7] or 0), match[8] or "")
    try:
        return None if offset is None else (start + offset, False)
    except OverflowError:
        return None


def _since_midnight(hours: int, minutes: int, seconds: int, fraction: str) -> timedelta | None:
    if minutes > 59 or seconds > 59 or hours > 24 or (hours == 24 and (minutes or seconds or fraction.strip("0"))):
        return None
    return timedelta(hours=hours, minutes=minutes, seconds=seconds, milliseconds=int(fraction[:3].ljust(3, "0")))


def instant(text: str) -> Span | None:
    """Milliseconds since the epoch; `2027-12-31` spans its whole day."""
    if (found := moment(text)) is None:
        return None
    start = (found[0] - _EPOCH) // _MS
    return Span(start, start + (_DAY if found[1] else 1))


def duration(text: str) -> Span | None:
    """Milliseconds of an xsd:dayTimeDuration."""
    if not (match := _DURATION.fullmatch(text)):
        return None
    days, hours, minutes, seconds = (int(match[i] or 0) for i in range(1, 5))
    length = ((days * 24 + hours) * 60 + minutes) * 60_000 + seconds * 1000 + int((match[5] or "")[:3].ljust(3, "0"))
    return Span(length, length + 1)


def integer(text: str) -> Span | None:
    """A whole number within what JSON carries safely."""
    if not _INTEGER.fullmatch(text) or abs(number := int(text)) > SAFE:
        return None
    return Span(number, number + 1)


def day(text: str) -> date | None:
    """A calendar day as `2027-12-31`."""
    found = moment(text)
    return found[0].date() if found and found[1] and len(text) == 10 else None
