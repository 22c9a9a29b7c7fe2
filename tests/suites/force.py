"""Reads a suite in the FORCE layout: a case names policy, request, state of the world and expected report by IRI.

The recipe is spec/policy.md 15.1. Our municipal suite has the same layout with `hanse:` values in the state of the
world, as `policies/suite/README.md` describes. Each file is a graph of its own, because cases reuse the ids of
constraints.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from msgspec import Struct

from connector.foundation.errors import Mistake
from connector.kernel.dialects.jsonld.nodes import Nodes, Ref, from_rdf, texts, types
from connector.kernel.dialects.policies.report import DCT, REPORT, About, report
from connector.kernel.policy.evaluation.program import Mode
from connector.kernel.policy.odrl.names import HANSE, ODRL, action
from connector.kernel.policy.odrl.state_of_world import Deed, DutyState, Fact, Source, Value, World
from connector.kernel.protocol.shape import Malformed
from tests.suites import compare, engine, requests
from tests.suites.outcome import Outcome
from tests.suites.requests import Request
from tests.suites.states import state

SUITE = Mode(members_known=True)
FORCE = Mode(duty_mode="not_violated", members_known=True)

EX = "http://example.org/"
_NOW = "http://example.com/request/currentTime"
_KINDS = frozenset({ODRL + "Set", ODRL + "Policy", ODRL + "Offer", ODRL + "Agreement", ODRL + "Request", EX + "Sotw"})
_KINDS |= {requests.SOTW + "EvaluationRequest", requests.FS + "EvaluationRequest"}
_DEONTIC: Mapping[str, DutyState] = {
    "notset": "not-set",
    "fulfilled": "fulfilled",
    "violated": "violated",
    "healed": "healed",
}
_PREMISE = REPORT + "premiseReport"
_PURPOSE = ODRL + "purpose"


class Case(Struct, frozen=True):
    """One test case: `nodes` is the graph of its own file, `policy` and `sotw` are those that it names."""

    name: str
    id: str
    nodes: Nodes
    policy: Nodes
    sotw: Nodes
    request: Request
    loaded: engine.Loaded
    world: World

    def names(self, member: str) -> str:
        return _said(self.nodes, self.id, member)

    @property
    def classes(self) -> bool:
        """Whether the case is decided as in our product; the action of a duty decides when it is due."""
        return _classes(self.nodes, self.id)

    @property
    def mode(self) -> Mode:
        return SUITE if self.classes else FORCE


def run(folder: Path, profiles: frozenset[str] = frozenset()) -> Iterator[Outcome]:
    """Every case below `folder`, by name; Mistake if there is none. `profiles` are those that the caller knows."""
    for case in _read(folder, profiles):
        try:
            yield case if isinstance(case, Outcome) else _compared(case)
        except (ValueError, LookupError) as fault:  # Malformed and PolicyError among them
            yield Outcome(name=case.name, problem=f"{type(fault).__name__} {fault}")


def cases(folder: Path) -> Iterator[Case]:
    """The cases below `folder` that can be read."""
    return (case for case in _read(folder, frozenset()) if isinstance(case, Case))


def _read(folder: Path, profiles: frozenset[str]) -> Iterator[Case | Outcome]:
    base = folder / "data" if (folder / "data" / "test_cases").is_dir() else folder
    places = sorted((base / "test_cases").glob("*.ttl"))
    if not places:
        raise Mistake("cli.suite-empty", path=folder)
    files = {name: graph for part in ("policies", "requests", "sotw") for name, graph in _typed(base / part)}
    for place in places:
        yield from _cases(place, files, profiles)


def _typed(folder: Path) -> Iterator[tuple[str, Nodes]]:
    """Which file types which IRI as a policy, request or state of the world."""
    for place in sorted(folder.glob("*.ttl")):
        try:
            nodes = from_rdf(place.read_bytes())
        except (Malformed, OSError):
            continue  # the case that names it will say that nobody has it
        for name, members in nodes.items():
            if _KINDS & set(types(members)):
                yield name, nodes


def _cases(place: Path, files: Mapping[str, Nodes], profiles: frozenset[str]) -> Iterator[Case | Outcome]:
    try:
        nodes = from_rdf(place.read_bytes())
    except (Malformed, OSError) as fault:
        yield Outcome(name=place.stem, problem=str(fault))
        return
    for name in [name for name, members in nodes.items() if EX + "TestCase" in types(members)]:
        try:
            yield _case(place.stem, name, nodes, files, profiles)
        except (ValueError, LookupError) as fault:
            yield Outcome(name=place.stem, problem=f"{type(fault).__name__} {fault}")


def _case(name: str, id: str, nodes: Nodes, files: Mapping[str, Nodes], profiles: frozenset[str]) -> Case:
    policy, asked, sotw = (_said(nodes, id, member) for member in ("policy", "request", "sotw"))
    request, known = requests.force(files[asked], asked), _reached(files[sotw], sotw)
    reading = engine.Reading(profiles, lenient=not _classes(nodes, id))
    loaded = engine.policy_of(files[policy], policy, request.action, reading)
    world = _world(request, known, sotw, files[policy], loaded)
    return Case(name, id, nodes, files[policy], known, request, loaded, world)


def _said(nodes: Nodes, case: str, member: str) -> str:
    return next(iter(texts(nodes, case, EX + member)), "")


def _classes(nodes: Nodes, case: str) -> bool:
    return texts(nodes, case, HANSE + "dutyMode") == ["classes"]


def reported(case: Case) -> tuple[str, Nodes]:
    """Our report on the case: the PolicyReport and the graph, which is all that can be reached from it."""
    above = engine.above(case.policy, case.request.action, ODRL + "includedIn")
    decision = engine.examine(case.loaded, case.world, case.mode, above)
    about = About(request=case.names("request"), rule_request=case.request.rule)
    root, ours = report(case.loaded.policy, decision, about)
    _without_actions(ours, case.loaded.silent)
    return root, ours


def _without_actions(ours: Nodes, silent: frozenset[str]) -> None:
    """A rule that names no action has no report about it: neither a reference to one nor the node."""
    for members in list(ours.values()):
        if silent & {value.id for value in members.get(REPORT + "rule", ()) if isinstance(value, Ref)}:
            gone = [v for v in members.get(_PREMISE, ()) if isinstance(v, Ref) and _is_action(ours, v)]
            members[_PREMISE] = [value for value in members.get(_PREMISE, ()) if value not in gone]
            for ref in gone:
                del ours[ref.id]


def _is_action(nodes: Nodes, ref: Ref) -> bool:
    return REPORT + "ActionReport" in types(nodes[ref.id])


def _compared(case: Case) -> Outcome:
    root, ours = reported(case)
    expected = case.names("expectedReport")
    told = compare.told(compare.rules(case.nodes, expected), compare.rules(ours, root))
    activation = not told
    below = compare.told(compare.premises(case.nodes, expected), compare.premises(ours, root))
    result, others = True, list[str]()
    if case.classes:
        others = compare.told(compare.duties(case.nodes, expected), compare.duties(ours, root))
        stated = compare.result(case.nodes, expected)
        if stated and stated != compare.result(ours, root):
            others += [f"- result {stated}", f"+ result {compare.result(ours, root)}"]
        result = not others
    missing = compare.dangling(case.nodes, expected, case.sotw)
    return Outcome(
        name=case.name,
        activation=activation,
        premises=activation and not below,
        result=result,
        differences=(*told, *below, *others),
        dangling=tuple(missing) if expected in case.nodes else (expected,),
        profiles=case.loaded.unknown,
    )


def _world(request: Request, sotw: Nodes, name: str, policy: Nodes, loaded: engine.Loaded) -> World:
    asked = requests.facts(request, loaded)
    now = _instant(sotw, _NOW, DCT + "issued")
    now = request.now if now is None else now
    if now is None:
        raise Malformed("currentTime", "missing")
    facts = asked | dict(_facts(sotw, loaded))
    purpose = facts.pop(_PURPOSE, None)
    purposes = purpose.value if purpose and isinstance(purpose.value, frozenset) else frozenset[str]()
    return World(
        now=now,
        participant=request.party,
        action=request.action,
        target=request.target,
        facts=facts,
        parties=_collections(sotw, policy, request.party),
        assets=_collections(sotw, policy, request.target),
        purpose=next(iter(sorted(purposes)), None),
        purpose_source="declared" if purposes else None,
        agreement_at=_instant(sotw, name, HANSE + "agreementAt"),
        agreement_end=_instant(sotw, name, HANSE + "agreementEnd"),
        first_access=_instant(sotw, name, HANSE + "firstAccess"),
        event_end=_instant(sotw, name, HANSE + "eventEnd"),
        uses=dict(_uses(sotw)),
        deeds=tuple(_deeds(sotw)),
        duty_states=dict(_duties(sotw)),
        can=frozenset(texts(sotw, name, HANSE + "canExecute")),
        closure=engine.closure(),
    )


def _reached(nodes: Nodes, root: str) -> Nodes:
    """What the state of the world includes; a file may say more than one case is to know."""
    found: Nodes = {}
    waiting = [root]
    while waiting:
        if (name := waiting.pop()) in found or name not in nodes:
            continue
        found[name] = nodes[name]
        waiting += [value.id for values in nodes[name].values() for value in values if isinstance(value, Ref)]
    return found


def _instant(nodes: Nodes, node: str, member: str) -> int | None:
    found = texts(nodes, node, member)
    return engine.milliseconds(found[0]) if found else None


def _collections(sotw: Nodes, policy: Nodes, member: str) -> frozenset[str]:
    """What `member` is part of: by the id of the collection and by the source that the policy gives it."""
    found = engine.above(sotw, member, ODRL + "partOf")
    return found | {source for name in found for source in texts(policy, name, ODRL + "source")}


def _all(nodes: Nodes, kind: str) -> Iterator[str]:
    return (name for name, members in nodes.items() if kind in types(members))


def _first(nodes: Nodes, node: str, member: str) -> str:
    return next(iter(texts(nodes, node, member)), "")


def _facts(sotw: Nodes, loaded: engine.Loaded) -> Iterator[tuple[str, Fact]]:
    for name in _all(sotw, HANSE + "Fact"):
        left = _first(sotw, name, HANSE + "leftOperand")
        said = _first(sotw, name, HANSE + "source") or "measured"
        source: Source = cast("Source", said) if said in ("verified-credential", "declared") else "measured"
        found = engine.value(left, texts(sotw, name, HANSE + "value"), loaded.registry)
        yield left, Fact(value=found, source=source, unit=_first(sotw, name, HANSE + "unit"))


def _uses(sotw: Nodes) -> Iterator[tuple[str, int]]:
    for name in _all(sotw, HANSE + "Uses"):
        yield _first(sotw, name, HANSE + "window"), int(_first(sotw, name, HANSE + "uses"))


def _deeds(sotw: Nodes) -> Iterator[Deed]:
    for name in _all(sotw, HANSE + "Deed"):
        at = _instant(sotw, name, HANSE + "at")
        if at is None:
            raise Malformed(name, "missing")
        values: dict[str, Value] = {}
        for parameter in texts(sotw, name, HANSE + "parameter"):
            left = _first(sotw, parameter, HANSE + "leftOperand")
            values[left] = engine.value(left, texts(sotw, parameter, HANSE + "value"))
        yield Deed(
            action=action(_first(sotw, name, HANSE + "action")),
            at=at,
            party=_first(sotw, name, HANSE + "by"),
            rule=_first(sotw, name, HANSE + "for"),
            values=values,
        )


def _duties(sotw: Nodes) -> Iterator[tuple[str, DutyState]]:
    for name in _all(sotw, REPORT + "DutyReport"):
        yield (
            _first(sotw, name, REPORT + "rule"),
            _DEONTIC.get(state(_first(sotw, name, REPORT + "deonticState")), "not-set"),
        )
