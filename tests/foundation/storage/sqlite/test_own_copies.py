"""Copies that the server makes of its database: where they lie, who takes one, and what becomes of the others."""

import errno
import os
from pathlib import Path

import pytest

from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.storage.sqlite import own_copies


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "hanse.db"
    path.parent.mkdir()
    path.write_bytes(bytes(1_000))
    return path


@pytest.mark.threat("T73")
def test_only_a_copy_is_taken(database: Path, tmp_path: Path) -> None:
    """>> names that lead elsewhere, a link, one that is not there << nothing is moved; a copy is, over the draft."""
    secret, target = database.parent / "secret.db", tmp_path / "hanse.db"
    secret.write_text("mine")
    target.touch()
    made = own_copies.begin(database, 0)
    made.write_text("copy")
    linked = made.with_name("00000000-0000-0000-0000-000000000000.db")
    linked.symlink_to(secret)
    for name in (
        "../secret.db",
        str(secret),
        "",
        "..",
        linked.name,
        f"{made.name}/",
        f"x{made.name}",
        "1" * 36 + ".db",
    ):
        with pytest.raises(Unavailable, match=r"backup\.not-there"):
            own_copies.take(database, name, target)
    assert (secret.read_text(), target.read_bytes()) == ("mine", b"")
    own_copies.take(database, made.name, target)
    assert target.read_text() == "copy"
    assert not made.exists()


def test_a_copy_crosses_disks(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the backup lies on another disk; that is full << copied, and removed; said, and the copy stays."""

    def other_disk(source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, "other disk")

    monkeypatch.setattr(os, "replace", other_disk)
    made, target = own_copies.begin(database, 0), tmp_path / "hanse.db"
    made.write_text("copy")
    own_copies.take(database, made.name, target)
    assert (target.read_text(), made.exists()) == ("copy", False)

    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("shutil.copyfile", full)
    made = own_copies.begin(database, 0)
    with pytest.raises(Unavailable, match=r"storage\.full"):
        own_copies.take(database, made.name, target)


def test_what_nobody_took_goes_with_the_next(database: Path) -> None:
    """>> a copy of two hours ago, one of now, a file of somebody << the first is gone."""
    old, new = own_copies.begin(database, 0), own_copies.begin(database, 0)
    other = old.with_name("notes.txt")
    other.write_text("mine")
    for path in (old, other):
        os.utime(path, (0, 0))
    third = own_copies.begin(database, 0)
    assert sorted(old.parent.iterdir()) == sorted([new, other, third])


def test_a_copy_leaves_room_for_the_service(database: Path) -> None:
    """>> no room beside what has to stay free; a folder that is none << said, and nothing is made."""
    with pytest.raises(Mistake, match=r"backup\.no-room"):
        own_copies.begin(database, 1 << 60)
    folder = database.with_name(own_copies.FOLDER)
    assert list(folder.iterdir()) == []
    folder.rmdir()
    folder.touch()
    with pytest.raises(Unavailable, match=r"storage\.unwritable"):
        own_copies.begin(database, 0)
