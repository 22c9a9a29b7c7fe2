"""An answer that is complete before it begins: its head is written in one piece, and leaves together with its body.

What aiohttp puts into a dictionary of headers for each of these, and takes out again, is the same but for three lines.
Whatever is unusual about an answer or its request goes aiohttp's way, with the same headers (spec/trust.md 5.2).
"""

from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time

from connector.foundation.http import limits
from connector.foundation.http.kept import LINE

Begun = Callable[[web.Request, web.StreamResponse], None]
BEGUN: Final = web.RequestKey[Begun]("begun_at_once")
"""Set by surfaces that stamp their answers as `limits.stamp_now` does, and nothing else: who books that one begins."""
_BODILESS: Final = frozenset({204, 205, 304})


class Whole(web.Response):
    """A body of bytes with its media type; a handler may still add headers."""

    _sent = False

    def __init__(self, body: bytes, status: int = 200, media: str = "application/json") -> None:
        super().__init__(body=body, status=status, content_type=media)
        self._octets = body

    @property
    def prepared(self) -> bool:
        """Whether its head has left."""
        return self._sent or super().prepared

    @property
    def keep_alive(self) -> bool | None:
        """Whether the connection stays; None: as the request wants it."""
        return self._sent or super().keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Sends all of it, if it may."""
        begun = request.get(BEGUN)
        if begun is None or not isinstance(request, web.Request) or not self._usual(request):
            return await super().prepare(request)
        begun(request, self)
        head, named = _head(self.status, self.headers["Content-Type"]), request.get(limits.request_id)
        own = f"{len(self._octets)}\r\nDate: {rfc822_formatted_time()}\r\n"
        name = "" if named is None else f"{limits.REQUEST_ID}: {named}\r\n"
        self._sent, writer = True, request.writer
        await writer.write(f"{head}{own}{name}\r\n".encode("ascii") + self._octets)
        await writer.drain()  # who reads slowly and asks on must not make us hold all the answers
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing more, once all is sent."""
        if not self._sent:
            await super().write_eof(data)

    def _usual(self, request: web.Request) -> bool:
        plain = request.version == HttpVersion11 and request.method != "HEAD" and request.keep_alive
        bare = len(self.headers) == 1 and self._cookies is None and self.body is self._octets
        stays = super().keep_alive is None and not super().prepared and not self.compression and not self.chunked
        return bool(plain and bare and stays) and self.status >= 200 and self.status not in _BODILESS


@lru_cache(maxsize=256)
def _head(status: int, media: str) -> str:
    """As far as the length of the body."""
    if LINE.fullmatch(media) is None:
        raise ValueError("a header of more than one line")
    always = "".join(f"{name}: {value}\r\n" for name, value in limits.HEADERS.items())
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{always}Content-Type: {media}\r\nContent-Length: "
