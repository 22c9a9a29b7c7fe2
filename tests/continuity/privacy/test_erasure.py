"""Records are erased with a tombstone in the same transaction; the tree, the chains and the bundles go on as before.

>> what a steward or the retention job asks for << what is gone, what stays, and what the log says of it.
"""

import asyncio
import json
import sqlite3
import threading
from pathlib import Path

import pytest

from connector.continuity.privacy import erasure, holds, retention_store
from connector.continuity.privacy.erasure import Eraser
from connector.continuity.privacy.retention import Periods
from connector.exchange.contracts.evidence import export
from connector.foundation.errors import Defect, Unknown
from connector.foundation.storage import Database, Tx
from connector.identity.audit import disclose, entry, merkle, sealer, store, tiles
from connector.oversight.figures import store as figure_store
from connector.oversight.figures.count import figures
from connector.oversight.figures.model import Known
from connector.verify.checks import records
from connector.verify.checks.records import Erased
from connector.verify.formats import checkpoint
from tests.continuity.privacy.records import (
    AGREEMENT,
    DAY,
    KEYS,
    ORDER,
    OTHER,
    PERIODS,
    ROOT,
    TOWN,
    add,
    eraser,
    filled,
)
from tests.testkit.locks import waiting
from tests.testkit.patience import PATIENCE_S
from tests.verify.forge import PROVIDER


async def ids(db: Database, slug: str = TOWN) -> list[int]:
    rows = await db.read(
        slug, lambda tx: tx.all("SELECT id FROM audit_entry WHERE participant = :p ORDER BY id", p=slug)
    )
    return [row["id"] for row in rows]


async def lines(db: Database) -> list[records.Line]:
    """The agreement's records as a bundle has them, judged as the offline verifier judges them."""
    await db.write(TOWN, disclose.tell, TOWN, AGREEMENT, did=PROVIDER)
    await sealer.seal(db, TOWN, ROOT, KEYS)
    evidence = await db.read(TOWN, export.log_evidence, TOWN, AGREEMENT)
    found = records.parse(evidence.records)
    proof = records.parse_proof(evidence.proof)
    checkpoint.check(proof.checkpoint, [key.public_jwk for key in KEYS])
    own = [line for line in found if isinstance(line, Erased) or line.record["agreement"] == AGREEMENT]
    records.check_chain(own)
    records.check_proofs(found, proof.checkpoint)
    records.check_erased(own)
    return own


async def test_an_erased_record_leaves_its_leaf_and_a_tombstone(any_db: Database) -> None:
    """>> the decisions are due << both gone with their salts; the bundle still holds, and says what went and why."""
    await filled(any_db, age_days=8)
    before = await any_db.read(TOWN, store.records, TOWN, AGREEMENT)
    due, after = await any_db.read(TOWN, eraser().due, TOWN, 0)
    assert after is None
    outcome = await any_db.write(TOWN, eraser().erase, TOWN, due, ORDER, asked=False)
    assert [(one.type, one.seq) for one in outcome.erased] == [("decision", 0), ("decision", 3), ("publication", 0)]
    rows = await any_db.read(TOWN, store.records, TOWN, AGREEMENT)
    assert [row.erased for row in rows] == [True, False, False, True, False, False, False]
    assert [(row.leaf, row.index) for row in rows[:4]] == [(row.leaf, row.index) for row in before]
    assert rows[0].salt == b""
    own = await lines(any_db)
    assert [line.type for line in own] == [
        "decision",
        "agreement",
        "transfer",
        "decision",
        "told",
        "tombstone",
        "tombstone",
        "told",
    ]
    assert [isinstance(line, Erased) for line in own] == [True, False, False, True, False, False, False, False]
    graves = [json.loads(row.record)["body"] for row in rows[5:]]
    assert graves[0] == {
        "index": rows[0].index,
        "type": "decision",
        "seq": 0,
        "ground": "retention-period",
        "role": "retention",
    }


