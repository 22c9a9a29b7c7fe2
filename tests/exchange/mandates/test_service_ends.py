"""A mandate ends once: among replicas that have not heard, after a crash, and with its seal late (T31)."""

from unittest.mock import AsyncMock

import pytest

from connector.exchange.mandates import store
from connector.exchange.mandates.service import SEAL, Mandates
from connector.foundation.clock import FakeClock
from connector.foundation.errors import Unavailable
from connector.foundation.storage import outbox
from connector.foundation.storage.database import WORKER, Tx
from connector.identity.participants.service import Participants
from connector.identity.trust.keys.signing import SoftwareKey
from tests.exchange.mandates.entrusting import PROVIDER, TOWN, YEAR_MS, entrusted, mandates, methods, wish
from tests.testkit.towns import BASE, Towns

pytestmark = pytest.mark.threat("T31")


@pytest.mark.on_both
async def test_another_replica_goes_by_what_stands_now(towns: Towns) -> None:
    """>> withdrawn at one replica, asked at another that has not heard << nothing is done in a transaction any more."""
    await entrusted(towns)
    other = Participants(towns.db, towns.vault, BASE, None)
    await other.get(TOWN)

    def ask(tx: Tx) -> None:
        other.require(tx, TOWN, "negotiate")

    await towns.db.read(TOWN, ask)
    await mandates(towns).withdraw(TOWN, own=False)
    assert other.held(TOWN).acting is not None
    with pytest.raises(Unavailable, match=r"mandates\.over"):
        await towns.db.read(TOWN, ask)
    assert (await other.get(TOWN)).acting is None


