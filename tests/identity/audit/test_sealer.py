"""The log on a real database: append, seal, crash, export; and whoever edits its rows is found out."""

import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from connector.exchange.contracts.evidence import export
from connector.foundation.errors import Defect, Unavailable
from connector.foundation.storage import Database, Tx
from connector.foundation.storage.database import WORKER
from connector.identity.audit import disclose, entry, merkle, sealer, store, tiles
from connector.verify.checks import records
from connector.verify.formats import checkpoint
from connector.verify.formats.faults import Fault
from tests.verify.forge import PROVIDER, LogKey, PqLogKey, root_of

TOWN, OTHER = "musterstadt", "nachbardorf"
AGREEMENT = "urn:uuid:1"
KEYS = [LogKey(), PqLogKey()]
LOG = sealer.origin(root_of(PROVIDER))


def add(tx: Tx, participant: str, type: str, agreement: str | None, **body: object) -> None:
    store.append(tx, participant, type, agreement, "p-1", body, did=PROVIDER)


async def filled(db: Database) -> None:
    """Two key events, an agreement with four records among others, everything in its own transaction."""
    await db.write(TOWN, add, TOWN, "key", None, document="a")
    for number in range(3):
        await db.write(TOWN, add, TOWN, "decision", f"urn:uuid:other-{number}", number=number)
    for type in ("decision", "agreement", "transfer", "termination"):
        await db.write(TOWN, add, TOWN, type, AGREEMENT, what=type)
    await db.write(TOWN, add, TOWN, "key", None, document="b")
    await db.write(TOWN, add, TOWN, "catalogue", None, offers=2)


async def sealed(db: Database) -> sealer.Batch:
    batch = await sealer.seal(db, TOWN, root_of(PROVIDER), KEYS)
    assert batch is not None
    return batch


async def exported(db: Database, *, again: bool = False) -> export.LogEvidence:
    """Told, sealed and read, as for a bundle."""
    await db.write(TOWN, disclose.tell, TOWN, AGREEMENT, did=PROVIDER, again=again)
    await sealed(db)
    return await db.read(TOWN, export.log_evidence, TOWN, AGREEMENT)


def check_evidence(evidence: export.LogEvidence) -> list[records.Logged]:
    """What the verifier does with it."""
    lines = records.parse(evidence.records)
    proof = records.parse_proof(evidence.proof)
    checkpoint.check(proof.checkpoint, [key.public_jwk for key in KEYS])
    own = [line for line in lines if line.record["agreement"] == AGREEMENT]
    records.check_chain(own)
    records.check_chain([line for line in lines if line.record["agreement"] is None])
    records.check_proofs(lines, proof.checkpoint)
    return own


async def test_records_are_chained_per_agreement(any_db: Database) -> None:
    """seq from 0, prev the digest of the record before; key events per participant; others alone."""
    await filled(any_db)
    rows = await any_db.read(TOWN, store.records, TOWN, AGREEMENT)
    assert [row.seq for row in rows] == [0, 1, 2, 3]
    assert [row.type for row in rows] == ["decision", "agreement", "transfer", "termination"]
    prevs = [json.loads(row.record)["prev"] for row in rows]
    assert prevs == [None, *(entry.digest(row.record) for row in rows[:-1])]
    events = await any_db.read(TOWN, store.key_events, TOWN)
    assert [row.seq for row in events] == [0, 1]
    heads = await any_db.read(TOWN, store.heads, TOWN, "")
    assert (heads.agreement, heads.key_head) == (None, entry.digest(events[1].record))
    assert await any_db.read(TOWN, store.records, OTHER, AGREEMENT) == []


async def test_sealing_takes_everything_once(any_db: Database) -> None:
    """Indices without a gap in the order of the chain, a root over all leaves, a checkpoint that verifies."""
    await filled(any_db)
    assert await any_db.read(WORKER, sealer.waiting) == [TOWN]
    batch = await sealed(any_db)
    assert batch.size == 10
    assert await any_db.read(WORKER, sealer.waiting) == []
    assert await any_db.write(TOWN, sealer.assign, TOWN) is None
    rows = await any_db.read(TOWN, store.records, TOWN, AGREEMENT)
    assert [row.index for row in rows] == [4, 5, 6, 7]
    parsed = checkpoint.parse(batch.checkpoint or "")
    assert (parsed.origin, parsed.size, parsed.root) == ("localhost:18443/musterstadt/log/0", 10, batch.root)
    check_evidence(await exported(any_db))