async def test_the_chain_goes_on_after_its_newest_record_went(any_db: Database) -> None:
    """>> the newest record is erased, then something happens << its tombstone names it by digest, the next follows."""
    await filled(any_db, age_days=8)
    newest = (await any_db.read(TOWN, store.records, TOWN, AGREEMENT))[-1]
    await any_db.write(TOWN, eraser().erase, TOWN, [newest.id], ORDER, asked=False)
    await any_db.write(TOWN, add, "transfer", AGREEMENT, 0, late=True)
    rows = await any_db.read(TOWN, store.records, TOWN, AGREEMENT)
    assert json.loads(rows[4].record)["prev"] == entry.digest(newest.record)
    assert json.loads(rows[5].record)["prev"] == entry.digest(rows[4].record)
    await lines(any_db)


async def test_the_signed_tree_is_the_same_before_and_after(sqlite_db: Database) -> None:
    """>> everything that is due goes << the old checkpoint's root is still the root of the first leaves."""
    await filled(sqlite_db)
    signed = await sqlite_db.read(TOWN, sealer.latest, TOWN)
    assert signed is not None
    await sqlite_db.write(TOWN, eraser().erase, TOWN, await ids(sqlite_db), ORDER, asked=False)
    newer = await sealer.seal(sqlite_db, TOWN, ROOT, KEYS)
    assert newer is not None
    proof = await sqlite_db.read(TOWN, tiles.consistency, TOWN, signed.size, newer.size)
    assert merkle.verify_consistency(signed.size, newer.size, proof, signed.root, newer.root)


async def test_what_others_need_goes_last(sqlite_db: Database) -> None:
    """>> everything is old << the rest first, then the agreement record, then key events but the newest."""
    await filled(sqlite_db)
    outcome = await sqlite_db.write(TOWN, eraser().erase, TOWN, await ids(sqlite_db), ORDER, asked=False)
    gone = [one.type for one in outcome.erased]
    assert gone == ["decision", "transfer", "decision", "publication", "agreement", "key"]
    assert [(record.type, stay.why) for record, stay in outcome.stays] == [("key", "needed")]
    assert (await sqlite_db.read(TOWN, store.heads, TOWN, "")).key_head is not None
    await sealer.seal(sqlite_db, TOWN, ROOT, KEYS)
    with pytest.raises(Unknown, match=r"audit\.erased"):
        await sqlite_db.read(TOWN, export.log_evidence, TOWN, AGREEMENT)


async def test_an_agreement_record_stays_while_a_transfer_does(sqlite_db: Database) -> None:
    """>> only the agreement record is named << it is needed by the others, and so are the key events."""
    await filled(sqlite_db)
    rows = await sqlite_db.read(TOWN, store.records, TOWN, AGREEMENT)
    events = await sqlite_db.read(TOWN, store.key_events, TOWN)
    named = [rows[1].id, events[0].id]
    outcome = await sqlite_db.write(TOWN, eraser().erase, TOWN, named, ORDER, asked=False)
    assert outcome.erased == ()
    assert {stay.why for _, stay in outcome.stays} == {"needed"}


async def test_nothing_is_erased_before_its_time(sqlite_db: Database) -> None:
    """>> the agreement goes on, or has just ended << nothing of it is due, however old; the publication is."""
    now = await filled(sqlite_db)
    for ended in (None, now - DAY):
        due, _ = await sqlite_db.read(TOWN, eraser(ended).due, TOWN, 0)
        outcome = await sqlite_db.read(TOWN, eraser(ended).weigh, TOWN, due, asked=False)
        assert [one.type for one in outcome.erased] == ["publication"]


async def test_an_unsealed_record_is_never_erased(any_db: Database) -> None:
    """>> no index yet; an index but no signature << it stays: nobody could tell later that it ever stood there."""
    await any_db.write(TOWN, add, "publication", None, 0)
    [only] = await ids(any_db)
    outcome = await any_db.write(TOWN, eraser().erase, TOWN, [only], ORDER, asked=False)
    assert [stay.why for _, stay in outcome.stays] == ["unsealed"]
    await any_db.write(TOWN, sealer.assign, TOWN)
    outcome = await any_db.write(TOWN, eraser().erase, TOWN, [only], ORDER, asked=False)
    assert [stay.why for _, stay in outcome.stays] == ["unsealed"]
    assert await any_db.read(TOWN, lambda tx: retention_store.one(tx, TOWN, only)) is not None


