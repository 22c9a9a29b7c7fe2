"""A backup is whole or it is none: what happens to files, disk and process meanwhile does not show in it."""

import errno
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from connector.cli.main import main
from connector.continuity.backup import copies, create, examine, manifest
from connector.continuity.backup.create import Made, Wish
from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.settings.load import load
from connector.foundation.storage.sqlite.lock import ProcessLock
from tests.continuity.backup.conftest import CONTENT, TOWN, backed_up, killed, quiet

DIGEST = sha256(CONTENT).hexdigest()


def paths(made: Made) -> set[str]:
    return {item.path for item in made.manifest.files}


def test_everything_that_is_needed_is_in_it(made: Made) -> None:
    assert {
        f"files/{TOWN}/{DIGEST}",
        f"received/{TOWN}/flow/data.csv",
        "database/hanse.db",
        "data/hanse.toml",
        "data/port",
        f"data/log/{TOWN}",
    } <= paths(made)
    assert not [path for path in paths(made) if path.endswith(".part") or "key" in path]
    assert made.manifest.missing == ()
    assert made.manifest.database.kind == "sqlite"


def test_code_lists_that_an_operator_added_are_in_it(town: Path) -> None:
    """>> `vocab/`, readable by its owner alone << in the half that is shown: it holds no secret."""
    (town / "vocab").mkdir()
    (town / "vocab" / "list.json").write_text("{}")
    (town / "vocab" / "list.json").chmod(0o600)
    assert "data/vocab/list.json" in paths(backed_up(town))


def test_what_was_received_can_stay(town: Path) -> None:
    assert not [path for path in paths(backed_up(town, received=False)) if path.startswith("received/")]


def test_bug_data_of_a_participant_on_another_disk_were_left_out(town: Path) -> None:
    """>> `files/` and `received/` of a town are links to a larger disk << its data are in it; deeper links not."""
    for name in ("files", "received"):
        elsewhere = town.with_name(f"disk-{name}")
        shutil.move(town / name / TOWN, elsewhere)
        (town / name / TOWN).symlink_to(elsewhere)
        (elsewhere / "deeper").symlink_to(town / "trust")
    made = backed_up(town)
    assert made.manifest.missing == ()
    found = [path for path in paths(made) if path.startswith(("files/", "received/"))]
    assert sorted(found) == [f"files/{TOWN}/{DIGEST}", f"received/{TOWN}/flow/data.csv"]


def test_bug_of_two_files_of_one_name_one_was_kept(town: Path) -> None:
    """>> `ca_files` names `a/ca.pem` and `b/ca.pem`, both outside of the data folder << both are in the backup."""
    places = [town.with_name(name) / "ca.pem" for name in "ab"]
    for place in places:
        place.parent.mkdir()
        place.write_text(f"CA of {place.parent.name}")
    text = (town / "hanse.toml").read_text()
    (town / "hanse.toml").write_text(text.replace("ca_files = [", f'ca_files = ["{places[0]}", "{places[1]}", ', 1))
    made = backed_up(town)
    kept = [made.folder / path for path in paths(made) if path.endswith("/ca.pem")]
    assert sorted(path.read_text() for path in kept) == ["CA of a", "CA of b"]


def test_bug_of_a_file_named_with_dots_no_backup_came_back(town: Path) -> None:
    """>> settings name a CA and a secret beside the data folder, by `../` << they are kept as what lies elsewhere: the
    manifest can be read, and nothing was written beside the backup."""
    beside = town.with_name("space")
    beside.mkdir()
    (beside / "ca.pem").write_text("CA of the space")
    (beside / "pin").write_text("1234")
    text = (town / "hanse.toml").read_text()
    text = text.replace("ca_files = [", 'ca_files = ["../space/ca.pem", ', 1)
    (town / "hanse.toml").write_text(f'{text}\n[signers]\npkcs11_pin_file = "../space/pin"\n')
    made = backed_up(town)
    assert (made.folder / "data" / "outside" / "trust.ca_files" / "ca.pem").read_text() == "CA of the space"
    assert sorted(path.name for path in made.folder.iterdir() if path.is_dir()) == [
        "data",
        "database",
        "files",
        "received",
    ]
    backup = examine.read(made.folder)
    examine.whole(backup, quiet)
    _, held = examine.opened(backup, made.keys, None)
    assert not [path for path in held.files if ".." in path]
    assert list(held.elsewhere.values()).count(b"1234") == 1


def test_a_file_that_nothing_names_any_more_is_not_in_it(town: Path) -> None:
    """>> a participant is deleted while its files are being copied << none of its data lives on in the backup."""
    left = town / "files" / "gone" / ("0" * 64)
    left.parent.mkdir()
    left.write_bytes(b"Zimmerpflanze 4711")
    made = backed_up(town)
    assert not [path for path in paths(made) if "gone" in path]
    assert b"Zimmerpflanze" not in b"".join(p.read_bytes() for p in made.folder.rglob("*") if p.is_file())


