"""Message catalogues: every sentence for people, German (the source) and English (complete).

One TOML file per room and language, `connector/foundation/language/<lang>/<room>.toml`; nested tables make dotted keys.
Placeholders are `{name}`, and `{days:# day|# days}` for a number and what is counted: the first wording is that of one
thing, `#` is the number. A missing key or placeholder is our defect and shows as such instead of hiding. This is the
door to people, so instants that a sentence names are put into local time here (decision 0044).
"""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from string import Formatter

from connector.foundation.language.rooms import Catalogue
from connector.foundation.zone import SPACE, local, spoken, through

LANGUAGES = ("de", "en")

_INSTANTS = frozenset(
    {"at", "concluded", "due", "effective", "ended", "issued", "last", "made", "now", "oldest", "since", "until"}
)
"""Placeholders that stand for an instant: RFC 3339 in them becomes local time."""
_ENDS = frozenset({"through"})
"""Placeholders that stand for an end: at midnight it is said as the last day."""
_DAYS = frozenset({"day"})
"""Placeholders that stand for a day: it is written as people write it, an instant as its day in the space."""
_LOCAL = _INSTANTS | _ENDS | _DAYS


class _Counting(Formatter):
    def format_field(self, value: object, format_spec: str) -> str:
        one, both, several = format_spec.partition("|")
        if not both:
            return str(super().format_field(value, format_spec))
        return (one if str(value) == "1" else several).replace("#", str(value))


_COUNTING = _Counting()


@cache
def catalogue(lang: str) -> Catalogue:
    """All messages of one language, dotted key -> text with placeholders; every caller shares them."""
    return Catalogue(Path(__file__).parent / lang)


def say(key: str, lang: str, /, **facts: object) -> str:
    """The sentence for `key` in `lang` ('de' or 'en') with its placeholders filled; a fact may be told by language."""
    facts = {name: fact.get(lang, "") if isinstance(fact, Mapping) else fact for name, fact in facts.items()}
    if not _LOCAL.isdisjoint(facts):
        facts = {name: _localised(name, fact, lang) for name, fact in facts.items()}
    text = catalogue(lang)[key]
    return _COUNTING.vformat(text, (), facts) if "|" in text else text.format(**facts)


def _localised(name: str, fact: object, lang: str) -> object:
    if not isinstance(fact, str) or name not in _LOCAL:
        return fact
    return day_text(fact, lang) if name in _DAYS else local_text(fact, lang, end=name in _ENDS)


def local_time(milliseconds: int, lang: str) -> str:
    """An instant (ms) as people read it: `31.12.2027, 14:05:00 Uhr (MEZ)`; a number if no calendar reaches it."""
    at = local(milliseconds)
    return str(milliseconds) if at is None else spoken(at, lambda key, /, **facts: say(key, lang, **facts))


def local_day(milliseconds: int, lang: str) -> str:
    """The day of an instant (ms) on the calendar of the space: `31.12.2027`; empty if no calendar reaches it."""
    at = local(milliseconds)
    return "" if at is None else say("policy.format.day", lang, at=at, year=at.year)


def local_end(milliseconds: int, lang: str) -> str:
    """The first instant (ms) that is too late: `einschließlich 31.12.2027` at midnight, else as `local_time`."""
    at = local(milliseconds)
    return str(milliseconds) if at is None else through(at, lambda key, /, **facts: say(key, lang, **facts))


def local_text(text: str, lang: str, *, end: bool = False) -> str:
    """RFC 3339 with an offset as people read it, an `end` perhaps as a day; any other text, and a day, as it is."""
    try:
        at = datetime.fromisoformat(text) if "T" in text else None
        at = None if at is None or at.tzinfo is None else at.astimezone(SPACE)
    except (ValueError, OverflowError):
        return text
    told = through if end else spoken
    return text if at is None else told(at, lambda key, /, **facts: say(key, lang, **facts))


def day_text(text: str, lang: str) -> str:
    """A day, or that of an instant with an offset, as people write it: `31.12.2027`; any other text as it is."""
    try:
        at = datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
        at = at.astimezone(SPACE) if isinstance(at, datetime) and at.tzinfo is not None else at
    except (ValueError, OverflowError):
        return text
    return say("policy.format.day", lang, at=at, year=at.year)


def both(key: str, /, **facts: object) -> tuple[str, str]:
    """German and English, in that order: the form of `reason` on the wire."""
    return say(key, "de", **facts), say(key, "en", **facts)


def decimal(number: float, lang: str, digits: int = 1) -> str:
    """`1.284,3` in German, `1,284.3` in English."""
    text = f"{number:,.{digits}f}"
    return text.translate(str.maketrans(",.", ".,")) if lang == "de" else text
