"""Files handed over: under their hash in the participant's own folder, whole or not at all."""

import asyncio
import errno
import os
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from aiohttp import ClientPayloadError

from connector.data.catalogue import uploads
from connector.data.catalogue.uploads import LiveSource, Uploads
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


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("", ""),
        ("https://a.example/x", ""),
        ("", "x"),
        ("http://a.example/x", "x"),
        ("file:///etc/passwd", "x"),
        ("https://a.example", " "),
        *(
            (url, "x")
            for url in (
                "https://",
                "https:// a.example/x",
                "https://a.example:0/x",
                "https://a.example:22/x",
                "https://a.example:99999/x",
                "https://user:word@a.example/x",
                "https://a_b.example/x",
                "https://a.example/x y",
                "https://127.0.0.1/x",
                "https://10.0.0.7/x",
                "https://169.254.169.254/x",
                "https://[::1]/x",
                "https://0x7f000001/x",
                "https://2130706433/x",
                "https://a.example/%zz",
                "https://a.example/x#part",
                "https://a.example/" + "x" * 2100,
                "https://localhost/x",
                "https://LocalHost:8443/x",
                "https://a.localhost/x",
            )
        ),
    ],
)
def test_a_live_source_needs_https_and_a_name(folder: Path, url: str, name: str) -> None:
    with pytest.raises(Mistake, match=r"catalogue\.live-source"):
        Uploads(folder).live(LiveSource(url=url, name=name))


def test_a_network_that_the_operator_allows_may_be_a_source(folder: Path) -> None:
    """>> a number of a network of its own, allowed, and one beside it  << taken; refused."""
    uploads = Uploads(folder, allow=("10.0.0.0/24",))
    assert uploads.live(LiveSource(url="https://10.0.0.7/x", name="x")).location == "https://10.0.0.7/x"
    own = Uploads(folder, allow=("::1/128",)).live(LiveSource(url="https://localhost:8443/x", name="x"))
    assert own.location == "https://localhost:8443/x"
    with pytest.raises(Mistake, match=r"catalogue\.live-source"):
        uploads.live(LiveSource(url="https://10.0.1.7/x", name="x"))


@pytest.mark.parametrize("body", [b"{}", b'{"url":"https://a.example/x"}', b'{"url":7,"name":"x"}'])
def test_a_body_that_is_no_live_source_is_not_read(body: bytes) -> None:
    """>> no name, a number as address << refused at the edge; a media type of null is as good as none."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=LiveSource)
    whole = msgspec.json.decode(b'{"url":"https://a.example/x","name":"x","media_type":null}', type=LiveSource)
    assert whole.media_type is None


def test_a_live_source_is_not_pinned(folder: Path) -> None:
    source = Uploads(folder).live(LiveSource(url="https://a.example/x", name="stand.geojson"))
    assert (source.kind, source.bytes, source.sha256) == ("http", None, None)
    assert source.media_type == "application/geo+json"
