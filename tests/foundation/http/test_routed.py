"""Routes that are found by their words are those that aiohttp's own router finds."""

import asyncio
from collections.abc import Sequence

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.foundation.http.routed import Method, Routed, Row

PARTS = st.sampled_from(["a", "b", "a.b", "{x}", "{y}"])
ENDS = st.sampled_from(["", "/{r:.+}"])
PATHS = st.builds(lambda parts, end: "/" + "/".join(parts) + end, st.lists(PARTS, min_size=1, max_size=4), ENDS)
METHODS = st.sampled_from(["GET", "POST"])
TABLES = st.lists(st.tuples(METHODS, PATHS), max_size=8, unique=True)
ASKED = st.lists(st.sampled_from(["a", "b", "c", "a.b", "", "a%2Fb", "%25", "{x}", "ä"]), min_size=1, max_size=5)


async def handler(request: web.Request) -> web.Response:
    return web.Response()


def plain(table: Sequence[tuple[Method, str]]) -> web.Application:
    app = web.Application()
    for method, path in table:
        app.add_routes([web.get(path, handler) if method == "GET" else web.post(path, handler)])
    return app


def routed(table: Sequence[tuple[Method, str]]) -> web.Application:
    app = web.Application()
    app.router.register_resource(Routed(Row(method, path, handler) for method, path in table))
    return app


def said(app: web.Application, method: str, path: str) -> tuple[object, ...]:
    """The route with what its path names, or which methods there are, or nothing."""
    found = asyncio.run(app.router.resolve(make_mocked_request(method, path)))
    if isinstance(found.http_exception, web.HTTPMethodNotAllowed):
        return ("others", frozenset(found.http_exception.allowed_methods))
    if not isinstance(found, web.UrlMappingMatchInfo) or found.http_exception is not None:
        return ("nothing",)
    assert found.route.resource is not None
    return (found.route.method, found.route.resource.canonical, dict(found))


def of_one_name(table: Sequence[tuple[Method, str]]) -> bool:
    """A path that names twice the same is none."""
    return all(path.count("{x}") < 2 and path.count("{y}") < 2 for _, path in table)


@settings(max_examples=60)
@given(TABLES.filter(of_one_name), ASKED, st.sampled_from(["GET", "HEAD", "POST", "PUT"]))
def test_what_is_found_is_what_aiohttp_finds(table: list[tuple[Method, str]], segments: list[str], method: str) -> None:
    """>> any table, path and method << the same route with the same names, the same methods, or nothing."""
    path = "/" + "/".join(segments)
    assert said(routed(table), method, path) == said(plain(table), method, path)


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("HEAD", "/a/b", ("HEAD", "/a/b", {})),
        ("GET", "/a/c", ("GET", "/a/{x}", {"x": "c"})),
        ("POST", "/a/c", ("others", frozenset({"GET", "HEAD"}))),
        ("GET", "/a/c/d", ("GET", "/a/{x}/{r}", {"x": "c", "r": "d"})),
        ("GET", "/a/b/", ("nothing",)),
        ("GET", "/b", ("nothing",)),
    ],
)
def test_a_table(method: str, path: str, found: tuple[object, ...]) -> None:
    """>> words before a name, though they stand last; a rest; another method; a slash at the end."""
    table: list[tuple[Method, str]] = [("GET", "/a/{x}"), ("GET", "/a/{x}/{r:.+}"), ("GET", "/a/b")]
    assert said(routed(table), method, path) == found


@pytest.mark.parametrize("path", ["/a", "/b-{x}", "/{x}.csv", "/{x:[0-9]+}", "/{x:.+}/b", "/{}"])
def test_a_row_that_nobody_could_ask_for_is_refused_at_the_start(path: str) -> None:
    """>> one like another, a name in a word, a pattern, a rest that is none << not only when somebody asks for it."""
    with pytest.raises(ValueError, match="/"):
        Routed([Row("GET", "/a", handler), Row("GET", path, handler)])


def test_a_route_is_made_when_it_is_asked_for() -> None:
    """>> one of two paths << the other one costs nothing."""
    resource = Routed(Row("GET", path, handler) for path in ("/a", "/b"))
    assert len(resource) == 4  # HEAD beside GET
    app = web.Application()
    app.router.register_resource(resource)
    assert said(app, "GET", "/a") == ("GET", "/a", {})
    assert list(resource._made) == ["/a"]
    assert [route.method for route in resource] == ["GET", "HEAD"] * 2