async def test_a_tombstone_that_waits_holds_up_the_bundle(sqlite_db: Database) -> None:
    """>> export before the tombstone is told and sealed << in a moment: without it the gap would look like a theft."""
    await filled(sqlite_db, age_days=8)
    await lines(sqlite_db)
    due, _ = await sqlite_db.read(TOWN, eraser().due, TOWN, 0)
    await sqlite_db.write(TOWN, eraser().erase, TOWN, due, ORDER, asked=False)
    with pytest.raises(Exception, match=r"audit\.told-early"):
        await sqlite_db.read(TOWN, export.log_evidence, TOWN, AGREEMENT)


@pytest.mark.threat("T53")
async def test_a_hold_stops_everybody(any_db: Database) -> None:
    """>> hold on the agreement, then on all, job and person ask << nothing goes until it is lifted; all is recorded."""
    await filled(any_db)
    every = await ids(any_db)
    about = await any_db.write(
        TOWN, lambda tx: holds.put(tx, TOWN, AGREEMENT, "legal office", "VG 12 K 3/27", did=PROVIDER)
    )
    whole = await any_db.write(TOWN, lambda tx: holds.put(tx, TOWN, None, "legal office", "audit", did=PROVIDER))
    for asked in (True, False):
        outcome = await any_db.write(TOWN, eraser().erase, TOWN, every, ORDER, asked=asked)
        assert outcome.erased == ()
        assert {stay.why for _, stay in outcome.stays} == {"hold"}
    await any_db.write(TOWN, lambda tx: holds.lift(tx, TOWN, whole.id, "legal office", "over", did=PROVIDER))
    outcome = await any_db.write(TOWN, eraser().erase, TOWN, every, ORDER, asked=False)
    assert [one.type for one in outcome.erased] == ["publication"]
    await any_db.write(TOWN, lambda tx: holds.lift(tx, TOWN, about.id, "legal office", "settled", did=PROVIDER))
    with pytest.raises(Unknown, match=r"records\.no-hold"):
        await any_db.write(TOWN, lambda tx: holds.lift(tx, TOWN, about.id, "legal office", "again", did=PROVIDER))
    told = await any_db.read(
        TOWN,
        lambda tx: tx.all(
            "SELECT record FROM audit_entry WHERE type = 'hold' AND participant = :p ORDER BY id", p=TOWN
        ),
    )
    assert [json.loads(row["record"])["body"]["event"] for row in told] == ["set", "set", "lifted", "lifted"]
    assert all(json.loads(row["record"])["agreement"] is None for row in told)  # no partner reads it in a bundle


@pytest.mark.threat("T53")
@pytest.mark.parametrize("about", [AGREEMENT, None])
async def test_a_hold_keeps_what_proves_an_agreement(sqlite_db: Database, about: str | None) -> None:
    """>> every period is over, and a hold stands on the agreement or on all << its texts and seals are held as well."""
    await filled(sqlite_db)
    await sqlite_db.write(TOWN, lambda tx: holds.put(tx, TOWN, about, "legal office", "lawsuit", did=PROVIDER))
    for asked in (eraser().keeps, eraser().proof):
        stay = await sqlite_db.read(TOWN, asked, TOWN, AGREEMENT)
        assert stay is not None
        assert stay.why == "hold"