@pytest.mark.parametrize("count", [sealer.PORTION, 2 * sealer.PORTION + 1])
async def test_leaves_are_numbered_in_order_and_without_a_gap(any_db: Database, count: int) -> None:
    """More entries than one statement numbers, behind a tree that is there already."""

    def many(tx: Tx) -> None:
        for number in range(count):
            add(tx, TOWN, "decision", f"urn:uuid:{number}", number=number)

    await filled(any_db)
    before = (await sealed(any_db)).size
    await any_db.write(TOWN, many)
    assert (await sealed(any_db)).size == before + count
    order = "SELECT leaf_index FROM audit_entry WHERE participant = :town ORDER BY id"
    rows = await any_db.read(TOWN, lambda tx: tx.all(order, town=TOWN))
    assert [row["leaf_index"] for row in rows] == list(range(before + count))


async def test_batches_grow_one_tree(sqlite_db: Database) -> None:
    """Batches of three: every checkpoint's tree begins with the one before."""
    await filled(sqlite_db)
    roots = [(0, merkle.EMPTY)]
    while (batch := await sqlite_db.write(TOWN, sealer.assign, TOWN, 3)) is not None:
        await sqlite_db.write(TOWN, sealer.keep, TOWN, batch.size, sealer.sign(batch, LOG, KEYS))
        roots.append((batch.size, batch.root))
    assert [size for size, _ in roots] == [0, 3, 6, 9, 10]
    leaves = await sqlite_db.read(TOWN, tiles.read, TOWN, tiles.Tile(0, 0, 10), 10)
    tree = merkle.Tree([leaves[at : at + 32] for at in range(0, len(leaves), 32)])
    for (old, before), (new, after) in pairwise(roots):
        assert merkle.verify_consistency(old, new, tree.consistency(old, new), before, after)


async def test_a_crash_between_any_two_steps_is_resumed(sqlite_db: Database) -> None:
    """Indices given, then gone; signed, then gone; stored twice: one tree, and the first checkpoint stays."""
    await filled(sqlite_db)
    first = await sqlite_db.write(TOWN, sealer.assign, TOWN)
    await sqlite_db.write(TOWN, add, TOWN, "transfer", AGREEMENT, late=True)
    assert first is not None
    again = await sqlite_db.write(TOWN, sealer.assign, TOWN)  # crashed before signing
    assert again == first
    notes = [sealer.sign(first, LOG, KEYS), sealer.sign(first, LOG, KEYS[:1])]  # crashed after signing, signed again
    for note in notes:
        await sqlite_db.write(TOWN, sealer.keep, TOWN, first.size, note)
    kept = await sqlite_db.read(TOWN, sealer.latest, TOWN)
    assert kept is not None
    assert kept.checkpoint == notes[0]
    assert (await sealed(sqlite_db)).size == 11
    check_evidence(await exported(sqlite_db))


async def test_what_is_not_sealed_is_not_exported(sqlite_db: Database) -> None:
    """A contract that waits for the sealer: try again in a moment. A later record that waits: left out."""
    await filled(sqlite_db)
    await sealed(sqlite_db)
    for _ in range(2):  # nothing has told how far it goes; then that waits for the sealer
        with pytest.raises(Unavailable, match=r"audit\.unsealed"):
            await sqlite_db.read(TOWN, export.log_evidence, TOWN, AGREEMENT)
        await sqlite_db.write(TOWN, disclose.tell, TOWN, AGREEMENT, did=PROVIDER)
    assert len(check_evidence(await exported(sqlite_db))) == 5
    await sqlite_db.write(TOWN, add, TOWN, "transfer", AGREEMENT, late=True)
    assert len(check_evidence(await sqlite_db.read(TOWN, export.log_evidence, TOWN, AGREEMENT))) == 5
    await sqlite_db.write(TOWN, add, TOWN, "agreement", AGREEMENT, countersigned=True)
    with pytest.raises(Unavailable, match=r"audit\.told-early"):
        await sqlite_db.read(TOWN, export.log_evidence, TOWN, AGREEMENT)
    assert len(check_evidence(await exported(sqlite_db))) == 8
    with pytest.raises(Defect, match=r"audit\.no-agreement-record"):
        await sqlite_db.read(TOWN, export.log_evidence, TOWN, "urn:uuid:other-0")


