"""Imported datasets that wait for people: who is asked, what they agree to, and what goes out by it (decision 0185).

Of a source all that waits is one set, and one approval is about it. Its digest says which set; whoever agrees to one
agrees to no other.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Protocol

import msgspec

from connector.data.harvest import store, waiting_store
from connector.data.harvest.model import Run, Source, Waiting
from connector.foundation.errors import Mistake, Unknown
from connector.foundation.storage.database import Tx
from connector.identity.participants.lifecycle import require_active
from connector.kernel.metadata.record.model import DatasetRecord

SHOWN = 100
"""Datasets that are shown at once."""
AT_ONCE = 20
"""Datasets that are in memory at once while they go out: one may have some megabytes."""


class WaitingSet(msgspec.Struct, frozen=True):
    """All that waits of a source: a digest of it, how many, the templates under which they fall, and who had a hand in
    it, also before a question was answered."""

    digest: str
    count: int
    templates: tuple[str, ...]
    hands: tuple[str, ...] = ()


class Asked(msgspec.Struct, frozen=True):
    """The approval about a set: its id, and whether somebody refused just this set. Empty: there is none."""

    approval: str = ""
    refused: bool = False


class People(Protocol):
    """Who has to agree to what an import would make public. Implemented by the approvals."""

    def asks(self, tx: Tx, slug: str, template: str) -> bool:
        """Whether a rule asks for others under this template."""

    def ask(self, tx: Tx, slug: str, source: Source, found: WaitingSet) -> Asked:
        """The approval about this set. About another set of the source nobody is asked any more."""

    def wait(self, tx: Tx, slug: str, source_id: str) -> None:
        """Whoever acts chooses that new records of the source wait."""


class Nobody:
    """Without approvals nobody is asked."""

    def asks(self, tx: Tx, slug: str, template: str) -> bool:
        return False

    def ask(self, tx: Tx, slug: str, source: Source, found: WaitingSet) -> Asked:
        return Asked()

    def wait(self, tx: Tx, slug: str, source_id: str) -> None:
        wait(tx, slug, source_id)


class Shown(msgspec.Struct, frozen=True):
    """A dataset that waits, beside what is public of it (None: nothing)."""

    iri: str
    before: DatasetRecord | None
    after: DatasetRecord


def of(tx: Tx, slug: str, source_id: str) -> WaitingSet:
    found = waiting_store.marks(tx, slug, source_id)
    digest = sha256(json.dumps(found).encode()).hexdigest()
    hands = waiting_store.hands(tx, slug, source_id) if found else ()
    return WaitingSet(digest, len(found), tuple(sorted({template for *_, template in found})), hands)


def settle(tx: Tx, slug: str, source_id: str, people: People) -> tuple[WaitingSet, Asked]:
    """Asks for what waits now, at the end of whatever has changed it."""
    source, found = known(tx, slug, source_id), of(tx, slug, source_id)
    asked = people.ask(tx, slug, source, found)
    note(tx, slug, source, asked)
    return found, asked


def note(tx: Tx, slug: str, source: Source, asked: Asked) -> None:
    """Which approval is the newest about what waits of a source."""
    if asked.approval != source.approval:
        store.note_approval(tx, slug, source.id, asked.approval)


def sources(tx: Tx, slug: str) -> list[tuple[Source, Mapping[str, int]]]:
    """All sources with the number of datasets in each state; `waiting` are all that wait, of which something may be
    public besides."""
    found = store.sources(tx, slug)
    counts = waiting_store.counted(tx, slug)
    return [(one, {**store.counted(tx, slug, one.id), "waiting": counts.get(one.id, 0)}) for one in found]


def some(tx: Tx, slug: str) -> bool:
    """Whether anything was ever taken in."""
    return bool(store.sources(tx, slug))


def runs(tx: Tx, slug: str) -> list[Run]:
    """Those that are remembered, the newest first."""
    return store.runs(tx, slug)


def release(tx: Tx, slug: str, source_id: str, digest: str) -> None:
    """Makes public what waits; raises Mistake if it is another set than people agreed to.

    The source moves on: a run that looked at it before begins anew.
    """
    require_active(tx, slug)
    source = known(tx, slug, source_id)
    if of(tx, slug, source_id).digest != digest:
        raise Mistake("harvest.waiting-changed")
    while some := waiting_store.waiting(tx, slug, source_id, "", AT_ONCE):
        for one in some:
            if one.kept != one.dataset.iri and store.known(tx, slug, one.dataset.iri):  # another source was faster
                raise Mistake("harvest.waiting-changed")
            store.keep_dataset(tx, slug, source_id, one.dataset, changed=True, was=one.kept)
            waiting_store.drop(tx, slug, one.kept)
    if not store.move_on(tx, slug, source, location=source.location, triples=source.triples, undone=source.undone):
        raise Mistake("harvest.busy")


def shown(tx: Tx, slug: str, source_id: str, after: str = "") -> list[Shown]:
    """Those behind the IRI `after`, as many as are shown at once."""
    found = waiting_store.waiting(tx, slug, source_id, after, SHOWN)
    return [_shown(tx, slug, one) for one in found]


def known(tx: Tx, slug: str, source_id: str) -> Source:
    """Raises Unknown."""
    found = store.source(tx, slug, source_id)
    if found is None:
        raise Unknown("harvest.no-source", source=source_id[:200])
    return found


def forget_author(tx: Tx, slug: str, who: str) -> None:
    """Nobody will be able to say who this pseudonym is: so of what is not public yet."""
    store.forget_author(tx, slug, who)


def wait(tx: Tx, slug: str, source_id: str) -> None:
    """From the next run on new records wait, whatever the rules say."""
    store.note_wait(tx, slug, source_id, tx.now)


def let_go(tx: Tx, slug: str, source_id: str) -> None:
    """From the next run on they go out where nothing asks for a person."""
    store.note_wait(tx, slug, source_id, 0)


def _shown(tx: Tx, slug: str, one: Waiting) -> Shown:
    public = store.record(tx, slug, one.kept)
    return Shown(
        iri=one.dataset.iri,
        before=None if public is None else msgspec.json.decode(public, type=DatasetRecord),
        after=msgspec.json.decode(one.dataset.record, type=DatasetRecord),
    )
