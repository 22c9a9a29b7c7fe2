"""What may stand in the slots of a rule template: text of a steward to values of a policy, and back.

Each type is a pair: `read` gives the right operand or says what to mend, `write` gives the text that reads to the same
values. Only strings leave here, because the protocol's schema takes no JSON numbers (spec/policy.md 14.2).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Literal, NamedTuple

from msgspec import Struct

from connector.data.catalogue.concepts import KINDS as KIND_SCHEME
from connector.data.catalogue.concepts import PURPOSES, nearest, proposed, vocabulary, within
from connector.data.catalogue.listed_values import find
from connector.foundation.errors import Mistake
from connector.foundation.language import LANGUAGES, say
from connector.kernel.dialects.policies import skos
from connector.kernel.metadata.lists import code_lists as lists
from connector.kernel.policy.odrl.days import day_of, midnight, read_day
from connector.kernel.policy.odrl.values import duration, integer

SlotType = Literal[
    "kinds",
    "purposes",
    "levels",
    "areas",
    "terms",
    "term",
    "first-day",
    "last-day",
    "duration",
    "window",
    "count",
    "text",
    "participants",
    "participant",
    "party",
    "hash",
    "licence",
    "county",
    "amount",
    "currency",
    "url",
    "iri",
    "fields",
]
Value = str | list[str]

LONGEST = 500
MOST = 100
"""Longest text of one value, and the most values in one list."""
_SCHEMES: Mapping[str, str] = {
    "kinds": KIND_SCHEME,
    "purposes": PURPOSES,
    "levels": "adminLevelScheme",
    "areas": "areaScheme",
}
_WINDOWS: Mapping[str, str] = {"p1d": "P1D", "tag": "P1D", "day": "P1D", "p1m": "P1M", "monat": "P1M", "month": "P1M"}
_CURRENCIES = ("EUR", "BGN", "CHF", "CZK", "DKK", "GBP", "HUF", "NOK", "PLN", "RON", "SEK", "USD")
_DID = re.compile(r"did:[a-z0-9]+:[A-Za-z0-9._:%-]+")
_MAIL = re.compile(r"mailto:[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[a-z]{2,}")
_URL = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-;=?-~]*)?")
_IRI = re.compile(r"(urn:[a-z0-9][a-z0-9-]+:[!-;=?-~]+|https://[A-Za-z0-9.-]+(:[0-9]{1,5})?/[!-;=?-~]*)")
LICENCES = ("dl-by-de/2.0", "cc-by/4.0")
"""What a form proposes of the open licences that ask to name the source, by code."""
_HASH = re.compile(r"(?:sha-?256:)?([0-9a-f]{64})")
_COUNTY = re.compile(r"([0-9]{3}(?!00)[0-9]{2})(?:0{7})?")
_LAST_STATE = 16
_FIELD = re.compile(r"\$(\.[A-Za-z_][A-Za-z0-9_-]*|\.\*|\['[^',\x00-\x1f]+'\]|\[\*\]|\[[0-9]{1,6}\])+")
_AMOUNT = re.compile(r"([0-9]{1,9}|[0-9]{1,3}(?:\.[0-9]{3}){1,2})(?:,([0-9]{1,2}))?|([0-9]{1,9})\.([0-9]{1,2})")


class Slot(Struct, frozen=True, kw_only=True):
    """A blank of a template; without `default` it must be filled unless `optional`.

    `scheme` is the list of a `term` or `terms`. A day lies after that of the slot `after`. `least` is the smallest
    count. A default `{until}+P31D` is so many days after that of another slot.
    """

    type: SlotType
    label: Mapping[str, str]
    default: str = ""
    optional: bool = False
    scheme: str = ""
    after: str = ""
    least: int = 1


class Kind(NamedTuple):
    """How text becomes the value of a slot, and how values become text again; None if they cannot."""

    read: Callable[[str, Slot, str], Value]
    write: Callable[[Slot, Sequence[str]], str | None]


def concepts(slot: Slot) -> Mapping[str, skos.Concept]:
    """The list that this slot takes its values from, by notation; empty for other types."""
    scheme = slot.scheme or _SCHEMES.get(slot.type, "")
    return vocabulary().scheme(scheme) if scheme else {}


def choices(slot: Slot) -> Mapping[str, Mapping[str, str]]:
    """What a form proposes, by what is written into the slot, with its labels; empty where anything may be written."""
    if slot.type != "licence":
        return {notation: concept.labels for notation, concept in concepts(slot).items()}
    found = (lists.code_lists().by_code(lists.LICENSES, code) for code in LICENCES)
    return {one.code: {lang: one.label(lang) for lang in LANGUAGES} for one in found if one is not None}


def hint(slot: Slot, lang: str) -> str:
    """What to write into it, in `lang`."""
    return say(f"template.slot.{slot.type}", lang, least=slot.least)


def _fail(code: str, name: str, text: str, **facts: object) -> Mistake:
    return Mistake(f"policy.slot-{code}", slot=name, value=text[:80], **facts)


def _concept(name: str, slot: Slot, word: str) -> str:
    scheme = slot.scheme or _SCHEMES[slot.type]
    if (found := within(scheme, word)) is None:
        raise _fail("concept", name, word, nearest=proposed(scheme, word))
    return found


def _words(name: str, text: str) -> list[str]:
    words = list(dict.fromkeys(word for word in (part.strip() for part in text.split(",")) if word))
    if not words:
        raise _fail("missing-value", name, text)
    if len(words) > MOST:
        raise _fail("too-many", name, text, most=MOST)
    return words


def _read_concepts(name: str, slot: Slot, text: str) -> list[str]:
    return list(dict.fromkeys(_concept(name, slot, word) for word in _words(name, text)))


def _read_purposes(name: str, slot: Slot, text: str) -> Value:
    found = _read_concepts(name, slot, text)
    return found[0] if len(found) == 1 else found


def _read_concept(name: str, slot: Slot, text: str) -> str:
    return _concept(name, slot, text)


def _write_concepts(_: Slot, texts: Sequence[str]) -> str | None:
    known = vocabulary().concepts
    return ", ".join(sorted(known[t].notation for t in texts)) if all(t in known for t in texts) else None


def _read_first(name: str, slot: Slot, text: str) -> str:
    if (found := read_day(text)) is None:
        raise _fail("day", name, text)
    return midnight(found).isoformat()


def _read_last(name: str, slot: Slot, text: str) -> str:
    if (found := read_day(text)) is None:
        raise _fail("day", name, text)
    return midnight(found + timedelta(days=1)).isoformat()


def _write_first(_: Slot, texts: Sequence[str]) -> str | None:
    found = day_of(texts[0])
    return found.isoformat() if found else None


def _write_last(_: Slot, texts: Sequence[str]) -> str | None:
    found = day_of(texts[0])
    return (found - timedelta(days=1)).isoformat() if found else None


def _read_duration(name: str, slot: Slot, text: str) -> str:
    if not ((length := duration(text)) and length.start > 0):
        raise _fail("duration", name, text)
    return text


def _read_count(name: str, slot: Slot, text: str) -> str:
    if not ((number := integer(text)) and number.start >= slot.least):
        raise _fail("count", name, text, least=slot.least)
    return str(number.start)


def _read_text(name: str, slot: Slot, text: str) -> str:
    if not text.isprintable() or len(text) > LONGEST:
        raise _fail("text", name, text)
    return text


def _read_amount(name: str, slot: Slot, text: str) -> str:
    """`1.250,50`, `1250,5` or `1250.50`: always two digits after the point."""
    if not (match := _AMOUNT.fullmatch(text)):
        raise _fail("amount", name, text)
    whole, cents = (match[1] or match[3]).replace(".", ""), match[2] or match[4] or ""
    if not int(whole + cents.ljust(2, "0")):
        raise _fail("amount", name, text)
    return f"{int(whole)}.{cents.ljust(2, '0')}"


def _read_currency(name: str, slot: Slot, text: str) -> str:
    if text.upper() not in _CURRENCIES:
        raise _fail("currency", name, text, nearest=nearest(text.upper(), _CURRENCIES))
    return text.upper()


def _read_window(name: str, slot: Slot, text: str) -> str:
    if (found := _WINDOWS.get(text.casefold())) is None:
        raise _fail("window", name, text)
    return found


def _read_licence(name: str, slot: Slot, text: str) -> str:
    """An open licence that asks to name the source: one that asks for nothing needs no rule."""
    found = find(lists.LICENSES, text)
    if found is None or not (found.open and found.attribution):
        raise _fail("licence", name, text)
    return found.iri


def _write_licence(_: Slot, texts: Sequence[str]) -> str | None:
    found = lists.code_lists().value(texts[0])
    return None if found is None else found.code


def _read_county(name: str, slot: Slot, text: str) -> str:
    """The five digits of a county; of its whole regional key the rest are zeros."""
    if not (match := _COUNTY.fullmatch(re.sub(r"[ .]", "", text))) or not 1 <= int(match[1][:2]) <= _LAST_STATE:
        raise _fail("county", name, text)
    return match[1]


def _read_hash(name: str, slot: Slot, text: str) -> str:
    if not (match := _HASH.fullmatch(text.lower())):
        raise _fail("hash", name, text)
    return match[1]


def _shaped(code: str, *shapes: re.Pattern[str]) -> Callable[[str, Slot, str], str]:
    def read(name: str, slot: Slot, text: str) -> str:
        if len(text) > LONGEST or not any(shape.fullmatch(text) for shape in shapes):
            raise _fail(code, name, text)
        return text

    return read


def _each(one: Callable[[str, Slot, str], str]) -> Callable[[str, Slot, str], Value]:
    return lambda name, slot, text: [one(name, slot, word) for word in _words(name, text)]


def _same(_: Slot, texts: Sequence[str]) -> str | None:
    return ", ".join(texts)


_did = _shaped("did", _DID)
KINDS: Mapping[SlotType, Kind] = {
    **dict.fromkeys(("kinds", "levels", "areas", "terms"), Kind(_read_concepts, _write_concepts)),
    "purposes": Kind(_read_purposes, _write_concepts),
    "term": Kind(_read_concept, _write_concepts),
    "first-day": Kind(_read_first, _write_first),
    "last-day": Kind(_read_last, _write_last),
    "duration": Kind(_read_duration, _same),
    "window": Kind(_read_window, _same),
    "count": Kind(_read_count, _same),
    "text": Kind(_read_text, _same),
    "participants": Kind(_each(_did), _same),
    "participant": Kind(_did, _same),
    "party": Kind(_shaped("party", _DID, _MAIL, _URL), _same),
    "hash": Kind(_read_hash, _same),
    "licence": Kind(_read_licence, _write_licence),
    "county": Kind(_read_county, _same),
    "amount": Kind(_read_amount, _same),
    "currency": Kind(_read_currency, _same),
    "url": Kind(_shaped("url", _URL), _same),
    "iri": Kind(_shaped("iri", _IRI), _same),
    "fields": Kind(_each(_shaped("field", _FIELD)), _same),
}
