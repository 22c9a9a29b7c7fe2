"""Pages of a snapshot as harvesters read them: each complete in itself, with the way to its neighbours in both words of
Hydra (spec/metadata-harvest.md 1.2).

The bytes of pages that were asked for lately are kept in memory: harvesters ask for each of them twice, HEAD and GET.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from typing import Final, ParamSpec

from msgspec.structs import replace

from connector.data.catalogue.snapshots import store
from connector.data.catalogue.snapshots.model import PER_PAGE, Leaf, PageAsked, Snapshot
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Unavailable, Unknown
from connector.foundation.storage.database import Database
from connector.kernel.metadata.rdf import fragments, oxigraph
from connector.kernel.metadata.rdf.fragments import Form
from connector.kernel.metadata.rdf.names import DCAT, DCT, HYDRA, RDF, XSD
from connector.kernel.metadata.rdf.writing import in_order

KEPT_BYTES: Final = 32 << 20
AT_ONCE: Final = 2
"""Pages joined side by side; one takes milliseconds."""
WAITING: Final = 200
"""Pages that are being made, or wait for their turn."""
Key = tuple[object, ...]
P = ParamSpec("P")
_NEIGHBOURS: Final = (("next", 1), ("previous", -1))


class Gone(Unknown):
    """A snapshot or page that is not there any more, or never was: 410, for whoever took it for an empty one would
    delete all that it knows."""

    status = 410


class Pages:
    """Of all participants."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._kept: OrderedDict[Key, bytes] = OrderedDict()
        self._bytes = 0
        self._making: dict[Key, asyncio.Task[bytes]] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def page(self, catalogue: str, asked: PageAsked, *, packed: bool) -> bytes:
        """The bytes, with `packed` as gzip; `catalogue` is its IRI. Raises Gone, and Unavailable when too many wait."""
        key = (catalogue, asked.snapshot.digest, asked.number, asked.form, asked.without)

        async def join() -> bytes:
            leaf = await self.leaf(asked)
            return await self.aside(document, catalogue, asked, leaf)

        async def pack() -> bytes:
            plain = await self.once(key, join)
            return await self.aside(gzipped, plain)

        return await (self.once((*key, "gzip"), pack) if packed else self.once(key, join))

    async def aside(self, work: Callable[P, bytes], *given: P.args, **named: P.kwargs) -> bytes:
        """Beside the event loop, when it is its turn."""
        async with self._turns:
            return await asyncio.to_thread(work, *given, **named)

    async def once(self, key: Key, make: Callable[[], Coroutine[None, None, bytes]]) -> bytes:
        """For all who ask at the same time, and for those who come soon after."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        if key not in self._making:
            if len(self._making) >= WAITING:
                raise Unavailable("public.busy")
            self._making[key] = asyncio.create_task(make())
            self._making[key].add_done_callback(lambda done: self._over(key, done))
        return await asyncio.shield(self._making[key])

    def _over(self, key: Key, done: asyncio.Task[bytes]) -> None:
        self._making.pop(key, None)
        if not done.cancelled() and done.exception() is None:
            self._kept[key] = done.result()
            self._bytes += len(done.result())
            while self._bytes > KEPT_BYTES:
                self._bytes -= len(self._kept.popitem(last=False)[1])

    async def leaf(self, asked: PageAsked) -> Leaf:
        """What the page shows; raises Gone."""
        if not 1 <= asked.number <= asked.snapshot.pages:
            raise Gone("public.no-page", page=str(asked.number), pages=asked.snapshot.pages)
        found = await self._db.read(asked.slug, store.leaf, asked.slug, asked.snapshot, asked.number, asked.form)
        if found is None:
            raise Gone("public.no-snapshot")
        return found if not asked.without else _without(found, asked.without)

    async def full(self, catalogue: str, first_page: PageAsked) -> AsyncGenerator[bytes, None]:
        """The whole catalogue in one document, page by page. Raises Gone before the first byte, or in the middle."""
        snapshot, form = first_page.snapshot, first_page.form
        between, seen = fragments.between(form), set[bytes]()
        yield fragments.head(form)
        first = True
        for number in range(1, snapshot.pages + 1):
            leaf = await self.leaf(replace(first_page, number=number))
            joined = await asyncio.to_thread(_stretch, catalogue, snapshot, leaf, form, seen)
            if joined:
                yield joined if first else between + joined
                first = False
        yield fragments.tail(form)


def _without(leaf: Leaf, iris: frozenset[str]) -> Leaf:
    kept = [index for index, iri in enumerate(leaf.iris) if iri not in iris]
    own, shared = ([of[index] for index in kept] for of in (leaf.own, leaf.shared))
    return Leaf([leaf.iris[index] for index in kept], own, shared)


def gzipped(body: bytes) -> bytes:
    """The same bytes for the same body, in every replica."""
    return gzip.compress(body, 6, mtime=0)


def address(catalogue: str, snapshot: Snapshot, number: int, form: str) -> str:
    """Of a page, in the form in which its neighbours are: a harvester asks for all of them without a word on forms."""
    return f"{catalogue}.{form}?snap={snapshot.digest}&page={number}"


def document(catalogue: str, asked: PageAsked, leaf: Leaf) -> bytes:
    """A page; pure."""
    form = asked.form
    about = [*_listing(catalogue, asked.snapshot, leaf.iris), *_paging(catalogue, asked)]
    shared = fragments.united([zlib.decompress(one) for one in set(leaf.shared)])
    common = fragments.part(form, in_order([*about, *shared]))
    return fragments.whole(form, [common, *map(zlib.decompress, leaf.own)])


def _stretch(catalogue: str, snapshot: Snapshot, leaf: Leaf, form: Form, seen: set[bytes]) -> bytes:
    """A page's datasets as they follow others in one document; what is said of shared nodes is said once."""
    lines = {line for one in set(leaf.shared) for line in zlib.decompress(one).splitlines()} - seen
    seen |= lines
    about = [*_listing(catalogue, snapshot, leaf.iris), *fragments.united([b"\n".join(lines)])]
    return fragments.joined(form, [fragments.part(form, in_order(about)), *map(zlib.decompress, leaf.own)])


