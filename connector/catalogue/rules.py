"""Rule templates: fills the slots of `policies/*.toml` and gives the ODRL policy of an offer (policy.md 6.3, 6.4).

A last day becomes `lt` the next midnight in Europe/Berlin with its offset, so that nobody has to guess a time zone.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Literal, assert_never
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Struct

from connector.dialects import skos
from connector.errors import Mistake
from connector.policy.evaluate import decide
from connector.policy.model import Phase, Policy
from connector.policy.values import day, duration, integer
from connector.policy.world import World
from connector.resources import folder

SlotType = Literal["kinds", "purposes", "first-day", "last-day", "duration", "count", "text"]
Visibility = Literal["members", "eligible"]

_SLOT = re.compile(r"\{([a-z-]+)\}")
_GERMAN_DAY = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
_SCHEMES: Mapping[str, str] = {"kinds": "participantKindScheme", "purposes": "purposeScheme"}
_GONE = object()
_LONGEST_TEXT = 500


class Slot(Struct, frozen=True, kw_only=True):
    """A blank of a template; without `default` it must be filled unless `optional`."""

    type: SlotType
    label: Mapping[str, str]
    default: str = ""
    optional: bool = False


class Template(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule template; `title` and `effect` by language, `body` the policy with `{slot}` placeholders."""

    id: str
    number: int
    title: Mapping[str, str]
    effect: Mapping[str, str]
    slots: Mapping[str, Slot] = {}
    body: dict[str, object]


@cache
def _read(place: Path) -> tuple[Template, ...]:
    documents = (tomllib.loads(path.read_text(encoding="utf-8")) for path in place.glob("*.toml"))
    return tuple(sorted((msgspec.convert(d, Template) for d in documents), key=lambda template: template.number))


def templates() -> tuple[Template, ...]:
    """All templates, by number."""
    return _read(folder("policies"))


@cache
def vocabulary() -> skos.Vocabulary:
    """The concept lists that rules refer to."""
    return skos.load(folder("vocab"))


def template(template_id: str) -> Template:
    """The template of that id; Mistake names the nearest."""
    known = {each.id: each for each in templates()}
    if template_id in known:
        return known[template_id]
    raise Mistake("policy.template-unknown", template=template_id, nearest=_nearest(template_id, list(known)))


def _nearest(word: str, words: list[str]) -> str:
    return (difflib.get_close_matches(word, words, n=1, cutoff=0.0) or words)[0]


def fill(template_id: str, slots: Mapping[str, str]) -> dict[str, object]:
    """The policy document without @id, @type and target; Mistake for an unknown template or slot and a bad value."""
    chosen = template(template_id)
    for name in slots:
        if name not in chosen.slots:
            nearest = _nearest(name, list(chosen.slots))
            raise Mistake("policy.slot-unknown", slot=name, template=template_id, nearest=nearest)
    values = {name: _filled(name, slot, slots.get(name, ""), template_id) for name, slot in chosen.slots.items()}
    _in_order(chosen, values)
    document = _insert(chosen.body, values)
    return document if isinstance(document, dict) else {}


def _in_order(chosen: Template, values: Mapping[str, object]) -> None:
    """A period that ends before it begins would be a rule that nobody can ever use."""
    instants = {slot.type: str(values[name]) for name, slot in chosen.slots.items() if slot.type.endswith("-day")}
    if len(instants) == 2 and instants["first-day"][:10] >= instants["last-day"][:10]:
        raise Mistake("policy.slot-order", template=chosen.id)


def _filled(name: str, slot: Slot, given: str, template_id: str) -> object:
    text = given.strip() or slot.default
    if text:
        return _value(name, slot.type, text)
    if slot.optional:
        return _GONE
    raise Mistake("policy.slot-missing", slot=name, template=template_id)


def _value(name: str, type: SlotType, text: str) -> object:
    match type:
        case "kinds":
            return _concepts(name, type, text)
        case "purposes":
            found = _concepts(name, type, text)
            return found[0] if len(found) == 1 else found
        case "first-day":
            return midnight(_day(name, text)).isoformat()
        case "last-day":
            return midnight(_day(name, text) + timedelta(days=1)).isoformat()
        case "duration":
            return _checked(name, text, "policy.slot-duration", (length := duration(text)) and length.start > 0)
        case "count":
            return _checked(name, text, "policy.slot-count", (number := integer(text)) and number.start > 0)
        case "text":
            good = text.isprintable() and len(text) <= _LONGEST_TEXT
            return _checked(name, text, "policy.slot-text", good)
        case _:
            assert_never(type)


def _checked(name: str, text: str, code: str, good: object) -> str:
    if not good:
        raise Mistake(code, slot=name, value=text[:80])
    return text


def _concepts(name: str, type: str, text: str) -> list[str]:
    scheme = vocabulary().scheme(_SCHEMES[type])
    spellings = {
        spelling.casefold(): concept.iri
        for concept in scheme.values()
        for spelling in (concept.iri, concept.notation, *concept.labels.values())
    }
    found = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        if word.casefold() not in spellings:
            nearest = spellings[_nearest(word.casefold(), list(spellings))].rpartition("#")[2]
            raise Mistake("policy.slot-concept", slot=name, value=word[:80], nearest=nearest)
        found.append(spellings[word.casefold()])
    _checked(name, text, "policy.slot-missing-value", found)
    return list(dict.fromkeys(found))


def _day(name: str, text: str) -> date:
    german = _GERMAN_DAY.fullmatch(text)
    found = day(f"{german[3]}-{int(german[2]):02}-{int(german[1]):02}" if german else text)
    if found is None or not 1996 < found.year < 9999:
        raise Mistake("policy.slot-day", slot=name, value=text[:80])
    return found


def midnight(at: date) -> datetime:
    """The beginning of that day in Europe/Berlin, with its offset; needs no time zone database."""
    try:
        local = datetime(at.year, at.month, at.day, tzinfo=ZoneInfo("Europe/Berlin"))
        offset = local.utcoffset() or timedelta()
    except ZoneInfoNotFoundError:
        offset = _offset(at)
    return datetime(at.year, at.month, at.day, tzinfo=timezone(offset))


def _offset(at: date) -> timedelta:
    """The offset at 00:00 by the rule of the EU: summer time from the last Sunday of March to that of October."""
    summer = _last_sunday(at.year, 3) < at <= _last_sunday(at.year, 10)
    return timedelta(hours=2 if summer else 1)


def _last_sunday(year: int, month: int) -> date:
    last = date(year, month, 31)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def _insert(part: object, values: Mapping[str, object]) -> object:
    """`part` with every placeholder replaced; whatever needs an empty optional slot vanishes up to its list."""
    if isinstance(part, str) and (match := _SLOT.fullmatch(part)):
        return values[match[1]]
    if isinstance(part, dict):
        filled = {key: _insert(entry, values) for key, entry in part.items()}
        return _GONE if any(entry is _GONE for entry in filled.values()) else filled
    if isinstance(part, list):
        return [entry for entry in (_insert(each, values) for each in part) if entry is not _GONE]
    return part


def negotiable(policy: Policy, world: World) -> bool:
    """Whether a negotiation by this requester is not refused by the rule."""
    return decide(policy, world, "negotiation").permit


def visible(policy: Policy, world: World, visibility: Visibility, phase: Phase = "catalog") -> bool:
    """Whether the offer shows in the catalogue: to every member, or only to those whom nothing contradicts."""
    return visibility == "members" or decide(policy, world, phase).permit
