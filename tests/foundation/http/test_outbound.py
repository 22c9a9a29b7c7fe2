"""The outbound session against servers on loopback, willing and hostile."""

import asyncio
import gzip
import socket
import ssl
from pathlib import Path
from typing import Any

import aiohttp.connector
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from connector.foundation.errors import Mistake, PeerError, Unavailable
from connector.foundation.http import outbound, server
from connector.foundation.http.outbound import SafeClient, tls_client
from connector.identity.trust.development.dev_ca import DevelopmentCerts

FORMS = [
    "https://127.0.0.1:{p}/",
    "https://127.0.0.2:{p}/",
    "https://127.1:{p}/",
    "https://127.0.1:{p}/",
    "https://2130706433:{p}/",
    "https://0x7f000001:{p}/",
    "https://0x7f.0.0.1:{p}/",
    "https://0177.0.0.1:{p}/",
    "https://017700000001:{p}/",
    "https://127.0.0.1.:{p}/",
    "https://0.0.0.0:{p}/",
    "https://0:{p}/",
    "https://localhost:{p}/",
    "https://LOCALHOST:{p}/",
    "https://localhost.:{p}/",
    "https://[::1]:{p}/",
    "https://[::]:{p}/",
    "https://[::ffff:127.0.0.1]:{p}/",
    "https://[::ffff:7f00:1]:{p}/",
    "https://[0:0:0:0:0:ffff:7f00:1]:{p}/",
    "https://[::127.0.0.1]:{p}/",
    "https://[64:ff9b::7f00:1]:{p}/",
    "https://[2002:7f00:1::]:{p}/",
    "https://[fe80::1%25lo]:{p}/",
    "https://[::1%lo]:{p}/",
    "https://ok@127.0.0.1:{p}/",
    "https://ok:pw@localhost:{p}/",
    "https://stadt.de@127.0.0.1:{p}/",
    "https://stadt.de#@127.0.0.1:{p}/",
    "https://127.0.0.1:{p}#@stadt.de/",
    "https://127.0.0.1:{p}\\@stadt.de/",
    "https://127\u30020\u30020\u30021:{p}/",
    "https://１２７.0.0.1:{p}/",
    "https://ⓛocalhost:{p}/",
    "https://127.0.0.1%00:{p}/",
    "https://%31%32%37.0.0.1:{p}/",
    "http://127.0.0.1:{p}/",
    "http://localhost:{p}/",
    "//127.0.0.1:{p}/",
    "https:127.0.0.1:{p}",
    "https:/127.0.0.1:{p}/",
    "https:///127.0.0.1:{p}/",
    " https://127.0.0.1:{p}/",
    "https://127.0.0.1 :{p}/",
    "https://127.0.0.1:{p}\r\nX: y/",
    "https://10.0.0.1:22/",
    "https://127.0.0.1:22/",
    "https://169.254.169.254/latest",
]


@pytest.mark.threat("T01")
@pytest.mark.parametrize("form", FORMS)
async def test_no_form_of_an_inward_address_is_called(form: str, canary: Any) -> None:
    """>> 48 ways to write loopback << refused, the canary hears nothing."""
    client = SafeClient(total_s=1)
    with pytest.raises(PeerError):
        await client.post(form.replace("{p}", str(canary.port)), b"{}")
    await client.close()
    assert canary.hits == 0


