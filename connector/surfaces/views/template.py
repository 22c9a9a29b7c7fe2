"""Rule templates as a form shows them: what each means, its blanks with their choices, and why one is not offered."""

import msgspec

from connector.data.catalogue.templates.slots import Slot, choices, hint
from connector.data.catalogue.templates.templates import Light, Template
from connector.data.catalogue.templates.usable import hindrance
from connector.foundation.language import LANGUAGES
from connector.kernel.policy.engine import PolicyEngine
from connector.surfaces.views.fields import Sentences


class ChoiceView(msgspec.Struct, frozen=True):
    value: str
    label: Sentences


class SlotView(msgspec.Struct, frozen=True, kw_only=True):
    """A blank; `choices` are the concepts of its list, none where anything may be written."""

    name: str
    type: str
    label: Sentences
    hint: Sentences
    default: str
    optional: bool
    choices: list[ChoiceView]


class TemplateView(msgspec.Struct, frozen=True, kw_only=True):
    """`light`: whether data protection has to look (green no, yellow perhaps, red always). `offered` is false for a
    template that can permit nobody anything here yet; `why` says so, and publishing under it is refused."""

    id: str
    number: int
    light: Light
    title: Sentences
    effect: Sentences
    plain: Sentences
    slots: list[SlotView]
    offered: bool
    why: Sentences | None


class TemplatesView(msgspec.Struct, frozen=True):
    templates: list[TemplateView]


def template(engine: PolicyEngine, one: Template, now: int) -> TemplateView:
    against = hindrance(engine, one, now)
    return TemplateView(
        id=one.id,
        number=one.number,
        light=one.light,
        title=dict(one.title),
        effect=dict(one.effect),
        plain=dict(one.plain),
        slots=[_slot(name, slot) for name, slot in one.slots.items()],
        offered=against is None,
        why=None if against is None else dict(against.reasons),
    )


def _slot(name: str, slot: Slot) -> SlotView:
    proposed = [ChoiceView(word, dict(labels)) for word, labels in choices(slot).items()]
    return SlotView(
        name=name,
        type=slot.type,
        label=dict(slot.label),
        hint={lang: hint(slot, lang) for lang in LANGUAGES},
        default=slot.default,
        optional=slot.optional,
        choices=proposed,
    )
