"""Members as people name them; whom the list does not name is called by where it is, and never by a technical name."""

from types import SimpleNamespace
from typing import Any

import pytest

from connector.surfaces.views.members import Members


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nur https://a.example/space/groups/wald.", "nur Wald."),
        ("„https://a.example/space“, https://a.example/space/groups/wald", "„Raum“, Wald"),
        ("https://a.example/space/groups/waldsee", "https://a.example/space/groups/waldsee"),
        (
            "https://a.example/space2 und https://b.example/x/space",
            "https://a.example/space2 und https://b.example/x/space",
        ),
    ],
)
def test_the_name_of_a_group_is_no_word_about_one_that_begins_alike(text: str, shown: str) -> None:
    """>> a group that no list names, whose IRI begins as another's << its IRI, and not that name and a rest."""
    space = "https://a.example/space"
    named = {space: {"de": "Raum"}, f"{space}/groups/wald": {"de": "Wald"}}
    anchor: Any = SimpleNamespace(entry={}.get, named=named)
    assert Members(anchor).in_words(text) == shown
