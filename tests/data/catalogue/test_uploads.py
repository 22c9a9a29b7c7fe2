"""Files handed over: under their hash in the participant's own folder, whole or not at all."""

import asyncio
import errno
import os
from hashlib import sha256
from pathlib import Path

import pytest
from aiohttp import ClientPayloadError

from connector.data.catalogue import uploads
from connector.data.catalogue.uploads import Uploads
from connector.foundation.errors import Mistake, Unavailable

TOWN = "musterstadt"
CONTENT = b"a;b\n1;2\n" * 1000


class Body:
    """A body in pieces; breaks off with `error` at the end if there is one."""

    def __init__(self, content: bytes = CONTENT, error: BaseException | None = None) -> None:
        self.left, self.error = content, error

    async def read(self, n: int = -1) -> bytes:
        piece, self.left = self.left[:1000], self.left[1000:]
        if not piece and self.error is not None:
            raise self.error
        return piece


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


async def test_a_file_is_kept_under_its_hash(folder: Path) -> None:
    source = await Uploads(folder).take(TOWN, "baeume.csv", Body())
    digest = sha256(CONTENT).hexdigest()
    assert (source.sha256, source.bytes, source.location) == (digest, len(CONTENT), digest)
    assert (source.name, source.media_type, source.kind) == ("baeume.csv", "text/csv", "file")
    path = folder / TOWN / digest
    assert path.read_bytes() == CONTENT
    assert path.stat().st_mode & 0o777 == 0o600
    assert (folder / TOWN).stat().st_mode & 0o777 == 0o700


async def test_the_same_bytes_twice_are_one_file_and_participants_share_none(folder: Path) -> None:
    one = Uploads(folder)
    first, second = await one.take(TOWN, "a.csv", Body()), await one.take(TOWN, "b.csv", Body())
    await one.take("nachbardorf", "a.csv", Body())
    assert first.id != second.id
    digest = sha256(CONTENT).hexdigest()
    assert everything(folder) == [f"{TOWN}/{digest}", f"nachbardorf/{digest}"]


async def test_an_empty_file_is_a_file(folder: Path) -> None:
    source = await Uploads(folder).take(TOWN, "leer.csv", Body(b""))
    assert (source.bytes, source.sha256) == (0, sha256(b"").hexdigest())


@pytest.mark.threat("T15")
@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\x.csv", "x.csv"),
        ("C:\\a\\b.csv", "b.csv"),
        ("a/../b.csv", "b.csv"),
        ("....//x.csv", "x.csv"),
        ("%2e%2e%2fx.csv", "%2e%2e%2fx.csv"),
    ],
)
async def test_a_name_is_a_label_never_a_path(folder: Path, name: str, label: str) -> None:
    """>> names that are paths << the last part as label; the bytes lie where they always lie."""
    source = await Uploads(folder).take(TOWN, name, Body())
    assert source.name == label
    assert everything(folder.parent) == [f"files/{TOWN}/{source.sha256}"]


@pytest.mark.threat("T15")
@pytest.mark.parametrize(
    "name", ["", " ", "/", "..", ".", "a\x00.csv", "a\nb.csv", "\u202ecsv.exe", "a\x1b[31m", "x" * 201]
)
async def test_a_name_that_is_none_is_refused_before_anything_is_written(folder: Path, name: str) -> None:
    with pytest.raises(Mistake, match=r"catalogue\.file-name"):
        await Uploads(folder).take(TOWN, name, Body())
    assert not folder.exists() or everything(folder) == []


@pytest.mark.parametrize("error", [ConnectionResetError(), ClientPayloadError(), asyncio.CancelledError()], ids=repr)
async def test_a_body_that_breaks_off_leaves_nothing(folder: Path, error: BaseException) -> None:
    """>> the connection is lost in the middle << no file, no draft."""
    with pytest.raises((Unavailable, ClientPayloadError, asyncio.CancelledError)):
        await Uploads(folder).take(TOWN, "a.csv", Body(error=error))
    assert everything(folder) == []


@pytest.mark.parametrize("where", ["write", "sync", "move"])
async def test_a_full_disk_says_so_and_leaves_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """>> no space while writing, syncing or moving into place << catalogue.disk; neither file nor draft."""

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    target = {"write": (uploads, "_write"), "sync": (os, "fsync"), "move": (os, "replace")}[where]
    monkeypatch.setattr(*target, full)
    with pytest.raises(Unavailable, match=r"catalogue\.disk"):
        await Uploads(folder).take(TOWN, "a.csv", Body())
    assert everything(folder) == []


@pytest.mark.parametrize("where", ["mkdir", "unlink"])
async def test_bug_a_disk_that_can_only_be_read_was_a_failure_of_ours(
    folder: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """>> no folder can be made; no draft can be begun, and then none removed either << catalogue.disk."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, where, refused)
    monkeypatch.setattr(uploads, "_begun", refused)
    with pytest.raises(Unavailable, match=r"catalogue\.disk .*lesen"):
        await Uploads(folder).take(TOWN, "a.csv", Body())
