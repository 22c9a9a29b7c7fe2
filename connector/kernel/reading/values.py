"""What a single value may be: numbers as Germans and others write them, days, yes and no, postcodes, places.

Each value has a shape; a column has the kind that nearly all of its shapes agree on (`columns`). Pure.
"""

import re
from datetime import date
from typing import Literal

Shape = Literal[
    "integer",
    "german",
    "german-thousands",
    "english",
    "english-thousands",
    "space-thousands",
    "date",
    "german-date",
    "datetime",
    "time",
    "boolean",
    "postcode",
    "email",
    "link",
    "coordinate",
    "geometry",
    "text",
]

MISSING = frozenset(
    {
        "-",
        "--",
        "–",
        ".",
        "..",
        "...",
        "/",
        "x",
        "?",
        "k.a.",
        "k. a.",
        "ka",
        "keine angabe",
        "keine angaben",
        "n/a",
        "na",
        "n.a.",
        "n. a.",
        "n.v.",
        "nv",
        "nan",
        "null",
        "none",
        "nil",
        "unbekannt",
        "entfällt",
        "fehlt",
        "#nv",
        "#n/a",
        "#wert!",
        "#div/0!",
        "#bezug!",
        "#ref!",
        "#value!",
        "#name?",
    }
)
"""Values that only say that there is none."""
TRUE = frozenset({"ja", "wahr", "yes", "true", "j"})
FALSE = frozenset({"nein", "falsch", "no", "false", "n"})
_UNIT = r"(?:[ \u00a0\u202f]?(?:€|EUR|%|‰|m²|m2|qm|km|m|cm|mm|ha|kWh|MWh|kW|°C|°|t|kg))?"
_INTEGER = re.compile(rf"[+-]?\d{{1,18}}{_UNIT}")
_GERMAN = re.compile(rf"[+-]?(?:\d{{1,3}}(?:\.\d{{3}})+|\d{{1,18}}),\d{{1,18}}{_UNIT}|[+-]?,\d{{1,18}}")
_GERMAN_THOUSANDS = re.compile(rf"[+-]?\d{{1,3}}(?:\.\d{{3}})+{_UNIT}")
_ENGLISH = re.compile(
    rf"[+-]?(?:\d{{1,3}}(?:,\d{{3}})+|\d{{1,18}})\.\d{{1,18}}(?:[eE][+-]?\d{{1,3}})?{_UNIT}|[+-]?\.\d{{1,18}}"
)
_ENGLISH_THOUSANDS = re.compile(rf"[+-]?\d{{1,3}}(?:,\d{{3}})+{_UNIT}")
_SPACES = re.compile(rf"[+-]?\d{{1,3}}(?:[ \u00a0\u202f’']\d{{3}})+(?:[.,]\d{{1,9}})?{_UNIT}")
_GERMAN_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2})(?:[ ,T]+\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: Uhr)?)?")
_ISO_DAY = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?)?"
)
_TIME = re.compile(r"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d)?(?: Uhr)?")
EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_COORDINATE = re.compile(r"\(?\s*+(-?\d{1,3}\.\d{3,}+)(?:\s*+[,;/]|[^\S ]*+ )\s*+(-?\d{1,3}\.\d{3,}+)\s*+\)?")
_GEOMETRY = re.compile(
    r"(?:SRID=\d{1,6};)?\s*(?:MULTI)?(?:POINT|LINESTRING|POLYGON)\s*+(?:ZM|Z|M)?+\s*+\(|\{\s*\"(?:type|coordinates)\"\s*:",
    re.IGNORECASE,
)
LONGEST = 4_096
"""Characters of a value that may be a number, a day, an address or a place; what is longer is a geometry or text."""
_UNIT_END = re.compile(r"[^\d.,]+$")


def is_missing(value: str) -> bool:
    return value.casefold() in MISSING


def shape_of(value: str) -> Shape:
    """Of a value without spaces around it that is not empty."""
    if len(value) > LONGEST:
        return "geometry" if _GEOMETRY.match(value) else "text"
    first = value[0]
    if first.isdigit() or first in "+-.,":
        return _numeric(value)
    if len(value) <= 6 and value.casefold() in TRUE | FALSE:
        return "boolean"
    if "@" in value and EMAIL.fullmatch(value):
        return "email"
    if _LINK.fullmatch(value):
        return "link"
    if _GEOMETRY.match(value):
        return "geometry"
    return "coordinate" if first == "(" and _COORDINATE.fullmatch(value) else "text"


def _numeric(value: str) -> Shape:
    if _INTEGER.fullmatch(value):
        return "postcode" if len(value) == 5 and value.isdigit() and value >= "01001" else "integer"
    if "." in value and (found := _day(value)):
        return found
    if _GERMAN.fullmatch(value):
        return "german"
    if _GERMAN_THOUSANDS.fullmatch(value):
        return "german-thousands"
    if _ENGLISH.fullmatch(value):
        return "english"
    if _ENGLISH_THOUSANDS.fullmatch(value):
        return "english-thousands"
    if _SPACES.fullmatch(value):
        return "space-thousands"
    if found := _day(value):
        return found
    if _TIME.fullmatch(value):
        return "time"
    if _COORDINATE.fullmatch(value):
        return "coordinate"
    return "email" if "@" in value and EMAIL.fullmatch(value) else "text"


def _day(value: str) -> Shape | None:
    german = _GERMAN_DAY.fullmatch(value)
    if day_of(value) is None:
        return None
    if ":" in value:
        return "datetime"
    return "german-date" if german else "date"


def day_of(value: str) -> date | None:
    """The day of a date or an instant, German or ISO; of two figures a year is after 1930."""
    if german := _GERMAN_DAY.fullmatch(value):
        year = int(german[3])
        parts = (year if year > 99 else year + (2000 if year < 30 else 1900), int(german[2]), int(german[1]))
    elif iso := _ISO_DAY.fullmatch(value):
        parts = (int(iso[1]), int(iso[2]), int(iso[3]))
    else:
        return None
    try:
        return date(*parts)
    except ValueError:
        return None


def number_of(value: str, decimal: str) -> float | None:
    """The number, written with this decimal sign; None for what is none."""
    bare = _UNIT_END.sub("", value.strip()) if value and not value[-1].isdigit() else value.strip()
    bare = re.sub(r"(?<=\d)[ \u00a0\u202f’'](?=\d)", "", bare)
    bare = bare.replace(".", "").replace(",", ".") if decimal == "," else bare.replace(",", "")
    try:
        found = float(bare)
    except ValueError:
        return None
    return found if abs(found) < 1e300 else None


def pair_of(value: str) -> tuple[float, float] | None:
    """Both numbers of a place written in one value."""
    found = _COORDINATE.fullmatch(value)
    return (float(found[1]), float(found[2])) if found else None
