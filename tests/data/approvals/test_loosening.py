"""What loosens a rule of approval waits for whom it asked until now; what tightens one holds at once."""

import asyncio
from itertools import product
from typing import Any

import pytest

from connector.data.approvals.decide import NotYours
from connector.data.approvals.loosening import required
from connector.data.approvals.model import PEOPLE, ApprovalRule, PendingChange, Voter
from connector.data.approvals.publications import NewDataset
from connector.data.catalogue.service import Publication
from connector.foundation.errors import Mistake, Unknown
from tests.testkit.towns import Towns

TOWN = "musterstadt"
RITA, BEA = Voter("p-aaaaaa", frozenset({"admin"})), Voter("p-bbbbbb", frozenset({"admin"}))
CARL, ANNA = Voter("p-cccccc", frozenset({"protection"})), Voter("p-dddddd", frozenset({"steward"}))
PAULA, VERA = Voter("p-eeeeee", frozenset({"publisher"})), Voter("p-ffffff", frozenset({"admin", "protection"}))

pytestmark = pytest.mark.threat("T145")


def rule(**more: Any) -> ApprovalRule:
    base: dict[str, Any] = {"subject": "publication", "template": "", "people": "two", "protection": False, "days": 14}
    return ApprovalRule(**{**base, **more})


@pytest.fixture
async def town(towns: Towns) -> Towns:
    towns.people.roles = {one.who: set(one.roles) for one in (RITA, BEA, CARL, ANNA, PAULA)}
    return towns


async def put(towns: Towns, by: Voter = RITA, **more: Any) -> bool:
    return await towns.db.write(TOWN, towns.approvals.rules.put, TOWN, rule(**more), by.who)


async def drop(towns: Towns, template: str = "", by: Voter = RITA) -> bool:
    return await towns.db.write(TOWN, towns.approvals.rules.drop, TOWN, "publication", template, by.who)


async def waits(towns: Towns) -> list[PendingChange]:
    return await towns.db.read(TOWN, towns.approvals.rules.pending, TOWN)


async def agree(towns: Towns, who: Voter) -> bool:
    (one,) = await waits(towns)
    return await towns.db.write(TOWN, towns.approvals.rules.agree, TOWN, one.proposal.id, who)


async def holds(towns: Towns, template: str = "") -> tuple[str, bool, int]:
    found = await towns.db.read(TOWN, towns.approvals.rules.of, TOWN, "publication", template)
    return found.people, found.protection, found.days


@pytest.mark.on_both
@pytest.mark.parametrize("way", ["fewer people", "dropped", "longer", "exception for a template"])
async def test_bug_one_admin_loosened_a_rule_alone(town: Towns, way: str) -> None:
    """>> two people for publications; one admin asks for less << it holds as before, and the gate too, until another
    admin agrees; neither she herself nor a steward can."""
    assert await put(town)
    steps: dict[str, Any] = {
        "fewer people": lambda: put(town, people="none"),
        "dropped": lambda: drop(town),
        "longer": lambda: put(town, days=90),
        "exception for a template": lambda: put(town, template="municipal-purpose", people="none"),
    }
    assert not await steps[way]()
    assert await holds(town, "municipal-purpose") == ("two", False, 14)
    for who in (RITA, ANNA, CARL, Voter("", RITA.roles)):
        with pytest.raises(NotYours):
            await agree(town, who)
    assert await holds(town, "municipal-purpose") == ("two", False, 14)
    assert await agree(town, BEA)
    assert await holds(town, "municipal-purpose") != ("two", False, 14)
    assert await waits(town) == []


@pytest.mark.on_both
async def test_bug_one_admin_took_data_protection_out_of_a_rule(town: Towns) -> None:
    """>> a rule that asks for data protection, lifted; fewer people besides << data protection agrees, another admin
    alone does not; for fewer people both have to, and one person of both roles is one pair of eyes."""
    await put(town, protection=True)
    assert not await put(town)
    with pytest.raises(NotYours, match=r"approvals\.rule-change-role"):
        await agree(town, BEA)
    assert await agree(town, CARL)
    assert await put(town, protection=True)
    assert not await put(town, people="none")
    town.people.roles[VERA.who] = set(VERA.roles)
    assert not await agree(town, VERA)
    with pytest.raises(NotYours, match=r"approvals\.one-voice"):
        await agree(town, VERA)
    assert await holds(town) == ("two", True, 14)
    assert await agree(town, BEA)
    assert await holds(town) == ("none", False, 14)


