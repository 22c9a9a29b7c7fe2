"""The code lists of `vocab/eu` and `vocab/de`: values, labels, editions (spec/metadata-check.md 1.1).

A value is on a list only if the list names it; that its IRI begins like the others says nothing. The lists of rules and
contracts in `vocab/*.ttl` are others, with a digest of their own, and are not read here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

from msgspec import Struct, structs

from connector.foundation.resources import folder
from connector.kernel.metadata.rdf import oxigraph
from connector.kernel.metadata.rdf.graph import Graph, Node
from connector.kernel.metadata.rdf.names import AUTHORITY, DC, DCAT, DCATAP, DCT, OWL, SKOS, Namespace

_K = TypeVar("_K")
_HANSE = Namespace("https://w3id.org/hanse/v1#")

DATA_THEME = AUTHORITY + "data-theme"
FILE_TYPE = AUTHORITY + "file-type"
FREQUENCY = AUTHORITY + "frequency"
LANGUAGE = AUTHORITY + "language"
ACCESS_RIGHT = AUTHORITY + "access-right"
AVAILABILITY = AUTHORITY + "planned-availability"
DISTRIBUTION_STATUS = AUTHORITY + "distribution-status"
DATASET_TYPE = AUTHORITY + "dataset-type"
HVD_CATEGORY = "http://data.europa.eu/bna/asd487ae75"
PUBLISHER_TYPE = "http://purl.org/adms/publishertype/1.0"
LICENSES = "http://dcat-ap.de/def/licenses"
CONTRIBUTORS = "http://dcat-ap.de/def/contributors"
GEOCODING_LEVEL = "http://dcat-ap.de/def/politicalGeocoding/Level"
MUSTERDATENKATALOG = "https://musterdatenkatalog.de/def/musterdatensatz/Musterdatenkatalog"
MEDIA_TYPES = "https://www.iana.org/assignments/media-types/"
"""What the IRI of a media type begins with; there is no list of them."""


class Value(Struct, frozen=True, kw_only=True):
    """One value of a list.

    `code` is its notation; `labels` by language, at least one; `broader` the IRI above it. Of a licence: `open` and
    `attribution` (it asks for a text that names the source). Of a file type: `media_type` (`text/csv`), `endings`
    without a dot, `names` by which it is also known. Of a municipal concept: `theme` and `hvd`, IRIs.
    """

    iri: str
    code: str
    scheme: str
    labels: Mapping[str, str]
    broader: str | None = None
    open: bool | None = None
    attribution: bool = False
    media_type: str | None = None
    endings: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    theme: str | None = None
    hvd: str | None = None

    def label(self, lang: str) -> str:
        """In this language, else in whatever there is."""
        return self.labels.get(lang) or next(iter(self.labels.values()), self.code)


class CodeList(Struct, frozen=True, kw_only=True):
    """One list: its IRI is what `skos:inScheme` names; `edition` as its publisher counts."""

    iri: str
    titles: Mapping[str, str]
    edition: str
    source: str
    values: Mapping[str, Value]


class CodeLists:
    """All lists at hand. Of the same value on the same list the later statement adds what the earlier left out."""

    def __init__(self, lists: Iterable[CodeList]) -> None:
        self.lists: dict[str, CodeList] = {}
        self._schemes: dict[str, frozenset[str]] = {}
        self._values: dict[str, Value] = {}
        for one in lists:
            self._take(one)
        listed = ((scheme, value) for scheme, of in self.lists.items() for value in of.values.values())
        self._codes = _first(((scheme, value.code.casefold()), value) for scheme, value in listed)
        types = self.values(FILE_TYPE)
        self._endings = _first((ending, value) for value in types for ending in value.endings)
        named = _first((name.casefold(), value) for value in types for name in value.names)
        self._media = _first((value.media_type.casefold(), value) for value in types if value.media_type)
        self._formats = self._endings | named | _first((value.code.casefold(), value) for value in types)

    def _take(self, one: CodeList) -> None:
        there = self.lists.get(one.iri)
        self.lists[one.iri] = one if there is None else _joined(there, one)
        for iri, value in one.values.items():
            self._schemes[iri] = self._schemes.get(iri, frozenset()) | {one.iri}
            self._values.setdefault(iri, value)

    def schemes(self, value: str) -> frozenset[str]:
        """The lists on which the value stands; none for what is unknown."""
        return self._schemes.get(value, frozenset())

    def has(self, scheme: str, value: str) -> bool:
        return scheme in self.schemes(value)

    def value(self, iri: str) -> Value | None:
        return self._values.get(iri)

    def values(self, scheme: str) -> Sequence[Value]:
        """In the order of the list; none if there is no such list."""
        there = self.lists.get(scheme)
        return tuple(there.values.values()) if there else ()

    def by_code(self, scheme: str, code: str) -> Value | None:
        """The value with this notation, in capitals or not."""
        return self._codes.get((scheme, code.casefold()))

    def label(self, iri: str, lang: str) -> str | None:
        found = self._values.get(iri)
        return found.label(lang) if found else None

    def is_open(self, licence: str) -> bool | None:
        """Whether it is an open licence; None if it is on no list, or the list does not say."""
        found = self._values.get(licence)
        return found.open if found else None

    def file_type(self, name: str) -> Value | None:
        """By code, ending or another name, as people write it: `csv`, `.CSV`, `Shapefile`, `WMS`."""
        return self._formats.get(name.strip().lstrip(".").casefold())

    def file_type_by_media(self, media_type: str) -> Value | None:
        """By `text/csv`, whatever parameters stand behind it."""
        return self._media.get(media_type.partition(";")[0].strip().casefold())

    def file_type_of(self, file_name: str) -> Value | None:
        """By the longest ending of a file name that is known: `trees.tar.gz` is a packed archive, no gzip file."""
        parts = file_name.casefold().split(".")[1:]
        endings = (".".join(parts[at:]) for at in range(len(parts)))
        return next((self._endings[ending] for ending in endings if ending in self._endings), None)

    def theme(self, concept: str) -> str | None:
        """The EU theme of a concept of the Musterdatenkatalog, as its topic has it."""
        found = self._values.get(concept)
        above = self._values.get(found.broader) if found and found.broader else None
        return (found.theme if found else None) or (above.theme if above else None)

    def hvd_candidate(self, concept: str) -> str | None:
        """The category of high-value datasets that a person should think of for such data; nothing follows from it."""
        found = self._values.get(concept)
        return found.hvd if found else None


def _first(found: Iterable[tuple[_K, Value]]) -> dict[_K, Value]:
    """The first value of each name: what was added later takes no name from what is ours."""
    named: dict[_K, Value] = {}
    for name, value in found:
        named.setdefault(name, value)
    return named


def _joined(first: CodeList, second: CodeList) -> CodeList:
    """What is ours says more of a value than an official list does (endings, open or not): the first wins and leads."""
    editions = dict.fromkeys(edition for edition in (first.edition, second.edition) if edition)
    return structs.replace(first, edition=", ".join(editions), values={**first.values, **second.values, **first.values})


@cache
def code_lists() -> CodeLists:
    """The lists that are installed, put together once."""
    return CodeLists(installed())


@cache
def installed() -> Sequence[CodeList]:
    """One list per file, read once; raises FileNotFoundError if the installation is broken."""
    return tuple(read(path) for room in ("eu", "de") for path in sorted((folder("vocab") / room).glob("*.ttl")))


def read(path: Path) -> CodeList:
    """The list in a Turtle file of ours: one scheme, and its concepts."""
    triples = (quad.triple for quad in oxigraph.parse(path.read_bytes(), format=oxigraph.RdfFormat.TURTLE))
    (found,) = stated(triples)
    return found


def stated(triples: Iterable[oxigraph.Triple]) -> Sequence[CodeList]:
    """The lists in these triples: what `skos:inScheme` names, with all that is said to be in it."""
    graph = Graph(triples)
    members: dict[oxigraph.NamedNode, list[oxigraph.NamedNode]] = {}
    for subject in graph.subjects:
        for scheme in graph.values(subject, SKOS.inScheme):
            if isinstance(scheme, oxigraph.NamedNode) and isinstance(subject, oxigraph.NamedNode):
                members.setdefault(scheme, []).append(subject)
    return [_list(graph, scheme, found) for scheme, found in members.items()]


def _list(graph: Graph, scheme: oxigraph.NamedNode, members: Sequence[oxigraph.NamedNode]) -> CodeList:
    return CodeList(
        iri=scheme.value,
        titles=_texts(graph, scheme, DCT.title) or _texts(graph, scheme, SKOS.prefLabel),
        edition=_text(graph, scheme, OWL.versionInfo) or "",
        source=_text(graph, scheme, DCT.source) or scheme.value,
        values={node.value: _value(graph, node, scheme.value) for node in members},
    )


def _value(graph: Graph, node: oxigraph.NamedNode, scheme: str) -> Value:
    code = _text(graph, node, SKOS.notation) or _text(graph, node, DC.identifier) or node.value.rpartition("/")[2]
    is_open = _text(graph, node, _HANSE.openLicence)
    return Value(
        iri=node.value,
        code=code,
        scheme=scheme,
        labels=_texts(graph, node, SKOS.prefLabel) or {"": code},
        broader=_text(graph, node, SKOS.broader),
        open=None if is_open is None else is_open == "true",
        attribution=_text(graph, node, _HANSE.attribution) == "true",
        media_type=_text(graph, node, _HANSE.mediaType),
        endings=_all(graph, node, _HANSE.fileEnding),
        names=_all(graph, node, SKOS.altLabel),
        theme=_text(graph, node, DCAT.theme),
        hvd=_text(graph, node, DCATAP.hvdCategory),
    )


def _all(graph: Graph, node: Node, name: oxigraph.NamedNode) -> tuple[str, ...]:
    return tuple(value.value for value in graph.values(node, name))


def _text(graph: Graph, node: Node, name: oxigraph.NamedNode) -> str | None:
    return next(iter(_all(graph, node, name)), None)


def _texts(graph: Graph, node: Node, name: oxigraph.NamedNode) -> dict[str, str]:
    found = (value for value in graph.values(node, name) if isinstance(value, oxigraph.Literal))
    return {text.language or "": text.value for text in found}
