"""Members as people name them; whom the list does not name is called by where it is, and never by a technical name."""

from types import SimpleNamespace
from typing import Any

import pytest

from connector.views.members import Members


@pytest.mark.parametrize(
    ("did", "called"),
    [
        ("did:web:listed.example:town", "Musterstadt"),
        ("did:web:far.example", "far.example"),
        ("did:web:localhost%3A18443:nachbardorf", "localhost:18443"),
        ("did:web:evil\u202e.example", "evil .example"),
        ("", ""),
    ],
)
def test_what_people_are_shown(did: str, called: str) -> None:
    listed = {"did:web:listed.example:town": SimpleNamespace(name="Musterstadt")}
    anchor: Any = SimpleNamespace(entry=listed.get)
    assert Members(anchor).called(did) == called
