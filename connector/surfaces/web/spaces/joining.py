"""Pages of who joins: the link, whose space it leads to, the fingerprint from the telephone, documents, the outcome.

The link is a secret: it comes and goes in bodies of forms alone, never in an address, so no log, history or referrer
has it. Nothing is sent to a space before somebody has typed what its authority read to her: the page shows the
fingerprint but for its end (spec/desk.md 6.4; threats T104, T120).
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from connector.dataspace.spaces import store
from connector.dataspace.spaces.assemble import SpaceSlice
from connector.dataspace.spaces.documents import MOST_ATTACHED, Description, Document
from connector.dataspace.spaces.keeping.authority import ROLE
from connector.dataspace.spaces.model import Joined, Space, same_fingerprint
from connector.foundation.errors import HanseError, Mistake, PeerError, Unavailable, Unknown
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Database
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces
from connector.oversight.partners.service import Partners
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page, size_text, to
from connector.surfaces.web.routes import TOWN, Route, get, post
from connector.surfaces.web.session import READERS
from connector.surfaces.web.spaces import view
from connector.surfaces.web.spaces.view import Membership

TYPED: Final = 2
"""Groups of four signs at the end of a fingerprint that are not shown, but typed as they are read out."""
_PIECE: Final = 65_536


class JoinForm(Struct, frozen=True, kw_only=True):
    """What a form says so far: the documents that it brought, by name, as base64url.

    `seen` is the beginning of the fingerprint that the page showed: what a person compared, whatever is served now.
    """

    link: str
    seen: str
    typed: str
    documents: Mapping[str, str]


class JoinPages:
    def __init__(self, db: Database, spaces: SpaceSlice, anchors: AnchorOfSpaces, partners: Partners) -> None:
        self._db, self._joining, self._authority, self._anchors = db, spaces.joining, spaces.authority, anchors
        self._own_mergers, self._partners = spaces.own_mergers, partners

    async def all(self, call: Call) -> web.StreamResponse:
        """Its own space, those that it belongs to or asks to belong to, and the way into another one."""
        found = await self._joining.all(call.slug)
        own = await self._db.read(call.slug, store.space, call.slug)
        return await page(
            call,
            "spaces/spaces.html",
            title=call.say("web.spaces.title"),
            intro=call.say("web.spaces.intro"),
            own=_own(own),
            memberships=[self._membership(call, one) for one in found],
            may=ROLE in call.roles,
        )

    async def one(self, call: Call) -> web.StreamResponse:
        shown = self._membership(call, await self._joined(call, call.query("space")))
        return await self._one(call, shown)

    async def progress(self, call: Call) -> web.StreamResponse:
        """How it stands, asked of the authority now."""
        after = await self._joining.progress(call.slug, call.form.text("space"))
        return to(_at(call, after.space))

    async def leave(self, call: Call) -> web.StreamResponse:
        """Out of a space, after what follows from it was read and ticked."""
        space = call.form.text("space")
        if call.form.text("sure") != "yes":
            shown = self._membership(call, await self._joined(call, space))
            return await self._one(call, shown, Mistake("spaces.unsure"))
        try:
            await self._joining.leave(call.slug, space)
        except (PeerError, Unavailable) as problem:
            shown = self._membership(call, await self._joined(call, space))
            return await self._one(call, shown, problem)
        return to(_at(call, space))

    async def withdraw(self, call: Call) -> web.StreamResponse:
        """Takes back what was said of a merger."""
        space = call.form.text("space")
        try:
            await self._own_mergers.withdraw(call.slug, space, call.form.text("member"))
        except (PeerError, Unavailable) as problem:
            shown = self._membership(call, await self._joined(call, space))
            return await self._one(call, shown, problem, "")
        return to(_at(call, space))

    async def begin(self, call: Call) -> web.StreamResponse:
        return await self._begin(call)

    async def look(self, call: Call) -> web.StreamResponse:
        """Whose space a link leads to; nothing is sent there but the question."""
        try:
            said = await self._joining.look(call.form.text("link"))
        except (Mistake, PeerError, Unavailable) as problem:
            return await self._begin(call, problem)
        return await self._compare(call, said, JoinForm(link=call.form.text("link"), seen="", typed="", documents={}))

    async def apply(self, call: Call) -> web.StreamResponse:
        """Takes what was typed and one document at a time, and sends the application when it is complete.

        The space is asked for its description anew each time, and has to show the key that the person compared: one
        that only ends alike can be found by trying (threat T104).
        """
        link = call.form.text("link")
        try:
            said = await self._joining.look(link)
        except (Mistake, PeerError, Unavailable) as problem:
            return await self._begin(call, problem)
        asked = JoinForm(
            link=link, seen=call.form.text("seen"), typed=call.form.text("typed"), documents=_brought(call, said)
        )
        if asked.seen != shown(said):
            return await self._begin(call, Mistake("spaces.other-key", space=said.space))
        try:
            if not same_fingerprint(f"{asked.seen} {asked.typed}", said.authority):
                raise Mistake("spaces.fingerprint")
            asked = await _with_file(call, said, asked)
            if _missing(said, asked):
                return await self._documents(call, said, asked)
            attached = [
                Document(name=name, media_type="application/octet-stream", content=content)
                for name, content in asked.documents.items()
            ]
            joined = await self._joining.apply(call.slug, link, said.fingerprint, attached)
        except (Mistake, PeerError, Unavailable) as problem:
            if problem.code == "spaces.fingerprint":
                return await self._compare(call, said, asked, problem)
            return await self._documents(call, said, asked, problem)
        return to(_at(call, joined.space))

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/spaces", all, *READERS),
        get(f"{TOWN}/spaces/one", one, *READERS),
        post(f"{TOWN}/spaces/progress", progress, ROLE),
        post(f"{TOWN}/spaces/leave", leave, ROLE),
        post(f"{TOWN}/spaces/merger/withdraw", withdraw, ROLE),
        get(f"{TOWN}/spaces/join", begin, ROLE),
        post(f"{TOWN}/spaces/join", look, ROLE, once=False),
        post(f"{TOWN}/spaces/apply", apply, ROLE, takes_file=True),
    )

    async def _joined(self, call: Call, space: str) -> Joined:
        found = next((one for one in await self._joining.all(call.slug) if one.space == space), None)
        if found is None:
            raise Unknown("spaces.not-joined", space=space[:200])
        return found

    def _membership(self, call: Call, one: Joined) -> Membership:
        return view.membership(call, one, self._anchors.list_of(one.authority), _at(call, one.space))

    async def _one(
        self, call: Call, shown: Membership, problem: HanseError | None = None, field: str = "sure"
    ) -> web.StreamResponse:
        errors = [] if problem is None else [(field, view.error_sentence(call, problem))]
        state = "suspended" if shown.suspended else shown.one.state
        renewal = shown.one.rules.renewal if shown.until is not None else "endless"
        untold = await self._db.read(call.slug, self._partners.untold, call.slug, shown.one)
        return await page(
            call,
            "spaces/membership.html",
            200 if problem is None else 422,
            title=shown.name,
            shown=shown,
            crumbs=[(call.say("web.spaces.title"), call.at("spaces"))],
            errors=errors,
            wrong=dict(errors),
            means=call.say(f"web.spaces.means.{state}", name=shown.name),
            rules=view.rules(call, shown.one.rules),
            text=shown.one.rules.text,
            fingerprint=view.fingerprint(shown.one),
            may=ROLE in call.roles,
            renewal=call.say(f"web.spaces.renewal.{renewal}", days=view.notice_days(shown.one.rules)),
            waiting=shown.one.state in ("applying", "pending"),
            member=shown.one.state == "member",
            untold=", ".join(plain(name, view.LONGEST) for name in untold),
        )

    async def _begin(self, call: Call, problem: HanseError | None = None) -> web.StreamResponse:
        """A wrong link is not shown again: it may be most of a secret."""
        errors = [] if problem is None else [("link", call.explain(problem))]
        return await page(
            call,
            "spaces/join.html",
            200 if problem is None else 422,
            title=call.say("web.spaces.join"),
            crumbs=[(call.say("web.spaces.title"), call.at("spaces"))],
            errors=errors,
            wrong=dict(errors),
        )

    async def _compare(
        self, call: Call, said: Description, asked: JoinForm, problem: HanseError | None = None
    ) -> web.StreamResponse:
        errors = [] if problem is None else [("typed", call.explain(problem))]
        return await page(
            call,
            "spaces/compare.html",
            200 if problem is None else 422,
            title=plain(said.name, view.LONGEST),
            crumbs=_crumbs(call),
            said=said,
            shown=shown(said),
            typed_groups=TYPED,
            asked=asked,
            errors=errors,
            wrong=dict(errors),
            rules=view.rules(call, said.rules),
            text=said.rules.text,
            host=view.host(said.did),
        )

    async def _documents(
        self, call: Call, said: Description, asked: JoinForm, problem: HanseError | None = None
    ) -> web.StreamResponse:
        missing = _missing(said, asked)
        errors = [] if problem is None else [("file", call.explain(problem))]
        wanted = dict.fromkeys(said.rules.documents)
        return await page(
            call,
            "spaces/documents.html",
            200 if problem is None else 422,
            title=call.say("web.spaces.documents"),
            crumbs=_crumbs(call),
            said=said,
            asked=asked,
            errors=errors,
            wrong=dict(errors),
            wanted=[(name, name in asked.documents) for name in wanted],
            next=missing[0] if missing else "",
            number=len(asked.documents) + 1,
            all=len(wanted),
            most=size_text(call.lang, MOST_ATTACHED),
        )


def shown(said: Description) -> str:
    """The fingerprint but for the groups at its end that are typed."""
    return " ".join(said.fingerprint.split()[:-TYPED])


def _missing(said: Description, asked: JoinForm) -> list[str]:
    return [name for name in dict.fromkeys(said.rules.documents) if name not in asked.documents]


def _brought(call: Call, said: Description) -> dict[str, str]:
    """Documents of earlier steps: `document-N` is the Nth that the rules name."""
    names = list(dict.fromkeys(said.rules.documents))
    found = {name: call.form.text(f"document-{number}") for number, name in enumerate(names)}
    return {name: content for name, content in found.items() if content}


async def _with_file(call: Call, said: Description, asked: JoinForm) -> JoinForm:
    """With the file of this form as the next document; raises Mistake for an empty or too large one."""
    missing = _missing(said, asked)
    if call.form.upload is None or not missing:
        return asked
    left = MOST_ATTACHED - sum(len(one) * 3 // 4 for one in asked.documents.values())
    body = bytearray()
    while piece := await call.form.upload.read(_PIECE):
        body += piece
        if len(body) > left:
            raise Mistake("spaces.large", most=MOST_ATTACHED // 1000)
    if not body:
        raise Mistake("web.no-file")
    content = urlsafe_b64encode(body).rstrip(b"=").decode()
    return replace(asked, documents={**asked.documents, missing[0]: content})


def _own(space: Space | None) -> str:
    return "" if space is None else plain(space.name, view.LONGEST)


def _at(call: Call, space: str) -> str:
    return f"{call.at('spaces', 'one')}?{view.query(space=space)}"


def _crumbs(call: Call) -> Sequence[tuple[str, str]]:
    return [
        (call.say("web.spaces.title"), call.at("spaces")),
        (call.say("web.spaces.join"), call.at("spaces", "join")),
    ]