def _listing(catalogue: str, snapshot: Snapshot, iris: Sequence[str]) -> Iterator[oxigraph.Triple]:
    yield from fragments.read(snapshot.about.encode())
    for name, at in ((DCT.issued, snapshot.issued_at), (DCT.modified, snapshot.changed_at)):
        yield oxigraph.Triple(oxigraph.NamedNode(catalogue), name, oxigraph.Literal(rfc3339(at), datatype=XSD.dateTime))
    for iri in iris:
        yield oxigraph.Triple(oxigraph.NamedNode(catalogue), DCAT.dataset, oxigraph.NamedNode(iri))


def _paging(catalogue: str, asked: PageAsked) -> Iterator[oxigraph.Triple]:
    """CKAN reads `hydra:next`, older harvesters `hydra:nextPage`."""
    snapshot, form = asked.snapshot, asked.form
    page = oxigraph.NamedNode(address(catalogue, snapshot, asked.number, form))
    yield oxigraph.Triple(page, RDF.type, HYDRA.PagedCollection)
    yield oxigraph.Triple(page, RDF.type, HYDRA.PartialCollectionView)
    yield oxigraph.Triple(page, HYDRA.totalItems, oxigraph.Literal(str(snapshot.total), datatype=XSD.integer))
    yield oxigraph.Triple(page, HYDRA.itemsPerPage, oxigraph.Literal(str(PER_PAGE), datatype=XSD.integer))
    around = [("first", 1), ("last", snapshot.pages), *((name, asked.number + step) for name, step in _NEIGHBOURS)]
    for name, number in around:
        if 1 <= number <= snapshot.pages:
            there = oxigraph.NamedNode(address(catalogue, snapshot, number, form))
            yield oxigraph.Triple(page, HYDRA[name], there)
            yield oxigraph.Triple(page, HYDRA[f"{name}Page"], there)
