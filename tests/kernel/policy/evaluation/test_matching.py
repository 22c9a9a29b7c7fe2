"""What a rule is about: collections, refinements and actions, for permissions and for prohibitions."""

from typing import Any

import pytest
from msgspec.structs import replace

from connector.kernel.policy.evaluation.checks import ACCESS, Scope
from connector.kernel.policy.evaluation.decision import Counter
from connector.kernel.policy.evaluation.matching import Doing
from connector.kernel.policy.evaluation.program import Mode, compile
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Fact, World
from tests.kernel.policy.rich import first
from tests.kernel.policy.worlds import CLOSURE, FROM, KIND, NOW, ODD, PURPOSE, TOWN, UNTIL, H, O

COUNTY = {H + "participantKind": Fact(frozenset({H + "county"}), "verified-credential")}
FIRM = {H + "participantKind": Fact(frozenset({H + "company"}), "verified-credential")}
ASKER = World(
    now=NOW, participant=TOWN, target="urn:trees", facts=COUNTY, purpose_source="contractual", closure=CLOSURE
)
TOWNS = {"parties": frozenset({"urn:towns"})}


def parties(**members: Any) -> dict[str, Any]:
    return {"@type": "PartyCollection", **members}


def assets(**members: Any) -> dict[str, Any]:
    return {"@type": "AssetCollection", **members}


def answers(members: dict[str, Any], changes: dict[str, Any]) -> tuple[bool, bool]:
    """Whether a permission about this grants, and whether a prohibition about it forbids."""
    world = replace(ASKER, **changes)
    granted = compile(parse({"permission": [{"action": "use"} | members]}))
    refused = {"permission": [{"action": "use"}], "prohibition": [{"action": "use"} | members]}
    forbidden = compile(parse(refused | {"odrl:conflict": "odrl:prohibit"}))
    for program in (granted, forbidden):
        assert program.verdict(world, "access").permit is program.examine(world, "access").permit
    return granted.verdict(world, "access").permit, not forbidden.verdict(world, "access").permit


YES, NO, UNKNOWN = (True, True), (False, False), (False, True)


@pytest.mark.parametrize(
    ("members", "changes", "expected"),
    [
        ({"assignee": TOWN}, {}, YES),
        ({"assignee": "did:web:other"}, {}, NO),
        ({"assignee": ["did:web:other", TOWN]}, {}, YES),
        ({"assignee": "urn:towns"}, {}, UNKNOWN),
        ({"assignee": "urn:towns"}, TOWNS, YES),
        ({"assignee": parties(source="urn:towns")}, {}, UNKNOWN),
        ({"assignee": parties(source="urn:towns")}, TOWNS, YES),
        ({"assignee": parties(source="urn:towns", refinement=[KIND])}, TOWNS, YES),
        ({"assignee": parties(source="urn:towns", refinement=[KIND])}, TOWNS | {"facts": FIRM}, NO),
        ({"assignee": parties(source="urn:towns", refinement=[KIND])}, TOWNS | {"facts": {}}, UNKNOWN),
        ({"assignee": parties(source="urn:towns", refinement=[ODD])}, TOWNS, UNKNOWN),
        ({"assignee": parties(source="urn:towns", refinement=[ODD])}, {}, UNKNOWN),
        ({"assignee": parties()}, TOWNS, UNKNOWN),
        ({"assignee": parties(source="urn:towns") | {"ex:but": "x"}}, TOWNS, UNKNOWN),
        ({"assignee": [parties(), TOWN]}, {}, YES),
        ({"assignee": [parties(), "did:web:other"]}, {}, UNKNOWN),
        ({"target": "urn:trees"}, {}, YES),
        ({"target": "urn:trees"}, {"target": "urn:graves"}, NO),
        ({"target": "urn:trees"}, {"target": ""}, UNKNOWN),
        ({"target": "urn:greens"}, {"assets": frozenset({"urn:greens"})}, YES),
        ({"target": assets(source="urn:greens")}, {"assets": frozenset({"urn:greens"})}, YES),
        ({"target": assets(source="urn:greens")}, {}, UNKNOWN),
        ({"target": assets(source="urn:greens")}, {"target": ""}, UNKNOWN),
        ({"action": {"value": "use", "refinement": [KIND]}}, {}, YES),
        ({"action": {"value": "use", "refinement": [KIND]}}, {"facts": FIRM}, NO),
        ({"action": {"value": "use", "refinement": [KIND]}}, {"facts": {}}, UNKNOWN),
        ({"action": {"value": "use", "refinement": [KIND, ODD]}}, {"facts": FIRM}, NO),
        ({"action": {"value": "use", "refinement": [PURPOSE]}}, {}, UNKNOWN),
        ({"action": {"value": "use", "refinement": [{"or": [KIND, FROM]}]}}, {}, YES),
        ({"action": {"value": "use", "refinement": [UNTIL, FROM]}}, {}, NO),
        ({"action": {"value": "use", "ex:how": "x"}}, {}, UNKNOWN),
        ({"action": "odrl:distribute"}, {}, NO),
        ({"action": "ex:fly"}, {}, UNKNOWN),
        ({"ex:unless": "x"}, {}, UNKNOWN),
    ],
    ids=str,
)
def test_unknown_matches_no_permission_and_every_prohibition(
    members: dict[str, Any], changes: dict[str, Any], expected: tuple[bool, bool]
) -> None:
    """>> a rule about this, asked for use  << (a permission grants, a prohibition forbids)."""
    assert answers(members, changes) == expected


