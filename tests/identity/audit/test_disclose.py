"""Before its records are shown, the log says how far an agreement goes: once, truly, at the end of a signed state."""

import asyncio
import json

import pytest

from connector.continuity.privacy import erasure, holds, retention
from connector.exchange.contracts.evidence import export
from connector.foundation.errors import Unavailable
from connector.foundation.storage import Database
from connector.foundation.storage.database import Tx
from connector.identity.audit import disclose, origins, sealer, store
from connector.verify.checks import disclosure, records
from connector.verify.formats import checkpoint
from tests.continuity.privacy.records import AGREEMENT, DAY, KEYS, ORDER, ROOT, TOWN, add, eraser, filled
from tests.verify.forge import PROVIDER

pytestmark = pytest.mark.threat("T68")


async def tell(db: Database, *, again: bool = False) -> bool:
    return await db.write(TOWN, disclose.tell, TOWN, AGREEMENT, did=PROVIDER, again=again)


async def types(db: Database) -> list[str]:
    return [one.type for one in await db.read(TOWN, store.records, TOWN, AGREEMENT)]


async def exported(db: Database) -> export.LogEvidence:
    await tell(db)
    await sealer.seal(db, TOWN, ROOT, KEYS)
    return await db.read(TOWN, export.log_evidence, TOWN, AGREEMENT)


async def test_it_counts_what_stands_before_it(any_db: Database) -> None:
    """>> four records, an end, told << five, and where the end stands; the manifest's part says the same."""
    now = await filled(any_db)
    await any_db.write(TOWN, add, "termination", AGREEMENT, now)
    evidence = await exported(any_db)
    last = (await any_db.read(TOWN, store.records, TOWN, AGREEMENT))[-1]
    assert (last.type, json.loads(last.record)["body"]) == ("told", {"keys": 2, "records": 5, "terminations": [4]})
    assert evidence.told is not None
    assert (evidence.told["count"], evidence.told["terminations"]) == (6, [4])
    state = records.parse_proof(evidence.proof).checkpoint
    assert (evidence.told["size"], evidence.told["log"]) == (state.size, state.origin)
    assert last.index == state.size - 1


