"""`hanse policy suite --format w3c`: small cases of our own in the layout of the CG's examples, mistakes included."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.suites.w3c_cases import COMPENSATE, POLICY, REPORT, REQUEST, changed, outcome, write


@pytest.fixture
def suite(tmp_path: Path) -> Any:
    return lambda **files: write(tmp_path / "suite", **files)


@pytest.mark.parametrize("name", ["compliancereport", "Compliance Report", "compliance_report-1"])
def test_a_case_that_agrees(run: Any, suite: Any, name: str) -> None:
    code, case = outcome(run, suite(name=name))
    assert (code, case["activation"], case["premises"], case["differences"]) == (0, True, True, [])
    assert case["name"] == "Family A/A1 first case"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("report_Active", "report:Inactive", "- rule inactive"),
        ("report_Permit", "report:Deny", "- control deny"),
    ],
)
def test_a_case_that_disagrees(run: Any, suite: Any, before: str, after: str, told: str) -> None:
    code, case = outcome(run, suite(report=changed(REPORT, **{before: after})))
    assert code == 1
    assert told in case["differences"]


def test_what_the_expected_report_is_silent_about_is_not_compared(run: Any, suite: Any) -> None:
    report = {"ruleReport": [{"@type": "PermissionReport", "activationState": "Active"}]}
    assert outcome(run, suite(report=report))[0] == 0


def test_a_time_with_a_blank_in_it_is_read_as_meant(run: Any, suite: Any) -> None:
    request = changed(REQUEST, **{"2025-07-23T00_00_00Z": "2025-07-23 00:00:00"})
    request["requestParameter"][0]["value"]["@value"] = "2025-07-23 00:00:00"
    assert outcome(run, suite(request=request))[0] == 0


def test_a_number_written_as_a_reference_is_read_as_a_number(run: Any, suite: Any) -> None:
    policy = json.loads(json.dumps(POLICY))
    policy["permission"][0]["action"] = {
        "rdf:value": {"@id": "odrl:print"},
        "refinement": [
            {"leftOperand": "resolution", "operator": "lteq", "rightOperand": {"@id": "1000", "@type": "xsd:integer"}}
        ],
    }
    request = changed(REQUEST, odrl_display="odrl:print")
    for value, state in (("600", "report:Permit"), ("1200", "report:Deny")):
        parameter = {"describesFeature": "odrl:resolution", "value": value}
        asked = {**request, "requestParameter": [*request["requestParameter"], parameter]}
        rule = {"@type": "PermissionReport", "activationState": "report:Active", "controlState": state}
        report = {"ruleReport": [rule]}
        code, case = outcome(run, suite(policy=policy, request=asked, report=report))
        assert (code, case["differences"]) == (0, [])
        assert case["repairs"] == ["@id 1000 xsd:integer"]


def test_a_party_with_a_digit_too_many_has_two_outcomes(run: Any, suite: Any) -> None:
    folder = suite(request=changed(REQUEST, ex_billie="ex:billie1"))
    code, case = outcome(run, folder)
    assert (code, case["activation"], case["premises"], case["repaired"]) == (1, False, False, True)
    assert case["repairs"] == ["https://example.org/billie1 -> https://example.org/billie"]
    _, text, _ = run("policy", "suite", folder, "--format", "w3c")
    assert "0 of 1 activation, 0 of 1 with premises" in text
    assert "1 of 1 if known mistakes of the suite are read as they are meant" in text


def test_a_party_that_the_policy_does_not_know_is_no_typo(run: Any, suite: Any) -> None:
    code, case = outcome(run, suite(request=changed(REQUEST, ex_billie="ex:charlie")))
    assert (code, case["repaired"]) == (1, False)


@pytest.mark.parametrize(
    ("amount", "active", "duty"),
    [("5.00", "Active", "Fulfilled"), ("4.00", "Inactive", "NonSet"), (None, "Inactive", "NotSet")],
)
def test_a_payment_in_the_state_fulfils_the_duty(
    run: Any, suite: Any, amount: str | None, active: str, duty: str
) -> None:
    policy = json.loads(json.dumps(POLICY))
    policy["permission"][0]["duty"] = [{"uid": "ex:fee", **COMPENSATE}]
    state = None
    if amount:
        payment = {"@type": "pay:Payment", "payAmount": amount, "currency": "EUR", "conditionId": "ex:fee"}
        state = {
            "@context": {"ex": "https://example.org/", "pay": "https://example.org/pay#"},
            "contextItem": [payment],
        }
    report = {
        "ruleReport": [
            {
                "@type": "PermissionReport",
                "activationState": active,
                "conditionReport": [{"@type": "DutyReport", "deonticState": f"report:{duty}"}],
            }
        ]
    }
    code, case = outcome(run, suite(policy=policy, state=state, report=report))
    assert (case["differences"], code) == ([], 0)


def test_a_repair_excuses_no_wrong_premise(run: Any, suite: Any) -> None:
    report = json.loads(json.dumps(REPORT))
    report["ruleReport"][0]["premiseReport"][1]["satisfactionState"] = "report:Unsatisfied"
    code, case = outcome(run, suite(policy={**POLICY, "remark": "hello"}, report=report))
    assert (code, case["activation"], case["premises"]) == (1, True, False)


def test_a_member_that_no_context_explains_is_left_out_and_told(run: Any, suite: Any) -> None:
    code, case = outcome(run, suite(policy={**POLICY, "remark": "hello"}))
    assert (code, case["repairs"]) == (0, ["@context remark"])


@pytest.mark.parametrize("part", ["policy A", "evaluation request", "compliancereport"])
def test_a_case_that_cannot_be_read_is_no_agreement(run: Any, suite: Any, part: str) -> None:
    folder = suite()
    next(folder.rglob(f"{part}.json")).write_text("{")
    code, _, error = run("policy", "suite", folder, "--format", "w3c")
    assert (code, "cannot be read" in error) == (1, True)
