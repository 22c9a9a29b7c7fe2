"""Sending the bytes of a source: whole or visibly broken, to one place only, with its secret for nobody else."""

import asyncio
import json
from hashlib import sha256

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from connector.data.dataplane.serve.push import Destination, Push, Refused
from connector.data.sources.model import Broken, Description, Reading
from connector.foundation.errors import PeerError, Refusal, Unavailable
from connector.foundation.http.outbound import SafeClient
from connector.foundation.language.reasons import explained
from tests.testkit.patience import PATIENCE_S

PIECES = [b"a" * 400_000, b"b" * 400_000, b"c" * 10]
DATA = b"".join(PIECES)
WHAT = Description(name="bäume.csv", media_type="text/csv")


class Receiver:
    """Remembers what came; `answer` decides what it says."""

    def __init__(self, answer=None) -> None:
        self.answer, self.bodies, self.heads, self.broken = answer or _taken, [], [], 0

    async def handle(self, request):
        self.heads.append((request.method, request.path_qs, dict(request.headers)))
        return await self.answer(self, request)

    async def body(self, request) -> None:
        try:
            self.bodies.append(await request.read())
        except (web.RequestPayloadError, ConnectionError, asyncio.CancelledError):
            self.broken += 1
            raise


async def _taken(receiver, request):
    await receiver.body(request)
    return web.Response(status=200)


@pytest.fixture
async def place():
    """Starts a receiver; gives its URL."""
    servers = []

    async def start(receiver) -> str:
        app = web.Application(client_max_size=10_000_000)
        app.router.add_route("*", "/{rest:.*}", receiver.handle)
        server = TestServer(app, host="127.0.0.1")
        await server.start_server()
        servers.append(server)
        return str(server.make_url("/in/1"))

    yield start
    for server in servers:
        await server.close()


def reading(pieces=None, length=None, fault=None, status=200, headers=None) -> Reading:
    async def chunks():
        for piece in PIECES if pieces is None else pieces:
            yield piece
        if fault is not None:
            raise Broken(fault)

    return Reading(status=status, headers=headers or {}, length=length, last=True, chunks=chunks())


async def push(client, url, read=None, **more) -> Push:
    made = Push(client, Destination(url=url, **more))
    await made.run(read or reading(length=len(DATA)), WHAT)
    return made


@pytest.mark.parametrize("length", [len(DATA), None], ids=["length", "chunked"])
async def test_everything_arrives(client, place, length) -> None:
    """>> POST with type, name, digest and the secret << 200, the same bytes."""
    receiver = Receiver()
    stated = {"Repr-Digest": "sha-256=:x:", "ETag": '"1"', "Content-Range": "bytes 0-1/2"}
    made = await push(
        client, await place(receiver), reading(length=length, headers=stated), headers={"Authorization": "Bearer k"}
    )
    assert sha256(receiver.bodies[0]).hexdigest() == sha256(DATA).hexdigest()
    assert made.sent == len(DATA)
    method, path, heads = receiver.heads[0]
    assert (method, path, heads["Authorization"], heads["Content-Type"]) == ("POST", "/in/1", "Bearer k", "text/csv")
    assert heads["Content-Disposition"] == "attachment; filename*=UTF-8''b%C3%A4ume.csv"
    assert heads["Repr-Digest"] == "sha-256=:x:"
    assert "Content-Range" not in heads
    assert ("Content-Length" in heads) == (length is not None)


async def test_a_put_if_the_receiver_wants_one(client, place) -> None:
    receiver = Receiver()
    await push(client, await place(receiver), method="PUT")
    assert receiver.heads[0][0] == "PUT"


@pytest.mark.parametrize("length", [len(DATA), None], ids=["length", "chunked"])
async def test_a_source_that_breaks_does_not_look_finished(client, place, length) -> None:
    """<< the source fails in the middle >> the connection is cut: the receiver has no whole body."""
    receiver = Receiver()
    url = await place(receiver)
    made = Push(client, Destination(url=url))
    with pytest.raises(Unavailable, match=r"dataplane\.source-broke"):
        await made.run(reading(PIECES[:2], length=length, fault="source-changed"), WHAT)
    async with asyncio.timeout(PATIENCE_S):
        while not receiver.broken:
            await asyncio.sleep(0.01)
    assert (made.broken, receiver.bodies) == ("source-changed", [])


