"""The contract text as a PDF that people can file: made from the signed HTML itself, never from a new rendering.

The parties sign the HTML (spec/contracts.md 1.4); what the PDF shows is read out of its bytes, so both say the same
whichever release wrote them. Accessible (PDF/UA-1) and the same bytes twice. Takes the extra `pdf`; without it there is
none.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

from connector.foundation.errors import PeerError
from connector.foundation.language import say

LONGEST = 524_288
"""Bytes of HTML: as much as a signed object may have."""
MOST_BLOCKS = 5_000
_TEMPLATE = Path(__file__).parent / "templates" / "contract.typ"
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3}
_SILENT = frozenset({"style", "script", "title", "head"})


class Run(NamedTuple):
    """Text of one kind; `code` is an identifier, which may break anywhere."""

    text: str
    code: bool = False


Runs = tuple[Run, ...]


class Heading(NamedTuple):
    level: int
    runs: Runs


class Paragraph(NamedTuple):
    runs: Runs


class Term(NamedTuple):
    """A label and what it stands for."""

    term: Runs
    runs: Runs


class Table(NamedTuple):
    head: tuple[Runs, ...]
    rows: tuple[tuple[Runs, ...], ...]


Block = Heading | Paragraph | Term | Table


NAME = "text-de.pdf"


@lru_cache(maxsize=64)
def members(signed: bytes) -> Mapping[str, bytes]:
    """`text-de.pdf` for a bundle with this text; nothing without the extra, or where it cannot be shown."""
    if not available():
        return {}
    try:
        return {NAME: pdf(signed)}
    except PeerError:
        return {}


def available() -> bool:
    """Whether the extra is installed."""
    try:
        import typst  # noqa: F401
    except ImportError:
        return False
    return True


def pdf(signed: bytes, lang: str = "de") -> bytes:
    """The PDF of a signed text; names the SHA-256 of the HTML and that the PDF itself is not signed.

    Raises PeerError `contracts.text-unreadable` for a text that is no contract of any kind, or has signs for which
    there is no font. Takes up to a second or two: not for the event loop.
    """
    import typst

    said = {"contract": json.dumps(_data(signed, lang))}
    try:
        made: bytes = typst.compile(str(_TEMPLATE), root=str(_TEMPLATE.parent), sys_inputs=said, pdf_standards=["ua-1"])
    except typst.TypstError as cause:
        raise PeerError("contracts.text-unreadable") from cause
    return made


def blocks(signed: bytes) -> tuple[Block, ...]:
    """Headings, paragraphs, terms and tables in the order of the HTML; raises PeerError `contracts.text-unreadable`."""
    try:
        text = signed.decode("utf-8")
    except UnicodeDecodeError as cause:
        raise PeerError("contracts.text-unreadable") from cause
    if len(signed) > LONGEST:
        raise PeerError("contracts.text-unreadable")
    reader = _Reader()
    reader.feed(text)
    reader.close()
    reader.end_paragraph()
    found = tuple(reader.blocks)
    if not found or len(found) > MOST_BLOCKS or not isinstance(found[0], Heading):
        raise PeerError("contracts.text-unreadable")
    return found


class _Reader(HTMLParser):
    """Collects text per block; markup that is not known adds nothing but its text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self._runs: list[Run] = []
        self._silent = self._code = 0
        self._term: Runs = ()
        self._head: list[Runs] = []
        self._rows: list[list[Runs]] = []
        self._in_head = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT
        self._code += tag == "code"
        if tag == "br":
            self._runs.append(Run(" "))
        elif tag in (*_HEADINGS, "p", "dl", "table"):
            self.end_paragraph()
        if tag == "table":
            self._head, self._rows = [], []
        self._in_head = tag == "thead" or (self._in_head and tag != "tbody")
        if tag == "tr" and not self._in_head:
            self._rows.append([])

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _SILENT and self._silent > 0
        self._code -= tag == "code" and self._code > 0
        if tag in _HEADINGS:
            self._add(Heading(_HEADINGS[tag], self._taken()))
        elif tag == "dt":
            self._term = self._taken()
        elif tag == "dd":
            self._add(Term(self._term, self._taken()))
        elif tag in ("td", "th"):
            (self._head if self._in_head else self._rows[-1] if self._rows else []).append(self._taken())
        elif tag == "thead":
            self._in_head = False
        elif tag == "table":
            self._add(Table(tuple(self._head), tuple(map(tuple, self._rows))))
        elif tag in ("p", "body"):
            self.end_paragraph()

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split()) if not self._code else data.strip()
        if text and not self._silent:
            blank = data[:1].isspace() and self._runs
            self._runs.append(Run(f"{' ' if blank else ''}{text}", bool(self._code)))

    def end_paragraph(self) -> None:
        if runs := self._taken():
            self._add(Paragraph(runs))

    def _taken(self) -> Runs:
        runs, self._runs = tuple(self._runs), []
        return runs

    def _add(self, block: Block) -> None:
        if len(self.blocks) <= MOST_BLOCKS:
            self.blocks.append(block)


def _data(signed: bytes, lang: str) -> Mapping[str, Any]:
    found = blocks(signed)
    title = "".join(run.text for run in found[0].runs) if isinstance(found[0], Heading) else ""
    return {
        "lang": lang,
        "title": title,
        "note": say("contract.pdf.note", lang),
        "digest": sha256(signed).hexdigest(),
        "blocks": list(_plain(found)),
    }


def _plain(found: tuple[Block, ...]) -> Iterator[dict[str, Any]]:
    for block in found:
        match block:
            case Heading(level, runs):
                yield {"kind": "heading", "level": level, "runs": _runs(runs)}
            case Paragraph(runs):
                yield {"kind": "paragraph", "runs": _runs(runs)}
            case Term(term, runs):
                yield {"kind": "term", "term": _runs(term), "runs": _runs(runs)}
            case Table(head, rows):
                width = max([len(head), *map(len, rows)], default=0)
                if width:
                    yield {"kind": "table", "columns": width, "head": _cells(head, width), "rows": _rows(rows, width)}


def _runs(runs: Runs) -> list[dict[str, Any]]:
    return [run._asdict() for run in runs]


def _cells(cells: tuple[Runs, ...], width: int) -> list[list[dict[str, Any]]]:
    return [_runs(cell) for cell in (*cells, *([()] * (width - len(cells))))]


def _rows(rows: tuple[tuple[Runs, ...], ...], width: int) -> list[list[dict[str, Any]]]:
    return [[{"runs": cell} for cell in _cells(row, width)] for row in rows]
