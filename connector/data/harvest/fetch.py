"""A foreign catalogue from an address: one document, pages of Hydra, or CKAN's API, through the guarded way out.

Nothing is followed to another host. Sizes are counted while reading. A page that repeats ends the run, and so does
whatever fails after the first page; both make the delivery incomplete, and nothing is removed because of it
(spec/metadata-import.md 1.6, threat T78).
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from hashlib import sha256
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import structlog
from msgspec import Struct, structs
from pyoxigraph import BlankNode, Triple

from connector.data.harvest import ckan, ckan_answer
from connector.data.harvest.model import Delivery
from connector.foundation.errors import HanseError, PeerError
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import HYDRA
from connector.kernel.metadata.rdf.reading import LIMITS, Limits, Reading, Remark, read_async

log = structlog.get_logger("harvest")
PAGES = 2_000
PAGE_S = 300.0
"""Seconds for one page."""
ALL_S = 6 * 3600.0
"""Seconds after which no further page is asked for: the participant takes in nothing else meanwhile."""
ACCEPT = "application/rdf+xml, text/turtle;q=0.9, application/ld+json;q=0.8, application/n-triples;q=0.7, */*;q=0.1"
_VIEWS = (HYDRA.PartialCollectionView, HYDRA.PagedCollection, HYDRA.Collection)


class Way(Protocol):
    """The guarded way out, as far as it is needed here."""

    def calls(self, url: str) -> bool: ...

    def stream(self, url: str, *, headers: dict[str, str]) -> AbstractAsyncContextManager[Any]: ...


class Page(Struct, frozen=True):
    """What an address answered."""

    url: str
    content: bytes
    media_type: str


class Fetcher:
    """`fetch` gives a delivery; raises HanseError if not even its first page can be had."""

    def __init__(
        self, way: Way, *, limits: Limits = LIMITS, pages: int = PAGES, page_s: float = PAGE_S, all_s: float = ALL_S
    ) -> None:
        """`limits` are those of one document, and hold for all pages together."""
        self._way, self._limits, self._pages, self._page_s, self._all_s = way, limits, pages, page_s, all_s

    def calls(self, url: str) -> bool:
        """Whether this is an address that we would call at all."""
        return len(url) <= 2_000 and self._way.calls(url)

    async def fetch(self, url: str) -> Delivery:
        page = await self._page(url, self._limits.bytes)
        if ckan.is_answer(page.content) or "/api/3/action/" in url or "/api/action/" in url:
            return await self._ckan(url, page)
        return await self._hydra(url, page)

    # Hydra

    async def _hydra(self, url: str, page: Page) -> Delivery:
        triples: dict[Triple, None] = {}
        remarks: list[Remark] = []
        whole, left, end = True, self._limits.bytes, time.monotonic() + self._all_s
        limits = self._limits
        contents, addresses = {sha256(page.content).digest()}, [url]
        while True:
            left -= len(page.content)
            try:
                reading = await self._read(page, limits)
            except HanseError as error:
                if len(addresses) == 1:
                    raise
                log.warning("harvest.page-failed", url=_shown(page.url), why=str(error))
                addresses.pop()
                whole = False
                break
            await asyncio.to_thread(triples.update, dict.fromkeys(reading.triples))
            limits = structs.replace(
                limits, triples=self._limits.triples - len(triples), written=limits.written - reading.written
            )
            remarks += reading.remarks
            whole = whole and reading.whole
            then = await asyncio.to_thread(_next, reading.triples, page.url)
            if then is None:
                break
            following = await self._following(url, then, addresses, left) if time.monotonic() < end else None
            if following is None or sha256(following.content).digest() in contents:
                log.warning("harvest.pages-ended", url=_shown(url), next=_shown(then), pages=len(addresses))
                whole = False
                break
            page = following
            contents.add(sha256(page.content).digest())
            addresses.append(then)
        pages = len(addresses)
        return Delivery(location=url, triples=tuple(triples), complete=whole, remarks=tuple(remarks), pages=pages)

    async def _read(self, page: Page, limits: Limits) -> Reading:
        path = urlsplit(page.url).path
        return await read_async(page.content, media_type=page.media_type, name=path, base=page.url, limits=limits)

    async def _following(self, url: str, then: str, seen: Sequence[str], left: int) -> Page | None:
        """The next page; None if there is none to be had: elsewhere, seen before, one too many, or it fails."""
        if then in seen or len(seen) >= self._pages or _origin(then) != _origin(url) or left <= 0:
            return None
        try:
            return await self._page(then, left)
        except HanseError as error:
            log.warning("harvest.page-failed", url=_shown(then), why=str(error))
            return None

    # CKAN

    async def _ckan(self, url: str, page: Page) -> Delivery:
        portal, end = ckan.portal(url), time.monotonic() + self._all_s
        first = await ckan_answer.read(page.content, portal, ckan.MOST_VALUES, self._limits)
        found, left, count = dict(first.packages), self._limits.bytes - len(page.content), 1
        written = self._limits.written - first.written
        complete, values = True, ckan.MOST_VALUES - first.values
        while first.searched and len(found) < first.count and count < self._pages and time.monotonic() < end:
            try:
                page = await self._page(ckan.page(url, len(found)), left)
                limits = structs.replace(self._limits, written=written)
                more = await ckan_answer.read(page.content, portal, values, limits)
            except HanseError as error:
                log.warning("harvest.page-failed", url=_shown(url), why=str(error))
                complete = False
                break
            fresh = {name: each for name, each in more.packages.items() if name not in found}
            if not fresh:
                complete = False
                break
            found |= fresh
            left, count, values = left - len(page.content), count + 1, values - more.values
            written -= more.written
        complete = complete and len(found) >= first.count and first.searched
        triples = await asyncio.to_thread(ckan_answer.triples, found)
        return Delivery(location=url, triples=triples, complete=complete, pages=count)

    # One page

    async def _page(self, url: str, limit: int) -> Page:
        try:
            async with asyncio.timeout(self._page_s), self._way.stream(url, headers={"Accept": ACCEPT}) as response:
                if response.status != 200:
                    raise PeerError("harvest.status", status=response.status, url=_shown(url))
                if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                    raise PeerError("http.answer-encoded")
                if (response.content_length or 0) > limit:
                    raise PeerError("http.answer-size", limit=limit)
                content = bytearray()
                async for part in response.content.iter_chunked(65_536):
                    content += part
                    if len(content) > limit:
                        raise PeerError("http.answer-size", limit=limit)
                return Page(url, bytes(content), response.headers.get("Content-Type", ""))
        except TimeoutError as cause:
            raise PeerError("harvest.slow", url=_shown(url)) from cause


def _shown(url: str) -> str:
    """Without the query, which may hold a key of whoever asks."""
    return url.partition("?")[0][:300]


def _next(triples: Sequence[Triple], url: str) -> str | None:
    """`hydra:next`, then `hydra:nextPage` of the page, as an IRI or a text."""
    graph = Graph(triples)
    views = [node for kind in _VIEWS for node in graph.instances(kind)]
    for name in (HYDRA.next, HYDRA.nextPage):
        for node in views or graph.subjects:
            value = graph.value(node, name)
            if value is not None and not isinstance(value, BlankNode) and value.value:
                return _joined(url, value.value)
    return None


def _joined(url: str, name: str) -> str:
    """What cannot be an address stays what it is, and leads nowhere (`_origin`): a page that names one ends the run, as
    one does that leads elsewhere."""
    try:
        return urljoin(url, name)
    except ValueError:
        return name


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.lower()
