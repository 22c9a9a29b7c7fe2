"""Inventories without a socket: decided for each requester, made in rounds, kept for whom the same is visible."""

from hashlib import sha256

import pytest

from connector.catalogue import inventory
from connector.catalogue.inventory import Inventory
from connector.catalogue.service import OfferWish
from connector.errors import Unknown
from connector.policy.engine import Requester
from tests.testkit.cities import COMPANY, MUNICIPALITY
from tests.testkit.towns import Towns

TOWN = "musterstadt"
NEIGHBOUR = Requester(did="did:web:localhost%3A18443:nachbardorf", kind=MUNICIPALITY)
OTHER = Requester(did="did:web:other.example", kind=MUNICIPALITY)
FIRM = Requester(did="did:web:firm.example", kind=COMPANY)


async def made(towns: Towns, requester: Requester) -> Inventory:
    """As the door makes it."""
    inventories = towns.catalogue.inventories
    survey = await towns.db.read(TOWN, inventories.begin, TOWN, requester)
    known = inventories.known(survey)
    while known is None and not survey.over:
        survey = await towns.db.read(TOWN, inventories.go_on, survey)
    return known or inventories.finish(survey)


def ids(found: Inventory) -> list[str]:
    return list(found.ids)


@pytest.mark.threat("T24")
async def test_who_sees_the_same_shares_one_and_nobody_else(towns: Towns) -> None:
    """>> one open dataset, one for municipalities << the same object for two towns, another one for the firm."""
    open_, _ = await towns.publish(TOWN)
    hidden, _ = await towns.publish(TOWN, visibility="eligible")
    neighbour, other, firm = [await made(towns, one) for one in (NEIGHBOUR, OTHER, FIRM)]
    assert neighbour is other
    assert (ids(neighbour), ids(firm)) == (sorted([open_.id, hidden.id]), [open_.id])


async def test_a_change_is_seen_at_once(towns: Towns) -> None:
    """>> a further offer, a withdrawal << another digest each time, and back to nothing."""
    dataset, _ = await towns.publish(TOWN)
    first = await made(towns, NEIGHBOUR)
    wish = OfferWish(rule="municipal-purpose", slots={"until": "30.06.2099"})
    await towns.db.write(TOWN, towns.catalogue.offer, TOWN, dataset.uuid, wish)
    second = await made(towns, NEIGHBOUR)
    assert (ids(first), first.digest != second.digest) == (ids(second), True)
    await towns.db.write(TOWN, towns.catalogue.withdraw, TOWN)
    third = await made(towns, NEIGHBOUR)
    assert (third.ids, third.digest) == ((), sha256(b"").hexdigest())


async def test_rounds_are_bounded_and_what_changed_in_between_is_not_kept(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> 5 datasets, 2 a round; one more comes after the first round << all of it listed, made anew the next time."""
    monkeypatch.setattr(inventory, "EXAMINED", 2)
    for _ in range(5):
        await towns.publish(TOWN)
    inventories = towns.catalogue.inventories
    survey = await towns.db.read(TOWN, inventories.begin, TOWN, NEIGHBOUR)
    survey = await towns.db.read(TOWN, inventories.go_on, survey)
    assert (len(survey.found), survey.over, survey.steady) == (2, False, True)
    await towns.publish(TOWN)
    while not survey.over:
        survey = await towns.db.read(TOWN, inventories.go_on, survey)
    assert (survey.steady, len(inventories.finish(survey).ids)) == (False, 6)
    assert inventories.known(survey) is None


async def test_the_least_used_are_forgotten(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> room for one << the one made last is kept."""
    await towns.publish(TOWN)
    await towns.publish(TOWN, visibility="eligible")
    monkeypatch.setattr(inventory, "KEPT_BYTES", 1_500)
    first, firm = await made(towns, NEIGHBOUR), await made(towns, FIRM)
    assert await made(towns, FIRM) is firm
    assert await made(towns, NEIGHBOUR) is not first


async def test_entries_are_those_that_may_be_seen_in_the_order_asked_for(towns: Towns) -> None:
    """>> hidden, open, unknown, open again << for the firm the open one, once; its hash is the listed one."""
    open_, _ = await towns.publish(TOWN)
    hidden, _ = await towns.publish(TOWN, visibility="eligible")
    names = [hidden.id, open_.id, "https://nowhere.example", open_.id]
    entries = towns.catalogue.inventories.entries
    told = {one.id: one.sha256 for one in (await made(towns, NEIGHBOUR)).after("")[0]}
    for requester, expected in ((FIRM, [open_.id]), (NEIGHBOUR, [hidden.id, open_.id])):
        found = await towns.db.read(TOWN, entries, TOWN, requester, names)
        assert [sha256(line).hexdigest() for line in found] == [told[name] for name in expected]


async def test_too_many_rules_are_not_judged(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> more different rules for the eligible than are judged at once << no inventory, as if there were none."""
    monkeypatch.setattr(inventory, "MOST_RULES", 1)
    for until in ("31.12.2098", "31.12.2099"):
        await towns.publish(TOWN, visibility="eligible", slots={"until": until})
    with pytest.raises(Unknown, match=r"catalogue\.inventory-large"):
        await made(towns, NEIGHBOUR)


async def test_equal_rules_are_judged_once(towns: Towns) -> None:
    """>> three offers under one rule, one under another, one withdrawn, one for all members << two rules."""
    for _ in range(3):
        await towns.publish(TOWN, visibility="eligible")
    await towns.publish(TOWN)
    await towns.publish(TOWN, visibility="eligible", slots={"until": "01.01.2099"})
    _, gone = await towns.publish(TOWN, visibility="eligible", slots={"until": "02.01.2099"})
    state = "UPDATE offer SET state = 'withdrawn' WHERE participant = :p AND id = :id"
    await towns.db.write(TOWN, lambda tx: tx.run(state, p=TOWN, id=gone.id))

    survey = await towns.db.read(TOWN, towns.catalogue.inventories.begin, TOWN, NEIGHBOUR)
    assert len(survey.permitted) == 2
