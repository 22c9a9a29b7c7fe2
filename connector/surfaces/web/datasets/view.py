"""What pages say of an own dataset: its record as pairs, its differences as sentences, in the language of the page."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from connector.data.catalogue.model import Revision
from connector.kernel.metadata.record.model import DatasetRecord
from connector.surfaces.views.dataset_life import HistoryView
from connector.surfaces.web.call import Call
from connector.surfaces.web.publish.view import code_of, label_of

SHOWN = (
    "title",
    "description",
    "keywords",
    "themes",
    "frequency",
    "licence",
    "attribution",
    "periods",
    "version",
    "version_notes",
    "access",
)
LONGEST = 200


class RevisionShown(Struct, frozen=True, kw_only=True):
    """`restorable`: its description differs from that of now."""

    number: int
    at: int
    action: str
    differences: tuple[tuple[str, str, str], ...]
    restorable: bool


def record(call: Call, one: DatasetRecord) -> list[tuple[str, str]]:
    """Name and text of all that was said of it."""
    found = ((name, _text(call, name, getattr(one, name))) for name in SHOWN)
    return [(call.say(f"web.datasets.field.{name}"), text) for name, text in found if text]


def answers(one: DatasetRecord) -> dict[str, str]:
    """The answers as a form takes them."""
    return {
        "title": one.title.get("de", ""),
        "description": one.description.get("de", ""),
        "keywords": ", ".join(one.keywords.get("de", ())),
        "frequency": code_of(one.frequency),
        "theme": code_of(one.themes[0]) if one.themes else "",
        "notes": one.version_notes.get("de", ""),
    }


def revisions(call: Call, told: HistoryView, kept: Sequence[Revision]) -> list[RevisionShown]:
    """The newest first."""
    newest = kept[-1].record if kept else None
    return [
        RevisionShown(
            number=shown.number,
            at=one.at,
            action=call.say(f"web.datasets.action.{one.action}"),
            differences=tuple(_differences(call, shown.differences)),
            restorable=one.record != newest,
        )
        for shown, one in reversed(list(zip(told.revisions, kept, strict=True)))
    ]


def _differences(call: Call, found: Sequence[Any]) -> Iterator[tuple[str, str, str]]:
    for one in found:
        name = (
            call.say(f"web.datasets.field.{one.field}") if one.field in SHOWN else call.say("web.datasets.field.more")
        )
        yield name, _text(call, one.field, one.before) or "–", _text(call, one.field, one.after) or "–"


def _text(call: Call, name: str, value: Any) -> str:
    """A field of a record, or of its JSON, as people read it."""
    if not value:
        return ""
    if name in ("frequency", "licence"):
        return label_of(call, str(value))
    if name == "themes":
        return ", ".join(label_of(call, str(one)) for one in value)
    if name == "access":
        return call.say(f"web.datasets.access.{value}")
    if name == "periods":
        return "; ".join(f"{_of(one, 'start')} – {_of(one, 'end')}" for one in value)
    if name == "keywords":
        return ", ".join(word for words in value.values() for word in words)[:LONGEST]
    if isinstance(value, dict):
        return str(value.get(call.lang) or next(iter(value.values()), ""))[:2_000]
    return str(value)[:LONGEST] if isinstance(value, str | int) else call.say("web.datasets.field.changed")


def _of(one: Any, name: str) -> str:
    return str(one.get(name, "") if isinstance(one, dict) else getattr(one, name))
