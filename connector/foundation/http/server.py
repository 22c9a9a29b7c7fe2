"""The listening side of every surface: TLS 1.2 and 1.3 only, short keep-alive, a cap on connections per address.

aiohttp closes idle and half-sent headers by `keepalive_timeout`; unread bodies linger one second (spec/trust.md 5.2;
T15, T23).
"""

import asyncio
import errno
import os
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import HttpVersion10, HttpVersion11, web

from connector.foundation.errors import Mistake
from connector.foundation.http.late import LateApplication
from connector.foundation.http.limits import HEADERS
from connector.foundation.http.one_handler import OneHandler
from connector.foundation.language import LANGUAGES, say
from connector.foundation.language.system_words import system_words

KEEPALIVE_S = 11.0
LINGER_S = 1.0
HANDSHAKE_S = 10.0
BACKLOG = 1024
CONNECTIONS_PER_ADDRESS = 1024
STOP_S = 10.0


def tls_server(certificate: Path, key: Path) -> ssl.SSLContext:
    """A server context for the PEM chain and key in these files; raises Mistake where they are of no use."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(str(certificate), str(key), password="")  # else OpenSSL asks for one at the terminal
    except OSError as problem:
        raise _unfit(certificate, key) from problem
    context.set_alpn_protocols(["http/1.1"])
    return context


def _unfit(certificate: Path, key: Path) -> Mistake:
    """Which of the two it is, where one cannot be read: what OpenSSL says names neither."""
    for path in (certificate, key):
        try:
            path.open("rb").close()
        except FileNotFoundError:
            return Mistake("http.tls-missing", path=path)
        except OSError as problem:
            return Mistake("http.tls-unreadable", path=path, problem=system_words(problem))
    return Mistake("http.tls-unfit", certificate=certificate, key=key)


async def serve(
    app: web.Application | OneHandler | LateApplication,
    *,
    host: str | None,
    port: int,
    tls: ssl.SSLContext | None,
    reuse_port: bool = False,
    connections_per_address: int = CONNECTIONS_PER_ADDRESS,
    keepalive_s: float = KEEPALIVE_S,
    stop_s: float = STOP_S,
) -> web.BaseRunner:
    """Starts answering on the address; `await runner.cleanup()` stops and gives running requests `stop_s` seconds.

    Raises Mistake where the address cannot be had.
    """
    runner = await _runner(app, keepalive_s, stop_s)
    _cap(runner, connections_per_address)
    try:
        await _Listening(runner, host, port, tls, reuse_port).start()
    except OSError as problem:
        await runner.cleanup()
        raise not_had(problem, host, port) from problem
    return runner


def not_had(problem: OSError, host: str | None, port: int) -> Mistake:
    """What to raise where an address cannot be listened at."""
    if problem.errno == errno.EADDRINUSE:
        return Mistake("http.port-taken", port=port)
    return Mistake("http.no-address", host=host, port=port, problem=system_words(problem))


async def serve_unix(app: web.Application | LateApplication, path: Path, *, stop_s: float = STOP_S) -> web.BaseRunner:
    """Starts answering on a Unix socket that only its owner may open (mode 0600); a socket left behind is replaced."""
    runner = await _runner(app, KEEPALIVE_S, stop_s)
    path.unlink(missing_ok=True)  # noqa: ASYNC240
    before = os.umask(0o177)
    try:
        await web.UnixSite(runner, path).start()
    finally:
        os.umask(before)
    return runner


def port_of(runner: web.BaseRunner) -> int:
    """The port that a runner listens on, for `port=0`."""
    return int(runner.addresses[0][1])


async def _runner(
    app: web.Application | OneHandler | LateApplication, keepalive_s: float, stop_s: float
) -> web.BaseRunner:
    how: dict[str, Any] = {
        "access_log": None,
        "keepalive_timeout": keepalive_s,
        "lingering_time": LINGER_S,
        "auto_decompress": False,
    }
    runner = (
        _Runner(app, shutdown_timeout=stop_s, **how)
        if isinstance(app, web.Application)
        else web.ServerRunner(_low_level(app, how), shutdown_timeout=stop_s)
    )
    await runner.setup()
    return runner


def _low_level(app: OneHandler | LateApplication, how: Mapping[str, Any]) -> web.Server:
    loop = asyncio.get_running_loop()

    def request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        return app.request_class(message, payload, protocol, writer, task, loop)

    return _Server(_expecting(app), request_factory=request, loop=loop, **how)


class _Refusal(web.Response):
    """What is said of a request that never came to a handler: nothing of it, nothing of us, and the connection ends."""

    def __init__(self, status: int, code: str) -> None:
        words = [say(f"error.{code}", lang) for lang in LANGUAGES]
        said = {"status": status, "code": code, "detail": words[0], "reason": words}
        super().__init__(status=status, body=msgspec.json.encode(said), content_type="application/problem+json")
        self.headers.update(HEADERS)
        self.force_close()

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.pop("Server", None)


class _Handler(web.RequestHandler):
    """aiohttp's own answers to what it cannot parse name its version and repeat what was sent; these do neither."""

    async def start(self) -> None:
        """Before Python 3.12 a task begins at its turn, and aiohttp asserts that its connection is still there then."""
        if self._manager is not None:
            await super().start()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("http.refused")
        if status >= 500:
            self.log_exception("Error handling request", exc_info=exc)
        return _Refusal(status, "http.malformed" if status < 500 else "defect")


