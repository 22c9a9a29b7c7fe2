"""A database comes back from a backup, and nobody says so: what is marked beside it does, without a network.

>> grow, copy, grow, come back << a new origin with the old checkpoint in it; nothing that was signed is signed again.
"""

import json
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest

from connector.dataspace.witness import heads
from connector.dataspace.witness.cosign import VouchedState as Seen
from connector.dataspace.witness.heads import LogHead, LogHeads, SignedState
from connector.dataspace.witness.restore import Restored
from connector.exchange.contracts.evidence.service import Evidence
from connector.foundation.errors import Unavailable
from connector.foundation.storage import open_database
from connector.foundation.storage.database import Tx
from connector.identity.audit import origins, sealer, store
from connector.identity.audit.origins import OWN
from connector.identity.audit.sealer import Batch
from tests.dataspace.witness.stage import TOWN, Peer, Stage
from tests.fuzz.effort import one_in
from tests.testkit.towns import Towns

ON_POSTGRES = pytest.mark.parametrize("towns", ["postgres"], indirect=True)
ROOT = b"r" * 32


class Kept(Stage):
    """A town's log with a folder beside its database; `again` is another process with the same folder."""

    def __init__(self, towns: Towns, folder: Path, *peers: Peer) -> None:
        self.folder = folder
        super().__init__(towns, *peers)

    def again(self) -> None:
        super().again()
        self.restored = Restored(self.towns.db, self.folder)
        self.witnesses._restored = self.restored

    async def noticed(self) -> bool:
        return await self.restored.noticed(self.hosted.participant)

    async def origins(self) -> list[Mapping[str, object]]:
        """Bodies of the records that say why the log has another name."""
        rows = await self.towns.rows(
            TOWN, "SELECT record FROM audit_entry WHERE participant = :participant AND type = 'log-origin' ORDER BY id"
        )
        return [json.loads(row["record"])["body"] for row in rows]


@pytest.mark.parametrize(
    ("mark", "state", "lost"),
    [
        (None, SignedState(0, None, None), False),
        (LogHead(0, 5, ROOT), SignedState(0, None, ROOT), False),
        (LogHead(0, 5, ROOT), SignedState(0, None, None), True),  # that size is not there any more
        (LogHead(0, 5, ROOT), SignedState(0, None, b"x" * 32), True),  # it was reached by another branch
        (LogHead(1, 5, ROOT), SignedState(0, None, ROOT), True),  # the origin itself is lost
        (LogHead(0, 5, ROOT), SignedState(1, None, None), False),  # nothing is signed there any more
        (LogHead(0, 5, ROOT), SignedState(0, None, None, gone=True), False),  # its log is being deleted, not restored
    ],
)
def test_decides(mark: LogHead | None, state: SignedState, lost: bool) -> None:
    assert heads.lost(mark, state) is lost


async def test_a_file_copied_back_is_noticed_at_the_start(towns: Towns, tmp_path: Path) -> None:
    """>> the same backup twice << origins 1 and 2, though the second time the first is lost with the database."""
    stage = Kept(towns, tmp_path / "log")
    early = await stage.grow(2)
    assert not await stage.noticed()
    database, backup = tmp_path / "hanse.db", tmp_path / "backup.db"
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    known = await stage.grow(3)
    assert not await stage.noticed()
    for epoch in (1, 2):
        await towns.db.close()
        for end in ("-wal", "-shm"):
            Path(f"{database}{end}").unlink(missing_ok=True)
        shutil.copyfile(backup, database)
        towns.db = open_database(f"sqlite://{database}")
        await towns.db.start()
        stage.again()
        assert await stage.witnesses.settled(stage.hosted)  # no witness is listed
        newest = await stage.grow(9)
        assert (newest.epoch, newest.size) == (epoch, early.size + 10)
        assert not await stage.noticed()
        [said] = await stage.origins()
        assert (said["known"], said["size"], said["witness"]) == (known.size, early.size, OWN)
        assert said["checkpoint"] == early.checkpoint
        known = newest
        stage.again()
        assert not await stage.noticed()
    await towns.db.close()


