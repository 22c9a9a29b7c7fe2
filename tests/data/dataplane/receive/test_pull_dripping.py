"""A provider that gives a byte now and then is given up as if it gave none: it holds no place for days (T15)."""

import asyncio
from hashlib import sha256

import pytest
from aiohttp import web

from connector.data.dataplane.receive.pull import Address, Retry, pull
from connector.data.dataplane.sinks.files import FileSink
from connector.foundation.errors import Unavailable
from connector.foundation.http.outbound import SafeClient
from tests.testkit.patience import PATIENCE_S

QUICK = Retry(attempts=3, first_s=0.01, longest_s=0.02)


@pytest.fixture
async def client():
    client = SafeClient(allow=["127.0.0.0/8"], insecure=True, stall_s=0.1)
    yield client
    await client.close()


def dripping(piece: bytes, pause_s: float):
    async def answer(request):
        answer.asked += 1
        response = web.StreamResponse(headers={"ETag": '"v1"'})
        response.content_length = 1_000_000
        await response.prepare(request)
        while True:
            await response.write(piece)
            await asyncio.sleep(pause_s)

    answer.asked = 0
    return answer


@pytest.mark.alone
@pytest.mark.threat("T15")
async def test_a_provider_that_drips_is_given_up(client, upstream, tmp_path) -> None:
    """>> one byte every 20 ms, never a gap of 100 ms << cut after 100 ms each time, and the errand waits its turn."""
    handler = dripping(b"x", 0.02)
    with pytest.raises(Unavailable, match=r"dataplane\.too-slow"):
        await pull(client, Address(await upstream(handler), "t"), FileSink(tmp_path / "in", "x"), retry=QUICK)
    assert handler.asked == 3


@pytest.mark.threat("T15")
async def test_a_provider_that_cuts_after_every_byte_is_given_up(upstream, tmp_path) -> None:
    """>> one byte, then the connection is lost, over and over << the byte is no progress that counts.

    However busy the machine is, the loss comes before our patience ends.
    """
    seen = []

    async def answer(request):
        seen.append(request.headers.get("Range"))
        response = web.StreamResponse(headers={"ETag": '"v1"'})
        response.content_length = 1_000_000
        await response.prepare(request)
        await response.write(b"x")
        await asyncio.sleep(0.02)
        request.transport.abort()
        return response

    patient = SafeClient(allow=["127.0.0.0/8"], insecure=True, stall_s=PATIENCE_S)
    with pytest.raises(Unavailable, match=r"http\.unreachable"):
        await pull(patient, Address(await upstream(answer), "t"), FileSink(tmp_path / "in", "x"), retry=QUICK)
    await patient.close()
    assert len(seen) == 3


@pytest.mark.alone
async def test_a_slow_provider_that_is_fast_enough_is_waited_for(client, upstream, tmp_path) -> None:
    """>> half a kilobyte every 20 ms, over several looks << everything arrives."""
    whole = b"y" * 10_000

    async def answer(request):
        response = web.StreamResponse()
        response.content_length = len(whole)
        await response.prepare(request)
        for start in range(0, len(whole), 500):
            await response.write(whole[start : start + 500])
            await asyncio.sleep(0.02)
        return response

    got = await pull(client, Address(await upstream(answer), "t"), FileSink(tmp_path / "in", "x"), retry=QUICK)
    assert (got.bytes, got.sha256) == (10_000, sha256(whole).hexdigest())
