"""What a provider sealed beside ours, for a person to read: every differing line, and what a browser would hide."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.exchange.contracts.document.differences import DEEPEST, LONGEST, MOST, difference, differences, shown
from tests.fuzz.effort import amount

pytestmark = pytest.mark.threat("T65")
OURS = b"<main>\n<p>Nur zum vereinbarten Zweck.</p>\n<td>&lt;Amt&gt;</td>\n</main>\n"


def told(theirs: bytes, ours: bytes | None = OURS) -> list[tuple[str, str, tuple[str, ...]]]:
    found = difference("text-de.html", ours, theirs)
    assert found is not None
    return [(line.side, line.text, line.marks) for line in found.lines]


def test_a_changed_sentence_is_shown_as_text_beside_ours() -> None:
    """The tags of our own text are no words: both lines are read without them."""
    theirs = OURS.replace(b"Nur zum vereinbarten Zweck.", b"Gegen Entgelt &amp; mehr.")
    assert told(theirs) == [("ours", "Nur zum vereinbarten Zweck.", ()), ("theirs", "Gegen Entgelt & mehr.", ())]


HIDDEN: dict[str, tuple[bytes, str]] = {
    "script": (b"<script>alert(1)</script>", "script"),
    "script over lines": (b"<SCRIPT\n>alert(1)\n", "script"),
    "style": (b"<style>p{display:none}</style>", "style"),
    "comment": (b"<!-- zahlt 100 EUR -->", "comment"),
    "open comment": (b"<!-- zahlt", "comment"),
    "attribute": (b"<p hidden>zahlt</p>", "markup"),
    "image": (b"<img src=x onerror=alert(1)>", "markup"),
    "frame": (b"<iframe srcdoc='x'></iframe>", "markup"),
    "half a tag": (b"<p", "markup"),
    "zero width": ("<p>zah\u200blt</p>".encode(), "invisible"),
    "direction": ("<p>\u202ezahlt</p>".encode(), "invisible"),
    "no-break space": ("<p>a\u00a0b</p>".encode(), "invisible"),
    "combining": ("<p>a\u0308</p>".encode(), "invisible"),
    "Cyrillic": ("<p>z\u0430hlt</p>".encode(), "letters"),
    "full width": ("<p>\uff11\uff10\uff10</p>".encode(), "letters"),
    "Greek": ("<p>\u039a</p>".encode(), "letters"),
    "control": (b"<p>\x1b[2Jx</p>", "invisible"),
    "mathematical": ("<p>\U0001d400</p>".encode(), "letters"),
}


@pytest.mark.parametrize(("more", "mark"), HIDDEN.values(), ids=HIDDEN)
def test_what_a_browser_hides_or_draws_alike_is_named(more: bytes, mark: str) -> None:
    """<< one more line >> it is told as the provider's, marked, and safe to print."""
    lines = told(OURS.replace(b"</main>", more + b"\n</main>"))
    assert all(side == "theirs" for side, _, _ in lines)
    assert all(mark in marks for _, text, marks in lines if text)
    assert all(text.isprintable() for _, text, _ in lines)


def test_a_script_that_swallows_what_follows_is_shown_as_text() -> None:
    """Nothing is interpreted: what stands behind an open script is told to stand in it."""
    [line, *_] = told(OURS.replace(b"<main>", b"<script>/*"))[1:]
    assert (line[1], line[2]) == ("<script>/*", ("script",))


def test_our_own_letters_and_signs_are_no_oddities() -> None:
    assert shown("Für Straßen „gültig“ – 100 € § 3 Škoda é") == "Für Straßen „gültig“ – 100 € § 3 Škoda é"


def test_json_is_told_by_its_places() -> None:
    """<< another value, one more member, one twice, another order >> each as place and value."""
    ours = json.dumps({"a": [{"b": "x"}], "c": 1}).encode()
    for theirs, lines in (
        (b'{"a":[{"b":"y"}],"c":1}', [("ours", 'a[1].b: "x"'), ("theirs", 'a[1].b: "y"')]),
        (b'{"a":[{"b":"x"}],"c":1,"d":{}}', [("theirs", "d: {}")]),
        (b'{"a":[{"b":"x"}],"c":1,"c":2}', [("theirs", "c: 2")]),
        (b'{"c":1,"a":[{"b":"x"}]}', [("theirs", "c: 1"), ("ours", "c: 1")]),
    ):
        found = difference("profile.json", ours, theirs)
        assert found is not None
        assert [(line.side, line.text) for line in found.lines] == lines


def test_the_same_in_another_layout_is_said_to_be_that() -> None:
    found = difference("profile.json", b'{"a":1}', b'{ "a": 1 }')
    assert found is not None
    assert (found.lines, found.marks) == ((), ("layout",))


def test_what_we_know_nothing_of_is_told_in_full() -> None:
    found = difference("dataset.jsonld", None, b'{"dct:title":"B"}')
    assert found is not None
    assert ([line.text for line in found.lines], found.marks) == (['dct:title: "B"'], ("unknown",))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 5_000, b'{"a":' * (DEEPEST + 2) + b"1" + b"}" * (DEEPEST + 2)]
)
def test_what_is_no_json_is_told_as_its_source(body: bytes) -> None:
    found = difference("profile.json", b'{"a":1}', body)
    assert found is not None
    assert found.lines


def test_endless_documents_are_cut_and_it_is_said() -> None:
    """<< twenty thousand lines, one line of a megabyte >> bounded, with how much is not shown."""
    many = difference("text-de.html", OURS, b"x\n" * 20_000)
    assert many is not None
    assert (len(many.lines), many.more > 19_000) == (MOST, True)
    long = difference("text-de.html", OURS, b"y" * 1_000_000)
    assert long is not None
    assert [line.more for line in long.lines if line.side == "theirs"] == [1_000_000 - LONGEST]


@settings(max_examples=amount(50, 100))
@given(st.binary(max_size=300), st.binary(max_size=300))
def test_there_is_a_difference_exactly_where_the_bytes_differ(ours: bytes, theirs: bytes) -> None:
    for name in ("text-de.html", "profile.json"):
        found = difference(name, ours, theirs)
        assert (found is None) == (ours == theirs)
        assert found is None or found.lines or found.marks


@given(st.text(max_size=60))
def test_what_is_shown_steers_no_terminal(text: str) -> None:
    assert shown(text).isprintable()


def test_only_what_differs_is_told() -> None:
    same = {"a.json": b"{}", "b.json": b"{}"}
    assert differences(same, same) == ()
    assert [one.name for one in differences(same, {"a.json": b"{}", "b.json": b"[]"})] == ["b.json"]