async def test_a_source_that_is_short_does_not_look_finished(client, place) -> None:
    made = Push(client, Destination(url=await place(Receiver())))
    with pytest.raises(Unavailable, match=r"dataplane\.source-broke"):
        await made.run(reading(PIECES[:2], length=len(DATA)), WHAT)
    assert made.broken == "source-cut"


async def test_a_source_that_gives_a_part_is_not_sent(client, place) -> None:
    receiver = Receiver()
    with pytest.raises(Unavailable, match=r"dataplane\.source-unreachable"):
        await push(client, await place(receiver), reading(status=206))
    assert receiver.heads == []


@pytest.mark.threat("T37")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(client, place, status) -> None:
    """<< go elsewhere >> refused: neither the bytes nor the secret go there."""
    elsewhere = Receiver()
    target = await place(elsewhere)

    async def away(receiver, request):
        await receiver.body(request)
        return web.Response(status=status, headers={"Location": target})

    with pytest.raises(Refused) as refused:
        await push(client, await place(Receiver(away)), headers={"Authorization": "Bearer k"})
    assert refused.value.status == status
    assert elsewhere.heads == []


@pytest.mark.threat("T37")
@pytest.mark.parametrize("url", ["https://169.254.169.254/latest", "https://10.0.0.1/x", "https://[::1]/x"])
async def test_an_inner_address_is_never_called(url) -> None:
    client = SafeClient()
    with pytest.raises(PeerError, match=r"http\.address-refused"):
        await push(client, url)
    await client.close()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 507])
async def test_a_busy_receiver_is_tried_again(client, place, status) -> None:
    async def busy(receiver, request):
        await receiver.body(request)
        return web.Response(status=status)

    with pytest.raises(Unavailable, match=r"dataplane\.receiver-busy"):
        await push(client, await place(Receiver(busy)))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422])
async def test_a_refusal_keeps_its_sentences(client, place, status) -> None:
    """<< no, with two sentences >> Refused with exactly these; without any, our own sentence with the status."""

    async def no(receiver, request):
        await receiver.body(request)
        return web.Response(status=status, body=json.dumps({"reason": ["Nein.", "No."]}).encode())

    async def silent(receiver, request):
        await receiver.body(request)
        return web.Response(status=status)

    with pytest.raises(Refused) as refused:
        await push(client, await place(Receiver(no)))
    assert isinstance(refused.value.error, Refusal)
    assert explained(refused.value.error) == {"de": ["Nein."], "en": ["No."]}
    with pytest.raises(Refused) as refused:
        await push(client, await place(Receiver(silent)))
    assert str(status) in explained(refused.value.error)["de"][0]


async def test_an_answer_before_the_end_is_no_success(client, place) -> None:
    """<< 200 after the first bytes >> not delivered: nobody can have seen the rest."""

    async def early(receiver, request):
        await request.content.readany()
        return web.Response(status=200)

    async def slowly():
        for _ in range(100):
            yield b"x" * 100_000
            await asyncio.sleep(0.01)

    read = Reading(status=200, headers={}, length=10_000_000, last=True, chunks=slowly())
    with pytest.raises(Unavailable):
        await push(client, await place(Receiver(early)), read)


async def test_a_receiver_that_hangs_up_is_out_of_reach(client, place) -> None:
    async def gone(receiver, request):
        await request.content.readany()
        request.transport.abort()
        return web.Response()

    with pytest.raises(Unavailable, match=r"http\.unreachable"):
        await push(client, await place(Receiver(gone)))


async def test_a_receiver_that_takes_nothing_is_seen(client, place) -> None:
    """>> more than the network holds << `waiting` says that the receiver is behind, `sent` stands still."""
    done = asyncio.Event()

    async def stalled(receiver, request):
        await done.wait()
        return web.Response(status=500)

    made = Push(client, Destination(url=await place(Receiver(stalled))))
    task = asyncio.create_task(made.run(reading([b"x" * 500_000] * 40, length=20_000_000), WHAT))
    before = -1
    async with asyncio.timeout(PATIENCE_S):
        while not (made.waiting and made.sent == before):
            before = made.sent
            await asyncio.sleep(0.1)
    assert made.sent < 20_000_000
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    done.set()
