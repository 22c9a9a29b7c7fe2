"""Runs the rules over a graph. It is no SHACL engine: it knows the few constraints of the table, and those quickly.

What a validator would report of the same rules it reports, result by result: focus node, path, component, severity.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import chain, islice
from typing import NamedTuple, assert_never

from pyoxigraph import BlankNode, Literal, NamedNode

from connector.kernel.metadata.check.context import prepared
from connector.kernel.metadata.check.model import (
    Datatype,
    Finding,
    HasOneOf,
    HasValue,
    IsListed,
    MaxCount,
    MinCount,
    NodeKind,
    OfClass,
    OnList,
    Path,
    Pattern,
    Profile,
    Rule,
    Step,
)
from connector.kernel.metadata.check.rules import of_profile
from connector.kernel.metadata.lists.code_lists import CodeLists
from connector.kernel.metadata.rdf.graph import Graph, Node, Term
from connector.kernel.metadata.rdf.names import RDF, RDFS, SKOS, XSD

_WRITTEN = {
    XSD.decimal: re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"),
    XSD.nonNegativeInteger: re.compile(r"\+?[0-9]+|-0+"),
    XSD.hexBinary: re.compile(r"([0-9a-fA-F]{2})*"),
    XSD.duration: re.compile(
        r"-?P(?=.)([0-9]+Y)?([0-9]+M)?([0-9]+D)?(T(?=.)([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]+)?S)?)?"
    ),
}
"""How a value of a datatype may be written (XML Schema 1.1, part 2)."""
MOST_VALUES = 1_000
"""Values looked at that a node has on a path of several steps: they may be reached on many ways from many nodes."""
MOST_REACHED = 1_000_000
"""Values on such paths of all nodes together; then one of each node, which is enough to know that it has any."""


def check(graph: Graph, profile: Profile, lists: CodeLists | None = None) -> list[Finding]:
    """What is wrong with a catalogue, in the order of its nodes; nothing if it conforms."""
    return findings(prepared(graph, profile, lists), profile)


def findings(known: Graph, profile: Profile) -> list[Finding]:
    """The same of a graph that holds already what `prepared` adds to it."""
    of_class, of_subjects = _plan(profile)
    asked = _Known(known, _named(profile))
    found: list[Finding] = []
    for node in known.subjects:
        for name in asked.classes(node):
            for group in of_class.get(name, ()):
                found += _at(known, asked, node, group)
        for name in known.properties(node) if of_subjects else ():
            for group in of_subjects.get(name, ()):
                found += _at(known, asked, node, group)
    return found


class _Group(NamedTuple):
    """The rules of one path; `name` is the property if it is nothing else, `asking` are those that no value breaks."""

    path: Path | None
    name: NamedNode | None
    rules: Sequence[Rule]
    asking: Sequence[Rule]


@cache
def _plan(profile: Profile) -> tuple[Mapping[Term, Sequence[_Group]], Mapping[Term, Sequence[_Group]]]:
    """The groups by class, and those by property."""
    found: tuple[dict[Term, dict[Path | None, list[Rule]]], ...] = ({}, {})
    for rule in of_profile(profile):
        found[rule.subjects_of].setdefault(rule.target, {}).setdefault(rule.path, []).append(rule)
    of_class, of_subjects = (
        {target: [_group(path, rules) for path, rules in paths.items()] for target, paths in one.items()}
        for one in found
    )
    return of_class, of_subjects


@cache
def _named(profile: Profile) -> Sequence[NamedNode]:
    """The classes that rules are about, or ask for."""
    rules = of_profile(profile)
    asked = [rule.constraint.name for rule in rules if isinstance(rule.constraint, OfClass)]
    return tuple(dict.fromkeys([*(rule.target for rule in rules if not rule.subjects_of), *asked]))


def _group(path: Path | None, rules: Sequence[Rule]) -> _Group:
    asking = [rule for rule in rules if isinstance(rule.constraint, MinCount | HasValue | HasOneOf)]
    return _Group(path, path.name if path else None, rules, asking)


class _Known:
    """What is asked of a node again and again, worked out once: its classes that rules name, and whether it is listed.

    A class is below another also where the catalogue itself says so. However long its chains of classes are and
    however many a node has, the work grows with the number of statements (T74).
    """

    def __init__(self, graph: Graph, named: Iterable[NamedNode]) -> None:
        self._graph = graph
        self._above: dict[Term, dict[Term, None]] = {}
        for name in named:
            waiting: list[Term] = [name]
            while waiting:
                above = self._above.setdefault(below := waiting.pop(), {})
                if name not in above:
                    above[name] = None
                    waiting += graph.holders(RDFS.subClassOf, below)
        self._of: dict[Term, Mapping[Term, None]] = {}
        self._listed: dict[tuple[Term, str], bool] = {}
        self._next: dict[tuple[Term, Step], Sequence[Term]] = {}
        self._left = MOST_REACHED

    def classes(self, node: Term) -> Mapping[Term, None]:
        known = self._of.get(node)
        if known is None:
            own = self._graph.values(node, RDF.type)
            known = self._of[node] = {above: None for name in own for above in self._above.get(name, ())}
        return known

    def is_listed(self, value: Term, scheme: str) -> bool:
        """On this list, and on others only by their IRI."""
        known = self._listed.get((value, scheme))
        if known is None:
            schemes = self._graph.values(value, SKOS.inScheme)
            known = NamedNode(scheme) in schemes and all(isinstance(one, NamedNode) for one in schemes)
            self._listed[value, scheme] = known
        return known

    def reached(self, node: Node, path: Path) -> Sequence[Term]:
        """The values of a path of several ways or steps, as many as are looked at."""
        most = MOST_VALUES if self._left > 0 else 1
        seen = list(islice((value for way in path.ways for value in self._along(node, way)), most))
        self._left -= len(seen)
        return tuple(dict.fromkeys(seen))

    def _along(self, node: Node, way: Sequence[Step]) -> Iterator[Term]:
        values: Iterator[Term] = iter((node,))
        for step in way:
            values = chain.from_iterable(map(partial(self._after, step), values))
        return values

    def _after(self, step: Step, start: Term) -> Sequence[Term]:
        known = self._next.get((start, step))
        if known is None:
            follow = self._graph.holders(step.name, start) if step.inverse else self._graph.values(start, step.name)
            known = self._next[start, step] = follow[:MOST_VALUES]
        return known


def _at(graph: Graph, asked: _Known, node: Node, group: _Group) -> Iterator[Finding]:
    if group.name is not None:
        values = graph.values(node, group.name)
    else:
        values = () if group.path is None else asked.reached(node, group.path)
    for rule in group.rules if values else group.asking:
        for value in _wrong(graph, asked, node, values, rule):
            yield _finding(rule, node, value)


def _wrong(graph: Graph, asked: _Known, node: Node, values: Sequence[Term], rule: Rule) -> Sequence[Term | None]:
    """The values that break the rule; None stands for the node itself."""
    constraint = rule.constraint
    match constraint:
        case MinCount(least):
            return (None,) if len(values) < least else ()
        case MaxCount(most):
            return (None,) if len(values) > most else ()
        case HasValue(wanted):
            return () if wanted in values else (None,)
        case HasOneOf(names):
            return () if any(graph.values(node, name) for name in names) else (None,)
        case NodeKind() | OfClass() | Datatype() | OnList() | IsListed() | Pattern():
            return [value for value in values if not _right(graph, asked, value, constraint)]
        case _:
            assert_never(constraint)


def _right(
    graph: Graph,
    asked: _Known,
    value: Term,
    constraint: NodeKind | OfClass | Datatype | OnList | IsListed | Pattern,
) -> bool:
    match constraint:
        case NodeKind(kind):
            literal = isinstance(value, Literal)
            return literal if kind == "literal" else not literal and (kind == "node" or isinstance(value, NamedNode))
        case OfClass(name):
            return not isinstance(value, Literal) and name in asked.classes(value)
        case Datatype(name):
            return isinstance(value, Literal) and value.datatype == name and _is_written(value.value, name)
        case OnList(scheme):
            return graph.has(value, SKOS.inScheme, NamedNode(scheme))
        case IsListed(scheme):
            return asked.is_listed(value, scheme)
        case Pattern(regex, negated, ignore_case):
            flags = re.IGNORECASE if ignore_case else 0
            matches = not isinstance(value, BlankNode) and re.search(regex, value.value, flags) is not None
            return matches != negated
        case _:
            assert_never(constraint)


def _is_written(text: str, datatype: NamedNode) -> bool:
    pattern = _WRITTEN.get(datatype)
    return pattern is None or pattern.fullmatch(text) is not None


def _finding(rule: Rule, node: Node, value: Term | None) -> Finding:
    at_value = value if isinstance(rule.constraint, OnList) else None
    path = None if rule.path is None else str(rule.path)
    return Finding(
        severity=rule.severity,
        node=node if at_value is None else at_value,
        path=path if at_value is None else SKOS.inScheme.value,
        rule=rule.id,
        component=component(rule),
        value=value if at_value is None else None,
        holder=node,
        property=path,
    )


def component(rule: Rule) -> str:
    """The local name of SHACL's component that reports such a finding."""
    match rule.constraint:
        case OnList():
            return "HasValueConstraintComponent"
        case IsListed():
            return "NodeConstraintComponent"
        case OfClass():
            return "ClassConstraintComponent"
        case HasOneOf():
            return "OrConstraintComponent"
        case Pattern(_, True, _):
            return "NotConstraintComponent"
        case other:
            return type(other).__name__ + "ConstraintComponent"
