"""Bytes that come faster than a disk takes them, and a cut in between."""

import asyncio
import threading
from pathlib import Path

import pytest

from connector.data.dataplane.sinks.files import FileSink
from connector.data.dataplane.sinks.fill import PIECE, fill
from tests.testkit.patience import PATIENCE_S


async def test_bug_a_cut_closed_the_file_under_the_thread_that_wrote_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> two pieces come, cut while the disk takes the first << it ends once both are written, and both are kept.

    It ended at once: the thread wrote on into a file that was closed, or into what had its number by then.
    """
    sink = FileSink(tmp_path, "data")
    sink.open()
    disk, write, coming = threading.Event(), sink.write, [b"a" * PIECE, b"b" * PIECE]

    def slowly(piece: bytes | bytearray) -> None:
        assert disk.wait(PATIENCE_S)
        write(piece)

    async def read() -> bytes:
        return coming.pop(0)

    monkeypatch.setattr(sink, "write", slowly)
    filling = asyncio.ensure_future(fill(sink, read, lambda size: None))
    try:
        await asyncio.sleep(0)
        assert coming == []
        filling.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not filling.done()
    finally:
        disk.set()
    with pytest.raises(asyncio.CancelledError):
        await filling
    assert sink.size == 2 * PIECE
    sink.close()
    assert (tmp_path / "data.part").read_bytes() == b"a" * PIECE + b"b" * PIECE


def test_a_file_is_not_closed_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> closed while the disk takes a piece << it waits for the disk, and the piece is there."""
    sink = FileSink(tmp_path, "data")
    sink.open()
    opened, writing, disk = sink._opened, threading.Event(), threading.Event()

    def slowly() -> object:
        writing.set()
        assert disk.wait(PATIENCE_S)
        return opened()

    monkeypatch.setattr(sink, "_opened", slowly)
    piece, closing = [threading.Thread(target=call) for call in (lambda: sink.write(b"a;b\n"), sink.close)]
    piece.start()
    try:
        assert writing.wait(PATIENCE_S)
        closing.start()
        assert sink._file is not None
    finally:
        disk.set()
    piece.join(PATIENCE_S)
    closing.join(PATIENCE_S)
    assert (sink.size, sink._file, (tmp_path / "data.part").read_bytes()) == (4, None, b"a;b\n")
