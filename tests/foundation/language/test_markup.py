"""Descriptions that came as HTML are read as the text that they meant; what is no HTML stays as it is."""

import pytest

from connector.foundation.language.markup import readable


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("<p>Alle B&auml;ume.</p><p>Mit Alter.</p>", "Alle Bäume.\nMit Alter."),
        ("Spalten:<ul><li>Art</li><li>Höhe</li></ul>", "Spalten:\n– Art\n– Höhe"),
        ('Siehe <a href="https://x.example">hier</a>, <b>wichtig</b>', "Siehe hier, wichtig"),
        ("Eins<br>Zwei<BR/>Drei", "Eins\nZwei\nDrei"),
        ("<p>Gut</p><script>alert(1)</script><style>p{}</style><!-- <p> -->", "Gut"),
        ("<p>Offen</p><script>alert(1)", "Offen"),
        ("Werte < 5 und > 3", "Werte < 5 und > 3"),
        ("<name> &amp; <unbekannt>", "<name> &amp; <unbekannt>"),
        ("<p>&lt;script&gt;</p>", "<script>"),
        ("<p", "<p"),
        ("Alle Bäume,\nmit Alter", "Alle Bäume,\nmit Alter"),
        ("", ""),
    ],
)
def test_html_is_read_as_text(text: str, read: str) -> None:
    assert readable(text) == read


@pytest.mark.parametrize(
    "text", ["<p " * 30_000, "<p><!--" * 14_000, "<script>" * 12_000 + "<p>", "&" * 99_000 + "<p>"]
)
def test_what_is_made_to_take_long_takes_no_longer(text: str) -> None:
    """>> tags without end, in their ten thousands << an answer, which is what this test waits for."""
    assert isinstance(readable(text), str)
