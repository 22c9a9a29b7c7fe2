"""Pages of the catalogue as one peer may see them: visibility is decided before paging, the hidden is not there.

A page is looked for in rounds, each a transaction that examines a bounded number of datasets, so a filter that matches
nothing in a large catalogue holds up nobody. A page into which no decision about one peer went is the same for all
members and is kept, as bytes, for as long as the catalogue's count of changes stands (threat T24, decision 0017).
"""

from collections import OrderedDict
from hashlib import sha256
from typing import Final

import msgspec
from msgspec.structs import replace

from connector.data.catalogue import dcat, store
from connector.data.catalogue.model import Described, Shown
from connector.data.catalogue.search.cursor import START, Cursor, Cursors, Place
from connector.data.catalogue.search.filters import Filter
from connector.data.catalogue.visibility import Viewer
from connector.foundation.storage.database import Tx
from connector.foundation.storage.seldom import once_if_small
from connector.identity.participants import succession
from connector.identity.participants.service import Participants
from connector.kernel.policy.engine import PolicyEngine, Requester

EXAMINED: Final = 5_000
"""Datasets looked at in one transaction."""
BATCH: Final = 512
KEPT_BYTES: Final = 24 << 20
KEEPING_BYTES: Final = 2048
"""What a kept page takes beside its body at the very most: its key, its places, its share of the table."""


class Page(msgspec.Struct, frozen=True):
    """A catalogue document, and the cursors of the pages around it."""

    body: bytes
    following: str | None
    previous: str | None


class _Leaf(msgspec.Struct, frozen=True):
    """A page as it is for every member: its cursors are sealed for each anew."""

    body: bytes
    after: Place | None
    before: Place | None


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """A page in the making. `place` is how far it has looked; `found` may hold one more than fits: there is more."""

    slug: str
    requester: Requester
    wanted: Filter
    cursor: Cursor
    started: bool
    version: int
    place: Place
    skip: int
    found: tuple[tuple[Place, bytes], ...] = ()
    over: bool = False
    everyone: bool = True
    kept: _Leaf | None = None

    @property
    def settled(self) -> bool:
        """Whether the page is as full as it can be."""
        return self.over or self.kept is not None or len(self.found) > self.wanted.limit

    @property
    def key(self) -> bytes:
        """As short for a filter of hundreds of long names as for none."""
        return sha256(msgspec.json.encode((self.slug, self.version, self.wanted, self.cursor))).digest()


