"""`hanse records compare` after a comparison that could not be made."""

import pytest

from connector.cli.main import main
from tests.cli.playback import Playback, said


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
    one = {"agreement": "urn:uuid:1", "counterparty": "did:web:b", "state": "unreachable", "code": code, "at": 0}
    play.on("POST /participants/a/comparisons", {"comparisons": [{**one, "findings": []}]})
    assert main(["records", "compare", "--as", "a"], {}) == 0
    assert said_so in said(capsys)
