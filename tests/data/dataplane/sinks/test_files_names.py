"""A stranger's file name never leaves the folder and never hides what it is."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connector.continuity.backup.copies import PARTS
from connector.data.dataplane.sinks.files import safe_name
from tests.fuzz.effort import amount


@pytest.mark.threat("T19")
@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("Bäume 2026.geojson", "Bäume 2026.geojson"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..\\..\\boot.ini", "_.._boot.ini"),
        ("a\0b\n.csv", "ab.csv"),
        ("rechnung\u202efdp.exe", "rechnungfdp.exe"),
        (".", "data"),
        ("", "data"),
        (".bashrc", "bashrc"),
        ("NUL.txt", "_NUL.txt"),
        ("x" * 300 + ".csv", "x" * 196 + ".csv"),
    ],
)
def test_known_tricks(given_name, kept):
    """Ways out, hidden files, reversed endings and reserved names become plain names."""
    assert safe_name(given_name) == kept


@pytest.mark.threat("T19")
@settings(max_examples=amount(40, 1_000))
@given(st.text(max_size=400))
@example("x" + "ä" * 150)
def test_any_text_becomes_one_short_step(text):
    """One path step of at most 201 bytes, visible, and the same when made safe again."""
    name = safe_name(text)
    assert not {"/", "\\", "\0"} & set(name)
    assert name not in ("", ".", "..")
    assert len(name.encode()) <= 201
    assert name.isprintable()


@pytest.mark.parametrize(
    "name",
    [
        "data.part",
        "DATA.PART",
        "a.part.version",
        "roads.partial",
        "x.part .",
        "con.part",
        "x" * 195 + ".part" + "y" * 30,
    ],
)
def test_no_name_looks_like_a_file_that_is_not_finished(name: str) -> None:
    """Such a file would be received, and then neither be shown nor be in a backup."""
    assert not safe_name(name).lower().endswith(PARTS)
    assert safe_name(safe_name(name)) == safe_name(name)
