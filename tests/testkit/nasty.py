"""A member of the data space that says, signs and answers whatever a test tells it to.

It has a DID and a TLS server of its own on loopback and stands on the trust list like any other member; `token` and
`call` speak as it to a city's public surface, `inbox` and `answers` are what it hears and replies.
"""

import asyncio
import json
import secrets
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import msgspec
from aiohttp import web
from yarl import URL

from connector.foundation.http.server import port_of, serve, tls_server
from connector.foundation.ids import new_id
from connector.foundation.settings.load import Settings, peer_port
from connector.identity.trust.development.dev_ca import chain_der
from connector.identity.trust.development.space import DevelopmentSpace
from connector.identity.trust.did import did as dids
from connector.identity.trust.keys.jose import sign_jwt
from connector.identity.trust.keys.signing import KeyRecord, Signer, SoftwareKey
from connector.identity.trust.members.entries import entry
from connector.identity.trust.members.trust_list import Entry
from connector.kernel.protocol import versions
from connector.kernel.protocol.messages import CONTEXT, HANSE
from tests.testkit.cities import MUNICIPALITY, PURPOSE, Space
from tests.testkit.manners import Line, Manner
from tests.testkit.patience import PATIENCE_S

LIFE_S = 300


class Received(msgspec.Struct, frozen=True):
    """A request that came in; `path` is relative to the peer's root."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Reply(msgspec.Struct, frozen=True):
    """What a surface answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = Callable[[Received], tuple[int, bytes]]


class Addressed(Protocol):
    """A city, in this process or another."""

    @property
    def settings(self) -> Settings: ...

    def did(self, slug: str) -> str: ...

    def root(self, slug: str) -> str: ...


