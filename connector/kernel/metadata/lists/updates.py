"""Code lists that an operator adds: newer editions, or lists of which we have none (spec/metadata-check.md 1.2, T74).

A file is read as foreign RDF is, and taken only if it holds lists whose values lie where the list lies. What is kept is
what lists say (value, list, code, labels) and a record: name and SHA-256 of the file, day, editions. The folder belongs
to the installation, to no participant. Values of ours are never lost: a newer list adds.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import msgspec
from msgspec import Struct
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from connector.foundation.errors import Mistake
from connector.foundation.small_files import content, created
from connector.kernel.metadata.lists.code_lists import CodeList, CodeLists, code_lists, installed, stated
from connector.kernel.metadata.rdf.names import DC, DCT, OWL, SKOS
from connector.kernel.metadata.rdf.reading import Limits, read
from connector.kernel.metadata.rdf.writing import write

FOLDER = "vocab"
"""Below the data folder."""
LIMITS = Limits(bytes=64 * 1024**2, triples=3_000_000)
"""The full table of languages has 4 MB, that of places 20."""
MOST_VALUES = 200_000
MOST_UPDATES = 200
_KEPT = frozenset({SKOS.inScheme, SKOS.notation, SKOS.broader, DCT.title, DCT.source, OWL.versionInfo, DC.identifier})
_KEPT_IN = frozenset({"de", "en"})
_LARGEST = 64 * 1024**2


class Taken(Struct, frozen=True, kw_only=True):
    """One list of a file: how many values it has, and how many of them were not known."""

    scheme: str
    title: str
    edition: str
    values: int
    new: int


class Update(Struct, frozen=True, kw_only=True):
    """A file that was taken: `sha256` of its bytes, `at` as RFC 3339, `kept` the SHA-256 of what is kept of it."""

    file: str
    sha256: str
    bytes: int
    at: str
    kept: str
    lists: tuple[Taken, ...]


def add_lists(folder: Path, name: str, data: bytes, at: str) -> Update:
    """Adds the lists in a file and records it; the same file again changes nothing.

    Raises PeerError (`rdf.*`) if it cannot be read, Mistake (`vocab.*`) if it holds no list, or one of strange values.
    """
    digest = hashlib.sha256(data).hexdigest()
    if (there := next((one for one in updates(folder) if one.sha256 == digest), None)) is not None:
        return there
    if len(updates(folder)) >= MOST_UPDATES:
        raise Mistake("vocab.too-many", most=MOST_UPDATES, folder=str(folder / FOLDER))
    reading = read(data, name=name, limits=LIMITS)
    triples = [triple for triple in reading.triples if _is_kept(triple)]
    found = stated(triples)
    _check(found, name)
    kept = write(triples, "n-triples")
    known = known_lists(folder)
    update = Update(
        file=name,
        sha256=digest,
        bytes=len(data),
        at=at,
        kept=hashlib.sha256(kept).hexdigest(),
        lists=tuple(_added(one, known) for one in found),
    )
    place = folder / FOLDER
    created(place / f"{digest}.nt", kept)
    created(place / f"{digest}.json", msgspec.json.encode(update))  # last: without it the other counts for nothing
    return update


def _is_kept(triple: Triple) -> bool:
    """Of blank nodes nothing: they bear new names in each reading, and what is kept is known by its hash."""
    subject, value = triple.subject, triple.object
    if not isinstance(subject, NamedNode) or not isinstance(value, NamedNode | Literal):
        return False
    if triple.predicate == SKOS.prefLabel:
        return isinstance(value, Literal) and value.language in _KEPT_IN
    return triple.predicate in _KEPT


def _check(found: Sequence[CodeList], name: str) -> None:
    if not found:
        raise Mistake("vocab.no-list", file=name)
    if sum(len(one.values) for one in found) > MOST_VALUES:
        raise Mistake("vocab.too-large", file=name, most=MOST_VALUES)
    for one in found:
        beside = one.iri.rpartition("/")[0] + "/"
        strange = next((iri for iri in one.values if not iri.startswith(beside)), None)
        if strange is not None or not one.iri.startswith(("http://", "https://")):
            raise Mistake("vocab.strange-value", file=name, scheme=one.iri, strange=strange or one.iri)


def _added(one: CodeList, known: CodeLists) -> Taken:
    new = sum(not known.has(one.iri, iri) for iri in one.values)
    title = one.titles.get("de") or one.titles.get("en") or one.iri.rpartition("/")[2]
    return Taken(scheme=one.iri, title=title, edition=one.edition, values=len(one.values), new=new)


def updates(folder: Path) -> Sequence[Update]:
    """What was taken, oldest first; raises Mistake if a record was changed."""
    found = []
    for path in (folder / FOLDER).glob("*.json"):
        try:
            update = msgspec.json.decode(content(path, _LARGEST), type=Update)
        except (OSError, ValueError) as problem:
            raise Mistake("vocab.damaged", file=str(path)) from problem
        if update.sha256 != path.stem:
            raise Mistake("vocab.damaged", file=str(path))
        found.append(update)
    return sorted(found, key=lambda one: (one.at, one.sha256))


def known_lists(folder: Path) -> CodeLists:
    """Ours and those taken here. Asked often: read again only when one was added."""
    taken = updates(folder)
    return _known(folder, tuple((one.sha256, one.kept) for one in taken)) if taken else code_lists()


@lru_cache(maxsize=4)
def _known(folder: Path, taken: tuple[tuple[str, str], ...]) -> CodeLists:
    added: list[CodeList] = []
    for name, kept in taken:
        added += stated(_kept(folder / FOLDER / f"{name}.nt", kept))
    return CodeLists([*installed(), *added])


def _kept(path: Path, digest: str) -> Iterable[Triple]:
    try:
        data = content(path, _LARGEST)
    except (OSError, ValueError) as problem:
        raise Mistake("vocab.damaged", file=str(path)) from problem
    if hashlib.sha256(data).hexdigest() != digest:
        raise Mistake("vocab.damaged", file=str(path))
    return (quad.triple for quad in parse(data, format=RdfFormat.N_TRIPLES, lenient=True))
