"""What she is told at a participant, read or not; and where she wants to be written to, and how often."""

from typing import ClassVar

from aiohttp import web
from msgspec import Struct

from connector.foundation.errors import Mistake
from connector.foundation.storage.database import PROCESS, Database, Tx
from connector.identity.accounts.mailboxes import WANTED, Mailbox, Mailboxes
from connector.oversight.notifications.message import sentence
from connector.oversight.notifications.model import Notification
from connector.oversight.notifications.service import Notifications
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import TOWN, Route, get, post
from connector.surfaces.web.session import READERS


class Line(Struct, frozen=True, kw_only=True):
    """`href` is where the next step is; empty where she may not go."""

    name: str
    text: str
    step: str
    href: str
    at: int
    read: bool


class NotificationPages:
    """`sending`: whether there is a mail server at all."""

    def __init__(self, db: Database, notifications: Notifications, mailboxes: Mailboxes, *, sending: bool) -> None:
        self._db, self._notifications, self._mailboxes, self._sending = db, notifications, mailboxes, sending

    async def all(self, call: Call) -> web.StreamResponse:
        """The newest first."""
        found = await self._db.read(call.slug, self._notifications.all, call.slug, call.voter)
        lines = [_line(call, one, read) for one, read in found]
        return await page(
            call,
            "notifications/list.html",
            title=call.say("web.notifications.title"),
            unread=[one for one in lines if not one.read],
            known=[one for one in lines if one.read],
        )

    async def read(self, call: Call) -> web.StreamResponse:
        """She has read what the page showed her."""
        names = frozenset(call.form.all("name"))
        await self._db.write(call.slug, self._notifications.read, call.slug, call.voter, names)
        return to(call.at("notifications"))

    async def mail(self, call: Call) -> web.StreamResponse:
        return await self._mail(call)

    async def put_mail(self, call: Call) -> web.StreamResponse:
        """Her own wish."""
        address, wanted = call.form.text("address"), call.form.text("wanted")
        try:
            await self._db.write(PROCESS, self._mailboxes.put, call.person.person, address, wanted)
        except Mistake as problem:
            return await self._mail(call, problem)
        return to("/account/mail")

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/notifications", all, *READERS),
        post(f"{TOWN}/notifications", read, *READERS),
        get("/account/mail", mail, "signed"),
        post("/account/mail", put_mail, "signed"),
    )

    async def _mail(self, call: Call, problem: Mistake | None = None) -> web.StreamResponse:
        def look(tx: Tx) -> Mailbox | None:
            return self._mailboxes.of(tx, call.person.person)

        box = await self._db.read(PROCESS, look)
        form = call.form
        errors = [] if problem is None else [("address", call.explain(problem))]
        return await page(
            call,
            "notifications/mail.html",
            200 if problem is None else 422,
            title=call.say("web.notifications.mail-title"),
            sending=self._sending,
            box=box,
            errors=errors,
            wrong=dict(errors),
            address=form.text("address") if problem else (box.address if box else ""),
            chosen=form.text("wanted") if problem else (box.wanted if box else "off"),
            ways=[(one, call.say(f"web.notifications.wanted.{one}")) for one in WANTED],
            crumbs=[(call.say("web.menu.account"), "/account")],
        )


def _line(call: Call, one: Notification, read: bool) -> Line:
    may = call.desk.paths.get(f"{TOWN}/{one.place[0]}", frozenset()) & call.roles
    return Line(
        name=one.name,
        text=sentence(one, call.lang),
        step=call.say(f"web.notifications.step.{one.cause}"),
        href=call.at(*one.place) if may else "",
        at=one.at,
        read=read,
    )
