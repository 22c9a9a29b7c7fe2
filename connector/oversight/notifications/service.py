"""What people have to be told: noted once by a job that looks, listed for each of them, read by her own word.

A look that another replica makes in the same moment finds the same names, so nothing is there twice.
"""

import structlog

from connector.data.approvals.model import Voter
from connector.foundation.storage.database import WORKER, Database, Tx
from connector.identity.participants.service import Hosted, Participants
from connector.oversight.notifications import store
from connector.oversight.notifications.causes import Causes
from connector.oversight.notifications.model import PASSING, URGENCY, Notification
from connector.oversight.notifications.store import Mark

log = structlog.get_logger("notifications")
LOOK_S = 60.0
SELDOM_S = 3_600.0


class Notifications:
    """Of all participants. `person` is who reads, with her roles."""

    def __init__(self, db: Database, participants: Participants, causes: Causes) -> None:
        self._db, self._participants, self._causes = db, participants, causes
        self._seen: dict[str, Mark] = {}
        """What each participant looked like when it was looked at last."""

    # Reading

    def waiting(self, tx: Tx, participant: str, person: Voter) -> list[Notification]:
        """What she has not read, the most urgent first."""
        read = store.read_by(tx, participant, person.who)
        found = [one for one in self._hers(tx, participant, person) if one.name not in read]
        return sorted(found, key=lambda one: (URGENCY[one.cause], -one.at, one.name))

    def all(self, tx: Tx, participant: str, person: Voter) -> list[tuple[Notification, bool]]:
        """The newest first, and whether she has read it."""
        read = store.read_by(tx, participant, person.who)
        return [(one, one.name in read) for one in self._hers(tx, participant, person)]

    def read(self, tx: Tx, participant: str, person: Voter, names: frozenset[str] | None = None) -> None:
        """She has read these of hers, or (None) all."""
        hers = (one.name for one in self._hers(tx, participant, person))
        store.note_read(tx, participant, person.who, [name for name in hers if names is None or name in names])

    def _hers(self, tx: Tx, participant: str, person: Voter) -> list[Notification]:
        found = store.newest(tx, participant)
        return [one for one in found if one.concerns(person.who, person.roles)]

    # Looking

    async def look(self) -> None:
        """The job: what minutes matter for, of every participant of which anything is new since the last look."""
        now = await self._db.read(WORKER, store.marks)
        moved = [slug for slug, mark in now.items() if mark.open is not None or self._seen.get(slug) != mark]
        for hosted in await self._participants.here(moved):
            await self._note(hosted, seldom=False)
            self._seen[hosted.participant.id] = now[hosted.participant.id]
        self._seen = {slug: mark for slug, mark in self._seen.items() if slug in now}

    async def look_further(self) -> None:
        """The job: what has days."""
        for hosted in await self._participants.all():
            await self._note(hosted, seldom=True)
            await self._db.write(hosted.participant.id, store.sweep, hosted.participant.id)

    async def _note(self, hosted: Hosted, *, seldom: bool) -> None:
        slug = hosted.participant.id
        found, over = await self._db.read(slug, self._found, hosted, seldom)
        if over:
            await self._db.write(slug, store.forget, slug, over)
        if found:
            added = await self._db.write(slug, _add, slug, found)
            log.info("notifications.noted", participant=slug, count=added)

    def _found(self, tx: Tx, hosted: Hosted, seldom: bool) -> tuple[list[Notification], list[str]]:
        """What is new, and the names of what is not so any more."""
        known = store.names(tx, hosted.participant.id)
        looked = self._causes.seldom(tx, hosted) if seldom else self._causes.often(tx, hosted, known)
        now = {one.name for one in looked}
        over = [one for one in sorted(known - now) if one.partition(":")[0] in PASSING]
        return [one for one in looked if one.name not in known], over


def _add(tx: Tx, slug: str, found: list[Notification]) -> int:
    return sum(store.add(tx, slug, one) for one in found)
