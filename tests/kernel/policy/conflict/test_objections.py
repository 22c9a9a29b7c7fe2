"""Words for what stands against terms: every ground and every fault has a sentence, which names the clause."""

from collections.abc import Callable
from typing import Any, get_args

import pytest

from connector.foundation.language import say as message
from connector.kernel.policy.conflict.conflict import Contradiction, Fault, contradictions
from connector.kernel.policy.conflict.objections import contradiction, narrowing, objection, wider
from connector.kernel.policy.containment.compare import Answer, Ground, Verdict
from connector.kernel.policy.containment.narrow import narrower
from connector.kernel.policy.odrl.model import Closure
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.wording.words import Words

UNTIL = {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": "2028-01-01T00:00:00+01:00"}
FEE = {"leftOperand": "https://elsewhere.example/ns#fee", "operator": "eq", "rightOperand": "x" * 1000}
FREE: dict[str, Any] = {"permission": [{"action": "use"}]}


def spoken(lang: str) -> Words:
    return Words(lambda key, /, **facts: message(key, lang, **facts), {})


BOTH = {lang: spoken(lang) for lang in ("de", "en")}


@pytest.mark.parametrize("verdict", get_args(Verdict))
@pytest.mark.parametrize("ground", get_args(Ground))
def test_every_answer_has_words_or_needs_none(verdict: Verdict, ground: Ground, lang: str) -> None:
    """>> each verdict on each ground << a sentence with the place; none if the terms are within the offer."""
    text = wider(Answer(verdict=verdict, ground=ground, pointer="/profile"), spoken(lang))
    assert ("/profile" in text) is (verdict != "compatible")


@pytest.mark.parametrize("fault", get_args(Fault))
def test_every_fault_has_words(fault: Fault, lang: str) -> None:
    """>> each fault << a sentence without gaps, and without the place, which is for machines."""
    policy = parse(FREE)
    [rule] = policy.permissions
    found = Contradiction(fault=fault, item=rule, pointer=rule.pointer, other=rule)
    text = contradiction(found, spoken(lang))
    assert len(text) > 20
    assert not any(sign in text for sign in ("{", "}", "/permission"))


def test_what_is_not_kept_is_said_in_words(say: Callable[..., str], lang: str) -> None:
    """>> no end date instead of one, a missing duty, a missing prohibition << the clause, the duty, the prohibition."""

    def against(offer: dict[str, Any], asked: dict[str, Any]) -> str:
        return wider(narrower(parse(offer), parse(asked), Closure()), spoken(lang))

    dated = {"permission": [{"action": "use", "constraint": [UNTIL]}]}
    assert {"de": "31.12.2027", "en": "31 Dec 2027"}[lang] in against(dated, FREE)
    owing = {**FREE, "obligation": [{"action": "odrl:delete"}]}
    assert say("policy.action.delete") in against(owing, FREE)
    forbidding = {**FREE, "prohibition": [{"action": "odrl:distribute"}]}
    assert say("policy.action.distribute") in against(forbidding, FREE)
    assert {"de": "Verbot", "en": "prohibition"}[lang] in against(forbidding, FREE)


def test_a_term_that_is_not_understood_is_shown_as_written_and_shortened(lang: str) -> None:
    """>> a strange clause with a very long value << its operand, and not all of the value."""
    strange = {"permission": [{"action": "use", "constraint": [FEE]}]}
    text = wider(narrower(parse(FREE), parse(strange), Closure()), spoken(lang))
    assert "https://elsewhere.example/ns#fee" in text
    assert len(text) < 500


def test_both_languages_travel_together() -> None:
    """>> an answer and a contradiction << verdict, ground, place, and the same reasons in German and English."""
    told = narrowing(narrower(parse({**FREE, "obligation": [{"action": "odrl:delete"}]}), parse(FREE), Closure()), BOTH)
    assert (told.verdict, told.compatible, told.ground, told.pointer) == (
        "conflict",
        False,
        "obligation",
        "/obligation/0",
    )
    assert set(told.reasons) == {"de", "en"}
    assert told.reasons["de"] != told.reasons["en"]
    within = narrowing(narrower(parse(FREE), parse(FREE), Closure()), BOTH)
    assert (within.compatible, within.reasons) == (True, {})
    [wrong] = contradictions(parse({**FREE, "prohibition": [{"action": "use"}]}), Closure())
    said = objection(wrong, BOTH)
    assert (said.fault, said.pointer) == ("forbidden", "/permission/0")
    assert "Verbot" in said.reasons["de"]
    assert "prohibition" in said.reasons["en"]


def test_an_obligation_is_no_duty_of_a_permission() -> None:
    """>> one of each missing << each by its name."""
    owing = {"permission": [{"action": "use", "duty": [{"action": "odrl:delete"}]}]}
    said = [
        wider(narrower(parse(offer), parse(FREE), Closure()), BOTH["en"])
        for offer in (owing, {**FREE, "obligation": [{"action": "odrl:delete"}]})
    ]
    assert ["the duty" in text for text in said] == [True, False]
    assert ["the obligation" in text for text in said] == [False, True]
