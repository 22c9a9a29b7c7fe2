"""A decision as RDF for auditors: the vocabulary of the FORCE suite, and our own words only where it has none."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
import rdflib
import rdflib.compare
from pyld import jsonld

from connector.kernel.dialects.jsonld.nodes import Nodes, Ref, from_rdf, texts, types
from connector.kernel.dialects.policies.report import REPORT, About, report, write
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.names import HANSE, ODRL
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Deed, Fact, World

NOON = 1_735_732_800_000  # 2025-01-01T12:00:00Z
KIND = HANSE + "participantKind"
CITY = HANSE + "municipality"


def graph(document: Mapping[str, Any], **world: Any) -> tuple[str, Nodes]:
    policy = parse(document)
    state = World(now=NOON, participant="did:web:a", action=ODRL + "use", **world)
    return report(policy, compile(policy).examine(state, "access"), About(report="urn:report", request="urn:request"))


def of(nodes: Nodes, kind: str) -> list[str]:
    return [name for name, members in nodes.items() if REPORT + kind in types(members)]


def said(nodes: Nodes, node: str, member: str) -> list[str]:
    return [text.removeprefix(REPORT) for text in texts(nodes, node, REPORT + member)]


def rule(*constraints: dict[str, Any], **more: Any) -> dict[str, Any]:
    permission = {"@id": "urn:r", "action": "use", "constraint": list(constraints), **more}
    return {"@id": "urn:p", "@type": "Set", "permission": [permission]}


BEFORE = {"@id": "urn:c", "leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": "2026-01-01T00:00:00Z"}
WHO = {"@id": "urn:k", "leftOperand": KIND, "operator": "isAnyOf", "rightOperand": [CITY]}


def test_a_permit_names_rule_request_time_and_every_premise() -> None:
    root, nodes = graph(rule(BEFORE, assignee="did:web:a", target="urn:x"), target="urn:x")
    assert root == "urn:report"
    assert said(nodes, root, "policy") == ["urn:p"]
    assert said(nodes, root, "policyRequest") == ["urn:request"]
    assert texts(nodes, root, "http://purl.org/dc/terms/created") == ["2025-01-01T12:00:00.000Z"]
    assert texts(nodes, root, HANSE + "result") == ["permit"]
    (permission,) = of(nodes, "PermissionReport")
    assert said(nodes, permission, "rule") == ["urn:r"]
    assert said(nodes, permission, "activationState") == ["Active"]
    kinds = {kind for name in said(nodes, permission, "premiseReport") for kind in types(nodes[name])}
    assert kinds == {REPORT + f"{what}Report" for what in ("Target", "Party", "Action", "Constraint")}
    (constraint,) = of(nodes, "ConstraintReport")
    assert said(nodes, constraint, "constraint") == ["urn:c"]
    assert said(nodes, constraint, "constraintLeftOperand") == ["2025-01-01T12:00:00.000Z"]
    assert said(nodes, constraint, "constraintOperator") == [ODRL + "lt"]
    assert said(nodes, constraint, "satisfactionState") == ["Satisfied"]


def test_what_a_rule_does_not_name_has_no_premise() -> None:
    _, nodes = graph(rule(BEFORE))
    assert not of(nodes, "TargetReport") + of(nodes, "PartyReport")


def test_logic_is_nested() -> None:
    _, nodes = graph(rule({"@id": "urn:l", "or": [BEFORE, WHO]}))
    (outer,) = (name for name in of(nodes, "ConstraintReport") if said(nodes, name, "constraint") == ["urn:l"])
    assert said(nodes, outer, "constraintLogicalOperand") == [ODRL + "or"]
    inner = [said(nodes, name, "constraint") for name in said(nodes, outer, "premiseReport")]
    assert inner == [["urn:c"], ["urn:k"]]


def test_unknown_is_unsatisfied_and_says_that_it_is_unknown() -> None:
    root, nodes = graph(rule(WHO))
    (constraint,) = of(nodes, "ConstraintReport")
    assert said(nodes, constraint, "satisfactionState") == ["Unsatisfied"]
    assert texts(nodes, constraint, HANSE + "state") == ["unknown"]
    assert texts(nodes, root, HANSE + "result") == ["deny"]


def test_a_value_carries_its_source_and_its_evidence() -> None:
    facts = {KIND: Fact(frozenset({CITY}), "verified-credential", "urn:vc:1")}
    _, nodes = graph(rule(WHO), facts=facts)
    (constraint,) = of(nodes, "ConstraintReport")
    assert nodes[constraint][REPORT + "constraintLeftOperand"] == [Ref(CITY)]
    assert texts(nodes, constraint, HANSE + "source") == ["verified-credential"]
    assert texts(nodes, constraint, HANSE + "evidence") == ["urn:vc:1"]


def test_rules_without_an_id_are_named_by_their_place() -> None:
    _, nodes = graph({"permission": [{"action": "use", "constraint": [{**BEFORE, "@id": "_:x"}]}]})
    (permission,) = of(nodes, "PermissionReport")
    assert said(nodes, permission, "rule") == ["urn:hanse:policy#/permission/0"]


@pytest.mark.parametrize(
    ("deeds", "state"),
    [((), "NonSet"), ((Deed(action=ODRL + "delete", at=NOON - 1),), "Fulfilled")],
)
def test_an_obligation_says_how_it_stands(deeds: tuple[Deed, ...], state: str) -> None:
    due = {"leftOperand": HANSE + "dueBy", "operator": "lt", "rightOperand": "2026-01-01T00:00:00Z"}
    document = {**rule(), "obligation": [{"@id": "urn:o", "action": "odrl:delete", "constraint": [due]}]}
    _, nodes = graph(document, deeds=deeds)
    (duty,) = of(nodes, "DutyReport")
    assert said(nodes, duty, "rule") == ["urn:o"]
    assert said(nodes, duty, "deonticState") == [state]
    assert texts(nodes, duty, HANSE + "dueAt") == ["2026-01-01T00:00:00.000Z"]


@pytest.mark.parametrize("format", ["turtle", "json-ld"])
def test_both_syntaxes_say_the_same_to_another_reader(format: Any) -> None:
    facts = {KIND: Fact(frozenset({CITY}), "verified-credential")}
    _, nodes = graph(rule(BEFORE, {"xone": [WHO, BEFORE]}, duty=[{"action": "odrl:attribute"}]), facts=facts)
    data = write(nodes, format)
    if format == "json-ld":
        data = jsonld.to_rdf(json.loads(data), {"format": "application/n-quads"}).encode()
    read = rdflib.Graph().parse(data=data, format="turtle")
    expected = rdflib.Graph().parse(data=write(nodes, "turtle"), format="turtle")
    assert len(read) == sum(len(values) for members in nodes.values() for values in members.values())
    assert rdflib.compare.isomorphic(read, expected)


def test_what_was_written_can_be_read_back() -> None:
    _, nodes = graph(rule(BEFORE))
    again = from_rdf(write(nodes))
    assert again["urn:report"].keys() == nodes["urn:report"].keys()
    assert len(again) == len(nodes)
