"""A data space on loopback for tests: a development authority, any number of running processes and participants.

Everything is real (TLS, tokens, seals, SQLite or PostgreSQL); only the processes share an event loop, so a test sees
both sides. `City.services` is everything behind them, `City.api` is the management surface over its Unix socket.
"""

import asyncio
import io
import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp

from connector.app import process
from connector.app.services import Services
from connector.cli.operate import dev
from connector.foundation.clock import Clock, FakeClock, SystemClock
from connector.foundation.settings.load import Settings, load
from connector.foundation.storage import folder_identity, migrate, upgrade
from connector.kernel.protocol.process import RESTS
from connector.surfaces.api.wait import LONGEST_S
from tests.testkit.listening import reserved_port
from tests.testkit.patience import PATIENCE_S

MUNICIPALITY = "https://w3id.org/hanse/v1#municipality"
COMPANY = "https://w3id.org/hanse/v1#company"
PURPOSE = "https://w3id.org/hanse/v1#publicAdministration"
_HOUR_MS = 3_600_000
_SETTINGS = """\
[trust]
ca_files = ["{space}/certs/dev-ca.pem"]
seal_ca_files = ["{space}/trust/roots.pem"]
authority_key_file = "{space}/trust/roots.pem"
list_file = "{space}/trust/list.jws"
list_reload_s = 1.0

[peer]
tls_cert_file = "{space}/certs/server.pem"
tls_key_file = "{space}/certs/server.key"

[outbound]
allow = ["127.0.0.0/8", "::1/128"]

[development]
folder = "{space}/certs"

[log]
level = "error"
"""


class Refused(Exception):
    """The management surface said no: status and problem."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(status, problem)
        self.status, self.problem = status, problem


class ManagementApi:
    """JSON over the Unix socket of one process."""

    def __init__(self, socket: Path) -> None:
        # Shorter than the 5 s after which the server closes idle connections.
        self._connector = aiohttp.UnixConnector(str(socket), keepalive_timeout=4.0)
        self._session = aiohttp.ClientSession("http://localhost", connector=self._connector)

    async def get(self, path: str, **query: str) -> Any:
        async with self._session.get(path, params=query) as answer:
            return await _value(answer)

    async def post(self, path: str, body: object = None, data: bytes | None = None) -> Any:
        sent: dict[str, Any] = {"json": body if body is not None else {}}
        if data is not None:
            sent = {"data": io.BytesIO(data)}
        async with self._session.post(path, **sent) as answer:
            return await _value(answer)

    async def close(self) -> None:
        await self._session.close()


async def _value(answer: aiohttp.ClientResponse) -> Any:
    if answer.status >= 400:
        raise Refused(answer.status, await answer.json(content_type=None))
    if answer.content_type != "application/json":
        return await answer.read()
    return await answer.json()


class City:
    """One running process."""

    def __init__(self, settings: Settings, services: Services, api: ManagementApi) -> None:
        self.settings, self.services, self.api = settings, services, api

    def did(self, slug: str) -> str:
        return self.services.participants.held(slug).participant.did

    def root(self, slug: str) -> str:
        return self.services.participants.held(slug).participant.root

    async def stop_jobs(self) -> None:
        """Its jobs have no further round, so that none runs beside those that a test makes itself."""
        await self.services.schedule.jobs.stop()
        for aside in self.services.schedule.rounds:
            await aside.stop()

    async def publish(
        self, slug: str, content: bytes = b"a;b\n1;2\n", name: str = "baeume.csv", **wish: Any
    ) -> dict[str, Any]:
        """Publishes bytes under template 3 unless `wish` says otherwise."""
        source = await self.api.post(f"/api/v1/participants/{slug}/files?name={name}", data=content)
        body = {"title": "Bäume", "rule": "municipal-purpose", "slots": {"until": "31.12.2099"}, **wish}
        made: dict[str, Any] = await self.api.post(
            f"/api/v1/participants/{slug}/datasets", {"source": source["source"], **body}
        )
        return made

    async def negotiate(
        self, slug: str, provider: str, dataset: str, wait: float = PATIENCE_S, **wish: Any
    ) -> dict[str, Any]:
        """Asks for a dataset and waits for the end; `provider` is a DID."""
        body = {"provider": provider, "dataset": dataset, "purpose": PURPOSE, **wish}
        return await self._begun(f"/api/v1/participants/{slug}/negotiations", body, wait)

    async def fetch(self, slug: str, agreement: str, wait: float = PATIENCE_S) -> dict[str, Any]:
        """Transfers the data of an agreement and waits for the end."""
        return await self._begun(f"/api/v1/participants/{slug}/transfers", {"agreement": agreement}, wait)

    async def _begun(self, path: str, body: object, wait: float) -> dict[str, Any]:
        started = await self.api.post(path, body)
        return await self.rested(f"{path}/{started['id']}", wait)

    async def rested(self, path: str, wait: float = PATIENCE_S) -> dict[str, Any]:
        """The process behind that path once it rests, or after so many seconds: the server waits a minute at most."""
        loop = asyncio.get_running_loop()
        end = loop.time() + wait
        while True:
            left = max(0.0, end - loop.time())
            found: dict[str, Any] = await self.api.get(path, wait=str(min(left, LONGEST_S)))
            if found["state"] in RESTS or loop.time() >= end:
                return found


class Space:
    """The data space: its folder, and the processes that were started in it."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder, self.clock = folder, clock
        self._stack = AsyncExitStack()

    @property
    def roots(self) -> bytes:
        """What an auditor is given."""
        return (self.folder / "trust" / "roots.pem").read_bytes()

    async def city(self, name: str, participants: Mapping[str, str], environ: Mapping[str, str] | None = None) -> City:
        """Starts a process with these participants (slug -> kind IRI); it ends with the space."""
        return await self._stack.enter_async_context(self.running(name, participants, environ))

    @asynccontextmanager
    async def running(
        self, name: str, participants: Mapping[str, str], environ: Mapping[str, str] | None = None
    ) -> AsyncIterator[City]:
        """A process for as long as the context lasts; started again under the same name it is the same city."""
        settings = load(self.prepared(name), environ or {})
        if not (settings.database.url or settings.database.url_file):
            await asyncio.to_thread(migrated_before, settings.folder / "hanse.db")
        async with process.running(settings, clock=self.clock) as services:
            api = ManagementApi(settings.api.socket)
            try:
                known = {one.participant.id for one in await services.participants.all()}
                for slug, kind in participants.items():
                    if slug not in known:
                        await api.post("/api/v1/participants", {"slug": slug, "name": slug.title(), "kind": kind})
                yield City(settings, services, api)
            finally:
                await api.close()

    def prepared(self, name: str) -> Path:
        """The data folder of a city with its settings file, and the ports that are its own as long as the space is."""
        folder = self.folder.parent / name
        folder.mkdir(exist_ok=True)
        for file in ("port", "web-port"):
            if not (folder / file).exists():
                (folder / file).write_text(f"{self._stack.enter_context(reserved_port())}\n", encoding="ascii")
        (folder / "hanse.toml").write_text(_SETTINGS.format(space=self.folder), encoding="utf-8")
        return folder

    async def reload(self, *cities: City) -> None:
        """Makes these cities look at the trust list now."""
        await asyncio.gather(*(city.api.post("/api/v1/trust/reload") for city in cities))

    async def close(self) -> None:
        await self._stack.aclose()


