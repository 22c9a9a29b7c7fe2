"""Who could use data under a rule today: numbers by kind with the members behind each, and what three invented
requesters would get, as sentences.
"""

from collections.abc import Sequence

import msgspec

from connector.data.catalogue.audience import Audience, Example, KindOf, Outcome
from connector.foundation.language import LANGUAGES, catalogue, local_time, say
from connector.foundation.language.reasons import plain
from connector.foundation.zone import local
from connector.identity.trust.members.roster import Member
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.odrl.names import HANSE
from connector.surfaces.views.fields import Sentences, Time, time
from connector.surfaces.views.members import LONGEST

MOST = 500
"""Members that are named behind one number."""


class NamedMemberView(msgspec.Struct, frozen=True):
    name: str
    did: str


class KindCountView(msgspec.Struct, frozen=True, kw_only=True):
    """`count` of the `of` members of this kind; `text` says both. `members` are those that could, the first 500."""

    kind: str
    count: int
    of: int
    text: Sentences
    members: list[NamedMemberView]


class ExampleView(msgspec.Struct, frozen=True, kw_only=True):
    """An invented requester, `who`, and what it would get; `begins` is the first instant with data. `reasons` of a
    refusal, and what would `help`."""

    who: Sentences
    permit: bool
    begins: Time | None
    text: Sentences
    reasons: dict[str, list[str]]
    help: Sentences


class AudienceView(msgspec.Struct, frozen=True, kw_only=True):
    """`text` is all of it in one line, such as "41 Kommunen, 0 Firmen". `begins` and `ends` if the rule has a first day
    to come or ends by itself. `hindered` says why the rule could permit nobody anything yet."""

    count: int
    text: Sentences
    kinds: list[KindCountView]
    examples: list[ExampleView]
    begins: Time | None
    ends: Time | None
    hindered: Sentences | None


def audience(engine: PolicyEngine, found: Audience) -> AudienceView:
    hindered = None if found.hindrance is None else dict(found.hindrance.reasons)
    return AudienceView(
        count=found.permitted,
        text=line(engine, found),
        kinds=[_kind(engine, one) for one in found.kinds],
        examples=[_example(engine, one) for one in found.examples],
        begins=time(found.begins),
        ends=time(found.ends),
        hindered=hindered,
    )


def line(engine: PolicyEngine, found: Audience) -> Sentences:
    """How many of which kind, in one line."""
    return {lang: _line(engine, found, lang) for lang in LANGUAGES}


def _line(engine: PolicyEngine, found: Audience, lang: str) -> str:
    counts = ", ".join(_counted(engine, one.kind, len(one.permitted), lang) for one in found.kinds)
    if found.begins is None:
        return counts
    return say("audience.from-day", lang, counts=counts, first=_first(found.begins, lang))


def _first(begins: int, lang: str) -> str:
    """The day that begins then, or the moment."""
    at = local(begins)
    if at is None or (at.hour, at.minute, at.second) != (0, 0, 0):
        return local_time(begins, lang)
    return say("policy.format.day", lang, at=at, year=at.year)


def _counted(engine: PolicyEngine, kind: str, count: int, lang: str) -> str:
    """`1 Kommune`, `41 Kommunen`; a kind of no list by its name."""
    name = kind.removeprefix(HANSE)
    key = f"audience.kind.{name}.{'one' if count == 1 else 'many'}"
    word = catalogue(lang).get(key) or plain(engine.label(kind, lang), LONGEST) or say("audience.no-kind", lang)
    return say("audience.count", lang, count=count, kind=word)


def _kind(engine: PolicyEngine, one: KindOf) -> KindCountView:
    many, of = len(one.permitted), len(one.permitted) + len(one.refused)
    text = {lang: say("audience.of", lang, count=many, all=_counted(engine, one.kind, of, lang)) for lang in LANGUAGES}
    return KindCountView(kind=one.kind, count=many, of=of, text=text, members=_named(one.permitted))


def _named(members: Sequence[Member]) -> list[NamedMemberView]:
    return [NamedMemberView(plain(one.name, LONGEST), one.requester.did) for one in members[:MOST]]


def _example(engine: PolicyEngine, one: Example) -> ExampleView:
    outcome = one.outcome
    return ExampleView(
        who={lang: _who(engine, one, lang) for lang in LANGUAGES},
        permit=outcome.permit,
        begins=time(outcome.begins),
        text={lang: _said(engine, outcome, lang) for lang in LANGUAGES},
        reasons=dict(outcome.reasons),
        help=dict(outcome.helps),
    )


def _who(engine: PolicyEngine, one: Example, lang: str) -> str:
    """Its kind, and what it was given beyond that."""
    kind = say("audience.invented", lang, kind=engine.label(one.kind, lang))
    if not one.trait:
        return kind
    value = plain(engine.label(one.value, lang), LONGEST)
    return say(f"audience.trait.{one.trait}", lang, who=kind, value=value)


def _said(engine: PolicyEngine, outcome: Outcome, lang: str) -> str:
    if not outcome.permit:
        parts = [say("audience.refused", lang), *outcome.reasons.get(lang, []), outcome.helps.get(lang, "")]
        return " ".join(part for part in parts if part)
    begins = outcome.begins
    parts = [
        say("audience.permitted", lang)
        if begins is None
        else say("audience.permitted-later", lang, first=_first(begins, lang))
    ]
    parts += [say("audience.first", lang, action=engine.words(lang).action_text(iri)) for iri in outcome.first]
    return " ".join([*parts, say("audience.bound", lang)] if outcome.bound else parts)
