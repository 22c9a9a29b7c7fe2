"""The port for programs: every route has a scope, every call a key that has it, at its participant, and a name."""

import re
from collections.abc import Callable
from typing import ClassVar

import pytest
from aiohttp import web

from connector.accounts.model import SCOPES, Caller, Scope
from connector.api.openapi import GROUPS
from connector.api.routes import Route, application, get, post
from connector.api.scopes import ON_SOCKET, SCOPE_OF, scope_of
from connector.errors import Defect, Unauthenticated
from connector.storage.database import Still, actor

DATASETS = "/api/v1/participants/{p}/datasets"


class Keys:
    """`read` may read at Musterstadt, `run` operate; anything else is no key."""

    async def caller(self, authorization: str | None) -> Caller:
        known: dict[str | None, tuple[str | None, frozenset[Scope]]] = {
            "read": ("musterstadt", frozenset({"read"})), "run": (None, frozenset({"operate"})),
        }  # fmt: skip
        if authorization not in known:
            raise Unauthenticated("api.no-token")
        slug, scopes = known[authorization]
        return Caller(person="1", participant=slug, scopes=scopes, pseudonyms={"musterstadt": "p-7f3a91"})

    def still(self, authorization: str | None, permitted: Callable[[Caller], None]) -> Still:
        return lambda tx: None


class Group:
    """Says who acts at Musterstadt."""

    async def say(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text=actor("musterstadt"))

    routes: ClassVar[tuple[Route, ...]] = (
        get(DATASETS, say, media="text/plain"),
        post(DATASETS, say, takes="text/plain", media="text/plain"),
        get("/metrics", say, media="text/plain"),
        post("/api/v1/people/link", say, takes="text/plain", media="text/plain"),
    )


@pytest.mark.threat("T86")
@pytest.mark.parametrize(
    ("key", "method", "path", "status"),
    [
        (None, "GET", "/metrics", 401),
        ("other", "GET", "/metrics", 401),
        ("run", "GET", "/metrics", 200),
        ("read", "GET", "/metrics", 403),
        ("read", "GET", DATASETS.format(p="musterstadt"), 200),
        ("read", "POST", DATASETS.format(p="musterstadt"), 403),
        ("read", "GET", DATASETS.format(p="nachbardorf"), 404),
        ("run", "GET", DATASETS.format(p="musterstadt"), 403),
    ],
)
async def test_a_key_opens_what_it_says(aiohttp_client, key: str | None, method: str, path: str, status: int) -> None:  # type: ignore[no-untyped-def]
    """>> no key, one of another town, one without this scope << 401, as if it were not there, 403."""
    client = await aiohttp_client(application([Group()], Keys()))
    headers = {} if key is None else {"Authorization": key}
    assert (await client.request(method, path, headers=headers)).status == status


@pytest.mark.threat("T86")
async def test_no_key_decides_who_comes_in(aiohttp_client) -> None:  # type: ignore[no-untyped-def]
    """Bug: the key of a program that reads metrics made sign-in links for stewards, roles and further keys; and it
    closed a town, read its contracts, and deleted it.
    >> a link by a key of the process; on the socket << as if it were not there; made."""
    keyed = await aiohttp_client(application([Group()], Keys()))
    assert (await keyed.post("/api/v1/people/link", headers={"Authorization": "run"})).status == 404
    assert (await (await aiohttp_client(application([Group()]))).post("/api/v1/people/link")).status == 200
    expected = {
        *(f"POST /api/v1/people{what}" for what in ("", "/remove", "/role", "/link")), "GET /api/v1/people",
        "POST /api/v1/participants/{p}/invitations", "POST /api/v1/backup/database",
        "GET /api/v1/program-keys", "POST /api/v1/program-keys", "POST /api/v1/program-keys/end",
        *(f"{how} /api/v1/participants/{{p}}/move" for how in ("GET", "POST")),
        "GET /api/v1/participants/{p}/move/archive",
        *(f"POST /api/v1/participants/{{p}}/{what}" for what in ("close", "delete", "leaving/evidence")),
        *(f"GET /api/v1/participants/{{p}}/leaving{what}" for what in ("", "/evidence", "/agreements/{id}")),
        *(f"POST /api/v1/participants/{{p}}/move/{what}" for what in ("hand-over", "stay")),
        *(f"{how} /api/v1/arrivals{what}" for how, what in (("GET", ""), ("POST", ""), ("GET", "/{p}"))),
        *(f"POST /api/v1/arrivals/{{p}}/{what}" for what in ("archive", "begin", "give-up")),
    }  # fmt: skip
    assert expected == ON_SOCKET


class Telling:
    """A key says itself what it opens: `musterstadt read fetch`; `-` for the process."""

    async def caller(self, authorization: str | None) -> Caller:
        if authorization is None:
            raise Unauthenticated("api.no-token")
        slug, *scopes = authorization.split()
        found: frozenset[Scope] = frozenset(one for one in SCOPES if one in scopes)
        return Caller(person="1", participant=None if slug == "-" else slug, scopes=found, pseudonyms={})

    def still(self, authorization: str | None, permitted: Callable[[Caller], None]) -> Still:
        return lambda tx: None


class Closed:
    """The routes of a group whose handlers must not be reached: they would break on it."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self.routes = routes


@pytest.mark.threat("T17")
@pytest.mark.threat("T86")
async def test_every_route_is_closed_to_every_wrong_key(aiohttp_client) -> None:  # type: ignore[no-untyped-def]
    """>> each route, HEAD too, without a key, with all scopes at another town, with all but its own << refused."""
    groups = [Closed(group.routes) for group in GROUPS]
    client = await aiohttp_client(application(groups, Telling()))  # type: ignore[arg-type]
    everything = set(SCOPES)
    for row, scope in SCOPE_OF.items():
        if row in ON_SOCKET:
            continue
        method, _, place = row.partition(" ")
        path = re.sub(r"\{[^}]+\}", "nothing", place.replace("{p}", "musterstadt"))
        others = " ".join(sorted(everything - {scope}))
        wrong = [(None, 401), (f"musterstadt {others}", 403), (f"- {others}", 403)]
        if "{p}" in place:
            wrong.append((f"nachbardorf {' '.join(SCOPES)}", 404))
        for key, status in wrong:
            for way in ("GET", "HEAD") if method == "GET" else (method,):
                headers = {} if key is None else {"Authorization": key}
                answer = await client.request(way, path, headers=headers)
                assert answer.status == status, (way, path, key)
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"], path


async def test_who_has_the_key_acts(aiohttp_client) -> None:  # type: ignore[no-untyped-def]
    """>> by a key; on the Unix socket << her pseudonym; the system."""
    keyed = await aiohttp_client(application([Group()], Keys()))
    answer = await keyed.get(DATASETS.format(p="musterstadt"), headers={"Authorization": "read"})
    assert await answer.text() == "p-7f3a91"
    socket = await aiohttp_client(application([Group()]))
    assert await (await socket.get(DATASETS.format(p="musterstadt"))).text() == "system"


def test_the_table_names_every_route_and_no_other() -> None:
    """>> a route that is in no table << the start is refused."""
    assert {f"{route.method} {route.path}" for group in GROUPS for route in group.routes} == SCOPE_OF.keys()
    assert set(SCOPE_OF.values()) == set(SCOPES)
    with pytest.raises(Defect, match=r"api\.no-scope"):
        scope_of("GET", "/api/v1/everything")
