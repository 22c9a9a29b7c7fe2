"""`hanse duties`: what is owed, and how to record that it is done."""

from typing import Any

import pytest

from tests.cli.test_client import Playback, hanse, play, said

__all__ = ["play"]
DUTY: dict[str, Any] = {
    "rule": "/obligation/0", "action": "http://www.w3.org/ns/odrl/2/delete", "state": "not-set", "active": True,
    "due_at": None, "owed": True, "blocks": False, "label": {"de": "Löschung", "en": "deletion"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "offered"),
    [({}, True), ({"state": "violated"}, True), ({"state": "fulfilled"}, False), ({"owed": False}, False),
     ({"active": False}, False)],
    ids=["open", "late", "done", "theirs", "inactive"],
)  # fmt: skip
def test_the_word_that_records_a_duty_is_told(
    play: Playback, capsys: pytest.CaptureFixture[str], change: dict[str, Any], offered: bool
) -> None:
    """Bug: >> duties << “Löschung … [/obligation/0]”, which --done refuses; nothing said that its name is delete."""
    play.on("GET /participants/a/agreements/x/duties", {"duties": [{**DUTY, **change}], "deeds": []})
    assert hanse("duties x --as a") == 0
    told = said(capsys)
    assert told.startswith("Löschung (")
    assert ("hanse duties x --as a --done delete" in told) is offered
