"""Pages of applications: what the machine found out, what people note with how they know it, and each person's word.

Who has no part in a decision reads why not. Two people are two sessions of two persons: which of them acts is what her
session says, and never a field of a form (threat T102).
"""

from typing import ClassVar
from urllib.parse import quote

from aiohttp import web
from msgspec import Struct

from connector.dataspace.spaces.assemble import SpaceSlice
from connector.dataspace.spaces.keeping import overview
from connector.dataspace.spaces.keeping.authority import ROLE
from connector.dataspace.spaces.model import Application, Space
from connector.foundation.errors import Mistake, Unknown
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Database, Tx
from connector.identity.accounts.directory import Directory
from connector.identity.accounts.model import unconfirmed
from connector.surfaces.views.members import Members
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import TOWN, Route, get, post
from connector.surfaces.web.session import READERS
from connector.surfaces.web.spaces import view

ONE = f"{TOWN}/applications/{{id}}"
TONES = {"pending": "warning", "approved": "success", "refused": "danger", "withdrawn": "info", "expired": "info"}


class ApplicationPage(Struct, frozen=True, kw_only=True):
    """An application as one transaction has it; `names` are those of people by pseudonym, of whom the page names
    `unconfirmed` as they called themselves."""

    space: Space
    one: Application
    invited: str
    names: dict[str, str]
    unconfirmed: list[str]
    stewards: int


class ApplicationPages:
    def __init__(self, db: Database, spaces: SpaceSlice, people: Directory, members: Members) -> None:
        self._db, self._people, self._members = db, people, members
        self._authority, self._applications = spaces.authority, spaces.applications

    async def all(self, call: Call) -> web.StreamResponse:
        """The page of applications that wait, and of those that were decided."""

        def look(tx: Tx) -> tuple[Space, list[overview.ApplicationLine], list[overview.DecidedLine]]:
            space = self._authority.held(tx, call.slug)
            return space, overview.waiting(tx, call.slug), overview.decided(tx, call.slug)

        space, waiting, decided = await self._db.read(call.slug, look)
        who = call.voter.who
        return await page(
            call,
            "spaces/applications.html",
            title=call.say("web.spaces.applications"),
            crumbs=_crumbs(call, space),
            waiting=[(one, one.agreed(who)) for one in waiting],
            decided=[(one, TONES[one.state]) for one in decided],
        )

    async def one(self, call: Call) -> web.StreamResponse:
        return await self._page(call)

    async def check(self, call: Call) -> web.StreamResponse:
        """A point of the checklist as she found it; how she knows it is asked for."""
        name, note, found = call.form.text("name"), call.form.text("note"), call.form.text("found")
        if len(note) < 3 or found not in ("good", "bad"):
            problem = Mistake("spaces.note") if len(note) < 3 else Mistake("spaces.found")
            return await self._page(call, problem, at=name)
        await self._applications.note(call.slug, call.param("id"), name, good=found == "good", note=note[:500])
        return to(call.at("applications", call.param("id")))

    async def approve(self, call: Call) -> web.StreamResponse:
        await self._applications.approve(call.slug, call.param("id"))
        return to(call.at("applications", call.param("id")))

    async def refuse(self, call: Call) -> web.StreamResponse:
        """One no ends it; the applicant reads the reason, so there has to be one."""
        reason = call.form.text("reason")
        if len(reason) < 3:
            return await self._page(call, Mistake("spaces.reason"))
        await self._applications.refuse(call.slug, call.param("id"), reason[:500])
        return to(call.at("applications", call.param("id")))

    async def document(self, call: Call) -> web.StreamResponse:
        """A document that came with this application, as a file and never as a page."""
        found = await self._applications.get(call.slug, call.param("id"))
        kept = next((one for one in found.attachments if one.sha256 == call.param("sha256")), None)
        if kept is None:
            raise Unknown("spaces.no-application", id=call.param("id")[:80])
        _, body = await self._applications.evidence(call.slug, kept.sha256)
        name = quote(plain(kept.name, 80).replace("/", "-") or "document", safe="")
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
        }
        return web.Response(body=body, content_type="application/octet-stream", headers=headers)

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/applications", all, *READERS),
        get(ONE, one, *READERS),
        post(f"{ONE}/check", check, ROLE),
        post(f"{ONE}/approve", approve, ROLE),
        post(f"{ONE}/refuse", refuse, ROLE),
        get(f"{ONE}/documents/{{sha256}}", document, ROLE, "auditor"),
    )

    async def _page(self, call: Call, problem: Mistake | None = None, at: str = "") -> web.StreamResponse:
        seen = await self._db.read(call.slug, self._seen, call)
        one, who, errors = seen.one, call.voter.who, []
        points = view.checklist(one, seen.space.rules, seen.names)
        fields = [
            (f"note-{number}" if problem and problem.code == "spaces.note" else f"found-{number}")
            for number, point in enumerate(points)
            if point.name == at
        ]
        if problem is not None:
            errors = [(fields[0] if fields else "reason", call.explain(problem))]
        pending = one.state == "pending"
        return await page(
            call,
            "spaces/application.html",
            200 if problem is None else 422,
            title=plain(seen.invited or one.name, view.LONGEST),
            one=one,
            tone=TONES[one.state],
            crumbs=[*_crumbs(call, seen.space), (call.say("web.spaces.applications"), call.at("applications"))],
            about=view.about(call, one, seen.invited, self._members),
            found=view.found_out(call, one),
            points=points,
            problem_at=at,
            missing=max(one.ballot.missing("steward"), 0) if pending else 0,
            needed=one.ballot.stewards,
            unconfirmed=seen.unconfirmed,
            votes=[(seen.names.get(vote.who, ""), vote.at) for vote in one.votes],
            unchecked=[point for point in points if point.name in seen.space.rules.checklist and not point.good],
            mine=any(vote.who == who for vote in one.votes),
            may=ROLE in call.roles,
            pending=pending,
            few=seen.stewards < one.ballot.stewards,
            stewards=seen.stewards,
            errors=errors,
            wrong=dict(errors),
            files=[(plain(it.name, view.LONGEST), it.size, it.sha256) for it in one.attachments],
            readable=bool({ROLE, "auditor"} & call.roles),
            reason=call.form.text("reason"),
            note=call.form.text("note"),
            decider=seen.names.get(one.decided_by, ""),
            refusal=view.why(call, one.reason),
        )

    def _seen(self, tx: Tx, call: Call) -> ApplicationPage:
        """People by one statement: that of the directory, however many of them have noted something."""
        space, slug = self._authority.held(tx, call.slug), call.slug
        one, invited = self._applications.shown(tx, slug, call.param("id"))
        members = self._people.members(tx, slug)
        return ApplicationPage(
            space=space,
            one=one,
            invited=invited,
            names={it.pseudonym: it.person.name for it in members},
            unconfirmed=unconfirmed(
                members, {one.decided_by, *(vote.who for vote in one.votes), *(check.by for check in one.checks)}
            ),
            stewards=sum(ROLE in it.roles for it in members),
        )


def _crumbs(call: Call, space: Space) -> list[tuple[str, str]]:
    return [
        (call.say("web.spaces.title"), call.at("spaces")),
        (plain(space.name, view.LONGEST), call.at("space")),
    ]
