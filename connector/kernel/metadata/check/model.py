"""A rule and what it finds. The words are those of SHACL, so that a finding of ours is one result of a validator.

Source: SHACL (W3C, 2017) 2 to 4; spec/metadata-check.md 2.1.
"""

from enum import StrEnum

from msgspec import Struct
from pyoxigraph import NamedNode

from connector.kernel.metadata.rdf.graph import Node, Term
from connector.kernel.metadata.rdf.names import PREFIXES


class Profile(StrEnum):
    """What a catalogue is checked against."""

    AP = "ap"
    DE = "de"
    HVD = "hvd"


class Severity(StrEnum):
    """A violation holds a dataset back; a warning is advice."""

    VIOLATION = "violation"
    WARNING = "warning"


class Step(Struct, frozen=True):
    """One property on the way, followed from its value to its subject if `inverse`."""

    name: NamedNode
    inverse: bool = False


class Path(Struct, frozen=True):
    """One or several ways from a node to its values; each is a sequence of steps. `label` is what rules call them."""

    ways: tuple[tuple[Step, ...], ...]
    label: str = ""

    @property
    def name(self) -> NamedNode | None:
        """The property, if the path is nothing but one."""
        only = self.ways[0]
        return only[0].name if len(self.ways) == len(only) == 1 and not only[0].inverse else None

    def __str__(self) -> str:
        """The IRI of a plain property; others as SPARQL writes paths."""
        if self.name is not None:
            return self.name.value
        return "|".join("/".join(f"{'^' * s.inverse}<{s.name.value}>" for s in way) for way in self.ways)


class MinCount(Struct, frozen=True):
    """At least so many values."""

    count: int


class MaxCount(Struct, frozen=True):
    """At most so many values; none where the property is deprecated."""

    count: int


class NodeKind(Struct, frozen=True):
    """`literal`: a text, number or date; `node`: an IRI or a blank node; `iri`."""

    kind: str


class OfClass(Struct, frozen=True):
    """Each value is a node of this class or of one below it."""

    name: NamedNode


class Datatype(Struct, frozen=True):
    """Each value is a literal of this datatype, written as the datatype asks."""

    name: NamedNode


class OnList(Struct, frozen=True):
    """Each value is on the code list. A validator finds this at the value, whose `skos:inScheme` is missing."""

    scheme: str


class IsListed(Struct, frozen=True):
    """As `OnList`, but a validator finds it at the node that has the value, as the files for HVD have it."""

    scheme: str


class Pattern(Struct, frozen=True):
    """Each value matches the regular expression, or none does (`negated`). Blank nodes match nothing."""

    regex: str
    negated: bool = False
    ignore_case: bool = False


class HasValue(Struct, frozen=True):
    """One of the values is this one."""

    value: NamedNode


class HasOneOf(Struct, frozen=True):
    """The node has a value for at least one of these properties."""

    names: tuple[NamedNode, ...]


Constraint = MinCount | MaxCount | NodeKind | OfClass | Datatype | OnList | IsListed | Pattern | HasValue | HasOneOf


class Rule(Struct, frozen=True, kw_only=True):
    """One row of the table, taken apart: what must hold of each node of a class (or of each subject of a property).

    `path` is missing where the constraint is about the node itself. `ours`: the official files mean it, but do not
    check it, or check it elsewhere (spec/metadata-check.md 2.4).
    """

    id: str
    profiles: frozenset[Profile]
    target: NamedNode
    subjects_of: bool = False
    path: Path | None
    constraint: Constraint
    severity: Severity = Severity.VIOLATION
    ours: bool = False


class Finding(Struct, frozen=True, kw_only=True):
    """One result: at which node, on which path, by which rule.

    `holder` is the node that people know, which has the value; it differs from `node` where a value on no list is found
    at the value itself. `path` is the IRI of a property or a SPARQL path. `component` is the local name of SHACL's.
    `text` is the sentence that came with an official shape; ours are in the catalogues of messages.
    """

    severity: Severity
    node: Term
    path: str | None
    rule: str
    component: str
    value: Term | None = None
    holder: Node | None = None
    property: str | None = None
    text: str = ""


def shown(term: Term) -> str:
    """An IRI as it is, everything else as N-Triples has it: `_:b0`, `"Deutsch"@de`."""
    return term.value if isinstance(term, NamedNode) else str(term)


def short(iri: str) -> str:
    """`dct:title` where the prefix is known, else the IRI."""
    found = next(((p, iri.removeprefix(ns)) for p, ns in PREFIXES.items() if iri.startswith(ns)), None)
    return f"{found[0]}:{found[1]}" if found and "/" not in found[1] else iri
