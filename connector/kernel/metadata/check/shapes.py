"""Writes the rules as SHACL, one file per profile: `python -m connector.kernel.metadata.check.shapes vocab/shapes`.

IRIs and messages are ours. A validator that is given the same context finds with them what our engine finds
(spec/metadata-check.md 2.2).
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pyoxigraph import NamedNode

from connector.kernel.metadata.check.model import (
    Constraint,
    Datatype,
    HasOneOf,
    HasValue,
    IsListed,
    MaxCount,
    MinCount,
    NodeKind,
    OfClass,
    OnList,
    Pattern,
    Profile,
    Rule,
    Severity,
    Step,
    short,
)
from connector.kernel.metadata.check.model import Path as PropertyPath
from connector.kernel.metadata.check.rules import of_profile
from connector.kernel.metadata.check.sentences import asked
from connector.kernel.metadata.rdf.names import PREFIXES

BASE = "https://w3id.org/hanse/v1/shapes/"
SPECIFICATIONS: Mapping[Profile, str] = {
    Profile.AP: "DCAT-AP 3.0.1",
    Profile.DE: "DCAT-AP.de 3.0",
    Profile.HVD: "DCAT-AP HVD 3.0.0",
}
_HEAD = """\
# What {name} asks, as SHACL. Generated from the table of rules:
# python -m connector.kernel.metadata.check.shapes vocab/shapes
# Facts restated from {name}; IRIs, arrangement and messages are ours. Dedicated to the public domain (CC0 1.0).

"""
_KINDS = {"literal": "sh:Literal", "node": "sh:BlankNodeOrIRI", "iri": "sh:IRI"}


def turtle(profile: Profile) -> str:
    """The shapes of one profile; the same text each time."""
    prefixes = PREFIXES | {"sh": "http://www.w3.org/ns/shacl#", "": f"{BASE}{profile}#"}
    head = _HEAD.format(name=SPECIFICATIONS[profile])
    head += "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in sorted(prefixes.items()))
    return head + "".join(_blocks(profile))


def _blocks(profile: Profile) -> Iterator[str]:
    rules = of_profile(profile)
    targets: dict[tuple[NamedNode, bool], list[Rule]] = {}
    for rule in rules:
        targets.setdefault((rule.target, rule.subjects_of), []).append(rule)
    for (target, subjects_of), found in targets.items():
        yield _node_shape(target, subjects_of, [rule for rule in found if rule.path is not None])
        for rule in found:
            yield _property_shape(rule, profile) if rule.path is not None else _whole(rule, profile)
    for scheme in dict.fromkeys(rule.constraint.scheme for rule in rules if isinstance(rule.constraint, IsListed)):
        yield _statement(
            _listed(scheme), ["a sh:NodeShape", f"sh:property [ {_in_scheme(scheme)} ; sh:nodeKind sh:IRI ]"]
        )


def _node_shape(target: NamedNode, subjects_of: bool, rules: Sequence[Rule]) -> str:
    name = short(target.value)
    shape = f":{name.replace(':', '-')}{'-any' if subjects_of else ''}"
    how = "sh:targetSubjectsOf" if subjects_of else "sh:targetClass"
    held = ",\n        ".join(f":{rule.id}" for rule in rules)
    return _statement(shape, ["a sh:NodeShape", f"{how} {name}", *([f"sh:property {held}"] if held else [])])


def _property_shape(rule: Rule, profile: Profile) -> str:
    assert rule.path is not None
    on_list = isinstance(rule.constraint, OnList)
    said = [*_asked(rule.constraint), *([] if on_list else _told(rule))]
    if on_list:
        inner = " ;\n        ".join([_in_scheme(rule.constraint.scheme), *_told(rule)])  # type: ignore[union-attr]
        said = [f"sh:property [\n        {inner} ]"]
    return _statement(
        f":{rule.id}", ["a sh:PropertyShape", f"sh:path {_path(rule.path)}", *said, *_restated(rule, profile)]
    )


def _whole(rule: Rule, profile: Profile) -> str:
    target = f"sh:targetClass {short(rule.target.value)}"
    said = ["a sh:NodeShape", target, *_asked(rule.constraint), *_told(rule), *_restated(rule, profile)]
    return _statement(f":{rule.id}", said)


def _asked(constraint: Constraint) -> Iterator[str]:
    match constraint:
        case MinCount(count):
            yield f"sh:minCount {count}"
        case MaxCount(count):
            yield f"sh:maxCount {count}"
        case NodeKind(kind):
            yield f"sh:nodeKind {_KINDS[kind]}"
        case OfClass(name):
            yield f"sh:class {short(name.value)}"
        case Datatype(name):
            yield f"sh:datatype {short(name.value)}"
        case HasValue(value):
            yield f"sh:hasValue <{value.value}>"
        case IsListed(scheme):
            yield f"sh:node {_listed(scheme)}"
        case Pattern(regex, negated, ignore_case):
            pattern = f"sh:pattern {_quoted(regex)}" + (' ; sh:flags "i"' if ignore_case else "")
            yield f"sh:not [ {pattern} ]" if negated else pattern
        case HasOneOf(names):
            ways = " ".join(f"[ sh:path {short(name.value)} ; sh:minCount 1 ]" for name in names)
            yield f"sh:or ( {ways} )"
        case OnList():
            return


def _told(rule: Rule) -> Iterator[str]:
    yield "sh:severity sh:" + ("Violation" if rule.severity is Severity.VIOLATION else "Warning")
    yield f"sh:message {_quoted(asked(rule, 'de'))}@de, {_quoted(asked(rule, 'en'))}@en"


def _restated(rule: Rule, profile: Profile) -> Iterator[str]:
    about = short(rule.target.value) if rule.path is None or rule.subjects_of else _about(rule)
    yield f"dct:source {_quoted(f'{SPECIFICATIONS[profile]}, {about}')}"
    if rule.ours:
        yield 'rdfs:comment "Meant by the specification; its own shapes do not check it."@en'


def _about(rule: Rule) -> str:
    name = None if rule.path is None else rule.path.name
    return short(rule.target.value) + ("" if name is None else f", {short(name.value)}")


def _path(path: PropertyPath) -> str:
    ways = [_way(way) for way in path.ways]
    return ways[0] if len(ways) == 1 else f"[ sh:alternativePath ( {' '.join(ways)} ) ]"


def _way(way: Iterable[Step]) -> str:
    steps = [f"[ sh:inversePath {_iri(step.name)} ]" if step.inverse else _iri(step.name) for step in way]
    return steps[0] if len(steps) == 1 else f"( {' '.join(steps)} )"


def _iri(name: NamedNode) -> str:
    brief = short(name.value)
    return f"<{brief}>" if brief == name.value else brief


def _in_scheme(scheme: str) -> str:
    return f"sh:path skos:inScheme ; sh:hasValue <{scheme}>"


def _listed(scheme: str) -> str:
    return f":on-{scheme.rpartition('/')[2]}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _statement(subject: str, said: Sequence[str]) -> str:
    return f"\n{subject} " + " ;\n    ".join(said) + " .\n"


def write(folder: Path) -> None:
    """One file per profile: `dcat-ap.ttl`, `dcat-ap-de.ttl`, `dcat-ap-hvd.ttl`."""
    folder.mkdir(exist_ok=True)
    for profile in Profile:
        (folder / file_name(profile)).write_text(turtle(profile), encoding="utf-8")


def file_name(profile: Profile) -> str:
    return "dcat-ap.ttl" if profile is Profile.AP else f"dcat-ap-{profile}.ttl"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
