"""`hanse policy suite` in the FORCE layout: the official sample, and small cases that are wrong on purpose."""

from pathlib import Path
from typing import Any

import pytest

from connector.kernel.dialects.jsonld.nodes import Nodes, Ref, types
from tests.suites import force
from tests.suites.municipal.suite import write
from tests.testkit.places import ROOT

HEAD = """@prefix odrl: <http://www.w3.org/ns/odrl/2/> .
@prefix ex: <http://example.org/> .
@prefix temp: <http://example.com/request/> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix hanse: <https://w3id.org/hanse/v1#> .
@prefix report: <https://w3id.org/force/compliance-report#> .
"""
POLICY = """<urn:policy> a odrl:Set ; odrl:permission <urn:rule> .
<urn:rule> odrl:action odrl:use ; odrl:assignee ex:alice ; odrl:target ex:x ; odrl:constraint <urn:clause> .
<urn:clause> odrl:leftOperand odrl:dateTime ; odrl:operator odrl:lt ; odrl:rightOperand "2025-01-01T00:00:00Z" .
"""
REQUEST = """<urn:request> a odrl:Request ; odrl:permission <urn:asked> .
<urn:asked> odrl:assignee ex:alice ; odrl:action odrl:read ; odrl:target ex:x .
"""
SOTW = """<urn:sotw> a ex:Sotw ; ex:includes temp:currentTime .
temp:currentTime dct:issued "2024-06-01T00:00:00Z"^^xsd:dateTime .
"""
CASE = """<urn:case> a ex:TestCase ; ex:policy <urn:policy> ; ex:request <urn:request> ; ex:sotw <urn:sotw> ;
    ex:expectedReport <urn:expected> .
<urn:expected> a report:PolicyReport ; report:ruleReport <urn:reported> .
<urn:reported> a report:PermissionReport ; report:attemptState report:Attempted ; report:rule <urn:rule> ;
    report:ruleRequest <urn:asked> ; report:activationState report:Active ;
    report:premiseReport <urn:t> , <urn:p> , <urn:a> , <urn:c> .
<urn:t> a report:TargetReport ; report:satisfactionState report:Satisfied .
<urn:p> a report:PartyReport ; report:satisfactionState report:Satisfied .
<urn:a> a report:ActionReport ; report:satisfactionState report:Satisfied .
<urn:c> a report:ConstraintReport ; report:constraint <urn:clause> ; report:satisfactionState report:Satisfied .
"""


@pytest.fixture
def suite(tmp_path: Path) -> Any:
    """Writes one case; each part may be replaced."""

    def made(
        policy: str = POLICY, request: str = REQUEST, sotw: str = SOTW, case: str = CASE, name: str = "one"
    ) -> Path:
        folder = tmp_path / "suite"
        for part, text in (("policies", policy), ("requests", request), ("sotw", sotw), ("test_cases", case)):
            (folder / "data" / part).mkdir(parents=True, exist_ok=True)
            (folder / "data" / part / "one.ttl").write_text(HEAD + text)
        return folder

    return made


def test_the_official_sample(run: Any, shared: Path) -> None:
    code, text, _ = run("policy", "suite", shared / "odrl" / "force")
    assert code == 0
    assert "34 of 34 activation, 33 of 34 with premises" in text
    assert "the expected report refers to nothing 5 times" in text


@pytest.mark.long
def test_our_own_suite(run: Any) -> None:
    """>> hanse policy suite policies/suite  << all agree on activation, premises, duties and result; no defects."""
    code, value, _ = run("policy", "suite", ROOT / "policies" / "suite", "--json")
    assert [case for case in value["cases"] if not (case["premises"] and case["result"])] == []
    assert not any(case["dangling"] or case["repairs"] for case in value["cases"])
    assert (code, value["premises"], value["total"]) == (0, 526, 526)


def test_the_figures_read_the_same_in_german(run: Any, suite: Any) -> None:
    assert run("policy", "suite", suite(), "--lang", "de")[1] == "1 of 1 activation, 1 of 1 with premises\n"


def test_a_case_that_agrees(run: Any, suite: Any) -> None:
    code, value, _ = run("policy", "suite", suite(), "--json")
    assert (code, value["agrees"], value["total"], value["activation"], value["premises"]) == (0, True, 1, 1, 1)


