"""A line between a process and a server that a test cuts and mends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

PIECE = 1 << 16


class Line:
    """Connections to `port` of this object end at `far`, a port of loopback; cut, open ones break and new ones too."""

    def __init__(self, far: int) -> None:
        self._far, self.whole, self.port = far, True, 0
        self._ends = set[asyncio.StreamWriter]()

    def cut(self) -> None:
        """From now on nothing passes; both ends hear of it at once, as from a gateway that resets."""
        self.whole = False
        for end in tuple(self._ends):
            end.transport.abort()

    def mend(self) -> None:
        """New connections pass again."""
        self.whole = True

    async def taken(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """One connection, until either end closes it."""
        if not self.whole:
            back.transport.abort()
            return
        there, onward = await asyncio.open_connection("127.0.0.1", self._far)
        ends = {back, onward}
        self._ends |= ends
        try:
            await asyncio.gather(_carry(near, onward), _carry(there, back))
        finally:
            self._ends -= ends
            for end in ends:
                end.close()


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await source.read(PIECE):
            sink.write(piece)
            await sink.drain()
    with suppress(OSError):
        sink.write_eof()


@asynccontextmanager
async def line(far: int) -> AsyncIterator[Line]:
    """A line to the server on port `far` of loopback; it ends with the block."""
    made = Line(far)
    async with await asyncio.start_server(made.taken, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        try:
            yield made
        finally:
            made.cut()
