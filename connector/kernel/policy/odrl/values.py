"""Typed right operands: text of a policy becomes a comparable value, or None, which later means `unknown`.

An instant is a half-open span of milliseconds: a timestamp one millisecond, a date the whole day (spec/policy.md 3.1),
that of the data space where it names no zone (decision 0044). A timestamp without an offset is UTC. Durations of years
or months have no length and do not compare. A decimal is a whole number of millionths, because a comparison must never
depend on how a machine rounds.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from connector.foundation.zone import SPACE
from connector.kernel.policy.odrl.names import XSD, reference

SAFE = 2**53 - 1
"""Largest integer that survives every JSON parser (I-JSON)."""

MILLION = 1_000_000
"""A decimal is counted in millionths."""

WINDOWS = frozenset({"P1D", "P1M"})
"""The calendar windows (Europe/Berlin) in which uses are counted (spec/policy.md 7.3)."""

ANCHORS = frozenset({"agreement", "agreementEnd", "firstAccess", "access", "eventEnd", "violation"})
"""From what `hanse:dueWithin` counts (spec/policy.md 2.5)."""


class Type(StrEnum):
    """What a left operand is compared as.

    INSTANT, DURATION, INTEGER and DECIMAL become a Span; CONCEPT, IRI, TEXT and LANGUAGE a set of texts (language tags
    in lower case); DUE a Due; WINDOW a set with one of WINDOWS.
    """

    INSTANT = "instant"
    DURATION = "duration"
    INTEGER = "integer"
    DECIMAL = "decimal"
    CONCEPT = "concept"
    IRI = "iri"
    TEXT = "text"
    LANGUAGE = "language"
    DUE = "due"
    WINDOW = "window"


TEXTS = frozenset({Type.CONCEPT, Type.IRI, Type.TEXT, Type.LANGUAGE})
"""The types whose values are sets of texts."""


class Span(NamedTuple):
    """From `start` up to but not including `end`; milliseconds (since the epoch), a whole number, or millionths."""

    start: int
    end: int


class Due(NamedTuple):
    """A deadline: `ms` after the anchor, which is one of ANCHORS."""

    anchor: str
    ms: int


def _xsd(names: str) -> frozenset[str]:
    return frozenset(XSD + name for name in names.split())


_WHOLE = _xsd("integer int long short nonNegativeInteger positiveInteger unsignedInt unsignedLong")
DATATYPES: dict[Type, frozenset[str]] = {
    Type.INSTANT: _xsd("dateTime dateTimeStamp date"),
    Type.DURATION: _xsd("duration dayTimeDuration"),
    Type.INTEGER: _WHOLE,
    Type.DECIMAL: _WHOLE | _xsd("decimal double float"),
    Type.CONCEPT: _xsd("anyURI"),
    Type.IRI: _xsd("anyURI"),
    Type.TEXT: frozenset(),
    Type.LANGUAGE: _xsd("language"),
    Type.DUE: frozenset(),
    Type.WINDOW: _xsd("duration dayTimeDuration yearMonthDuration"),
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
_DECIMAL = re.compile(r"([+-]?)([0-9]{1,16})(?:\.([0-9]{1,6})0{0,12})?")
_FLOATING = re.compile(r"[+-]?[0-9]{1,17}(?:\.[0-9]{1,17})?[eE][+-]?[0-9]{1,2}")
_FLOATING_TYPES = _xsd("double float")
_LARGEST_WHOLE = 1e21
"""From here on JSON-LD writes a number with an exponent (JSON-LD 1.1 API, 8.6)."""
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,8}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_DAY = timedelta(days=1)


def _zone(text: str | None, otherwise: tzinfo) -> tzinfo | None:
    if text is None or text == "Z":
        return otherwise if text is None else UTC
    hours, minutes = int(text[1:3]), int(text[4:6])
    if hours * 60 + minutes > 14 * 60 or minutes > 59:
        return None
    return timezone((1 if text[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes))


def moment(text: str, space: tzinfo = SPACE) -> tuple[datetime, bool] | None:
    """The beginning of an xsd:dateTime or xsd:date, and whether it stands for the whole day (of `space`)."""
    if not (match := _INSTANT.fullmatch(text)):
        return None
    if (zone := _zone(match[9], UTC if match[4] else space)) is None:
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


def instant(text: str, space: tzinfo = SPACE) -> Span | None:
    """Milliseconds since the epoch; `2027-12-31` spans its whole day in `space`, of 23 to 25 hours."""
    if (found := moment(text, space)) is None:
        return None
    start, whole_day = found
    try:
        return Span(_ms(start), _ms(start + _DAY) if whole_day else _ms(start) + 1)
    except OverflowError:
        return None


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // _MS


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


def decimal(text: str) -> Span | None:
    """Millionths of a decimal with at most six places; finer ones are not understood rather than rounded."""
    if not (match := _DECIMAL.fullmatch(text)):
        return None
    number = int(match[2]) * MILLION + int((match[3] or "").ljust(6, "0"))
    if number > SAFE * MILLION:
        return None
    number = -number if match[1] == "-" else number
    return Span(number, number + 1)


def numeral(number: float) -> tuple[str, str]:
    """A number of JSON as text, with its datatype. One without a fraction is an integer, also as `3.0`: so JSON-LD and
    RDF have it."""
    if number.is_integer() and abs(number) < _LARGEST_WHOLE:
        return str(int(number)), XSD + "integer"
    return _in_full(repr(number)), XSD + "decimal"


def exact(text: str, datatype: str) -> str:
    """The text of a literal to be compared: a double such as `2.5E0` in full, since every program writes one its way;
    anything else as it is."""
    return _in_full(text) if datatype in _FLOATING_TYPES else text


def _in_full(text: str) -> str:
    return f"{Decimal(text):f}" if _FLOATING.fullmatch(text) else text


def language(text: str) -> str | None:
    """A language tag in lower case, because BCP 47 tags are compared without regard to case (RFC 5646, 2.1.1)."""
    return text.lower() if _LANGUAGE.fullmatch(text) else None


def due(text: str) -> Due | None:
    """A deadline such as `agreementEnd+P30D`: an anchor, a plus sign and a dayTimeDuration (spec/policy.md 2.5)."""
    anchor, plus, length = text.partition("+")
    if not plus or anchor not in ANCHORS or (span := duration(length)) is None:
        return None
    return Due(anchor, span.start)


Right = Span | Due | frozenset[str]
"""A value that is understood; its type says which of them."""


def single(type: Type, text: str) -> Right | None:
    """The value that one text has as this type, None if it has none. Sets of texts are read by `several`."""
    match type:
        case Type.INSTANT:
            return instant(text)
        case Type.DURATION:
            return duration(text)
        case Type.INTEGER:
            return integer(text)
        case Type.DECIMAL:
            return decimal(text)
        case Type.DUE:
            return due(text)
        case Type.WINDOW:
            return frozenset((text,)) if text in WINDOWS else None
        case _:
            return several(type, [text])


def several(type: Type, texts: Sequence[str]) -> frozenset[str] | None:
    """The set that texts are as one of TEXTS: IRIs with known prefixes written out, language tags in lower case."""
    if type in (Type.CONCEPT, Type.IRI):
        return frozenset(reference(text) for text in texts)
    if type is not Type.LANGUAGE:
        return frozenset(texts)
    tags = [language(text) for text in texts]
    found = frozenset(tag for tag in tags if tag is not None)
    return None if None in tags else found


def floating(text: str) -> bool:
    """Whether this timestamp has no offset, so that UTC was assumed."""
    return bool((match := _INSTANT.fullmatch(text)) and match[4] and match[9] is None)


def day(text: str) -> date | None:
    """A calendar day as `2027-12-31`."""
    found = moment(text)
    return found[0].date() if found and found[1] and len(text) == 10 else None
