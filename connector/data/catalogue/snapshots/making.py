"""Snapshots of public catalogues: one is made when somebody asks and something public has changed, and for no other
reason (decision 0065, threat T82).

Only what changed is described and written anew. A dataset that cannot be described keeps its last good form: it is not
taken out of the catalogue by our mistake, for whoever harvests us would delete it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
import structlog

from connector.data.catalogue import public
from connector.data.catalogue.snapshots import store
from connector.data.catalogue.snapshots.model import LARGEST_PAGE, PER_PAGE, Entry, Snapshot
from connector.data.catalogue.snapshots.supply import Described, Listed, Supplier
from connector.foundation.errors import Defect, Unavailable
from connector.foundation.storage.database import WORKER, Database, Tx, long, of_nobody
from connector.identity.participants import lifecycle
from connector.kernel.metadata.project import dcat_ap
from connector.kernel.metadata.rdf import fragments, oxigraph, writing
from connector.kernel.metadata.rdf.fragments import Parts
from connector.kernel.metadata.rdf.writing import in_order
from connector.kernel.metadata.record import model
from connector.kernel.metadata.record.model import DatasetRecord

EDITION: Final = sha256(
    b"".join(Path(str(one.__file__)).read_bytes() for one in (public, dcat_ap, fragments, model, writing))
).hexdigest()[:16]
"""Of the code that makes documents of records: a release that may write them differently writes all of them anew."""
MOST: Final = 100_000
"""Public datasets of one participant."""
LARGEST: Final = 16 << 20
"""Bytes of RDF/XML that one dataset may take."""
PORTION: Final = 100
AT_A_LOOK: Final = 250
BAD: Final = (ValueError, SyntaxError, msgspec.MsgspecError)
"""What one dataset raises that cannot be read, described or written."""
ATTEMPTS: Final = 4
KEPT_MS: Final = 86_400_000
"""How long a snapshot that has been superseded can still be read: a harvester that began with it comes to its end."""
DRAFTS_MS: Final = 3_600_000
MOST_KEPT: Final = 500
SWEEP_S: Final = 600.0

log = structlog.get_logger("public")
About = Callable[[Tx, str], "Sequence[oxigraph.Triple]"]
"""The catalogue's own node with its publisher, without datasets."""


class _Seen(msgspec.Struct, frozen=True):
    """What one transaction saw: of each dataset who supplies it, and the snapshot before."""

    state: str
    about: str
    listed: Mapping[str, tuple[int, Listed]]
    known: Mapping[str, Entry]
    newest: Snapshot | None


