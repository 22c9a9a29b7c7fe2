"""The words for states in public reports: every spelling that was met, and its neighbours, is one word."""

import pytest

from tests.suites.states import state

REPORT = "https://w3id.org/force/compliance-report#"
SPELLINGS = {
    "unsatisfied": "Unsatisfied unsatisfied Not-Satisfied NotSatisfied not_satisfied UN-SATISFIED NonSatisfied",
    "satisfied": "Satisfied satisfied SATISFIED",
    "notset": "NonSet Non-Set Not-set NotSet notSet not-set Unset",
    "fulfilled": "Fulfilled fulfilled",
    "unfulfilled": "Unfulfilled Not-Fulfilled NonFulfilled",
    "violated": "Violated violated",
    "active": "Active active Activated",
    "inactive": "Inactive inactive Not-Active NotActive Non-Active Deactivated",
    "performed": "Performed performed",
    "unperformed": "Unperformed Not-Performed NotPerformed",
    "attempted": "Attempted attempted",
    "unattempted": "Not-Attempted NotAttempted Unattempted",
    "permit": "Permit permit Permitted Allow Allowed",
    "deny": "Deny deny Denied Prohibited NotPermitted Not-Allowed",
}


@pytest.mark.parametrize("word", SPELLINGS)
@pytest.mark.parametrize("space", ["", "report:", REPORT, "http://example.com/report/temp/"])
def test_every_spelling_of_a_state_is_one_word(word: str, space: str) -> None:
    assert {state(space + spelling) for spelling in SPELLINGS[word].split()} == {word}


def test_words_that_differ_stay_different() -> None:
    assert len({state(word) for word in SPELLINGS}) == len(SPELLINGS)
    assert (state(""), state("report:Healed"), state("Unknown")) == ("", "healed", "unknown")
