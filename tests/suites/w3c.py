"""Reads the examples of the W3C ODRL CG's formal semantics (spec/policy.md 15.2): policies, requests, states, reports.

Known mistakes of the data are accepted here and nowhere else (spec/policy.md 15.5): a number written as a reference, a
time with a blank in it, a comma missing at the end of a line, and a party of the request that the policy knows without
its last digit. The last one changes a result, so such a case has two outcomes: verbatim, and read as meant.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from connector.foundation.errors import Mistake
from connector.kernel.policy.evaluation.decision import Node
from connector.kernel.policy.evaluation.program import Mode
from connector.kernel.policy.odrl.model import Atom, Duty, Logic, Policy, PolicyError, Rule
from connector.kernel.policy.odrl.names import HANSE, ODRL, action, covers
from connector.kernel.policy.odrl.state_of_world import Deed, World
from connector.kernel.protocol.shape import Malformed
from tests.suites import engine
from tests.suites.mending import read_policy
from tests.suites.outcome import Outcome
from tests.suites.plainly import iri, kind, load, members, mended, objects, prefixes, text, typo, word
from tests.suites.requests import Parameter, Request, facts, operands, same_unit

_DATED = frozenset({"dateTime", "date", "issued", "created", "paymentDate", "timestamp", "performedAt"})
_AMOUNTS = ("payAmount", "amount", "netAmount", "grossAmount", "paidAmount", "totalAmount")
_CURRENCIES = ("currency", "unit")
States = Counter[tuple[str, ...]]


def run(folder: Path, profiles: frozenset[str] = frozenset()) -> Iterator[Outcome]:
    """Every case below `folder`; Mistake if there is none. `profiles` are those that the caller knows."""
    found = False
    for place in sorted(folder.rglob("*.json")):
        if _plain(place).startswith("policy"):
            for case in sorted(path for path in place.parent.iterdir() if path.is_dir()):
                if (request := _file(case, "evaluationrequest")) is not None:
                    found = True
                    yield _case(place, case, request, engine.Reading(profiles))
    if not found:
        raise Mistake("cli.suite-empty", path=folder)


def _plain(place: Path) -> str:
    return "".join(letter for letter in place.name.lower() if letter.isalnum())


def _file(folder: Path, name: str) -> Path | None:
    return next((p for p in sorted(folder.glob("*.json")) if _plain(p).startswith(name)), None)


def _case(policy_place: Path, folder: Path, request_place: Path, reading: engine.Reading) -> Outcome:
    name = f"{folder.parent.name}/{folder.name}"
    report_place, state_place = _file(folder, "compliancereport"), _file(folder, "state")
    if report_place is None:
        return Outcome(name=name, problem="compliancereport")
    try:
        document, commas = mended(policy_place)
        loaded, repairs = read_policy(document, reading)
        repairs = (*commas, *repairs)
        state = load(state_place) if state_place else None
        request = asked(load(request_place))
        expected = _expected(load(report_place))
    except (Malformed, PolicyError) as fault:
        return Outcome(name=name, problem=f"{type(fault).__name__} {fault}")
    ours = _states(loaded, request, state)
    if (told := _told(expected, ours)) and (meant := typo(request.party, _parties(loaded.policy))):
        repaired = _states(loaded, request._replace(party=meant), state)
        if not _told(expected, repaired):
            defect = f"{request.party} -> {meant}"
            return Outcome(name=name, differences=tuple(told), repairs=(*repairs, defect), repaired=True)
    activation = not [line for line in told if line[2:].startswith("rule ")]
    return Outcome(
        name=name,
        activation=activation,
        premises=not told,
        differences=tuple(told),
        repairs=repairs,
        profiles=loaded.unknown,
    )


def _parties(policy: Policy) -> list[str]:
    named = [policy.assignee, policy.assigner]
    for rule in policy.permissions + policy.prohibitions:
        named += [party if isinstance(party, str) else party.id for party in rule.parties]
    return [party for party in dict.fromkeys(named) if party]


def asked(document: Any) -> Request:
    """The request: what is evaluated, and everything else that it says as parameters."""
    spaces = prefixes(document)
    main = next((one for one in objects(document) if kind(one) == "EvaluationRequest"), None)
    main = main or next((one for one in objects(document) if "evaluatedAction" in members(one)), {})
    said = members(main)
    parameters = [
        Parameter(iri(found["describesFeature"], spaces), text(found["value"]), iri(found.get("unit", ""), spaces))
        for found in map(members, objects(document))
        if "describesFeature" in found and "value" in found
    ]
    parameters += [
        Parameter(name, text(value))
        for name, value in said.items()
        if name not in _ASKED and not name.startswith("@") and text(value)
    ]
    party, act, target = (_first(said, names, spaces) for names in (_PARTY, _ACTION, _TARGET))
    return Request("", party, action(act), target, tuple(parameters))


_PARTY = ("evaluatedParty", "requestingParty", "requestedParty", "assignee")
_ACTION = ("evaluatedAction", "requestedAction", "action")
_TARGET = ("evaluatedTarget", "requestedTarget", "target")
_ASKED = frozenset((*_PARTY, *_ACTION, *_TARGET))


def _first(said: Mapping[str, Any], names: Sequence[str], spaces: Mapping[str, str]) -> str:
    return next((iri(said[name], spaces) for name in names if name in said), "")


def _world(loaded: engine.Loaded, request: Request, state: Any) -> World:
    return World(
        now=request.now or 0,
        participant=request.party,
        action=request.action,
        target=request.target,
        facts=facts(request, loaded),
        deeds=tuple(_deeds(state, request, loaded)),
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


def _deeds(state: Any, request: Request, loaded: engine.Loaded) -> Iterator[Deed]:
    """Each payment in the state: what was paid by whom, for which condition, in the policy's spelling of the unit."""
    spaces, conditions = prefixes(state), _conditions(loaded.policy)
    units = [unit for left, unit in operands(loaded.policy) if left == ODRL + "payAmount" and unit]
    for one in objects(state):
        if kind(one) != "Payment":
            continue
        said = members(one)
        amount = next((text(said[name]) for name in _AMOUNTS if name in said), "")
        currency = _first(said, _CURRENCIES, spaces)
        condition = _first(said, ("conditionId", "condition"), spaces)
        dates = [engine.milliseconds(text(item)) for key, item in said.items() if key in _DATED]
        yield Deed(
            action=ODRL + "compensate",
            at=next((at for at in dates if at is not None), request.now or 0),
            party=_first(said, ("payer",), spaces) or request.party,
            rule=conditions.get(condition, condition),
            values={
                ODRL + "payAmount": engine.value(ODRL + "payAmount", [amount]),
                HANSE + "currency": frozenset({next((u for u in units if same_unit(currency, u)), currency)}),
            },
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
    """(what, state) of each rule, control, condition, constraint, duty and performance that the report names."""
    found: States = Counter()
    for one in objects(document):
        said = members(one)
        if "activationState" in said:
            about = kind(one) == "ConditionReport" or "condition" in said
            found["condition" if about else "rule", _activation(said["activationState"])] += 1
        if "controlState" in said:
            found["control", word(said["controlState"])] += 1
        if "satisfactionState" in said and _about_constraint(one, said):
            found["constraint", word(said["satisfactionState"])] += 1
        if "deonticState" in said:
            found["duty", word(said["deonticState"])] += 1
        if "performanceState" in said:
            found["performance", word(said["performanceState"])] += 1
    return found


def _activation(value: Any) -> str:
    """One report says of a condition that it is satisfied where the others say active."""
    return {"satisfied": "active", "unsatisfied": "inactive"}.get(word(value), word(value))


def _about_constraint(one: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    return "constraint" in said or kind(one) in ("ConstraintReport", "RefinementReport", "LogicalConstraintReport")


def _states(loaded: engine.Loaded, request: Request, state: Any) -> States:
    # Offers and the like are norms for nobody, and the examples say so; sets and agreements are.
    world = _world(loaded, request, state)
    decision = engine.examine(loaded, world, Mode(duty_mode="strict", members_known=True))
    found: States = Counter()
    for node in decision.tree.children:
        if node.kind not in ("permission", "prohibition", "obligation") or not isinstance(node.item, Rule | Duty):
            continue
        meant, active = node.state == "yes", _active(node, request.action)
        found["rule", "active" if active else "inactive"] += 1
        found["control", "permit" if meant == (node.kind == "permission") else "deny"] += 1
        found += _below(node)
    return found


def _active(node: Node, asked: str) -> bool:
    """Whether a rule is active: a refinement that does not fit leaves it so, and denies (case B12)."""
    if not isinstance(node.item, Rule):
        return node.state == "yes"
    named = not node.item.action.extras and covers(node.item.action.iri, asked)
    return all(child.state == "yes" or (child.kind == "action" and named) for child in node.children)


def _below(node: Node) -> States:
    found: States = Counter()
    for child in node.children:
        if isinstance(child.item, Atom | Logic) and child.kind in ("constraint", "refinement", "logic"):
            name = "refinement" if "refinement" in (node.kind, child.kind) or node.kind in _REFINED else "constraint"
            found[name, _satisfied(child)] += 1
        if child.kind in ("duty", "remedy", "obligation"):
            found += _owed(child)
            continue
        found += _below(child)
    return found


def _owed(node: Node) -> States:
    """A duty: how it stands, whether its conditions hold, whether it was done, and whether in the right manner."""
    clauses = [child for child in node.children if child.kind in ("constraint", "logic")]
    done = node.deontic in ("fulfilled", "healed")
    found: States = Counter(("refinement", _satisfied(child)) for child in clauses)
    found["condition", "inactive" if any(child.state == "no" for child in clauses) else "active"] += 1
    found["duty", node.deontic.replace("-", "")] += 1
    found["performance", "performed" if done else "unperformed"] += 1
    return found + _manner(node)


def _satisfied(node: Node) -> str:
    return "satisfied" if node.state == "yes" else "unsatisfied"


def _manner(node: Node) -> States:
    """How a duty was to be done: satisfied once it was done so."""
    done = "satisfied" if node.deontic in ("fulfilled", "healed") else "unsatisfied"
    item = node.item
    parts = (*item.action.refinements, *item.constraints) if isinstance(item, Duty) else ()
    return Counter({("refinement", done): len(parts)}) if parts else Counter()


_REFINED = frozenset({"action", "party", "target"})