async def test_asked_again_it_says_nothing_new(any_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> asked ten times << one record; something happened, or an hour went by << another one."""
    now = await filled(any_db)
    for _ in range(10):
        await exported(any_db)
    assert (await types(any_db)).count("told") == 1
    await any_db.write(TOWN, add, "transfer", AGREEMENT, now)
    assert await tell(any_db)
    assert not await tell(any_db)
    assert await tell(any_db, again=True)
    monkeypatch.setattr(disclose, "FRESH_MS", -1)
    assert await tell(any_db)


async def test_bug_a_partner_that_asked_each_hour_filled_the_log(sqlite_db: Database) -> None:
    """>> asked each hour for ten days, about an agreement in which nothing happens << fourteen records, not 240; then
    something happens << told at once. Each is young enough for the manifest that is sealed behind it.

    After two years a contract had more records than are judged, and its evidence failed.
    """
    await filled(sqlite_db)

    async def later(hours: int) -> None:
        """The log so far is that much older."""
        await sqlite_db.write(
            TOWN,
            lambda tx: tx.run(
                "UPDATE audit_entry SET at = at - :ms WHERE participant = :p", ms=hours * 3_600_001, p=TOWN
            ),
        )

    for _ in range(240):
        await tell(sqlite_db)
        await later(1)
    assert (await types(sqlite_db)).count("told") == 14
    await sqlite_db.write(TOWN, add, "transfer", AGREEMENT, 0)
    assert [await tell(sqlite_db), await tell(sqlite_db)] == [True, False]
    assert disclose.IDLE_MS < disclosure.FRESH_S * 1000


async def test_one_from_the_future_is_not_fresh(sqlite_db: Database) -> None:
    """>> told while the clock was a year ahead << told again now that it is right: the manifest would not fit it."""
    await filled(sqlite_db)
    await exported(sqlite_db)
    await sqlite_db.write(
        TOWN,
        lambda tx: tx.run(
            "UPDATE audit_entry SET at = at + :year WHERE participant = :p AND type = 'told'", year=365 * DAY, p=TOWN
        ),
    )
    assert await tell(sqlite_db)


async def test_two_replicas_say_it_once(any_db: Database) -> None:
    """>> both export in the same moment << one record, and both are given the same."""
    await filled(any_db)
    await asyncio.gather(*(tell(any_db) for _ in range(8)))
    assert (await types(any_db)).count("told") == 1
    found = await asyncio.gather(*(exported(any_db) for _ in range(4)))
    assert all(one == found[0] for one in found)


async def test_bug_what_came_while_it_was_counted_made_it_untrue_for_ever(
    postgres_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> another replica logs a transfer between the count and the record << counted again, so that it is true.

    It took the next place with the old count: no bundle of the agreement would ever have passed again.
    """
    now = await filled(postgres_db)
    loop, real, once = asyncio.get_running_loop(), disclose._keys, [True]

    def meanwhile(tx: Tx, participant: str) -> int:
        if once:
            once.clear()
            other = postgres_db.write(TOWN, add, "transfer", AGREEMENT, now)
            asyncio.run_coroutine_threadsafe(other, loop).result(10)
        return real(tx, participant)

    monkeypatch.setattr(disclose, "_keys", meanwhile)
    assert await tell(postgres_db)
    last = (await postgres_db.read(TOWN, store.records, TOWN, AGREEMENT))[-1]
    assert (last.type, last.seq, json.loads(last.record)["body"]["records"]) == ("told", 5, 5)


async def test_a_crash_before_the_bundle_leaves_what_is_true(any_db: Database) -> None:
    """>> told, then gone; sealed, then gone << the next bundle uses it, and nothing is told twice."""
    await filled(any_db)
    await tell(any_db)
    with pytest.raises(Unavailable, match=r"audit\.unsealed"):
        await any_db.read(TOWN, export.log_evidence, TOWN, AGREEMENT)
    batch = await any_db.write(TOWN, sealer.assign, TOWN)
    assert batch is not None
    with pytest.raises(Unavailable, match=r"audit\.unsealed"):
        await any_db.read(TOWN, export.log_evidence, TOWN, AGREEMENT)
    assert (await exported(any_db)).told is not None
    assert (await types(any_db)).count("told") == 1


async def test_it_is_the_last_leaf_of_a_signed_state(any_db: Database) -> None:
    """>> told, and much happened before the sealer came << a state ends with it, the rest is in the next."""
    now = await filled(any_db)
    await tell(any_db)
    place = 8
    for _ in range(5):
        await any_db.write(TOWN, add, "transfer", "urn:uuid:other", now)
    await any_db.write(TOWN, add, "transfer", AGREEMENT, now)
    await sealer.seal(any_db, TOWN, ROOT, KEYS)
    state = await any_db.read(TOWN, sealer.signed, TOWN, place)
    newest = await any_db.read(TOWN, sealer.latest, TOWN)
    assert state is not None
    assert newest is not None
    assert (newest.size, state.size) == (14, place)
    evidence = await any_db.read(TOWN, export.log_evidence, TOWN, AGREEMENT)
    assert checkpoint.parse(state.checkpoint or "").size == (evidence.told or {})["size"]
    assert [line.type for line in records.parse(evidence.records)][-1] == disclosure.TOLD, (
        "what came later is told later"
    )


async def test_after_a_restore_it_is_told_under_the_new_name(sqlite_db: Database) -> None:
    """>> the log goes on under another origin << the fresh record of the former one is not enough."""
    await filled(sqlite_db)
    await exported(sqlite_db)
    assert not await tell(sqlite_db)
    await sqlite_db.write(
        TOWN,
        lambda tx: tx.run(
            "INSERT INTO log_epoch (participant, epoch, at, size, known, witness) VALUES (:p, 1, 1, 1, 2, 'own')",
            p=TOWN,
        ),
    )
    assert await sqlite_db.read(TOWN, origins.current, TOWN) == 1
    assert await tell(sqlite_db)


async def test_a_new_key_is_told_too(sqlite_db: Database) -> None:
    """>> told, then the keys change << the bundle would lack the key event: told again."""
    now = await filled(sqlite_db)
    await exported(sqlite_db)
    await sqlite_db.write(TOWN, add, "key", None, now, document="c")
    await sealer.seal(sqlite_db, TOWN, ROOT, KEYS)
    with pytest.raises(Unavailable) as waits:
        await sqlite_db.read(TOWN, export.log_evidence, TOWN, AGREEMENT)
    assert waits.value.code == export.EARLY
    assert await tell(sqlite_db, again=True)


@pytest.mark.parametrize(("type_", "fits"), [("agreement", False), ("termination", False), ("transfer", True)])
async def test_what_came_between_telling_and_reading_is_told_first(sqlite_db: Database, type_: str, fits: bool) -> None:
    """>> told, then a late seal or an end << told again, as the rest of the bundle knows it; a transfer waits."""
    now = await filled(sqlite_db)
    await exported(sqlite_db)
    await sqlite_db.write(TOWN, add, type_, AGREEMENT, now)
    if fits:
        assert (await sqlite_db.read(TOWN, export.log_evidence, TOWN, AGREEMENT)).told is not None
        return
    with pytest.raises(Unavailable) as waits:
        await sqlite_db.read(TOWN, export.log_evidence, TOWN, AGREEMENT)
    assert waits.value.code == export.EARLY
    assert (await exported(sqlite_db)).told is not None


async def test_before_something_is_erased_the_log_says_what_it_was(any_db: Database) -> None:
    """>> decisions are erased that nothing was told of << told first, once; a later erasure needs it no more."""
    await filled(any_db, age_days=8)
    due, _ = await any_db.read(TOWN, eraser().due, TOWN, 0)
    await any_db.write(TOWN, eraser().erase, TOWN, due, ORDER, asked=False)
    assert await types(any_db) == ["decision", "agreement", "transfer", "decision", "told", "tombstone", "tombstone"]
    evidence = await exported(any_db)
    lines = [line for line in records.parse(evidence.records) if line.type != "key"]
    assert [line.type for line in lines].count("told") == 2
    graves = records.tombstones(lines)
    spoken = next(line.index for line in lines if line.type == "told")
    assert all(line.index < spoken < graves[line.index].index for line in lines if isinstance(line, records.Erased))


async def test_it_is_never_erased(sqlite_db: Database) -> None:
    """>> everything is old, somebody asks << it stays with the tombstones, and names nobody."""
    await filled(sqlite_db)
    await exported(sqlite_db)
    rows = await sqlite_db.read(TOWN, store.records, TOWN, AGREEMENT)
    outcome = await sqlite_db.write(TOWN, eraser().erase, TOWN, [rows[-1].id], ORDER, asked=True)
    assert [stay.why for _, stay in outcome.stays] == ["for-ever"]
    assert json.loads(rows[-1].record)["actor"] == "system"
    assert disclosure.TOLD in retention.STAYS
    assert {erasure.TOMBSTONE, holds.HOLD} < retention.STAYS


async def test_of_an_agreement_without_its_record_nothing_is_told(sqlite_db: Database) -> None:
    """>> unknown, or all of it erased << no record: nobody can make the log grow by asking."""
    await filled(sqlite_db)
    assert not await sqlite_db.write(TOWN, disclose.tell, TOWN, "urn:uuid:other", did=PROVIDER)
    ids = [one.id for one in await sqlite_db.read(TOWN, store.records, TOWN, AGREEMENT)]
    await sqlite_db.write(TOWN, eraser().erase, TOWN, ids, ORDER, asked=False)
    before = await types(sqlite_db)
    assert not await tell(sqlite_db, again=True)
    assert await types(sqlite_db) == before