def test_the_folder_with_the_parts_itself_may_be_named(run: Any, suite: Any) -> None:
    assert run("policy", "suite", suite() / "data")[0] == 0


def test_a_wrong_activation_is_told_and_ends_with_one(run: Any, suite: Any) -> None:
    code, text, _ = run("policy", "suite", suite(case=CASE.replace("report:Active ", "report:Inactive ")))
    assert code == 1
    assert "- urn:rule urn:asked Attempted Inactive" in text
    assert "+ urn:rule urn:asked Attempted Active" in text
    assert "0 of 1 activation, 0 of 1 with premises" in text


def test_a_wrong_premise_without_a_defect_ends_with_one(run: Any, suite: Any) -> None:
    case = CASE.replace(
        "<urn:p> a report:PartyReport ; report:satisfactionState report:Satisfied",
        "<urn:p> a report:PartyReport ; report:satisfactionState report:Unsatisfied",
    )
    code, text, _ = run("policy", "suite", suite(case=case))
    assert code == 1
    assert "1 of 1 activation, 0 of 1 with premises" in text


def test_a_dangling_reference_is_a_defect_of_the_suite_by_whatever_name(run: Any, suite: Any) -> None:
    code, text, _ = run("policy", "suite", suite(case=CASE.replace("<urn:c> a report", "<urn:elsewhere> a report")))
    assert code == 0
    assert "one: defect of the suite, the expected report refers to nothing 1 times, first to urn:c" in text
    assert "1 of 1 activation, 0 of 1 with premises" in text


def test_a_dangling_reference_excuses_no_wrong_activation(run: Any, suite: Any) -> None:
    case = CASE.replace("<urn:c> a report", "<urn:elsewhere> a report").replace("report:Active ", "report:Inactive ")
    assert run("policy", "suite", suite(case=case))[0] == 1


def test_an_expected_report_that_is_not_there_is_told(run: Any, suite: Any) -> None:
    code, value, _ = run("policy", "suite", suite(case=CASE.replace("<urn:expected> a", "<urn:other> a")), "--json")
    assert code == 1
    assert value["cases"][0]["dangling"] == ["urn:expected"]


@pytest.mark.parametrize(
    "change",
    [
        {"policy": "<urn:other> a odrl:Set ."},
        {"policy": "<urn:policy> a odrl:Set ; odrl:permission [ odrl:constraint [] ] ."},
        {"policy": "broken"},
        {"request": "<urn:request> a odrl:Request ; odrl:permission <urn:a> , <urn:b> ."},
        {"sotw": "<urn:sotw> a ex:Sotw ."},
        {"case": "broken"},
    ],
)
def test_a_case_that_cannot_be_run_counts_as_disagreement(run: Any, suite: Any, change: dict[str, str]) -> None:
    code, value, _ = run("policy", "suite", suite(**change), "--json")
    assert code == 1
    assert [bool(case["problem"] or case["differences"]) for case in value["cases"]] == [True]


@pytest.mark.parametrize(
    ("policy", "sotw", "active"),
    [
        ("odrl:assignee ex:staff", "ex:alice odrl:partOf ex:staff .", True),
        ("odrl:assignee ex:staff", "ex:alice odrl:partOf ex:team . ex:team odrl:partOf ex:staff .", True),
        ("odrl:assignee ex:staff", "ex:bob odrl:partOf ex:staff .", False),
    ],
)
def test_membership_is_followed(run: Any, suite: Any, policy: str, sotw: str, active: bool) -> None:
    rule = POLICY.replace("odrl:assignee ex:alice", policy) + "ex:staff a odrl:PartyCollection ; odrl:source ex:list ."
    state = SOTW.replace("temp:currentTime .", "temp:currentTime , ex:alice .", 1) + sotw
    _, value, _ = run("policy", "suite", suite(policy=rule, sotw=state), "--json")
    assert value["activation"] == int(active)


def test_what_the_state_of_the_world_does_not_include_is_not_known(run: Any, suite: Any) -> None:
    rule = POLICY.replace("odrl:assignee ex:alice", "odrl:assignee ex:staff") + "ex:staff a odrl:PartyCollection ."
    _, value, _ = run("policy", "suite", suite(policy=rule, sotw=SOTW + "ex:alice odrl:partOf ex:staff ."), "--json")
    assert value["activation"] == 0


