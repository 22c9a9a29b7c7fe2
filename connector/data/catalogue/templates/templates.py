"""Rule templates: fills the slots of `policies/*.toml` and gives the ODRL policy of an offer (spec/policy.md 14)."""

import json
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from connector.data.catalogue.concepts import folded, nearest
from connector.data.catalogue.templates.slots import KINDS, Slot, SlotType, choices, concepts
from connector.foundation.errors import Mistake
from connector.foundation.language import say
from connector.foundation.resources import folder
from connector.kernel.policy.odrl.days import midnight, read_day
from connector.kernel.policy.odrl.names import HANSE
from connector.kernel.policy.odrl.values import duration

__all__ = [
    "Slot",
    "Template",
    "default_text",
    "earlier",
    "fill",
    "midnight",
    "named",
    "sample",
    "template",
    "templates",
]

Light = Literal["green", "yellow", "red"]

SPACE = "space"
"""The slot that every template has."""
_SPACE = re.compile(r"https://[!-~]{1,480}/(?:space|groups/[a-z0-9-]{1,63})")
PLACE = re.compile(r"\{([a-z-]+)\}")
_LATER = re.compile(r"\{([a-z-]+)\}\+P([0-9]{1,4})D")
_GONE = object()
_SAMPLES: Mapping[SlotType, str] = {
    "first-day": "2000-01-01",
    "last-day": "9000-12-31",
    "duration": "P30D",
    "window": "P1D",
    "text": "…",
    "participants": "did:web:participant.example",
    "participant": "did:web:participant.example",
    "party": "did:web:participant.example",
    "hash": "0" * 64,
    "amount": "1.00",
    "currency": "EUR",
    "licence": "dl-by-de/2.0",
    "county": "05515",
    "url": "https://participant.example/",
    "iri": "urn:uuid:00000000-0000-0000-0000-000000000000",
    "fields": "$.name",
}


