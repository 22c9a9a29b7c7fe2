"""A member that a test writes, and a crawl of it: another implementation of spec/metadata-federation.md 1, and of none.

What it shows is said for each of our participants; `bent` changes an answer on its way, `asked` is the transcript.
"""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

from connector.data.catalogue.search import store as copies
from connector.data.federation import store
from connector.data.federation.booking import Bounds
from connector.data.federation.crawl import Crawl
from connector.data.federation.model import CataloguePage, CrawlResult, CrawlState, SetAside, UnreadEntry
from connector.foundation.errors import HanseError, Unavailable
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.database import Database, Tx

HERE, THERE = "musterstadt", "nachbardorf"
ROOT = "https://seestadt.example/daten"
DID = "did:web:seestadt.example:daten"
OTHER = "https://bergdorf.example"
ROOTS = {ROOT: DID, OTHER: "did:web:bergdorf.example"}
CONTEXT = "https://w3id.org/dspace/2025/1/context.jsonld"
BOUNDS = Bounds(datasets=1_000, bytes=10_000_000, crawl_s=20.0, every_ms=3_600_000)
Entry = dict[str, Any]
Bend = Callable[[str, Answer], Answer | HanseError]


def entry(name: str, title: str = "Bäume", **more: Any) -> Entry:
    """A dataset as DSP has it; `name` is an IRI, or the end of one of the member's own."""
    offer = {"@id": f"urn:o:{name}", "@type": "Offer", "permission": [{"action": "use"}]}
    way = {"@type": "Distribution", "format": "HttpData-PULL", "accessService": "urn:s"}
    iri = name if ":" in name else f"{ROOT}/datasets/{name}"
    return {"@id": iri, "@type": "Dataset", "hasPolicy": [offer], "distribution": [way], "dct:title": title, **more}


def iri(name: str) -> str:
    return f"{ROOT}/datasets/{name}"


