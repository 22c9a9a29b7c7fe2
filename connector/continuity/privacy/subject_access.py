"""Access and erasure for a person (Art. 15 and 17 GDPR): one walk through the log, the signed objects and all tables.

A walk goes on in portions, each from the `following` of the one before; what is asked for is weighed, and erased only
if it is `sure`. Each unit of erasure judges anew what it finds, so that asked again it goes on with what is left.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Literal, NamedTuple, TypeVar

import msgspec

from connector.continuity.privacy import column_rules as places
from connector.continuity.privacy import (
    column_scan,
    erasure,
    log_entries,
    person_in_objects,
    person_in_tables,
    pseudonyms,
    retention,
)
from connector.continuity.privacy import retention_store as holds
from connector.continuity.privacy.column_scan import Column
from connector.continuity.privacy.erasure import Eraser, Order, Outcome
from connector.continuity.privacy.person_in_objects import JSON, Use
from connector.continuity.privacy.person_in_tables import Mention, Place, Weighed
from connector.continuity.privacy.retention import Kept, RetentionReason
from connector.exchange.contracts.model import EvidenceObject
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Database, Tx, long
from connector.identity.audit import store

MOST_OBJECTS = 1_000
_OBJECTS_AT_ONCE = 20
"""Read before their size is looked at; a partner's may be half a megabyte each."""
MOST_ROW = 1 << 53
"""Beyond any row: what is larger no database takes for a number."""
LONGEST_SPOT = 5_000
"""Enough for every key that a portion may end at (`mentions.LONGEST_KEY`), in JSON and base64."""
OBJECT = "object"
_OBJECT = re.compile(r"o(?:[0-9a-f]{64})?")

T = TypeVar("T")
Following = int | str | None


class Spot(NamedTuple):
    """Where a portion begins: behind a row of the log, behind an object, or behind a row of any table."""

    stage: Literal["records", "objects", "places"] = "records"
    row: int = 0
    sha256: str = ""
    place: Place | None = None

    @property
    def told(self) -> int | str:
        """As the answer before names it; of the log it is the number of the row."""
        if self.stage == "records":
            return self.row
        if self.stage == "objects":
            return f"o{self.sha256}"
        steps = [] if self.place is None else [self.place.table, *self.place.key]
        return "p" + urlsafe_b64encode(msgspec.json.encode(steps)).decode().rstrip("=")


class Signed(NamedTuple):
    """A signed object that says it, at one of its uses; `use` is None where another object has taken its place."""

    item: EvidenceObject
    use: Use | None


class Portion(NamedTuple):
    """What was found; the next portion begins at `following`, None at the end of the walk."""

    records: tuple[tuple[Kept, object], ...]
    objects: tuple[Signed, ...]
    places: tuple[Mention, ...]
    following: Following


class Answer(NamedTuple):
    """What went, or would go without `sure`, and what stays, with the reasons."""

    records: Outcome
    objects: tuple[tuple[Signed, RetentionReason | None], ...]
    places: Weighed
    following: Following


def spot(tx: Tx, text: str) -> Spot:
    """Where a walk goes on; raises Mistake for what no answer has named."""
    try:
        return _spot(tx, text)
    except (ValueError, msgspec.DecodeError) as error:
        raise Mistake("records.after", value=text[:40]) from error


def _spot(tx: Tx, text: str) -> Spot:
    if text.isascii() and text.isdigit() and len(text) < 17 and int(text) < MOST_ROW:
        return Spot(row=int(text))
    if _OBJECT.fullmatch(text):
        return Spot("objects", sha256=text[1:])
    if not (text.startswith("p") and len(text) <= LONGEST_SPOT and text.isascii()):
        raise ValueError(text)
    steps = msgspec.json.decode(urlsafe_b64decode(text[1:] + "=" * (-len(text[1:]) % 4)), type=list[str | int])
    if not steps:
        return Spot("places")
    table = column_scan.tables(tx).get(str(steps[0]))
    key = tuple(steps[1:])
    if table is None or len(key) != len(table.key) or not all(map(_fits, table.key, key)):
        raise ValueError(text)
    return Spot("places", place=Place(table.name, key))


def _fits(column: Column, value: str | int) -> bool:
    if isinstance(value, int):
        return column.type == "int" and abs(value) < MOST_ROW
    return column.type == "text" and "\0" not in value


def find(tx: Tx, slug: str, pseudonym: str, begin: Spot) -> Portion:
    """One portion of everything that says it: at most so many of each kind as its limits allow."""
    records: tuple[tuple[Kept, object], ...] = ()
    objects: tuple[Signed, ...] = ()
    if begin.stage == "records":
        found = log_entries.find(tx, slug, pseudonym, begin.row)
        if found.following is not None:
            return Portion(found.records, (), (), found.following)
        records, begin = found.records, Spot("objects")
    if begin.stage == "objects":
        objects, last = _objects(tx, slug, pseudonym, begin.sha256)
        if last is not None:
            return Portion(records, objects, (), Spot("objects", sha256=last).told)
        begin = Spot("places")
    said, end = person_in_tables.find(tx, slug, pseudonym, begin.place)
    return Portion(records, objects, tuple(said), None if end is None else Spot("places", place=end).told)


