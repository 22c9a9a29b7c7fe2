"""`hanse catalogue check`: what is wrong with a catalogue in a file, a sentence each; works without a server.

Ends with 1 if there is a violation, no catalogue in the file, or a part of it that could not be read; warnings alone
change nothing.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pyoxigraph import BlankNode, Literal

from connector.cli.frame.call import OK, REFUSED, Call, named_file, visible
from connector.kernel.metadata.check import engine, official
from connector.kernel.metadata.check.model import Finding, Profile, Severity, short, shown
from connector.kernel.metadata.check.sentences import sentence
from connector.kernel.metadata.check.shapes import SPECIFICATIONS
from connector.kernel.metadata.lists.updates import known_lists
from connector.kernel.metadata.rdf.graph import Graph, Term
from connector.kernel.metadata.rdf.names import DCAT, DCT, FOAF, RDFS
from connector.kernel.metadata.rdf.reading import LIMITS, Reading, read

_STEPS = 6
"""Steps of a way that are shown; nobody reads more, and a hostile catalogue has any number."""
MOST_TOLD = 5_000
"""Findings that are told as sentences; `--json` has all."""
LONGEST = 4_096
"""Characters of a value in `--json`; an IRI is never longer, and a text of a million may be wrong for many rules."""
_DESCRIBED = (DCAT.Catalog, DCAT.Dataset, DCAT.DatasetSeries, DCAT.DataService, DCAT.Distribution)


class _Checked(NamedTuple):
    """What was found, profile by profile."""

    graph: Graph
    found: Mapping[Profile, Sequence[Finding]]


def run(call: Call) -> int:
    path = call.args.file
    reading = read(named_file(path, LIMITS.bytes + 1), name=path.name, base=path.absolute().as_uri())
    profiles = list(Profile) if call.args.profile == "all" else [Profile(call.args.profile)]
    graph = Graph(reading.triples)
    if not any(graph.instances(of) or graph.holders(RDFS.subClassOf, of) for of in _DESCRIBED):
        call.note("catalogue.none", file=path)
        _tell_unread(call, reading)
        return REFUSED
    checked = _Checked(graph, {profile: _findings(call, graph, profile) for profile in profiles})
    if call.args.json:
        for profile, one in _all(checked):
            print(json.dumps(_row(call, profile, one), ensure_ascii=False))
    else:
        _tell(call, checked)
    _tell_unread(call, reading)
    violated = any(one.severity is Severity.VIOLATION for found in checked.found.values() for one in found)
    return REFUSED if violated or not reading.whole else OK


def _findings(call: Call, graph: Graph, profile: Profile) -> Sequence[Finding]:
    lists = known_lists(call.folder)
    if call.args.shapes is None:
        return engine.check(graph, profile, lists)
    shapes = official.load(call.args.shapes, profile)
    for path, digest in shapes.files.items():
        call.note("catalogue.official-file", profile=SPECIFICATIONS[profile], path=path, sha256=digest)
    for shape, missing in shapes.dropped:
        call.note("catalogue.repaired", profile=SPECIFICATIONS[profile], shape=shape, missing=missing)
    return official.check(shapes, graph, profile, lists)


def _row(call: Call, profile: Profile, one: Finding) -> dict[str, Any]:
    """`node` and `path` are where a validator finds it; `of` and `property` who has the value, where that differs.

    A node is its IRI, the text of a literal, or `_:` and the name of a blank node; `node_kind` says which.
    """
    more = {
        "value": None if one.value is None else _plain(one.value),
        "value_kind": None if one.value is None else _kind(one.value),
        "of": None if one.holder is None or one.holder == one.node else _plain(one.holder),
        "property": one.property if one.property != one.path else None,
    }
    return {
        "severity": one.severity.value,
        "node": _plain(one.node),
        "path": one.path,
        "rule": one.rule,
        "profile": profile.value,
        "component": one.component,
        "node_kind": _kind(one.node),
        **{name: value for name, value in more.items() if value is not None},
        "sentence": sentence(one, call.lang),
    }


def _plain(term: Term) -> str:
    text = str(term) if isinstance(term, BlankNode) else term.value
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _kind(term: Term) -> str:
    return "literal" if isinstance(term, Literal) else "blank" if isinstance(term, BlankNode) else "iri"


def _tell(call: Call, checked: _Checked) -> None:
    told = 0
    nodes = _by_node(checked)
    for node, lines in nodes.items():
        if told >= MOST_TOLD:
            break
        name = _name(checked.graph, node, call.lang)
        call.tell("catalogue.node-named" if name else "catalogue.node", node=_place(checked.graph, node), name=name)
        for one, profiles in lines[: MOST_TOLD - told]:
            marks = ", ".join(profiles) if len(checked.found) > 1 else ""
            key = f"catalogue.{one.severity}"
            call.tell(key, sentence=sentence(one, call.lang), profiles=f" [{marks}]" if marks else "")
        told += len(lines)
    if (more := sum(map(len, nodes.values())) - MOST_TOLD) > 0:
        call.tell("catalogue.more", count=more)
    for profile, found in checked.found.items():
        counts = {severity.value: sum(one.severity is severity for one in found) for severity in Severity}
        call.tell("catalogue.sum", profile=SPECIFICATIONS[profile], **counts)


def _by_node(checked: _Checked) -> Mapping[Term, Sequence[tuple[Finding, Sequence[str]]]]:
    """Of each node its findings, those of two profiles once; a value on no list with the node that has it."""
    nodes: dict[Term, dict[tuple[object, ...], tuple[Finding, list[str]]]] = {}
    for profile, one in _all(checked):
        key = (one.rule, one.value, one.node, one.severity)
        lines = nodes.setdefault(one.holder or one.node, {})
        lines.setdefault(key, (one, []))[1].append(profile.value)
    return {node: list(lines.values()) for node, lines in nodes.items()}


def _all(checked: _Checked) -> Iterator[tuple[Profile, Finding]]:
    for profile, found in checked.found.items():
        for one in found:
            yield profile, one


def _place(graph: Graph, node: Term) -> str:
    """The node; one without a name by the way that leads there from one that has a name."""
    way: list[str] = []
    seen: set[Term] = set()
    while isinstance(node, BlankNode) and node not in seen and len(seen) < _STEPS:
        seen.add(node)
        above = next(graph.pointers(node), None)
        if above is None:
            break
        node, name = above
        way.insert(0, short(name.value))
    return " / ".join([shown(node), *way])


def _name(graph: Graph, node: Term, lang: str) -> str:
    """Its title or name, in `lang` if there is one."""
    names = [*graph.values(node, DCT.title), *graph.values(node, FOAF.name)]
    spoken = (name for name in names if isinstance(name, Literal) and (name.language or "").split("-")[0] == lang)
    name = next(spoken, names[0] if names else None)
    return "" if name is None else visible(name.value)[:80]


def _tell_unread(call: Call, reading: Reading) -> None:
    for remark in reading.remarks:
        told = ", ".join(remark.examples)[:300]
        call.note(f"catalogue.remark.{remark.kind}", count=remark.count, examples=told)
    if not reading.whole:
        call.note("catalogue.not-whole")
