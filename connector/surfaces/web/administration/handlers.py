"""Pages of the operator: the state of the process, its participants, and a new one from nothing but a name."""

from collections.abc import Awaitable, Callable
from typing import ClassVar

import msgspec
from aiohttp import web

from connector.data.catalogue import concepts
from connector.foundation.errors import Mistake
from connector.foundation.language import catalogue
from connector.foundation.resources import release
from connector.foundation.storage.database import Database
from connector.identity.accounts.model import ROLES
from connector.identity.accounts.people import People
from connector.identity.participants import publisher
from connector.identity.participants.model import checked_name, proposed_slug
from connector.identity.participants.publisher_details import PublisherChange
from connector.identity.participants.service import Hosted, Participants
from connector.oversight.operation.overview import OLD_MS, SOON_DAYS, Observer, State
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import Route, get, post

HOME = "/administration"
USUAL_KIND = "municipality"
FIRST_ROLES = ("admin", "steward")


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A new participant as somebody typed it; the short name and the operator are proposed if they are empty."""

    name: str = ""
    ars: str = ""
    kind: str = USUAL_KIND
    slug: str = ""
    operator: str = ""


class AdministrationPages:
    """`enlist` puts new participants on the list where this process may (development spaces)."""

    def __init__(
        self,
        db: Database,
        participants: Participants,
        people: People,
        observer: Observer,
        enlist: Callable[[str], Awaitable[None]],
    ) -> None:
        self._db, self._participants, self._people = db, participants, people
        self._observer, self._enlist = observer, enlist

    async def overview(self, call: Call) -> web.StreamResponse:
        state = await self._observer.look(call.desk.clock.now())
        return await page(
            call,
            "administration/overview.html",
            title=call.say("administration.title"),
            intro=call.say("administration.intro"),
            state=state,
            problems=_problems(call, state),
            kinds=[(_say(call, "outbox", kind), count) for kind, count in sorted(state.counted.outbox.items())],
            states=[
                (call.say(f"administration.noun.{noun}", state=_stands(call, noun, name)), count)
                for (noun, name), count in sorted(state.counted.states.items())
            ],
            version=release(),
            database=call.say(f"administration.database.{self._db.dialect}"),
            soon=SOON_DAYS,
        )

    async def participant(self, call: Call) -> web.StreamResponse:
        return await self._shown(call)

    async def invite(self, call: Call) -> web.StreamResponse:
        """The first person of a participant: the link is shown once."""
        slug, name = call.param("slug"), call.form.text("name")
        try:
            code = await self._people.invite_first(slug, call.person.person, name, call.form.all("roles"))
        except Mistake as problem:
            return await self._shown(call, problem=call.explain(problem), name=name, status=422)
        return await self._shown(call, link=f"{call.desk.origin}/invitation?code={code}")

    async def new(self, call: Call) -> web.StreamResponse:
        return await self._form(call, Wish())

    async def check(self, call: Call) -> web.StreamResponse:
        """What follows from the name, before anything is made."""
        wish = _wish(call)
        try:
            full = await self._completed(wish)
            derived = self._derived(call, full)
        except Mistake as problem:
            return await self._form(call, wish, call.explain(problem), 422)
        return await page(
            call,
            "administration/check.html",
            title=call.say("administration.check.title"),
            crumbs=_crumbs(call),
            wish=full,
            derived=derived,
            alike=await self._alike(full.name),
        )

    async def add(self, call: Call) -> web.StreamResponse:
        wish = _wish(call)
        try:
            full = await self._completed(wish)
            said = PublisherChange(ars=full.ars) if full.ars else PublisherChange()
            kind = concepts.kind(full.kind).iri
            await self._participants.add(full.slug, full.name, kind, full.operator, None, said)
            await self._enlist(full.slug)
        except Mistake as problem:
            return await self._form(call, wish, call.explain(problem), 422)
        return to(f"{HOME}/participants/{full.slug}")

    routes: ClassVar[tuple[Route, ...]] = (
        get(HOME, overview, "operator"),
        get(f"{HOME}/new", new, "operator"),
        post(f"{HOME}/new/check", check, "operator", once=False),
        post(f"{HOME}/new/add", add, "operator"),
        get(f"{HOME}/participants/{{slug}}", participant, "operator"),
        post(f"{HOME}/participants/{{slug}}/invite", invite, "operator"),
    )

    async def _shown(
        self, call: Call, *, link: str = "", problem: str = "", name: str = "", status: int = 200
    ) -> web.StreamResponse:
        hosted, now = await self._participants.get(call.param("slug")), call.desk.clock.now()
        town = await self._observer.town(hosted, now)
        members, invitations = await self._people.members(hosted.participant.id)
        return await page(
            call,
            "administration/participant.html",
            status,
            title=hosted.participant.name,
            crumbs=_crumbs(call),
            town=town,
            facts=_facts(call, hosted, town.listed),
            link=link,
            problem=problem,
            name=name,
            people=len(members),
            invited=len(invitations),
            waits=_waits(call, town.waits),
            roles=[(role, call.say(f"web.role.{role}")) for role in ROLES],
            first=FIRST_ROLES,
        )

    async def _form(self, call: Call, wish: Wish, problem: str = "", status: int = 200) -> web.StreamResponse:
        found = concepts.vocabulary().scheme(concepts.KINDS).values()
        kinds = sorted(((one.notation, one.labels[call.lang]) for one in found), key=lambda one: one[1].casefold())
        return await page(
            call,
            "administration/new.html",
            status,
            title=call.say("administration.new.title"),
            intro=call.say("administration.new.intro"),
            crumbs=_crumbs(call),
            wish=wish,
            problem=problem,
            kinds=kinds,
        )

    async def _completed(self, wish: Wish) -> Wish:
        """With what is proposed for what was left empty; raises Mistake."""
        if not wish.name:
            raise Mistake("administration.no-name")
        name = checked_name(wish.name)
        taken = {one.participant.id for one in await self._participants.all()}
        slug = wish.slug or proposed_slug(name, taken)
        if not slug:
            raise Mistake("administration.no-slug", name=name[:80])
        if slug in taken:
            raise Mistake("administration.taken", slug=slug[:80])
        kind = concepts.kind(wish.kind)
        ars = publisher.checked_key(wish.ars, kind.iri) if wish.ars else ""
        return msgspec.structs.replace(wish, name=name, slug=slug, ars=ars, operator=wish.operator or name)

    async def _alike(self, name: str) -> list[tuple[str, str]]:
        """Name and slug of those here whom people would take for this one."""
        return [(one.name, one.id) for one in await self._participants.alike("", name)]

    def _derived(self, call: Call, wish: Wish) -> list[tuple[str, str]]:
        root, did = self._participants.place(wish.slug)
        kind = concepts.kind(wish.kind)
        facts = [
            ("name", wish.name),
            ("kind", kind.label[call.lang]),
            ("operator", wish.operator),
            ("slug", wish.slug),
            ("address", root),
            ("id", did),
            ("ars", wish.ars),
            ("municipality", publisher.municipality_key(wish.ars) if wish.ars else ""),
        ]
        return [
            (call.say(f"administration.fact.{name}"), text or call.say("administration.later")) for name, text in facts
        ]


def _wish(call: Call) -> Wish:
    return Wish(**{name: call.form.text(name)[:300].strip() for name in Wish.__struct_fields__})


def _crumbs(call: Call) -> list[tuple[str, str]]:
    return [(call.say("administration.title"), HOME)]


def _say(call: Call, group: str, name: str) -> str:
    """The words for a kind; one of a plug-in or a later release as it is called."""
    known = f"administration.{group}.{name}"
    return call.say(known) if known in catalogue(call.lang) else name


def _stands(call: Call, noun: str, state: str) -> str:
    """Where a process stands, as lists of participants say it (spec/desk.md 1.8)."""
    known = f"status.{noun}.{state.lower()}"
    return call.say(known) if known in catalogue(call.lang) else state


def _facts(call: Call, hosted: Hosted, listed: bool) -> list[tuple[str, str]]:
    one, say = hosted.participant, call.say
    pairs = [
        ("slug", one.id),
        ("kind", concepts.label(one.kind)[call.lang]),
        ("operator", one.operator),
        ("state", _say(call, "state", one.state)),
        ("listed", say("administration.yes" if listed else "administration.no")),
        ("address", one.root),
        ("id", one.did),
        ("signer", _say(call, "signer", hosted.signer)),
    ]
    return [(say(f"administration.fact.{name}"), text) for name, text in pairs]


def _waits(call: Call, waits: object) -> list[tuple[str, int]]:
    found = msgspec.convert(waits, dict[str, int])
    return [(_say(call, "question", kind), count) for kind, count in sorted(found.items())]


def _problems(call: Call, state: State) -> list[tuple[str, str]]:
    """What is not well, each with what to do: pairs of kind and sentence."""
    found = [("danger", call.say(f"administration.amiss.{name}")) for name, well in state.checks.items() if not well]
    if state.stale:
        found.append(("warning", call.say("administration.amiss.list")))
    now, oldest = call.desk.clock.now(), state.counted.oldest
    if oldest is not None and now - oldest > OLD_MS:
        found.append(("warning", call.say("administration.amiss.outbox", days=(now - oldest) // 86_400_000)))
    for what, slug, days in state.certificates:
        if days < SOON_DAYS:
            kind = "danger" if days <= 0 else "warning"
            found.append((kind, call.say(f"administration.amiss.{what}", slug=slug, days=max(0, int(days)))))
    found += [
        ("warning", call.say("administration.amiss.no-seal", name=one.hosted.participant.name))
        for one in state.towns
        if one.days is None
    ]
    return found
