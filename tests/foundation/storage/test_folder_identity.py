"""A data folder belongs to one database: who gets it, who is refused, and what a crash leaves."""

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType

import psycopg
import pytest

from connector.foundation.errors import Defect, HanseError, Mistake, Unavailable
from connector.foundation.storage import PROCESS, Database, Tx, folder_identity, migrate, open_database, upgrade
from connector.foundation.storage.folder_identity import FILE, checked, claim, owner
from tests.testkit.releases import before

OURS, OTHER = "a" * 32, "b" * 32


def test_the_first_database_gets_the_folder_and_keeps_it(tmp_path: Path) -> None:
    """>> the first start, the next ones, another database << noted, as it was, refused; a way out is said."""
    assert owner(tmp_path) is None
    claim(tmp_path, OURS)
    claim(tmp_path, OURS)
    assert (owner(tmp_path), [one.name for one in tmp_path.iterdir()]) == (OURS, [FILE])
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0
    with pytest.raises(Mistake, match=r"storage\.folder-of-another") as refused:
        claim(tmp_path, OTHER)
    assert refused.value.facts == {"folder": tmp_path, "file": tmp_path / FILE}
    assert owner(tmp_path) == OURS
    (tmp_path / FILE).unlink()  # what the sentence says
    claim(tmp_path, OTHER)
    assert owner(tmp_path) == OTHER


def test_before_migrating_a_database_without_an_id_is_no_other(tmp_path: Path) -> None:
    """A fresh database, or one of an older release, in a folder that has one << refused; a new folder takes it."""
    checked(tmp_path, None, None)
    checked(tmp_path, None, OURS)
    checked(tmp_path, OURS, OURS)
    for found in (None, OTHER):
        with pytest.raises(Mistake, match=r"storage\.folder-of-another"):
            checked(tmp_path, OURS, found)


@pytest.mark.parametrize("text", ["", "x", "A" * 32, "a" * 31, "a" * 33, f"{OURS}\n{OURS}", "ä" * 32, "a" * 5_000])
def test_a_file_that_says_nothing_is_believed_to_be_nobodys(text: str, tmp_path: Path) -> None:
    """>> cut, bent, too long << refused with a sentence, and left as it is."""
    (tmp_path / FILE).write_text(text)
    with pytest.raises(Mistake, match=r"storage\.folder-unclear"):
        claim(tmp_path, OURS)
    assert (tmp_path / FILE).read_text() == text


def test_what_is_no_file_of_its_own_is_not_read(tmp_path: Path) -> None:
    """>> a link to another folder's file, a pipe, a folder << refused, nothing waits, nothing is written."""
    away = tmp_path / "away"
    away.write_text(OURS)
    for made in (
        lambda place: place.symlink_to(away),
        lambda place: place.symlink_to(tmp_path / "nowhere"),
        os.mkfifo,
        lambda place: place.mkdir(),
    ):
        folder = tmp_path / "data"
        folder.mkdir()
        made(folder / FILE)
        with pytest.raises(Mistake, match=r"storage\.folder-unclear"):
            claim(folder, OURS)
        folder.rename(tmp_path / f"done-{len(list(tmp_path.iterdir()))}")
    assert not (tmp_path / "nowhere").exists()


def test_without_hard_links_it_works_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", none)
    claim(tmp_path, OURS)
    assert [one.name for one in tmp_path.iterdir()] == [FILE]
    with pytest.raises(Mistake, match=r"storage\.folder-of-another"):
        claim(tmp_path, OTHER)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_folder_that_takes_nothing_is_said(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a full or broken disk << not started, and nothing half made; as soon as there is room it goes."""

    def fails(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(Unavailable, match=r"storage\.folder-unwritable"):
        claim(tmp_path, OURS)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []
    claim(tmp_path, OURS)


def test_bug_a_full_disk_without_hard_links_left_half_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> no hard links, and the disk is full at the second write << said; with room the next start is at home."""
    real, calls = os.fsync, list[int]()

    def none(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "link", none)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable, match=r"storage\.folder-unwritable"):
        claim(tmp_path, OURS)
    assert list(tmp_path.iterdir()) == []
    claim(tmp_path, OURS)
    assert owner(tmp_path) == OURS


