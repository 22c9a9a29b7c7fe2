"""What a transcript says, in both languages: every event, every cause and every next action as one sentence.

Texts of strangers are made plain before they stand in a sentence, whoever shows it afterwards.
"""

from collections.abc import Mapping

from connector.exchange.trace.diagnosis import Diagnosis, Fact
from connector.exchange.trace.events import Event
from connector.foundation.language import LANGUAGES, catalogue, local_time, say
from connector.foundation.language.reasons import plain

LONGEST = 600
_LABELS = {"question": "trace.question.", "work": "trace.work.", "timer": "trace.timer."}
"""Facts whose values have names of their own."""


def of_event(event: Event) -> dict[str, str]:
    return {lang: _event(event, lang) for lang in LANGUAGES}


def of_cause(found: Diagnosis, common: Mapping[str, Fact]) -> dict[str, str]:
    return {lang: say(f"trace.cause.{found.code}", lang, **_said(found.facts, common, lang)) for lang in LANGUAGES}


def of_action(found: Diagnosis, common: Mapping[str, Fact]) -> dict[str, str]:
    return {lang: say(f"trace.action.{found.code}", lang, **_said(found.facts, common, lang)) for lang in LANGUAGES}


def _event(event: Event, lang: str) -> str:
    text = say(f"trace.event.{event.what}", lang, **_said(event.facts, {}, lang))
    if event.times > 1:
        text = say("trace.event.again", lang, text=text, times=event.times, last=local_time(event.last_at, lang))
    return text


def _said(facts: Mapping[str, Fact], common: Mapping[str, Fact], lang: str) -> dict[str, str]:
    return {name: _fact(name, value, lang) for name, value in {**common, **facts}.items()}


def _fact(name: str, value: Fact, lang: str) -> str:
    if isinstance(value, bool | int):
        return local_time(value, lang)
    if isinstance(value, str):
        key = _LABELS.get(name, "-") + value
        return catalogue(lang).get(key) or plain(value, LONGEST)
    said = plain(" ".join(value.get(lang, [])), LONGEST)
    return said or say("trace.no-reason", lang)