@ON_POSTGRES
async def test_a_database_exchanged_under_a_running_replica(towns: Towns, tmp_path: Path, cluster: ModuleType) -> None:
    """>> a copy takes its place while the process runs, and there is no folder << noticed at the next look."""
    stage = Kept(towns, Path("/proc/nowhere"))
    early = await stage.grow(2)
    assert not await stage.noticed()
    [row] = await towns.rows(TOWN, "SELECT current_database() AS name, :participant AS who")
    name, backup = row["name"], f"{row['name']}_backup"
    cluster.admin("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false", name)
    _cut(cluster, name)
    cluster.admin("CREATE DATABASE {} TEMPLATE {} OWNER hanse_owner", backup, name)
    cluster.admin("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true", name)
    known = await _patiently(stage, 3)
    assert not await stage.noticed()
    cluster.admin("DROP DATABASE {} WITH (FORCE)", name)
    cluster.admin("ALTER DATABASE {} RENAME TO {}", backup, name)
    newest = await _patiently(stage, 0)
    assert (newest.size, newest.epoch) == (early.size, 0)
    assert await stage.noticed()
    newest = await stage.seal()
    assert (newest.epoch, newest.size) == (1, early.size + 1)
    assert not await stage.noticed()
    assert (await stage.origins())[0]["known"] == known.size


def _cut(cluster: ModuleType, name: str) -> None:
    import psycopg

    with psycopg.connect(cluster.urls(name).admin.rpartition("/")[0] + "/postgres", autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


async def _patiently(stage: Stage, count: int) -> Batch:
    """Connections that were cut are opened anew."""
    for _ in range(20):
        try:
            return await stage.grow(count)
        except Unavailable:
            continue
    raise AssertionError("the database stays away")


@pytest.mark.on_both
async def test_two_replicas_open_one_origin(towns: Towns, tmp_path: Path) -> None:
    """>> both notice at once, each by a folder of its own << one new origin, one record."""
    one, two = Kept(towns, tmp_path / "a"), Kept(towns, tmp_path / "b")
    newest = await one.grow(2)
    for stage in (one, two):
        marked = sealer.sign(
            _ahead(newest), sealer.origin(stage.hosted.participant.root), [stage.hosted.signers["log"]]
        )
        stage.folder.mkdir()
        (stage.folder / TOWN).write_text(marked, encoding="utf-8")
    assert [await one.noticed(), await two.noticed()] == [True, False]
    await one.seal()
    assert not await two.noticed()
    assert len(await one.origins()) == 1
    assert await two.epoch() == 1


def _ahead(batch: Batch) -> Batch:
    from msgspec.structs import replace

    return replace(batch, size=batch.size + 7, root=ROOT)


async def test_witnesses_are_heard_again_after_a_restore(towns: Towns, tmp_path: Path) -> None:
    """>> the mark tells of a restore while the process runs; a witness knows the next origin too << the one behind."""
    peer = Peer()
    stage = Kept(towns, tmp_path / "log", peer)
    newest = await stage.grow(2)
    assert await stage.witnesses.settled(stage.hosted)
    root, signer = stage.hosted.participant.root, stage.hosted.signers["log"]
    notes = [sealer.sign(_ahead(newest), sealer.origin(root, epoch), [signer]) for epoch in (0, 1, 2)]
    (tmp_path / "log" / TOWN).write_text(notes[0], encoding="utf-8")
    for epoch in (1, 2):
        peer.held[sealer.origin(root, epoch)] = Seen(newest.size + 7, ROOT, notes[epoch])
    asked = len(peer.asked)
    assert await stage.witnesses.settled(stage.hosted)
    assert len(peer.asked) > asked
    after = await stage.seal()
    await stage.witnesses.look()
    assert (after.epoch, peer.held[sealer.origin(root, after.epoch)].size) == (3, after.size)


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"x" * 100_000, b"origin\n5\nAAAA\n\n", b"other.example/log/0"])
async def test_a_mark_that_is_none_is_no_reason(towns: Towns, tmp_path: Path, text: bytes) -> None:
    """A broken file, or one of another log, opens no origin; the next seal replaces it."""
    stage = Kept(towns, tmp_path / "log")
    newest = await stage.grow(2)
    (tmp_path / "log").mkdir()
    if b"/log/" in text:
        text = sealer.sign(_ahead(newest), text.decode(), [stage.hosted.signers["log"]]).encode()
    (tmp_path / "log" / TOWN).write_bytes(text)
    assert not await stage.noticed()
    assert (tmp_path / "log" / TOWN).read_text(encoding="utf-8") == newest.checkpoint
    assert [path.name for path in (tmp_path / "log").iterdir()] == [TOWN]


async def test_a_crash_before_the_signature_is_no_restore(towns: Towns, tmp_path: Path) -> None:
    """>> the marked batch is there, not signed << signed again under the same origin: it says the same."""
    stage = Kept(towns, tmp_path / "log")
    newest = await stage.grow(2)
    assert not await stage.noticed()
    await towns.db.write(TOWN, lambda tx: tx.run("UPDATE audit_seal SET checkpoint = NULL"))
    assert not await stage.noticed()
    again = await stage.seal()
    assert (again.size, again.root, again.epoch) == (newest.size, newest.root, 0)