@pytest.mark.parametrize(
    ("state", "active"), [("Violated", False), ("NonSet", True), ("Fulfilled", True), (None, True)]
)
def test_a_duty_stands_in_the_way_only_once_it_is_violated(
    run: Any, suite: Any, state: str | None, active: bool
) -> None:
    rule = POLICY.replace("odrl:constraint <urn:clause> .", "odrl:constraint <urn:clause> ; odrl:duty <urn:duty> .")
    rule += "<urn:duty> odrl:action odrl:compensate ."
    world = SOTW
    if state:
        world = SOTW.replace("temp:currentTime .", "temp:currentTime , <urn:r> .", 1)
        world += f"<urn:r> report:ruleReport [ a report:DutyReport ; report:rule <urn:duty> ; report:deonticState report:{state} ] ."  # noqa: E501
    _, value, _ = run("policy", "suite", suite(policy=rule, sotw=world), "--json")
    assert value["activation"] == int(active)


def test_a_rule_without_an_action_is_about_every_action_and_has_no_report_on_it(run: Any, suite: Any) -> None:
    case = CASE.replace(" , <urn:a> ,", " ,").replace("<urn:a> a report:ActionReport", "<urn:z> a report:ActionReport")
    code, value, _ = run(
        "policy", "suite", suite(policy=POLICY.replace("odrl:action odrl:use ; ", ""), case=case), "--json"
    )
    assert (code, value["premises"]) == (0, 1)


# ---- with values of our own


FACTS = """<urn:f> a hanse:Fact ; hanse:leftOperand hanse:participantKind ; hanse:value hanse:municipality ;
    hanse:source "verified-credential" .
<urn:u> a hanse:Uses ; hanse:uses 3 .
<urn:d> a hanse:Deed ; hanse:action odrl:delete ; hanse:at "2024-05-01T00:00:00Z"^^xsd:dateTime ; hanse:for <urn:owed> .
"""
OWN = CASE.replace("ex:expectedReport", 'hanse:dutyMode "classes" ; ex:expectedReport').replace(
    "a report:PolicyReport ;", 'a report:PolicyReport ; hanse:result "permit" ;'
)


@pytest.fixture
def own(suite: Any) -> Any:
    def made(constraint: str, more: str = "", case: str = OWN) -> Any:
        world = SOTW.replace("temp:currentTime .", "temp:currentTime , <urn:f> , <urn:u> , <urn:d> .", 1) + FACTS
        rule = POLICY.split("<urn:clause> odrl:leftOperand")[0] + f"<urn:clause> {constraint} .\n" + more
        return suite(policy=rule, sotw=world, case=case)

    return made


@pytest.mark.parametrize(
    ("constraint", "active"),
    [
        ("odrl:leftOperand hanse:participantKind ; odrl:operator odrl:eq ; odrl:rightOperand hanse:municipality", True),
        ("odrl:leftOperand hanse:participantKind ; odrl:operator odrl:eq ; odrl:rightOperand hanse:county", False),
        ("odrl:leftOperand odrl:count ; odrl:operator odrl:lteq ; odrl:rightOperand 3", True),
        ("odrl:leftOperand odrl:count ; odrl:operator odrl:lt ; odrl:rightOperand 3", False),
        ("odrl:leftOperand odrl:purpose ; odrl:operator odrl:eq ; odrl:rightOperand hanse:research", False),
    ],
)
def test_values_of_the_world_are_read_by_the_type_of_the_operand(
    run: Any, own: Any, constraint: str, active: bool
) -> None:
    code, value, _ = run("policy", "suite", own(constraint), "--json")
    assert (value["activation"], value["cases"][0]["result"], code) == (int(active), active, 0 if active else 1)


def test_a_wrong_result_is_a_disagreement_though_every_rule_agrees(run: Any, own: Any) -> None:
    clause = "odrl:leftOperand odrl:count ; odrl:operator odrl:lteq ; odrl:rightOperand 3"
    code, text, _ = run("policy", "suite", own(clause, case=OWN.replace('"permit"', '"deny"')))
    assert code == 1
    assert "- result deny" in text


