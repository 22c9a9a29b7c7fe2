"""Drafts of publications: begun with a file or an address, read beside, answered step by step, published, taken
back.

Whatever somebody has answered is in the database at once: a session that ends, a process that dies and a second
window lose nothing. Who saves says which version she saw. A reading that died with its process begins anew when
somebody looks.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import structlog
from msgspec.structs import replace

from connector.data.approvals.model import NOBODY, Voter
from connector.data.approvals.publications import NewDataset, PublicationApprovals, ReplacedDataset
from connector.data.approvals.service import Approvals
from connector.data.catalogue.service import Catalogue
from connector.data.catalogue.uploads import Uploads
from connector.data.drafts import proposals, store
from connector.data.drafts.model import Draft, Kind, Problem, Said
from connector.data.drafts.wish import answers, publication, replacement
from connector.data.sources.kind import Incoming
from connector.data.sources.kinds import NewSource, Sources
from connector.data.sources.model import Source
from connector.foundation.errors import HanseError, Mistake, Unknown
from connector.foundation.ids import new_uuid
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.nested import nested
from connector.identity.accounts.model import ROLES
from connector.identity.audit import store as audit
from connector.identity.participants.lifecycle import require_active
from connector.identity.participants.service import Participants
from connector.kernel.metadata.lists.code_lists import code_lists
from connector.kernel.reading.model import Limits, Reading
from connector.kernel.reading.reader import read_async

log = structlog.get_logger("drafts")
ZONES = (32, 33)
"""Of UTM, in which Germany lies."""
TOLD = 200
"""Answers to hints that one record of the log tells of; the draft has all."""
MOST = 100
"""Drafts of one participant that are open at the same time."""


class Outdated(Mistake):
    """Somebody has saved it in another window meanwhile: 409."""

    status = 409


class _Tried(Mistake):
    """It could be published; undone, for nobody has asked for that yet."""


class Drafts:
    """Of all participants. `read` reads a file in a process of its own."""

    def __init__(
        self,
        db: Database,
        participants: Participants,
        catalogue: Catalogue,
        uploads: Uploads,
        sources: Sources,
        publications: PublicationApprovals,
        approvals: Approvals,
        read: Callable[[Path, Limits, str], Awaitable[Reading]] = read_async,
    ) -> None:
        self._publications, self._approvals = publications, approvals
        self._db, self._participants, self._catalogue = db, participants, catalogue
        self._uploads, self._sources, self._read = uploads, sources, read
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}

    # Beginning

    async def begin(
        self, slug: str, author: str, name: str, incoming: Incoming, size: int | None = None, *, dataset: str = ""
    ) -> Draft:
        """With a file that is handed over; `dataset`: it is to be the next version of this one (IRI or UUID)."""
        await self._db.read(slug, self._allow, slug, dataset)
        source = await self._uploads.take(slug, name, incoming, size)
        return await self._begun(slug, author, source, source, dataset)

    async def begin_at(
        self, slug: str, author: str, kind: str, given: Mapping[str, str], *, live: bool, dataset: str = ""
    ) -> Draft:
        """With what a source of such a kind has: as it is now, or (`live`) fetched anew whenever somebody asks for
        it."""
        await self._db.read(slug, self._allow, slug, dataset)
        async with self._sources.look(kind, given) as found:
            copy = await self._uploads.take(slug, found.name, found.incoming, found.bytes)
        wish = NewSource(kind=kind, parameters=dict(given), name=copy.name, media_type=copy.media_type)
        source = self._sources.made(slug, wish) if live else copy
        return await self._begun(slug, author, source, copy, dataset)

    async def begin_with(self, slug: str, author: str, source_id: str) -> Draft:
        """With what was handed in before, by a program or on the command line; raises Unknown."""
        known = await self._db.read(slug, self.unused, slug)
        source = copy = next((one for one in known if one.id == source_id), None)
        if source is None:
            raise Unknown("drafts.unknown", id=source_id[:80])
        if source.live:
            async with self._sources.look_again(slug, source) as found:
                copy = await self._uploads.take(slug, source.name, found.incoming, found.bytes)
        return await self._begun(slug, author, source, copy or source, "", known=source.id)

    async def _begun(
        self, slug: str, author: str, source: Source, copy: Source, dataset: str, known: str = ""
    ) -> Draft:
        made = await self._db.write(slug, self._insert, slug, author, source, copy, dataset, known)
        self._start(slug, made)
        return made

    def _allow(self, tx: Tx, slug: str, dataset: str) -> None:
        """Before a file is taken in for nothing."""
        if store.count_open(tx, slug) >= MOST:
            raise Mistake("drafts.many", most=MOST)
        if dataset:
            found, source, _ = self._catalogue.life.show(tx, slug, dataset)
            if found.state == "withdrawn" or not source.here:
                raise Mistake("drafts.no-version")

    def _insert(self, tx: Tx, slug: str, author: str, source: Source, copy: Source, dataset: str, known: str) -> Draft:
        """`known`: the source that is registered already."""
        require_active(tx, slug)
        self._allow(tx, slug, dataset)
        if known and self._catalogue.hold(tx, slug, known) is None:
            raise Unknown("drafts.unknown", id=known)
        giver = self._giver(tx, slug, known) if known else ""
        for one in {source.id: source, copy.id: copy}.values():
            if one.id != known:
                self._catalogue.register(tx, slug, one)
        kind: Kind = "version" if dataset else "new"
        made = Draft(
            id=new_uuid(),
            author=" ".join(dict.fromkeys([author, giver])).strip(),
            kind=kind,
            state="reading",
            dataset=self._catalogue.life.show(tx, slug, dataset)[0].id if dataset else "",
            source=source.id,
            copy=copy.location,
            name=copy.name,
            bytes=copy.bytes or 0,
            reading=None,
            problem=None,
            said=Said(),
            approval="",
            version=1,
            created_at=tx.now,
            changed_at=tx.now,
            published_at=None,
        )
        store.insert(tx, slug, made)
        return made

    # Reading the file

    async def look(self, slug: str, draft_id: str) -> Draft:
        """As it stands; raises Unknown. A reading that nobody does any more is begun anew."""
        found = await self._db.read(slug, self.get, slug, draft_id)
        if found.state == "reading":
            self._start(slug, found)
        return found

    async def read_within(self, slug: str, draft_id: str, seconds: float) -> Draft:
        """As it stands when its file has been read, or after so many seconds."""
        found = await self.look(slug, draft_id)
        task = self._running.get((slug, draft_id))
        if task is None:
            return found
        await asyncio.wait({task}, timeout=seconds)
        return await self.look(slug, draft_id)

    async def read_in_zone(self, slug: str, draft_id: str, seen: int, zone: int, by: Voter) -> None:
        """Once more, with the zone of UTM that somebody knows; raises Mistake for another, Outdated as `answer`."""
        if zone not in ZONES:
            raise Mistake("drafts.zone")
        saved = await self._db.write(slug, self._in_zone, slug, draft_id, seen, zone, by)
        self._start(slug, saved)

    def _in_zone(self, tx: Tx, slug: str, draft_id: str, seen: int, zone: int, by: Voter) -> Draft:
        one = self._open(tx, slug, draft_id)
        if seen != one.version:
            raise Outdated("drafts.outdated")
        said = replace(one.said, zone=zone, box=())
        return self._save(tx, slug, replace(one, state="reading", author=one.written_by(by.who), said=said))

    async def stop(self) -> None:
        """The process ends: what is being read is read again later."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, slug: str, one: Draft) -> None:
        key = (slug, one.id)
        if key not in self._running:
            self._running[key] = asyncio.create_task(self._reading(slug, one))
            self._running[key].add_done_callback(lambda _: self._running.pop(key, None))

    async def _reading(self, slug: str, one: Draft) -> None:
        try:
            reading = await self._read(self._uploads.folder(slug) / one.copy, Limits(zone=one.said.zone), slug)
            await self._db.write(slug, self._keep, slug, one.id, reading, None)
        except HanseError as error:
            facts = {name: value for name, value in error.facts.items() if isinstance(value, str | int)}
            await self._db.write(slug, self._keep, slug, one.id, None, Problem(error.code, facts))
        except OSError:
            log.exception("drafts.unread", participant=slug, draft=one.id)
            await self._db.write(slug, self._keep, slug, one.id, None, Problem("reading.exhausted"))

    def _keep(self, tx: Tx, slug: str, draft_id: str, reading: Reading | None, problem: Problem | None) -> None:
        one = store.draft(tx, slug, draft_id)
        if one is None or one.state != "reading":
            return
        said = one.said
        if reading is not None:
            said = proposals.proposed(said, one.name, reading, code_lists(), anew=one.kind == "version")
        self._save(tx, slug, replace(one, state="open", reading=reading, problem=problem, said=said))

    # Answering

    def get(self, tx: Tx, slug: str, draft_id: str) -> Draft:
        found = store.draft(tx, slug, draft_id)
        if found is None:
            raise Unknown("drafts.unknown", id=draft_id[:80])
        return self._settled(tx, slug, found)

    def open_ones(self, tx: Tx, slug: str) -> list[Draft]:
        """What is being prepared or waits for others, without what was read in it."""
        found = (self._settled(tx, slug, one) for one in store.open_ones(tx, slug, MOST))
        return [one for one in found if one.state != "published"]

    def _giver(self, tx: Tx, slug: str, known: str) -> str:
        """Who handed it in with a program; who has no role any more may come again under another name."""
        who = self._catalogue.handed_in_by(tx, slug, known)
        return who if not who or who in self._approvals.holding(tx, slug, *ROLES) else NOBODY

    def unused(self, tx: Tx, slug: str) -> list[Source]:
        """What was handed in by a program or on the command line, and is in no dataset and no draft; the newest."""
        taken = store.taken(tx, slug)
        return [one for one in self._catalogue.unpublished(tx, slug) if not {one.id, one.location} & taken]

    def of_dataset(self, tx: Tx, slug: str, dataset: str) -> list[Draft]:
        """What was said of persons when it was published, and for each version; the newest first."""
        waited = (self._settled(tx, slug, one) for one in store.submitted(tx, slug, MOST))
        late = [one for one in waited if one.state == "published" and one.dataset == dataset]
        return sorted([*late, *store.of_dataset(tx, slug, dataset)], key=lambda one: -(one.published_at or 0))

    def of_approval(self, tx: Tx, slug: str, approval: str) -> Draft | None:
        """What those who have to agree decide about, with what was found in its file; None if it came another way."""
        return store.of_approval(tx, slug, approval)

    def _settled(self, tx: Tx, slug: str, one: Draft) -> Draft:
        """One that waited, as the approval left it: published, or a draft again when nobody agreed."""
        if one.state != "submitted":
            return one
        approval = self._approvals.get(tx, slug, one.approval)
        match approval.ballot.state:
            case "open":
                return one
            case "approved":
                return replace(one, state="published", dataset=approval.dataset, published_at=approval.ended_at)
            case _:
                return replace(one, state="open")

    def answer(self, tx: Tx, slug: str, draft_id: str, seen: int, changed: Mapping[str, Any], by: Voter) -> Draft:
        """These answers taken; the others stay, and who gave them is an author. Raises Outdated if another version than
        `seen` is there, Mistake for what could not be published."""
        one = self._open(tx, slug, draft_id)
        if seen != one.version:
            raise Outdated("drafts.outdated")
        said = replace(one.said, **changed)
        if said == one.said:
            return one
        answers(said)  # raises Mistake
        author = one.author if _judges(one.said, said, by) else one.written_by(by.who)
        return self._save(tx, slug, replace(one, author=author, said=said))

    def discard(self, tx: Tx, slug: str, draft_id: str) -> None:
        """Nobody wants it any more; what was read in it goes."""
        one = self.get(tx, slug, draft_id)
        if one.state in ("reading", "open"):
            self._save(tx, slug, replace(one, state="discarded", reading=None, said=Said()))

    # Publishing

    def submit(self, tx: Tx, slug: str, draft_id: str, seen: int, by: Voter) -> Draft:
        """Published, or handed to those who have to agree. Raises Mistake for what is still open, and as publishing
        does; Outdated as `answer`."""
        one = self._open(tx, slug, draft_id)
        if seen != one.version:
            raise Outdated("drafts.outdated")
        require_ready(one)
        wish: NewDataset | ReplacedDataset = NewDataset(publication(one))
        if one.kind == "version":
            wish = ReplacedDataset(one.dataset, replacement(one))
        made = self._publications.submit(tx, slug, by, wish, personal=one.personal, authors=one.author.split())
        self._confirm(tx, slug, one, made.dataset.id if made.dataset is not None else one.dataset)
        if made.dataset is None:
            approval = made.approval.id if made.approval is not None else ""
            return self._save(tx, slug, replace(one, state="submitted", approval=approval))
        done = replace(one, state="published", dataset=made.dataset.id, published_at=tx.now)
        return self._save(tx, slug, done)

    def tried(self, tx: Tx, slug: str, one: Draft) -> HanseError | None:
        """Why it could not be published as it stands, without publishing it; None if it could."""
        try:
            require_ready(one)
        except Mistake as problem:
            return problem
        found = nested(tx, self._try, slug, one)
        return found if isinstance(found, HanseError) and not isinstance(found, _Tried) else None

    def _try(self, tx: Tx, slug: str, one: Draft) -> None:
        if one.kind == "version":
            self._catalogue.life.replace(tx, slug, one.dataset, replacement(one), released=True)
        else:
            self._catalogue.publish(tx, slug, publication(one), released=True)
        raise _Tried("drafts.tried")

    def _confirm(self, tx: Tx, slug: str, one: Draft, dataset: str) -> None:
        """What was answered to hints stands in the log, with what was asked."""
        participant = self._participants.held(slug).participant
        if one.hints:
            body: dict[str, object] = {
                "dataset": dataset,
                "hints": [
                    {
                        "kind": hint.kind,
                        "table": hint.table,
                        "column": hint.column,
                        "count": hint.count,
                        "looked_at": hint.looked_at,
                        "answer": one.said.personal[hint.key],
                    }
                    for hint in one.hints[:TOLD]
                ],
            }
            audit.append(tx, slug, "confirmation", None, "system", body, did=participant.did)

    def undo(self, tx: Tx, slug: str, draft_id: str) -> Draft:
        """What was published a minute ago is withdrawn, and is a draft again; raises Mistake when it is too late."""
        one = self.get(tx, slug, draft_id)
        if not one.undoable(tx.now):
            raise Mistake("drafts.undo-late")
        self._catalogue.life.withdraw(tx, slug, one.dataset)
        return self._save(tx, slug, replace(one, state="open", dataset="", published_at=None))

    def _open(self, tx: Tx, slug: str, draft_id: str) -> Draft:
        one = self.get(tx, slug, draft_id)
        if one.state != "open":
            raise Mistake("drafts.closed")
        return one

    def _save(self, tx: Tx, slug: str, one: Draft) -> Draft:
        fresh = replace(one, version=one.version + 1, changed_at=tx.now)
        if not store.update(tx, slug, fresh, one.version):
            raise Outdated("drafts.outdated")
        return fresh


def _judges(before: Said, after: Said, by: Voter) -> bool:
    """Whether data protection has answered what is asked about persons, and nothing else: that is its own part."""
    return "protection" in by.roles and replace(after, personal=before.personal) == before


def require_ready(one: Draft) -> None:
    """Raises Mistake for a file that nobody could read, for hints that are not answered, and for sample data."""
    if one.problem is not None:
        raise Mistake(one.problem.code, **one.problem.facts)
    if one.sample:
        raise Mistake("drafts.sample")
    if "remove" in (one.said.personal.get(hint.key) for hint in one.hints):
        raise Mistake("drafts.column-to-go")
    if one.unanswered:
        raise Mistake("drafts.hints", count=len(one.unanswered))
