"""The provider's plane of a push: whatever becomes of the sending is booked once, and it is neither given up too early
nor tried for ever.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from connector.data.dataplane.flows import Flow
from connector.data.dataplane.gate import Gate
from connector.data.dataplane.receive.inbound import Expected
from connector.data.dataplane.serve.push import Destination, Refused
from connector.data.dataplane.streams import Streams
from connector.data.sources.model import Description
from connector.exchange.transfer.model import TransferRow
from connector.exchange.transfer.plane import push_errand
from connector.exchange.transfer.plane.plane_ports import PlanePorts
from connector.exchange.transfer.plane.push_errand import PATIENCE_MS, TRIES, Pusher
from connector.foundation.clock import FakeClock
from connector.foundation.errors import HanseError, PeerError, Refusal, Unavailable, Unknown
from connector.foundation.http.outbound import SafeClient
from connector.foundation.storage.outbox import OutboxRow
from connector.kernel.policy.engine import Requester
from tests.exchange.mandates.entrusting import entrusted, mandates
from tests.testkit.cities import COMPANY
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"
SHA256 = "0" * 64
NO = Refusal("dataplane.not-taken", {"de": ["Nein."], "en": ["No."]}, status=403)


class Sending:
    """Stands for `Push`: remembers where it was to send, and ends as told; without a word it sends eight bytes."""

    def __init__(self, *outcomes: HanseError | Refused | Callable[[], Any]) -> None:
        self.outcomes, self.asked = list(outcomes), list[Destination]()

    def __call__(self, client: object, destination: Destination) -> "Sending":
        self.destination, self.sent, self.waiting, self.broken = destination, 0, False, None
        return self

    async def run(self, reading: object, what: object) -> None:
        self.asked.append(self.destination)
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if callable(outcome):
            outcome = await outcome()
        if isinstance(outcome, Exception):
            self.sent = 3
            raise outcome
        self.sent = 8


class Shelf:
    """Stands for the sources."""

    def __init__(self) -> None:
        self.gone = False

    def readable(self, participant: str, row: object) -> Any:
        return SimpleNamespace(open=self.open, describe=lambda: Description(name="x", media_type="text/csv"))

    @asynccontextmanager
    async def open(self, wanted: object) -> AsyncIterator[object]:
        if self.gone:
            raise Unknown("dataplane.source-gone")
        yield object()


class Plane:
    def __init__(self, towns: Towns, sending: Sending) -> None:
        self.towns, self.sending, self.shelf, self.clock = towns, sending, Shelf(), FakeClock(towns.clock.now())
        gate = Gate(towns.db, PlanePorts(towns.db, towns.access, towns.reports), towns.clock)
        self.pusher = Pusher(
            towns.db,
            self.clock,
            towns.access,
            towns.reports,
            gate,
            Streams(towns.clock),
            self.shelf,  # type: ignore[arg-type]
            SafeClient(),
            towns.vault,
        )
        towns.handlers["push"] = self.pusher.push

    async def begin(self, **wish: Any) -> tuple[TransferRow, TransferRow]:
        agreement = await self.towns.concluded(CONSUMER, PROVIDER, **wish)
        asked = await self.towns.fetch(CONSUMER, PROVIDER, agreement, "push")
        await self.towns.run()
        return await self.both(asked.id)

    async def both(self, process_id: str) -> tuple[TransferRow, TransferRow]:
        mine = await self.towns.process(CONSUMER, process_id)
        return mine, await self.towns.process(PROVIDER, mine.kernel.peer_pid)

    async def told(self, process_id: str) -> list[str]:
        """What the provider's log says of the transfer, in order."""
        told = "participant = :participant AND type = 'transfer'"
        rows = await self.towns.rows(PROVIDER, f"SELECT record FROM audit_entry WHERE {told} ORDER BY id")
        return [bytes(row["record"]).decode() for row in rows]


@pytest.fixture
def plane(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plane]:
    def make(*outcomes: Any) -> Plane:
        sending = Sending(*outcomes)
        monkeypatch.setattr(push_errand, "Push", sending)
        return Plane(towns, sending)

    return make


