"""Every row of the management surface, for a key that ends while its request is under way.

Each row is tried with its own scope, door and body, and a handler that does nothing but write: what a new route writes
goes the same way, through the database port (threat T140).
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
from aiohttp import web

from connector.data.approvals.departed import Departures
from connector.foundation.errors import Unauthenticated
from connector.foundation.http.incoming import Incoming
from connector.foundation.storage import PROCESS, Tx
from connector.foundation.storage.database import by_itself
from connector.identity.accounts.model import SCOPES, Role
from connector.identity.accounts.password import Passwords
from connector.identity.accounts.people import People
from connector.identity.accounts.tokens import Tokens
from connector.surfaces.api import body
from connector.surfaces.api.openapi import GROUPS
from connector.surfaces.api.routes import Route, application
from connector.surfaces.api.scopes import ON_SOCKET, scope_of
from tests.identity.accounts.people import TOWN, person
from tests.testkit.towns import Towns

ROLES: tuple[Role, ...] = ("steward", "protection")
"""They have all scopes together."""
Client = Callable[[web.Application], Awaitable[Any]]


async def _nothing() -> None:
    """The key stays."""


class Anything(msgspec.Struct):
    """A body that is read as JSON, and may say anything."""


class Late:
    """`reading` happens while the body comes, `writing` before the handler writes."""

    def __init__(self, towns: Towns) -> None:
        self.db, self.tokens = towns.db, Tokens(towns.db, towns.participants)
        self.people = People(towns.db, towns.participants, Passwords(memory_kib=8), Departures(towns.participants))
        self.reading = self.writing = _nothing
        self.written: list[str] = []
        rows = [one for group in GROUPS for one in group.routes if f"{one.method} {one.path}" not in ON_SOCKET]
        self.routes = [self._written(one) for one in rows]
        self.who = ""

    async def begin(self) -> "Late":
        self.who = await person(self.db, operator=True)
        for role in ROLES:
            await self.people.grant(TOWN, "", self.who, role)
        return self

    async def key(self, route: Route) -> tuple[str | None, str]:
        """The participant of a new key for the route, and its text."""
        if scope_of(route.method, route.path) == "operate":
            return None, await self.tokens.make_for_process(self.who, "test", 1)
        everything = [one for one in SCOPES if one != "operate"]
        return TOWN, await self.tokens.make_for(self.who, TOWN, "test", everything, 1)

    async def sent(self, client: Any, route: Route, key: str) -> tuple[int, str]:
        """Status, and the code of a refusal."""
        path = re.sub(r"\{[^}]+\}", "nothing", route.path.replace("{p}", TOWN))
        given = {} if route.method == "GET" else {"data": b"{}"}
        headers = {"Authorization": f"Bearer {key}"} | ({"Content-Type": "application/json"} if given else {})
        async with client.request(route.method, path, headers=headers, **given) as answer:
            return answer.status, (await answer.json()).get("code", "")

    def _written(self, route: Route) -> Route:
        """What a handler reads itself, it reads before it writes."""

        async def write(group: object, request: web.Request, *given: object) -> web.StreamResponse:
            if isinstance(route.body, str):
                assert b"".join([piece async for piece in Incoming(request).pieces(1 << 16)]) == b"{}"
                await self.reading()
            await self.writing()

            def unit(tx: Tx) -> None:
                self.written.append(route.path)

            await self.db.write(request.match_info.get("p", PROCESS), unit)
            return web.json_response({})

        taken = route.body if route.body is None or isinstance(route.body, str) else Anything
        return route._replace(handler=write, body=taken)


class Group:
    def __init__(self, routes: list[Route]) -> None:
        self.routes = tuple(routes)


@pytest.fixture
async def late(towns: Towns, monkeypatch: pytest.MonkeyPatch) -> Late:
    it, read = await Late(towns).begin(), body.read

    async def coming(request: web.Request, cls: type[Any]) -> Any:
        await it.reading()
        return await read(request, cls)

    monkeypatch.setattr(body, "read", coming)
    return it


async def tried(late: Late, client: Any, ended: Callable[[str | None, str], Awaitable[None]], moment: str) -> list[str]:
    """Refusals, status and code, of each row whose key loses its right by `ended` (participant, id) in that moment."""
    found = []
    for route in late.routes:
        if moment == "reading" and route.body is None:
            continue
        slug, key = await late.key(route)

        async def end(slug: str | None = slug, key: str = key) -> None:
            with by_itself():  # it is somebody else who ends it
                await ended(slug, key.split("_")[1])

        setattr(late, moment, end)
        found.append("{} {}".format(*await late.sent(client, route, key)))
        assert not late.written, (route.path, moment)
        setattr(late, moment, _nothing)
        if not (await late.db.read(PROCESS, lambda tx: tx.one("SELECT 1 FROM person_role LIMIT 1"))):
            for role in ROLES:
                await late.people.grant(TOWN, "", late.who, role)
        await late.people.make_operator(late.who, operator=True)
        if key.split("_")[1] in {one.id for one in (await late.tokens.of_process() + await late.tokens.of(TOWN))}:
            await late.tokens.end(slug, key.split("_")[1])
    return found


@pytest.mark.on_both
@pytest.mark.threat("T140")
@pytest.mark.parametrize("moment", ["reading", "writing"])
async def test_bug_a_key_that_ended_while_the_body_came_still_changed_something(
    late: Late, aiohttp_client: Client, moment: str
) -> None:
    """>> every row, by a key that ends between head and body, and before the transaction << 401; nothing is written;
    by one that stays all of them write."""
    client = await aiohttp_client(application([Group(late.routes)], late.tokens))  # type: ignore[list-item]

    async def end(slug: str | None, key: str) -> None:
        await late.tokens.end(slug, key)

    found = await tried(late, client, end, moment)
    assert set(found) == {"401 api.no-token"}
    assert len(found) > 50
    for scope_row in late.routes[:: 1 if moment == "writing" else 10]:
        slug, key = await late.key(scope_row)
        assert await late.sent(client, scope_row, key) == (200, ""), scope_row.path
        assert late.written.pop() == scope_row.path
        await late.tokens.end(slug, key.split("_")[1])


@pytest.mark.on_both
@pytest.mark.threat("T140")
@pytest.mark.parametrize("moment", ["reading", "writing"])
async def test_bug_the_role_behind_a_key_was_asked_before_the_body_alone(
    late: Late, aiohttp_client: Client, moment: str
) -> None:
    """>> every row, by a key whose person loses the role, or the operator's, in between << 403; nothing is written."""
    client = await aiohttp_client(application([Group(late.routes)], late.tokens))  # type: ignore[list-item]

    async def take(slug: str | None, key: str) -> None:
        await late.people.make_operator(late.who, operator=False)
        for role in ROLES:
            await late.people.revoke(TOWN, "", late.who, role)

    assert set(await tried(late, client, take, moment)) == {"403 api.key-scope"}


