"""Reads the examples of the W3C ODRL CG's formal semantics (policy.md 7.4): JSON policies, requests, states, reports.

Known mistakes of the data are accepted here and nowhere else (section 8): a number written as a reference, a time with
a blank in it, and a party of the request that the policy knows without its last digit. The last one changes a result,
so such a case has two outcomes: verbatim, and read as meant.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from connector.cli.suite import engine
from connector.cli.suite.mending import read_policy
from connector.cli.suite.outcome import Outcome
from connector.cli.suite.plainly import iri, kind, load, local, members, objects, prefixes, text, typo, word
from connector.errors import Mistake
from connector.policy.decision import Node
from connector.policy.model import Atom, Duty, Logic, Policy, PolicyError, Rule
from connector.policy.names import HANSE, ODRL, action
from connector.policy.operands import ANY_LIST
from connector.policy.program import Mode
from connector.policy.world import Deed, Fact, World
from connector.protocol.shape import Malformed

_DATED = frozenset({"dateTime", "date", "issued", "created", "paymentDate", "timestamp", "performedAt"})
States = Counter[tuple[str, ...]]


class Request(NamedTuple):
    action: str
    party: str
    target: str
    now: int
    facts: dict[str, Fact]


def run(folder: Path) -> Iterator[Outcome]:
    """Every case below `folder`; Mistake if there is none."""
    found = False
    for place in sorted(folder.rglob("*.json")):
        if _plain(place).startswith("policy"):
            for case in sorted(path for path in place.parent.iterdir() if path.is_dir()):
                if (request := _file(case, "evaluationrequest")) is not None:
                    found = True
                    yield _case(place, case, request)
    if not found:
        raise Mistake("cli.suite-empty", path=folder)


def _plain(place: Path) -> str:
    return "".join(letter for letter in place.name.lower() if letter.isalnum())


def _file(folder: Path, name: str) -> Path | None:
    return next((p for p in sorted(folder.glob("*.json")) if _plain(p).startswith(name)), None)


def _case(policy_place: Path, folder: Path, request_place: Path) -> Outcome:
    name = f"{folder.parent.name}/{folder.name}"
    report_place, state_place = _file(folder, "compliancereport"), _file(folder, "state")
    if report_place is None:
        return Outcome(name=name, problem="compliancereport")
    try:
        policy, repairs = read_policy(load(policy_place))
        asked, state = load(request_place), load(state_place) if state_place else None
        request = _request(asked, _units(policy))
        expected = _expected(load(report_place))
    except (Malformed, PolicyError) as fault:
        return Outcome(name=name, problem=f"{type(fault).__name__} {fault}")
    ours = _states(policy, request, state)
    if (told := _told(expected, ours)) and (meant := typo(request.party, _parties(policy))):
        repaired = _states(policy, request._replace(party=meant), state)
        if not _told(expected, repaired):
            defect = f"{request.party} -> {meant}"
            return Outcome(name=name, differences=tuple(told), repairs=(*repairs, defect), repaired=True)
    activation = not [line for line in told if line[2:].startswith("rule ")]
    return Outcome(name=name, activation=activation, premises=not told, differences=tuple(told), repairs=repairs)


def _parties(policy: Policy) -> list[str]:
    named = [policy.assignee, policy.assigner]
    for rule in policy.permissions + policy.prohibitions:
        named += [party if isinstance(party, str) else party.id for party in rule.parties]
    return [party for party in dict.fromkeys(named) if party]


def _units(policy: Policy) -> dict[str, str]:
    """The unit in which the policy speaks of an operand: a request that names none means the same."""
    found: dict[str, str] = {}
    for rule in policy.permissions + policy.prohibitions:
        for clause in (*rule.constraints, *rule.action.refinements):
            for atom in clause.clauses if isinstance(clause, Logic) else (clause,):
                if isinstance(atom, Atom) and atom.unit:
                    found.setdefault(atom.left, atom.unit)
    return found


def _request(document: Any, units: Mapping[str, str]) -> Request:
    spaces = prefixes(document)
    main = next((one for one in objects(document) if "evaluatedAction" in members(one)), {})
    said = members(main)
    now, facts = 0, dict[str, Fact]()
    for one in objects(document):
        parameter = members(one)
        if "describesFeature" not in parameter or "value" not in parameter:
            continue
        feature, value = iri(parameter["describesFeature"], spaces), text(parameter["value"])
        if local(feature) == "CurrentXSDDateTime":
            now = engine.milliseconds(value) or 0
        else:
            unit = iri(parameter.get("unit", ""), spaces) or units.get(feature, "")
            facts[feature] = Fact(engine.value(feature, [value]), unit=unit)
    return Request(
        action(iri(said.get("evaluatedAction", ""), spaces)),
        iri(said.get("evaluatedParty", ""), spaces),
        iri(said.get("evaluatedTarget", ""), spaces),
        now,
        facts,
    )


def _world(request: Request, state: Any, policy: Policy) -> World:
    return World(
        now=request.now,
        participant=request.party,
        action=request.action,
        target=request.target,
        facts=request.facts,
        deeds=tuple(_deeds(state, request, _conditions(policy))),
        closure=engine.closure(),
    )


def _conditions(policy: Policy) -> dict[str, str]:
    """Which duty a condition belongs to, by the id of the duty or of a clause within it."""
    found: dict[str, str] = {}
    duties = list(policy.obligations)
    for rule in policy.permissions + policy.prohibitions:
        duties += [*rule.duties, *rule.remedies]
    for duty in duties:
        for clause in (*duty.constraints, *duty.action.refinements):
            if isinstance(clause, Atom | Logic) and clause.id:
                found[clause.id] = duty.id or duty.pointer
        if duty.id:
            found[duty.id] = duty.id
    return found


def _deeds(state: Any, request: Request, conditions: Mapping[str, str]) -> Iterator[Deed]:
    """Each payment in the state: what was paid, and for which condition."""
    spaces = prefixes(state)
    for one in objects(state):
        if kind(one) != "Payment":
            continue
        said = members(one)
        amount = engine.value(ODRL + "payAmount", [text(said.get("payAmount", said.get("amount", "")))])
        currency = iri(said.get("currency", said.get("unit", "")), spaces)
        condition = iri(said.get("conditionId", ""), spaces)
        dates = [engine.milliseconds(text(item)) for key, item in said.items() if key in _DATED]
        yield Deed(
            action=ODRL + "compensate",
            at=next((at for at in dates if at is not None), request.now),
            rule=conditions.get(condition, condition),
            values={ODRL + "payAmount": amount, HANSE + "currency": frozenset({currency})},
        )


def _told(expected: States, ours: States) -> list[str]:
    """Where they differ; what the expected report does not speak about is not compared.

    Whether a refinement has a report of its own the examples leave open: ours may answer an expected one, and need not.
    """
    spoken = {row[0] for row in expected}
    inner: States = Counter({("constraint", row[1]): n for row, n in ours.items() if row[0] == "refinement"})
    told = Counter({row: n for row, n in ours.items() if row[0] in spoken})
    lines = [f"- {' '.join(row)}" for row in sorted((expected - told - inner).elements())]
    return lines + [f"+ {' '.join(row)}" for row in sorted((told - expected).elements())]


def _expected(document: Any) -> States:
    """(what, state) of each rule, control, constraint and duty that the report names."""
    found: States = Counter()
    for one in objects(document):
        said = members(one)
        if "activationState" in said:
            found["rule", word(said["activationState"])] += 1
        if "controlState" in said:
            found["control", word(said["controlState"])] += 1
        if "satisfactionState" in said and _about_constraint(one, said):
            found["constraint", word(said["satisfactionState"])] += 1
        if "deonticState" in said:
            found["duty", word(said["deonticState"])] += 1
    return found


def _about_constraint(one: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    return "constraint" in said or kind(one) in ("ConstraintReport", "RefinementReport", "LogicalConstraintReport")


def _states(policy: Policy, request: Request, state: Any) -> States:
    # Offers and the like are norms for nobody, and the examples say so; sets and agreements are.
    mode = Mode(duty_mode="strict", members_known=True)
    decision = engine.examine(policy, _world(request, state, policy), mode, ANY_LIST)
    found: States = Counter()
    for node in decision.tree.children:
        if node.kind not in ("permission", "prohibition", "obligation") or not isinstance(node.item, Rule | Duty):
            continue
        active = node.state == "yes"
        found["rule", "active" if active else "inactive"] += 1
        found["control", "permit" if active == (node.kind == "permission") else "deny"] += 1
        found += _below(node)
    return found


def _below(node: Node) -> States:
    found: States = Counter()
    for child in node.children:
        if isinstance(child.item, Atom | Logic) and child.kind in ("constraint", "refinement", "logic"):
            name = "refinement" if "refinement" in (node.kind, child.kind) or node.kind in _REFINED else "constraint"
            found[name, "satisfied" if child.state == "yes" else "unsatisfied"] += 1
        if child.kind in ("duty", "remedy", "obligation"):
            found["duty", child.deontic.replace("-", "")] += 1
            found += _manner(child)
            continue
        found += _below(child)
    return found


def _manner(node: Node) -> States:
    """How a duty was to be done: satisfied once it was done so."""
    done = "satisfied" if node.deontic in ("fulfilled", "healed") else "unsatisfied"
    item = node.item
    parts = (*item.action.refinements, *item.constraints) if isinstance(item, Duty) else ()
    return Counter({("refinement", done): len(parts)}) if parts else Counter()


_REFINED = frozenset({"action", "party", "target"})
