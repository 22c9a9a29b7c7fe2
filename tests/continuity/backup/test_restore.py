"""A restore makes the whole folder or one that no server starts in; it overwrites nothing that was there before."""

import errno
import json
import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from connector.app.process import _prepare
from connector.cli.main import main
from connector.continuity.backup import copies, examine, keys, manifest, restore
from connector.continuity.backup.create import Made
from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.settings.load import load
from connector.foundation.storage import folder_identity, migrate
from tests.continuity.backup.conftest import TOWN, backed_up, killed, quiet


def put_back(made: Made, target: Path, **environ: str) -> restore.Restored:
    backup = examine.read(made.folder)
    _, held = examine.opened(backup, made.keys, None)
    return restore.restore(backup, held, target, environ, quiet)


def tree(folder: Path) -> dict[str, bytes]:
    left_out = ("hanse.db.stamp-", "hanse.db.lock", ".lock")
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(left_out)
    }


@pytest.fixture
def fresh(town: Path) -> Path:
    return town.with_name("fresh")


def test_what_comes_back_is_what_was(town: Path, made: Made, fresh: Path) -> None:
    """>> an empty place << file by file as before but the database's own header; the folder is its database's."""
    done = put_back(made, fresh)
    before, after = tree(town), tree(fresh)
    assert {path: data for path, data in before.items() if path in after and path != "hanse.db"} == {
        path: data for path, data in after.items() if path in before and path != "hanse.db"
    }
    assert {path for path in before.keys() - after.keys() if not path.endswith((".part", "-wal", "-shm"))} == set()
    assert (
        folder_identity.owner(fresh)
        == migrate.identity(f"sqlite://{fresh / 'hanse.db'}")
        == folder_identity.owner(town)
    )
    assert (fresh / "trust" / "master.key").stat().st_mode & 0o777 == 0o600
    assert fresh.stat().st_mode & 0o777 == (fresh / "files").stat().st_mode & 0o777 == 0o700
    assert done.examined.wrong == ()
    assert done.examined.states > 0
    _prepare(load(fresh, {}))


@pytest.mark.threat("T151")
def test_bug_a_database_that_was_put_back_did_not_know_it(town: Path, fresh: Path) -> None:
    """>> a participant keeps a space whose list 7 is signed << the database that is put back says that lists may be out
    which it does not know; the backup itself says nothing."""
    with closing(sqlite3.connect(town / "hanse.db")) as db, db:
        db.execute("INSERT INTO space VALUES (?, 's', 'S', 'a', 'k', '{}', x'00', '{}', 1, 1, 1, 1, 1)", (TOWN,))
        db.execute("INSERT INTO space_version VALUES (?, 7, '', '', 'signed', 1, 1)", (TOWN,))
    put_back(backed_up(town), fresh)
    found = []
    for folder in (town, fresh):
        with closing(sqlite3.connect(folder / "hanse.db")) as db:
            found.append(db.execute("SELECT state, reason, own FROM space_recovery").fetchall())
    assert found == [[], [("asking", "restored", 7)]]
    _prepare(load(fresh, {}))


def test_bug_a_backup_of_an_older_release_with_dots_in_its_names_was_called_damaged(made: Made, fresh: Path) -> None:
    """>> files and keys that settings name by `../`, as older releases kept them << back, as what lay elsewhere."""
    backup = examine.read(made.folder)
    _, held = examine.opened(backup, made.keys, None)
    (made.folder / "space" / "trust").mkdir(parents=True)
    (made.folder / "space" / "trust" / "list.jws").write_bytes(b"list")
    item = copies.item_of(made.folder / "space" / "trust" / "list.jws", "data/../space/trust/list.jws")
    older = msgspec.structs.replace(held, files={**held.files, "../space/server.key": b"key"})
    how, sealed = keys.sealed(older, backup.manifest.name, made.keys.name, None)
    made.keys.write_bytes(sealed)
    found = msgspec.structs.replace(backup.manifest, keys=how, files=(*backup.manifest.files, item))
    body, seal = manifest.written(found, examine.mac_key(held.master))
    (made.folder / manifest.FILE).write_bytes(body)
    (made.folder / manifest.SEAL).write_bytes(seal)
    examine.whole(examine.read(made.folder), quiet)
    done = put_back(made, fresh)
    assert {"outside/space/trust/list.jws", "outside/space/server.key"} <= set(done.outside)
    assert (fresh / "outside" / "space" / "trust" / "list.jws").read_bytes() == b"list"
    secret = fresh / "outside" / "space" / "server.key"
    assert (secret.read_bytes(), secret.stat().st_mode & 0o777) == (b"key", 0o600)
    assert not fresh.with_name("space").exists()


