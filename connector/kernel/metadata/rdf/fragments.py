"""A document in parts: what is said of one dataset is written once in each form, and pages are joined of such parts.

To join a page costs less than to serialise its triples. A part that cannot be read, or that XML cannot hold, would
spoil every page that it stands on: such triples are in no part, so that the four forms say the same
(spec/metadata-harvest.md 1.5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from typing import Final, Literal, TypeVar

import msgspec

from connector.kernel.metadata.rdf import oxigraph
from connector.kernel.metadata.rdf.names import DCAT, DCT, PREFIXES, RDF, SPDX, VCARD
from connector.kernel.metadata.rdf.writing import in_order, sayable_in_xml

Form = Literal["rdf", "ttl", "jsonld", "nt"]
MEDIA: Final[Mapping[Form, str]] = {
    "rdf": "application/rdf+xml",
    "ttl": "text/turtle",
    "jsonld": "application/ld+json",
    "nt": "application/n-triples",
}
_PREFIXED: Final = frozenset({"rdf", "ttl"})
_SYNTAX = re.compile(re.escape(RDF.iri) + r"(?!(?:type|value|first|rest|_[1-9][0-9]*)\Z)")
"""Names of RDF/XML itself, which are no properties in it."""
T = TypeVar("T")


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one dataset: `own` in each form; `shared` (lines of N-Triples) are nodes that others name too."""

    digest: str
    own: Mapping[Form, bytes]
    shared: bytes

    @property
    def size(self) -> int:
        """Bytes that it takes on a page of RDF/XML."""
        return len(self.own["rdf"]) + len(self.shared)


def parts(iri: str, triples: Iterable[oxigraph.Triple]) -> Parts:
    """The parts of the dataset with this IRI; `digest` is the SHA-256 (hex) of its triples, sorted."""
    own, shared = _divided(iri, _apart(iri, filter(writable, triples)))
    lines, others = part("nt", own), part("nt", shared)
    written = {form: lines if form == "nt" else part(form, own) for form in MEDIA}
    return Parts(digest=sha256(lines + b"\n" + others).hexdigest(), own=written, shared=others)


@cache
def _own_classes() -> frozenset[oxigraph.NamedNode]:
    """What describes one dataset; nodes of other classes may stand below several."""
    return frozenset((DCAT.Dataset, DCAT.Distribution, DCAT.DataService, DCT.PeriodOfTime, SPDX.Checksum, VCARD.Kind))


def writable(triple: oxigraph.Triple) -> bool:
    """Whether every form can say it; what was read leniently may hold what is no IRI."""
    if not sayable_in_xml(triple) or _SYNTAX.match(triple.predicate.value):
        return False
    iris = [
        one.value for one in (triple.subject, triple.predicate, triple.object) if isinstance(one, oxigraph.NamedNode)
    ]
    return all(map(_strict, iris))


def _strict(iri: str) -> bool:
    try:
        oxigraph.NamedNode(iri)
    except ValueError:
        return False
    return True


def _apart(iri: str, triples: Iterable[oxigraph.Triple]) -> list[oxigraph.Triple]:
    """In order, blank nodes by names that no other dataset has, so that parts can stand side by side."""
    prefix = f"n{sha256(iri.encode()).hexdigest()[:16]}"

    def named(term: T) -> T | oxigraph.BlankNode:
        return oxigraph.BlankNode(prefix + term.value) if isinstance(term, oxigraph.BlankNode) else term

    return [oxigraph.Triple(named(one.subject), one.predicate, named(one.object)) for one in in_order(triples)]


def _divided(iri: str, triples: Sequence[oxigraph.Triple]) -> tuple[list[oxigraph.Triple], list[oxigraph.Triple]]:
    below = (f"<{iri}>", f"<{iri}#", f"<{iri}/", f"<{iri}?", f"<{iri}.", "_:")
    own = {one.subject for one in triples if one.predicate == RDF.type and one.object in _own_classes()}
    own |= {one.subject for one in triples if str(one.subject).startswith(below)}
    return [one for one in triples if one.subject in own], [one for one in triples if one.subject not in own]


def part(form: Form, triples: Sequence[oxigraph.Triple]) -> bytes:
    """Sorted triples as they stand between head and tail of a document."""
    if not triples:
        return b""
    format = oxigraph.RdfFormat.from_media_type(MEDIA[form])
    written = oxigraph.serialize(triples, format=format, prefixes=dict(PREFIXES) if form in _PREFIXED else None)
    assert written is not None
    match form:
        case "rdf":
            return written[_xml_head()[0] : -len(b"</rdf:RDF>")].strip(b"\n") + b"\n"
        case "ttl":
            return written[len(_turtle_head()) :]
        case "jsonld":
            return written.strip()[1:-1]
        case "nt":
            return written


def whole(form: Form, pieces: Iterable[bytes]) -> bytes:
    """A document of parts, in their order."""
    return b"".join((head(form), joined(form, pieces), tail(form)))


def joined(form: Form, pieces: Iterable[bytes]) -> bytes:
    return between(form).join(filter(None, pieces))


def between(form: Form) -> bytes:
    return b",\n" if form == "jsonld" else b""


def head(form: Form) -> bytes:
    match form:
        case "rdf":
            return _xml_head()[1]
        case "ttl":
            return _turtle_head()
        case "jsonld":
            return b"["
        case "nt":
            return b""


def tail(form: Form) -> bytes:
    return {"rdf": b"</rdf:RDF>\n", "jsonld": b"]\n"}.get(form, b"")


@cache
def _xml_head() -> tuple[int, bytes]:
    """How long the serialiser's own head is, and ours: the same namespaces in an order that is the same everywhere."""
    empty = oxigraph.serialize([], format=oxigraph.RdfFormat.RDF_XML, prefixes=dict(PREFIXES))
    assert empty is not None
    start, end = empty.index(b"<rdf:RDF"), empty.rindex(b">", 0, empty.index(b"</rdf:RDF>"))
    spaces = sorted(re.findall(rb'xmlns:[a-z]+="[^"]*"', empty[start:end]))
    return end + 1, empty[:start] + b"<rdf:RDF " + b"\n  ".join(spaces) + b">\n"


@cache
def _turtle_head() -> bytes:
    return "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in sorted(PREFIXES.items())).encode()


def read(lines: bytes) -> list[oxigraph.Triple]:
    """N-Triples that we wrote."""
    return [
        oxigraph.Triple(one.subject, one.predicate, one.object)
        for one in oxigraph.parse(lines, oxigraph.RdfFormat.N_TRIPLES)
    ]


def united(blobs: Iterable[bytes]) -> list[oxigraph.Triple]:
    """Lines of N-Triples that stand in several of these, once and by subject."""
    lines = {line for blob in set(blobs) for line in blob.splitlines()}
    return read(b"\n".join(sorted(lines)) + b"\n") if lines else []