@pytest.mark.parametrize(
    "members",
    [{"assignee": "urn:towns"}, {"assignee": parties(source="urn:towns")}, {"target": assets(source="urn:greens")}],
)
def test_only_where_every_membership_is_known_its_absence_is_a_no(members: dict[str, Any]) -> None:
    """Nobody looks memberships up yet: a prohibition for a collection holds for all, unless a suite states them all."""
    refused = {"permission": [{"action": "use"}], "prohibition": [{"action": "use"} | members]}
    document = parse(refused | {"odrl:conflict": "odrl:prohibit"})
    assert not compile(document).verdict(ASKER, "access").permit
    assert compile(document, mode=Mode(members_known=True)).verdict(ASKER, "access").permit


def test_a_count_that_refines_a_collection_is_counted() -> None:
    """>> use for the greens, at most once << the counter goes up with the permit; the second use is refused."""
    once = {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "1"}
    rule = {"action": "use", "target": assets(source="urn:greens", refinement=[once])}
    program = compile(parse({"permission": [rule]}))
    world = replace(ASKER, assets=frozenset({"urn:greens"}), uses={"": 1})
    assert program.verdict(world, "access").counters == (Counter("count", ""),)
    assert not program.verdict(replace(world, uses={"": 2}), "access").permit


@pytest.mark.parametrize(
    ("forbidden", "asked", "permit"),
    [
        ("odrl:distribute", "use", True),
        ("odrl:distribute", "odrl:distribute", False),
        ("use", "odrl:distribute", False),
        ("odrl:transfer", "odrl:sell", False),
        ("odrl:sell", "odrl:transfer", False),
        ("odrl:play", "odrl:display", False),
    ],
)
def test_a_prohibition_covers_what_its_action_includes(forbidden: str, asked: str, permit: bool) -> None:
    """Downwards only: who may not distribute may still use. (Nobody may transfer, because only use is permitted.)"""
    document = {"permission": [{"action": "use"}], "prohibition": [{"action": forbidden}]}
    world = replace(ASKER, action=asked.replace("odrl:", O) if ":" in asked else O + asked)
    assert compile(parse(document | {"odrl:conflict": "odrl:prohibit"})).verdict(world, "access").permit is permit


@pytest.mark.parametrize(
    ("members", "changes", "permit"),
    [
        ({"assignee": TOWN}, {}, True),
        ({"assignee": "did:web:other"}, {}, False),
        ({"assignee": "urn:towns"}, {}, False),
        ({"assignee": "urn:towns"}, TOWNS, True),
        ({"target": "urn:greens"}, {"assets": frozenset({"urn:greens"})}, True),
        ({"target": "urn:graves"}, {}, False),
        ({"target": "urn:graves"}, {"target": ""}, True),
    ],
)
def test_the_party_and_the_asset_of_the_whole_policy(
    members: dict[str, Any], changes: dict[str, Any], permit: bool
) -> None:
    """An agreement of others is none of ours; an asset is not compared while none is named."""
    program = compile(parse({"permission": [{"action": "use"}]} | members))
    world = replace(ASKER, **changes)
    assert program.verdict(world, "access").permit is program.examine(world, "access").permit is permit


def test_the_step_of_a_refined_action_is_that_of_the_request() -> None:
    """>> the same policy asked by a county and by a company in turn  << each time the answer to this asker."""
    refined = {"action": {"value": "use", "refinement": [KIND]}}
    program = compile(parse({"permission": [refined], "prohibition": [refined], "odrl:conflict": "odrl:prohibit"}))
    for facts, state in ((COUNTY, "yes"), (FIRM, "no"), (COUNTY, "yes")):
        tree = program.examine(replace(ASKER, facts=facts), "access").tree
        actions = [step for rule in tree.children for step in rule.children if step.kind == "action"]
        assert [step.state for step in actions] == [state, state]


def test_only_steps_of_known_actions_are_kept() -> None:
    """>> asked for the same action twice  << the same step again; a name that a peer made up is not remembered."""
    doing = Doing(first({"permission": [{"action": "use"}]}), Scope(BUILT_IN, ACCESS))
    assert doing.show(ASKER, O + "use") is doing.show(ASKER, O + "use")
    assert doing.show(ASKER, "") is doing.show(ASKER, "")
    assert doing.show(ASKER, "ex:fly") is not doing.show(ASKER, "ex:fly")


@pytest.mark.parametrize(
    "members",
    [
        {"assignee": parties(source="urn:towns", refinement=[PURPOSE])},
        {"assignee": ["did:web:other", "urn:towns"], "constraint": []},
    ],
)
def test_neither_an_agreed_purpose_nor_a_named_party_settles_a_collection(members: dict[str, Any]) -> None:
    """>> members who declare a purpose, asked by one who declares none; a party, or a collection nobody looked up
    << unknown: no permission, and a prohibition all the same."""
    changes = TOWNS if "constraint" not in members else {}
    assert answers(members, changes) == UNKNOWN


@pytest.mark.parametrize(
    ("members", "kind", "text"),
    [
        ({"assignee": [TOWN, parties(source="urn:towns")]}, "party", TOWN),
        ({"target": ["urn:x", assets(source="urn:greens")]}, "target", "urn:trees"),
    ],
)
def test_the_step_names_who_asks_and_for_what(members: dict[str, Any], kind: str, text: str) -> None:
    """>> a rule about a party or asset and a collection  << the step and the one below it name those of the request."""
    tree = compile(parse({"permission": [{"action": "use"} | members]})).examine(ASKER, "access").tree
    step = next(step for step in tree.children[0].children if step.kind == kind)
    assert [step.text, *(below.text for below in step.children)] == [text, text]
