"""Foreign bytes -> triples: RDF/XML, Turtle, JSON-LD or N-Triples, whatever their writer wants of us (T76).

What is parsed is parsed in a process of its own with limits on memory, CPU and time (`parse_process`): a document that
exhausts it costs that process and is one error here. Nothing is fetched. Where the format allows, what cannot be read
is set aside with its reason and the rest goes on (spec/metadata-import.md 1.1, decision 0060).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from connector.foundation.child_process import ChildProcess
from connector.foundation.errors import PeerError
from connector.kernel.metadata.rdf import oxigraph

Form = Literal["rdf-xml", "turtle", "json-ld", "n-triples"]
MEDIA_TYPES: Mapping[str, Form] = {
    "application/rdf+xml": "rdf-xml",
    "text/turtle": "turtle",
    "application/x-turtle": "turtle",
    "application/ld+json": "json-ld",
    "application/n-triples": "n-triples",
}
"""Only those that mean one form; `text/xml`, `application/json`, `text/plain` are judged by the content."""
ENDINGS: Mapping[str, Form] = {
    "rdf": "rdf-xml",
    "xml": "rdf-xml",
    "owl": "rdf-xml",
    "ttl": "turtle",
    "jsonld": "json-ld",
    "json": "json-ld",
    "nt": "n-triples",
}
_PROCESS = Path(__file__).with_name("parse_process.py")
_N_TRIPLE = re.compile(
    rb"(?:<[^<>]*>|_:[^\s<]+)[ \t]*<[^<>]*>[ \t]*"
    rb"(?:<[^<>]*>|_:[^\s<]+|\"[^\"\\]*(?:\\.[^\"\\]*)*\"(?:@[\w-]+|\^\^<[^<>]*>)?)[ \t]*\.[ \t]*(?:#.*)?$"
)
_HTML = re.compile(rb"(?i)(?:<\?xml[^>]*\?>|<!--(?:(?!-->).)*-->|\s)*(?:<!doctype\s+html|<html[\s>])", re.DOTALL)
_FIRST_LINE = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t\r]*(?:#[^\n]*)?\n)*([^\n]*)")
DOCUMENTS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="rdf")
"""What others wrote is read two at a time, in whatever form: each may take `Limits.memory`."""


class Limits(Struct, frozen=True, kw_only=True):
    """Of one document: `bytes`, `triples`, characters of a `literal` and an `iri`, depth of `nesting`; of its process:
    `memory` in bytes, bytes `written` (a prefix makes long IRIs of few characters), seconds of CPU (`cpu_s`) and of
    waiting (`wall_s`)."""

    bytes: int = 192 * 1024**2
    triples: int = 4_000_000
    literal: int = 1024**2
    iri: int = 4_096
    nesting: int = 256
    memory: int = 3 * 1024**3
    written: int = 640 * 1024**2
    cpu_s: int = 120
    wall_s: int = 240


LIMITS = Limits()
CPU_S = 20
"""Seconds of CPU of a document that is not large, whatever it says; a town's catalogue needs a few."""
LARGE = 4 * 1024**2
BYTES_PER_S = 512 * 1024
"""So many more bytes have a further second, up to the limit of all: the tersest documents need a third of it."""
FEW_TRIPLES = 100_000
"""Of a document of any size."""
BYTES_PER_TRIPLE = 8
"""So many more bytes have a further triple: what people publish needs thirty and more, a file of brackets one."""
SET_ASIDE = frozenset({"iri-length", "literal-length", "encoding", "quoted", "syntax"})
"""Kinds of remarks about what is missing from a reading, in each form."""


class Remark(Struct, frozen=True):
    """What was let pass or set aside, how often, with the first five examples.

    Let pass: `bad-iri`, `relative-iri` (but in JSON-LD), `entity` (a character of HTML that nobody declared),
    `language` (`de_DE` is taken as `de-DE`, a text with any other tag that is none as in no language). Set aside:
    `relative-iri` in JSON-LD, `iri-length`, `literal-length`, `encoding`, `quoted`, `syntax`; and in JSON-LD
    `unmapped`, a key that its context gives no meaning.
    """

    kind: str
    count: int
    examples: tuple[str, ...]