class Rebinding(AbstractResolver):
    """Public at the first look-up, loopback ever after."""

    def __init__(self, first: str = "93.184.216.34") -> None:
        self.answers = [first]
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        address = self.answers.pop() if self.answers else "127.0.0.1"
        return [{"hostname": host, "host": address, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        return None


@pytest.mark.threat("T04")
@pytest.mark.threat("T01")
async def test_a_name_that_leads_inward_is_refused_at_the_socket(canary: Any) -> None:
    """>> a public name whose address is 127.0.0.1, now or after rebinding << refused, one look-up per connect."""
    resolver = Rebinding("127.0.0.1")
    client = SafeClient(resolver=resolver, total_s=1)
    for turn in (1, 2):
        with pytest.raises(PeerError, match="address-refused"):
            await client.get(f"https://stadt{turn}.example:{canary.port}/")
        assert resolver.asked == turn
    await client.close()
    assert canary.hits == 0


@pytest.mark.threat("T04")
async def test_rebinding_between_two_requests_is_refused(start: Any, certs: DevelopmentCerts) -> None:
    """>> first answer allowed, second inward << the second connect is judged anew."""
    root = await start(web.get("/", _close))
    port = root.rsplit(":", 1)[1]
    resolver = Rebinding("127.0.0.1")
    resolver.answers = ["10.0.0.1", "127.0.0.1"]
    client = SafeClient(allow=["127.0.0.0/8"], ca_files=[certs.ca], resolver=resolver, total_s=2)
    assert (await client.get(f"https://localhost:{port}/")).status == 200
    await client.close()
    with pytest.raises(PeerError, match="address-refused"):
        await client.get(f"https://localhost:{port}/")
    await client.close()


async def _close(_: web.Request) -> web.Response:
    return web.Response(text="ok", headers={"Connection": "close"})


@pytest.mark.threat("T01")
async def test_redirects_are_answers(start: Any, client: SafeClient, canary: Any) -> None:
    """>> 302 to the metadata address << a 302, nothing more."""

    async def away(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"https://127.0.0.1:{canary.port}/latest/meta-data"})

    root = await start(web.get("/", away), web.post("/", away))
    assert (await client.get(root + "/")).status == 302
    assert (await client.post(root + "/", b"{}")).status == 302
    assert canary.hits == 0


async def test_a_post_arrives_as_it_was_sent(start: Any, client: SafeClient) -> None:
    """Body and headers are the caller's; no cookie, no user agent, no compression is added."""
    seen: dict[str, str] = {}

    async def take(request: web.Request) -> web.Response:
        seen.update(request.headers)
        assert request.raw_path == "/x%20y/z"
        return web.Response(body=await request.read(), status=201)

    root = await start(web.post("/{rest:.*}", take))
    headers = {"Content-Type": "application/json", "Authorization": "Bearer t"}
    answer = await client.post(root + "/x%20y/z", b'{"a":1}', headers=headers)
    assert (answer.status, answer.body) == (201, b'{"a":1}')
    assert seen["Authorization"] == "Bearer t"
    assert seen["Accept-Encoding"] == "identity"
    assert not {"Cookie", "User-Agent"} & seen.keys()
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_connections_are_pooled_per_peer(start: Any, client: SafeClient) -> None:
    """Twenty requests in a row travel on one connection."""
    peers = set()

    async def note(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response(text="ok")

    root = await start(web.get("/", note))
    for _ in range(20):
        await client.get(root + "/")
    assert len(peers) == 1


@pytest.mark.threat("T14")
async def test_a_compressed_answer_is_refused_unread(start: Any, client: SafeClient) -> None:
    """>> 200 KB that would be 200 MB << refused, not inflated."""
    bomb = gzip.compress(b"\0" * 50_000_000)

    async def explode(_: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    root = await start(web.get("/", explode))
    with pytest.raises(PeerError, match="answer-encoded"):
        await client.get(root + "/")
    async with client.stream(root + "/") as response:
        assert await response.read() == bomb


@pytest.mark.parametrize("declared", [True, False])
async def test_an_answer_beyond_the_cap_is_cut(start: Any, client: SafeClient, declared: bool) -> None:
    """>> more than asked for, with and without a length << refused."""

    async def flood(request: web.Request) -> web.StreamResponse:
        if declared:
            return web.Response(body=b"a" * 5001)
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b"a" * 1000)
        return response

    root = await start(web.get("/", flood))
    with pytest.raises(PeerError, match="answer-size"):
        await client.get(root + "/", limit=5000)


async def test_bug_an_answer_left_in_the_middle_kept_its_socket(start: Any, client: SafeClient) -> None:
    """>> we leave a peer that reads nothing any more << the socket is closed at once, not when TLS gives up (30 s)."""
    gone = asyncio.Event()

    async def deaf(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"more")
        assert isinstance(request.transport, asyncio.Transport)
        request.transport.pause_reading()
        await gone.wait()
        request.transport.resume_reading()
        return response

    async with client.stream(await start(web.get("/", deaf)) + "/") as response:
        assert await response.content.readexactly(4) == b"more"
        assert response.connection is not None
        assert response.connection.transport is not None
        its_socket = response.connection.transport.get_extra_info("socket")
    await client.close()
    await asyncio.sleep(0)
    assert its_socket.fileno() == -1
    gone.set()
    await asyncio.sleep(0.05)


async def test_an_answer_of_exactly_the_cap_passes(start: Any, client: SafeClient) -> None:
    """The limit is the last size that is allowed, in one piece or many."""

    async def many(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(300):
            await response.write(b"a" * 1000)
        return response

    root = await start(web.get("/", many))
    assert len((await client.get(root + "/", limit=300_000)).body) == 300_000


async def test_a_slow_answer_is_unavailable(start: Any, client: SafeClient) -> None:
    """>> no answer within the time given << try later."""

    async def sleep(_: web.Request) -> web.Response:
        await asyncio.sleep(1)
        return web.Response()

    root = await start(web.get("/", sleep))
    with pytest.raises(Unavailable, match="too-slow"):
        await client.get(root + "/", total_s=0.1)


async def test_bug_a_connection_given_up_as_it_is_made_is_closed_once(
    start: Any, client: SafeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> time is up just as the peer has taken the connection << the socket forgets the number by which it would be
    closed again: that number may be another participant's connection by then. uvloop before 0.23 left it there."""
    made: list[socket.socket] = []
    connect = aiohttp.connector.aiohappyeyeballs.start_connection

    async def then_given_up(*arguments: Any, **named: Any) -> socket.socket:
        made.append(await connect(*arguments, **named))
        asyncio.get_running_loop().call_soon(asking.cancel)
        return made[0]

    monkeypatch.setattr(aiohttp.connector.aiohappyeyeballs, "start_connection", then_given_up)
    asking = asyncio.create_task(client.get(await start(web.get("/", _close)) + "/"))
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert [one.fileno() for one in made] == [-1]


async def test_a_closed_port_and_an_unknown_name_are_unavailable(client: SafeClient, unused_tcp_port: int) -> None:
    """Nobody there is not the peer's fault."""
    with pytest.raises(Unavailable, match="unreachable"):
        await client.get(f"https://localhost:{unused_tcp_port}/")
    with pytest.raises(Unavailable):
        await client.get("https://no-such-host.invalid/", total_s=1)


async def test_a_peer_that_drops_the_connection_is_unavailable(client: SafeClient, canary: Any) -> None:
    """>> the socket closes in the TLS handshake << try later."""
    with pytest.raises(Unavailable, match="unreachable"):
        await client.get(f"https://localhost:{canary.port}/")


async def test_a_foreign_certificate_is_refused(start: Any) -> None:
    """>> a server whose root is not ours << no connection."""
    root = await start(web.get("/", _close))
    stranger = SafeClient(allow=["127.0.0.0/8", "::1/128"])
    with pytest.raises(Unavailable, match="unreachable"):
        await stranger.get(root + "/")
    await stranger.close()


@pytest.mark.threat("T23")
@pytest.mark.filterwarnings("ignore:.*TLSv1.*:DeprecationWarning")
async def test_old_tls_is_refused_from_both_sides(start: Any, certs: DevelopmentCerts, client: SafeClient) -> None:
    """>> TLS 1.1 << no handshake, whoever offers it."""
    old = ssl.create_default_context(cafile=str(certs.ca))
    outdated = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    outdated.load_cert_chain(certs.server, certs.server_key)
    for context in (old, outdated):
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0, ssl=outdated)
    old_port = server.sockets[0].getsockname()[1]
    (await asyncio.open_connection("localhost", old_port, ssl=old))[1].close()  # the two understand each other
    with pytest.raises(Unavailable, match="unreachable"):
        await client.get(f"https://localhost:{old_port}/")
    server.close()

    root = await start(web.get("/", _close))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("localhost", int(root.rsplit(":", 1)[1]), ssl=old)


async def test_plain_http_needs_the_switch_of_the_tests() -> None:
    """>> http << refused; with `insecure` it is called."""
    app = web.Application()
    app.router.add_get("/", _close)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://localhost:{runner.addresses[0][1]}/"
    safe, loose = (SafeClient(allow=["127.0.0.0/8", "::1/128"], insecure=flag) for flag in (False, True))
    with pytest.raises(PeerError, match="url-refused"):
        await safe.get(url)
    assert (await loose.get(url)).body == b"ok"
    await safe.close()
    await loose.close()
    await runner.cleanup()


@pytest.mark.threat("T01")
async def test_through_a_proxy_names_are_judged_before_the_request(canary: Any) -> None:
    """>> inward name through the proxy << refused before the proxy hears of it; a public one reaches only the proxy."""
    client = SafeClient(proxy=f"http://127.0.0.1:{canary.port}", total_s=2)
    for url in ("https://localhost/", "https://169.254.169.254/", "https://[::1]/"):
        with pytest.raises(PeerError, match="address-refused"):
            await client.get(url)
    assert canary.hits == 0
    with pytest.raises(Unavailable):
        await client.get("https://93.184.216.34/")
    await client.close()
    assert canary.hits > 0


@pytest.mark.threat("T01")
async def test_no_proxy_of_the_environment_is_called(
    start: Any, client: SafeClient, canary: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a proxy in the variables that other programs obey << the host itself is called: a proxy that no setting names
    would hide where names lead."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    root = await start(web.get("/", _close))
    assert (await client.get(root + "/")).body == b"ok"
    assert canary.hits == 0


async def test_nothing_that_a_peer_sets_comes_back_to_it(start: Any, client: SafeClient) -> None:
    """>> a cookie for the host, asked again on any path << none: whoever answers there shares the host with others."""
    seen = list[str]()

    async def give(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie", ""))
        return web.Response(text="ok", headers={"Set-Cookie": "who=me; Path=/"})

    root = await start(web.get("/{rest:.*}", give))
    for path in ("/a", "/b", "/a"):
        await client.get(root + path)
    assert seen == ["", "", ""]


def test_a_kept_connection_is_given_up_before_the_server_ends_it() -> None:
    """Between two connectors no message meets a connection in the moment of its end; idle ones end in 12 s (T15)."""
    assert outbound.KEEPALIVE_S + 1 < server.KEEPALIVE_S <= 12


def test_a_file_without_roots_is_said(tmp_path: Path) -> None:
    """Bug: a start with a wrong path in trust.ca_files ended in a traceback without it. >> none, no PEM << named."""
    (tmp_path / "words.pem").write_text("root")
    for name in ("none.pem", "words.pem"):
        with pytest.raises(Mistake, match=rf"http.ca-file .*{name}"):
            tls_client([tmp_path / name])