class Snapshots:
    """Of all participants. `suppliers` in their order: of two that list the same IRI the first is heard."""

    def __init__(self, db: Database, suppliers: Sequence[Supplier], about: About) -> None:
        self._db, self._suppliers, self._about = db, tuple(suppliers), about
        self._making: dict[str, asyncio.Task[Snapshot]] = {}

    async def newest(self, slug: str) -> Snapshot:
        """Shows all that is public now; makes one if need be. Raises Unavailable, never an emptier one than is true."""
        found = await self._db.read(slug, self._current, slug)
        if found is not None:
            return found
        making = self._making.get(slug)
        if making is None:
            making = self._making[slug] = asyncio.create_task(
                self._made(slug), name=f"snapshot {slug}", context=of_nobody()
            )
            making.add_done_callback(lambda done: self._over(slug, done))
        return await asyncio.shield(making)  # who asked may go away; what was begun helps whoever comes next

    async def named(self, slug: str, digest: str) -> Snapshot | None:
        """One that is not the newest any more, for as long as it is kept."""
        return await self._db.read(slug, store.named, slug, digest)

    async def taken_back(self, slug: str, snapshot: Snapshot, number: int | None = None) -> frozenset[str]:
        """What the snapshot, or that page of it, shows and what is not public any more."""
        return await self._db.read(slug, self._taken_back, slug, snapshot, number)

    async def supplied(self, slug: str, iri: str) -> tuple[DatasetRecord, Described] | None:
        """A public dataset as its supplier describes it now, whoever that is."""
        return await self._db.read(slug, self._supplied, slug, iri)

    async def sweep(self) -> None:
        """Forgets what nobody can be reading any more."""
        for slug in await self._db.read(WORKER, store.swept):
            if gone := await self._db.write(slug, _sweep, slug):
                log.info("public.swept", participant=slug, snapshots=gone)

    def _supplied(self, tx: Tx, slug: str, iri: str) -> tuple[DatasetRecord, Described] | None:
        for supplier in self._suppliers if lifecycle.is_active(tx, slug) else ():
            record, described = supplier.record(tx, slug, iri), supplier.described(tx, slug, [iri])
            if record is not None and described:
                return record, described[0]
        return None

    def _taken_back(self, tx: Tx, slug: str, snapshot: Snapshot, number: int | None) -> frozenset[str]:
        current = self._current(tx, slug)
        if current is not None and current.digest == snapshot.digest:
            return frozenset()
        shown = store.iris(tx, slug, snapshot, number)
        still: set[str] = set()
        for supplier in self._suppliers if lifecycle.is_active(tx, slug) else ():
            for start in range(0, len(shown), AT_A_LOOK):
                still |= set(supplier.still(tx, slug, shown[start : start + AT_A_LOOK]))
        return frozenset(shown) - still

    def _over(self, slug: str, done: asyncio.Task[Snapshot]) -> None:
        self._making.pop(slug, None)
        if not done.cancelled():
            done.exception()  # told to whoever waits, if anybody still does

    def _current(self, tx: Tx, slug: str) -> Snapshot | None:
        found = store.newest(tx, slug)
        return found[0] if found is not None and found[1] == self._state(tx, slug)[0] else None

    def _state(self, tx: Tx, slug: str) -> tuple[str, str]:
        """What tells one moment from another, and the catalogue's own node."""
        lines = fragments.part("nt", in_order(self._about(tx, slug))).decode()
        said = [EDITION, sha256(lines.encode()).hexdigest(), str(lifecycle.is_active(tx, slug))]
        said += [one.state(tx, slug) for one in self._suppliers]
        return msgspec.json.encode(said).decode(), lines

    async def _made(self, slug: str) -> Snapshot:
        found = await self._db.read(slug, self._current, slug)  # made since whoever asks looked
        if found is not None:
            return found
        done: dict[str, Entry] = {}
        for attempt in range(ATTEMPTS):
            seen = await self._db.read(slug, self._look, slug)
            entries = await self._written(slug, seen, done)
            done |= entries
            last = attempt == ATTEMPTS - 1  # while very much changes: what was true a moment ago is true enough
            made = await self._db.write(slug, self._booked, slug, seen, entries, last)
            if made is not None:
                return made
        raise Defect("public.no-snapshot")

    def _look(self, tx: Tx, slug: str) -> _Seen:
        state, about = self._state(tx, slug)
        listed: dict[str, tuple[int, Listed]] = {}
        for number, supplier in enumerate(self._suppliers if lifecycle.is_active(tx, slug) else ()):
            for one in supplier.listed(tx, slug):
                listed.setdefault(one.iri, (number, one))
        if len(listed) > MOST:
            raise Unavailable("public.too-many", most=MOST)
        newest = store.newest(tx, slug)
        known = {} if newest is None else store.entries(tx, slug, newest[0].number)
        return _Seen(state, about, listed, known, None if newest is None else newest[0])

    async def _written(self, slug: str, seen: _Seen, done: Mapping[str, Entry]) -> dict[str, Entry]:
        """The entries of the next snapshot; all their documents are kept. `done`: those of an attempt before."""
        entries: dict[str, Entry] = {}
        changed: dict[int, list[str]] = {}
        for iri, (number, listed) in seen.listed.items():
            mark, either = _mark(listed), (seen.known.get(iri), done.get(iri))
            known = next((one for one in either if one is not None and one.mark == mark), None)
            if known is not None:
                entries[iri] = known
            else:
                changed.setdefault(number, []).append(iri)
        for number, iris in changed.items():
            for start in range(0, len(iris), PORTION):
                portion = iris[start : start + PORTION]
                described, failed = await self._db.read(slug, self._described, slug, number, portion)
                written = await asyncio.to_thread(_parts, described)
                await self._db.write(slug, store.insert_documents, slug, [parts for _, parts in written])
                entries |= {entry.iri: entry for entry, _ in written}
                failed += [one.listed.iri for one in described if one.listed.iri not in entries]
                entries |= {iri: seen.known[iri] for iri in failed if iri in seen.known}
        return entries

    @long
    def _described(self, tx: Tx, slug: str, number: int, iris: Sequence[str]) -> tuple[Sequence[Described], list[str]]:
        """And those that could not be described: one bad record spoils no other."""
        supplier = self._suppliers[number]
        try:
            return supplier.described(tx, slug, iris), []
        except BAD:
            described: list[Described] = []
            failed: list[str] = []
            for iri in iris:
                try:
                    described += supplier.described(tx, slug, [iri])
                except BAD as error:
                    log.error("public.not-described", dataset=iri, problem=str(error)[:200])
                    failed.append(iri)
            return described, failed

    @long
    def _booked(self, tx: Tx, slug: str, seen: _Seen, entries: Mapping[str, Entry], last: bool) -> Snapshot | None:
        """The snapshot of these entries; None if something changed while they were written."""
        issued_at = store.held(tx, slug)
        newest = store.newest(tx, slug)
        moved = newest is not None and (seen.newest is None or newest[0].number != seen.newest.number)
        if moved or (not last and self._state(tx, slug)[0] != seen.state):
            return newest[0] if newest is not None and moved and last else None
        before = None if newest is None else newest[0]
        kept = {iri for iri, one in entries.items() if iri in seen.known and seen.known[iri].digest == one.digest}
        store.remark(tx, slug, [entries[iri] for iri in kept if entries[iri].mark != seen.known[iri].mark])
        gone, new = sorted(seen.known.keys() - kept), [entries[iri] for iri in sorted(entries.keys() - kept)]
        if before is not None and before.about == seen.about and not gone and not new:
            store.keep_state(tx, slug, before.number, seen.state)
            return before
        changed_at = _changed_at(tx.now, entries, before)
        made = Snapshot(
            number=1 if before is None else before.number + 1,
            digest=_digest(seen.about, entries, changed_at),
            about=seen.about,
            total=len(entries),
            starts=tuple(_starts(entries)),
            issued_at=issued_at,
            changed_at=changed_at,
        )
        store.add(tx, slug, made, seen.state, gone, new)
        return made


