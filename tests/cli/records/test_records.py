"""`hanse records compare` after a comparison that could not be made."""

import pytest

from connector.cli.main import main
from tests.cli.playback import Playback, said

ABOUT = {"partner": "Bdorf", "title": "Bäume", "compared": "2026-11-28T00:00:00Z"}


@pytest.mark.parametrize(
    ("code", "said_so"),
    [
        ("trust.did-unreachable", "Hat der Partner aufgehört"),
        ("http.too-slow", "nicht rechtzeitig"),
        ("made.up", "Technischer Grund: made.up"),
    ],
)
def test_why_a_partner_could_not_be_asked_is_a_sentence(
    play: Playback, capsys: pytest.CaptureFixture[str], code: str, said_so: str
) -> None:
    """Bug: >> records compare after the partner has left << “Grund: trust.did-unreachable”, and nothing to do."""
    one = {"agreement": "urn:uuid:1", "state": "unreachable", "code": code, **ABOUT}
    play.on("POST /participants/a/comparisons", {"comparisons": [{**one, "findings": []}]})
    assert main(["records", "compare", "--as", "a"], {}) == 0
    told = said(capsys)
    assert said_so in told
    assert told.startswith("Bäume: Bdorf ist nicht erreichbar")


def test_what_both_logs_say_of_a_transfer_and_a_seal_is_said_in_words(
    play: Playback, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bug: >> a transfer whole here and broken off there, a seal missing << “whole 30”, “Siegel (consumer)”."""
    findings = [
        {"what": "transfer", "subject": "urn:uuid:2", "kind": "differs", "ours": "whole 30", "theirs": "data.cut 12"},
        {"what": "seal", "subject": "consumer", "kind": "missing-there", "ours": "ab12", "theirs": None},
    ]
    one = {"agreement": "urn:uuid:1", "state": "differs", "code": "", **ABOUT}
    play.on("POST /participants/a/comparisons", {"comparisons": [{**one, "findings": findings}]})
    main(["records", "compare", "--as", "a"], {})
    text = said(capsys)
    assert "hier: 30 Bytes, vollständig; dort: 12 Bytes, abgebrochen (data.cut)" in text
    assert "Siegel des Datennehmers" in text
    assert "whole" not in text
