"""pyshacl over graphs of ours: shapes are made ready once, and any number of catalogues is asked by them.

Loaded where official files are run alone: it needs the extra `shacl`.
"""

import logging
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from typing import Any

import pyoxigraph
import rdflib
from pyshacl import Shape, ShapesGraph, Validator
from pyshacl.graph_abstraction import DataGraph
from pyshacl.pytypes import SHACLExecutor
from rdflib.plugins.stores.memory import SimpleMemory
from rdflib.term import Node

from connector.kernel.metadata.check.model import Profile
from connector.kernel.metadata.rdf.graph import Graph, Term

Terms = dict[Node, Term]
"""The way back: terms that others wrote may be such as pyoxigraph makes none of."""

Prefixes = Sequence[tuple[str, rdflib.URIRef]]
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
            self._shapes = ShapesGraph(self._graph)
            self._by_targets = _by_targets(self._shapes.shapes)

    def report(self, known: Graph) -> tuple[rdflib.Graph, Mapping[Node, Term]]:
        """What pyshacl says of a catalogue, and the way back to the terms that are in it."""
        terms: Terms = {}
        with _as_written():
            data = DataGraph.from_rdflib(_to_rdflib(known, terms, list(self._graph.namespaces())))
            results = list(self._results(data))
            report, _ = Validator.create_validation_report(self._shapes, not results, results)
        return report, ChainMap(terms, self._terms)

    def _results(self, data: DataGraph) -> Iterator[Any]:
        """As `Validator.run` has them, which looks for the same nodes again for each shape."""
        for shapes in self._by_targets:
            if nodes := shapes[0].focus_nodes(data):  # type: ignore[no-untyped-call]
                for shape in shapes:
                    yield from shape.validate(SHACLExecutor(), data, focus=nodes)[1]


@lru_cache(maxsize=len(Profile))
def ready(shapes: Graph) -> Ready:
    """Kept for whoever asks the same shapes of many catalogues, as tests do: a check of one file makes them ready once
    in any case."""
    return Ready(shapes)


def _by_targets(shapes: Iterable[Shape]) -> Sequence[Sequence[Shape]]:
    """Those together that are asked of the same nodes; without those that only others ask."""
    found: dict[tuple[frozenset[Node], ...], list[Shape]] = {}
    for shape in shapes:
        targets = tuple(map(frozenset, shape.target()))  # type: ignore[no-untyped-call]
        found.setdefault(targets, []).append(shape)
    return [same for targets, same in found.items() if any(targets)]


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


def _to_rdflib(graph: Graph, ours: Terms, prefixes: Prefixes | None = None) -> rdflib.Graph:
    """The same graph, with these prefixes or with those that rdflib knows: to make them takes as long as a small
    catalogue. No graph has those of another: what it is asked for stays with them."""
    made = rdflib.Graph(_OneGraph(), bind_namespaces="rdflib" if prefixes is None else "none")
    for prefix, namespace in prefixes or ():
        made.store.bind(prefix, namespace)
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