class Template(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule template; texts by language, `body` the policy with `{slot}` placeholders.

    `effect` is one sentence, `plain` a paragraph that says what is enforced, watched and only agreed. `light` tells a
    steward whether data protection has to look: green no, yellow perhaps, red always. `edition` counts what a template
    of this id has said: of an earlier one nothing new is made, and offers made of it are still recognised.
    """

    id: str
    number: int
    edition: int = 1
    light: Light
    title: Mapping[str, str]
    effect: Mapping[str, str]
    plain: Mapping[str, str]
    slots: Mapping[str, Slot] = {}
    body: dict[str, object]


@cache
def _read(place: Path) -> tuple[Template, ...]:
    documents = (tomllib.loads(path.read_text(encoding="utf-8")) for path in place.glob("*.toml"))
    found = (_unbroken(msgspec.convert(document, Template)) for document in documents)
    return tuple(sorted(found, key=lambda template: (template.number, -template.edition)))


def _unbroken(found: Template) -> Template:
    """Lines of the file are no lines of the text."""
    plain = {lang: " ".join(text.split()) for lang, text in found.plain.items()}
    return msgspec.structs.replace(found, plain=plain)


def templates() -> tuple[Template, ...]:
    """All templates, by number."""
    return _read(folder("policies"))


def earlier() -> tuple[Template, ...]:
    """What templates said before, the latest edition first: kept as it was, for rules that were made then."""
    return _read(folder("policies") / "earlier")


def named(word: str) -> str:
    """The id of a template by itself or its title in either language; raises Mistake with the nearest."""
    known = {folded(text): each.id for each in templates() for text in (*each.title.values(), each.id)}
    return known.get(folded(word)) or template(word).id


def template(template_id: str) -> Template:
    """The template of that id; Mistake names the nearest."""
    known = {each.id: each for each in templates()}
    if template_id in known:
        return known[template_id]
    raise Mistake("policy.template-unknown", template=template_id, nearest=nearest(template_id, known))


def fill(template_id: str, slots: Mapping[str, str], edition: int = 0) -> dict[str, object]:
    """The policy document without @id, @type and target; Mistake for an unknown template or slot and a bad value.

    Every template has the slot `space`: IRIs of spaces and groups whose members alone may have it (spec/spaces.md 5.3).
    A slot that is named and holds nothing is refused: left out it may permit more than whoever named it meant. With
    `edition` the policy is what the template said then.
    """
    chosen = _edition(template_id, edition)
    _require_filled(slots)
    spaces = _spaces(slots.get(SPACE, ""))
    slots = {name: text for name, text in slots.items() if name != SPACE}
    for name in slots:
        if name not in chosen.slots:
            near = nearest(name, chosen.slots) if chosen.slots else ""
            raise Mistake("policy.slot-unknown", slot=name, template=template_id, nearest=near)
    texts = {name: _text(slot, slots.get(name, "").strip(), slots) for name, slot in chosen.slots.items()}
    values = {name: _value(name, slot, texts[name], template_id) for name, slot in chosen.slots.items()}
    _in_order(chosen, texts)
    document = _insert(chosen.body, values)
    return _for_members(document, spaces) if isinstance(document, dict) else {}


def _edition(template_id: str, edition: int) -> Template:
    was = (one for one in earlier() if (one.id, one.edition) == (template_id, edition))
    return next(was, None) or template(template_id)


def _require_filled(slots: Mapping[str, str]) -> None:
    """Raises Mistake for a slot without a value, as a script with an unset variable has it, and for one that is no text
    but a number or list of JSON."""
    for name, text in slots.items():
        if not isinstance(text, str):
            raise Mistake("policy.slot-not-text", slot=name, value=json.dumps(text, default=str)[:80])
        if not text.replace(",", " ").strip():
            raise Mistake("policy.slot-missing-value", slot=name, value=text[:80])


def _spaces(text: str) -> list[str]:
    """The IRIs in it; raises Mistake."""
    found = text.replace(",", " ").split()
    for one in found:
        if not _SPACE.fullmatch(one):
            raise Mistake("policy.slot-space", value=one[:200])
    return found


def _for_members(document: dict[str, object], spaces: list[str]) -> dict[str, object]:
    """Each permission for members of one of these spaces alone."""
    permissions = document.get("permission")
    if not spaces or not isinstance(permissions, list):
        return document
    only = {"leftOperand": f"{HANSE}memberOf", "operator": "isAnyOf", "rightOperand": spaces}
    return {
        **document,
        "permission": [{**one, "constraint": [*one.get("constraint", ()), only]} for one in permissions],
    }


def _text(slot: Slot, given: str, slots: Mapping[str, str]) -> str:
    """What was given, or the default; a default that hangs on a day nobody gave is empty."""
    if given or not (later := _LATER.fullmatch(slot.default)):
        return given or slot.default
    anchor = read_day(slots.get(later[1], "").strip())
    return (anchor + timedelta(days=int(later[2]))).isoformat() if anchor else ""


def _value(name: str, slot: Slot, text: str, template_id: str) -> object:
    if text:
        return KINDS[slot.type].read(name, slot, text)
    if slot.optional:
        return _GONE
    raise Mistake("policy.slot-missing", slot=name, template=template_id)


def _in_order(chosen: Template, texts: Mapping[str, str]) -> None:
    """A period that ends before it begins would be a rule that nobody can ever use, and what is deleted cannot be
    returned."""
    for name, slot in chosen.slots.items():
        before, after = _point(texts.get(slot.after, "")), _point(texts[name])
        if before is not None and after is not None and after < before:
            raise Mistake("policy.slot-order", template=chosen.id)


def _point(text: str) -> int | None:
    """A day or a length of time as a number that compares with its like."""
    if (at := read_day(text)) is not None:
        return at.toordinal()
    return None if (length := duration(text)) is None else length.start


def _insert(part: object, values: Mapping[str, object]) -> object:
    """`part` with every placeholder replaced; what needs an empty slot vanishes, and so does a list it empties."""
    if isinstance(part, str):
        return _replaced(part, values)
    if isinstance(part, dict):
        filled = {key: _insert(entry, values) for key, entry in part.items()}
        return _GONE if any(entry is _GONE for entry in filled.values()) else filled
    if isinstance(part, list):
        kept = [entry for entry in (_insert(each, values) for each in part) if entry is not _GONE]
        return kept or _GONE
    return part


def _replaced(text: str, values: Mapping[str, object]) -> object:
    """A lone placeholder becomes its value, one inside a text (`agreementEnd+{delete-within}`) a part of it."""
    if match := PLACE.fullmatch(text):
        return values[match[1]]
    if any(values[name] is _GONE for name in PLACE.findall(text)):
        return _GONE
    return PLACE.sub(lambda match: str(values[match[1]]), text)


def default_text(slot: Slot, slots: Mapping[str, Slot], lang: str) -> str:
    """What stands in a slot that nobody fills, as people read it: labels, and days after those of another slot."""
    if later := _LATER.fullmatch(slot.default):
        return say("template.later", lang, days=int(later[2]), label=slots[later[1]].label[lang])
    known = choices(slot)
    words = [word.strip() for word in slot.default.split(",")]
    return ", ".join(known[word][lang] if word in known else word for word in words)


def sample(template: Template) -> dict[str, object]:
    """The policy with a sample in every slot that has to be filled; the others keep their defaults, or are left out."""
    needed = {n: s for n, s in template.slots.items() if not s.optional and (not s.default or "{" in s.default)}
    return fill(template.id, {name: _sample(slot) for name, slot in needed.items()})


def _sample(slot: Slot) -> str:
    if slot.type == "count":
        return str(slot.least)
    return _SAMPLES.get(slot.type) or next(iter(sorted(concepts(slot))))
