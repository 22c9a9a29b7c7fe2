"""`hanse agreement show` over canned answers: each state of a contract says what it is and what there is to do."""

from typing import Any, get_args

import pytest

from connector.cli.main import main
from connector.exchange.contracts.signing.progress import Step
from connector.foundation.language import local_text
from connector.surfaces.views import status
from tests.cli.playback import DATASET, Playback, said, standing

PAST, FUTURE = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"


def life(**other: Any) -> dict[str, Any]:
    expired = other.get("expires") == PAST
    stands = status.agreement(other.get("state", "finalized"), expired=expired, ending=False)
    return {
        **standing(stands),
        "agreement": "urn:uuid:9",
        "state": "finalized",
        "counterparty": "did:web:b",
        "partner": "Bdorf",
        "title": "Bäume",
        "dataset": DATASET,
        "ended": None,
        "expires": None,
        "endings": [],
        "successions": [],
        "part_of": None,
        "successor": None,
        "predecessor": None,
        "countersigning": {"step": "given", "until": None},
        **other,
    }


def shown(play: Playback, capsys: pytest.CaptureFixture[str], lang: str = "de", **other: Any) -> str:
    play.answers.clear()
    play.on("GET /participants/a/agreements/9/life", life(**other))
    assert main(["agreement", "show", "urn:uuid:9", "--as", "a", "--lang", lang], {}) == 0
    return said(capsys)


def test_a_contract_in_force_says_so_and_no_more(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(play, capsys).splitlines() == [
        "Bäume, mit Bdorf",
        "    gilt",
    ]


def test_a_partner_that_is_part_of_another_one_is_said_to_be(
    play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = {"did": "did:web:c", "name": "Cstadt", "since": "2027-01-01"}
    assert shown(play, capsys, "en", part_of=whole).splitlines() == [
        "Bäume, with Bdorf",
        "    Bdorf has been part of Cstadt (did:web:c) since 01 Jan 2027, by the list of members.",
        "    in force",
    ]


def test_a_contract_whose_time_is_over_does_not_only_say_that_it_is_in_force(
    play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bug: a contract over five seconds was shown as in force for ever."""
    assert f"am {local_text(PAST, 'de')} abgelaufen" in shown(play, capsys, expires=PAST)
    assert f"valid until {local_text(FUTURE, 'en')}" in shown(play, capsys, "en", expires=FUTURE)
    assert local_text(PAST, "de") not in shown(
        play, capsys, expires=PAST, state="ended", ended=FUTURE
    )  # its end says when it was


@pytest.mark.parametrize("lang", ["de", "en"])
@pytest.mark.parametrize("step", get_args(Step))
def test_each_step_of_a_countersignature_has_its_sentence(
    step: str, lang: str, play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> a step with a deadline << one sentence about it, none once both sealed; the deadline while it counts."""
    told = shown(play, capsys, lang, state="one-sided", countersigning={"step": step, "until": FUTURE})
    assert len(told.splitlines()) == 2 + (step != "given") + (step not in ("given", "over", "late"))
    assert (local_text(FUTURE, lang) in told) == (step not in ("given", "over"))
    assert "{" not in told


def test_what_was_before_and_what_came_after(play: Playback, capsys: pytest.CaptureFixture[str]) -> None:
    other = {"agreement": "urn:uuid:8", "digest": "d", "since": PAST, "ended": None}
    assert f"Abgelöst durch urn:uuid:8, gültig seit {local_text(PAST, 'de')}." in shown(play, capsys, successor=other)
    assert "Replaces urn:uuid:8 as soon as" in shown(play, capsys, "en", predecessor=other)
    assert f"Löst urn:uuid:8 ab, beendet am {local_text(PAST, 'de')}." in shown(
        play, capsys, predecessor={**other, "ended": PAST}
    )


def test_an_end_at_once_is_asked_for_and_one_with_notice_is_not(
    play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bug: `agreement end` without --notice cut off a partner at once, and nobody had been asked."""
    place = "/participants/a/agreements/9"
    play.on(f"GET {place}", {"title": "Bäume", "partner": "Bdorf", "dataset": DATASET})
    play.on(f"POST {place}/end", life(state="ended"), 201)
    words = ["agreement", "end", "urn:uuid:9", "--as", "a", "--reason", "weg"]
    assert main(words, {}) == 2
    both = capsys.readouterr()
    assert "Bäume (Bdorf): Ohne --notice endet die Vereinbarung sofort" in both.out
    assert "--yes" in both.err
    assert [path for path, _ in play.asked] == [f"GET {place}"]
    for more in (["--yes"], ["--notice", "31.03.2027"]):
        play.asked.clear()
        assert main([*words, *more], {}) == 0
        assert [path for path, _ in play.asked] == [f"POST {place}/end"]
