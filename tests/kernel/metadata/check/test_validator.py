"""Shapes that are made ready find what pyshacl finds by itself; their graph answers as one of rdflib."""

from collections import Counter
from itertools import product

import pytest
from pyoxigraph import RdfFormat, parse, serialize

from connector.kernel.metadata.rdf.graph import Graph

PREFIXES = (
    "@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> ."
    " @prefix : <urn:x:> . "
)
DATA = PREFIXES + ":a a :Town ; :p 1, 2, 3 . :b a :Town, :Part ; :q 1 . :c :in :a, _:d . _:d :p 1, 2 ."
MOST = " :most sh:path :p ; sh:maxCount 1 ."
FEWEST = "[ sh:path :q ; sh:minCount 1 ; sh:severity sh:Warning ]"
SHAPES = {
    "a class": f":s a sh:NodeShape ; sh:targetClass :Town ; sh:property :most, {FEWEST} .{MOST}",
    "two of the same targets": f":s sh:targetClass :Town ; sh:property :most . :t sh:targetClass :Town ;"
    f" sh:property {FEWEST} .{MOST}",
    "two targets": f":s sh:targetClass :Town, :Part ; sh:targetNode :b, :n ; sh:property :most, {FEWEST} .{MOST}",
    "who has it": f":s sh:targetObjectsOf :in ; sh:targetSubjectsOf :p ; sh:property :most, {FEWEST} .{MOST}",
    "a step further": f":s sh:targetNode :c ; sh:property [ sh:path :in ; sh:property :most, {FEWEST} ] .{MOST}",
    "deactivated": f":s sh:deactivated true ; sh:targetClass :Town ; sh:property :most .{MOST}",
    "deactivated within": f":s sh:targetClass :Town ; sh:property :most .{MOST} :most sh:deactivated true .",
    "closed": f":s sh:closed true ; sh:targetClass :Town ; sh:property :most .{MOST}",
    "asked by another": f":s sh:targetClass :Town ; sh:property :most . :t sh:targetNode :a ; sh:node :s .{MOST}",
    "targets of its own": f":s sh:targetClass :Town ; sh:property :most .{MOST} :most sh:targetNode :c, :a .",
    "a class itself": f":Town a sh:NodeShape, rdfs:Class ; sh:targetNode :a ; sh:property :most .{MOST}",
    "a property shape": f":s sh:path :in ; sh:targetNode :c ; sh:property :most .{MOST}",
    "siblings": ":s sh:targetNode :a ; sh:property :most . :most sh:path :p ; sh:qualifiedMinCount 9 ;"
    " sh:qualifiedValueShapesDisjoint true ; sh:qualifiedValueShape [ sh:class :Town ] .",
}


def read(text: str) -> Graph:
    return Graph(quad.triple for quad in parse(text, format=RdfFormat.TURTLE))


def told(report: object) -> Counter[tuple[str, ...]]:
    """Each result of a report of pyshacl: what is said of it, but for the names of blank nodes."""
    from rdflib import BNode, Graph, URIRef

    assert isinstance(report, Graph)
    return Counter(
        tuple(
            sorted(
                f"{name} {'_' if isinstance(value, BNode) else repr(value)}"
                for name, value in report.predicate_objects(one)
            )
        )
        for one in report.objects(None, URIRef("http://www.w3.org/ns/shacl#result"))
    )


@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES.keys())
def test_the_same_is_found_as_by_the_validator_alone(shapes: str) -> None:
    """>> shapes and data as lines for pyshacl << the same report, also of a second graph; the first leaves nothing."""
    rdflib = pytest.importorskip("rdflib")
    validate = pytest.importorskip("pyshacl").validate
    from connector.kernel.metadata.check.validator import Ready

    written, data = read(PREFIXES + shapes), read(DATA)
    lines = [serialize(one, format=RdfFormat.N_TRIPLES) for one in (data, written)]
    known, alone = (rdflib.Graph().parse(data=one, format="nt") for one in lines)
    _, theirs, _ = validate(known, shacl_graph=alone)
    ready = Ready(written)
    assert told(ready.report(data)[0]) == told(theirs)
    assert not told(ready.report(read(PREFIXES))[0]) or "targetNode" in shapes
    assert told(ready.report(data)[0]) == told(theirs)
    assert told(theirs) or "deactivated" in shapes


def test_the_graph_answers_as_one_of_rdflib() -> None:
    """>> each pattern of three, with what is in it and what is not << the same triples; each once."""
    rdflib = pytest.importorskip("rdflib")
    pytest.importorskip("pyshacl")
    from connector.kernel.metadata.check.validator import _OneGraph

    theirs, ours = rdflib.Graph(), rdflib.Graph(_OneGraph())
    a, b, c, none = (rdflib.URIRef(f"urn:x:{name}") for name in ("a", "b", "c", "none"))
    for triple in [(a, b, c), (a, b, c), (a, c, b), (a, b, a), (c, b, a), (a, b, rdflib.Literal("a"))]:
        theirs.add(triple)
        ours.add(triple)
    assert len(ours) == len(theirs) == 5
    for pattern in product((None, a, b, c, none), repeat=3):
        assert sorted(ours.triples(pattern)) == sorted(theirs.triples(pattern)), pattern