class _Server(web.Server):
    """Takes no connection any more once it ends: whose handshake is over only then would be nobody's to close."""

    _ends = False

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if self._ends:
            transport.abort()

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 as aiohttp has it
        self._ends = True
        await super().shutdown(timeout)

    def __call__(self) -> web.RequestHandler:
        return _Handler(self, loop=self._loop, **self._kwargs)


class _Runner(web.AppRunner):
    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            _expecting(made.request_handler),
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,
            **made._kwargs,
        )


def _expecting(inner: Callable[[Any], Awaitable[web.StreamResponse]]) -> Any:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        """aiohttp repeats an expectation that it does not know, before any of our handlers is asked. It also reads
        chunks of HTTP/1.0, which has none, and passes over a coding that is empty or comes before the chunks: a proxy
        before us may see other requests in the same bytes (RFC 9112, 6.1). Nor does it refuse a line without a version,
        which has no headers to be judged by."""
        coding = request.headers.get("Transfer-Encoding", "chunked").strip(" \t").lower()
        chunks = request.version < HttpVersion11 and "Transfer-Encoding" in request.headers
        if chunks or coding != "chunked" or request.version < HttpVersion10:
            return _Refusal(400, "http.malformed")
        if request.headers.get("Expect", "100-continue").lower() != "100-continue":
            return _Refusal(417, "http.malformed")
        return await inner(request)

    return handler


class _Listening(web.BaseSite):
    """A TCP site that also bounds the TLS handshake, which `TCPSite` leaves at a minute."""

    def __init__(
        self, runner: web.BaseRunner, host: str | None, port: int, tls: ssl.SSLContext | None, reuse_port: bool
    ) -> None:
        super().__init__(runner, ssl_context=tls, backlog=BACKLOG)
        self._host = host
        self._port = port
        self._reuse_port = reuse_port

    @property
    def name(self) -> str:
        return f"{'https' if self._ssl_context else 'http'}://{self._host or '0.0.0.0'}:{self._port}"  # noqa: S104

    async def start(self) -> None:
        await super().start()
        assert self._runner.server is not None
        self._server = await asyncio.get_running_loop().create_server(
            self._runner.server,
            self._host,
            self._port,
            ssl=self._ssl_context,
            ssl_handshake_timeout=HANDSHAKE_S if self._ssl_context else None,
            backlog=BACKLOG,
            reuse_port=self._reuse_port or None,
        )


def _cap(runner: web.BaseRunner, most: int) -> None:
    """Connections beyond `most` from one address are dropped as they open."""
    server = runner.server
    assert server is not None
    made, lost = server.connection_made, server.connection_lost
    addresses: dict[web.RequestHandler, str] = {}
    count: Counter[str] = Counter()

    def opened(handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        address = str((transport.get_extra_info("peername") or ("",))[0])
        addresses[handler] = address
        count[address] += 1
        made(handler, transport)
        if count[address] > most:
            transport.abort()

    def closed(handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        address = addresses.pop(handler, None)
        if address is not None:
            count[address] -= 1
            if not count[address]:
                del count[address]
        lost(handler, exc)

    server.connection_made = opened  # type: ignore[method-assign]
    server.connection_lost = closed  # type: ignore[method-assign]
