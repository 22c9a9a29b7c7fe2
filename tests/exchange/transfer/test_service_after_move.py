"""One side of a running transfer moves to another provider: the other is told the new address, and it goes on.

For data that is fetched and data that is sent, and for either side; nothing is doubled, and no third party gets in.
"""

import json
from typing import Any

import pytest

from connector.data.dataplane import flows
from connector.exchange.transfer.model import Mode, TransferRow
from connector.foundation.errors import Unknown
from connector.kernel.policy.engine import Requester
from connector.kernel.protocol.transfer import State
from tests.testkit.cities import MUNICIPALITY
from tests.testkit.moved import move_town
from tests.testkit.towns import Towns

CONSUMER, PROVIDER, STRANGER = "nachbardorf", "musterstadt", "fremdstadt"
OWNER: dict[Mode, str] = {"pull": PROVIDER, "push": CONSUMER}
START = "TransferStartMessage"
WHY = {"de": ["Pause."], "en": ["Break."]}


async def started(towns: Towns, mode: Mode) -> tuple[TransferRow, TransferRow]:
    """(consumer's, provider's) transfer, running."""
    agreement = await towns.concluded(CONSUMER, PROVIDER)
    asked = await towns.fetch(CONSUMER, PROVIDER, agreement, mode)
    await towns.run()
    return await both(towns, asked.id)


async def both(towns: Towns, process_id: str) -> tuple[TransferRow, TransferRow]:
    mine = await towns.process(CONSUMER, process_id)
    return mine, await towns.process(PROVIDER, mine.kernel.peer_pid)


async def address(towns: Towns, process: TransferRow) -> str:
    """Where bytes come from or go to, as this side knows it of the other."""
    flow = await towns.db.read(process.participant, flows.find, process.participant, process.id)
    assert flow is not None
    kept = towns.vault.open(f"address|{process.participant}|{process.id}", bytes(flow.address or b""))
    return str(json.loads(kept)["url"])


@pytest.mark.parametrize("mode", ["pull", "push"])
async def test_whoever_hands_out_the_address_hands_out_the_new_one(towns: Towns, mode: Mode) -> None:
    """>> running; its owner moves << one START, and the other side has an address below the new root."""
    pair = await started(towns, mode)
    before = len(towns.wire.sent)
    other = pair[0] if mode == "pull" else pair[1]
    old = await address(towns, other)
    await move_town(towns, OWNER[mode])
    await towns.run()
    sent = [one for one in towns.wire.sent[before:] if START in one]
    assert sent == [f"{OWNER[mode]}: {START}"]
    root = towns.partner(OWNER[mode]).root
    assert not old.startswith(root)
    assert (await address(towns, other)).startswith(f"{root}/")
    assert {one.kernel.state for one in await both(towns, pair[0].id)} == {State.STARTED}


@pytest.mark.parametrize("mode", ["pull", "push"])
async def test_the_other_side_of_it_goes_on_without_a_word(towns: Towns, mode: Mode) -> None:
    """>> running; who does not own the address moves, and then suspends << taken, under the new DID."""
    pair = await started(towns, mode)
    before = len(towns.wire.sent)
    mover = CONSUMER if mode == "pull" else PROVIDER
    await move_town(towns, mover)
    await towns.run()
    assert not [one for one in towns.wire.sent[before:] if START in one]
    mine = pair[0] if mover == CONSUMER else pair[1]
    await towns.db.write(mover, towns.transfers.suspend, mover, mine.id, "operator", WHY)
    await towns.run()
    assert {one.kernel.state for one in await both(towns, pair[0].id)} == {State.SUSPENDED}


@pytest.mark.on_both
async def test_a_request_that_is_sent_again_under_the_new_did_is_the_same(towns: Towns) -> None:
    """>> running; the consumer moves and says its request again << one transfer at the provider."""
    pair = await started(towns, "pull")
    moved = await move_town(towns, CONSUMER)
    message = {
        "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
        "@type": "TransferRequestMessage",
        "@id": "urn:uuid:again",
        "consumerPid": pair[0].id,
        "agreementId": pair[0].agreement,
        "format": "HttpData-PULL",
        "callbackAddress": towns.partner(CONSUMER).base,
    }
    shown: Any = await towns.receive(
        CONSUMER, towns.did(PROVIDER), f"{towns.partner(PROVIDER).base}/transfers/request", message
    )
    assert shown.provider_pid == pair[1].id
    rows = await towns.rows(PROVIDER, "SELECT counterparty FROM transfer WHERE participant = :participant")
    assert [row["counterparty"] for row in rows] == [moved.old]


async def test_what_runs_is_judged_by_the_membership_of_now(towns: Towns) -> None:
    """>> the consumer moved: the old DID belongs no more, the new one does << it runs on; that leaves << held."""
    pair = await started(towns, "pull")
    moved = await move_town(towns, CONSUMER)
    await towns.db.write(PROVIDER, towns.enforcement.members_changed, PROVIDER, {moved.old})
    await towns.tick()
    assert (await towns.process(PROVIDER, pair[1].id)).held is None
    towns.ends[moved.new] = 1
    await towns.db.write(PROVIDER, towns.enforcement.members_changed, PROVIDER, {moved.new})
    await towns.tick()
    assert (await towns.process(PROVIDER, pair[1].id)).held == "policy"


@pytest.mark.threat("T117")
async def test_nobody_but_the_successor_has_a_say_in_it(towns: Towns) -> None:
    """>> a third town asks for it, and says that it suspends it << there is no such transfer."""
    await towns.add(STRANGER)
    towns.requesters[towns.did(STRANGER)] = Requester(did=towns.did(STRANGER), kind=MUNICIPALITY)
    pair = await started(towns, "pull")
    await move_town(towns, CONSUMER)
    with pytest.raises(Unknown):
        await towns.db.read(PROVIDER, towns.transfers.get, PROVIDER, pair[1].id, towns.did(STRANGER))
    assert (await towns.db.read(PROVIDER, towns.transfers.get, PROVIDER, pair[1].id, towns.did(CONSUMER))).id
