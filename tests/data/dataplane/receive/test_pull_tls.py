"""The same over TLS with the development CA, as in production: the session refuses plain http there."""

import asyncio
import os
import ssl

import pytest

from connector.data.dataplane import flows
from connector.data.dataplane.receive.pull import Retry, pull
from connector.data.dataplane.sinks.files import FileSink
from connector.foundation.clock import SystemClock
from connector.foundation.errors import PeerError, Refusal, Unavailable
from connector.foundation.http.outbound import SafeClient
from connector.identity.trust.development import dev_ca


@pytest.fixture
async def secure(plane, tmp_path):
    """The plane of the other tests behind a certificate, and a client that trusts its CA."""
    certs = dev_ca.create(tmp_path, SystemClock())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certs.server, certs.server_key)
    await plane.close()
    await plane.serve(context)
    plane.client = SafeClient(allow=["127.0.0.0/8", "::1/128"], ca_files=[certs.ca])
    with plane.path.open("wb") as file:
        file.truncate(48_000_000)
    yield plane
    await plane.client.close()


async def test_a_file_arrives(secure, tmp_path):
    """>> pull << all of it, booked as complete."""
    got = await pull(secure.client, secure.address(), FileSink(tmp_path / "in", "trees"))
    assert got.bytes == 48_000_000
    assert await secure.book.line() == (48_000_000, True, None)


@pytest.mark.alone
async def test_a_file_that_shrinks_aborts_the_stream(secure):
    """Within two seconds, with no closing handshake to wait for."""
    started = asyncio.get_running_loop().time()
    with pytest.raises(Unavailable):
        await secure.read_while(lambda: asyncio.to_thread(os.truncate, secure.path, 1000))
    assert asyncio.get_running_loop().time() - started < 2
    assert (await secure.book.line())[2] == "source-shrank"


@pytest.mark.threat("T21")
async def test_termination_cuts_and_the_next_try_hears_why(secure, tmp_path):
    """>> terminate while pulling << cut, then 403."""
    ended = []

    def end(size):
        if not ended:
            ended.append(asyncio.ensure_future(secure.move(flows.terminate)))

    sink = FileSink(tmp_path / "in", "trees")
    with pytest.raises(Refusal):
        await pull(secure.client, secure.address(), sink, progress=end, retry=Retry(first_s=0.01))
    await secure.book.line()  # the provider may write down what it sent after we were refused
    assert secure.book.lines[0][2] == "closed"


async def test_an_unknown_certificate_gets_no_token(secure, tmp_path):
    """A client that does not trust the CA sends nothing."""
    stranger = SafeClient(allow=["127.0.0.0/8", "::1/128"])
    with pytest.raises((Unavailable, PeerError)):
        await pull(stranger, secure.address(), FileSink(tmp_path / "in", "x"), retry=Retry(attempts=1, first_s=0.01))
    assert secure.contract.asked == []
    await stranger.close()
