"""Quotas of peers: what one of them may cause is bounded, whatever has ended, and nobody else is held up (T71)."""

import asyncio
from importlib.util import find_spec, module_from_spec
from threading import Barrier

import pytest

from connector.foundation.clock import FakeClock
from connector.foundation.errors import PeerError
from connector.foundation.settings.sections import Quota
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.nested import nested
from connector.identity.participants import quota
from connector.identity.participants.quota import BEGINNING, MIB, OverQuota, Quotas

TOWN, VILLAGE = "musterstadt", "nachbardorf"
PEER, TWIN, OTHER = "did:web:a.example", "did:web:a.example:twin", "did:web:b.example"
FREE = Quota(peer_hour_starts=0, peer_day_mib=0, operator_day_mib=0, participant_day_mib=0, process_day_mib=0)


def limits(**of: int) -> Quota:
    return Quota(**{name: of.get(name, 0) for name in FREE.__struct_fields__})


def operator(slug: str, did: str) -> str:
    return did.split(":")[2]


async def begin(db: Database, quotas: Quotas, did: str = PEER, slug: str = TOWN) -> str:
    """The name of the quota that is in the way, or nothing."""
    try:
        await db.write(slug, quotas.begin, slug, did)
    except OverQuota as over:
        return over.quota
    return ""


async def sends(db: Database, size: int, did: str = PEER, slug: str = TOWN) -> None:
    await db.write(slug, quota.kept, slug, did, size)


pytestmark = pytest.mark.threat("T71")


async def test_what_a_peer_begins_in_an_hour_is_bounded(any_db: Database) -> None:
    """>> three beginnings where two are allowed << peer-starts; another peer and another town go on."""
    quotas = Quotas(limits(peer_hour_starts=2), operator)
    assert [await begin(any_db, quotas) for _ in range(3)] == ["", "", "peer-starts"]
    assert await begin(any_db, quotas, OTHER) == ""
    assert await begin(any_db, quotas, slug=VILLAGE) == ""


