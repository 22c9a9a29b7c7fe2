"""Who could use data under a rule today: counted over the members, shown at three invented requesters."""

from typing import Any

import pytest
from msgspec.structs import replace

from connector.app.policy_engine import policy_engine
from connector.data.catalogue.audience import Audience, Audiences, audience
from connector.data.catalogue.templates.templates import fill
from connector.identity.trust.members.claims import regional_keys
from connector.identity.trust.members.roster import Member
from connector.kernel.policy.odrl.names import HANSE as H
from connector.kernel.policy.odrl.state_of_world import Fact
from tests.kernel.policy.cases import atom
from tests.kernel.policy.filled import NOW, SLOTS
from tests.testkit.members import MEMBERS, member

ENGINE = policy_engine()
GROUP = "https://space.example/groups/bergstrasse"
MIDNIGHT = 1_798_758_000_000
"""1 January 2027 in Berlin."""


def counts(found: Audience) -> dict[str, tuple[int, int]]:
    """Of each kind how many could, and could not."""
    return {one.kind.removeprefix(H): (len(one.permitted), len(one.refused)) for one in found.kinds}


def use(*constraints: object) -> dict[str, Any]:
    return {"permission": [{"action": "use", "constraint": list(constraints)}]}


def answers(found: Audience) -> list[tuple[str, str, bool]]:
    return [(one.kind.removeprefix(H), one.trait, one.outcome.permit) for one in found.examples]


def test_a_rule_for_towns_counts_towns_and_names_them() -> None:
    """>> municipalities only << 41 towns and the county by name, no firm; each example says why."""
    found = audience(ENGINE, fill("municipalities-only", {}), MEMBERS, NOW)
    assert counts(found) == {"municipality": (41, 0), "county": (1, 0), "company": (0, 1), "stateAuthority": (0, 1)}
    assert found.permitted == 42
    assert found.kinds[1].permitted[0].name == "kreis"
    assert answers(found) == [("municipality", "", True), ("company", "", False), ("university", "", False)]
    refused = found.examples[1].outcome
    assert "„Unternehmen“" in refused.reasons["de"][0]
    assert refused.helps["de"]


def test_towns_and_firms_are_counted_even_if_there_is_none() -> None:
    assert counts(audience(ENGINE, fill("no-ai-training", {}), [], NOW)) == {"municipality": (0, 0), "company": (0, 0)}


def test_where_all_three_would_have_one_answer_one_is_exchanged_for_whom_the_rule_means() -> None:
    """>> authorities of a state, a group, a named participant << one that gets it stands among the three."""
    found = audience(ENGINE, fill("state-authorities", SLOTS["state-authorities"]), MEMBERS, NOW)
    assert answers(found)[0] == ("stateAuthority", "seat", True)
    assert counts(found)["stateAuthority"] == (1, 0)
    found = audience(ENGINE, use(atom(H + "memberOf", "isAnyOf", [GROUP])), MEMBERS, NOW)
    assert answers(found)[0] == ("municipality", "group", True)
    found = audience(ENGINE, use(atom(H + "participant", "eq", "did:web:firma.example")), MEMBERS, NOW)
    assert answers(found)[0] == ("municipality", "named", True)
    assert counts(found) == {"company": (1, 0), "municipality": (0, 41), "county": (0, 1), "stateAuthority": (0, 1)}


def test_a_first_day_still_to_come_refuses_nobody_and_is_told() -> None:
    """>> a pilot from January on << everybody, a contract now, the data from then on."""
    found = audience(ENGINE, fill("pilot", {"from": "1.1.2027", "until": "31.12.2027"}), MEMBERS, NOW)
    assert (found.permitted, found.begins, found.hindrance) == (len(MEMBERS), MIDNIGHT, None)
    assert {one.outcome.begins for one in found.examples} == {MIDNIGHT}
    assert found.ends is not None
    over = audience(ENGINE, fill("pilot", {"from": "1.1.2020", "until": "31.12.2020"}), MEMBERS, NOW)
    assert over.permitted == 0
    assert over.hindrance is not None
    assert over.hindrance.fault == "past"


def test_what_is_due_before_the_data_and_the_bond_to_a_purpose_are_told() -> None:
    found = audience(ENGINE, fill("fee", SLOTS["fee"]), MEMBERS, NOW)
    assert [len(one.outcome.first) for one in found.examples] == [1, 1, 1]
    found = audience(ENGINE, fill("municipal-purpose", SLOTS["municipal-purpose"]), MEMBERS, NOW)
    assert found.examples[0].outcome.bound


@pytest.mark.parametrize("name", ["processor", "statistics", "anonymised", "disaster", "participation"])
def test_a_rule_that_waits_for_something_permits_nobody_in_numbers_and_examples(name: str) -> None:
    found = audience(ENGINE, fill(name, SLOTS[name]), [*MEMBERS, member("amt", "statisticsOffice")], NOW)
    assert found.hindrance is not None
    assert found.permitted == 0
    assert not any(permit for _, _, permit in answers(found))
    assert all(one.outcome.reasons["de"] for one in found.examples)


def test_equal_claims_are_decided_once_unless_the_rule_names_one_of_them() -> None:
    """>> two towns, one of them excluded by its DID << they differ, in either order."""
    against = {"action": "use", "constraint": atom(H + "participant", "eq", "did:web:a.example")}
    rule = {"permission": [{"action": "use"}], "prohibition": [against], "odrl:conflict": "odrl:prohibit"}
    for members in ([member("a"), member("b")], [member("b"), member("a")]):
        found = audience(ENGINE, rule, members, NOW)
        assert [one.name for one in found.kinds[0].permitted] == ["b"]


class _Space:
    """Two members, of whom one provides."""

    def members(self, now: int, own: str) -> list[Member]:
        return [member("own"), member("other")]

    def held(self, now: int, own: str) -> dict[str, frozenset[str]]:
        return {
            H + "memberOf": frozenset(),
            H + "participant": frozenset({"did:web:own.example", "did:web:other.example"}),
        }


def test_who_provides_is_not_counted_and_a_group_without_members_is_told() -> None:
    audiences = Audiences(ENGINE, _Space())
    assert counts(audiences.of(fill("municipalities-only", {}), NOW, "did:web:own.example"))["municipality"] == (1, 0)
    found = audiences.of(use(atom(H + "memberOf", "eq", GROUP)), NOW, "did:web:own.example")
    assert found.hindrance is not None
    assert found.hindrance.fault == "unheld"


def test_a_county_is_counted_by_regional_keys_and_shown_at_one_of_it() -> None:
    """>> the county 05515  << its municipality and no other one; of those invented the one that is seated there."""

    def seated(name: str, ars: str) -> Member:
        facts = ((H + "regionalKey", Fact(regional_keys(ars), "verified-credential")),)
        found = member(name)
        return replace(found, requester=replace(found.requester, facts=facts))

    inside, outside = seated("in", "055150000000"), seated("out", "055540004004")
    policy = fill("county", {"county": "05515"})
    found = audience(ENGINE, policy, [inside, outside], NOW)
    assert counts(found)["municipality"] == (1, 1)
    assert [(one.family, one.trait, one.value) for one in found.examples if one.outcome.permit] == [
        ("public", "region", "05515")
    ]