@pytest.mark.threat("T53")
async def test_a_hold_waits_for_an_erasure_that_has_judged(
    postgres_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> an erasure has judged and not yet deleted, and another replica sets a hold << the hold stands once that is
    through, so nothing goes while it does."""
    await filled(postgres_db)
    first, *_ = await postgres_db.read(TOWN, store.records, TOWN, AGREEMENT)
    judged, go, empty = threading.Event(), threading.Event(), retention_store.empty

    def slow(tx: Tx, participant: str, entry: int) -> bool:
        judged.set()
        assert go.wait(PATIENCE_S)
        return empty(tx, participant, entry)

    monkeypatch.setattr(retention_store, "empty", slow)
    erase, put = eraser().erase, lambda tx: holds.put(tx, TOWN, AGREEMENT, "legal office", "lawsuit", did=PROVIDER)
    erasing = asyncio.create_task(postgres_db.write(TOWN, erase, TOWN, [first.id], ORDER, asked=False))
    assert await asyncio.to_thread(judged.wait, PATIENCE_S)
    holding = asyncio.create_task(postgres_db.write(TOWN, put))
    await waiting(postgres_db)
    assert not holding.done()
    go.set()
    assert len((await erasing).erased) == 1
    await holding


async def test_a_crash_between_tombstone_and_deletion_does_neither(
    any_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the process dies after the tombstone is written << no tombstone, no erasure; the next run does both, once."""
    await filled(any_db, age_days=8)
    [first] = [row.id for row in await any_db.read(TOWN, store.records, TOWN, AGREEMENT)][:1]

    def dies(tx: Tx, participant: str, entry: int) -> bool:
        raise RuntimeError("power cut")

    with monkeypatch.context() as cut:
        cut.setattr(retention_store, "empty", dies)
        with pytest.raises(RuntimeError, match="power cut"):
            await any_db.write(TOWN, eraser().erase, TOWN, [first], ORDER, asked=False)
    assert len(await any_db.read(TOWN, store.records, TOWN, AGREEMENT)) == 4
    assert await any_db.read(TOWN, retention_store.tombstones, TOWN, 10) == []
    for expected in (1, 0):
        outcome = await any_db.write(TOWN, eraser().erase, TOWN, [first], ORDER, asked=False)
        assert len(outcome.erased) == expected
    assert len(await any_db.read(TOWN, retention_store.tombstones, TOWN, 10)) == 1


@pytest.mark.threat("T59")
async def test_a_wish_killed_between_two_portions_goes_on_when_asked_again(
    any_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> two records a portion, the process dies in the second << the first whole with tombstones; again: the rest."""
    await filled(any_db)
    monkeypatch.setattr(erasure, "AT_ONCE", 2)
    every, empty = await ids(any_db), retention_store.empty
    emptied: dict[int, None] = {}  # SQLite tries a unit that failed among others once more, alone

    def dies(tx: Tx, participant: str, entry: int) -> bool:
        emptied[entry] = None
        if len(emptied) == 4 and entry == [*emptied][3]:
            raise RuntimeError("power cut")
        return empty(tx, participant, entry)

    with monkeypatch.context() as cut:
        cut.setattr(retention_store, "empty", dies)
        with pytest.raises(RuntimeError, match="power cut"):
            await eraser().forget(any_db, TOWN, every, ORDER)
    rows = await any_db.read(TOWN, retention_store.tombstones, TOWN, 10)
    assert len(rows) == 2
    rest = await eraser().forget(any_db, TOWN, every, ORDER)
    assert [one.type for one in rest.erased][-2:] == ["agreement", "key"]  # in order over all portions
    assert len(await any_db.read(TOWN, retention_store.tombstones, TOWN, 10)) == 2 + len(rest.erased) == 6
    assert (await eraser().forget(any_db, TOWN, every, ORDER)).erased == ()


@pytest.mark.threat("T59")
async def test_a_hold_set_between_two_portions_counts(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the legal office sets a hold while a long wish is carried out << what is not gone yet stays."""
    await filled(sqlite_db)
    monkeypatch.setattr(erasure, "AT_ONCE", 2)
    erase, portions = Eraser.erase, list[int]()

    def then_held(self: Eraser, tx: Tx, slug: str, *rest: object, **more: object) -> erasure.Outcome:
        outcome = erase(self, tx, slug, *rest, **more)  # type: ignore[arg-type]
        portions.append(len(outcome.erased))
        if len(portions) == 1:
            holds.put(tx, TOWN, None, "legal office", "lawsuit", did=PROVIDER)
        return outcome

    monkeypatch.setattr(Eraser, "erase", then_held)
    outcome = await eraser().forget(sqlite_db, TOWN, await ids(sqlite_db), ORDER)
    assert len(outcome.erased) == 2
    assert {stay.why for _, stay in outcome.stays} == {"hold"}


@pytest.mark.threat("T53")
async def test_a_wish_does_not_trust_a_clock_that_runs_ahead(sqlite_db: Database) -> None:
    """Bug: >> every period is over by a clock that cannot be right << a wish took what a duty keeps, for good."""
    await filled(sqlite_db)
    every = await ids(sqlite_db)
    doubting = Eraser(PERIODS, lambda *_: 0, lambda slug: PROVIDER, in_time=lambda now: False)
    outcome = await doubting.forget(sqlite_db, TOWN, every, ORDER)
    assert [one.type for one in outcome.erased] == ["publication"]  # no period of it is a duty
    assert {(record.type, stay.why) for record, stay in outcome.stays} == {
        ("decision", "clock"),
        ("transfer", "clock"),
        ("agreement", "clock"),
        ("key", "needed"),
    }
    assert len((await eraser().forget(sqlite_db, TOWN, every, ORDER)).erased) == 5


@pytest.mark.threat("T53")
async def test_the_job_does_not_trust_a_clock_that_runs_ahead(sqlite_db: Database) -> None:
    """>> every period is over by a clock that cannot be right, and the job comes << nothing goes, for that reason."""
    await filled(sqlite_db)
    every = await ids(sqlite_db)
    doubting = Eraser(PERIODS, lambda *_: 0, lambda slug: PROVIDER, in_time=lambda now: False)
    outcome = await sqlite_db.write(TOWN, doubting.erase, TOWN, every, ORDER, asked=False)
    assert outcome.erased == ()
    assert {stay.why for _, stay in outcome.stays} == {"clock"}


async def test_what_proves_an_agreement_goes_with_its_last_record(any_db: Database) -> None:
    """>> the others, one of two agreement records, the other one << only then its approvals are let go, once."""
    gone: list[tuple[str, str]] = []
    periods = Periods(days={}, other=1, duties=frozenset())
    it = Eraser(periods, lambda *_: 0, lambda _: PROVIDER, lambda tx, slug, agreement: gone.append((slug, agreement)))
    now = await filled(any_db)
    await any_db.write(TOWN, add, "agreement", AGREEMENT, now - 30 * DAY, late=True)
    await sealer.seal(any_db, TOWN, ROOT, KEYS)
    every = await ids(any_db)
    *before, last = await any_db.read(TOWN, store.records, TOWN, AGREEMENT)
    await any_db.write(TOWN, it.erase, TOWN, [row.id for row in before], ORDER, asked=False)
    await any_db.write(TOWN, it.erase, TOWN, [row.id for row in before], ORDER, asked=False)
    assert gone == []
    for _ in range(2):
        await any_db.write(TOWN, it.erase, TOWN, [last.id, *every], ORDER, asked=False)
    assert gone == [(TOWN, AGREEMENT)]


async def test_an_erased_record_is_overwritten_in_the_file(sqlite_db: Database) -> None:
    """Bug: where SQLite leaves deleted bytes in the file by default, a record that was erased could be read there."""
    await sqlite_db.write(TOWN, lambda tx: tx.one("PRAGMA secure_delete = OFF"))
    await sqlite_db.write(TOWN, add, "publication", None, 0, said="of nobody else's business")
    await sealer.seal(sqlite_db, TOWN, ROOT, KEYS)
    [place] = await sqlite_db.read(TOWN, lambda tx: tx.all("SELECT file FROM pragma_database_list WHERE name = 'main'"))

    def kept() -> bytes:
        with sqlite3.connect(place["file"]) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other.close()
        return Path(place["file"]).read_bytes()

    assert b"of nobody else's business" in kept()
    outcome = await eraser().forget(sqlite_db, TOWN, await ids(sqlite_db), ORDER)
    assert len(outcome.erased) == 1
    assert b"of nobody else's business" not in kept()


async def test_two_at_once_bury_once(any_db: Database) -> None:
    """>> two replicas run the job in the same moment << each record has one tombstone."""
    await filled(any_db)
    every = await ids(any_db)
    outcomes = await asyncio.gather(
        *(any_db.write(TOWN, eraser().erase, TOWN, every, ORDER, asked=False) for _ in range(4))
    )
    assert sum(len(one.erased) for one in outcomes) == 6
    graves = await any_db.read(TOWN, retention_store.tombstones, TOWN, 100)
    assert sorted(row["leaf_index"] for row in graves) == [0, 1, 2, 3, 4, 5]


async def counted(db: Database) -> dict[str, float | None]:
    found = figures(await db.read(TOWN, figure_store.log, TOWN), Known(), 0)
    return {one.definition.id: one.value for one in found}


async def test_figures_leave_out_what_was_erased(sqlite_db: Database) -> None:
    await filled(sqlite_db)
    assert (await counted(sqlite_db))["published"] == 1
    await sqlite_db.write(TOWN, eraser().erase, TOWN, await ids(sqlite_db), ORDER, asked=False)
    found = await counted(sqlite_db)
    assert (found["published"], found["agreements"]) == (0, 0)


async def test_periods_of_nothing_are_never_due(sqlite_db: Database) -> None:
    """>> all settings 0 << nothing is looked at, nothing goes."""
    await filled(sqlite_db)
    forever = Eraser(
        Periods(days={}, other=0, duties=frozenset()), lambda tx, slug, agreement: 0, lambda slug: PROVIDER
    )
    assert await sqlite_db.read(TOWN, forever.due, TOWN, 0) == ([], None)


@pytest.mark.threat("T53")
async def test_a_tenant_erases_nothing_of_another(any_db: Database) -> None:
    """>> the neighbour's scope names our entries, by service and by bare SQL << all of it stays."""
    await filled(any_db)
    every = await ids(any_db)
    outcome = await any_db.write(OTHER, eraser().erase, OTHER, every, ORDER, asked=False)
    assert outcome == erasure.Outcome((), ())
    if any_db.dialect == "postgres":
        empties = "UPDATE audit_entry SET record = NULL, salt = NULL WHERE participant = :p"
        assert await any_db.write(OTHER, lambda tx: tx.run(empties, p=TOWN)) == 0
        with pytest.raises(Defect, match=r"storage\.foreign-row"):
            await any_db.write(OTHER, lambda tx: retention_store.note_erasure(tx, TOWN, every[0], "r", "g"))
    assert not any(row.erased for row in await any_db.read(TOWN, store.records, TOWN, AGREEMENT))


@pytest.mark.threat("T53")
async def test_the_database_lets_nothing_but_erasure_through(postgres_db: Database) -> None:
    """>> the service's own role changes a record, or empties one without the row that tells of it << refused."""
    await filled(postgres_db)
    [first, *_] = await ids(postgres_db)
    for change in (
        "record = 'x'",
        "record = NULL",
        "salt = 'x', record = NULL",
        "record = NULL, salt = NULL",
        "leaf = 'x'",
    ):
        sql = f"UPDATE audit_entry SET {change} WHERE id = :id"
        with pytest.raises(Defect, match=r"storage\.foreign-row"):
            await postgres_db.write(TOWN, lambda tx, sql=sql: tx.run(sql, id=first))
    for sql in ("DELETE FROM erasure", "DELETE FROM hold", "UPDATE hold SET ground = 'x'", "UPDATE erasure SET at = 0"):
        with pytest.raises(Defect, match=r"storage\.foreign-row"):
            await postgres_db.write(TOWN, lambda tx, sql=sql: tx.run(sql))


@pytest.mark.threat("T53")
async def test_what_is_told_to_be_erased_is_emptied_and_never_replaced(postgres_db: Database) -> None:
    """>> the row that tells of an erasure stands; another record, or another salt, is put in the place << refused."""
    await filled(postgres_db)
    [first, *_] = await ids(postgres_db)
    await postgres_db.write(TOWN, retention_store.note_erasure, TOWN, first, "r", "g")

    def put(tx: Tx, record: bytes | None, salt: bytes | None) -> int:
        return tx.run(
            "UPDATE audit_entry SET record = :record, salt = :salt WHERE id = :id", record=record, salt=salt, id=first
        )

    for record, salt in ((b"x", None), (None, b"x"), (b"x", b"x")):
        with pytest.raises(Defect, match=r"storage\.foreign-row"):
            await postgres_db.write(TOWN, put, record, salt)
    assert await postgres_db.write(TOWN, put, None, None) == 1
