"""What an authority says no with is read by people, whatever code it is: its own facts do not come along."""

import json

import pytest

from connector.dataspace.spaces.joining.answers import refusal
from connector.foundation.errors import Unavailable
from connector.foundation.http.outbound import Answer
from connector.foundation.language.reasons import because, explained


def said(code: object, status: int = 403) -> Answer:
    return Answer(status=status, body=json.dumps({"code": code}).encode(), headers={})


@pytest.mark.threat("T104")
@pytest.mark.parametrize(
    ("code", "read"),
    [
        ("spaces.tries", "spaces.tries"),
        ("spaces.kind", "spaces.no"),
        ("fremd.unbekannt", "spaces.no"),
        ("Nein!", "spaces.no"),
        (7, "spaces.no"),
        (None, "spaces.no"),
    ],
)
def test_a_refusal_is_read_by_people_whatever_its_code(code: object, read: str) -> None:
    """>> a code of ours, one whose sentence names what only the authority knows, one of nobody, none << its sentence,
    or that it refused. The code stays what it was."""
    error = refusal(said(code))
    assert explained(error) == because(read)
    assert error.code == (code if isinstance(code, str) and code != "Nein!" else "spaces.no")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
def test_who_is_busy_is_asked_again(status: int) -> None:
    assert isinstance(refusal(said("spaces.tries", status)), Unavailable)


def test_bug_who_asked_too_often_read_that_nobody_was_there() -> None:
    """>> twelve words an hour are over << when to ask again, and not that the authority cannot be reached."""
    error = refusal(said("spaces.requests", 429))
    assert isinstance(error, Unavailable)
    assert error.code == "spaces.too-often"
    assert refusal(said("spaces.requests", 503)).code == "peer.busy"
