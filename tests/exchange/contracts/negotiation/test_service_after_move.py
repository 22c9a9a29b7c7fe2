"""One side of a negotiation moves to another provider in the middle of it: it is agreed on both sides, or over on both.

Every step of a whole negotiation, and either side; nothing hangs, nothing is agreed twice.
"""

from itertools import product
from typing import Any

import pytest

from connector.exchange.delivery.messages import TRIES_4XX
from connector.kernel.protocol.negotiation import State
from tests.fuzz.effort import one_in
from tests.testkit.moved import Move, move_town, name_town
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"
STEPS = range(7)
"""Messages that are delivered before the move; after the last nothing is left to say."""


async def cases(towns: Towns, slug: str) -> list[dict[str, Any]]:
    sql = "SELECT id, state, counterparty, reason FROM negotiation WHERE participant = :participant"
    return await towns.rows(slug, sql)


async def in_force(towns: Towns, slug: str) -> list[str]:
    sql = "SELECT state FROM agreement WHERE participant = :participant AND state <> 'terminated'"
    return [row["state"] for row in await towns.rows(slug, sql)]


async def settled(towns: Towns) -> None:
    """Long enough for every message that is refused a few times before that counts."""
    for _ in range(TRIES_4XX + 1):
        await towns.hurry()


async def left(towns: Towns) -> list[dict[str, Any]]:
    return await towns.rows(CONSUMER, "SELECT id FROM outbox WHERE done_at IS NULL")


async def asked(towns: Towns, steps: int) -> None:
    made = await towns.publish(PROVIDER)
    await towns.ask(CONSUMER, PROVIDER, made)
    await towns.run(steps)


@pytest.mark.on_both
@pytest.mark.parametrize(("mover", "steps"), one_in(2, product([CONSUMER, PROVIDER], STEPS)))
async def test_moved_in_the_middle(towns: Towns, mover: str, steps: int) -> None:
    """>> so many messages, then one of both moves << the same end on both sides, once, with a reason if it is none."""
    await asked(towns, steps)
    await move_town(towns, mover)
    await settled(towns)
    both = [await cases(towns, slug) for slug in (CONSUMER, PROVIDER)]
    assert [len(found) for found in both] == [1, 1] if steps else len(both[0]) == 1
    states = {found[0]["state"] for found in both if found}
    assert states in ({State.FINALIZED}, {State.TERMINATED})
    agreements = [await in_force(towns, slug) for slug in (CONSUMER, PROVIDER)]
    assert agreements == ([["finalized"]] * 2 if states == {State.FINALIZED} else [[], []])
    if states == {State.TERMINATED}:
        assert all("umgezogen" in found[0]["reason"] for found in both if found)
    assert await left(towns) == []


@pytest.mark.parametrize("mover", [CONSUMER, PROVIDER])
async def test_what_both_have_sealed_stays(towns: Towns, mover: str) -> None:
    """>> both have sealed, the consumer waits and the provider is about to say FINALIZED; one of them moves << it is
    finalized on both sides: nobody ends what the other may hold already."""
    await asked(towns, 3)
    assert [(await cases(towns, slug))[0]["state"] for slug in (CONSUMER, PROVIDER)] == ["VERIFIED", "FINALIZED"]
    assert [await in_force(towns, slug) for slug in (CONSUMER, PROVIDER)] == [["signed"], ["finalized"]]
    await move_town(towns, mover)
    await settled(towns)
    for slug in (CONSUMER, PROVIDER):
        assert [found["state"] for found in await cases(towns, slug)] == [State.FINALIZED]
        assert [found["reason"] for found in await cases(towns, slug)] == [None]
        assert await in_force(towns, slug) == ["finalized"]


@pytest.mark.on_both
async def test_what_is_agreed_with_a_provider_that_has_just_moved_names_its_new_did(towns: Towns) -> None:
    """>> the request was written for the old DID, and reaches the new one << an agreement with the new one, on both."""
    await asked(towns, 0)
    moved = await move_town(towns, PROVIDER)
    await towns.run()
    for slug in (CONSUMER, PROVIDER):
        (row,) = await towns.rows(slug, "SELECT id FROM agreement WHERE participant = :participant")
        assert (await towns.agreement(slug, row["id"])).policy["assigner"] == moved.new
    assert (await cases(towns, CONSUMER))[0]["counterparty"] == moved.new


async def test_a_first_request_that_is_sent_again_under_the_new_did_is_the_same(towns: Towns) -> None:
    """>> the provider took the request, its answer got lost; the consumer moved and says it again << one."""
    made = await towns.publish(PROVIDER)
    towns.late_acks = True
    case = await towns.ask(CONSUMER, PROVIDER, made)
    await towns.run(1)
    message = {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "@type": "ContractRequestMessage",
        "@id": "urn:uuid:again",
        "consumerPid": case.id,
        "offer": case.policy,
        "callbackAddress": towns.partner(CONSUMER).base,
    }
    await move_town(towns, CONSUMER)
    url = f"{towns.partner(PROVIDER).base}/negotiations/request"
    await towns.receive(CONSUMER, towns.did(PROVIDER), url, message)
    assert len(await cases(towns, PROVIDER)) == 1


@pytest.mark.threat("T117")
async def test_before_the_list_says_so_nobody_goes_on_with_it(towns: Towns) -> None:
    """>> moved, and the list does not know << the peer knows no such negotiation; it says so later << the end."""
    await asked(towns, 1)
    moved: Move = await move_town(towns, CONSUMER, listed=False)
    assert [found["state"] for found in await cases(towns, PROVIDER)] != [State.TERMINATED]
    name_town(towns, moved.old, moved.new)
    await settled(towns)
    assert [found["state"] for found in await cases(towns, PROVIDER)] == [State.TERMINATED]
