"""`hanse policy suite --format w3c`: the forms of the CG's examples: conditions, units, parameters, spellings."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.suites.w3c_cases import CONTEXT, POLICY, REQUEST, outcome, write


@pytest.fixture
def suite(tmp_path: Path) -> Any:
    return lambda **files: write(tmp_path / "suite", **files)


def reported(*reports: dict[str, Any]) -> dict[str, Any]:
    """A compliance report whose parts stand under names of their own, as the examples write it."""
    return {"@type": "report:ComplianceReport", **{f"ex:part{number}": one for number, one in enumerate(reports)}}


def ruled(activation: str, control: str) -> dict[str, Any]:
    return {
        "@type": "report:ruleReport",
        "report:activationState": f"report:{activation}",
        "report:controlState": f"report:{control}",
    }


def owed(activation: str, deontic: str, **more: str) -> dict[str, Any]:
    states = {"report:activationState": f"report:{activation}", "report:deonticState": f"report:{deontic}"}
    return {"@type": "report:ConditionReport", **states, **{f"report:{name}": value for name, value in more.items()}}


def met(state: str) -> dict[str, Any]:
    return {"@type": "report:ConstraintReport", "report:satisfactionState": f"report:{state}"}


@pytest.mark.parametrize("state", ["Not-Satisfied", "NotSatisfied", "not-satisfied", "unsatisfied", "Unsatisfied"])
def test_not_satisfied_in_any_spelling(run: Any, suite: Any, state: str) -> None:
    request = json.loads(json.dumps(REQUEST).replace("2025-07-23", "2026-07-23"))
    report = reported(ruled("Not-Active", "Deny"), met(state))
    assert outcome(run, suite(request=request, report=report))[1]["differences"] == []


PRICED: dict[str, Any] = {
    **POLICY,
    "permission": [
        {
            "assignee": "ex:billie",
            "target": "ex:asset",
            "action": "play",
            "duty": [
                {
                    "@id": "ex:condition",
                    "action": [
                        {
                            "@id": "ex:paying",
                            "rdf:value": {"@id": "odrl:compensate"},
                            "refinement": [
                                {
                                    "@id": "ex:price",
                                    "leftOperand": "payAmount",
                                    "operator": "eq",
                                    "rightOperand": {"@value": "5.00", "@type": "xsd:decimal"},
                                    "unit": "http://units.example/euro",
                                }
                            ],
                        }
                    ],
                    "constraint": [
                        {"@id": "ex:day", "leftOperand": "nix:dayOfWeek", "operator": "eq", "rightOperand": "Sunday"}
                    ],
                }
            ],
        }
    ],
}


def visiting(day: str) -> dict[str, Any]:
    """A request on that day; the parameters stand in one object, not in a list."""
    parameter = {"describesFeature": "sotw:CurrentXSDDateTime", "value": {"@value": f"{day}T00:00:00", "@type": "x"}}
    return {
        "@context": REQUEST["@context"],
        "@type": "EvaluationRequest",
        "evaluatedAction": "odrl:play",
        "evaluatedParty": "ex:billie",
        "evaluatedTarget": "ex:asset",
        "requestParameters": {"@type": "RequestParameter", **parameter},
    }


def paid(amount: str = "5.00", unit: str = "https://units.example/euro", payer: str = "ex:billie") -> dict[str, Any]:
    payment = {
        "@type": "pay:Payment",
        "conditionId": "ex:condition",
        "pay:payer": payer,
        "pay:netAmount": {"@value": amount, "@type": "xsd:decimal"},
        "pay:currency": unit,
        "pay:paymentDate": {"@value": "2025-08-02 00:00:00", "@type": "xsd:dateTime"},
    }
    return {"@context": [{"ex": "https://example.org/", "pay": "https://example.org/pay#"}], "context": payment}


SUNDAY, TUESDAY = "2025-08-03", "2025-07-29"


@pytest.mark.parametrize(
    ("day", "state", "report"),
    [
        (TUESDAY, None, reported(ruled("Active", "Permit"), owed("Inactive", "Not-set"), met("Not-Satisfied"))),
        (SUNDAY, None, reported(ruled("Inactive", "Deny"), owed("Active", "Not-set"), met("Satisfied"))),
        (SUNDAY, paid(), reported(ruled("Active", "Permit"), owed("Active", "Fulfilled"), met("Satisfied"))),
        (SUNDAY, paid("4.00"), reported(ruled("Inactive", "Deny"), owed("Satisfied", "NonSet"))),
        (SUNDAY, paid(unit="https://units.example/dollar"), reported(ruled("Inactive", "Deny"))),
        (SUNDAY, paid(unit=""), reported(ruled("Active", "Permit"))),
    ],
    ids=["nothing is owed", "nothing was paid", "paid", "too little", "other money", "no unit is the policy's"],
)
def test_a_condition_with_its_own_states(run: Any, suite: Any, day: str, state: Any, report: dict[str, Any]) -> None:
    """A day of the week is an operand that nobody registered; the clock of the request says which it is."""
    code, case = outcome(run, suite(policy=PRICED, request=visiting(day), report=report, state=state))
    assert (case["problem"], case["differences"], code) == ("", [], 0)


@pytest.mark.parametrize(("deed", "state"), [(paid(), "Performed"), (None, "Unperformed"), (None, "Not-Performed")])
def test_whether_the_duty_was_performed(run: Any, suite: Any, deed: Any, state: str) -> None:
    told = {"@type": "report:ActionReport", "report:performanceState": f"report:{state}"}
    folder = suite(policy=PRICED, request=visiting(SUNDAY), report=reported(told), state=deed)
    assert outcome(run, folder)[1]["differences"] == []


def test_a_wrong_state_of_a_condition_is_a_disagreement(run: Any, suite: Any) -> None:
    report = reported(ruled("Active", "Permit"), owed("Active", "Fulfilled"))
    _, case = outcome(run, suite(policy=PRICED, request=visiting(TUESDAY), report=report))
    assert case["differences"] == ["- condition active", "- duty fulfilled", "+ condition inactive", "+ duty notset"]


PRINTED: dict[str, Any] = {
    "@context": CONTEXT,
    "@type": "Set",
    "uid": "ex:policy",
    "permission": [
        {
            "target": "ex:asset",
            "action": [
                {
                    "rdf:value": {"@id": "odrl:print"},
                    "refinement": [
                        {
                            "@id": "ex:fine",
                            "leftOperand": "resolution",
                            "operator": "lteq",
                            "rightOperand": {"@value": "1200", "@type": "xsd:integer"},
                            "unit": "http://units.example/dpi",
                        }
                    ],
                }
            ],
        }
    ],
}


@pytest.mark.parametrize(
    "said",
    [
        {
            "evaluatedAction": "odrl:print",
            "evaluatedTarget": "ex:asset",
            "requestParameters": {
                "@type": "RequestParameter",
                "describesFeature": "http://units.example/dpi",
                "value": {"@id": "%s", "@type": "xsd:integer"},
            },
        },
        {
            "evaluatedAction": "odrl:print",
            "evaluatedTarget": "ex:asset",
            "requestParameters": {
                "describesFeature": "odrl:resolution",
                "value": "%s",
                "unit": "https://units.example/dpi",
            },
        },
        {"action": "odrl:print", "target": "ex:asset", "resolution": "%s"},
        {"requestedAction": {"@id": "odrl:print"}, "requestedTarget": {"@id": "ex:asset"}, "resolution": "%s"},
    ],
    ids=["by its unit", "by its operand", "as a plain member", "in the words of the ontology"],
)
@pytest.mark.parametrize(
    ("value", "control", "state"), [("1000", "Permit", "Satisfied"), ("1300", "Deny", "Not-Satisfied")]
)
def test_a_refinement_denies_and_leaves_the_rule_active(
    run: Any, suite: Any, said: dict[str, Any], value: str, control: str, state: str
) -> None:
    request = {"@context": REQUEST["@context"], "@type": "odrl-fs:EvaluationRequest"}
    request |= json.loads(json.dumps(said).replace("%s", value))
    report = reported(ruled("Active", control), met(state))
    assert outcome(run, suite(policy=PRINTED, request=request, report=report))[1]["differences"] == []


def test_a_missing_comma_is_read_as_meant_and_told(run: Any, suite: Any) -> None:
    folder = suite()
    place = next(folder.rglob("policy A.json"))
    place.write_text(json.dumps(POLICY, indent=2).replace('"ex:rule",\n', '"ex:rule"\n'))
    code, case = outcome(run, folder)
    assert (code, case["repairs"]) == (0, ["policy A.json ,"])


def test_a_profile_of_the_examples_is_known_if_the_caller_says_so(run: Any, suite: Any) -> None:
    folder = suite(policy={**POLICY, "profile": "ex:profile"})
    _, value, _ = run("policy", "suite", folder, "--format", "w3c", "--json")
    assert value["profiles"] == ["https://example.org/profile"]
    _, value, _ = run(
        "policy", "suite", folder, "--format", "w3c", "--json", "--profile", "https://example.org/profile"
    )
    assert (value["profiles"], value["premises"]) == ([], 1)
