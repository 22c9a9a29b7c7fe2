"""The one outbound HTTP session: `SafeClient` (spec/trust.md 5.1; T01 to T04, T14, T23).

Addresses are judged where the socket is made, because a resolver never sees literal addresses and a second look-up may
say something else. https only, no redirects, no decompression, caps on size and time, connections pooled per peer.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from msgspec import Struct
from multidict import MultiMapping
from yarl import URL

from connector.foundation.errors import Mistake, PeerError, Unavailable
from connector.foundation.http import kept
from connector.foundation.http.address import (
    Network,
    Target,
    address_allowed,
    ever_called,
    is_literal,
    networks,
    target,
)
from connector.foundation.http.deadline import Deadline
from connector.foundation.http.in_flight import InFlight

# Shorter than the 11 s after which our servers close idle connections, so that a request never meets a closing one;
# who closes earlier is noticed by the pool, and what meets its very moment is repeated as after any broken connection.
KEEPALIVE_S = 9.0
CONNECT_S = 5.0
READ_GAP_S = 30.0
STREAM_BUFFER = 65_536
CONNECTIONS = 96
"""To one host: 32 for requests with a token, as many for the downloads and uploads of the worker, and the rest for what
has neither: with all of them in use by what waits for a DID document nobody could read that."""
MOST_INTERIM = 16
"""Answers 1xx before the one that counts. No cap counts their bytes, and whoever waits reads on as long as there are
more, so that nothing else of the process has its turn; what a peer says on a connection at rest stays in memory."""
_PLAIN = {"Accept-Encoding": "identity"}


class Answer(Struct, frozen=True):
    """A complete response; header names are case-insensitive, redirects are answers like others."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def field(self, name: str) -> str:
        """The whole list that a header is: a peer may send it in several lines (RFC 9110, 5.3)."""
        if isinstance(self.headers, MultiMapping):
            return ", ".join(self.headers.getall(name, ()))
        return self.headers.get(name, "")


class _Inward(OSError):
    """The address is not one that we call."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "address not allowed")


def tls_client(ca_files: Sequence[Path] = ()) -> ssl.SSLContext:
    """Verification against the system's roots and `ca_files`, TLS 1.2 or later, RFC 5280 to the letter.

    Raises Mistake for a file without roots.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    for path in ca_files:
        try:
            context.load_verify_locations(cafile=str(path))
        except OSError as problem:
            raise Mistake("http.ca-file", path=path) from problem
    return context


