"""What lies at an https address, through the guarded way out: never into our own network (threat T90).

Size is bounded by what an upload may be; a redirect is an answer without a file. The name is that of the address, or
what the answer calls it.
"""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import aiohttp

from connector.foundation.errors import Mistake, Unavailable

LONGEST = 2_000
PIECE = 1 << 20
_TYPES = {
    "text/csv": "csv",
    "application/json": "json",
    "application/geo+json": "geojson",
    "application/geopackage+sqlite3": "gpkg",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/tab-separated-values": "tsv",
}
_NAMED = re.compile(r"filename\*?=(?:UTF-8'')?\"?([^\";]{1,200})", re.IGNORECASE)


class Way(Protocol):
    """The guarded way out, as far as it is needed here."""

    def calls(self, url: str) -> bool: ...

    def stream(self, url: str, *, headers: dict[str, str]) -> AbstractAsyncContextManager[Any]: ...


class Piecewise:
    """An open answer, as uploads take one; what breaks on the way is told as the host's, for a disk that fails looks
    alike."""

    def __init__(self, response: Any, host: str) -> None:
        self._content, self._host = response.content, host

    async def read(self, n: int = -1) -> bytes:
        try:
            piece: bytes = await self._content.read(PIECE if n < 0 else n)
        except TimeoutError as cause:
            raise Unavailable("http.too-slow", host=self._host) from cause
        except (aiohttp.ClientError, OSError) as cause:
            raise Unavailable("http.unreachable", host=self._host) from cause
        return piece


@asynccontextmanager
async def fetched(way: Way, url: str) -> AsyncIterator[tuple[str, Piecewise, int | None]]:
    """Name, content and announced size; raises Mistake for an address that is none, or that has no file."""
    if len(url) > LONGEST or not url.startswith("https://") or not url.isprintable() or not way.calls(url):
        raise Mistake("drafts.address", url=url[:200])
    async with way.stream(url, headers={"Accept": "*/*"}) as response:
        if response.status != 200 or response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Mistake("drafts.no-file", status=response.status)
        yield _name(url, response), Piecewise(response, urlsplit(url).hostname or ""), response.content_length


def _name(url: str, response: Any) -> str:
    """The last part of the path, with an ending if the answer says of what kind it is."""
    said = _NAMED.search(response.headers.get("Content-Disposition", ""))
    parts = [part for part in urlsplit(url).path.split("/") if part]
    text = unquote(said[1] if said else parts[-1] if parts else urlsplit(url).hostname or "")
    name = "".join(sign for sign in text.replace("\\", "/").rpartition("/")[2] if sign.isprintable()).strip()[:150]
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    ending = _TYPES.get(kind, "")
    if ending and "." not in name:
        name = f"{name or 'daten'}.{ending}"
    return name or "daten"