class Reading(Struct, frozen=True):
    """All triples in the order of the document, without repetition; blank nodes bear new names in each reading.

    `written`: how many bytes its process wrote.
    """

    form: Form
    triples: Sequence[oxigraph.Triple]
    remarks: tuple[Remark, ...]
    written: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing was set aside; what is missing from an incomplete reading proves no removal."""
        dropped = self.form == "json-ld" and any(remark.kind == "relative-iri" for remark in self.remarks)
        return not dropped and SET_ASIDE.isdisjoint(remark.kind for remark in self.remarks)


class _Report(Struct, frozen=True):
    error: str | None = None
    facts: dict[str, str | int] = {}
    remarks: tuple[Remark, ...] = ()


_REFUSED: Mapping[str, Callable[[Mapping[str, object]], PeerError]] = {
    "encoding": lambda facts: PeerError("rdf.encoding", name=facts["name"]),
    "entities": lambda facts: PeerError("rdf.entities"),
    "external": lambda facts: PeerError("rdf.external"),
    "nesting": lambda facts: PeerError("rdf.nesting", depth=facts["depth"]),
    "context": lambda facts: PeerError("rdf.context", url=facts["url"]),
    "syntax": lambda facts: PeerError("rdf.syntax", problem=facts["problem"]),
    "too-many": lambda facts: PeerError("rdf.too-many", limit=facts["limit"]),
}


def form_of(content: bytes, media_type: str | None = None, name: str | None = None) -> Form:
    """By what the content looks like, where that is plain; else by media type, then by the ending of the name.

    Portals name the wrong type more often than they write the wrong form. Raises PeerError for a page of
    HTML and a packed file.
    """
    seen = _seen(content)
    if seen == "rdf-xml" or seen == "json-ld":
        return seen
    told = MEDIA_TYPES.get((media_type or "").partition(";")[0].strip().lower())
    ending = ENDINGS.get((name or "").rpartition(".")[2].lower())
    if told in {"turtle", "n-triples"}:
        return cast(Form, told)
    if ending in {"turtle", "n-triples"}:
        return cast(Form, ending)
    return seen or "turtle"


def _seen(content: bytes) -> Form | None:
    if content.startswith((b"\x1f\x8b", b"PK\x03\x04")):
        raise PeerError("rdf.packed")
    head = content[:4096].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if _HTML.match(head):
        raise PeerError("rdf.html")
    if re.match(
        rb"(?i)<\?xml|<!--|<!doctype|<(?:[\w.-]+:)?rdf\b|<[a-z_][\w.-]*(?::[\w.-]+)?\s+[\w.:-]+\s*=\s*[\"']", head
    ):
        return "rdf-xml"
    if re.match(rb"\{|\[\s*[\{\[\]]", head):
        return "json-ld"
    first = _FIRST_LINE.match(content)
    return "n-triples" if first and _N_TRIPLE.match(first[1].strip()) else None


def for_size(limits: Limits, size: int) -> Limits:
    """The limits of a document of so many bytes: one that is small and takes long, or becomes many triples, which this
    process takes in, holds up all (decisions 0202, 0205)."""
    cpu_s = min(limits.cpu_s, CPU_S + max(0, size - LARGE) // BYTES_PER_S)
    triples = min(limits.triples, FEW_TRIPLES + size // BYTES_PER_TRIPLE)
    return replace(limits, cpu_s=cpu_s, wall_s=min(limits.wall_s, 4 * cpu_s), triples=triples)


def read(
    content: bytes,
    *,
    media_type: str | None = None,
    name: str | None = None,
    base: str | None = None,
    limits: Limits = LIMITS,
) -> Reading:
    """The triples of a document; `base` resolves relative IRIs, without it they stay as they are.

    Waits for the process: `read_async` for whoever may not. Raises PeerError (`rdf.…`) for a document that is refused
    as a whole.
    """
    return _read(ChildProcess(_PROCESS), content, media_type, name, base, limits)


def _read(
    child: ChildProcess, content: bytes, media_type: str | None, name: str | None, base: str | None, limits: Limits
) -> Reading:
    if len(content) > limits.bytes:
        raise PeerError("rdf.too-large", limit=limits.bytes)
    form = form_of(content, media_type, name)
    limits = for_size(limits, len(content))
    asked = json.dumps({"form": form, "base": base, "limits": msgspec.structs.asdict(limits)})
    code, out, err = child.run(asked, content, limits.wall_s)
    try:
        report = msgspec.json.decode(err.rpartition(b"\n")[2], type=_Report)
    except msgspec.MsgspecError:
        report = _Report(error="exhausted")
    if code != 0 or report.error is not None:
        refused = _REFUSED.get(report.error or "exhausted")
        raise PeerError("rdf.exhausted") if refused is None else refused(report.facts)
    quads = oxigraph.parse(out, format=oxigraph.RdfFormat.N_TRIPLES, lenient=True)
    triples = tuple(dict.fromkeys(quad.triple for quad in quads))
    wrong = next((remark for remark in report.remarks if remark.kind == "syntax"), None)
    if wrong is not None and not triples:
        raise PeerError("rdf.syntax", problem=wrong.examples[0])
    return Reading(form, triples, report.remarks, len(out))


async def read_async(
    content: bytes,
    *,
    media_type: str | None = None,
    name: str | None = None,
    base: str | None = None,
    limits: Limits = LIMITS,
) -> Reading:
    """As `read`, beside the event loop; no more than two documents at a time, the others wait for their turn.

    Whoever gives up takes the process with it.
    """
    child = ChildProcess(_PROCESS)
    return await child.beside(DOCUMENTS, lambda: _read(child, content, media_type, name, base, limits))