class NastyPeer:
    """`keys` are those in its DID document, `signer` the one that its tokens are signed with; both may be exchanged."""

    def __init__(self, space: Space, slug: str, port: int, client: aiohttp.ClientSession, tls: ssl.SSLContext) -> None:
        self._space, self._client, self._tls = space, client, tls
        self.root = f"https://localhost:{port}/{slug}"
        self.did: str = dids.of_root(self.root)
        self.signer: SoftwareKey = SoftwareKey.generate("peer", self.did)
        self.seal = SoftwareKey.generate("seal", self.did)
        self.keys: list[KeyRecord] = [self.signer.record(), self.seal.record()]
        self.inbox: list[Received] = []
        self.answers: dict[str, Answer] = {}
        """Path below the root -> answer; everything else is answered 200 with an empty object."""
        self.headers: dict[str, dict[str, str]] = {}
        """Path below the root -> headers of its answer."""
        self.manners: dict[str, Manner] = {}
        """Ending of a path -> how it is answered; the first that fits, before `answers` says what."""
        self._news = asyncio.Event()

    @property
    def base(self) -> str:
        """Where it serves the protocol: its callback address."""
        return f"{self.root}/2025-1"

    # As a member

    async def enlist(self, kind: str = MUNICIPALITY, **changes: Any) -> None:
        """Puts it on the trust list; `changes` are members of its entry, such as `state`."""
        await enlist(self._space, [self], kind, **changes)

    def chain(self) -> list[bytes]:
        """Certificates (DER, leaf first) of its seal key by the authority of the space."""
        place = DevelopmentSpace(self._space.folder / "certs", self._space.clock)
        return chain_der(place.seal(self.did, self.seal, "Nasty"))

    # As a caller

    def token(self, audience: str, *, signer: Signer | None = None, typ: str = "JWT", **claims: Any) -> str:
        """A token for `audience`; `claims` replace those of a right one, None removes them."""
        now = self._space.clock.now() // 1000
        right = {
            "iss": self.did,
            "sub": self.did,
            "aud": audience,
            "iat": now,
            "exp": now + LIFE_S,
            "jti": secrets.token_urlsafe(18),
        }
        wanted = {name: value for name, value in (right | claims).items() if value is not None}
        return sign_jwt(wanted, signer or self.signer, typ)

    async def call(
        self, method: str, url: str, body: object = None, *, token: str | None = None, **headers: str
    ) -> Reply:
        """Any request, its URL sent as it stands; bytes go out untouched, everything else as JSON."""
        sent = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        async with self._client.request(
            method, URL(url, encoded=True), data=data, headers=sent, allow_redirects=False
        ) as answer:
            return Reply(answer.status, answer.headers.copy(), await answer.read())

    async def get(self, city: Addressed, slug: str, path: str, **claims: Any) -> Reply:
        """GET below the root of a city's participant with a fresh token."""
        return await self.call("GET", city.root(slug) + path, token=self.token(city.did(slug), **claims))

    async def post(self, city: Addressed, slug: str, path: str, body: object, **claims: Any) -> Reply:
        """POST below the root of a city's participant with a fresh token."""
        return await self.call("POST", city.root(slug) + path, body, token=self.token(city.did(slug), **claims))

    async def raw(self, city: Addressed, data: bytes, wait_s: float = PATIENCE_S) -> bytes:
        """Bytes on a connection of their own to the public port, and all that comes back until it is closed."""
        port = peer_port(city.settings)
        reader, writer = await asyncio.open_connection("localhost", port, ssl=self._tls)
        try:
            async with asyncio.timeout(wait_s):
                writer.write(data)
                await writer.drain()
                return await reader.read()
        finally:
            writer.close()

    # Messages as they should be, for tests to spoil

    async def offer(self, city: Addressed, slug: str, dataset: str) -> dict[str, Any]:
        """The first offer on a dataset as a message carries it: with its target."""
        shown = await self.get(city, slug, f"/2025-1/catalog/datasets/{dataset.rsplit('/', 1)[-1]}")
        return {**shown.json["hasPolicy"][0], "@type": "Offer", "target": dataset}

    def message(self, type_: str, **members: Any) -> dict[str, Any]:
        """A message with context, type and a fresh id; None removes a member."""
        whole = {"@context": [CONTEXT], "@type": type_, "@id": new_id(), **members}
        return {name: value for name, value in whole.items() if value is not None}

    def contract_request(self, offer: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
        """A first request for an offer."""
        right = {"consumerPid": new_id(), "offer": offer, "callbackAddress": self.base, f"{HANSE}purpose": PURPOSE}
        return self.message("ContractRequestMessage", **{**right, **changes})

    # As a server

    async def heard(self, ending: str) -> Received:
        """The first request whose path ends so; waits for it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = next((one for one in self.inbox if one.path.endswith(ending)), None)
                if found is not None:
                    return found
                self._news.clear()
                await self._news.wait()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix(URL(self.root).path)
        got = Received(request.method, path, request.headers.copy(), await request.read())
        self.inbox.append(got)
        self._news.set()
        status, body = self.answers.get(path, self._answer)(got)
        manner = next((one for ending, one in self.manners.items() if path.endswith(ending)), None)
        if manner is not None:
            return await _odd(request, manner, status, body)
        headers = self.headers.get(path)
        return web.Response(status=status, body=body, content_type="application/json", headers=headers)

    def _answer(self, got: Received) -> tuple[int, bytes]:
        if got.path == "/did.json":
            return 200, json.dumps(dids.document(dids.parse(self.did), self.root, self.keys)).encode()
        if got.path == versions.WELL_KNOWN:
            return 200, versions.document()
        return 200, b"{}"


async def _odd(request: web.Request, manner: Manner, status: int, body: bytes) -> web.StreamResponse:
    """Lets the manner have the connection; whatever it wrote, nothing decent follows on it."""
    with suppress(ConnectionResetError):  # they have had enough of it
        await manner(Line(request, status, body))
    if request.transport is not None:
        request.transport.close()
    return web.Response()


@asynccontextmanager
async def nasty_peer(
    space: Space, slug: str = "nasty", kind: str | None = MUNICIPALITY, tls: ssl.SSLContext | None = None
) -> AsyncIterator[NastyPeer]:
    """A running peer, on the trust list with this kind (None: not on it). Cities learn of it by `space.reload`.

    `tls` is what it serves with instead of the certificate that everybody trusts.
    """
    async with nasty_peers(space, [slug], kind, tls) as peers:
        yield peers[slug]


@asynccontextmanager
async def nasty_peers(
    space: Space, slugs: Iterable[str], kind: str | None = MUNICIPALITY, tls: ssl.SSLContext | None = None
) -> AsyncIterator[dict[str, NastyPeer]]:
    """Many of them behind one port, by their slugs: each a member of its own."""
    certs: Path = space.folder / "certs"
    trusted = ssl.create_default_context(cafile=str(certs / "dev-ca.pem"))
    app, peers = web.Application(), dict[str, NastyPeer]()

    async def serving(request: web.Request) -> web.StreamResponse:
        found = peers.get(request.path.split("/")[1])
        return web.Response(status=404) if found is None else await found.serve(request)

    app.router.add_route("*", "/{tail:.*}", serving)
    own = tls or tls_server(certs / "server.pem", certs / "server.key")
    runner = await serve(app, host="127.0.0.1", port=0, tls=own, stop_s=0.1)
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusted, limit=0)) as client:
            peers |= {slug: NastyPeer(space, slug, port_of(runner), client, trusted) for slug in slugs}
            if kind is not None:
                await enlist(space, peers.values(), kind)
            yield peers
    finally:
        await runner.cleanup()


async def enlist(space: Space, peers: Iterable[NastyPeer], kind: str = MUNICIPALITY, **changes: Any) -> None:
    """Puts them on the trust list; `changes` are members of their entries, such as `state`."""
    names = [peer.did for peer in peers]

    def entries(valid_from: str) -> list[Entry]:
        made = [
            entry(did=did, name="Nasty", operator="Nasty", kind=kind, valid_from=valid_from, keys=()) for did in names
        ]
        return [msgspec.structs.replace(one, **changes) for one in made]

    place = DevelopmentSpace(space.folder / "certs", space.clock)
    await asyncio.to_thread(place.enlist, entries)