async def test_logs_are_apart(any_db: Database) -> None:
    """Two participants of one process: own indices, own trees."""
    await filled(any_db)
    await any_db.write(OTHER, add, OTHER, "agreement", AGREEMENT, what="theirs")
    assert (await sealed(any_db)).size == 10
    other = await sealer.seal(any_db, OTHER, "https://localhost:18443/nachbardorf", KEYS)
    assert other is not None
    assert other.size == 1


async def test_a_rolled_back_unit_leaves_no_record(sqlite_db: Database) -> None:
    """The record is part of the state change: without it there is none."""

    def unit(tx: Tx) -> None:
        add(tx, TOWN, "agreement", AGREEMENT)
        raise Defect("storage.statement", reason="test")

    with pytest.raises(Defect):
        await sqlite_db.write(TOWN, unit)
    assert await sqlite_db.read(TOWN, store.records, TOWN, AGREEMENT) == []


def edited(tx: Tx) -> None:
    row = store.records(tx, TOWN, AGREEMENT)[2]
    changed = row.record.replace(b'"p-1"', b'"p-2"')
    tx.run("UPDATE audit_entry SET record = :record WHERE id = :id", record=changed, id=row.id)


def deleted(tx: Tx) -> None:
    tx.run("DELETE FROM audit_entry WHERE id = :id", id=store.records(tx, TOWN, AGREEMENT)[2].id)


def reordered(tx: Tx) -> None:
    """The contents of two rows change places, leaves included."""
    one, two = store.records(tx, TOWN, AGREEMENT)[1:3]
    for target, source in ((one, two), (two, one)):
        tx.run(
            "UPDATE audit_entry SET record = :record, salt = :salt, leaf = :leaf, type = :type WHERE id = :id",
            record=source.record,
            salt=source.salt,
            leaf=source.leaf,
            type=source.type,
            id=target.id,
        )


def rewritten(tx: Tx) -> None:
    """An edit that takes the leaf along."""
    row = store.records(tx, TOWN, AGREEMENT)[2]
    changed = row.record.replace(b'"p-1"', b'"p-2"')
    leaf = entry.leaf_data(row.salt, changed)
    tx.run("UPDATE audit_entry SET record = :record, leaf = :leaf WHERE id = :id", record=changed, leaf=leaf, id=row.id)


@pytest.mark.threat("T26")
@pytest.mark.parametrize(
    ("harm", "error", "code", "facts"),
    [
        (edited, Fault, "record-chain", {"seq": 3}),
        (deleted, Defect, "audit.gap", {"index": 6}),
        (reordered, Fault, "record-gap", {"seq": 1}),
        (rewritten, Fault, "record-chain", {"seq": 3}),
    ],
)
async def test_whoever_edits_a_sealed_row_is_found_out(
    sqlite_db: Database, harm: Callable[[Tx], None], error: type[Exception], code: str, facts: dict[str, Any]
) -> None:
    """Edit, delete, reorder or rewrite one row of the database: the export or the verifier names the place."""
    await filled(sqlite_db)
    await exported(sqlite_db)
    await sqlite_db.write(TOWN, harm)
    with pytest.raises(error) as caught:
        check_evidence(await sqlite_db.read(TOWN, export.log_evidence, TOWN, AGREEMENT))
    assert isinstance(caught.value, Fault | Defect)
    assert caught.value.code == code
    assert facts.items() <= caught.value.facts.items()


@pytest.mark.threat("T26")
async def test_the_last_record_cannot_be_changed_either(sqlite_db: Database) -> None:
    """No later record chains to it, but its leaf stands in the signed tree."""
    await filled(sqlite_db)
    await exported(sqlite_db)

    def harm(tx: Tx) -> None:
        row = store.records(tx, TOWN, AGREEMENT)[4]
        changed = row.record.replace(b'"system"', b'"p-2"')
        tx.run("UPDATE audit_entry SET record = :record WHERE id = :id", record=changed, id=row.id)

    await sqlite_db.write(TOWN, harm)
    with pytest.raises(Fault) as caught:
        check_evidence(await sqlite_db.read(TOWN, export.log_evidence, TOWN, AGREEMENT))
    assert (caught.value.code, caught.value.facts["seq"], caught.value.facts["index"]) == ("record-proof", 4, 10)
