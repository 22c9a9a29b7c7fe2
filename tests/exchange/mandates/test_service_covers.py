"""Without the mandate for it an agent neither seals, publishes nor hands out, from the moment of its end (T31)."""

import asyncio
from typing import Any

import pytest

from connector.data.catalogue.life import DatasetChange, Replacement
from connector.data.catalogue.service import OfferWish
from connector.data.dataplane import flows
from connector.data.dataplane.gate import Access
from connector.data.dataplane.streams import Streams
from connector.foundation.errors import Unavailable
from connector.foundation.storage.database import Tx
from tests.exchange.mandates.entrusting import TOWN, entrusted, mandates
from tests.testkit.towns import Towns

pytestmark = pytest.mark.threat("T31")


@pytest.mark.parametrize(("who", "seal"), [(TOWN, "provider_jws"), ("nachbardorf", "consumer_jws")])
async def test_what_the_mandate_does_not_cover_is_not_done(towns: Towns, who: str, seal: str) -> None:
    """>> a mandate to publish of either side, and a contract is asked for << that side seals nothing."""
    made = await towns.publish(TOWN)
    await entrusted(towns, who, actions=("publish",))
    await towns.ask("nachbardorf", TOWN, made)
    await towns.run(rows=4)
    for slug in (TOWN, "nachbardorf"):
        sealed = await towns.rows(slug, f"SELECT {seal} FROM agreement WHERE participant = :participant")
        assert [row for row in sealed if row[seal] is not None] == []


async def test_no_door_of_the_catalogue_opens_without_the_mandate_to_publish(towns: Towns) -> None:
    """>> a mandate to negotiate, and somebody offers, changes or replaces data of the town << refused."""
    dataset, _ = await towns.publish(TOWN)
    life, file = towns.catalogue.life, await towns.file(TOWN)
    await entrusted(towns, actions=("negotiate",))
    doors: list[Any] = [
        (towns.catalogue.offer, dataset.uuid, OfferWish(rule="municipal-purpose", slots={"until": "31.12.2099"})),
        (life.change, dataset.id, DatasetChange(title="Stadtbäume")),
        (life.replace, dataset.id, Replacement(source=file)),
    ]
    for door, *wished in doors:
        with pytest.raises(Unavailable, match=r"mandates\.action"):
            await towns.db.write(TOWN, door, TOWN, *wished)


async def test_no_byte_leaves_without_the_mandate_to_serve(towns: Towns) -> None:
    """>> data flow, and the mandate gives way to one to negotiate << the next access is refused, with the reason, and
    nothing is pushed."""
    agreement = await towns.concluded("nachbardorf", TOWN)
    mine = await towns.fetch("nachbardorf", TOWN, agreement)
    await towns.run()
    pid = (await towns.process("nachbardorf", mine.id)).kernel.peer_pid
    asked = Access(
        counterparty=towns.did("nachbardorf"),
        agreement=agreement.id,
        first=False,
        mark=lambda tx: False,
        unmark=lambda tx: None,
    )

    async def looked() -> tuple[bool, bool]:
        decision = await towns.db.write(TOWN, towns.access.entitled, TOWN, str(pid), asked)
        return decision.permit, await towns.db.read(TOWN, towns.access.barred, TOWN) is None

    await entrusted(towns)
    assert await looked() == (True, True)
    await entrusted(towns, actions=("negotiate",))
    assert await looked() == (False, False)


async def test_data_are_published_and_handed_out_only_as_entrusted(towns: Towns) -> None:
    """>> a mandate to negotiate, or one that is over << nothing is published, nothing handed out; with it: both."""
    agreements = towns.contracts.agreements

    def serves(tx: Tx) -> bool:
        return agreements.unentrusted(tx, TOWN, "serve") is None

    assert await towns.db.read(TOWN, serves)
    await entrusted(towns)
    await towns.publish(TOWN)
    assert await towns.db.read(TOWN, serves)
    await entrusted(towns, actions=("negotiate",))
    for _ in range(2):
        assert not await towns.db.read(TOWN, serves)
        with pytest.raises(Unavailable, match="mandates"):
            await towns.publish(TOWN)
        await mandates(towns).withdraw(TOWN, own=False)


@pytest.mark.parametrize("end", ["withdrawn", "for less"])
async def test_what_is_being_handed_out_is_cut_with_the_mandate(towns: Towns, end: str) -> None:
    """>> bytes flow out and others in, when the mandate ends or is replaced by one for less << those that go out are
    cut with the next look at whatever replica; once the town acts itself what flows then goes on."""

    def open_flows(tx: Tx) -> None:
        one = {"participant": TOWN, "counterparty": "did:web:n", "agreement": "a", "expires_at": None}
        flows.start(tx, flow="out", source="s", **one)
        flows.accept(tx, flow="in", sink="f", address=None, expected_sha256=None, **one)

    async def looked() -> list[str]:
        """Those that are cut: each is open while the sweep looks."""
        cut = []
        for flow in ("out", "in"):
            try:
                async with streams.ticket(TOWN, flow):
                    await streams.sweep(towns.db)
                    await asyncio.sleep(0)
            except TimeoutError:
                cut.append(flow)
        return cut

    streams = Streams(towns.clock, towns.access.serves)
    await towns.db.write(TOWN, open_flows)
    assert await looked() == []
    await entrusted(towns)
    assert await looked() == []
    if end == "withdrawn":
        await mandates(towns).withdraw(TOWN, own=False)
    else:
        await entrusted(towns, actions=("negotiate",))
    assert await looked() == ["out"]
    await mandates(towns).withdraw(TOWN, own=True)
    assert await looked() == []
