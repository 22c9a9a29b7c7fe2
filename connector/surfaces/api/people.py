"""Persons over the management surface, for the operator: add, invite, roles, sign-in links, keys for programs.

On the operator's word a role counts at once (spec/accounts.md 2.2). Secrets are in the answer that made them, nowhere
else.
"""

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from connector.identity.accounts.assemble import AccountSlice
from connector.identity.accounts.links import LASTS_MS
from connector.identity.accounts.people import INVITED_MS
from connector.surfaces.api.routes import PARTICIPANT, PREFIX, Route, get, post, problem_codes
from connector.surfaces.views.people import (
    KeyMadeView,
    LinkView,
    PeopleView,
    PersonAccountView,
    ProgramKeysView,
    RoleView,
    account,
    program_key,
)

Login = Annotated[str, Meta(max_length=400)]
Name = Annotated[str, Meta(max_length=400)]
RoleName = Literal["steward", "publisher", "auditor", "protection", "admin", "operator"]


class PersonRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`login` is what she signs in with, best her e-mail address."""

    login: Login
    name: Name
    operator: bool = False


class WhoRequest(msgspec.Struct, frozen=True, kw_only=True):
    login: Login


class InvitationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`name` tells the list for whom it is."""

    name: Name
    roles: Annotated[list[str], Meta(min_length=1, max_length=10)]


class RoleRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`participant`: where; without one only for `operator`. `take`: instead of giving."""

    login: Login
    role: RoleName
    participant: Annotated[str, Meta(max_length=80)] | None = None
    take: bool = False


class KeyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Without a `participant` it is of the process, for an operator, and its scope is `operate`."""

    login: Login
    label: Annotated[str, Meta(max_length=200)]
    participant: Annotated[str, Meta(max_length=80)] | None = None
    scopes: Annotated[list[str], Meta(max_length=10)] = []
    days: int = 90


class KeyEnd(msgspec.Struct, frozen=True, kw_only=True):
    id: Annotated[str, Meta(max_length=20)]
    participant: Annotated[str, Meta(max_length=80)] | None = None


class PeopleHandlers:
    """`origin` is where people open the desk."""

    def __init__(self, accounts: AccountSlice, origin: Callable[[], str]) -> None:
        self._people, self._links, self._tokens = accounts.people, accounts.links, accounts.tokens
        self._origin = origin

    async def all(self, request: web.Request) -> PeopleView:
        """Everybody who can sign in, with roles at each participant."""
        found = await self._people.all()
        confirmed = await self._people.confirmed([person for person, _ in found])
        return PeopleView([account(person, roles, confirmed[person.id]) for person, roles in found])

    @problem_codes({400: ("accounts.login", "accounts.login-taken", "accounts.name", "participants.name")})
    async def add(self, request: web.Request, wish: PersonRequest) -> PersonAccountView:
        """Without a password: she comes in by a sign-in link and chooses one."""
        return account(await self._people.add(wish.login, wish.name, operator=wish.operator), {})

    @problem_codes({400: ("accounts.login", "accounts.unknown-login")})
    async def remove(self, request: web.Request, wish: WhoRequest) -> PersonAccountView:
        """With sessions, roles and keys; logs keep a pseudonym that names nobody any more."""
        person = await self._people.known(wish.login)
        await self._people.remove(person.id)
        return account(person, {})

    @problem_codes(
        {
            400: ("accounts.login", "accounts.role", "accounts.unknown-login", "accounts.where"),
            404: ("accounts.no-proposal",),
        }
    )
    async def role(self, request: web.Request, wish: RoleRequest) -> RoleView:
        """Gives or takes a role; on the operator's word it counts at once."""
        person = await self._people.known(wish.login)
        roles = await self._people.decide(person.id, wish.participant, wish.role, take=wish.take)
        return RoleView(login=person.login, participant=wish.participant, roles=sorted(roles))

    @problem_codes({400: ("accounts.many-invitations", "accounts.name", "accounts.role", "participants.name")})
    async def invite(self, request: web.Request, wish: InvitationRequest) -> LinkView:
        """A link with which somebody joins the participant; the roles count as soon as she accepts."""
        link = await self._people.invite(request.match_info["p"], "", wish.name, wish.roles)
        return LinkView(url=f"{self._origin()}/invitation?code={link}", minutes=INVITED_MS // 60_000)

    @problem_codes({400: ("accounts.login", "accounts.unknown-login")})
    async def link(self, request: web.Request, wish: WhoRequest) -> LinkView:
        """A link that signs in once, as with a second factor."""
        link = await self._links.make((await self._people.known(wish.login)).id)
        return LinkView(url=f"{self._origin()}/sign-in/link?code={link}", minutes=LASTS_MS // 60_000)

    async def keys(self, request: web.Request) -> ProgramKeysView:
        """Keys for programs of the process; those of participants stand on their pages."""
        return ProgramKeysView([program_key(one) for one in await self._tokens.of_process()])

    @problem_codes(
        {
            400: (
                "accounts.key-days",
                "accounts.key-label",
                "accounts.login",
                "accounts.many-keys",
                "accounts.scope",
                "accounts.unknown-login",
                "participants.name",
            ),
            403: ("accounts.scope-beyond",),
        }
    )
    async def key(self, request: web.Request, wish: KeyRequest) -> KeyMadeView:
        """A key for programs of this person."""
        person, slug = await self._people.known(wish.login), wish.participant
        if slug is None:
            key = await self._tokens.make_for_process(person.id, wish.label, wish.days)
        else:
            key = await self._tokens.make_for(person.id, slug, wish.label, wish.scopes, wish.days)
        return KeyMadeView(key=key, days=wish.days)

    @problem_codes({404: ("accounts.no-key",)})
    async def end_key(self, request: web.Request, wish: KeyEnd) -> ProgramKeysView:
        """Ends a key; answers with those of the process."""
        await self._tokens.end(wish.participant, wish.id)
        return await self.keys(request)

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PREFIX}/people", all),
        post(f"{PREFIX}/people", add, 201),
        post(f"{PREFIX}/people/remove", remove),
        post(f"{PREFIX}/people/role", role),
        post(f"{PREFIX}/people/link", link, 201),
        post(f"{PARTICIPANT}/invitations", invite, 201),
        get(f"{PREFIX}/program-keys", keys),
        post(f"{PREFIX}/program-keys", key, 201),
        post(f"{PREFIX}/program-keys/end", end_key),
    )
