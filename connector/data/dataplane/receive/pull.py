"""The consumer's side: fetches the bytes of a flow, over as many connections as it takes, and checks their SHA-256.

The token goes only to the address it came with: https, and the outbound session follows no redirect. Memory is flat:
one piece is written and hashed in a thread while the next comes in.
"""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import aiohttp
import msgspec

from connector.data.dataplane.digests import stated
from connector.data.dataplane.refused import refused
from connector.data.dataplane.sinks.files import FileSink
from connector.data.dataplane.sinks.fill import fill
from connector.data.sources.ranges import content_range, unsatisfied_size
from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.http.outbound import SafeClient

_ETAG = re.compile(r'"[!#-~]{1,200}"', re.ASCII)
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
SLOWEST = 512
"""Bytes a second that a transfer brings at least, or it counts as cut: a peer that drips holds no place for days."""


class Address(msgspec.Struct, frozen=True):
    """Where the bytes are, and the secret that opens them ("": none); its text form never shows the secret."""

    url: str
    token: str

    def __repr__(self) -> str:
        return "Address(…)"


class Received(msgspec.Struct, frozen=True):
    """`bytes` long, `sha256` in lower-case hex, at `path`."""

    bytes: int
    sha256: str
    path: Path


class Retry(msgspec.Struct, frozen=True):
    """`attempts` in a row without a new byte are too many; pauses double from `first_s` to `longest_s`, jittered."""

    attempts: int = 6
    first_s: float = 0.25
    longest_s: float = 10.0


class _Cut(Exception):
    """The connection ended early, or the peer asks to come back."""

    def __init__(self, cause: Unavailable) -> None:
        super().__init__(cause.code)
        self.cause = cause


async def pull(
    client: SafeClient,
    address: Address,
    sink: FileSink,
    expected_sha256: str | None = None,
    *,
    progress: Callable[[int], None] | None = None,
    retry: Retry | None = None,
) -> Received:
    """Fetches everything into `sink`; `progress` hears the bytes so far.

    Refusal with the peer's sentences on 403, PeerError if the bytes are not the agreed ones or the peer misbehaves,
    Unavailable if it stays out of reach: then the partial bytes stay for the next call.
    """
    fetch = _Fetch(client, address, sink, progress or _ignore)
    opening = asyncio.ensure_future(asyncio.to_thread(sink.open))
    try:
        await asyncio.shield(opening)
        resumed = sink.size > 0
        await _persist(fetch, retry or Retry())
        if resumed and _wrong(sink, expected_sha256 or fetch.stated):
            # What a power cut left of an earlier try may be damaged: once from the beginning.
            await asyncio.to_thread(sink.restart, None)
            await _persist(fetch, retry or Retry())
        return await asyncio.to_thread(_finish, sink, expected_sha256 or fetch.stated)
    finally:
        await asyncio.shield(_close(sink, opening))


async def _close(sink: FileSink, opening: asyncio.Future[None]) -> None:
    """Not before it is open: a cut in between would leave open what is opened afterwards."""
    await asyncio.gather(opening, return_exceptions=True)
    await asyncio.to_thread(sink.close)


def _ignore(size: int) -> None:
    pass


def _wrong(sink: FileSink, expected: str | None) -> bool:
    return expected is not None and sink.digest() != expected


def _finish(sink: FileSink, expected: str | None) -> Received:
    if _wrong(sink, expected):
        sink.drop()
        raise PeerError("dataplane.digest", expected=expected, found=sink.digest())
    return Received(sink.size, sink.digest(), sink.keep())


async def _persist(fetch: "_Fetch", retry: Retry) -> None:
    fruitless, now = 0, asyncio.get_running_loop().time
    while True:
        before, begun = fetch.sink.size, now()
        try:
            return await fetch.once()
        except _Cut as cut:
            fruitless = 0 if fetch.sink.size - before > SLOWEST * (now() - begun) else fruitless + 1
            if fruitless >= retry.attempts:
                raise cut.cause from cut
        pause = min(retry.longest_s, retry.first_s * 2**fruitless)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311


class _Fetch:
    """The tries at one address into one sink; `stated` is the digest that the provider states for the whole."""

    def __init__(self, client: SafeClient, address: Address, sink: FileSink, progress: Callable[[int], None]) -> None:
        self.sink = sink
        self._client, self._address, self._progress = client, address, progress
        self.stated: str | None = None

    async def once(self) -> None:
        try:
            async with self._client.stream(self._address.url, headers=self._headers()) as answer:
                if await self._place(answer):
                    await fill(self.sink, self._steadily(answer.content.readany), self._progress)
        except Unavailable as error:
            if error.code.startswith("dataplane.disk"):
                raise
            raise _Cut(error) from error

    def _steadily(self, read: Callable[[], Awaitable[bytes]]) -> Callable[[], Awaitable[bytes]]:
        """Reads on as long as it does not get too slow, looked at every `stall_s`."""
        now = asyncio.get_running_loop().time
        begun, size = now(), 0

        async def piece() -> bytes:
            nonlocal begun, size
            data = await read()
            size += len(data)
            if data and now() - begun > self._client.stall_s:
                if size <= SLOWEST * (now() - begun):
                    raise Unavailable("dataplane.too-slow")
                begun, size = now(), 0
            return data

        return piece

    def _headers(self) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self._address.token}"} if self._address.token else {}
        if self.sink.size and self.sink.version is not None:
            headers |= {"Range": f"bytes={self.sink.size}-", "If-Range": self.sink.version}
        return headers

    async def _place(self, answer: aiohttp.ClientResponse) -> bool:
        """Makes the sink ready for this answer's bytes; False if all of them are there already."""
        match answer.status:
            case 200:
                await asyncio.to_thread(self.sink.restart, _version(answer.headers))
            case 206:
                self._continues(answer.headers)
            case 416 if self.sink.size and unsatisfied_size(answer.headers.get("Content-Range", "")) == self.sink.size:
                return False
            case 412 | 416 if self.sink.size:
                await asyncio.to_thread(self.sink.restart, None)
                raise _Cut(Unavailable("dataplane.changed"))
            case status if status in _PASSING:
                raise Unavailable("dataplane.peer-busy", status=status)
            case _:
                raise await refused(answer)
        self.stated = stated(answer.headers) or self.stated
        return True

    def _continues(self, headers: Mapping[str, str]) -> None:
        found = content_range(headers.get("Content-Range", ""))
        same = _version(headers) == self.sink.version
        if found is None or found[0] != self.sink.size or found[1] + 1 != found[2] or not same:
            raise PeerError("dataplane.range")


def _version(headers: Mapping[str, str]) -> str | None:
    """The strong ETag, None if there is none: weak ones do not promise equal bytes."""
    etag = headers.get("ETag", "")
    return etag if _ETAG.fullmatch(etag) else None
