"""What waits, what happened, and the mark of what she has seen."""

from typing import ClassVar

from aiohttp import web

from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Database, Tx
from connector.identity.trust.members.trust_list import Anchor
from connector.oversight.tasks.model import News, Task, Viewer
from connector.oversight.tasks.service import Tasks
from connector.surfaces.views.members import Members
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import TOWN, Route, get, post
from connector.surfaces.web.session import READERS
from connector.surfaces.web.today import view


class TodayPages:
    def __init__(self, db: Database, tasks: Tasks, anchor: Anchor) -> None:
        self._db, self._tasks, self._members = db, tasks, Members(anchor)

    async def today(self, call: Call) -> web.StreamResponse:
        viewer = _viewer(call)

        def look(tx: Tx) -> tuple[list[Task], list[News], int, int]:
            found, since = self._tasks.news(tx, call.slug, viewer)
            return self._tasks.waiting(tx, call.slug, viewer), found, since, tx.now

        waiting, found, since, now = await self._db.read(call.slug, look)
        return await page(
            call,
            "today/today.html",
            title=call.say("today.title"),
            since=since,
            now=now,
            tasks=[view.task(call, self._members, one, now) for one in waiting],
            news=[view.news(call, self._members, one) for one in found],
            beginning=call.at("beginning") if f"{TOWN}/beginning" in call.desk.paths else "",
        )

    async def seen(self, call: Call) -> web.StreamResponse:
        """She has seen what the page showed her: until the instant that stood in it."""
        until = call.form.text("until")
        if not until.isascii() or not until.isdecimal() or len(until) > 15:
            raise Mistake("web.field", pointer="until")
        await self._db.write(call.slug, self._tasks.seen, call.slug, _viewer(call), int(until))
        return to(call.at())

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/", today, *READERS),
        post(f"{TOWN}/seen", seen, *READERS),
    )


def _viewer(call: Call) -> Viewer:
    person = call.person
    return Viewer(person=person.person, pseudonym=person.pseudonyms.get(call.slug, ""), roles=frozenset(call.roles))