def _objects(tx: Tx, slug: str, pseudonym: str, after: str) -> tuple[tuple[Signed, ...], str | None]:
    """Those behind `after`, and the last one that was looked at if there may be more: as many as one answer carries."""
    found: list[Signed] = []
    looked_at = size = 0
    while items := person_in_objects.objects_holding(tx, slug, pseudonym, after, min(_OBJECTS_AT_ONCE, MOST_OBJECTS)):
        for item in items:
            looked_at, after = looked_at + 1, item.sha256
            if hers(item, pseudonym):
                uses = _uses(tx, slug, item)
                found += uses
                size += len(item.body) * len(uses)
            if looked_at == MOST_OBJECTS or size >= person_in_tables.LARGEST:
                return tuple(found), after
    return tuple(found), None


def hers(item: EvidenceObject, pseudonym: str) -> bool:
    """Whether it says it as a word of its own: a name that merely contains it is about somebody or something else."""
    if item.media_type == JSON:
        try:
            return retention.names(msgspec.json.decode(item.body), pseudonym)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    return pseudonyms.says(item.body.decode("utf-8", "replace"), pseudonym)


def shown(item: EvidenceObject) -> object:
    """The object for a copy of the data."""
    return places.shown(item.body.decode("utf-8", "replace"))


class Persons:
    """Of all participants; every method names the participant."""

    def __init__(
        self,
        db: Database,
        eraser: Eraser,
        forgotten: person_in_tables.Forgotten = lambda tx, slug, pseudonym: None,
    ) -> None:
        """`forgotten` as `person_in_tables.clear` takes it."""
        self._db, self._eraser, self._forgotten = db, eraser, forgotten

    async def copy(self, slug: str, pseudonym: str, after: str) -> Portion:
        """Everything that says it, from there on; raises Mistake."""

        @long
        def unit(tx: Tx) -> Portion:
            return find(tx, slug, log_entries.checked(pseudonym), spot(tx, after))

        return await self._db.read(slug, unit)

    async def weigh(self, slug: str, pseudonym: str, after: str) -> Answer:
        """What `erase` would do to that portion."""

        @long
        def unit(tx: Tx) -> Answer:
            found = find(tx, slug, log_entries.checked(pseudonym), spot(tx, after))
            return Answer(
                self._eraser.weigh(tx, slug, [record.id for record, _ in found.records], asked=True),
                tuple((one, self._keeps(tx, slug, one.use)) for one in found.objects),
                person_in_tables.weigh(tx, slug, self._eraser, found.places),
                found.following,
            )

        return await self._db.read(slug, unit)

    async def erase(self, slug: str, pseudonym: str, after: str, order: Order) -> Answer:
        """Erases of that portion what may go: records first, for with the last of an agreement its approvals go."""
        found = await self.copy(slug, pseudonym, after)
        outcome = await self._eraser.forget(self._db, slug, [record.id for record, _ in found.records], order)
        objects: list[tuple[Signed, RetentionReason | None]] = []
        for some in _portions(list({one.item.sha256: one.item for one in found.objects}.values())):
            objects += await self._db.write(slug, self._let_go, slug, some, order)
        cleared: list[Mention] = []
        stays: list[tuple[Mention, RetentionReason]] = []
        for spots in _portions(list(dict.fromkeys(one.place for one in found.places))):
            done = await self._db.write(
                slug, person_in_tables.clear, slug, self._eraser, pseudonym, spots, order, self._forgotten
            )
            cleared += done.cleared
            stays += done.stays
        return Answer(outcome, tuple(objects), Weighed(tuple(cleared), tuple(stays)), found.following)

    @long
    def _let_go(
        self, tx: Tx, slug: str, items: list[EvidenceObject], order: Order
    ) -> list[tuple[Signed, RetentionReason | None]]:
        """None: that use of the object is gone; the object too, if it was the last."""
        store.alone(tx, slug)
        judged = []
        with column_scan.overwriting(tx):
            for item in items:
                if not person_in_objects.there(tx, slug, item.sha256):
                    continue
                here = [(one, self._keeps(tx, slug, one.use)) for one in _uses(tx, slug, item)]
                free = [one.use for one, stay in here if stay is None]
                if free:
                    person_in_objects.let_go(tx, slug, item.sha256, [use for use in free if use is not None])
                judged += here
        count = sum(stay is None for _, stay in judged)
        if count:
            self._eraser.note(tx, slug, {OBJECT: count}, order)
        return judged

    def _keeps(self, tx: Tx, slug: str, use: Use | None) -> RetentionReason | None:
        """What keeps a signed object where it is; None: nothing does. One without a use is under any hold."""
        standing = holds.standing(tx, slug)
        if use is not None and use.agreement is not None:
            stay = self._eraser.proof(tx, slug, use.agreement)
        elif None in standing or (use is None and standing):
            stay = RetentionReason("hold")
        else:
            stay = RetentionReason("open") if use is not None and use.open else None
        return RetentionReason("elsewhere") if stay is None and use is not None and not use.personal else stay


def _uses(tx: Tx, slug: str, item: EvidenceObject) -> list[Signed]:
    return [Signed(item, use) for use in person_in_objects.uses(tx, slug, item.sha256)] or [Signed(item, None)]


def _portions(whole: list[T]) -> list[list[T]]:
    return [whole[start : start + erasure.AT_ONCE] for start in range(0, len(whole), erasure.AT_ONCE)]
