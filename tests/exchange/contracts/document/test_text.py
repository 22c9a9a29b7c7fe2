"""The contract text: complete, plain, accessible, self-contained, the same bytes twice."""

import re
from html.parser import HTMLParser

import msgspec
import pytest

from connector.exchange.contracts.document.text import Party, render
from connector.foundation.language import catalogue
from tests.exchange.contracts.document.facts import CLAUSES, FACTS


class Reader(HTMLParser):
    """Collects text and tags, and insists that they are closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_says_everything_in_german() -> None:
    """Parties, dataset, version, purpose, validity, every clause with its badge in words, and what prevails."""
    text = Reader(render(FACTS, CLAUSES, "de")).text
    for part in (
        "Musterstadt",
        "did:web:localhost%3A18443:nachbardorf",
        "Baumkataster",
        "cd" * 32,
        "genau diese Datei",
        "Verwaltungsaufgaben",
        "18.11.2026, 12:06:43 Uhr (MEZ)",
        "Nur Kommunen dürfen die Daten nutzen.",
        "technisch erzwungen",
        "wird überwacht",
        "vertraglich zugesichert",
        "so geht die maschinenlesbare Regel vor",
    ):
        assert part in text


def test_a_live_source_pins_the_description_only() -> None:
    """And the text says so."""
    text = Reader(render(msgspec.structs.replace(FACTS, dataset_sha256=None), CLAUSES, "de")).text
    assert "ab" * 32 in text
    assert "nur die Beschreibung" in text
    assert "genau diese Datei" not in text


def test_without_purpose_or_end() -> None:
    """Both are said in words, not left empty."""
    text = Reader(render(msgspec.structs.replace(FACTS, purpose=None, expires_at=None), CLAUSES, "de")).text
    assert "kein bestimmter Zweck" in text
    assert "unbefristet" in text


def test_english_is_a_marked_translation() -> None:
    """The same structure, and the sentence that the German text is the signed one."""
    german, english = (Reader(render(FACTS, CLAUSES, lang)) for lang in ("de", "en"))
    assert "the German version is the one that was signed" in english.text
    assert [tag for tag, _ in english.tags if tag != "p"] == [tag for tag, _ in german.tags if tag != "p"]


@pytest.mark.parametrize("lang", ["de", "en"])
def test_is_accessible_and_self_contained(lang: str) -> None:
    """Language, title, one h1, headed tables; no script, no address to fetch."""
    html = render(FACTS, CLAUSES, lang)
    reader = Reader(html)
    tags = [tag for tag, _ in reader.tags]
    assert ("html", {"lang": lang}) in reader.tags
    assert (tags.count("h1"), tags.count("title"), tags.count("main")) == (1, 1, 1)
    assert all(facts.get("scope") in {"col", "row"} for tag, facts in reader.tags if tag == "th")
    assert not {"script", "link", "img", "iframe", "object"} & set(tags)
    assert not [name for _, facts in reader.tags for name in facts if name in {"src", "href"} or name.startswith("on")]
    assert "url(" not in html
    assert "@import" not in html


def test_peers_text_stays_text() -> None:
    """A title or name with markup in it is shown, never run."""
    evil = "<img src=x onerror=alert(1)>\"'&{{ 7*7 }}"
    facts = msgspec.structs.replace(FACTS, dataset_title=evil, provider=Party(evil, evil), purpose=evil)
    reader = Reader(render(facts, [(evil, "enforced")], "de"))
    assert "img" not in {tag for tag, _ in reader.tags}
    assert evil in reader.text


def test_the_same_facts_give_the_same_bytes() -> None:
    """Rendering depends on nothing but its arguments."""
    assert render(FACTS, CLAUSES, "de") == render(FACTS, list(CLAUSES), "de")
    assert not re.search(r"\{\{|\{%|None", render(FACTS, CLAUSES, "de"))


def test_every_label_is_used() -> None:
    """No sentence of the text stands in the catalogue in vain."""
    both = render(FACTS, CLAUSES, "en")
    both += render(msgspec.structs.replace(FACTS, dataset_sha256=None, purpose=None, expires_at=None), CLAUSES, "en")
    both = both.replace("&#39;", "'")
    for key, text in catalogue("en").items():
        if key.startswith("contract.text.") and "{" not in text:
            assert text in both, key


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (1_830_294_000_000, "Gilt bis einschließlich 31.12.2027 "),
        (1_814_486_400_000, "Gilt bis 02.07.2027, 02:00:00 Uhr (MESZ) "),
        (None, "Gilt bis unbefristet "),
    ],
)
def test_the_end_is_said_as_in_the_clause(at: int | None, said: str) -> None:
    """>> an end at local midnight, and one at two in the morning << a day, and a time; one way each."""
    html = render(msgspec.structs.replace(FACTS, expires_at=at), CLAUSES, "de").replace("<", " <")
    text = " ".join(Reader(html).text.split())
    assert said in text
    assert "UTC" not in text
    assert "Europe/Berlin" in text