class SafeClient:
    """GET, POST and streams in both directions to addresses that others name.

    `allow` lists private networks (CIDR) that an operator permits. Raises `Unavailable` when the peer
    cannot be reached in time, `PeerError` when its address or answer is refused.
    """

    def __init__(
        self,
        *,
        allow: Sequence[str] = (),
        ca_files: Sequence[Path] = (),
        total_s: float = 10.0,
        stall_s: float = READ_GAP_S,
        limit: int = 1_048_576,
        proxy: str | None = None,
        insecure: bool = False,
        resolver: aiohttp.abc.AbstractResolver | None = None,
    ) -> None:
        self._allow: tuple[Network, ...] = networks(allow)
        self._tls = tls_client(ca_files)
        self._total_s = total_s
        self.stall_s = stall_s
        self._limit = limit
        self._proxy = proxy
        self._proxy_addresses: frozenset[str] = frozenset()
        self._insecure = insecure
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None
        self._pool: _Pool | None = None
        """That of the session."""
        self._in_flight = InFlight()
        self._patience: dict[float, Deadline] = {}
        """By its length, of which our code names a few."""

    def calls(self, url: str) -> bool:
        """Whether we would try this URL at all; where its name leads is judged at the socket."""
        there = target(url, insecure=self._insecure)
        return there is not None and (not is_literal(there.host) or address_allowed(there.host, self._allow))

    def calls_as_source(self, url: str) -> bool:
        """The same for an address whose data a steward wants: https whatever else is allowed, and the names of this
        very machine only where an operator allows them."""
        there = target(url)
        return there is not None and ever_called(there, self._allow)

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        limit: int | None = None,
        total_s: float | None = None,
    ) -> Answer:
        """The answer to a GET, its body at most `limit` bytes; `total_s` can only make the wait shorter than usual."""
        return await self._whole("GET", url, None, headers, limit, total_s)

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        limit: int | None = None,
        total_s: float | None = None,
    ) -> Answer:
        """The answer to a POST of `body`; the caller names its Content-Type in `headers`."""
        return await self._whole("POST", url, body, headers, limit, total_s)

    @asynccontextmanager
    async def stream(
        self, url: str, *, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An open response for data of any size: no total time, no gap longer than `stall_s`, nothing inflated."""
        patience = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=self.stall_s)
        async with self._open("GET", url, None, headers, patience) as response:
            yield response

    @asynccontextmanager
    async def send(
        self, method: str, url: str, body: AsyncIterable[bytes], *, headers: Mapping[str, str]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A body of any size, and the answer to it: no total time, but the answer may not take longer than `stall_s`.

        How slowly the peer may take the body is for the caller to judge: it knows what was taken.
        """
        patience = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=self.stall_s)
        async with self._open(method, url, body, headers, patience) as response:
            yield response

    async def close(self) -> None:
        """Closes all pooled connections; the client opens anew when used again."""
        if self._session is not None:
            await self._session.close()
            self._session = self._pool = None

    async def _whole(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        limit: int | None,
        total_s: float | None,
    ) -> Answer:
        longest = min(total_s or self._total_s, self._total_s)
        there = self._judge(url)
        if self._proxy is not None:
            await self._through_proxy(there)
        try:
            if headers is None or "Authorization" not in headers:
                return await self._by_session(method, url, body, headers, limit or self._limit, longest)
            async with self._in_flight.turn(there.host, there.port, longest):
                found = await self._on_kept(method, there, body, headers, limit or self._limit, longest)
                return found or await self._by_session(method, url, body, headers, limit or self._limit, longest)
        except _BROKEN as cause:
            raise _told(cause, there) from cause

    async def _by_session(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        limit: int,
        total_s: float,
    ) -> Answer:
        """The answer by the session, which opens a connection if none is kept, and may repeat what has no token."""
        async with self._request(method, url, body, headers, _whole_patience(total_s)) as response:
            kept.plain(response.headers)
            length = response.headers.get("Content-Length", "")
            return Answer(response.status, response.headers, await kept.whole(response.content, length, limit))

    async def _on_kept(
        self,
        method: str,
        there: Target,
        body: bytes | None,
        headers: Mapping[str, str],
        limit: int,
        total_s: float,
    ) -> Answer | None:
        """The answer to a request with a token on a connection that is open; None where there is none, or a proxy."""
        if self._pool is None or self._proxy is not None:
            return None
        request = kept.request(method, there, body, {**_PLAIN, **headers})
        if request is None or (connection := await self._pool.kept(there)) is None:
            return None
        if (patience := self._patience.get(total_s)) is None:
            patience = self._patience[total_s] = Deadline(total_s)
        return Answer(*await kept.answer(connection, request, limit, patience, STREAM_BUFFER))

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        url: str,
        body: bytes | AsyncIterable[bytes] | None,
        headers: Mapping[str, str] | None,
        patience: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        there = self._judge(url)
        if self._proxy is not None:
            await self._through_proxy(there)
        try:
            async with self._request(method, url, body, headers, patience) as response:
                yield response
        except _BROKEN as cause:
            raise _told(cause, there) from cause

    def _request(
        self,
        method: str,
        url: str,
        body: bytes | AsyncIterable[bytes] | None,
        headers: Mapping[str, str] | None,
        patience: aiohttp.ClientTimeout,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        return self._connections().request(
            method,
            URL(url, encoded=True),
            data=body,
            headers={**_PLAIN, **headers} if headers else _PLAIN,
            allow_redirects=False,
            timeout=patience,
            proxy=self._proxy,
            # A POST is never repeated by the session, so that nothing has to keep it from that.
            middlewares=() if method == "POST" else _REPEATING,
        )

    def _judge(self, url: str) -> Target:
        there = target(url, insecure=self._insecure)
        if there is None:
            raise PeerError("http.url-refused")
        if is_literal(there.host) and not address_allowed(there.host, self._allow):
            raise PeerError("http.address-refused", host=there.host)
        return there

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._pool = _Pool(
                ssl=self._tls,
                limit=0,
                limit_per_host=CONNECTIONS,
                keepalive_timeout=KEEPALIVE_S,
                socket_factory=self._socket,
                resolver=self._resolver,
            )
            self._session = aiohttp.ClientSession(
                connector=self._pool,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                read_bufsize=STREAM_BUFFER,
                skip_auto_headers=("User-Agent", "Accept"),
            )
        return self._session

    def _socket(self, info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, place = info
        ip = str(place[0])
        allowed = ip in self._proxy_addresses if self._proxy is not None else address_allowed(ip, self._allow)
        if not allowed:
            raise _Inward
        return socket.socket(family, kind, protocol)

    async def _through_proxy(self, there: Target) -> None:
        """A proxy hides the peer's address from the socket: names are judged before, only the proxy is called."""
        if not self._proxy_addresses:
            proxy = URL(self._proxy or "")
            self._proxy_addresses = frozenset(await _addresses(proxy.host or "", proxy.port or 0))
        for ip in await _addresses(there.host, there.port):
            if not address_allowed(ip, self._allow):
                raise PeerError("http.address-refused", host=there.host)


class _Handler(ResponseHandler):
    """Hangs up on a peer that says more to one request than some interim answers and one that counts."""

    _said = 0

    def set_response_params(self, **named: Any) -> None:
        self._said = 0
        super().set_response_params(**named)

    def feed_data(self, data: Any, size: int = 0) -> None:
        self._said += 1
        if self._said <= MOST_INTERIM + 1:
            super().feed_data(data, size)
        elif self.transport is not None and not self.transport.is_closing():
            self.transport.abort()
            self.set_exception(HttpProcessingError(message="too many answers"))


class _Pool(aiohttp.TCPConnector):
    """Kept connections; those on which the peer went on talking unasked are closed instead of used again.

    What it said there would be taken for the answer to the next request.
    """

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self._factory = partial(_Handler, loop=self._loop)  # type: ignore[assignment]

    async def kept(self, there: Target) -> Connection | None:
        """One that is open to that host, not to be used by another until it is released or closed; None for none."""
        key = ConnectionKey(there.host, there.port, there.scheme == "https", True, None, None, None)
        return await self._get(key, [])  # type: ignore[no-any-return]

    async def _get(self, key: Any, traces: Any) -> Any:
        kept = await super()._get(key, traces)
        while kept is not None and kept.protocol is not None and kept.protocol.should_close:
            kept.close()
            kept = await super()._get(key, traces)
        return kept

    def _release(self, key: Any, protocol: Any, *, should_close: bool = False) -> None:
        """What is not used again is torn down: the polite end of TLS waits for a peer that may go on sending."""
        if should_close or protocol.should_close:
            protocol.abort()
        super()._release(key, protocol, should_close=should_close)


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """By itself the session repeats a GET when a kept connection breaks, and with it a token that was used up.

    What is open to everybody (DID and version documents) may be repeated: one connection that a peer closed at the
    wrong moment must not count against it for as long as a refusal is remembered.
    """
    if "Authorization" not in request.headers:
        return await handler(request)
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as cause:
        raise Unavailable("http.unreachable", host=request.url.host) from cause


_REPEATING: Final = (_once,)
_BROKEN: Final = (aiohttp.ClientError, TimeoutError, OSError)


def _told(cause: Exception, there: Target) -> PeerError | Unavailable:
    """What broke, as an error of ours."""
    if isinstance(cause, aiohttp.ClientConnectorError):
        if isinstance(cause.os_error, _Inward):
            return PeerError("http.address-refused", host=there.host)
        return Unavailable("http.unreachable", host=there.host)
    if isinstance(cause, TimeoutError):
        return Unavailable("http.too-slow", host=there.host)
    return Unavailable("http.unreachable", host=there.host)


@lru_cache(maxsize=64)
def _whole_patience(total_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=total_s, sock_connect=CONNECT_S)


async def _addresses(host: str, port: int) -> list[str]:
    """Addresses of a name; none if only the proxy can resolve it."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [str(info[4][0]) for info in found]