class Pages:
    """Of all participants. Pages are kept in memory, the least used forgotten first."""

    def __init__(self, participants: Participants, engine: PolicyEngine, cursor_key: bytes) -> None:
        self._participants, self._engine, self._cursors = participants, engine, Cursors(cursor_key)
        self._kept: OrderedDict[bytes, _Leaf] = OrderedDict()
        self._bytes = 0

    def begin(self, tx: Tx, slug: str, requester: Requester, wanted: Filter, cursor: str | None) -> Search:
        """The first round; raises PeerError for a cursor that is not for this peer and filter."""
        opened = Cursor(START) if cursor is None else self._cursors.open(slug, requester.did, wanted, cursor)
        wanted = wanted if cursor is None else replace(wanted, offset=0)
        search = Search(
            slug=slug,
            requester=requester,
            wanted=wanted,
            cursor=opened,
            started=cursor is not None,
            version=store.version(tx, slug),
            place=opened.place,
            skip=wanted.offset,
        )
        kept = self._kept.get(search.key)
        return self._round(tx, search) if kept is None else replace(search, kept=kept)

    def go_on(self, tx: Tx, search: Search) -> Search:
        """A further round of a page that is not settled; what several transactions saw is not kept."""
        return self._round(tx, replace(search, everyone=False))

    def _round(self, tx: Tx, search: Search) -> Search:
        return _Round(tx, self._participants, self._engine, search).run()

    def page(self, search: Search) -> Page:
        """The page as far as it was found; if that is not all, the next one goes on where the search stopped.

        Call it after the rounds have been committed and in the event loop: what is kept must never be taken back.
        """
        leaf = search.kept or self._leaf(search)
        if search.everyone and search.settled:
            self._keep(search.key, leaf)
        return Page(leaf.body, self._sealed(search, leaf.after), self._sealed(search, leaf.before, backward=True))

    def _leaf(self, search: Search) -> _Leaf:
        participant = self._participants.held(search.slug).participant
        entries, more = list(search.found[: search.wanted.limit]), not search.over
        ahead = (entries[-1][0] if len(search.found) > len(entries) else search.place) if more else None
        if not search.cursor.backward:
            behind = entries[0][0] if search.started and entries else None
            return _Leaf(dcat.dsp_catalogue(participant, [entry for _, entry in entries]), ahead, behind)
        entries.reverse()
        after = entries[-1][0] if entries else None
        return _Leaf(dcat.dsp_catalogue(participant, [entry for _, entry in entries]), after, ahead)

    def _keep(self, key: bytes, leaf: _Leaf) -> None:
        if key not in self._kept:
            self._kept[key] = leaf
            self._bytes += len(leaf.body) + KEEPING_BYTES
        self._kept.move_to_end(key)
        while self._bytes > KEPT_BYTES:
            self._bytes -= len(self._kept.popitem(last=False)[1].body) + KEEPING_BYTES

    def _sealed(self, search: Search, place: Place | None, *, backward: bool = False) -> str | None:
        if place is None:
            return None
        return self._cursors.seal(search.slug, search.requester.did, search.wanted, Cursor(place, backward))

    def dataset(self, tx: Tx, slug: str, requester: Requester, name: str) -> bytes | None:
        """One dataset by id or bare UUID as a document, under the same rule as pages (CVE-2024-9202)."""
        participant = self._participants.current(tx, slug)
        found = once_if_small(tx, store.shown, slug, (name, *succession.named(participant, f"datasets/{name}")))
        for entry in found:
            offers = Viewer(self._engine, requester, tx.now).visible(entry.offers)
            if offers:
                return dcat.root(dcat.dsp_dataset(dcat.common(participant), replace(entry, offers=offers)))
        return None


class _Round:
    """One transaction's part of a search."""

    def __init__(self, tx: Tx, participants: Participants, engine: PolicyEngine, search: Search) -> None:
        self._tx, self._search = tx, search
        self._common = dcat.common(participants.current(tx, search.slug))
        self._viewer = Viewer(engine, search.requester, tx.now)
        self._found = list(search.found)
        self._skip, self._place, self._everyone = search.skip, search.place, search.everyone

    def run(self) -> Search:
        slug, wanted, backward = self._search.slug, self._search.wanted, self._search.cursor.backward
        until = store.place_after(self._tx, slug, self._place, backward, EXAMINED) if wanted.narrow else None
        budget, over = EXAMINED, False
        while (missing := wanted.limit + 1 - len(self._found)) > 0 and budget > 0:
            size = min(missing + self._skip, BATCH, budget)
            batch = store.shelf(self._tx, slug, self._place, backward, until, wanted, size)
            for shown in batch:
                self._look(shown)
            budget -= len(batch)
            if len(batch) < size:
                over = until is None
                self._place = self._place if until is None else until
                break
            self._place = batch[-1].place
        return replace(
            self._search,
            found=tuple(self._found),
            place=self._place,
            skip=self._skip,
            everyone=self._everyone,
            over=over and len(self._found) <= wanted.limit,
        )

    def _look(self, shown: Shown) -> None:
        if not shown.everyone:
            self._everyone = False
            shown = replace(shown, offers=self._viewer.visible(shown.offers))
        if not shown.offers or not self._wanted(shown):
            return
        if self._skip > 0:
            self._skip -= 1
        elif len(self._found) <= self._search.wanted.limit:
            self._found.append((shown.place, dcat.dsp_dataset(self._common, shown)))

    def _wanted(self, shown: Shown) -> bool:
        """What SQL has let pass: rows from before that have no folded text, and changes that this peer may not see."""
        wanted = self._search.wanted
        if wanted.words and shown.words is None:
            about = msgspec.json.decode(shown.document, type=Described)
            if not wanted.speaks_of(store.searched(shown.title, about)):
                return False
        if wanted.since is None:
            return True
        return max(shown.changed_at, *(offer.created_at for offer in shown.offers)) >= wanted.since