async def test_a_participant_that_is_deleted_opens_no_origin(towns: Towns, tmp_path: Path) -> None:
    """>> its rows go while this replica still has it in its list << nothing is written for it any more."""
    stage = Kept(towns, tmp_path / "log")
    await stage.grow(2)
    assert not await stage.noticed()
    for state in ("closing", "closed", "deleting"):
        await towns.db.write(TOWN, _becomes, state)
    await towns.db.write(TOWN, lambda tx: tx.run("DELETE FROM audit_seal WHERE participant = :p", p=TOWN))
    assert not await stage.noticed()
    assert await stage.epoch() == 0


def _becomes(tx: Tx, state: str) -> None:
    tx.run("UPDATE participant SET state = :state WHERE id = :p", state=state, p=TOWN)


async def test_a_mark_only_rises(towns: Towns, tmp_path: Path) -> None:
    """>> an older batch after a newer one, another process that is behind << the folder keeps the newest."""
    kept, stage = LogHeads(tmp_path / "log"), Stage(towns)
    root = stage.hosted.participant.root
    older, newer = await stage.grow(1), await stage.grow(1)
    kept.keep(TOWN, root, newer)
    for one in (kept, LogHeads(tmp_path / "log")):
        one.keep(TOWN, root, older)
        assert one.known(TOWN, root) == LogHead(0, newer.size, newer.root)
    assert await towns.db.read(TOWN, origins.current, TOWN) == 0


async def test_bug_the_mark_stayed_behind_what_was_sealed_last(towns: Towns, tmp_path: Path) -> None:
    """>> records are sealed, and nothing more comes << no later round is needed for the mark beside the database."""
    stage = Kept(towns, tmp_path / "log")
    evidence = Evidence(towns.db, stage.clock, towns.participants, lambda own, _: "", stage.witnesses)
    await stage.grow(2)
    await towns.db.write(TOWN, store.append, TOWN, "decision", None, "p-1", {}, did=towns.did(TOWN))
    await evidence.seal_log(stage.hosted)
    newest = await towns.db.read(TOWN, sealer.latest, TOWN)
    assert newest is not None
    root = stage.hosted.participant.root
    assert LogHeads(tmp_path / "log").known(TOWN, root) == LogHead(0, newest.size, newest.root)


async def test_a_mark_that_could_not_be_written_is_written_later(towns: Towns, tmp_path: Path) -> None:
    """Past bug: the disk was full for a moment, or another process wrote less << after the restart nobody knew."""
    folder, stage = tmp_path / "log", Stage(towns)
    kept, root = LogHeads(folder), stage.hosted.participant.root
    older, newer = await stage.grow(1), await stage.grow(1)
    folder.write_text("in the way", encoding="utf-8")
    kept.keep(TOWN, root, newer)
    assert kept.known(TOWN, root) == LogHead(0, newer.size, newer.root)
    folder.unlink()
    kept.keep(TOWN, root, newer)
    assert LogHeads(folder).known(TOWN, root) == LogHead(0, newer.size, newer.root)
    (folder / TOWN).write_text(older.checkpoint or "", encoding="utf-8")
    kept.keep(TOWN, root, older)
    kept.keep(TOWN, root, newer)
    assert LogHeads(folder).known(TOWN, root) == LogHead(0, newer.size, newer.root)


@pytest.mark.parametrize("epoch", one_in(2, ["1000", "9" * 19, "9" * 200, "01", "-1", "\u0663"]))
async def test_a_mark_beyond_every_origin_neither_stops_the_seal_nor_opens_one(
    towns: Towns, tmp_path: Path, epoch: str
) -> None:
    """Past bug: a number that no database holds, and the log was sealed no more."""
    stage = Kept(towns, tmp_path / "log")
    newest = await stage.grow(2)
    (tmp_path / "log").mkdir()
    origin = sealer.origin(stage.hosted.participant.root).removesuffix("0") + epoch
    marked = sealer.sign(_ahead(newest), origin, [stage.hosted.signers["log"]])
    (tmp_path / "log" / TOWN).write_text(marked, encoding="utf-8")
    assert await stage.witnesses.settled(stage.hosted)
    assert await stage.epoch() == 0
    assert (tmp_path / "log" / TOWN).read_text(encoding="utf-8") == newest.checkpoint


async def test_a_mark_of_another_participant_of_this_name_counts_for_nobody(towns: Towns, tmp_path: Path) -> None:
    """The same short name at another address, within one process."""
    kept, stage = LogHeads(tmp_path / "log"), Stage(towns)
    kept.keep(TOWN, stage.hosted.participant.root, await stage.grow(1))
    assert kept.known(TOWN, "https://other.example/musterstadt") is None