@pytest.mark.parametrize("links", [True, False])
def test_of_many_at_once_one_database_gets_it(links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> replicas of two databases start together << all of one are in, all of the other are refused."""
    if not links:  # then a file may be seen before its content, which refuses a start, and is no other's

        def none(*_: object) -> None:
            raise OSError(errno.ENOTSUP, "Operation not supported")

        monkeypatch.setattr(os, "link", none)
    together, results = threading.Barrier(8), list[tuple[str, str]]()

    def start(found: str) -> None:
        together.wait()
        try:
            claim(tmp_path, found)
        except Mistake as error:
            results.append((found, error.code))
        else:
            results.append((found, "in"))

    threads = [threading.Thread(target=start, args=(found,)) for found in (OURS, OTHER) * 4]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    won = owner(tmp_path)
    assert won in (OURS, OTHER)
    assert len(results) == 8
    unclear = set() if links else {"storage.folder-unclear"}
    assert {said for found, said in results if found != won} <= {"storage.folder-of-another"} | unclear
    assert {said for found, said in results if found == won} <= {"in"} | unclear
    assert [one.name for one in tmp_path.iterdir()] == [FILE]


_DIES = """
import os, signal, sys
from pathlib import Path
from connector.foundation.storage import folder_identity
real = getattr(os, sys.argv[2])
def dying(*args, **kw):
    if sys.argv[3] == "after":
        real(*args, **kw)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(os, sys.argv[2], dying)
folder_identity.claim(Path(sys.argv[1]), "a" * 32)
"""


@pytest.mark.parametrize("moment", ["before fsync", "after fsync", "before link", "after link"])
def test_killed_in_the_middle_the_next_start_goes_on(moment: str, tmp_path: Path) -> None:
    """>> SIGKILL before and after each step << the folder is nobody's or ours, never in doubt."""
    when, step = moment.split()
    died = subprocess.run([sys.executable, "-c", _DIES, str(tmp_path), step, when], check=False)
    assert died.returncode == -signal.SIGKILL
    assert owner(tmp_path) == (OURS if moment == "after link" else None)
    claim(tmp_path, OURS)
    assert owner(tmp_path) == OURS


async def test_every_database_has_an_id_that_the_service_cannot_change(any_db: Database) -> None:
    found = await any_db.read(PROCESS, folder_identity.identity)
    assert folder_identity._ID.fullmatch(found)
    if any_db.dialect == "postgres":
        for change in ("UPDATE database_identity SET id = 'x'", "DELETE FROM database_identity"):
            with pytest.raises(Defect, match=r"storage\.foreign-row"):
                await any_db.write(PROCESS, _run, change)


def test_two_databases_have_two_ids_and_one_that_comes_back_has_its_own(tmp_path: Path) -> None:
    """SQLite: made anew << another one; a backup put back << the same; a file that is not there << none, none made."""
    urls = [f"sqlite://{tmp_path / name}.db" for name in ("one", "two")]
    assert migrate.identity(urls[0]) is None
    assert list(tmp_path.iterdir()) == []
    for url in urls:
        upgrade(url)
    one, two = (migrate.identity(url) for url in urls)
    assert None not in (one, two)
    assert one != two
    (tmp_path / "two.db").write_bytes((tmp_path / "one.db").read_bytes())
    assert migrate.identity(urls[1]) == one


@pytest.mark.parametrize("content", [b"no database at all " * 100, b"SQLite format 3\0" + bytes(200)])
def test_bug_a_file_that_is_no_database_was_a_crash(content: bytes, tmp_path: Path) -> None:
    """>> a broken file where the database was, in a folder that has a note << an error of ours, the file untouched."""
    (tmp_path / "hanse.db").write_bytes(content)
    with pytest.raises(HanseError, match=r"storage\."):
        migrate.identity(f"sqlite://{tmp_path / 'hanse.db'}")
    assert (tmp_path / "hanse.db").read_bytes() == content


def test_an_older_release_has_none_until_it_is_migrated(tmp_path: Path, cluster: ModuleType) -> None:
    """On both databases; looking changes nothing."""
    older = before(tmp_path / "older", "0016")
    with cluster.empty() as urls:
        for url in (urls.owner, f"sqlite://{tmp_path / 'hanse.db'}"):
            if url == urls.owner:
                assert migrate.identity(url) is None
                with psycopg.connect(urls.admin) as admin:
                    assert admin.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (
                        0,
                    )
            upgrade(url, folder=older)
            assert migrate.identity(url) is None
            upgrade(url)
            first = migrate.identity(url)
            assert first
            assert migrate.identity(url) == first


async def test_the_service_reads_what_the_owner_reads(cluster: ModuleType, tmp_path: Path) -> None:
    """Two replicas with a folder each and one that they share: all are of one database."""
    with cluster.empty() as urls:
        upgrade(urls.owner)
        database = open_database(urls.app, worker_url=urls.worker)
        await database.start()
        try:
            for name in ("a", "b", "b"):
                (tmp_path / name).mkdir(exist_ok=True)
                await folder_identity.settle(database, tmp_path / name)
                assert owner(tmp_path / name) == migrate.identity(urls.owner)
        finally:
            await database.close()


def _run(tx: Tx, sql: str) -> None:
    tx.run(sql)