def test_into_an_empty_folder_only(town: Path, made: Made, fresh: Path) -> None:
    """>> the folder of before, a folder with something, an elsewhere with something << refused, nothing changed."""
    before = tree(town)
    with pytest.raises(Mistake, match=r"backup\.not-empty"):
        put_back(made, town)
    assert tree(town) == before
    elsewhere = town.with_name("elsewhere")
    elsewhere.mkdir()
    (elsewhere / "x").write_text("mine")
    with pytest.raises(Mistake, match=r"backup\.not-empty"):
        put_back(made, fresh, HANSE_DATA__FILES=str(elsewhere))
    assert tree(elsewhere) == {"x": b"mine"}


def test_killed_while_the_mark_was_written_the_same_command_goes_on(town: Path, made: Made, fresh: Path) -> None:
    """>> only a draft of the mark lies there << the folder counts as empty, and the draft does not stay."""
    fresh.mkdir(mode=0o700)
    (fresh / ".restore.partial-k3v9x_2a").write_bytes(b"{")
    put_back(made, fresh)
    assert [path.name for path in fresh.iterdir() if "partial" in path.name] == []


def test_beside_the_log_of_a_database_of_before_nothing_is_put(town: Path, made: Made, fresh: Path) -> None:
    """>> the settings name a database whose `-wal` is still there << refused: it would be played back into the copy."""
    place = town.with_name("elsewhere.db")
    place.with_name("elsewhere.db-wal").write_bytes(b"x" * 5000)
    with pytest.raises(Mistake, match=r"backup\.not-empty"):
        put_back(made, fresh, HANSE_DATABASE__URL=f"sqlite://{place}")
    assert not place.exists()


