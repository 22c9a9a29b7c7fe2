"""The contract as a PDF: everything that was signed and nothing else, accessible, the same bytes twice."""

import os
import subprocess
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from connector.exchange.contracts.document import pdf
from connector.exchange.contracts.document.pdf import Heading, Paragraph, Table, Term
from connector.exchange.contracts.document.text import render
from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.language import say
from tests.conformance import maven
from tests.exchange.contracts.document.facts import CLAUSES, FACTS

SIGNED = render(FACTS, CLAUSES, "de").encode()


class Words(HTMLParser):
    """Every word that a reader of the HTML sees."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self._silent = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._silent = tag in ("title", "style")

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        self.words += [] if self._silent else data.split()


def words(signed: bytes) -> list[str]:
    """Every word of the blocks that the PDF shows."""
    found: list[str] = []
    for block in pdf.blocks(signed):
        match block:
            case Heading(_, runs) | Paragraph(runs):
                parts = [runs]
            case Term(term, runs):
                parts = [term, runs]
            case Table(head, rows):
                parts = [*head, *(cell for row in rows for cell in row)]
        found += [word for runs in parts for word in "".join(run.text for run in runs).split()]
    return found


def test_every_word_that_was_signed_is_in_it_and_no_other() -> None:
    """>> the signed HTML  << headings, terms, tables and paragraphs with the same words in the same order."""
    assert words(SIGNED) == Words(SIGNED.decode()).words
    assert {type(block) for block in pdf.blocks(SIGNED)} == {Heading, Paragraph, Term, Table}


def test_the_same_bytes_twice_and_the_digest_of_what_was_signed() -> None:
    assert pdf.pdf(SIGNED) == pdf.pdf(SIGNED)
    assert pdf.pdf(SIGNED).startswith(b"%PDF-")
    data = pdf._data(SIGNED, "de")
    assert data["digest"] == sha256(SIGNED).hexdigest()
    assert data["note"] == say("contract.pdf.note", "de")


def test_what_a_partner_wrote_is_never_markup() -> None:
    """>> a title in the language of the typesetter  << shown as it stands."""
    title = '#read("/etc/passwd") $x$ \\ #import "@preview/x:1.0.0" <b>'
    signed = render(msgspec.structs.replace(FACTS, dataset_title=title), CLAUSES, "de").encode()
    assert "".join(run.text for run in pdf.blocks(signed)[0].runs).endswith(title)  # type: ignore[union-attr]
    assert pdf.pdf(signed).startswith(b"%PDF-")


@pytest.mark.parametrize(
    "signed",
    [
        b"",
        b"\xff\xfe",
        b"just text",
        b"<p>no heading</p>",
        b"<h1></h1>",
        b"<h1>x</h1>" + b"<p>y</p>" * pdf.MOST_BLOCKS,
        b"<h1>x</h1>" + b"y" * pdf.LONGEST,
        "<h1>数据</h1>".encode(),
    ],
    ids=["nothing", "no text", "no markup", "no heading", "empty heading", "many", "long", "no font"],
)
def test_what_is_no_contract_has_no_pdf(signed: bytes) -> None:
    """>> other things that a partner may have signed  << refused with a sentence, never a crash."""
    with pytest.raises(PeerError) as refused:
        pdf.pdf(signed)
    assert refused.value.code == "contracts.text-unreadable"


@pytest.mark.parametrize(
    "signed",
    [
        b"<h1>a</h1>" + b"<table>" * 900 + b"<tr><td>1",
        b"<h1>a</h1><table><tr>" + b"<td>x" * 900,
        b"<h1>a</h1></td></p>",
    ],
    ids=["tables in tables", "a wide row", "ends without beginnings"],
)
def test_odd_markup_ends_in_a_pdf_all_the_same(signed: bytes) -> None:
    assert pdf.pdf(signed).startswith(b"%PDF-")


def test_without_the_extra_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pdf.available()
    monkeypatch.setitem(__import__("sys").modules, "typst", None)
    assert not pdf.available()


@pytest.mark.long
def test_it_is_accessible_as_verapdf_judges_it(tmp_path: Path) -> None:
    """PDF/UA-1 by the industry's own checker, fetched from Maven Central; skipped by name without Java, never in CI."""
    try:
        java, mvn = maven.java(os.environ), maven.maven(os.environ)
        model = maven.Artifact("org.verapdf", "validation-model", "1.28.2")
        jars = maven.resolve("verapdf", [model], cache=maven.cache(os.environ), mvn=mvn)
    except Unavailable as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"veraPDF: {missing}")
    file = tmp_path / "text-de.pdf"
    file.write_bytes(pdf.pdf(SIGNED))
    program = str(Path(__file__).with_name("Vera.java"))
    command = [java, maven.QUICKLY, "-cp", f"{jars}/*", program, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    head, *failed = done.stdout.splitlines()
    assert failed == [], done.stderr
    assert head.endswith("compliant true")
    assert int(head.split()[1]) > 1000
