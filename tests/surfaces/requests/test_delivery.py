"""The delivery that was ordered with a request, over both databases."""

from typing import Any

import msgspec
import pytest

from connector.data.catalogue.model import Dataset, Offer
from connector.exchange.contracts.partner import Partner
from connector.exchange.delivery.worker import RetryAfter
from connector.foundation.storage.database import Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.surfaces.requests import delivery
from connector.surfaces.requests.delivery import FirstDelivery
from tests.testkit.towns import Towns

TOWN, NEIGHBOUR = "musterstadt", "nachbardorf"


class Known:
    """Who is asked."""

    def __init__(self, towns: Towns) -> None:
        self._towns = towns

    async def partner(self, slug: str, did: str) -> Partner:
        return self._towns.partner(did.rpartition(":")[2])


async def asked(towns: Towns, made: tuple[Dataset, Offer]) -> tuple[str, FirstDelivery]:
    peers: Any = Known(towns)
    first = FirstDelivery(towns.db, towns.clock, towns.contracts, towns.transfers, peers)
    towns.handlers |= first.work.handlers
    row = await towns.ask(NEIGHBOUR, TOWN, made)
    await towns.db.write(NEIGHBOUR, delivery.order, NEIGHBOUR, row.id)
    await towns.db.write(NEIGHBOUR, _put_off)
    return row.id, first


def _put_off(tx: Tx) -> None:
    """So that a busy machine does not carry it out before the test looks."""
    tx.run("UPDATE outbox SET due_at = due_at + 3000000 WHERE kind = 'first-delivery'")


async def ordered(towns: Towns) -> list[str]:
    """Transfers of the one who asked."""
    found = await towns.db.read(NEIGHBOUR, towns.transfers.all, NEIGHBOUR)
    return [one.shown for one in found]


async def open_row(towns: Towns) -> OutboxRow:
    (row,) = await towns.rows(NEIGHBOUR, "SELECT * FROM outbox WHERE kind = 'first-delivery' AND done_at IS NULL")
    return msgspec.convert({name: row[name] for name in OutboxRow.__struct_fields__}, OutboxRow, strict=False)


async def waiting(towns: Towns) -> int:
    rows = await towns.rows(NEIGHBOUR, "SELECT id FROM outbox WHERE kind = 'first-delivery' AND done_at IS NULL")
    return len(rows)


async def test_the_data_are_asked_for_once_there_is_a_contract(towns: Towns) -> None:
    """>> asked and agreed << one transfer, and the order is done; >> looked again << none besides."""
    negotiation, _ = await asked(towns, await towns.publish(TOWN))
    await towns.run()
    assert (await towns.case(NEIGHBOUR, negotiation)).shown == "FINALIZED"
    assert await waiting(towns) == 1
    await towns.hurry()
    assert len(await ordered(towns)) == 1
    assert await waiting(towns) == 0
    await towns.hurry()
    assert len(await ordered(towns)) == 1


async def test_before_there_is_a_contract_it_waits(towns: Towns) -> None:
    """>> looked at once << not before a moment, and nothing is asked for."""
    _, first = await asked(towns, await towns.publish(TOWN))
    with pytest.raises(RetryAfter) as later:
        await first.handle(await open_row(towns))
    assert later.value.at > towns.clock.now()
    assert await ordered(towns) == []


async def test_a_refused_request_is_waited_for_no_more(towns: Towns) -> None:
    await asked(towns, await towns.publish(TOWN, rule="research", slots={"inform": "did:web:a.example"}))
    await towns.run()
    await towns.hurry()  # the refusal comes
    await towns.hurry()  # and is seen
    assert await ordered(towns) == []
    assert await waiting(towns) == 0


@pytest.mark.on_both
async def test_what_dies_in_the_middle_is_done_again_and_once(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the process dies as it asks for the data << the order stands and nothing is asked for; >> again << one."""
    _, first = await asked(towns, await towns.publish(TOWN))
    await towns.run()

    def dies(*args: object) -> None:
        raise ConnectionError("died")

    with monkeypatch.context() as dying:
        dying.setattr(towns.transfers, "request", dies)
        with pytest.raises(ConnectionError):
            await first.handle(await open_row(towns))
    assert (await ordered(towns), await waiting(towns)) == ([], 1)
    row = await open_row(towns)
    await first.handle(row)
    await first.handle(row)  # the same errand twice: a lease that was lost
    assert (len(await ordered(towns)), await waiting(towns)) == (1, 0)


def test_it_looks_ever_more_seldom() -> None:
    """>> just asked, a minute, a day << 0.4 s, 6 s, a minute."""
    later: Any = None
    first = FirstDelivery(later, _At(1_000_000), later, later, later)
    assert [first._pause(_row(1_000_000 - age)) for age in (0, 60_000, 86_400_000)] == [400, 6_000, 60_000]


class _At:
    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    def steady(self) -> int:
        return self.at


def _row(created: int) -> OutboxRow:
    return OutboxRow(
        id=1,
        participant=NEIGHBOUR,
        stream="",
        kind=delivery.KIND,
        body=b"",
        sealed=False,
        attempts=1,
        fence=0,
        due_at=0,
        created_at=created,
    )
