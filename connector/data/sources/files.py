"""A file as source: read in pieces of 512 KiB by a thread, one piece ahead of the network; a small one as it is opened.

Its ETag is made of the digest given at registration and of size and time of change now, so a file changed under us is
another version to every resume. A file that shrinks or changes while it is read breaks the stream: versions never mix.
"""

import asyncio
import base64
import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

from connector.data.sources.kind import Kind, Parameters, Ways
from connector.data.sources.model import PINNED, Broken, Description, Reading, Source
from connector.data.sources.ranges import Conditions, Extent, extent
from connector.data.sources.resolve import open_inside, parts

PIECE = 1 << 19
"""Bytes per read. As fast as 1 MiB, but sixteen streams, each with up to three pieces, stay below 48 MiB."""
SMALL = 1 << 16
"""Bytes of a file that one errand to a thread opens and reads: the way there costs more than the reading."""


class FileSource:
    """The regular file `location` (relative, no links) in the participant's `folder`.

    One that is kept under its digest is never written again, so that this is its ETag too, in every replica.
    """

    def __init__(self, folder: Path, location: str, description: Description) -> None:
        parts(location)
        self._folder, self._location, self._description = folder, location, description
        self._pinned = location == description.sha256

    def describe(self) -> Description:
        return self._description

    @asynccontextmanager
    async def open(self, wanted: Conditions) -> AsyncIterator[Reading]:
        reader = await self._opened(0 if wanted.head else SMALL)
        try:
            yield self._reading(reader, wanted)
        finally:
            await reader.close()

    async def _opened(self, small: int) -> "_Reader":
        opening = asyncio.get_running_loop().run_in_executor(None, _read, self._folder, self._location, small)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close)
            raise

    def _reading(self, reader: "_Reader", wanted: Conditions) -> Reading:
        size = reader.before.st_size
        etag = self._etag(reader.before)
        part = extent(wanted, etag, size)
        return Reading(
            status=part.status,
            headers={"ETag": etag, "Accept-Ranges": "bytes", **self._digest(size), **_content_range(part, size)},
            length=part.length,
            last=part.start + part.length == size,
            chunks=reader.pieces(part.start, part.length),
            ready=reader.whole is not None,
        )

    def _etag(self, status: os.stat_result) -> str:
        if self._pinned and status.st_size == self._description.bytes:
            return f'"{self._description.sha256}"'
        version = f"{self._description.sha256}:{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"
        return f'"{sha256(version.encode()).hexdigest()[:32]}"'

    def _digest(self, size: int) -> dict[str, str]:
        pinned = self._description
        if pinned.sha256 is None or size != pinned.bytes:
            return {}
        digest = base64.b64encode(bytes.fromhex(pinned.sha256)).decode()
        return {"Repr-Digest": f"sha-256=:{digest}:"}


def _file(ways: Ways, participant: str, source: Source, secrets: Mapping[str, str]) -> FileSource:
    return FileSource(ways.folder(participant), source.location, source.description)


FILE: Final[Kind[Parameters]] = Kind(name=PINNED, resumes="yes", open=_file)
"""Files are handed over, so that nobody is asked where they lie."""


def _read(folder: Path, location: str, small: int) -> "_Reader":
    """The file, with all of it if it has at most so many bytes."""
    opened = open_inside(folder, location)
    try:
        return _Reader(opened, small)
    except BaseException:
        os.close(opened)
        raise


def _close(opening: "asyncio.Future[_Reader]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        os.close(opening.result().opened)


def _content_range(part: Extent, size: int) -> dict[str, str]:
    match part.status:
        case 206:
            return {"Content-Range": f"bytes {part.start}-{part.start + part.length - 1}/{size}"}
        case 416:
            return {"Content-Range": f"bytes */{size}"}
        case _:
            return {}


class _Reader:
    """One open descriptor. It is closed only when no thread reads from it: its number may be reused at once.

    `whole` is all of a small file, None of others.
    """

    def __init__(self, opened: int, small: int) -> None:
        self.opened = opened
        self._pending: asyncio.Future[bytes] | None = None
        self.before = os.fstat(opened)
        self.whole = os.pread(opened, small, 0) if self.before.st_size <= small else None

    async def pieces(self, start: int, length: int) -> AsyncGenerator[bytes, None]:
        if self.whole is not None:
            yield self._part(self.whole[start : start + length], length)
            return
        extents = _pieces(start, length)
        at = next(extents, None)
        self._ahead(at)
        while at is not None and self._pending is not None:
            piece, size = await self._pending, at[1]
            at = next(extents, None)
            if len(piece) < size:
                raise Broken("source-shrank")
            if at is None and self._changed():
                raise Broken("source-changed")
            self._ahead(at)
            yield piece

    def _part(self, part: bytes, length: int) -> bytes:
        if len(part) < length:
            raise Broken("source-shrank")
        if self._changed():
            raise Broken("source-changed")
        return part

    def _ahead(self, at: tuple[int, int] | None) -> None:
        loop = asyncio.get_running_loop()
        self._pending = None if at is None else loop.run_in_executor(None, os.pread, self.opened, at[1], at[0])

    def _changed(self) -> bool:
        now, before = os.fstat(self.opened), self.before
        return (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns)

    async def close(self) -> None:
        if self._pending is not None:
            await asyncio.wait([self._pending])
        os.close(self.opened)


def _pieces(start: int, length: int) -> Iterator[tuple[int, int]]:
    end = start + length
    return ((at, min(PIECE, end - at)) for at in range(start, end, PIECE))
