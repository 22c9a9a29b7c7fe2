"""An HTTP address as source: passed through as it is, ranges included, its credential for it alone."""

import gzip

import pytest
from aiohttp import web

from connector.data.dataplane.receive.pull import pull
from connector.data.dataplane.sinks.files import FileSink
from connector.data.sources.http import HTTP, HttpParameters
from connector.data.sources.kind import Ways
from connector.foundation.errors import Mistake, Unavailable

LOGIN = "Basic c2VjcmV0"
BODY = bytes(range(256)) * 5000


@pytest.fixture
async def proxied(plane, upstream):
    """Turns the plane's source into the address of a handler."""

    async def through(handler):
        await plane.open(kind="http", location=await upstream(handler))
        return plane

    return through


class Origin:
    """Static bytes, served by aiohttp's own file response, so that its ranges are another implementation's."""

    def __init__(self, path) -> None:
        self.path, self.seen = path, []

    async def __call__(self, request):
        self.seen.append(request.headers.copy())
        return web.FileResponse(self.path)


@pytest.fixture
def origin(tmp_path):
    (tmp_path / "live").write_bytes(BODY)
    return Origin(tmp_path / "live")


async def test_the_whole_passes_through(proxied, origin):
    """The registered type, the origin's version; no digest is promised for live data."""
    plane = await proxied(origin)
    status, headers, body = await plane.get()
    assert (status, body == BODY, "Repr-Digest" in headers) == (200, True, False)
    assert headers["Content-Type"] == "application/geo+json"
    assert await plane.book.line() == (len(BODY), True, None)


async def test_ranges_and_conditions_pass_through(proxied, origin):
    """206, 416, 304 and 412 are the origin's."""
    plane = await proxied(origin)
    status, headers, body = await plane.get(Range="bytes=100-199")
    assert (status, body) == (206, BODY[100:200])
    assert headers["Content-Range"] == f"bytes 100-199/{len(BODY)}"
    assert (await plane.get(Range=f"bytes={len(BODY)}-"))[0] == 416
    assert (await plane.get(If_Match='"other"'))[0] == 412
    assert (await plane.get(If_None_Match=headers["ETag"]))[0] == 304


async def test_the_origin_sees_its_credential_and_not_the_peers_token(proxied, origin):
    """Two secrets, two hops."""
    plane = await proxied(origin)
    await plane.get()
    assert origin.seen[0]["Authorization"] == "Basic inner"
    assert plane.token not in str(origin.seen)
    assert origin.seen[0]["Accept-Encoding"] == "identity"


@pytest.mark.threat("T14")
async def test_a_gzip_bomb_is_passed_as_is(proxied):
    """200 kB that would be 200 MB stay 200 kB on both hops."""
    bomb = gzip.compress(b"\0" * 20_000_000)

    async def packed(request):
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    plane = await proxied(packed)
    _, headers, body = await plane.get()
    assert (body == bomb, headers["Content-Encoding"]) == (True, "gzip")


@pytest.mark.parametrize("status", [302, 401, 403, 404, 500])
async def test_an_origin_that_fails_is_a_clear_503(proxied, status):
    """What the inner system says stays inside."""

    async def fail(request):
        return web.Response(status=status, text="inner secret", headers={"Location": "http://127.0.0.1:1/"})

    plane = await proxied(fail)
    answered, headers, body = await plane.get()
    assert (answered, headers["Content-Type"], b"inner secret" in body) == (503, "application/problem+json", False)


async def test_an_origin_out_of_reach_is_a_clear_503(plane):
    """No connection, no byte."""
    await plane.open(kind="http", location="http://127.0.0.1:1/data")
    status, _, body = await plane.get()
    assert (status, b"reason" in body, b"127.0.0.1" in body) == (503, True, False)


@pytest.mark.parametrize("known", [True, False])
async def test_an_origin_that_is_cut_cuts_the_peer(proxied, known):
    """Length known or not: half an answer never looks finished, and is booked as broken."""

    async def half(request):
        response = web.StreamResponse()
        response.content_length = 1_000_000 if known else None
        await response.prepare(request)
        await response.write(b"x" * 100_000)
        request.transport.close()
        return response

    plane = await proxied(half)
    with pytest.raises(Unavailable):
        await plane.get()
    assert (await plane.book.line())[1:] == (False, "source-cut")


async def test_a_live_source_is_pulled_end_to_end(proxied, origin, tmp_path):
    """Origin to provider to consumer."""
    plane = await proxied(origin)
    sink = FileSink(tmp_path / "received", "live")
    await pull(plane.client, plane.address(), sink)
    assert sink.path.read_bytes() == BODY


@pytest.fixture
async def looked(client, upstream):
    """Looks at an address that answers so, with a login, past the check that wants https."""

    async def at(status=200, path="data", login=LOGIN, **headers):
        seen = []

        async def answer(request):
            seen.append(request.headers)
            return web.Response(status=status, body=b"a;b\n", headers=headers)

        values = HttpParameters(url=(await upstream(answer)).replace("/data", f"/{path}"), authorization=login)
        async with HTTP.form.look(Ways(None, client), values) as found:
            return found.name, found.bytes, await found.incoming.read(), seen[0].get("Authorization")

    return at


async def test_a_look_brings_its_login_and_takes_the_name_of_what_it_finds(looked):
    """>> an address with a login, and without << sent; not sent. The answer says how it is called, or of what kind."""
    assert await looked() == ("data", 4, b"a;b\n", LOGIN)
    assert await looked(login="", **{"Content-Type": "text/csv"}) == ("data.csv", 4, b"a;b\n", None)
    named = {"Content-Disposition": "attachment; filename*=UTF-8''B%C3%A4ume.csv"}
    assert (await looked(**named))[0] == "Bäume.csv"


@pytest.mark.parametrize(
    ("status", "code"), [(401, "login"), (403, "login"), (404, "no-file"), (302, "no-file"), (204, "no-file")]
)
async def test_a_look_that_finds_nothing_says_what_helps(looked, status, code):
    """>> a login that is refused, no file, an address that leads away << told apart; a redirect is not followed."""
    with pytest.raises(Mistake, match=rf"sources\.{code}") as told:
        await looked(status)
    assert LOGIN not in str(told.value)
