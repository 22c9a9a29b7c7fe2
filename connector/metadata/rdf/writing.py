"""Triples -> RDF/XML, Turtle, JSON-LD, N-Triples: sorted by subject, with prefixes, the same bytes for equal graphs.

Sorting halves a page, because each subject is opened once. Blank nodes are named `b0`, `b1`, … in the order in which
somebody meets them who walks the sorted graph, so their names depend on what is said of them and not on who parsed
them (spec/metadata-import.md 1.2).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, serialize

from connector.metadata.rdf.graph import Node, Term
from connector.metadata.rdf.names import PREFIXES, RDF
from connector.metadata.rdf.parse_process import notation
from connector.metadata.rdf.reading import Form

WRITTEN: Mapping[Form, str] = {
    "rdf-xml": "application/rdf+xml",
    "turtle": "text/turtle",
    "json-ld": "application/ld+json",
    "n-triples": "application/n-triples",
}
"""The media type of each form."""
_FORMATS: Mapping[Form, RdfFormat] = {
    "rdf-xml": RdfFormat.RDF_XML,
    "turtle": RdfFormat.TURTLE,
    "json-ld": RdfFormat.JSON_LD,
    "n-triples": RdfFormat.N_TRIPLES,
}
_ROUNDS = 24
"""Of telling blank nodes apart by their neighbours; a chain that is longer costs no more."""
_LOCAL_NAME = re.compile(r"[A-Za-z_\u00c0-\U000effff][\w.\-\u00b7]*$")
_NO_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_BREAKS_OUT = re.compile(r"[\x00-\x1f<>\\]")
_Said = Sequence[tuple[NamedNode, Term]]


def write(triples: Iterable[Triple], form: Form, prefixes: Mapping[str, str] = PREFIXES) -> bytes:
    """A document with exactly these triples. Raises ValueError for what RDF/XML cannot say (`sayable_in_xml`)."""
    ordered = in_order(triples)
    if form == "rdf-xml" and (mute := next((each for each in ordered if not sayable_in_xml(each)), None)):
        raise ValueError(f"not expressible in XML: {mute.predicate}")
    used = {name: iri for name, iri in prefixes.items() if _used(iri, ordered)} if form != "n-triples" else {}
    if form == "rdf-xml" or form == "json-ld":
        return serialize(ordered, format=_FORMATS[form], prefixes=used) or b""
    broken = [triple for triple in ordered if _breaks_out(triple)]
    kept = [triple for triple in ordered if not _breaks_out(triple)] if broken else ordered
    return (serialize(kept, format=_FORMATS[form], prefixes=used) or b"") + b"".join(map(n_triple, broken))


def _breaks_out(triple: Triple) -> bool:
    """Whether one of its IRIs, none by the grammar as foreign documents have them, would end its own brackets."""
    terms = (triple.subject, triple.predicate, triple.object)
    iris = (term.datatype if isinstance(term, Literal) else term for term in terms)
    return any(isinstance(iri, NamedNode) and _BREAKS_OUT.search(iri.value) for iri in iris)


def n_triple(triple: Triple) -> bytes:
    """One line; an IRI that is none is escaped where it has to be."""
    if not _breaks_out(triple):
        return f"{triple} .\n".encode()
    said = map(_notation, (triple.subject, triple.predicate, triple.object))
    return f"{' '.join(said)} .\n".encode()


def _notation(term: object) -> str:
    if isinstance(term, NamedNode):
        return notation(term.value)
    if isinstance(term, Literal) and term.language is None:
        return f"{Literal(term.value)}^^{notation(term.datatype.value)}"
    return str(term)


def sayable_in_xml(triple: Triple) -> bool:
    """RDF/XML makes an element of each property and has no control characters."""
    value = triple.object
    if isinstance(value, Literal) and _NO_XML.search(value.value):
        return False
    return _LOCAL_NAME.search(triple.predicate.value) is not None


def in_order(triples: Iterable[Triple]) -> list[Triple]:
    """Each triple once, by subject, property (the class first) and value; blank nodes bear their new names."""
    said: dict[Node, list[tuple[NamedNode, Term]]] = {}
    for triple in dict.fromkeys(triples):
        if isinstance(triple.subject, NamedNode | BlankNode) and isinstance(
            triple.object, NamedNode | BlankNode | Literal
        ):
            said.setdefault(triple.subject, []).append((triple.predicate, triple.object))
    names = _names(said)
    renamed = [
        (_named(subject, names), name, names[value] if isinstance(value, BlankNode) else value)
        for subject, all in said.items()
        for name, value in all
    ]
    return [Triple(*terms) for terms in sorted(renamed, key=_place)]


def _named(node: Node, names: Mapping[BlankNode, BlankNode]) -> Node:
    return names[node] if isinstance(node, BlankNode) else node


def _place(said: tuple[Node, NamedNode, Term]) -> tuple[tuple[int, str], bool, str, tuple[int, str]]:
    subject, name, value = said
    return _key(subject), name != RDF.type, name.value, _key(value)


def _key(term: Term) -> tuple[int, str]:
    if isinstance(term, BlankNode):
        return 1, term.value.rjust(12)
    return (0, term.value) if isinstance(term, NamedNode) else (2, str(term))


def _used(iri: str, triples: Sequence[Triple]) -> bool:
    return any(
        term.value.startswith(iri)
        for triple in triples
        for term in (triple.predicate, triple.object)
        if isinstance(term, NamedNode)
    )


# Blank nodes


def _names(said: Mapping[Node, _Said]) -> dict[BlankNode, BlankNode]:
    """By colour, then in the order of a walk: from named subjects first, then from the blank node of least colour."""
    blank = {node: None for node in said if isinstance(node, BlankNode)}
    blank |= {value: None for all in said.values() for _, value in all if isinstance(value, BlankNode)}
    if not blank:
        return {}
    colours = _colours(said, blank)
    names: dict[BlankNode, BlankNode] = {}
    named: list[NamedNode] = sorted((node for node in said if isinstance(node, NamedNode)), key=lambda node: node.value)
    alone: list[BlankNode] = sorted(blank, key=lambda node: colours[node])
    roots: list[Node] = [*named, *alone]
    for root in roots:
        for node in _walk(root, said, colours, names):
            names[node] = BlankNode(f"b{len(names)}")
    return names


def _walk(
    root: Node, said: Mapping[Node, _Said], colours: Mapping[BlankNode, str], known: Mapping[BlankNode, BlankNode]
) -> Iterator[BlankNode]:
    todo: list[Node] = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, BlankNode):
            if node in known:
                continue
            yield node
        below = [
            (name.value, colours[value], value) for name, value in said.get(node, ()) if isinstance(value, BlankNode)
        ]
        todo.extend(value for _, _, value in sorted(below, key=lambda each: each[:2], reverse=True))


def _colours(said: Mapping[Node, _Said], blank: Mapping[BlankNode, None]) -> dict[BlankNode, str]:
    """What is said of a node and with it, refined by its neighbours until no two more are told apart."""
    fixed: dict[BlankNode, list[str]] = {node: [] for node in blank}
    edges: list[tuple[BlankNode, str, BlankNode]] = []
    for subject, all in said.items():
        for name, value in all:
            if isinstance(subject, BlankNode) and isinstance(value, BlankNode):
                edges.append((subject, name.value, value))
            elif isinstance(subject, BlankNode):
                fixed[subject].append(f"> {name.value} {value}")
            elif isinstance(value, BlankNode):
                fixed[value].append(f"< {name.value} {subject}")
    own = {node: _digest(sorted(lines)) for node, lines in fixed.items()}
    colours, kinds = own, len(set(own.values()))
    for _ in range(_ROUNDS if edges else 0):
        near: dict[BlankNode, list[str]] = {node: [] for node in blank}
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
