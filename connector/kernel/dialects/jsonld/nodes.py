"""A document as nodes with members, whether it came as RDF or as expanded JSON-LD, read within written bounds.

JSON-LD does not go through triples: a relative name is no IRI and would be lost there, and a rule with it its condition
(spec/policy.md 1.2). Literals keep datatype and language, lists their order.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from connector.kernel.policy.odrl.values import numeral
from connector.kernel.protocol.shape import Malformed, point

BYTES = 2 << 20
STATEMENTS = 40_000
DEPTH = 64
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
TYPE = RDF + "type"
NAMELESS = "_:"
"""What stands for a term without a name: no term that anybody knows, and the same in every run."""
_STRING = "http://www.w3.org/2001/XMLSchema#string"
_DECLARATION = re.compile(rb"<!(?!--|\[CDATA\[)")
FORMATS: Mapping[str, str] = {
    ".ttl": "TURTLE",
    ".nt": "N_TRIPLES",
    ".n3": "TURTLE",
    ".nq": "N_QUADS",
    ".trig": "TRIG",
    ".rdf": "RDF_XML",
    ".xml": "RDF_XML",
}
"""File endings of RDF and what they stand for; the names are those of pyoxigraph."""


class Ref(NamedTuple):
    """An IRI, a name that is none, or `_:` and the label of a blank node."""

    id: str


class Text(NamedTuple):
    text: str
    datatype: str = ""
    language: str = ""


class Many(NamedTuple):
    """An ordered list."""

    items: "tuple[Value, ...]"


Value = Ref | Text | Many
Members = dict[str, list[Value]]
Nodes = dict[str, Members]


def blank(name: str) -> bool:
    return name.startswith("_:")


def types(members: Mapping[str, Sequence[Value]]) -> list[str]:
    return [value.id for value in members.get(TYPE, ()) if isinstance(value, Ref)]


def texts(nodes: Nodes, node: str, name: str) -> list[str]:
    """The ids and literals that are the member `name` of a node, in order."""
    return [
        v.id if isinstance(v, Ref) else v.text for v in nodes.get(node, {}).get(name, ()) if not isinstance(v, Many)
    ]


def from_rdf(data: bytes, format: str = "TURTLE") -> Nodes:
    """The nodes of an RDF document, which is one graph; raises Malformed (`rdf`, `graphs`, `too-much`)."""
    import pyoxigraph

    if len(data) > BYTES:
        raise Malformed("", "too-much")
    if format == "RDF_XML" and (b"\0" in data or _DECLARATION.search(data)):
        # Entities that name each other grow a small file into gigabytes.
        raise Malformed("", "rdf")
    nodes: Nodes = {}
    seen: set[tuple[str, str, Value]] = set()
    graphs: set[str] = set()
    try:
        for number, quad in enumerate(pyoxigraph.parse(data, format=getattr(pyoxigraph.RdfFormat, format))):
            if number >= STATEMENTS:
                raise Malformed("", "too-much")
            if isinstance(quad.subject, pyoxigraph.Triple):
                raise Malformed("", "rdf")
            graphs.add(str(quad.graph_name))
            if len(graphs) > 1:
                # Who states a graph need not state another one.
                raise Malformed("", "graphs")
            subject, name, value = _named(quad.subject), str(quad.predicate.value), _object(quad.object)
            if (subject, name, value) not in seen:
                seen.add((subject, name, value))
                nodes.setdefault(subject, {}).setdefault(name, []).append(value)
    except (SyntaxError, ValueError) as fault:
        if isinstance(fault, Malformed):
            raise
        raise Malformed(_line(fault), "rdf") from fault
    return nodes


def _line(fault: Exception) -> str:
    """Where a Turtle document breaks, as people count."""
    line, column = getattr(fault, "lineno", None), getattr(fault, "offset", None)
    return "" if line is None else f"{line}:{column}"


def _named(term: Any) -> str:
    import pyoxigraph

    return f"_:{term.value}" if isinstance(term, pyoxigraph.BlankNode) else str(term.value)


def _object(term: Any) -> Value:
    import pyoxigraph

    if isinstance(term, pyoxigraph.Triple):
        raise Malformed("", "rdf")
    if not isinstance(term, pyoxigraph.Literal):
        return Ref(_named(term))
    datatype = "" if term.language or term.datatype.value == _STRING else term.datatype.value
    return Text(term.value, datatype, term.language or "")


def from_expanded(value: Any) -> Nodes:
    """The nodes of an expanded JSON-LD document; objects with the same `@id` are one node."""
    reader = _Expanded()
    for index, item in enumerate(value if isinstance(value, list) else [value]):
        reader.value(item, point("", index), 0)
    return reader.nodes


class _Expanded:
    def __init__(self) -> None:
        self.nodes: Nodes = {}
        self._blank = 0

    def value(self, item: Any, at: str, depth: int) -> Value:
        if depth > DEPTH:
            raise Malformed(at, "depth")
        match item:
            case {"@value": literal}:
                return self._literal(literal, item, at)
            case {"@list": list(items)}:
                return Many(tuple(self.value(one, point(at, i), depth + 1) for i, one in enumerate(items)))
            case dict():
                return self._node(item, at, depth)
        raise Malformed(at, "json-ld")

    def _literal(self, literal: Any, rest: Mapping[str, Any], at: str) -> Text:
        datatype, language = rest.get("@type", ""), rest.get("@language", "")
        if isinstance(literal, bool):
            return Text(str(literal).lower(), datatype or _XSD + "boolean")
        if isinstance(literal, int | float):
            text, kind = (str(literal), _XSD + "integer") if isinstance(literal, int) else numeral(literal)
            return Text(text, datatype or kind)
        if not (isinstance(literal, str) and isinstance(datatype, str) and isinstance(language, str)):
            raise Malformed(at, "json-ld")
        return Text(literal, "" if datatype == _STRING else datatype, language)

    def _node(self, item: dict[str, Any], at: str, depth: int) -> Ref:
        name = item.get("@id")
        if not isinstance(name, str):
            self._blank += 1
            name = f"_: {self._blank}"  # no label of a document has a blank in it
        members = self.nodes.setdefault(name, {})
        for key, values in item.items():
            if key == "@id":
                continue
            if key != "@type" and key.startswith("@"):
                raise Malformed(point(at, key), "keyword")
            there, entries = members.setdefault(TYPE if key == "@type" else key, []), values
            for index, entry in enumerate(entries if isinstance(entries, list) else [entries]):
                place = point(point(at, key), index)
                found = Ref(entry) if isinstance(entry, str) else self.value(entry, place, depth + 1)
                if found not in there:
                    there.append(found)
        if not members and set(item) == {"@id"}:
            del self.nodes[name]
        return Ref(name)


_XSD = "http://www.w3.org/2001/XMLSchema#"