class Member:
    """Implements the crawler's port; each call is a request over the network."""

    page_size = 2

    def __init__(self) -> None:
        self.shown: dict[str, list[Entry]] = {}
        self.has_inventory = True
        self.by_offset = False
        """Whether it shows what lies behind so many entries, and names no next page."""
        self.bent: Bend | None = None
        self.asked: list[str] = []
        self.unread: list[UnreadEntry] = []
        self.pages: Callable[[int], CataloguePage] | None = None
        """Instead of the catalogue that it shows: by the number of the page."""

    def show(self, *entries: Entry, to: str = HERE) -> None:
        self.shown[to] = list(entries)

    def lines(self, slug: str) -> dict[str, bytes]:
        """Entries as they go over the wire, by their ids in ascending order."""
        found = {one["@id"]: json.dumps({"@context": [CONTEXT], **one}).encode() for one in self.shown.get(slug, [])}
        return dict(sorted(found.items()))

    def inventory_page(self, slug: str, after: str = "") -> dict[str, Any]:
        told = [(name, sha256(line).hexdigest()) for name, line in self.lines(slug).items()]
        digest = sha256("".join(f"{name} {hash_}\n" for name, hash_ in told).encode()).hexdigest()
        rest = [one for one in told if one[0] > after]
        page = [{"id": name, "sha256": hash_} for name, hash_ in rest[: self.page_size]]
        return {
            "participantId": DID,
            "digest": digest,
            "size": len(told),
            "datasets": page,
            "more": len(rest) > self.page_size,
        }

    async def inventory(self, slug: str, did: str) -> str | None:
        return f"{ROOT}/federation/inventory" if self.has_inventory else None

    async def get(
        self, slug: str, did: str, url: str, limit: int | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        page = self.inventory_page(slug, unquote(url.partition("?after=")[2]))
        tag = (headers or {}).get("If-None-Match")
        if tag == f'"{page["digest"]}"':
            return self._given("unchanged", Answer(304, {}, b""))
        return self._given("inventory", Answer(200, {}, json.dumps(page).encode()))

    async def post(self, slug: str, did: str, url: str, body: bytes, limit: int | None = None) -> Answer:
        assert url == f"{ROOT}/federation/datasets"
        lines, names = self.lines(slug), json.loads(body)["datasets"]
        found = b"".join(lines[name] + b"\n" for name in names if name in lines)
        return self._given(f"entries {len(names)}", Answer(200, {}, found))

    async def page(self, slug: str, did: str, url: str | None, offset: int = 0) -> CataloguePage:
        number = int((url or "0").rpartition("/")[2])
        self._given(f"behind {offset}" if offset else f"page {number}", Answer(200, {}, b""))
        every = self.shown.get(slug, [])
        if self.pages is not None:
            return self.pages(number)
        if self.by_offset:
            return catalogue_page(number, *every[offset : offset + self.page_size])
        part = every[number * self.page_size : (number + 1) * self.page_size]
        more = len(every) > (number + 1) * self.page_size
        return catalogue_page(number, *part, more=more, unread=() if more else self.unread)

    def _given(self, what: str, answer: Answer) -> Answer:
        self.asked.append(what)
        told = answer if self.bent is None else self.bent(what, answer)
        if isinstance(told, HanseError):
            raise told
        return told


def catalogue_page(number: int, *entries: Entry, more: bool = False, unread: Any = ()) -> CataloguePage:
    return CataloguePage(
        entries=entries,
        unread=tuple(unread),
        following=f"{ROOT}/2025-1/catalog/{number + 1}" if more else None,
        url=f"{ROOT}/2025-1/catalog/{number}",
    )


def silent(what: str, answer: Answer) -> HanseError:
    """The member cannot be reached."""
    return Unavailable("http.unreachable", host="seestadt.example")


def status(code: int) -> Bend:
    """Every answer has this status."""
    return lambda what, answer: Answer(code, {}, b"")


class Stage:
    """Crawls of one member over a database."""

    def __init__(self, db: Database) -> None:
        self.db, self.member = db, Member()
        self.bounds = BOUNDS
        self.lost = False
        """Whether another process has taken the crawl over."""
        self.former = frozenset[str]()
        """Whose place the member has taken, as the list says now."""

    async def crawl(self, slug: str = HERE) -> CrawlResult:
        crawl = Crawl(self.db, self.member, self.bounds, ROOTS, self._ours, slug, DID, lambda: 0.5, self.former)
        return await crawl.run()

    async def held(self, slug: str = HERE) -> set[str]:
        """The ends of the ids of what is held for this participant."""
        found = await self.db.read(slug, copies.held, slug, DID)
        return {name.rpartition("/")[2] for name in found}

    async def titles(self, slug: str = HERE) -> dict[str, str]:
        """What the copies of this participant say, by the ends of their ids."""

        def look(tx: Tx) -> dict[str, str]:
            rows = tx.all(
                "SELECT e.dataset, d.entry FROM copy_entry e JOIN copy_document d ON d.content = e.content"
                " WHERE e.participant = :p AND e.provider = :did",
                p=slug,
                did=DID,
            )
            return {row["dataset"].rpartition("/")[2]: json.loads(bytes(row["entry"]))["dct:title"] for row in rows}

        return await self.db.read(slug, look)

    async def rules(self, slug: str = HERE) -> dict[str, int]:
        """How many copies of this participant are under which rule."""
        counts = await self.db.read(slug, copies.counted, slug, copies.Query(match=None))
        return dict(counts["rule"])

    async def state(self, slug: str = HERE) -> CrawlState:
        return await self.db.read(slug, store.state, slug, DID)

    async def member_state(self, slug: str = HERE) -> copies.MemberState:
        return (await self.db.read(slug, copies.members, slug))[DID]

    async def aside(self, slug: str = HERE) -> dict[str, str]:
        """Why what is set aside, by the ends of its ids."""
        found: list[SetAside] = await self.db.read(slug, store.aside, slug, DID)
        return {one.dataset.rpartition("/")[2]: one.code for one in found}

    def _ours(self, tx: Tx) -> None:
        if self.lost:
            raise Unavailable("federation.running")
