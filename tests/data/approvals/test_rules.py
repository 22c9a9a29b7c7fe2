"""Who has to agree to what: the rule of a template before that for all, and what holds without any."""

from typing import Any

import pytest

from connector.data.approvals.model import ApprovalRule, Voter
from connector.data.approvals.rules import ApprovalRules
from connector.foundation.errors import Mistake
from tests.testkit.towns import Towns

TOWN = "musterstadt"
RITA, BEA = Voter("p-aaaaaa", frozenset({"admin"})), Voter("p-bbbbbb", frozenset({"admin"}))


def rule(**more: object) -> ApprovalRule:
    base = {"subject": "contract", "template": "", "people": "one", "protection": False, "days": 14}
    return ApprovalRule(**{**base, **more})  # type: ignore[arg-type]


async def loosened(towns: Towns, what: Any, *wish: Any) -> None:
    """Proposed by one admin, agreed to by another."""
    towns.people.roles = {RITA.who: set(RITA.roles), BEA.who: set(BEA.roles)}
    assert not await towns.db.write(TOWN, what, TOWN, *wish, RITA.who)
    (waits,) = await towns.db.read(TOWN, towns.approvals.rules.pending, TOWN)
    assert await towns.db.write(TOWN, towns.approvals.rules.agree, TOWN, waits.proposal.id, BEA)


async def test_without_rules_all_is_as_on_the_command_line(towns: Towns) -> None:
    found = await towns.db.read(TOWN, towns.approvals.rules.all, TOWN)
    assert [(one.subject, one.people, one.protection) for one in found] == [
        ("publication", "none", False),
        ("contract", "none", False),
        ("offer", "one", False),
    ]


@pytest.mark.on_both
async def test_that_of_the_template_counts(towns: Towns) -> None:
    """>> one for all, two for research << research has two; dropped, it has that for all."""
    rules: ApprovalRules = towns.approvals.rules

    async def people(template: str) -> str:
        return (await towns.db.read(TOWN, rules.of, TOWN, "contract", template)).people

    await towns.db.write(TOWN, rules.put, TOWN, rule(), "p-aaaaaa")
    await towns.db.write(TOWN, rules.put, TOWN, rule(template="research", people="two"), "p-aaaaaa")
    assert [await people("research"), await people("pilot")] == ["two", "one"]
    assert len(await towns.db.read(TOWN, rules.all, TOWN)) == 4
    await loosened(towns, rules.drop, "contract", "research")
    assert await people("research") == "one"
    logged = await towns.rows(TOWN, "SELECT record FROM audit_entry WHERE participant = :participant ORDER BY id")
    assert sum(b'"actor":"p-aaaaaa"' in bytes(row["record"]) for row in logged) == 3


@pytest.mark.threat("T93")
@pytest.mark.parametrize("template", ["processor", "statistics", "anonymised", "disaster"])
async def test_bug_one_alone_published_under_a_red_template_past_the_drafts(towns: Towns, template: str) -> None:
    """>> no rule at all, a template whose light is red << refused to one person, as drafts under it wait for data
    protection; another template beside it changes nothing; without a template nothing is published, or asked."""
    rules: ApprovalRules = towns.approvals.rules
    for under in ([template], ["open-attribution", template]):
        assert (await towns.db.read(TOWN, rules.strictest, TOWN, under)).protection
        with pytest.raises(Mistake, match=r"approvals\.needed-publication"):
            await towns.db.read(TOWN, rules.require, TOWN, under)
    for under in ([], [""], ["open-attribution", "pilot"]):
        await towns.db.read(TOWN, rules.require, TOWN, under)


async def test_a_change_is_known_and_so_is_a_rule_that_was_dropped(towns: Towns) -> None:
    rules: ApprovalRules = towns.approvals.rules
    await towns.db.write(TOWN, rules.put, TOWN, rule(), "p-aaaaaa")
    await loosened(towns, rules.drop, "contract", "")
    found = await towns.db.read(TOWN, rules.changed, TOWN, 0)
    assert [(one.subject, one.by) for one in found] == [("contract", "p-bbbbbb")]
    assert (await towns.db.read(TOWN, rules.of, TOWN, "contract", "")).people == "none"
    await towns.db.write(TOWN, rules.put, TOWN, rule(people="two"), "p-aaaaaa")
    assert (await towns.db.read(TOWN, rules.of, TOWN, "contract", "")).people == "two"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"template": "no-such"}, "policy.template-unknown"),
        ({"days": 0}, "approvals.days"),
        ({"days": 91}, "approvals.days"),
        ({"subject": "anything"}, "approvals.days"),
        ({"subject": "offer", "people": "none"}, "approvals.offer-needs-one"),
        ({"subject": "offer", "template": "research", "people": "two"}, "approvals.offer-template"),
    ],
)
async def test_what_is_no_rule(towns: Towns, more: dict[str, object], code: str) -> None:
    with pytest.raises(Mistake, match=code):
        await towns.db.write(TOWN, towns.approvals.rules.put, TOWN, rule(**more), "p-aaaaaa")