@pytest.mark.threat("T140")
async def test_bug_a_body_that_dripped_outlived_its_key(late: Late, aiohttp_client: Client) -> None:
    """>> the head, half a body, then the key ends, then the rest << 401, on a connection as anybody opens it."""
    client = await aiohttp_client(application([Group(late.routes)], late.tokens))  # type: ignore[list-item]
    (route,) = (one for one in late.routes if one.path.endswith("{p}/datasets") and one.method == "POST")
    slug, key = await late.key(route)

    async def halves() -> AsyncIterator[bytes]:
        yield b'{"title": '
        while True:  # until the door has let it in
            row = await late.db.read(PROCESS, lambda tx: tx.one("SELECT used_at FROM api_token"))
            if row is not None and row["used_at"] is not None:
                break
        await late.tokens.end(slug, key.split("_")[1])
        yield b"1}"

    path = route.path.replace("{p}", TOWN)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    async with client.post(path, data=halves(), headers=headers) as answer:
        assert (answer.status, json.loads(await answer.read())["code"]) == (401, "api.no-token")
    assert not late.written
    with pytest.raises(Unauthenticated):
        await late.tokens.caller(f"Bearer {key}")


@pytest.mark.threat("T15")
@pytest.mark.threat("T141")
async def test_bug_an_upload_of_a_byte_now_and_then_was_never_ended(
    late: Late, aiohttp_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> every route that reads its body itself, and one that does not, a byte at a time << 408; nothing is written."""
    monkeypatch.setattr("connector.foundation.http.incoming.BODY_S", 0.05)
    client = await aiohttp_client(application([Group(late.routes)], late.tokens))  # type: ignore[list-item]

    async def dripping() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.01)

    own = [one for one in late.routes if isinstance(one.body, str)]
    assert [one.path.rpartition("/")[2] for one in own] == ["files", "imports"]
    for route in [*own, next(one for one in late.routes if one.path.endswith("{p}/datasets") and one.body is Anything)]:
        _, key = await late.key(route)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        async with client.post(route.path.replace("{p}", TOWN), data=dripping(), headers=headers) as answer:
            assert (answer.status, (await answer.json())["code"]) == (408, "http.body-slow"), route.path
    assert not late.written