async def test_sent_is_delivered_and_completed(plane: Callable[..., Plane]) -> None:
    """>> start >> (bytes) >> completion: COMPLETED on both sides; nothing came here, so the consumer says so."""
    it = plane()
    mine, theirs = await it.begin()
    assert (theirs.shown, theirs.outcome, theirs.bytes) == ("COMPLETED", "delivered", 8)
    assert (mine.shown, mine.outcome) == ("COMPLETED", "broken")
    assert mine.reason is not None
    assert "ohne die Daten" in mine.reason["de"][0]
    door = it.sending.asked[0]
    assert door.url == f"https://localhost:18443/nachbardorf/data/in/{mine.id}"
    assert len(door.headers["Authorization"]) == len("Bearer ") + 43


async def test_what_came_before_the_completion_counts(plane: Callable[..., Plane]) -> None:
    """<< the bytes are here >> received; << completion: COMPLETED, and it stays received."""

    async def arrive() -> None:
        [row] = await it.towns.rows(CONSUMER, "SELECT id FROM transfer WHERE participant = :participant")
        assert await it.towns.db.read(CONSUMER, it.towns.reports.wanted, CONSUMER, row["id"]) == Expected(8)
        assert await it.towns.db.write(CONSUMER, it.towns.reports.received, CONSUMER, row["id"], 8, SHA256)
        assert await it.towns.db.read(CONSUMER, it.towns.reports.wanted, CONSUMER, row["id"]) is None

    it = plane(arrive)
    mine, _ = await it.begin()
    assert (mine.shown, mine.outcome, mine.sha256) == ("COMPLETED", "received", SHA256)


FINAL: dict[str, tuple[Exception, str]] = {
    "no": (Refused(400, NO), "broken"),
    "a redirect": (Refused(302, NO), "broken"),
    "an address that we do not call": (PeerError("http.address-refused", host="x"), "broken"),
}


@pytest.mark.parametrize(("failure", "outcome"), FINAL.values(), ids=FINAL)
async def test_what_cannot_change_ends_it_at_once(
    plane: Callable[..., Plane], failure: Exception, outcome: str
) -> None:
    it = plane(failure)
    mine, theirs = await it.begin()
    assert (theirs.shown, theirs.outcome, mine.shown) == ("TERMINATED", outcome, "TERMINATED")
    assert theirs.reason is not None
    assert mine.reason == theirs.reason
    assert len(it.sending.asked) == 1


@pytest.mark.on_both
@pytest.mark.parametrize(("status", "outcome"), [(401, "broken"), (403, "refused"), (404, "broken"), (409, "broken")])
async def test_what_may_change_is_asked_again_a_few_times(
    plane: Callable[..., Plane], status: int, outcome: str
) -> None:
    """<< no >> wait, again … >> after four of them TERMINATED; what was sent in vain is in the log."""
    it = plane(*[Refused(status, NO)] * TRIES)
    mine, theirs = await it.begin()
    for _ in range(TRIES - 1):
        assert theirs.shown == "STARTED"
        await it.towns.hurry()
        mine, theirs = await it.both(mine.id)
    assert (theirs.shown, theirs.outcome, theirs.reason) == ("TERMINATED", outcome, {"de": ["Nein."], "en": ["No."]})
    assert len(it.sending.asked) == TRIES
    assert theirs.bytes == 3 * TRIES
    assert sum('"part"' in entry for entry in await it.told(theirs.id)) == TRIES


async def test_a_receiver_out_of_reach_is_waited_for_but_not_for_ever(plane: Callable[..., Plane]) -> None:
    """<< nobody there, for hours >> tried again; >> after six hours TERMINATED with the reason."""
    it = plane(*[Unavailable("http.unreachable", host="x")] * 3)
    mine, theirs = await it.begin()
    await it.towns.hurry()
    mine, theirs = await it.both(mine.id)
    assert (theirs.shown, theirs.outcome) == ("STARTED", None)
    it.clock.advance(PATIENCE_MS + 60_000)
    await it.towns.hurry()
    mine, theirs = await it.both(mine.id)
    assert (theirs.shown, theirs.outcome, mine.shown) == ("TERMINATED", "broken", "TERMINATED")


async def test_a_file_that_is_gone_ends_it(plane: Callable[..., Plane]) -> None:
    it = plane()
    it.shelf.gone = True
    mine, theirs = await it.begin()
    assert (mine.shown, theirs.shown, theirs.outcome) == ("TERMINATED", "TERMINATED", "broken")
    assert it.sending.asked == []