def migrated_before(database: Path) -> None:
    """An empty database with this release's schema and an id of its own, as its first start would have made it."""
    if database.exists() or database.with_name(folder_identity.FILE).exists():
        return
    database.touch(0o600)
    content, identity = _migrated()
    database.write_bytes(content.replace(identity, secrets.token_hex(16).encode()))


def migrated_bytes() -> bytes:
    """The file of an empty database with this release's schema."""
    return _migrated()[0]


@cache
def _migrated() -> tuple[bytes, bytes]:
    """That file, and the id that stands in it."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite://{folder}/hanse.db"
        upgrade(url)
        content, identity = (Path(folder) / "hanse.db").read_bytes(), migrate.identity(url)
    assert identity is not None
    assert content.count(identity.encode()) == 1
    return content, identity.encode()


@asynccontextmanager
async def data_space(folder: Path, clock: Clock | None = None, *, alike: bool = False) -> AsyncIterator[Space]:
    """A fresh data space below `folder` (short paths, please: Unix sockets are limited to 100 bytes).

    `alike`: its CAs and its authority may be those of other spaces of this process, which are made once an hour.
    """
    clock = clock or SystemClock()
    place = folder / "space"
    if alike:
        await asyncio.to_thread(_copied, place, clock.now() // _HOUR_MS)
    else:
        await asyncio.to_thread(dev.prepare, place, {}, clock)
    space = Space(place, clock)
    try:
        yield space
    finally:
        await space.close()


def _copied(place: Path, hour: int) -> None:
    place.mkdir(mode=0o700)
    for name, mode, content in _prepared(hour):
        if content is None:
            (place / name).mkdir(mode)
        else:
            (place / name).write_bytes(content)
            (place / name).chmod(mode)


@cache
def _prepared(hour: int) -> Sequence[tuple[Path, int, bytes | None]]:
    """Folders and files of a space, with their modes."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "space")
        dev.prepare(place, {}, FakeClock(hour * _HOUR_MS))
        return [
            (path.relative_to(place), path.stat().st_mode & 0o777, None if path.is_dir() else path.read_bytes())
            for path in sorted(place.rglob("*"))
        ]