async def test_bytes_of_what_has_ended_count(any_db: Database) -> None:
    """>> a MiB of messages and then a request << peer-bytes, though nothing is open."""
    quotas = Quotas(limits(peer_day_mib=1), operator)
    await any_db.write(TOWN, quota.message, TOWN, PEER, MIB // quota.COPIES)
    assert await begin(any_db, quotas) == "peer-bytes"
    assert await begin(any_db, quotas, OTHER) == ""


async def test_many_names_of_one_operator_share_its_quota(any_db: Database) -> None:
    """>> two members of one operator, half a MiB each << operator-bytes for both; the others go on."""
    quotas = Quotas(limits(operator_day_mib=1), operator)
    for did in (PEER, TWIN):
        await sends(any_db, MIB // 2, did)
    assert [await begin(any_db, quotas, did) for did in (PEER, TWIN, OTHER)] == ["operator-bytes"] * 2 + [""]


async def test_no_participant_takes_the_share_of_its_neighbours(any_db: Database) -> None:
    """>> many peers fill what one town may keep << participant-bytes there; the village takes requests as before."""
    quotas = Quotas(limits(participant_day_mib=1))
    for number in range(4):
        await sends(any_db, MIB // 4, f"did:web:{number}.example")
    assert await begin(any_db, quotas) == "participant-bytes"
    assert await begin(any_db, quotas, slug=VILLAGE) == ""


@pytest.mark.threat("T175")
async def test_bug_members_of_many_operators_filled_the_disk_below_each_of_their_quotas(any_db: Database) -> None:
    """>> a process may take two MiB; three operators cause two thirds of one each at the town, none more than it
    may << what they begin there is refused; who has had less than its operator's share goes on there, and so do they
    at the village, which has had less than its own share. Without that limit they would go on."""
    hostile, named = [f"did:web:evil{n}.example" for n in range(3)], {"participant_day_mib": 4, "operator_day_mib": 1}
    quotas = Quotas(limits(process_day_mib=2, **named), operator)
    for did in hostile:
        assert await begin(any_db, quotas, did) == ""
        await sends(any_db, MIB * 2 // 3, did)
    quotas._sums.clear()  # they are five seconds old
    assert [await begin(any_db, quotas, OTHER, slug) for slug in (VILLAGE, TOWN)] == ["", ""]
    assert {await begin(any_db, quotas, did) for did in hostile} == {"process-bytes"}
    assert await begin(any_db, quotas, OTHER) == ""
    assert {await begin(any_db, quotas, did, VILLAGE) for did in hostile} == {""}
    assert {await begin(any_db, Quotas(limits(**named), operator), did) for did in hostile} == {""}


@pytest.mark.threat("T175")
async def test_new_names_without_end_cause_twice_the_day_at_most(sqlite_db: Database) -> None:
    """>> again and again an operator that nobody knows begins at each of both towns << all of them together cause no
    more than twice the day."""
    clock = FakeClock()
    quotas, taken = Quotas(limits(process_day_mib=1), operator, clock), 0
    for number in range(40):
        clock.advance(quota.REFRESH_MS)
        for slug in (TOWN, VILLAGE):
            did = f"did:web:evil{number}.example"
            if await begin(sqlite_db, quotas, did, slug) == "":
                await sends(sqlite_db, MIB // 16, did, slug)
                taken += MIB // 16 + BEGINNING
    assert MIB < taken < 2 * MIB + 2 * (MIB // 16 + BEGINNING)
    assert await begin(sqlite_db, quotas, "did:web:new.example") == "process-bytes"


class Meanwhile(FakeClock):
    """Whenever somebody looks at it, another thread reads the sum of one more participant."""

    quotas: Quotas | None = None

    def steady(self) -> int:
        if self.quotas is not None and (known := self.quotas._sums):
            known[f"town{len(known)}"] = known[TOWN]
        return super().steady()


@pytest.mark.threat("T175")
async def test_bug_two_beginnings_at_once_broke_off_the_sum_over_all(sqlite_db: Database) -> None:
    """>> while the sums of all participants are gone through, another thread puts one in << that is no defect."""
    clock = Meanwhile()
    clock.quotas = quotas = Quotas(limits(process_day_mib=1), operator, clock)
    assert [await begin(sqlite_db, quotas) for _ in range(3)] == ["", "", ""]


async def test_two_replicas_count_together(any_db: Database) -> None:
    """>> the same peer at both in turn << two beginnings in all, not two at each."""
    one, other = (Quotas(limits(peer_hour_starts=2), operator) for _ in range(2))
    assert [await begin(any_db, each) for each in (one, other, one, other)] == ["", "", "peer-starts", "peer-starts"]


async def test_bug_units_of_one_pair_do_not_wait_for_each_other(postgres_db: Database) -> None:
    """>> as many units at once as there are slots, none of which commits before all have counted << all do."""
    all_have_counted = Barrier(quota.SLOTS)

    def unit(tx: Tx) -> None:
        quota.kept(tx, TOWN, PEER, 7)
        all_have_counted.wait(20)

    await asyncio.gather(*(postgres_db.write(TOWN, unit) for _ in range(quota.SLOTS)))
    rows = await postgres_db.read(TOWN, lambda tx: tx.all("SELECT slot, bytes FROM usage WHERE peer = :did", did=PEER))
    assert sorted((row["slot"], row["bytes"]) for row in rows) == [(slot, 7) for slot in range(quota.SLOTS)]


def test_bug_two_replicas_begin_with_different_slots() -> None:
    """>> the module as each of two dozen processes loads it << their first threads do not all count into one slot."""
    spec = find_spec("connector.identity.participants.quota")
    assert spec is not None
    assert spec.loader is not None
    slots = set[int]()
    for _ in range(24):
        replica = module_from_spec(spec)
        spec.loader.exec_module(replica)
        slots.add(replica._slot_of_thread())
    assert len(slots) > 1


async def test_what_was_rolled_back_is_not_counted(any_db: Database) -> None:
    """>> a beginning whose transaction fails after it was counted << nothing on the peer's account."""
    quotas = Quotas(limits(peer_hour_starts=1), operator)

    def refused(tx: Tx) -> None:
        quotas.begin(tx, TOWN, PEER)
        raise PeerError("contracts.pid")

    def unit(tx: Tx) -> object:
        return nested(tx, refused)

    for _ in range(3):
        assert isinstance(await any_db.write(TOWN, unit), PeerError)
    assert await begin(any_db, quotas) == ""


async def test_what_one_unit_counts_is_one_write_and_counts_within_it(
    any_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a message that begins, is kept and is long, then one more of the same unit << one write of the sum; the second
    is refused although nothing was written yet. An account that nobody books, or a unit that fails, leaves nothing."""
    quotas, writes, write = Quotas(limits(peer_hour_starts=1), operator), list[str](), quota._write
    kept = "SELECT bytes, begun FROM usage WHERE participant = :p"

    def noted(tx: Tx, slug: str, did: str, size: int, begun: int) -> None:
        writes.append(did)
        write(tx, slug, did, size, begun)

    def unit(tx: Tx, *, books: bool, fails: bool = False) -> None:
        writes.clear()  # a unit may run again
        with quota.Account(tx) as account:
            quotas.begin(tx, TOWN, PEER)
            quota.kept(tx, TOWN, PEER, 7)
            quota.message(tx, TOWN, PEER, 3)
            with pytest.raises(OverQuota):
                quotas.begin(tx, TOWN, PEER)
            assert writes == []
            if books:
                account.book()
            if fails:
                raise PeerError("contracts.pid")

    monkeypatch.setattr(quota, "_write", noted)
    await any_db.write(TOWN, unit, books=False)
    with pytest.raises(PeerError):
        await any_db.write(TOWN, unit, books=True, fails=True)
    assert await any_db.read(TOWN, lambda tx: tx.all(kept, p=TOWN)) == []
    await any_db.write(TOWN, unit, books=True)
    assert writes == [PEER]
    rows = await any_db.read(TOWN, lambda tx: tx.all(kept, p=TOWN))
    assert [(row["bytes"], row["begun"]) for row in rows] == [(BEGINNING + 7 + quota.COPIES * 3, 1)]


async def test_an_account_ends_with_its_part_of_the_unit(any_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> two peers on one account, and more of one of them behind it << booked in the order of their names, in which
    another replica waits for them; what comes behind it is written at once."""
    writes = list[tuple[str, int]]()
    monkeypatch.setattr(quota, "_write", lambda tx, slug, did, size, begun: writes.append((did, size)))

    def unit(tx: Tx) -> None:
        writes.clear()  # a unit may run again
        with quota.Account(tx) as account:
            for did in sorted((PEER, OTHER), reverse=True):
                quota.kept(tx, TOWN, did, 7)
            account.book()
        quota.kept(tx, TOWN, PEER, 1)

    await any_db.write(TOWN, unit)
    assert writes == [*((did, 7) for did in sorted((PEER, OTHER))), (PEER, 1)]


async def test_an_operator_may_raise_the_quota_of_one_peer(any_db: Database) -> None:
    """>> allowed three times as much << three beginnings; the others as before."""
    quotas = Quotas(limits(peer_hour_starts=1), operator)
    await any_db.write(TOWN, quota.allow, TOWN, PEER, 3)
    assert [await begin(any_db, quotas) for _ in range(4)] == ["", "", "", "peer-starts"]
    assert [await begin(any_db, quotas, OTHER) for _ in range(2)] == ["", "peer-starts"]


async def test_hours_of_a_clock_that_was_ahead_hold_nobody(any_db: Database) -> None:
    """>> everything used up at an hour that lies a year ahead << the peer may begin now."""
    quotas, ahead = Quotas(limits(peer_hour_starts=1, peer_day_mib=1, participant_day_mib=1), operator), 31_536_000_000

    def later(tx: Tx) -> None:
        tx.run(
            "INSERT INTO usage (participant, peer, hour, slot, bytes, begun) VALUES (:p, :peer, :hour, 0, :n, 9)",
            p=TOWN,
            peer=PEER,
            hour=(tx.now + ahead) // quota.HOUR_MS * quota.HOUR_MS,
            n=9 * MIB,
        )

    await any_db.write(TOWN, later)
    assert await begin(any_db, quotas) == ""


async def test_a_day_later_there_is_room_again(any_db: Database) -> None:
    """>> a MiB of yesterday << it counts no more, and is forgotten."""
    quotas = Quotas(limits(peer_day_mib=1), operator, FakeClock())
    await sends(any_db, MIB)
    assert await begin(any_db, quotas) == "peer-bytes"

    def aged(tx: Tx) -> int:
        tx.run("UPDATE usage SET hour = hour - :day WHERE participant = :p", day=quota.KEPT_MS + quota.HOUR_MS, p=TOWN)
        quota.forget(tx, TOWN)
        return len(tx.all("SELECT 1 FROM usage WHERE participant = :p", p=TOWN))

    assert await any_db.write(TOWN, aged) == 0
    assert await begin(any_db, quotas) == ""


async def test_the_refusal_says_which_quota_and_when_to_come_back(any_db: Database) -> None:
    """429 with at most an hour to wait, in words that name limit and minutes."""
    quotas = Quotas(limits(peer_day_mib=1), operator)
    await sends(any_db, MIB)
    with pytest.raises(OverQuota) as refused:
        await any_db.write(TOWN, quotas.begin, TOWN, PEER)
    assert refused.value.status == 429
    assert 1 <= refused.value.retry_s <= 3600
    assert refused.value.facts["limit"] == 1
    assert BEGINNING < MIB
