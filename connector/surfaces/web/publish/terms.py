"""A rule as a form: which templates are offered, their blanks as fields, and who could use the data under them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from connector.data.catalogue.audience import Audiences
from connector.data.catalogue.templates.slots import Slot
from connector.data.catalogue.templates.templates import SPACE, Template, fill, templates
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, Mistake
from connector.foundation.language.reasons import plain
from connector.identity.trust.members.trust_list import Anchor
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.odrl.model import PolicyError
from connector.surfaces.views import audience as audience_view
from connector.surfaces.views.template import SlotView, TemplateView, template
from connector.surfaces.views.terms import ClauseView, clauses
from connector.surfaces.web.call import Call

OPEN = "open-data"
"""Stands among the templates: for everybody, without a contract."""
FIRST = 7
"""Templates that are shown at once."""
_DURATIONS = ("P7D", "P14D", "P31D", "P90D", "P180D", "P1Y", "P2Y", "P5Y", "P10Y")
_DAYS = re.compile(r"P([0-9]{1,4})([DMY])")
_MAIL = re.compile(r"[^@\s:]+@[^@\s]+\.[A-Za-z]{2,}")
_NEEDED_LATER: frozenset[str] = frozenset({"fields"})
"""Types that no form asks for; they keep their default or stay empty."""


class Field(Struct, frozen=True, kw_only=True):
    """A blank: `control` is text, date, number, select or ticks; `value` what stands in it (of ticks several)."""

    name: str
    control: str
    label: str
    hint: str
    value: Any
    options: tuple[tuple[str, str], ...] = ()
    required: bool = True


class Effect(Struct, frozen=True, kw_only=True):
    """What a filled rule says and whom it lets in; `problem` says why it cannot be."""

    clauses: list[ClauseView]
    audience: audience_view.AudienceView | None
    problem: str = ""


class Rules:
    def __init__(self, clock: Clock, engine: PolicyEngine, audiences: Audiences, anchor: Anchor) -> None:
        self._clock, self._engine, self._audiences, self._anchor = clock, engine, audiences, anchor

    def offered(self) -> list[TemplateView]:
        """Templates that could permit somebody something, by number."""
        return self._offered([one for one in templates() if _fillable(one)])

    def _offered(self, among: Sequence[Template]) -> list[TemplateView]:
        """Looking whether one could permit anybody anything takes as long as the rest of a page."""
        now = self._clock.now()
        return [shown for one in among if (shown := template(self._engine, one, now)).offered]

    def named(self, rule: str) -> TemplateView:
        """Raises Mistake for one that is not offered."""
        found = self._offered([one for one in templates() if one.id == rule and _fillable(one)])
        if not found:
            raise Mistake("web.rule", rule=rule[:80])
        return found[0]

    def fields(self, call: Call, rule: TemplateView, slots: Mapping[str, str]) -> list[Field]:
        own = [self._field(call, one, slots.get(one.name, "")) for one in rule.slots if one.type not in _NEEDED_LATER]
        return [*own, *self._only_for(call, slots.get(SPACE, ""))]

    def _only_for(self, call: Call, given: str) -> list[Field]:
        """For which of its spaces and groups alone the data are; nothing to ask where it belongs to none.

        What was chosen before stays a choice although the participant does not belong to it now, or its list is not
        there: a form that left it out would make the offer one for everybody.
        """
        found, chosen = self._anchor.offerable(call.town.did, self._clock.now()), given.replace(",", " ").split()
        if not found and not chosen:
            return []
        options = [(iri, plain(named.get(call.lang, "") or iri, 200)) for iri, named in found.items()]
        for iri in chosen:
            if iri not in found:
                name = plain(call.in_words(iri), 200)
                options.append((iri, call.say("web.publish.only-for-gone", name=name)))
        return [
            Field(
                name=f"slot-{SPACE}",
                control="ticks",
                label=call.say("web.publish.only-for"),
                hint=call.say("web.publish.only-for-hint"),
                value=chosen,
                required=False,
                options=tuple(sorted(options, key=lambda one: (not one[0].endswith("/space"), one[1].casefold()))),
            )
        ]

    def _field(self, call: Call, slot: SlotView, given: str) -> Field:
        value = given or ("" if "{" in slot.default else slot.default)
        control, options = self._control(call, slot, value)
        hint = call.say(f"web.publish.slot.{slot.type}") if control in ("text", "date", "number") else ""
        if control == "date" and "{" in slot.default:
            hint = call.say("web.publish.slot.after")
        return Field(
            name=f"slot-{slot.name}",
            control=control,
            label=slot.label[call.lang],
            hint=hint,
            options=options,
            value=[part.strip() for part in value.split(",")] if control == "ticks" else _shown(slot, value),
            required=not slot.optional and not slot.default,
        )

    def _control(self, call: Call, slot: SlotView, value: str) -> tuple[str, tuple[tuple[str, str], ...]]:
        if slot.choices:
            options = tuple((one.value, one.label[call.lang]) for one in slot.choices)
            if slot.type == "licence" and value and value not in dict(options):
                options = ((value, value), *options)  # another than we propose stays what it is
            return ("select" if slot.type in ("term", "licence") else "ticks"), options
        match slot.type:
            case "first-day" | "last-day":
                return "date", ()
            case "count":
                return "number", ()
            case "duration":
                known = _DURATIONS if not value or value in _DURATIONS else (value, *_DURATIONS)
                return "select", tuple((one, _length(call, one)) for one in known)
            case "window":
                return "select", tuple((one, call.say(f"web.publish.window.{one}")) for one in ("P1D", "P1M"))
            case "participants" | "participant":
                return ("ticks" if slot.type == "participants" else "select"), self._members()
            case _:
                return "text", ()

    def _members(self) -> tuple[tuple[str, str], ...]:
        now = self._clock.now()
        found = [(one.did, one.name) for one in self._anchor.current.participants if one.admitted(now)]
        return tuple(sorted(found, key=lambda one: one[1].casefold()))[:500]

    def effect(self, call: Call, rule: str, slots: Mapping[str, str]) -> Effect:
        """What the rule with these values would do; never raises for what a person typed."""
        now = self._clock.now()
        try:
            policy = fill(rule, slots)
            found = self._audiences.of(policy, now, call.town.did)
            return Effect(clauses=clauses(self._engine, policy), audience=audience_view.audience(self._engine, found))
        except (Mistake, PolicyError) as problem:
            return Effect(clauses=[], audience=None, problem=error_sentence(call, problem, rule))


def error_sentence(call: Call, problem: HanseError | PolicyError, rule: str = "") -> str:
    """The sentence of an error in the words of a form: a blank by its label in this rule, for templates call one name
    by several labels, and what is expected in it."""
    if isinstance(problem, PolicyError):
        return call.say("web.publish.rule-unsaid")
    if problem.code.startswith("policy.slot-") and "slot" in problem.facts:
        name = str(problem.facts["slot"])
        among = [one for one in templates() if one.id == rule] or templates()
        found = next((one.slots[name] for one in among if name in one.slots), None)
        if found is not None:
            hint = call.say(f"web.publish.slot.{found.type}")
            return call.say("web.publish.slot-wrong", label=found.label[call.lang], hint=hint)
    return call.explain(problem)


def _fillable(one: Template) -> bool:
    """Blanks that no form asks for have a default or may stay empty."""
    return all(_optional(slot) for slot in one.slots.values() if slot.type in _NEEDED_LATER)


def _optional(slot: Slot) -> bool:
    return slot.optional or bool(slot.default)


def read(call: Call, rule: TemplateView, given: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The values of a form (`slot-NAME`) as the template takes them; others keep their defaults."""
    slots: dict[str, str] = {}
    only_for = [value.strip() for value in given.get(f"slot-{SPACE}", ()) if value.strip()]
    if only_for:
        slots[SPACE] = ", ".join(only_for)
    for one in rule.slots:
        values = [value.strip() for value in given.get(f"slot-{one.name}", ()) if value.strip()]
        text = ", ".join(values)
        if one.type == "party" and _MAIL.fullmatch(text):
            text = f"mailto:{text}"
        if text:
            slots[one.name] = text
    return slots


def _shown(slot: SlotView, value: str) -> str:
    return value.removeprefix("mailto:") if slot.type == "party" else value


def _length(call: Call, text: str) -> str:
    found = _DAYS.fullmatch(text)
    if found is None:
        return text
    count, unit = int(found[1]), {"D": "days", "M": "months", "Y": "years"}[found[2]]
    return call.say(f"web.publish.length.{'one-' if count == 1 else ''}{unit}", count=count)
