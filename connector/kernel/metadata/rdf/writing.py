"""Triples -> RDF/XML, Turtle, JSON-LD, N-Triples: sorted by subject, with prefixes, the same bytes for equal graphs.

Sorting halves a page, because each subject is opened once. Blank nodes are named `b0`, `b1`, … in the order in which
somebody meets them who walks the sorted graph, so their names depend on what is said of them and not on who parsed
them (spec/metadata-import.md 1.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b

from connector.kernel.metadata.rdf import oxigraph
from connector.kernel.metadata.rdf.graph import Node, Term
from connector.kernel.metadata.rdf.names import PREFIXES, RDF
from connector.kernel.metadata.rdf.reading import Form

WRITTEN: Mapping[Form, str] = {
    "rdf-xml": "application/rdf+xml",
    "turtle": "text/turtle",
    "json-ld": "application/ld+json",
    "n-triples": "application/n-triples",
}
"""The media type of each form."""
_ROUNDS = 24
"""Of telling blank nodes apart by their neighbours; a chain that is longer costs no more."""
_LOCAL_NAME_BACKWARDS = re.compile(r"[\w.\-\u00b7]*?[A-Za-z_\u00c0-\U000effff]")
"""From its end, where an IRI has one: forwards each sign of a long IRI would be a beginning."""
_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_BREAKS_OUT = re.compile(r"[\x00-\x1f<>\\]")
_Said = Sequence[tuple["oxigraph.NamedNode", Term]]


def write(triples: Iterable[oxigraph.Triple], form: Form, prefixes: Mapping[str, str] = PREFIXES) -> bytes:
    """A document with exactly these triples. Raises ValueError for what RDF/XML cannot say (`sayable_in_xml`)."""
    ordered = in_order(triples)
    if form == "rdf-xml" and (mute := next((each for each in ordered if not sayable_in_xml(each)), None)):
        raise ValueError(f"not expressible in XML: {mute.predicate}")
    used = {name: iri for name, iri in prefixes.items() if _used(iri, ordered)} if form != "n-triples" else {}
    if form == "rdf-xml" or form == "json-ld":
        return oxigraph.serialize(ordered, format=_format(form), prefixes=used) or b""
    broken = [triple for triple in ordered if _breaks_out(triple)]
    kept = [triple for triple in ordered if not _breaks_out(triple)] if broken else ordered
    return (oxigraph.serialize(kept, format=_format(form), prefixes=used) or b"") + b"".join(map(n_triple, broken))


def _format(form: Form) -> oxigraph.RdfFormat | None:
    return oxigraph.RdfFormat.from_media_type(WRITTEN[form])


def _breaks_out(triple: oxigraph.Triple) -> bool:
    """Whether one of its IRIs, none by the grammar as foreign documents have them, would end its own brackets."""
    terms = (triple.subject, triple.predicate, triple.object)
    iris = (term.datatype if isinstance(term, oxigraph.Literal) else term for term in terms)
    return any(isinstance(iri, oxigraph.NamedNode) and _BREAKS_OUT.search(iri.value) for iri in iris)


def n_triple(triple: oxigraph.Triple) -> bytes:
    """One line; an IRI that is none is escaped where it has to be."""
    if not _breaks_out(triple):
        return f"{triple} .\n".encode()
    said = map(_notation, (triple.subject, triple.predicate, triple.object))
    return f"{' '.join(said)} .\n".encode()


def _notation(term: object) -> str:
    from connector.kernel.metadata.rdf.parse_process import (
        notation,  # a program of its own, which loads pyoxigraph by itself
    )

    if isinstance(term, oxigraph.NamedNode):
        return notation(term.value)
    if isinstance(term, oxigraph.Literal) and term.language is None:
        return f"{oxigraph.Literal(term.value)}^^{notation(term.datatype.value)}"
    return str(term)


def sayable_in_xml(triple: oxigraph.Triple) -> bool:
    """RDF/XML makes an element of each property and has no control characters."""
    value = triple.object
    if isinstance(value, oxigraph.Literal) and _NO_XML.search(value.value):
        return False
    return _LOCAL_NAME_BACKWARDS.match(triple.predicate.value[::-1]) is not None


def in_order(triples: Iterable[oxigraph.Triple]) -> list[oxigraph.Triple]:
    """Each triple once, by subject, property (the class first) and value; blank nodes bear their new names."""
    said: dict[Node, list[tuple[oxigraph.NamedNode, Term]]] = {}
    for triple in dict.fromkeys(triples):
        if isinstance(triple.subject, oxigraph.NamedNode | oxigraph.BlankNode) and isinstance(
            triple.object, oxigraph.NamedNode | oxigraph.BlankNode | oxigraph.Literal
        ):
            said.setdefault(triple.subject, []).append((triple.predicate, triple.object))
    names = _names(said)
    renamed = [
        (_named(subject, names), name, names[value] if isinstance(value, oxigraph.BlankNode) else value)
        for subject, all in said.items()
        for name, value in all
    ]
    return [oxigraph.Triple(*terms) for terms in sorted(renamed, key=_place)]


def _named(node: Node, names: Mapping[oxigraph.BlankNode, oxigraph.BlankNode]) -> Node:
    return names[node] if isinstance(node, oxigraph.BlankNode) else node


def _place(said: tuple[Node, oxigraph.NamedNode, Term]) -> tuple[tuple[int, str], bool, str, tuple[int, str]]:
    subject, name, value = said
    return _key(subject), name != RDF.type, name.value, _key(value)


def _key(term: Term) -> tuple[int, str]:
    if isinstance(term, oxigraph.BlankNode):
        return 1, term.value.rjust(12)
    return (0, term.value) if isinstance(term, oxigraph.NamedNode) else (2, str(term))


def _used(iri: str, triples: Sequence[oxigraph.Triple]) -> bool:
    return any(
        term.value.startswith(iri)
        for triple in triples
        for term in (triple.predicate, triple.object)
        if isinstance(term, oxigraph.NamedNode)
    )


# Blank nodes


def _names(said: Mapping[Node, _Said]) -> dict[oxigraph.BlankNode, oxigraph.BlankNode]:
    """By colour, then in the order of a walk: from named subjects first, then from the blank node of least colour."""
    blank = {node: None for node in said if isinstance(node, oxigraph.BlankNode)}
    blank |= {value: None for all in said.values() for _, value in all if isinstance(value, oxigraph.BlankNode)}
    if not blank:
        return {}
    colours = _colours(said, blank)
    names: dict[oxigraph.BlankNode, oxigraph.BlankNode] = {}
    named: list[oxigraph.NamedNode] = sorted(
        (node for node in said if isinstance(node, oxigraph.NamedNode)), key=lambda node: node.value
    )
    alone: list[oxigraph.BlankNode] = sorted(blank, key=lambda node: colours[node])
    roots: list[Node] = [*named, *alone]
    for root in roots:
        for node in _walk(root, said, colours, names):
            names[node] = oxigraph.BlankNode(f"b{len(names)}")
    return names


def _walk(
    root: Node,
    said: Mapping[Node, _Said],
    colours: Mapping[oxigraph.BlankNode, str],
    known: Mapping[oxigraph.BlankNode, oxigraph.BlankNode],
) -> Iterator[oxigraph.BlankNode]:
    todo: list[Node] = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, oxigraph.BlankNode):
            if node in known:
                continue
            yield node
        below = [
            (name.value, colours[value], value)
            for name, value in said.get(node, ())
            if isinstance(value, oxigraph.BlankNode)
        ]
        todo.extend(value for _, _, value in sorted(below, key=lambda each: each[:2], reverse=True))


def _colours(said: Mapping[Node, _Said], blank: Mapping[oxigraph.BlankNode, None]) -> dict[oxigraph.BlankNode, str]:
    """What is said of a node and with it, refined by its neighbours until no two more are told apart."""
    fixed: dict[oxigraph.BlankNode, list[str]] = {node: [] for node in blank}
    edges: list[tuple[oxigraph.BlankNode, str, oxigraph.BlankNode]] = []
    for subject, all in said.items():
        for name, value in all:
            if isinstance(subject, oxigraph.BlankNode) and isinstance(value, oxigraph.BlankNode):
                edges.append((subject, name.value, value))
            elif isinstance(subject, oxigraph.BlankNode):
                fixed[subject].append(f"> {name.value} {value}")
            elif isinstance(value, oxigraph.BlankNode):
                fixed[value].append(f"< {name.value} {subject}")
    own = {node: _digest(sorted(lines)) for node, lines in fixed.items()}
    colours, kinds = own, len(set(own.values()))
    for _ in range(_ROUNDS if edges else 0):
        near: dict[oxigraph.BlankNode, list[str]] = {node: [] for node in blank}
        for subject, predicate, node in edges:
            near[subject].append(f"> {predicate} {colours[node]}")
            near[node].append(f"< {predicate} {colours[subject]}")
        colours = {node: _digest([own[node], *sorted(near[node])]) for node in blank}
        found = len(set(colours.values()))
        if found == kinds:
            break
        kinds = found
    return colours


def _digest(lines: Sequence[str]) -> str:
    return blake2b("\n".join(lines).encode("utf-8", "replace"), digest_size=16).hexdigest()
