"""A graph in memory: the triples of one catalogue, by subject and by object. It infers nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from connector.kernel.metadata.rdf import oxigraph
from connector.kernel.metadata.rdf.names import RDF

if TYPE_CHECKING:
    Node = oxigraph.NamedNode | oxigraph.BlankNode
    Term = oxigraph.NamedNode | oxigraph.BlankNode | oxigraph.Literal
else:
    Node = Term = Any  # to name them loads nothing; `isinstance` refuses it


class Graph:
    """Each triple once, in the order given. Quoted triples (RDF-star) are no part of DCAT and are left out."""

    def __init__(self, triples: Iterable[oxigraph.Triple]) -> None:
        self._out: dict[Term, dict[oxigraph.NamedNode, dict[Term, None]]] = {}
        self._into: dict[Term, dict[oxigraph.NamedNode, dict[Node, None]]] = {}
        self._size = 0
        for triple in triples:
            subject, name, value = triple.subject, triple.predicate, triple.object
            if isinstance(subject, oxigraph.NamedNode | oxigraph.BlankNode) and isinstance(
                value, oxigraph.NamedNode | oxigraph.BlankNode | oxigraph.Literal
            ):
                self._add(subject, name, value)

    def _add(self, subject: Node, name: oxigraph.NamedNode, value: Term) -> None:
        values = self._out.setdefault(subject, {}).setdefault(name, {})
        if value not in values:
            values[value] = None
            self._into.setdefault(value, {}).setdefault(name, {})[subject] = None
            self._size += 1

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[oxigraph.Triple]:
        for subject in self.subjects:
            yield from self.about(subject)

    def __contains__(self, node: Term) -> bool:
        """Whether anything is said of it."""
        return node in self._out

    @property
    def subjects(self) -> Sequence[Node]:
        return tuple(node for node in self._out if not isinstance(node, oxigraph.Literal))

    @property
    def objects(self) -> Sequence[Term]:
        """Each value that anything has, once."""
        return tuple(self._into)

    def about(self, subject: Node) -> Iterator[oxigraph.Triple]:
        for name, values in self._out.get(subject, {}).items():
            for value in values:
                yield oxigraph.Triple(subject, name, value)

    def properties(self, subject: Term) -> Sequence[oxigraph.NamedNode]:
        return tuple(self._out.get(subject, ()))

    def values(self, subject: Term, name: oxigraph.NamedNode) -> Sequence[Term]:
        """The objects of a property, in the order given."""
        return tuple(self._out.get(subject, {}).get(name, ()))

    def value(self, subject: Term, name: oxigraph.NamedNode) -> Term | None:
        """The first of them."""
        return next(iter(self.values(subject, name)), None)

    def has(self, subject: Term, name: oxigraph.NamedNode, value: Term) -> bool:
        return value in self._out.get(subject, {}).get(name, {})

    def holders(self, name: oxigraph.NamedNode, value: Term) -> Sequence[Node]:
        """The subjects that have this value for this property."""
        return tuple(self._into.get(value, {}).get(name, ()))

    def pointers(self, value: Term) -> Iterator[tuple[Node, oxigraph.NamedNode]]:
        """The subjects that have it as a value, with the property."""
        for name, subjects in self._into.get(value, {}).items():
            for subject in subjects:
                yield subject, name

    def instances(self, of: oxigraph.NamedNode) -> Sequence[Node]:
        """Nodes of exactly this class."""
        return self.holders(RDF.type, of)

    def is_a(self, node: Term, of: oxigraph.NamedNode) -> bool:
        return self.has(node, RDF.type, of)

    def reached(self, start: Node, but: frozenset[oxigraph.NamedNode] = frozenset()) -> dict[Node, None]:
        """The nodes that somebody comes to who follows every property from `start` but these, itself first.

        A harvester deletes them all with a dataset (spec/metadata-record.md 2.2).
        """
        found: dict[Node, None] = {start: None}
        open_nodes = [start]
        while open_nodes:
            for name, values in self._out.get(open_nodes.pop(), {}).items():
                for value in values if name not in but else ():
                    if not isinstance(value, oxigraph.Literal) and value not in found and value in self._out:
                        found[value] = None
                        open_nodes.append(value)
        return found
