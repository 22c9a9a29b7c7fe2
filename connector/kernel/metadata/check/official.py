"""Runs official SHACL files, which an operator downloaded, over a catalogue: pyshacl, in place of our table.

The files are taken as they were published, with one repair: a reference to a property shape that is defined nowhere is
dropped, and named. The context is that of our own check. Nothing is fetched, and shapes that bring programs of their
own are refused (spec/metadata-check.md 2.5). Needs the extra `shacl`.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyoxigraph

from connector.foundation.errors import Mistake
from connector.foundation.language.system_words import system_words
from connector.foundation.small_files import content
from connector.kernel.metadata.check.context import prepared
from connector.kernel.metadata.check.model import Finding, Profile, Severity, Step
from connector.kernel.metadata.check.model import Path as PropertyPath
from connector.kernel.metadata.lists.code_lists import CodeLists
from connector.kernel.metadata.rdf.graph import Graph, Term
from connector.kernel.metadata.rdf.names import Namespace

if TYPE_CHECKING:
    import rdflib
    from rdflib.term import Node as RdflibNode

SH = Namespace("http://www.w3.org/ns/shacl#")
FILES: Mapping[Profile, Sequence[str]] = {
    Profile.AP: ("dcat-ap-3.0.1/dcat-ap-SHACL.ttl",),
    Profile.DE: (
        "dcat-ap-3.0.0/dcat-ap-SHACL.ttl",
        "dcat-ap-de-3.0/dcat-ap-SHACL-DE.ttl",
        "dcat-ap-de-3.0/dcat-ap-spec-german-additions.ttl",
        "dcat-ap-de-3.0/dcat-ap-de-controlledvocabularies.ttl",
        "dcat-ap-de-3.0/dcat-ap-de-deprecated.ttl",
    ),
    Profile.HVD: ("hvd-3.0.0/hvd-SHACL-base.ttl", "hvd-3.0.0/hvd-SHACL-usagenotes.ttl"),
}
"""The files of a profile in the folders of their releases. DCAT-AP.de patches DCAT-AP 3.0.0, not 3.0.1."""
LARGEST = 5_000_000
"""Bytes of one file of shapes; the largest official one has 180 000."""
_PROGRAMS = (SH.sparql, SH.select, SH.ask, SH.construct, SH.js, SH.jsFunctionName, SH.rule, SH.target)


class Shapes(NamedTuple):
    """The shapes of a profile; `dropped` is what was repaired: the shape, and the reference it had to nothing.

    `files` are the paths with the SHA-256 of their bytes: who reports what they found says by which edition.
    """

    graph: Graph
    dropped: Sequence[tuple[str, str]]
    files: Mapping[str, str]


def load(folder: Path, profile: Profile) -> Shapes:
    """The shapes of a profile: by the folders of their releases, else all Turtle files that lie in the folder itself.

    Raises Mistake (`catalogue.shapes-*`).
    """
    named = [folder / name for name in FILES[profile]]
    if not any(path.is_file() for path in named):
        named = sorted(folder.glob("*.ttl"))
        if not named:
            raise Mistake("catalogue.shapes-none", folder=str(folder), names=", ".join(FILES[profile]))
    return load_files(named)


def load_files(paths: Sequence[Path]) -> Shapes:
    """The shapes in these Turtle files; raises Mistake as `load` does."""
    read = {path: _read(path) for path in paths}
    triples = [triple for path, data in read.items() for triple in _parsed(path, data)]
    if found := next((t.predicate.value for t in triples if t.predicate in _PROGRAMS), None):
        raise Mistake("catalogue.shapes-program", name=found)
    said = {triple.subject for triple in triples}
    lost = {t for t in triples if t.predicate == SH.property and t.object not in said}
    return Shapes(
        graph=Graph(triple for triple in triples if triple not in lost),
        dropped=sorted({(_plain(triple.subject), _plain(triple.object)) for triple in lost}),
        files={str(path): hashlib.sha256(data).hexdigest() for path, data in read.items()},
    )


def _read(path: Path) -> bytes:
    try:
        data = content(path.resolve(), LARGEST + 1)
    except (OSError, ValueError) as problem:
        raise Mistake("catalogue.shapes-unreadable", path=str(path), problem=system_words(problem)) from problem
    if len(data) > LARGEST:
        raise Mistake("catalogue.shapes-large", path=str(path), most=LARGEST)
    return data


def _parsed(path: Path, data: bytes) -> Sequence[pyoxigraph.Triple]:
    try:
        quads = pyoxigraph.parse(data, format=pyoxigraph.RdfFormat.TURTLE, rename_blank_nodes=True)
        return [quad.triple for quad in quads]
    except (ValueError, SyntaxError) as problem:
        raise Mistake("catalogue.shapes-unreadable", path=str(path), problem=str(problem)) from problem


def _plain(term: object) -> str:
    return term.value if isinstance(term, pyoxigraph.NamedNode) else str(term)


def check(shapes: Shapes, graph: Graph, profile: Profile, lists: CodeLists | None = None) -> list[Finding]:
    """What the shapes find, by node; raises Mistake if they cannot be run or pyshacl is not installed."""
    return findings(shapes.graph, prepared(graph, profile, lists))


def findings(shapes: Graph, known: Graph) -> list[Finding]:
    """The same of a graph that holds already what `prepared` adds to it."""
    try:
        import rdflib

        from connector.kernel.metadata.check.validator import ready
    except ImportError as missing:
        raise Mistake("catalogue.shapes-no-pyshacl") from missing
    try:
        report, ours = ready(shapes).report(known)
    except (RuntimeError, ValueError, TypeError, re.error) as problem:  # its own errors, and those it lets through
        raise Mistake("catalogue.shapes-broken", problem=str(problem)) from problem
    found = [_finding(report, one, shapes, ours) for one in report.objects(None, rdflib.URIRef(SH.result.value))]
    return sorted(found, key=lambda one: (str(one.node), one.path or "", one.rule, str(one.value)))


def _back(term: "RdflibNode") -> Term:
    """What the validator itself says, such as the name of a component."""
    import rdflib

    if isinstance(term, rdflib.Literal):
        return pyoxigraph.Literal(str(term))
    return pyoxigraph.BlankNode(str(term)) if isinstance(term, rdflib.BNode) else pyoxigraph.NamedNode(str(term))


_SEVERITIES = {SH.Violation: Severity.VIOLATION}


def _finding(report: "rdflib.Graph", one: "RdflibNode", shapes: Graph, ours: "Mapping[RdflibNode, Term]") -> Finding:
    import rdflib

    def said(name: pyoxigraph.NamedNode) -> Term | None:
        term = report.value(one, rdflib.URIRef(name.value))
        return None if term is None else ours.get(term) or _back(term)

    shape, component, node = said(SH.sourceShape), said(SH.sourceConstraintComponent), said(SH.focusNode)
    assert node is not None and shape is not None and component is not None  # noqa: PT018
    path = _path(shapes, said(SH.resultPath) if shape is None else shapes.value(shape, SH.path))
    return Finding(
        severity=_SEVERITIES.get(said(SH.resultSeverity), Severity.WARNING),  # type: ignore[arg-type]
        node=node,
        path=None if path is None else str(path),
        rule=_plain(shape),
        component=component.value.rpartition("#")[2],
        value=said(SH.value),
        text=min((str(text) for text in report.objects(one, rdflib.URIRef(SH.resultMessage.value))), default=""),
    )


def _path(shapes: Graph, node: Term | None) -> PropertyPath | None:
    """The path as our own table writes it."""
    if node is None:
        return None
    ways = _list(shapes, shapes.value(node, SH.alternativePath)) or [node]
    return PropertyPath(tuple(tuple(_steps(shapes, way)) for way in ways))


def _steps(shapes: Graph, way: Term) -> Iterator[Step]:
    for step in _list(shapes, way) or [way]:
        back = shapes.value(step, SH.inversePath)
        name = back or step
        yield Step(name if isinstance(name, pyoxigraph.NamedNode) else SH.path, inverse=back is not None)


_FIRST = pyoxigraph.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#first")
_REST = pyoxigraph.NamedNode("http://www.w3.org/1999/02/22-rdf-syntax-ns#rest")


def _list(shapes: Graph, node: Term | None) -> list[Term]:
    """The members of an RDF list; none if it is none. A list that leads into itself ends."""
    found: list[Term] = []
    seen: set[Term] = set()
    while node is not None and node not in seen and (first := shapes.value(node, _FIRST)) is not None:
        seen.add(node)
        found.append(first)
        node = shapes.value(node, _REST)
    return found