def test_what_was_done_fulfils_an_obligation(run: Any, own: Any) -> None:
    clause = "odrl:leftOperand odrl:count ; odrl:operator odrl:lteq ; odrl:rightOperand 3"
    owed = "<urn:policy> odrl:obligation <urn:owed> . <urn:owed> odrl:action odrl:delete ."
    told = "report:ruleReport <urn:o> , <urn:reported> .\n<urn:o> a report:DutyReport ; report:rule <urn:owed> ;"
    told += " report:ruleRequest <urn:asked> ; report:attemptState report:Attempted ; report:deonticState report:{};"
    told += " report:activationState report:Active ."
    good = OWN.replace("report:ruleReport <urn:reported> .", told.format("Fulfilled "))
    bad = OWN.replace("report:ruleReport <urn:reported> .", told.format("NonSet "))
    assert run("policy", "suite", own(clause, owed, good))[0] == 0
    assert run("policy", "suite", own(clause, owed, bad))[0] == 1


# ---- as others write it


def test_states_in_other_spellings_are_the_same_states(run: Any, suite: Any) -> None:
    case = CASE.replace("report:Attempted", "report:attempted").replace("report:Active ", "report:ACTIVE ")
    assert run("policy", "suite", suite(case=case))[0] == 0
    late = SOTW.replace("2024", "2026")
    for unsatisfied in ("Unsatisfied", "unsatisfied", "Not-Satisfied", "NotSatisfied"):
        told = case.replace("report:ACTIVE ", "report:Not-Active ")
        told = told.replace(
            "report:constraint <urn:clause> ; report:satisfactionState report:Satisfied",
            f"report:constraint <urn:clause> ; report:satisfactionState report:{unsatisfied}",
        )
        assert run("policy", "suite", suite(sotw=late, case=told))[0] == 0, unsatisfied


@pytest.mark.parametrize("spelling", ["Violated", "violated", "VIOLATED"])
def test_a_reported_state_of_a_duty_may_be_spelled_otherwise(run: Any, suite: Any, spelling: str) -> None:
    rule = POLICY.replace("odrl:constraint <urn:clause> .", "odrl:constraint <urn:clause> ; odrl:duty <urn:duty> .")
    world = SOTW.replace("temp:currentTime .", "temp:currentTime , <urn:r> .", 1)
    world += f"<urn:r> report:ruleReport [ a report:DutyReport ; report:rule <urn:duty> ; report:deonticState report:{spelling} ] ."  # noqa: E501
    _, value, _ = run("policy", "suite", suite(policy=rule + "<urn:duty> odrl:action odrl:pay .", sotw=world), "--json")
    assert value["activation"] == 0


def test_an_evaluation_request_says_by_parameters_what_a_policy_asks_for(run: Any, suite: Any) -> None:
    """Features go by names of the suite, the time may be one of them, and reports name the request itself."""
    rule = POLICY.split("<urn:clause> odrl:leftOperand")[0]
    rule += "<urn:clause> odrl:leftOperand odrl:deliveryChannel ; odrl:operator odrl:eq ; odrl:rightOperand ex:portal ."
    asked = """@prefix sotw: <https://w3id.org/force/sotw#> .
        <urn:request> a sotw:EvaluationRequest ; sotw:requestedAction odrl:read ; sotw:requestingParty ex:alice ;
        sotw:requestedTarget ex:x ; sotw:requestParameter [ a sotw:RequestParameter ;
        sotw:describesFeature sotw:TemporalData ; sotw:value "2024-06-01T00:00:00Z"^^xsd:dateTime ] ,
        [ a sotw:RequestParameter ; sotw:describesFeature sotw:DeliveryChannel ; sotw:value ex:%s ] ."""
    case = CASE.replace("ruleRequest <urn:asked>", "ruleRequest <urn:request>")
    empty = "<urn:sotw> a ex:Sotw ."
    assert run("policy", "suite", suite(policy=rule, request=asked % "portal", sotw=empty, case=case))[0] == 0
    _, value, _ = run("policy", "suite", suite(policy=rule, request=asked % "fax", sotw=empty, case=case), "--json")
    assert value["activation"] == 0