def _mark(listed: Listed) -> str:
    return f"{EDITION}:{listed.mark}"


def _parts(described: Sequence[Described]) -> list[tuple[Entry, Parts]]:
    found: list[tuple[Entry, Parts]] = []
    for one in described:
        try:
            parts = fragments.parts(one.listed.iri, one.triples)
        except BAD as error:
            log.error("public.not-written", dataset=one.listed.iri, problem=str(error)[:200])
            continue
        if not parts.own["nt"] or parts.size > LARGEST:
            log.error("public.not-shown", dataset=one.listed.iri, bytes=parts.size)
            continue
        listed = one.listed
        entry = Entry(
            iri=listed.iri, digest=parts.digest, mark=_mark(listed), changed_at=listed.changed_at, size=parts.size
        )
        found.append((entry, parts))
    return found


def _digest(about: str, entries: Mapping[str, Entry], changed_at: int) -> str:
    digest = sha256(f"{about}{changed_at}\n".encode())
    for iri in sorted(entries):
        digest.update(f"{iri} {entries[iri].digest}\n".encode())
    return digest.hexdigest()


def _starts(entries: Mapping[str, Entry]) -> Iterator[str]:
    """A page is full with a hundred datasets, or with what a harvester would take at once."""
    count, size = PER_PAGE, 0
    for iri in sorted(entries):
        if count == PER_PAGE or size + entries[iri].size > LARGEST_PAGE:
            yield iri
            count, size = 0, 0
        count, size = count + 1, size + entries[iri].size


def _changed_at(now: int, entries: Mapping[str, Entry], before: Snapshot | None) -> int:
    """The newest change, in another second than that of the snapshot before: what went has no time of its own."""
    newest = min(now, max((one.changed_at for one in entries.values()), default=now))
    if before is None:
        return newest
    return newest if newest // 1000 > before.changed_at // 1000 else max(now, (before.changed_at // 1000 + 1) * 1000)


def _sweep(tx: Tx, slug: str) -> int:
    return store.sweep(tx, slug, tx.now - KEPT_MS, tx.now - DRAFTS_MS, MOST_KEPT)
