"""Reads the SKOS lists of `vocab/`: concepts with labels, the closure of `skos:broader`, a digest that contracts pin.

The digest covers the triples, not the layout of the files. pyoxigraph is imported only here and only when asked for.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from connector.errors import Defect
from connector.policy.model import Closure

SKOS = "http://www.w3.org/2004/02/skos/core#"
_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
_LANGUAGES = {"de", "en"}


class Concept(Struct, frozen=True, kw_only=True):
    """A concept; `labels` by language, `broader` the IRIs directly above it, `scheme` the list it belongs to."""

    iri: str
    labels: Mapping[str, str]
    broader: tuple[str, ...] = ()
    scheme: str = ""
    notation: str = ""


class Vocabulary(Struct, frozen=True, kw_only=True):
    """All concepts by IRI; `digest` is the lower-case hex SHA-256 of the sorted triples."""

    concepts: Mapping[str, Concept]
    closure: Closure
    digest: str

    def labels(self, lang: str) -> dict[str, str]:
        """Concept IRI -> label in `lang`."""
        return {iri: concept.labels[lang] for iri, concept in self.concepts.items()}

    def scheme(self, local: str) -> dict[str, Concept]:
        """The concepts of one list by notation; `local` is the local name of the scheme, e.g. `purposeScheme`."""
        found = (concept for concept in self.concepts.values() if concept.scheme.endswith("#" + local))
        return {concept.notation: concept for concept in found}


class _Triple(NamedTuple):
    subject: str
    predicate: str
    text: str
    language: str
    line: str


def _triples(folder: Path) -> list[_Triple]:
    import pyoxigraph

    return [
        _Triple(
            getattr(quad.subject, "value", ""),
            quad.predicate.value,
            getattr(quad.object, "value", ""),
            getattr(quad.object, "language", None) or "",
            f"{quad.subject} {quad.predicate} {quad.object} .\n",
        )
        for path in sorted(folder.glob("*.ttl"))
        for quad in pyoxigraph.parse(path.read_bytes(), format=pyoxigraph.RdfFormat.TURTLE)
    ]


def _concept(iri: str, facts: Sequence[_Triple]) -> Concept:
    def texts(name: str) -> list[str]:
        return sorted(fact.text for fact in facts if fact.predicate == SKOS + name)

    labels = {fact.language: fact.text for fact in facts if fact.predicate == SKOS + "prefLabel"}
    if not labels.keys() >= _LANGUAGES:
        raise Defect("policy.concept-without-label", concept=iri)
    return Concept(
        iri=iri,
        labels=labels,
        broader=tuple(texts("broader")),
        scheme=next(iter(texts("inScheme")), ""),
        notation=next(iter(texts("notation")), ""),
    )


def _above(iri: str, concepts: Mapping[str, Concept]) -> frozenset[str]:
    found: set[str] = set()
    waiting = [iri]
    while waiting:
        if (current := waiting.pop()) not in found:
            found.add(current)
            waiting += concepts[current].broader if current in concepts else ()
    return frozenset(found)


def load(folder: Path) -> Vocabulary:
    """The vocabulary in `folder/*.ttl`; Defect if a concept lacks a German or English label."""
    triples = _triples(folder)
    about: dict[str, list[_Triple]] = {}
    for triple in triples:
        about.setdefault(triple.subject, []).append(triple)
    typed = (t.subject for t in triples if t.predicate == _TYPE and t.text == SKOS + "Concept")
    concepts = {iri: _concept(iri, about[iri]) for iri in typed}
    closure = Closure({iri: _above(iri, concepts) for iri in concepts})
    digest = hashlib.sha256("".join(sorted({t.line for t in triples})).encode()).hexdigest()
    return Vocabulary(concepts=concepts, closure=closure, digest=digest)
