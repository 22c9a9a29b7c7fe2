"""The provider's side of a push: sends the bytes of a source to the place that the consumer named, in one request.

The secret goes to that place only: https, and the outbound session follows no redirect. Memory is flat. A push that
breaks never looks finished to the receiver, and begins again from the first byte.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from urllib.parse import quote

import aiohttp
import msgspec

from connector.data.dataplane.refused import sentences
from connector.data.sources.model import Broken, Description, Reading
from connector.foundation.errors import Refusal, Unavailable
from connector.foundation.http.outbound import SafeClient

_PASSED = ("Repr-Digest", "Content-Encoding")
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 507})


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Where the bytes go and with which secret headers; its text form never shows them."""

    url: str
    method: str = "POST"
    headers: dict[str, str] = {}

    def __repr__(self) -> str:
        return "Destination(…)"


class Refused(Exception):
    """The receiver said no, with `status`; `error` is what it says for people."""

    def __init__(self, status: int, error: Refusal) -> None:
        super().__init__(status)
        self.status, self.error = status, error


class Push:
    """One try. `sent` counts the bytes given to the network; `broken` is the source's own failure."""

    def __init__(self, client: SafeClient, destination: Destination) -> None:
        self._client, self._destination = client, destination
        self.sent = 0
        self.waiting = False
        """The receiver has not yet taken what was given to it."""
        self.broken: str | None = None

    async def run(self, reading: Reading, what: Description) -> None:
        """Returns once the receiver has said that it has everything.

        Raises Refused for what it will not take, Unavailable when it is out of reach, busy or gone in the middle, or
        when the source breaks; PeerError for an address that we do not call.
        """
        if reading.status != 200:
            raise Unavailable("dataplane.source-unreachable")
        there, headers = self._destination, _headers(what, reading)
        sending = self._client.send(
            there.method, there.url, self._chunks(reading), headers={**headers, **there.headers}
        )
        try:
            async with sending as answer:
                await _judge(answer)
        except Unavailable as error:
            raise Unavailable("dataplane.source-broke") if self.broken else error from error
        if self.waiting if reading.length is None else self.sent != reading.length:
            raise Unavailable("dataplane.push-early")

    async def _chunks(self, reading: Reading) -> AsyncGenerator[bytes, None]:
        """What the session asks for; a source that breaks or ends short makes it abort the connection."""
        async with aclosing(reading.chunks) as chunks:
            try:
                async for chunk in chunks:
                    self.sent += len(chunk)
                    self.waiting = True
                    yield chunk
                    self.waiting = False
            except Broken as broken:
                self.broken = broken.code
                raise
        if reading.length is not None and self.sent != reading.length:
            self.broken = "source-cut"
            raise Broken("source-cut")


def _headers(what: Description, reading: Reading) -> Mapping[str, str]:
    headers = {
        "Content-Type": what.media_type,
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(what.name, safe='')}",
    }
    if reading.length is not None:
        headers["Content-Length"] = str(reading.length)
    return headers | {name: reading.headers[name] for name in _PASSED if name in reading.headers}


async def _judge(answer: aiohttp.ClientResponse) -> None:
    if 200 <= answer.status < 300:
        return
    if answer.status in _PASSING:
        raise Unavailable("dataplane.receiver-busy", status=answer.status)
    reasons = await sentences(answer)
    raise Refused(answer.status, Refusal("dataplane.not-taken", reasons=reasons, status=answer.status))
