"""Bytes from the network into a sink: one piece is written and hashed by a thread while the next comes in."""

import asyncio
from collections.abc import Awaitable, Callable

from connector.data.dataplane.sinks.files import FileSink

PIECE = 1 << 20


async def fill(sink: FileSink, read: Callable[[], Awaitable[bytes]], progress: Callable[[int], None]) -> None:
    """Takes what `read` gives until it gives nothing; what came before a failure of `read`, or a cut, is kept."""
    writing: asyncio.Future[None] | None = None
    piece = bytearray()
    try:
        while chunk := await read():
            piece += chunk
            if len(piece) >= PIECE:
                writing = await _write(sink, writing, piece, progress)
                piece = bytearray()
    finally:
        await (await _write(sink, writing, piece, progress))
        progress(sink.size)


async def _write(
    sink: FileSink, before: asyncio.Future[None] | None, piece: bytearray, progress: Callable[[int], None]
) -> asyncio.Future[None]:
    if before is not None:
        await asyncio.shield(before)  # a cut cannot stop the thread: the sink must not be closed under it
        progress(sink.size)
    return asyncio.get_running_loop().run_in_executor(None, sink.write, piece)