@pytest.mark.on_both
@pytest.mark.parametrize("end", ["another mandate", "the town itself"])
async def test_a_replica_that_has_not_heard_cuts_nothing_that_may_go_on(
    towns: Towns, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the mandate gives way to another or to the town itself, at another replica << nothing is signed here until
    this one has heard, and what flows goes on; it is cut once nobody may serve."""
    await entrusted(towns)
    other = Mandates(towns.db, towns.clock, Participants(towns.db, towns.vault, BASE, None))
    monkeypatch.setattr(towns.participants, "_current", AsyncMock())

    async def looked() -> tuple[bool, bool]:
        def unit(tx: Tx) -> tuple[bool, bool]:
            return towns.contracts.agreements.unentrusted(tx, TOWN, "serve") is None, towns.access.serves(tx, TOWN)

        return await towns.db.read(TOWN, unit)

    assert await looked() == (True, True)
    if end == "another mandate":
        await other.give(TOWN, wish(towns, actions=("serve",)))
    else:
        await other.withdraw(TOWN, own=True)
    assert await looked() == (False, True)
    if end == "another mandate":
        await other.withdraw(TOWN, own=False)
    else:
        await other.give(TOWN, wish(towns, actions=("publish",)))
    assert await looked() == (False, False)


@pytest.mark.on_both
async def test_a_crash_leaves_nobody_half_entrusted(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the process dies behind the seal, before all is stored << as if nothing had been; the command goes again."""

    def dies(tx: Tx, row: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(store, "insert", dies)
        with pytest.raises(RuntimeError):
            await entrusted(towns)
    await towns.participants.load()
    assert await methods(towns, "capabilityInvocation") == [towns.did(TOWN)]
    assert await mandates(towns).all(TOWN) == []
    await entrusted(towns)
    assert await methods(towns, "capabilityInvocation") == [towns.did(TOWN), PROVIDER]


async def test_a_withdrawal_does_not_wait_for_its_seal(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> withdraw while the keeper of the seal key is away << in force all the same; sealed when asked again."""
    await entrusted(towns)

    async def away(self: SoftwareKey, data: bytes) -> bytes:
        raise Unavailable("signers.unreachable")

    with monkeypatch.context() as broken:
        broken.setattr(SoftwareKey, "seal", away)
        over = await mandates(towns).withdraw(TOWN, own=False)
    assert (over.state, over.withdrawal_seal) == ("withdrawn", "")
    assert await methods(towns, "capabilityInvocation") == []
    assert (await mandates(towns).withdraw(TOWN, own=False)).withdrawal_seal


@pytest.mark.on_both
async def test_a_withdrawal_gets_its_seal_by_itself(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the keeper is away when it is withdrawn and when the errand runs first, and a new mandate is given before it
    is back << the errand waits, then it seals that very withdrawal, once; nobody has to ask again."""
    given, service = await entrusted(towns), mandates(towns)

    async def away(self: SoftwareKey, data: bytes) -> bytes:
        raise Unavailable("signers.unreachable")

    with monkeypatch.context() as broken:
        broken.setattr(SoftwareKey, "seal", away)
        await service.withdraw(TOWN, own=False)
        (row,) = await towns.db.write(WORKER, outbox.claim, "test", 10, 60_000)
        with pytest.raises(Unavailable):
            await service.seal_withdrawal(row)
    assert row.kind == SEAL
    await entrusted(towns)
    await service.seal_withdrawal(row)
    over = await service.one(TOWN, given.mandate.sha256)
    assert (over.state, bool(over.withdrawal_seal)) == ("withdrawn", True)
    await service.seal_withdrawal(row)
    assert await service.one(TOWN, given.mandate.sha256) == over
    assert await towns.rows(TOWN, "SELECT id FROM outbox WHERE participant = :participant AND done_at IS NULL") == []


@pytest.mark.on_both
async def test_what_expired_takes_no_new_mandate_along(towns: Towns) -> None:
    """>> the job of one replica sees a mandate that is over while another replica gives the next one, or has ended it
    and acts itself << the new one stays, and so does the town's own key; nothing is logged twice."""
    first = await entrusted(towns)
    clock = FakeClock(first.mandate.until)
    late = Mandates(towns.db, clock, Participants(towns.db, towns.vault, BASE, None))
    stale = await late._participants.get(TOWN)
    second = await entrusted(towns, until=first.mandate.until + YEAR_MS // 2)
    await late._end(stale, "expired", own=False)
    assert (await mandates(towns).one(TOWN, second.mandate.sha256)).state == "in-force"
    assert await methods(towns, "capabilityInvocation") == [towns.did(TOWN), PROVIDER]
    await mandates(towns).withdraw(TOWN, own=True)
    count = "SELECT id FROM audit_entry WHERE participant = :participant"
    before = await towns.rows(TOWN, count)
    await late._end(stale, "expired", own=False)
    assert await towns.rows(TOWN, count) == before
    assert await methods(towns, "capabilityInvocation") == [towns.did(TOWN)]


@pytest.mark.on_both
async def test_a_replica_that_has_not_heard_withdraws_all_the_same(
    towns: Towns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> given at one replica, withdrawn at another that has not heard of it << withdrawn: it looks at what stands."""
    other = Participants(towns.db, towns.vault, BASE, None)
    await other.get(TOWN)
    with monkeypatch.context() as deaf:
        deaf.setattr(other, "_changed", lambda _: None)
        deaf.setattr(other, "_current", AsyncMock())
        await entrusted(towns)
        assert other.held(TOWN).acting is None
        over = await Mandates(towns.db, towns.clock, other).withdraw(TOWN, own=False)
    assert over.state == "withdrawn"
    await towns.participants.catch_up()
    assert await methods(towns, "capabilityInvocation") == []


@pytest.mark.on_both
async def test_a_replica_that_knows_the_mandate_before_does_nothing_by_it(towns: Towns) -> None:
    """>> a mandate for everything, replaced by one to publish at another replica << nothing is agreed by the first."""
    await entrusted(towns)
    other = Participants(towns.db, towns.vault, BASE, None)
    await other.get(TOWN)
    await entrusted(towns, actions=("publish",))
    with pytest.raises(Unavailable, match=r"mandates\.other"):
        await towns.db.read(TOWN, other.require, TOWN, "negotiate")


@pytest.mark.on_both
async def test_clocks_of_replicas_do_not_decide_which_mandate_ends(towns: Towns) -> None:
    """>> the second mandate is given by a clock that is behind << it is the one in force, and the one that ends."""
    await entrusted(towns)
    slow = Mandates(towns.db, FakeClock(towns.clock.now() - 5000), towns.participants)
    second = await slow.give(TOWN, wish(towns))
    over = await mandates(towns).withdraw(TOWN, own=False)
    assert (over.sha256, over.state) == (second.mandate.sha256, "withdrawn")