async def test_the_policy_is_asked_when_the_bytes_go(plane: Callable[..., Plane]) -> None:
    """>> the member's kind changes between the start and a second try << not sent, and held with the clause, whichever
    comes first, try or review >> as before << sent."""
    it = plane(Unavailable("http.unreachable", host="x"))
    mine, theirs = await it.begin()
    did = it.towns.did(CONSUMER)
    before = it.towns.requesters[did]
    it.towns.requesters[did] = Requester(did=did, kind=COMPANY)
    await it.towns.hurry()
    _, theirs = await it.both(mine.id)
    assert (theirs.shown, theirs.outcome) == ("STARTED", None)
    await it.towns.tick()
    mine, theirs = await it.both(mine.id)
    assert (mine.shown, theirs.shown, theirs.held) == ("SUSPENDED", "SUSPENDED", "policy")
    assert theirs.reason is not None
    assert "Kommune" in theirs.reason["de"][0]
    assert len(it.sending.asked) == 1
    it.towns.requesters[did] = before
    await it.towns.db.write(PROVIDER, it.towns.enforcement.members_changed, PROVIDER, {did})
    await it.towns.tick()
    await it.towns.hurry()
    _, theirs = await it.both(mine.id)
    assert (theirs.shown, theirs.outcome) == ("COMPLETED", "delivered")


async def test_a_use_too_many_ends_a_push(plane: Callable[..., Plane]) -> None:
    """>> one use is agreed, and asked for twice << sent, and TERMINATED: no review would hold it."""
    it = plane()
    slots = {"from": "01.01.2020", "until": "31.12.2099", "count": "1"}
    agreement = await it.towns.concluded(CONSUMER, PROVIDER, rule="pilot", slots=slots)
    found = []
    for _ in range(2):
        asked = await it.towns.fetch(CONSUMER, PROVIDER, agreement, "push")
        await it.towns.run()
        _, theirs = await it.both(asked.id)
        found.append((theirs.shown, theirs.outcome))
    assert found == [("COMPLETED", "delivered"), ("TERMINATED", "refused")]


async def test_a_mandate_that_ends_ends_no_push(plane: Callable[..., Plane]) -> None:
    """>> the bytes break off, and nobody may serve for the town when they are to be sent again << the transfer waits;
    once the town acts itself it is sent and completed."""
    it = plane(Unavailable("http.unreachable", host="x"))
    await entrusted(it.towns, PROVIDER)
    mine, theirs = await it.begin()
    await mandates(it.towns).withdraw(PROVIDER, own=False)
    for _ in range(2):
        await it.towns.hurry()
        _, theirs = await it.both(mine.id)
        assert (theirs.shown, theirs.outcome) == ("STARTED", None)
    assert len(it.sending.asked) == 1
    await mandates(it.towns).withdraw(PROVIDER, own=True)
    await it.towns.hurry()
    _, theirs = await it.both(mine.id)
    assert (theirs.shown, theirs.outcome) == ("COMPLETED", "delivered")


async def test_a_use_counts_once_however_often_it_is_tried(plane: Callable[..., Plane]) -> None:
    it = plane(Unavailable("http.unreachable", host="x"), Unavailable("http.unreachable", host="x"))
    slots = {"from": "01.01.2020", "until": "31.12.2099", "count": "1"}
    mine, _ = await it.begin(rule="pilot", slots=slots)
    await it.towns.hurry()
    await it.towns.hurry()
    assert (await it.both(mine.id))[1].shown == "COMPLETED"
    counted = await it.towns.rows(PROVIDER, "SELECT uses FROM counter WHERE participant = :participant")
    assert [row["uses"] for row in counted] == [1]


@pytest.mark.on_both
async def test_a_fresh_address_forgives_the_old_one(plane: Callable[..., Plane]) -> None:
    """<< 400 at the old key, while the owner has sent a new one >> sent again, with the new key."""

    async def renewed() -> Exception:
        [row] = await it.towns.rows(CONSUMER, "SELECT id FROM transfer WHERE participant = :participant")
        await it.towns.db.write(CONSUMER, it.towns.transfers.resume, CONSUMER, row["id"])
        message = next(
            iter(
                await it.towns.rows(
                    CONSUMER,
                    "SELECT id FROM outbox WHERE participant = :participant AND done_at IS NULL AND sealed = 1",
                )
            )
        )
        assert message
        await it.towns.run(1)
        return Refused(400, NO)

    it = plane(renewed)
    mine, _ = await it.begin()
    await it.towns.hurry()
    assert (await it.both(mine.id))[1].shown == "COMPLETED"
    first, second = it.sending.asked
    assert first.url == second.url
    assert first.headers != second.headers


