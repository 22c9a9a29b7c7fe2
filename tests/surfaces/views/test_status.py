"""How things stand in a word: every state that can be has one, in both languages, and says more than the state."""

from itertools import product
from typing import Any, get_args

import pytest

from connector.data.catalogue.model import Dataset
from connector.exchange.contracts.model import AgreementState
from connector.exchange.transfer.model import Outcome
from connector.kernel.protocol import negotiation, transfer
from connector.kernel.protocol.process import Role
from connector.surfaces.views import status


def every() -> list[status.StatusView]:
    """Whatever state of whatever role, with whatever stands beside it."""
    found = [
        status.agreement(state, expired=expired, ending=ending)
        for state, expired, ending in product(get_args(AgreementState), (False, True), (False, True))
    ]
    found += [status.negotiation(str(state), str(role)) for state, role in product(negotiation.State, Role)]
    outcomes = (None, *get_args(Outcome))
    found += [status.transfer(str(state), outcome) for state, outcome in product(transfer.State, outcomes)]
    kinds: Any = get_args(Dataset.__annotations__["state"])
    return [*found, *(status.dataset(kind) for kind in kinds)]


def test_every_state_has_a_word_in_both_languages() -> None:
    assert all(one.text.keys() == {"de", "en"} and all(one.text.values()) for one in every())
    assert {one.tone for one in every()} == set(get_args(status.Tone))


@pytest.mark.parametrize(
    ("state", "expired", "ending", "word"),
    [
        ("finalized", False, False, "gilt"),
        ("finalized", False, True, "gilt noch, das Ende ist erklärt"),
        ("finalized", True, True, "abgelaufen"),
        ("one-sided", False, False, "gilt, nur vom Datengeber unterschrieben"),
        ("one-sided", True, False, "abgelaufen"),
        ("ended", True, False, "beendet"),
        ("terminated", True, False, "nicht zustande gekommen"),
    ],
)
def test_an_agreement_says_that_its_time_is_over(state: AgreementState, expired: bool, ending: bool, word: str) -> None:
    assert status.agreement(state, expired=expired, ending=ending).text["de"] == word


def test_an_offer_asks_the_consumer_for_an_answer_and_nobody_else() -> None:
    assert status.negotiation("OFFERED", "consumer").tone == "attention"
    assert status.negotiation("OFFERED", "provider").tone == "waiting"


def test_a_transfer_that_is_over_says_how_it_went() -> None:
    """>> COMPLETED and received << arrived; TERMINATED and refused << refused, and somebody has to look."""
    assert status.transfer("COMPLETED", "received").text["de"] == "angekommen"
    refused = status.transfer("TERMINATED", "refused")
    assert (refused.text["de"], refused.tone) == ("abgelehnt", "attention")


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ((), []),
        (("REQUESTED",), ["angefragt"]),
        (("OFFERED", "ACCEPTED"), ["angefragt"]),
        (("REQUESTED", "AGREED"), ["angefragt", "geprüft"]),
        (("REQUESTED", "AGREED", "VERIFIED"), ["angefragt", "geprüft", "unterschrieben"]),
        (("REQUESTED", "FINALIZED"), ["angefragt", "geprüft", "unterschrieben", "bereit"]),
        (("REQUESTED", "TERMINATED"), ["angefragt"]),
    ],
)
def test_from_a_request_to_the_data_in_four_steps(states: tuple[str, ...], words: list[str]) -> None:
    """Every state of the kernel but its bad end is a step; one that was passed over is not left out."""
    assert [one.text["de"] for one in status.steps(states)] == words
    assert {str(state) for state in negotiation.State} - {"TERMINATED"} == set(status._STEP_OF)