async def test_what_tightens_holds_at_once_and_ends_what_waits(town: Towns) -> None:
    """>> a loosening waits; the rule is tightened, or that for all << nothing waits any more: it was about another."""
    await put(town)
    await put(town, template="research", protection=True)
    await put(town, template="research", people="one", protection=True)
    assert len(await waits(town)) == 1
    assert await put(town, protection=True, days=7)
    assert await waits(town) == []
    assert await holds(town) == ("two", True, 7)
    await put(town, template="research", people="none")
    assert await put(town, template="research", protection=True, days=3)
    assert await waits(town) == []


@pytest.mark.on_both
async def test_a_change_ends_with_the_role_of_whoever_proposed_it_or_agreed(town: Towns) -> None:
    """>> the proposer is no admin any more; whoever agreed first has lost her role << no change; others agree."""
    await put(town, protection=True)
    await put(town, people="none", protection=False)
    (one,) = await waits(town)
    assert not await agree(town, BEA)
    town.people.roles[BEA.who] = set()
    assert not await agree(town, CARL)
    town.people.roles[RITA.who] = set()
    assert await waits(town) == []
    with pytest.raises(Unknown):
        await town.db.write(TOWN, town.approvals.rules.agree, TOWN, one.proposal.id, CARL)
    assert await holds(town) == ("two", True, 14)


async def test_a_change_is_refused_or_taken_back(town: Towns) -> None:
    """>> refused by another admin, by data protection, taken back << nothing waits; a steward refuses nothing."""
    await put(town)
    for who in (BEA, CARL, RITA):
        await put(town, people="none")
        (one,) = await waits(town)
        with pytest.raises(NotYours):
            await town.db.write(TOWN, town.approvals.rules.refuse, TOWN, one.proposal.id, ANNA)
        await town.db.write(TOWN, town.approvals.rules.refuse, TOWN, one.proposal.id, who)
        assert await waits(town) == []
        with pytest.raises(Unknown):
            await town.db.write(TOWN, town.approvals.rules.agree, TOWN, one.proposal.id, BEA)
    assert await holds(town) == ("two", False, 14)


async def test_a_yes_is_for_the_change_that_was_shown(town: Towns) -> None:
    """>> a change is shown, its proposer proposes another << the yes to the first counts for nothing."""
    await put(town)
    await put(town, days=15)
    (shown,) = await waits(town)
    await put(town, people="none")
    with pytest.raises(Unknown):
        await town.db.write(TOWN, town.approvals.rules.agree, TOWN, shown.proposal.id, BEA)
    assert await holds(town) == ("two", False, 14)


@pytest.mark.on_both
async def test_two_at_once_loosen_nothing_alone(town: Towns) -> None:
    """>> one asks for two people, another for one, at once << in either order two are asked for."""
    await asyncio.gather(put(town), put(town, BEA, people="one"))
    assert (await holds(town))[0] == "two"


@pytest.mark.on_both
async def test_bug_a_draft_from_before_a_stricter_rule_was_published_by_the_old_one(town: Towns) -> None:
    """>> a draft waits for a steward; then the rule asks for data protection << her yes publishes nothing."""
    wish = Publication(
        title="Bäume", rule="municipal-purpose", slots={"until": "31.12.2099"}, source=await town.file(TOWN)
    )
    made = await town.db.write(TOWN, town.publications.submit, TOWN, PAULA, NewDataset(wish))
    assert await put(town, people="none", protection=True)
    with pytest.raises(Mistake, match=r"approvals\.stricter"):
        await town.db.write(TOWN, town.publications.yes, TOWN, made.approval.id, ANNA)
    assert await town.db.read(TOWN, town.catalogue.own, TOWN) == []


def test_whom_a_loosening_asks_for_every_pair_of_rules() -> None:
    """>> all pairs << nobody exactly where no part asks for less; data protection wherever it was asked until now."""
    rules = [
        rule(people=people, protection=protection, days=days)
        for people, protection, days in product(PEOPLE, (False, True), (0, 7, 14))
    ]
    for before, after in product(rules, rules):
        asked = before.people != "none" or before.protection
        less = PEOPLE[after.people] < PEOPLE[before.people]
        longer = asked and (after.days or 999) > (before.days or 999)
        lifted = before.protection and not after.protection
        found = required(before, after)
        assert bool(found) == (less or longer or lifted), (before, after)
        assert ("admin" in found) == (less or longer), (before, after)
        assert ("protection" in found) == (before.protection and bool(found)), (before, after)
