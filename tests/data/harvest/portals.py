"""A portal in memory, in place of the guarded way out: what it has, what it was asked, how it misbehaves."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from msgspec import Struct

from connector.foundation.errors import PeerError, Unavailable

PORTAL = "https://portal.example"


class _Content:
    def __init__(self, body: bytes) -> None:
        self._body = body

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        for at in range(0, len(self._body), size):
            yield self._body[at : at + size]


class _Answer(Struct):
    status: int
    headers: Mapping[str, str]
    content: _Content
    content_length: int | None


class Portal:
    """`pages` by address: the body, or the status with which it answers; what is not there is away."""

    def __init__(
        self,
        pages: Mapping[str, bytes | int],
        media_type: str = "text/turtle",
        *,
        length: bool = True,
        coding: str = "",
    ) -> None:
        self.pages, self.length = dict(pages), length
        self.headers = {"Content-Type": media_type, **({"Content-Encoding": coding} if coding else {})}
        self.asked: list[str] = []

    def calls(self, url: str) -> bool:
        return url.startswith("https://")

    @asynccontextmanager
    async def stream(self, url: str, *, headers: Mapping[str, str]) -> AsyncIterator[_Answer]:
        assert "application/rdf+xml" in headers["Accept"]
        self.asked.append(url)
        await asyncio.sleep(0)
        if not url.startswith(PORTAL):
            raise PeerError("http.address-refused", host="inner.example")
        found = self.pages.get(url)
        if found is None:
            raise Unavailable("http.unreachable", host="portal.example")
        body = b"" if isinstance(found, int) else found
        status = found if isinstance(found, int) else 200
        yield _Answer(status, self.headers, _Content(body), len(body) if self.length else None)


def hydra(name: str, following: str | None, prop: str = "next", *, literal: bool = False) -> bytes:
    """A page with one dataset and its way to the next."""
    view = ""
    if following is not None:
        said = f'"{following}"' if literal else f"<{following}>"
        view = f"<{PORTAL}/view> a hydra:PartialCollectionView ; hydra:{prop} {said} ."
    return (
        "@prefix hydra: <http://www.w3.org/ns/hydra/core#> . @prefix dcat: <http://www.w3.org/ns/dcat#> ."
        f" <{PORTAL}/{name}> a dcat:Dataset . {view}"
    ).encode()
