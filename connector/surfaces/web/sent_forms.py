"""Which forms were sent: a form that comes again, doubled or replayed, does nothing twice (spec/desk.md 1.4).

The name of a form is taken in a transaction of its own before its handler is asked. What died on the way stays taken:
whether it was done is then looked up by a person, not tried again.
"""

from msgspec import Struct

from connector.foundation.storage.database import PROCESS, Database, Tx, by_itself
from connector.surfaces.web.forms import LIFE_MS


class Sent(Struct, frozen=True):
    """An earlier sending: `location` is where it led, empty if nowhere; `done` is False while its handler works."""

    done: bool
    location: str


class SentForms:
    """Forms sent to any replica."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def begin(self, name: str) -> Sent | None:
        """None for the first sending, whose handler may begin now."""
        return await self._db.write(PROCESS, _begin, name)

    async def look(self, name: str) -> Sent | None:
        return await self._db.read(PROCESS, _look, name)

    async def finish(self, name: str, location: str) -> None:
        with by_itself():  # the form may have ended her session
            await self._db.write(PROCESS, _finish, name, location)

    async def release(self, name: str) -> None:
        """The form did nothing: it may be sent again."""
        with by_itself():
            await self._db.write(PROCESS, _release, name)


def _begin(tx: Tx, name: str) -> Sent | None:
    tx.run("DELETE FROM sent_form WHERE sent_at < :old", old=tx.now - 2 * LIFE_MS)
    if tx.run(
        "INSERT INTO sent_form (name, sent_at, done, location) VALUES (:name, :now, 0, '') ON CONFLICT DO NOTHING",
        name=name,
        now=tx.now,
    ):
        return None
    return _look(tx, name)


def _look(tx: Tx, name: str) -> Sent | None:
    row = tx.one("SELECT done, location FROM sent_form WHERE name = :name", name=name)
    return None if row is None else Sent(bool(row["done"]), row["location"])


def _finish(tx: Tx, name: str, location: str) -> None:
    tx.run("UPDATE sent_form SET done = 1, location = :location WHERE name = :name", name=name, location=location)


def _release(tx: Tx, name: str) -> None:
    tx.run("DELETE FROM sent_form WHERE name = :name AND done = 0", name=name)
