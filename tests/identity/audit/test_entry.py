"""A record's bytes and its leaf."""

import json
from hashlib import sha256

import pytest
import rfc8785

from connector.foundation.errors import Defect
from connector.identity.audit import entry
from connector.identity.audit.entry import Record


def record(**change: object) -> Record:
    facts: dict[str, object] = {
        "type": "decision",
        "at": 1_795_000_003_999,
        "participant": "did:web:a",
        "agreement": None,
        "seq": 0,
        "prev": None,
        "actor": "p-1",
        "body": {"permit": True},
    }
    return Record(**(facts | change))  # type: ignore[arg-type]


def test_the_form_of_the_handbook() -> None:
    """All members, whole seconds in UTC, canonical."""
    data = entry.encode(record())
    assert json.loads(data) == {
        "v": 1,
        "type": "decision",
        "at": "2026-11-18T11:06:43Z",
        "participant": "did:web:a",
        "agreement": None,
        "seq": 0,
        "prev": None,
        "actor": "p-1",
        "body": {"permit": True},
    }
    assert data == rfc8785.dumps(json.loads(data))


def test_the_leaf_is_salted() -> None:
    """SHA-256 over salt and bytes: without the salt nobody can guess the record."""
    assert entry.leaf_data(b"s" * 32, b"{}") == sha256(b"s" * 32 + b"{}").digest()


def test_a_peers_text_never_stops_our_record() -> None:
    """Decomposed letters become composed; the record is written."""
    data = entry.encode(record(body={"reason": "Ba\u0308ume", "all": ["o\u0308"]}))
    assert json.loads(data)["body"] == {"reason": "B\u00e4ume", "all": ["\u00f6"]}


@pytest.mark.threat("T26")
@pytest.mark.threat("T67")
def test_marks_without_end_over_one_letter_are_not_sorted_one_by_one() -> None:
    """Bug: 64 kB of marks in an identifier of a peer held up the log for seconds; letters with few marks stay as is."""
    text = "q" + "\u0323\u0307\u0327" * 500
    data = entry.encode(record(body={"id": "a\u0308" + text, "word": "Vi\u0302\u0323\u0323t"}))
    body = json.loads(data)["body"]
    assert body["id"].count("\u034f") == 49
    assert body["id"].startswith("\xe4q")
    assert "\u034f" not in body["word"]


def test_control_characters_stay_inside_their_string() -> None:
    """CR, LF, ANSI and NUL are escaped: one record stays one line."""
    data = entry.encode(record(actor="a\r\nforged\x1b[31m\0"))
    assert b"\n" not in data
    assert b"\x1b" not in data
    assert json.loads(data)["actor"] == "a\r\nforged\x1b[31m\0"


def test_a_fraction_is_our_own_mistake() -> None:
    """Records hold integers and strings."""
    with pytest.raises(Defect):
        entry.encode(record(body={"share": 0.5}))