def test_a_file_published_while_the_backup_runs_is_in_it(town: Path) -> None:
    """>> published behind the first look at the files, before the database is copied << in both."""
    settings, more = load(town, {}), b"new"
    digest = sha256(more).hexdigest()
    copy = create.offline(settings)

    def busy(target: Path, told: examine.Told) -> None:
        (town / "files" / TOWN / digest).write_bytes(more)
        with closing(sqlite3.connect(town / "hanse.db")) as database, database:
            values = (TOWN, "new", "file", digest, "new.csv", "text/csv", 3, digest, 0, "", "{}", None)
            database.execute("INSERT INTO source VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        copy(target, told)

    made = create.make(settings, Wish(town.with_name("b"), town.with_name("k"), None), busy, quiet)
    assert {f"files/{TOWN}/{digest}", f"files/{TOWN}/{DIGEST}"} <= paths(made)


def test_files_that_go_meanwhile_are_told_of_and_stop_nothing(town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a file is gone, another one's bytes are not what its name says << both named, the rest is backed up."""
    (town / "files" / TOWN / DIGEST).write_bytes(b"rotten")
    assert backed_up(town).manifest.missing == (f"{TOWN}/{DIGEST}",)
    copied = copies.copied

    def late(source: Path, *args: object) -> object:
        if source.name == DIGEST:
            source.unlink(missing_ok=True)
        return copied(source, *args)

    monkeypatch.setattr(copies, "copied", late)
    assert backed_up(town).manifest.missing == (f"{TOWN}/{DIGEST}",)


def test_bug_a_backup_that_lacks_a_published_file_ended_with_0(town: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """>> a published file is damaged << the rest is backed up, the file is named, exit 1; whole again << exit 0."""
    place = town / "files" / TOWN / DIGEST
    whole = place.read_bytes()
    place.write_bytes(b"rotten")
    assert main(["--data", str(town), "--lang", "de", "backup"], {}) == 1
    assert DIGEST in capsys.readouterr().out
    place.write_bytes(whole)
    assert main(["--data", str(town), "--lang", "de", "backup"], {}) == 0


@pytest.mark.parametrize("where", ["in", "files"])
def test_not_into_what_is_to_be_backed_up(town: Path, where: str) -> None:
    place = town / "backups" if where == "in" else town / "files" / "x"
    with pytest.raises(Mistake, match=r"backup\.inside"):
        backed_up(town, to=place)
    with pytest.raises(Mistake, match=r"backup\.inside"):
        backed_up(town, keys_to=place)


def test_without_a_server_none_can_start_meanwhile(town: Path) -> None:
    lock = ProcessLock(town / "hanse.db")
    lock.take()
    try:
        with pytest.raises(Mistake, match=r"storage\.locked"):
            backed_up(town)
    finally:
        lock.release()
    assert {path.name for path in town.with_name("backups").iterdir()} == {".lock", ".gitignore"}


def test_another_masters_keys_make_no_backup(town: Path) -> None:
    """>> the environment names another master key than the server's << refused: such a backup would open nothing."""
    (town / "trust" / "master.key").write_text("ab" * 32)
    with pytest.raises(Mistake, match="other-master-key"):
        backed_up(town)
    (town / "trust" / "master.key").unlink()
    with pytest.raises(Mistake, match="no-master-key"):
        backed_up(town)
    assert not (town / "trust" / "master.key").exists()


@pytest.mark.parametrize("at", range(8))
def test_a_full_disk_leaves_nothing_that_counts(town: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """>> no space at each file in turn << said so; no folder, no draft."""
    count = 0

    def full(read: object, *args: object) -> object:
        nonlocal count
        count += 1
        if count == at + 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return poured(read, *args)

    poured: Callable[..., object] = copies.poured
    monkeypatch.setattr(copies, "poured", full)
    with pytest.raises(Unavailable, match=r"backup\.full"):
        backed_up(town)
    assert {path.name for path in town.with_name("backups").iterdir()} == {".lock", ".gitignore"}


def test_too_little_room_is_said_before_anything_is_written(town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(town)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(Mistake, match=r"backup\.no-room"):
        backed_up(town)
    assert not town.with_name("backups").exists()


def test_a_damaged_database_is_not_backed_up(town: Path) -> None:
    place = town / "hanse.db"
    data = bytearray(place.read_bytes())
    data[8192:20480] = os.urandom(12288)
    place.write_bytes(data)
    with pytest.raises(Mistake, match=r"storage\.broken"):
        backed_up(town)


_STEPS = (
    (copies, "poured"),
    (copies, "item_of"),
    (copies, "synced"),
    (create, "synced"),
    (manifest, "written"),
    (create.snapshot, "copy"),
    (create.snapshot, "sound"),
)


@pytest.mark.parametrize(
    "at", [1, 3, 8, 20, *(pytest.param(at, marks=pytest.mark.long) for at in (2, 5, 12, 16, 24, 28))]
)
def test_killed_at_any_step_there_is_a_whole_backup_or_none(town: Path, at: int) -> None:
    """>> SIGKILL in the middle << what has the name of a backup is whole; the next backup clears what was left."""
    assert killed(at, _STEPS, lambda: backed_up(town)) in ((-signal.SIGKILL,) if at < 8 else (-signal.SIGKILL, 0))
    for place in town.with_name("backups").glob("hanse-*"):
        if not place.name.endswith(create.PARTIAL):
            examine.whole(examine.read(place), quiet)
    for half in town.with_name("backups").glob("*.partial"):
        half.rename(half.with_name("hanse-20260101T000000Z.partial"))  # the next one begins in another second
    made = backed_up(town)
    examine.whole(examine.read(made.folder), quiet)
    assert not list(town.with_name("backups").glob("*.partial"))


def test_what_lies_in_a_checkout_is_not_committed_by_mistake(town: Path) -> None:
    """Bug: `hanse backup` as the README tells it left a folder of keys that `git add` would have taken."""
    made = backed_up(town)
    assert made.folder.parent.joinpath(".gitignore").read_text() == "*\n"
    assert made.keys.parent.joinpath(".gitignore").read_text() == "*\n"


def test_a_folder_that_was_there_stays_as_it_is(town: Path) -> None:
    to = town.with_name("backups")
    to.mkdir()
    backed_up(town)
    assert not (to / ".gitignore").exists()