@pytest.mark.parametrize(
    ("right", "said", "active"),
    [
        ('"7"^^xsd:integer', '"7.0"', True),
        ('"7"', '"8"', False),
        ('"2024-01-01T00:00:00Z"', '"2024-01-01T01:00:00+01:00"', True),
        ('"blau"', '"blau"', True),
        ("ex:blue", "ex:red", False),
    ],
)
def test_an_operand_that_nobody_registered_means_itself(
    run: Any, suite: Any, right: str, said: str, active: bool
) -> None:
    rule = POLICY.split("<urn:clause> odrl:leftOperand")[0]
    rule += f"<urn:clause> odrl:leftOperand ex:mood ; odrl:operator odrl:eq ; odrl:rightOperand {right} ."
    world = SOTW.replace("temp:currentTime .", "temp:currentTime , <urn:f> .", 1)
    world += f"<urn:f> a hanse:Fact ; hanse:leftOperand ex:mood ; hanse:value {said} ."
    _, value, _ = run("policy", "suite", suite(policy=rule, sotw=world), "--json")
    assert value["activation"] == int(active)
    _, value, _ = run("policy", "suite", suite(policy=rule), "--json")
    assert value["activation"] == 0


def test_a_suite_of_ours_stays_as_strict_as_the_product(run: Any, own: Any) -> None:
    clause = 'odrl:leftOperand ex:mood ; odrl:operator odrl:eq ; odrl:rightOperand "blau"'
    place = own(clause, case=OWN)
    world = next(place.rglob("sotw/one.ttl"))
    world.write_text(
        world.read_text().replace(
            "hanse:participantKind ; hanse:value hanse:municipality", "ex:mood ; hanse:value 'blau'"
        )
    )
    _, value, _ = run("policy", "suite", place, "--json")
    assert value["activation"] == 0


@pytest.mark.parametrize(
    ("rule", "asked", "more", "active"),
    [
        ("ex:dream", "ex:dream", "", True),
        ("ex:dream", "ex:wake", "", False),
        ("odrl:use", "ex:dream", "", False),
        ("odrl:use", "ex:dream", "ex:dream odrl:includedIn odrl:play .", True),
        ("ex:rest", "ex:dream", "ex:dream odrl:includedIn ex:rest .", True),
    ],
)
def test_an_action_of_the_suite_means_itself_and_what_its_graph_includes_in_it(
    run: Any, suite: Any, rule: str, asked: str, more: str, active: bool
) -> None:
    policy = POLICY.replace("odrl:action odrl:use", f"odrl:action {rule}") + more
    request = REQUEST.replace("odrl:read", asked)
    _, value, _ = run("policy", "suite", suite(policy=policy, request=request), "--json")
    assert value["activation"] == int(active)


def test_a_profile_is_known_if_the_caller_says_so(run: Any, suite: Any) -> None:
    place = suite(policy=POLICY.replace("odrl:permission", "odrl:profile ex:profile ; odrl:permission"))
    code, text, _ = run("policy", "suite", place)
    assert code == 0  # a report is about rules: what voids the whole policy is no state of a rule
    assert "The profile http://example.org/profile is not known here" in text
    code, text, _ = run("policy", "suite", place, "--profile", "urn:other", "--profile", "http://example.org/profile")
    assert (code, "is not known here" in text) == (0, False)


# ---- our own reports


def unreached(root: str, nodes: Nodes) -> set[str]:
    """The nodes to which no way leads from the PolicyReport."""
    waiting, seen = [root], set[str]()
    while waiting:
        if (name := waiting.pop()) not in seen and name in nodes:
            seen.add(name)
            waiting += [value.id for values in nodes[name].values() for value in values if isinstance(value, Ref)]
    return nodes.keys() - seen


@pytest.mark.parametrize("stride", [8, pytest.param(1, marks=pytest.mark.long)])
def test_every_node_of_a_report_is_reached_from_its_policy_report(suite: Any, tmp_path: Path, stride: int) -> None:
    """>> a rule without an action, and municipal cases (`long`: all)  << no report that belongs to nothing."""
    silent = suite(policy=POLICY.replace("odrl:action odrl:use ; ", ""))
    write(tmp_path / "municipal", stride)
    for case in (*force.cases(silent), *force.cases(tmp_path / "municipal")):
        assert unreached(*force.reported(case)) == set(), case.name
    (case,) = force.cases(silent)
    kinds = {kind.rpartition("#")[2] for members in force.reported(case)[1].values() for kind in types(members)}
    assert kinds == {"PolicyReport", "PermissionReport", "PartyReport", "TargetReport", "ConstraintReport"}


def test_every_node_of_our_reports_on_the_official_sample_is_reached(shared: Path) -> None:
    cases = list(force.cases(shared / "odrl" / "force"))
    assert len(cases) == 34
    for case in cases:
        root, nodes = force.reported(case)
        assert unreached(root, nodes) == set(), case.name