@pytest.mark.parametrize("what", ["suspend", "terminate"])
async def test_what_ends_meanwhile_is_no_failure(plane: Callable[..., Plane], what: str) -> None:
    """>> suspended or ended by us while the receiver says no << it stays as decided, with our reason."""
    why = {"de": ["Pause."], "en": ["Break."]}

    async def decided() -> Exception:
        [row] = await it.towns.rows(PROVIDER, "SELECT id FROM transfer WHERE participant = :participant")
        move = getattr(it.towns.transfers, what)
        await it.towns.db.write(PROVIDER, move, PROVIDER, row["id"], "operator", why)
        return Refused(400, NO)

    it = plane(decided)
    mine, theirs = await it.begin()
    assert (theirs.shown, theirs.reason) == ({"suspend": "SUSPENDED", "terminate": "TERMINATED"}[what], why)
    assert mine.shown == theirs.shown


async def test_all_sent_while_it_was_suspended_is_said_afterwards(plane: Callable[..., Plane]) -> None:
    """>> the last byte goes out as the suspension is decided << delivered; >> resume << COMPLETED, not sent again."""
    why = {"de": ["Pause."], "en": ["Break."]}

    async def decided() -> None:
        [row] = await it.towns.rows(PROVIDER, "SELECT id FROM transfer WHERE participant = :participant")
        await it.towns.db.write(PROVIDER, it.towns.transfers.suspend, PROVIDER, row["id"], "operator", why)

    it = plane(decided)
    mine, theirs = await it.begin()
    assert (theirs.shown, theirs.outcome) == ("SUSPENDED", "delivered")
    await it.towns.db.write(CONSUMER, it.towns.transfers.resume, CONSUMER, mine.id)
    await it.towns.run()
    mine, theirs = await it.both(mine.id)
    assert (mine.shown, theirs.shown, len(it.sending.asked)) == ("COMPLETED", "COMPLETED", 1)


async def test_a_resumption_while_the_errand_rests_is_not_lost(plane: Callable[..., Plane]) -> None:
    """>> the receiver says no while it is suspended, and it is resumed before the errand is done << sent after all."""
    why = {"de": ["Pause."], "en": ["Break."]}

    async def suspended() -> Exception:
        [row] = await it.towns.rows(PROVIDER, "SELECT id FROM transfer WHERE participant = :participant")
        await it.towns.db.write(PROVIDER, it.towns.transfers.suspend, PROVIDER, row["id"], "operator", why)
        await it.towns.run()
        return Refused(400, NO)

    it = plane(suspended)
    look = it.pusher._flow
    looked: list[object] = []

    async def late(row: OutboxRow, process_id: str) -> Flow | None:
        found = await look(row, process_id)
        if found is None and not looked:
            looked.append(found)
            [mine] = await it.towns.rows(CONSUMER, "SELECT id FROM transfer WHERE participant = :participant")
            await it.towns.db.write(CONSUMER, it.towns.transfers.resume, CONSUMER, mine["id"])
            await it.towns.run()
        return found

    it.pusher._flow = late  # type: ignore[method-assign]
    mine, _ = await it.begin()
    assert looked == [None]
    await it.towns.hurry()
    mine, theirs = await it.both(mine.id)
    assert (theirs.shown, theirs.outcome, len(it.sending.asked)) == ("COMPLETED", "delivered", 2)


@pytest.mark.on_both
@pytest.mark.threat("T27")
async def test_the_key_of_our_door_is_sealed_wherever_it_rests(plane: Callable[..., Plane]) -> None:
    """The key is in the request alone: on neither side in clear in any table."""
    it = plane(Unavailable("http.unreachable", host="x"))
    await it.begin()
    key = it.sending.asked[0].headers["Authorization"].removeprefix("Bearer ")
    for slug in (CONSUMER, PROVIDER):
        for table in ("outbox", "transfer", "flow", "access_token", "audit_entry"):
            rows = await it.towns.rows(slug, f"SELECT * FROM {table} WHERE participant = :participant")
            assert key.encode() not in b"".join(_raw(value) for row in rows for value in row.values())


def _raw(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
