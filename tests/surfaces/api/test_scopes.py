"""The port for programs: every route has a scope, every call a key that has it, at its participant, and a name."""

import re
from collections.abc import Callable
from functools import partial
from typing import ClassVar

import pytest
from aiohttp import web

from connector.foundation.errors import Defect, Unauthenticated
from connector.foundation.storage.database import Still, actor
from connector.identity.accounts.model import SCOPES, Caller, Scope
from connector.surfaces.api.openapi import GROUPS
from connector.surfaces.api.routes import Route, application, get, post
from connector.surfaces.api.scopes import ON_SOCKET, SCOPE_OF, scope_of

DATASETS = "/api/v1/participants/{p}/datasets"
SEVERE = (
    "/api/v1/people/link",
    "/api/v1/trust/accept",
    "/api/v1/witness/rotate",
    "/api/v1/participants/{p}/keys/{purpose}/revoke",
    "/api/v1/participants/{p}/spaces/leave",
    "/api/v1/participants/{p}/space/rules",
    "/api/v1/participants/{p}/mandates",
    "/api/v1/participants/{p}/space/recognised",
    "/api/v1/participants/{p}/space/certificates/approve",
    "/api/v1/participants/{p}/space/members/strike",
    "/api/v1/participants/{p}/space/recovery",
)


class Keys:
    """`read` may read at Musterstadt, `run` operate; anything else is no key."""

    async def caller(self, authorization: str | None) -> Caller:
        known: dict[str | None, tuple[str | None, frozenset[Scope]]] = {
            "read": ("musterstadt", frozenset({"read"})),
            "run": (None, frozenset({"operate"})),
            "all": ("musterstadt", frozenset(SCOPES)),
        }
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
        *map(partial(post, handler=say, takes="text/plain", media="text/plain"), SEVERE),
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
@pytest.mark.threat("T177")
@pytest.mark.parametrize("place", SEVERE)
async def test_bug_no_key_takes_trust_or_keys(aiohttp_client, place: str) -> None:  # type: ignore[no-untyped-def]
    """Bug: the key of a program that reads metrics made sign-in links for stewards, ended the hold on a partner's
    exchanged keys, revoked a town's own, left its space, and lowered how many people admit a member; that of a program
    that concludes contracts had another one seal, and a foreign authority believed.
    >> such a thing by a key of the process, by one with all scopes; on the socket << as if it were not there; done."""
    path = place.format(p="musterstadt", purpose="seal")
    keyed = await aiohttp_client(application([Group()], Keys()))
    for key in ("run", "all"):
        assert (await keyed.post(path, headers={"Authorization": key})).status == 404
    assert (await (await aiohttp_client(application([Group()]))).post(path)).status == 200


@pytest.mark.threat("T177")
def test_what_a_key_with_operate_opens_is_read_or_put_back() -> None:
    """>> every route of `operate` that a key opens << reads, looks anew, or is undone by the same route."""
    expected = {
        *(f"GET /api/v1/{what}" for what in ("participants", "process", "clock", "witness", "trust/forks")),
        "GET /api/v1/trust/forks/{authority}",
        "POST /api/v1/trust/reload",
        "GET /metrics",
        *(f"GET /health/{what}" for what in ("live", "ready", "started")),
        *(f"POST /api/v1/participants/{{p}}/{what}" for what in ("publisher", "allowances")),
        *(f"POST /api/v1/participants/{{p}}/spaces/{what}" for what in ("look", "progress")),
    }
    assert {row for row, scope in SCOPE_OF.items() if scope == "operate"} - ON_SOCKET == expected
    assert {SCOPE_OF[row] for row in ON_SOCKET} == {"operate"}


@pytest.mark.threat("T177")
def test_a_key_with_decide_says_nothing_of_whose_keys_count() -> None:
    """>> every route of `decide` that a key opens << contracts, and who belongs to a space and its groups, with what
    applications brought: `read` is for publishers, too, who see none of that at the desk."""
    found = {row.partition("{p}/")[2] for row, scope in SCOPE_OF.items() if scope == "decide"}
    assert {row for row in found if row.partition("/")[0] not in ("agreements", "negotiations")} == {
        "comparisons",
        "proposals",
        "space/documents/{id}",
        "spaces/groups",
        "space/groups",
        "space/groups/{id}/end",
        "space/groups/{id}/members",
        "space/groups/{id}/members/end",
        "space/invitations",
        "space/invitations/{id}/withdraw",
        "space/members",
        "space/members/renew",
        "space/mergers/approve",
        "space/mergers/refuse",
        *(f"space/applications/{{id}}/{what}" for what in ("check", "approve", "refuse")),
    }


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
