"""Persons and roles of a participant, and its access for programs. Secrets are on the page that made them, once."""

from typing import ClassVar

from aiohttp import web

from connector.foundation.errors import HanseError, Mistake
from connector.identity.accounts import roles as rules
from connector.identity.accounts.assemble import AccountSlice
from connector.identity.accounts.model import ROLES, SCOPES, unconfirmed
from connector.surfaces.web.account.sign_in import error_sentence
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import page, to
from connector.surfaces.web.routes import Route, get, post


class PeopleHandlers:
    """For those who grant roles; two persons where the participant is bound (spec/accounts.md 2.2)."""

    def __init__(self, accounts: AccountSlice) -> None:
        self._people = accounts.people

    async def show(self, call: Call) -> web.StreamResponse:
        return await self._page(call)

    async def invite(self, call: Call) -> web.StreamResponse:
        name, wanted = call.form.text("name"), call.form.all("roles")
        try:
            link = await self._people.invite(call.slug, call.person.person, name, wanted)
        except HanseError as error:
            if error.status >= 500:
                raise
            return await self._page(call, error, name=name[:200], chosen=wanted)
        return await self._page(call, link=f"{call.desk.origin}/invitation?code={link}")

    async def take_back(self, call: Call) -> web.StreamResponse:
        await self._people.take_back(call.slug, call.form.text("invitation"))
        return to(call.at("people"))

    async def grant(self, call: Call) -> web.StreamResponse:
        await self._people.grant(call.slug, call.person.person, call.form.text("person"), call.form.text("role"))
        return to(call.at("people"))

    async def confirm(self, call: Call) -> web.StreamResponse:
        await self._people.confirm(call.slug, call.person.person, call.form.text("person"), call.form.text("role"))
        return to(call.at("people"))

    async def confirm_name(self, call: Call) -> web.StreamResponse:
        person, name = call.form.text("person"), call.form.text("name")
        try:
            await self._people.confirm_name(call.slug, call.person.person, person, name)
        except Mistake as error:
            return await self._page(call, error)
        return to(call.at("people"))

    async def take(self, call: Call) -> web.StreamResponse:
        try:
            await self._people.revoke(call.slug, call.person.person, call.form.text("person"), call.form.text("role"))
        except HanseError as error:
            if error.status >= 500:
                raise
            return await self._page(call, error)
        return to(call.at("people"))

    routes: ClassVar[tuple[Route, ...]] = (
        get("/t/{p}/people", show, "admin"),
        post("/t/{p}/people/invite", invite, "admin"),
        post("/t/{p}/people/take-back", take_back, "admin"),
        post("/t/{p}/people/grant", grant, "admin"),
        post("/t/{p}/people/confirm", confirm, "admin"),
        post("/t/{p}/people/name", confirm_name, "admin"),
        post("/t/{p}/people/take", take, "admin"),
    )

    async def _page(
        self,
        call: Call,
        error: HanseError | None = None,
        *,
        link: str = "",
        name: str = "",
        chosen: tuple[str, ...] = (),
    ) -> web.StreamResponse:
        members, invitations = await self._people.members(call.slug)
        names = {one.pseudonym: one.person.name for one in members}
        options = [(role, call.say(f"web.role.{role}"), call.say(f"web.role.does.{role}")) for role in ROLES]
        return await page(
            call,
            "people/people.html",
            200 if error is None else error.status,
            title=call.say("web.people.title"),
            intro=call.say("web.people.intro"),
            members=members,
            names=names,
            invitations=invitations,
            all_roles=ROLES,
            role_options=options,
            error=error_sentence(call, error),
            link=link,
            name=name,
            chosen=chosen,
        )


class TokenHandlers:
    """Everybody with a role sees them; a key may do no more than who makes it."""

    def __init__(self, accounts: AccountSlice) -> None:
        self._tokens, self._people = accounts.tokens, accounts.people

    async def show(self, call: Call) -> web.StreamResponse:
        return await self._page(call)

    async def make(self, call: Call) -> web.StreamResponse:
        form = call.form
        label, scopes, days = form.text("label"), form.all("scopes"), form.text("days")
        try:
            number = int(days) if days.isascii() and days.isdigit() and len(days) < 5 else 0
            fresh = await self._tokens.make(call.person, call.slug, label, scopes, number)
        except HanseError as error:
            if error.status >= 500:
                raise
            return await self._page(call, error, label=label[:200], chosen=scopes, days=days[:10])
        return await self._page(call, fresh=fresh)

    async def end(self, call: Call) -> web.StreamResponse:
        admin = "admin" in call.roles
        await self._tokens.end(call.slug, call.form.text("id"), by=call.person.person, admin=admin)
        return to(call.at("tokens"))

    routes: ClassVar[tuple[Route, ...]] = (
        get("/t/{p}/tokens", show, *ROLES),
        post("/t/{p}/tokens", make, *ROLES),
        post("/t/{p}/tokens/end", end, *ROLES),
    )

    async def _page(
        self,
        call: Call,
        error: HanseError | None = None,
        *,
        fresh: str = "",
        label: str = "",
        chosen: tuple[str, ...] = (),
        days: str = "90",
    ) -> web.StreamResponse:
        may = rules.scopes_of(call.roles)
        options = [
            (scope, call.say(f"web.tokens.scope.{scope}"), call.say(f"web.tokens.does.{scope}"))
            for scope in SCOPES
            if scope in may
        ]
        keys, (members, _) = await self._tokens.of(call.slug), await self._people.members(call.slug)
        owners = {one.person for one in keys}
        return await page(
            call,
            "people/tokens.html",
            200 if error is None else error.status,
            title=call.say("web.tokens.title"),
            intro=call.say("web.tokens.intro"),
            keys=keys,
            options=options,
            unconfirmed=unconfirmed(members, {one.pseudonym for one in members if one.person.id in owners}),
            now=call.desk.clock.now(),
            error=error_sentence(call, error),
            fresh=fresh,
            label=label,
            chosen=chosen,
            days=days,
        )
