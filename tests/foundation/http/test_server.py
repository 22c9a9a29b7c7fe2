"""Listening: an operator whose port, certificate or key is of no use reads which one, and what to do."""

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization

from connector.foundation.errors import Mistake
from connector.foundation.http.server import port_of, serve, tls_server
from connector.identity.trust.development.dev_ca import DevelopmentCerts
from tests.testkit.patience import PATIENCE_S


async def test_an_address_that_cannot_be_had_is_said() -> None:
    """Bug: a start with a port in use ended in a traceback. >> a port that somebody has, an address of another machine
    << said by name."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        with pytest.raises(Mistake, match=rf"http.port-taken .*{port}"):
            await serve(web.Application(), host="127.0.0.1", port=port, tls=None)
    with pytest.raises(Mistake, match=r"http.no-address .*192\.0\.2\.1"):
        await serve(web.Application(), host="192.0.2.1", port=0, tls=None)


def test_certificate_and_key_that_are_of_no_use_are_said(certs: DevelopmentCerts, tmp_path: Path) -> None:
    """Bug: a start without certificate ended in a traceback that named no file, and a key with a passphrase asked for
    it at the terminal. >> none, a folder, another's key, no PEM, a key with a passphrase << said which, and why."""
    closed, words = tmp_path / "closed.key", tmp_path / "words.pem"
    key = serialization.load_pem_private_key(certs.server_key.read_bytes(), None)
    closed.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
        )
    )
    words.write_text("certificate")
    for certificate, private, said in (
        (tmp_path / "none.pem", certs.server_key, r"http.tls-missing .*none\.pem"),
        (certs.server, tmp_path / "none.key", r"http.tls-missing .*none\.key"),
        (certs.server, tmp_path, "http.tls-unreadable"),
        (certs.server, certs.seal_ca_key, "http.tls-unfit"),
        (words, certs.server_key, "http.tls-unfit"),
        (certs.server, closed, "http.tls-unfit"),
    ):
        with pytest.raises(Mistake, match=said):
            tls_server(certificate, private)


async def test_bug_a_handshake_that_was_over_after_the_end_was_a_connection_of_nobody(certs: DevelopmentCerts) -> None:
    """>> a client connects, the server ends, then comes the handshake << nothing is answered, the connection ends.

    It stayed open, and requests on it went to an application that had been cleaned up.
    """
    answered: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        answered.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_get("/", answer)
    runner = await serve(app, host="127.0.0.1", port=0, tls=tls_server(certs.server, certs.server_key))
    connected = socket.create_connection(("127.0.0.1", port_of(runner)))
    connected.setblocking(False)
    await asyncio.sleep(0.05)  # it is taken, and waits for the first bytes of the handshake
    await runner.cleanup()
    context = ssl.create_default_context(cafile=certs.ca)
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection(sock=connected, ssl=context, server_hostname="localhost")
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
    writer.transport.abort()
    assert answered == []