def test_no_server_starts_in_what_is_half_and_the_same_command_finishes_it(
    made: Made, fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the disk is full in the middle << marked, refused by every start; again it is whole. Another one's is not."""
    with monkeypatch.context() as patched:
        patched.setattr(restore.snapshot, "sound", lambda _: (_ for _ in ()).throw(Unavailable("storage.full")))
        with pytest.raises(Unavailable):
            put_back(made, fresh)
    with pytest.raises(Mistake, match=r"storage\.half-restored"):
        _prepare(load(fresh, {}))
    other = made._replace(folder=shutil.copytree(made.folder, made.folder.with_name("other")))
    backup = examine.read(other.folder)
    renamed = backup._replace(manifest=msgspec.structs.replace(backup.manifest, name="other"))
    with pytest.raises(Mistake, match=r"backup\.another-half"):
        restore.restore(renamed, examine.opened(backup, made.keys, None)[1], fresh, {}, quiet)
    put_back(made, fresh)
    _prepare(load(fresh, {}))


_STEPS = (
    (copies, "poured"),
    (restore, "replaced"),
    (restore, "load"),
    (restore.folder_identity, "claim"),
    (restore.snapshot, "sound"),
    (restore, "synced"),
    (examine, "examined"),
    (copies, "durable"),
)


@pytest.mark.parametrize(
    "at", [1, 4, 12, 20, *(pytest.param(at, marks=pytest.mark.long) for at in (2, 8, 16, 18, 22, 24))]
)
def test_killed_at_any_step_no_server_starts_until_it_is_whole(town: Path, made: Made, fresh: Path, at: int) -> None:
    """>> SIGKILL in the middle << either nothing was begun, or it is marked as half, or it was whole; then again."""

    def work() -> None:
        backup = examine.read(made.folder)
        restore.restore(backup, examine.opened(backup, made.keys, None)[1], fresh, {}, quiet)

    assert killed(at, _STEPS, work) in ((-signal.SIGKILL,) if at < 8 else (-signal.SIGKILL, 0))
    left = {path.name for path in fresh.iterdir()} - {restore.LOCK} if fresh.exists() else set()
    if folder_identity.HALF in left:
        with pytest.raises(Mistake, match=r"storage\.half-restored"):
            _prepare(load(fresh, {}))
    if not left or folder_identity.HALF in left:
        put_back(made, fresh)
    assert (fresh / "files" / TOWN).is_dir()
    _prepare(load(fresh, {}))


def test_a_second_attempt_touches_no_other_place(town: Path, made: Made, fresh: Path) -> None:
    """>> the first ended half; the second is called with the address of a living database << refused, and it lives."""
    with pytest.raises(Mistake, match="other-master-key"):
        put_back(made, fresh, HANSE_TRUST__MASTER_KEY="ab" * 32)
    before = tree(town)
    for environ in (
        {"HANSE_DATABASE__URL": f"sqlite://{town / 'hanse.db'}"},
        {"HANSE_DATA__FILES": str(town / "files")},
    ):
        with pytest.raises(Mistake, match=r"backup\.not-empty"):
            put_back(made, fresh, **environ)
    assert tree(town) == before
    put_back(made, fresh)


def test_a_second_attempt_goes_on_in_folders_elsewhere(town: Path, made: Made, fresh: Path) -> None:
    """>> data folders outside, the first attempt ended half << the second puts the same there."""
    elsewhere = {"HANSE_DATA__FILES": str(town.with_name("volume"))}
    with pytest.raises(Mistake, match="other-master-key"):
        put_back(made, fresh, HANSE_TRUST__MASTER_KEY="ab" * 32, **elsewhere)
    put_back(made, fresh, **elsewhere)
    assert tree(town.with_name("volume")) == tree(town / "files")


def test_two_at_once_do_not_meet(town: Path, made: Made, fresh: Path) -> None:
    """>> a second restore into the folder, a second backup into another << refused while the first is under way."""
    fresh.mkdir()
    with copies.alone(fresh / restore.LOCK), pytest.raises(Mistake, match=r"backup\.busy"):
        put_back(made, fresh)
    with copies.alone(made.folder.parent / ".lock"), pytest.raises(Mistake, match=r"backup\.busy"):
        backed_up(town)
    put_back(made, fresh)
    assert not (fresh / restore.LOCK).exists()


def test_a_full_disk_is_said(made: Made, fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> object:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(copies, "poured", full)
    with pytest.raises(Unavailable, match=r"backup\.full"):
        put_back(made, fresh)


def test_a_backup_of_a_later_release_is_refused(made: Made, fresh: Path) -> None:
    backup = examine.read(made.folder)
    later = msgspec.structs.replace(
        backup.manifest.database, schema=(*backup.manifest.database.schema, ("9999_post_future", "post"))
    )
    newer = backup._replace(manifest=msgspec.structs.replace(backup.manifest, database=later))
    with pytest.raises(Mistake, match=r"storage\.schema-new"):
        restore.restore(newer, examine.opened(backup, made.keys, None)[1], fresh, {}, quiet)
    assert not fresh.exists()


def test_a_database_of_another_kind_and_another_master_key_are_refused(made: Made, fresh: Path) -> None:
    with pytest.raises(Mistake, match=r"backup\.other-kind"):
        put_back(made, fresh, HANSE_DATABASE__URL="postgresql://localhost/x")
    with pytest.raises(Mistake, match=r"backup\.other-master-key"):
        put_back(made, fresh, HANSE_TRUST__MASTER_KEY="ab" * 32)
    with pytest.raises(Mistake, match=r"storage\.half-restored"):
        _prepare(load(fresh, {}))


@pytest.mark.threat("T73")
@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE audit_entry SET record = CAST(record || ' ' AS BLOB) WHERE leaf_index = 0", "record-changed"),
        ("UPDATE audit_seal SET root = zeroblob(32)", "log-root"),
        ("UPDATE audit_entry SET leaf = zeroblob(32) WHERE leaf_index = 0", "record-changed"),
        ("UPDATE audit_seal SET checkpoint = replace(checkpoint, '/log/0', '/log/1')", "checkpoint-signature"),
    ],
)
def test_what_was_bent_in_the_database_shows_in_the_check(town: Path, statement: str, why: str) -> None:
    """>> a record, a leaf, a root or a signed state is not what was signed << named, exit code 1; as it was, none."""
    whole = backed_up(town, check=True).examined
    assert whole is not None
    assert (whole.states > 0, whole.wrong) == (True, ())
    with closing(sqlite3.connect(town / "hanse.db")) as database, database:
        assert database.execute(statement).rowcount
    examined = backed_up(town, check=True).examined
    assert examined is not None
    assert why in {one.why for one in examined.wrong}


def test_the_commands_say_what_they_did(town: Path, fresh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """>> backup, check, restore without an option << found beside the data folder, each step said, codes 0."""
    assert main(["--data", str(town), "--lang", "en", "backup"], {}) == 0
    said = capsys.readouterr().out
    assert "Take this file to another place" in said
    (place,) = town.with_name("town-backups").glob("hanse-*")
    assert main(["--data", str(town), "--lang", "en", "restore", "--check", str(place)], {}) == 0
    assert "all checksums hold" in capsys.readouterr().out
    assert main(["--data", str(fresh), "--lang", "en", "restore", str(place)], {}) == 0
    assert "hanse records compare" in capsys.readouterr().out
    assert main(["--data", str(fresh), "--lang", "en", "restore", str(place)], {}) == 1
    assert "is not empty" in capsys.readouterr().err
    assert main(["--data", str(fresh), "--json", "restore", str(fresh)], {}) == 1
    assert json.loads(capsys.readouterr().out)["code"] == "backup.none"
