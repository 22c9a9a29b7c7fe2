"""pyshacl over graphs of ours: shapes are made ready once, and any number of catalogues is asked by them.

Loaded where official files are run alone: it needs the extra `shacl`.
"""

import logging
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any

import pyoxigraph
import rdflib
from pyshacl import ShapesGraph, Validator
from pyshacl.graph_abstraction import DataGraph
from rdflib.plugins.stores.memory import SimpleMemory
from rdflib.term import Node

from connector.metadata.rdf.graph import Graph, Term

Terms = dict[Node, Term]
"""The way back: terms that others wrote may be such as pyoxigraph makes none of."""

_Triple = tuple[Node, Node, Node]


class _OneGraph(SimpleMemory):
    """Triples that are added once and asked for often.

    rdflib's own stores count all of them when pyshacl asks, for each result, whether there are any, and spend more time
    on contexts than on triples; of those there is one.
    """

    context_aware = graph_aware = True

    def __init__(self) -> None:
        super().__init__()
        self._out: dict[Node, dict[Node, dict[Node, None]]] = {}
        self._into: dict[Node, dict[Node, dict[Node, None]]] = {}
        self._of: dict[Node, list[_Triple]] = {}
        self._size = 0
        self._contexts: tuple[object, ...] = ()

    def add(self, triple: _Triple, context: object, quoted: bool = False) -> None:
        subject, name, value = triple
        values = self._out.setdefault(subject, {}).setdefault(name, {})
        if value not in values:
            values[value] = None
            self._into.setdefault(value, {}).setdefault(name, {})[subject] = None
            self._of.setdefault(name, []).append(triple)
            self._size += 1
            self._contexts = (context,)

    def triples(self, triple_pattern: Any, context: object = None) -> Iterator[Any]:
        return ((triple, self._contexts) for triple in self._found(*triple_pattern))

    def _found(self, subject: Node | None, name: Node | None, value: Node | None) -> Iterable[_Triple]:
        if subject is not None:
            return self._about(subject, name, value)
        if value is not None:
            into = self._into.get(value, {})
            names = into if name is None else (name,)
            return [(holder, one, value) for one in names for holder in into.get(one, ())]
        return chain.from_iterable(self._of.values()) if name is None else self._of.get(name, ())

    def _about(self, subject: Node, name: Node | None, value: Node | None) -> Iterable[_Triple]:
        out = self._out.get(subject, {})
        names = out if name is None else (name,)
        if value is None:
            return [(subject, one, held) for one in names for held in out.get(one, ())]
        return [(subject, one, value) for one in names if value in out.get(one, ())]

    def __len__(self, context: object = None) -> int:
        return self._size


class Ready:
    """Shapes that are made ready; raises what pyshacl raises of shapes that are none."""

    def __init__(self, shapes: Graph) -> None:
        self._terms: Terms = {}
        with _as_written():
            self._graph = _to_rdflib(shapes, self._terms)
            self._shapes = ShapesGraph(self._graph, logger=logging.getLogger(__name__))
            self._shapes.shapes  # noqa: B018 - they are made when first asked for

    def report(self, known: Graph) -> tuple[rdflib.Graph, Mapping[Node, Term]]:
        """What pyshacl says of a catalogue, and the way back to the terms that are in it."""
        terms: Terms = {}
        with _as_written():
            data = DataGraph.from_rdflib(_to_rdflib(known, terms, self._graph))
            options = {"inference": "none", "inplace": True, "logger": self._shapes.logger}
            validator = Validator(data, shacl_graph=self._graph, options=options)
            validator.shacl_graph = self._shapes  # in place of what it has made of the graph, and would look through
            _, report, _ = validator.run()  # type: ignore[no-untyped-call]
        return report, ChainMap(terms, self._terms)


@contextmanager
def _as_written() -> Iterator[None]:
    """Literals stay as they are written, and nobody is told of each that is not written as it should be."""
    chatter = logging.getLogger("rdflib.term")
    before, chatter.level = chatter.level, logging.ERROR
    normalised, rdflib.NORMALIZE_LITERALS = rdflib.NORMALIZE_LITERALS, False
    try:
        yield
    finally:
        chatter.level, rdflib.NORMALIZE_LITERALS = before, normalised


def _to_rdflib(graph: Graph, ours: Terms, prefixes: rdflib.Graph | None = None) -> rdflib.Graph:
    """The same graph, with the prefixes of another: to make them takes as long as a small catalogue."""
    made = rdflib.Graph(_OneGraph(), namespace_manager=None if prefixes is None else prefixes.namespace_manager)
    known: dict[Term, Node] = {}

    def term(one: Term) -> Node:
        found = known.get(one)
        if found is None:
            found = known[one] = _term(one)
            ours.setdefault(found, one)
        return found

    for subject in graph.subjects:
        about = term(subject)
        for name in graph.properties(subject):
            property_ = term(name)
            for value in graph.values(subject, name):
                made.add((about, property_, term(value)))
    return made


def _term(term: Term) -> Node:
    if isinstance(term, pyoxigraph.NamedNode):
        return rdflib.URIRef(term.value)
    if isinstance(term, pyoxigraph.BlankNode):
        return rdflib.BNode(term.value)
    plain = term.language is not None or term.datatype.value == "http://www.w3.org/2001/XMLSchema#string"
    datatype = None if plain else rdflib.URIRef(term.datatype.value)
    return rdflib.Literal(term.value, lang=term.language, datatype=datatype)
