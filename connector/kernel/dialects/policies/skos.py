"""Reads the SKOS lists of `vocab/`: concepts with labels, the closure of `skos:broader`, a digest that contracts pin.

The digest covers the triples, not the layout of the files. Lists of earlier releases stay beside the present ones in
that canonical form, so that a contract is always judged by the lists it was signed with (spec/contracts.md 1.5).
Beside the files lie their triples as `current.nt`, so that a server reads its lists without pyoxigraph, a
fifth of its memory; they count only if they were written from the files as they are (spec/architecture.md 4.4).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from connector.foundation.errors import Defect
from connector.kernel.policy.odrl.model import Closure

SKOS = "http://www.w3.org/2004/02/skos/core#"
HANSE = "https://w3id.org/hanse/v1#"
_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
_LANGUAGES = {"de", "en"}
WRITTEN = "current.nt"
_LINE = re.compile(
    r"<(?P<subject>[^<>\\]*)> <(?P<predicate>[^<>\\]*)> "
    r'(?:<(?P<iri>[^<>\\]*)>|"(?P<text>(?:[^"\\]|\\[tbnrf"\\])*)"(?:@(?P<language>[a-z-]+)|\^\^<[^<>\\]*>)?) \.\n'
)
"""A triple as we write it; a document with any other is read by pyoxigraph."""
_ESCAPED = re.compile(r"\\(.)")
_SIGNS = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f"}
_CODES = (HANSE + "ags", HANSE + "nuts", SKOS + "exactMatch")


class Concept(Struct, frozen=True, kw_only=True):
    """A concept; `labels` by language, `broader` the IRIs directly above it, `scheme` the list it belongs to.

    `codes` name exactly the same in other lists: AGS, NUTS, IRIs of `skos:exactMatch`. `others` are words that people
    use for it, too (`skos:altLabel`): they are understood and never shown.
    """

    iri: str
    labels: Mapping[str, str]
    broader: tuple[str, ...] = ()
    scheme: str = ""
    notation: str = ""
    codes: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


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


class Vocabularies(Struct, frozen=True, kw_only=True):
    """The present lists, and the closures of earlier ones by digest."""

    current: Vocabulary
    earlier: Mapping[str, Closure] = {}

    def knows(self, digest: str) -> bool:
        """Whether these lists are at hand."""
        return digest == self.current.digest or digest in self.earlier

    def closure_of(self, digest: str) -> Closure:
        """The closure that an agreement pins; of lists we do not have an empty one, which contains nothing for sure.

        Then a concept is within itself and everything else is unknown, which refuses (spec/policy.md 3.5).
        """
        if digest == self.current.digest:
            return self.current.closure
        return self.earlier.get(digest, Closure())


class _Triple(NamedTuple):
    subject: str
    predicate: str
    text: str
    language: str
    line: str


def _read(path: Path) -> list[_Triple]:
    import pyoxigraph

    form = pyoxigraph.RdfFormat.TURTLE if path.suffix == ".ttl" else pyoxigraph.RdfFormat.N_TRIPLES
    return [
        _Triple(
            getattr(quad.subject, "value", ""),
            quad.predicate.value,
            getattr(quad.object, "value", ""),
            getattr(quad.object, "language", None) or "",
            f"{quad.subject} {quad.predicate} {quad.object} .\n",
        )
        for quad in pyoxigraph.parse(path.read_bytes(), format=form)
    ]


def _lines(content: bytes) -> list[_Triple] | None:
    """The triples of N-Triples; None if a line is not as we write them."""
    found = [(line, _LINE.fullmatch(line)) for line in content.decode().splitlines(keepends=True)]
    triples = [_triple(line, match) for line, match in found if match is not None]
    return triples if len(triples) == len(found) else None


def _triple(line: str, found: re.Match[str]) -> _Triple:
    text = found["text"] or ""
    if "\\" in text:
        text = _ESCAPED.sub(lambda sign: _SIGNS.get(sign[1], sign[1]), text)
    return _Triple(found["subject"], found["predicate"], found["iri"] or text, found["language"] or "", line)


def _current(folder: Path) -> list[_Triple]:
    files = sorted(folder.glob("*.ttl"))
    written = folder / WRITTEN
    head, _, lines = written.read_bytes().partition(b"\n") if written.is_file() else (b"", b"", b"")
    triples = _lines(lines) if head == _head(files) else None
    return [triple for path in files for triple in _read(path)] if triples is None else triples


def _head(files: Sequence[Path]) -> bytes:
    """The first line of `current.nt`: names and bytes of the files that it was written from."""
    told = hashlib.sha256()
    for path in files:
        content = path.read_bytes()
        told.update(f"{path.name} {len(content)}\n".encode() + content)
    return f"# {told.hexdigest()}".encode()


def _canonical(triples: Sequence[_Triple]) -> bytes:
    return "".join(sorted({triple.line for triple in triples})).encode()


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
        codes=tuple(sorted(fact.text for fact in facts if fact.predicate in _CODES)),
        others=tuple(texts("altLabel")),
    )


def _above(iri: str, concepts: Mapping[str, Concept]) -> frozenset[str]:
    found: set[str] = set()
    waiting = [iri]
    while waiting:
        if (current := waiting.pop()) not in found:
            found.add(current)
            waiting += concepts[current].broader if current in concepts else ()
    return frozenset(found)


def _vocabulary(triples: Sequence[_Triple]) -> Vocabulary:
    about: dict[str, list[_Triple]] = {}
    for triple in triples:
        about.setdefault(triple.subject, []).append(triple)
    typed = (t.subject for t in triples if t.predicate == _TYPE and t.text == SKOS + "Concept")
    concepts = {iri: _concept(iri, about[iri]) for iri in typed}
    schemes = {iri: concept.scheme.rpartition("#")[2] for iri, concept in concepts.items()}
    closure = Closure({iri: _above(iri, concepts) for iri in concepts}, schemes)
    digest = hashlib.sha256(_canonical(triples)).hexdigest()
    return Vocabulary(concepts=concepts, closure=closure, digest=digest)


def texts(path: Path, predicates: Sequence[str], lang: str | None = None, *, names: str = "") -> dict[str, list[str]]:
    """What a file says with these predicates, in one language or any, by subject, or by its value of `names`.

    For lists that no contract pins, such as the synonyms of a search.
    """
    triples = _read(path)
    called = {triple.subject: triple.text for triple in triples if triple.predicate == names}
    found: dict[str, list[str]] = {}
    for triple in triples:
        if triple.predicate in predicates and lang in (None, triple.language):
            found.setdefault(called.get(triple.subject, triple.subject), []).append(triple.text)
    return found


def load(folder: Path) -> Vocabulary:
    """The vocabulary in `folder/*.ttl`; Defect if a concept lacks a German or English label."""
    return _vocabulary(_current(folder))


def written(folder: Path) -> bytes:
    """What belongs into `folder/current.nt`: the triples in the order in which the files say them, which people see."""
    files = sorted(folder.glob("*.ttl"))
    return _head(files) + b"\n" + "".join(triple.line for path in files for triple in _read(path)).encode()


def canonical(folder: Path) -> bytes:
    """What the digest is taken of: the sorted N-Triples of `folder/*.ttl`, which is how earlier lists are kept."""
    return _canonical([triple for path in sorted(folder.glob("*.ttl")) for triple in _read(path)])


def load_all(folder: Path, current: Vocabulary | None = None) -> Vocabularies:
    """The lists in `folder`, unless they are at hand, and those of earlier releases, `folder/earlier/<digest>.nt`.

    Raises Defect if one of these was changed.
    """
    earlier: dict[str, Closure] = {}
    for path in sorted((folder / "earlier").glob("*.nt")):
        content = path.read_bytes()
        found = _vocabulary(_lines(content) or _read(path))
        if found.digest != path.stem or hashlib.sha256(content).hexdigest() != path.stem:
            raise Defect("policy.vocabulary-changed", digest=path.stem)
        earlier[path.stem] = found.closure
    return Vocabularies(current=current or load(folder), earlier=earlier)
