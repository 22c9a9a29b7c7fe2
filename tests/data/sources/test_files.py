"""A file as source: a small one is opened and read by one errand to a thread, and never mixes versions either."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Executor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from connector.data.sources.files import SMALL, FileSource
from connector.data.sources.model import Broken, Description
from connector.data.sources.ranges import Conditions

NAME = "liste.csv"


def source(folder: Path, content: bytes) -> FileSource:
    (folder / NAME).write_bytes(content)
    return FileSource(folder, NAME, Description(name=NAME, media_type="text/csv"))


@pytest.fixture
async def errands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done on a thread."""
    done: list[str] = []
    loop_class = type(asyncio.get_running_loop())
    run = loop_class.run_in_executor

    def noted(self: asyncio.AbstractEventLoop, pool: Executor | None, work: Callable[..., Any], *args: Any) -> Any:
        done.append(work.__name__)
        return run(self, pool, work, *args)

    monkeypatch.setattr(loop_class, "run_in_executor", noted)
    return done


@pytest.mark.parametrize(("size", "errands_to_threads"), [(0, 1), (8, 1), (SMALL, 1), (SMALL + 1, 2)])
async def test_a_small_file_takes_one_errand(
    tmp_path: Path, errands: list[str], size: int, errands_to_threads: int
) -> None:
    content = os.urandom(size)
    async with source(tmp_path, content).open(Conditions()) as reading:
        assert reading.ready is (size <= SMALL)
        assert b"".join([chunk async for chunk in reading.chunks]) == content
    assert len(errands) == errands_to_threads


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        (Conditions(range="bytes=2-4"), 206, b"cde"),
        (Conditions(range="bytes=-2"), 206, b"gh"),
        (Conditions(range="bytes=6-99"), 206, b"gh"),
        (Conditions(range="bytes=8-"), 416, b""),
        (Conditions(if_none_match="*"), 304, b""),
        (Conditions(if_match='"other"'), 412, b""),
    ],
)
async def test_parts_of_a_small_file(tmp_path: Path, wanted: Conditions, status: int, part: bytes) -> None:
    async with source(tmp_path, b"abcdefgh").open(wanted) as reading:
        assert (reading.status, b"".join([chunk async for chunk in reading.chunks])) == (status, part)


async def test_of_a_head_nothing_is_read(tmp_path: Path) -> None:
    async with source(tmp_path, b"abcdefgh").open(Conditions(head=True)) as reading:
        assert (reading.ready, reading.length) == (False, 8)


@pytest.mark.parametrize("change", [lambda place: os.truncate(place, 3), lambda place: os.utime(place, ns=(1, 1))])
async def test_a_small_file_that_changes_after_it_was_read_breaks(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """What its head promises is not its version any more."""
    async with source(tmp_path, b"abcdefgh").open(Conditions()) as reading:
        change(tmp_path / NAME)
        with pytest.raises(Broken, match="source-changed"):
            await anext(reading.chunks)


async def test_a_small_file_that_shrank_while_it_was_opened_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = source(tmp_path, b"abcdefgh")
    monkeypatch.setattr(os, "pread", lambda opened, size, at: b"abc")
    async with found.open(Conditions()) as reading:
        with pytest.raises(Broken, match="source-shrank"):
            await anext(reading.chunks)


async def test_a_file_that_cannot_be_read_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = source(tmp_path, b"abcdefgh")
    before = len(os.listdir("/proc/self/fd"))

    def fails(*_: object) -> bytes:
        raise OSError("bad sector")

    monkeypatch.setattr(os, "pread", fails)
    with pytest.raises(OSError, match="bad sector"):
        async with found.open(Conditions()):
            pass
    assert len(os.listdir("/proc/self/fd")) == before


async def test_a_file_under_its_digest_is_one_version_at_every_replica(tmp_path: Path) -> None:
    """>> the same bytes twice, written at other times << one ETag, the digest; other bytes there have another."""
    digest = sha256(b"1;2").hexdigest()
    pinned = Description(name=NAME, media_type="text/csv", bytes=3, sha256=digest)
    found = []
    for number, content in enumerate((b"1;2", b"1;2", b"1;2;3")):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / digest).write_bytes(content)
        os.utime(folder / digest, (number, number))
        async with FileSource(folder, digest, pinned).open(Conditions()) as reading:
            found.append(reading.headers["ETag"])
    assert found[0] == found[1] == f'"{digest}"'
    assert digest not in found[2]
