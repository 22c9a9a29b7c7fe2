"""The graph that the validator asks answers as one of rdflib, which is slower."""

from itertools import product

import pytest


def test_the_graph_answers_as_one_of_rdflib() -> None:
    """>> each pattern of three, with what is in it and what is not << the same triples; each once."""
    rdflib = pytest.importorskip("rdflib")
    pytest.importorskip("pyshacl")
    from connector.metadata.check.validator import _OneGraph

    theirs, ours = rdflib.Graph(), rdflib.Graph(_OneGraph())
    a, b, c, none = (rdflib.URIRef(f"urn:x:{name}") for name in ("a", "b", "c", "none"))
    for triple in [(a, b, c), (a, b, c), (a, c, b), (a, b, a), (c, b, a), (a, b, rdflib.Literal("a"))]:
        theirs.add(triple)
        ours.add(triple)
    assert len(ours) == len(theirs) == 5
    for pattern in product((None, a, b, c, none), repeat=3):
        assert sorted(ours.triples(pattern)) == sorted(theirs.triples(pattern)), pattern
