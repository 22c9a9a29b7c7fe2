"""Lifetimes: settings in, a running process out; what was opened or started last ends first.

What it is made of is in `app/services.py`, what it answers in `app/surfaces.py`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from aiohttp import web

from connector.app import plugins
from connector.app.ports import PRODUCTION, Ports
from connector.app.services import Services, build
from connector.app.surfaces import operation, peer_port
from connector.foundation import telemetry
from connector.foundation.clock import Clock, SystemClock
from connector.foundation.http import server
from connector.foundation.http.late import LateApplication, Make
from connector.foundation.http.latency import measure
from connector.foundation.settings import load as conf
from connector.foundation.settings.load import Settings
from connector.foundation.settings.own_texts import own_texts
from connector.foundation.storage import folder_identity, migrate, sqlite_path, upgrade
from connector.foundation.storage.database import PROCESS
from connector.foundation.storage.sqlite import integrity
from connector.identity.trust.did import pins
from connector.surfaces.api import routes as api_routes
from connector.surfaces.api.operation import PROBES, OperationHandlers

log = structlog.get_logger("app")

ROLES = frozenset({"peer", "api", "web", "worker", "dataplane"})


@asynccontextmanager
async def running(
    settings: Settings, roles: frozenset[str] = ROLES, clock: Clock | None = None, ports: Ports = PRODUCTION
) -> AsyncIterator[Services]:
    """The process as long as the context lasts; leaving it finishes or hands back what was begun.

    Only test entry points give `ports` of their own; no setting can.
    """
    telemetry.configure(settings.log.level, settings.log.format)
    loaded = plugins.load(settings.plugins.allow)
    await asyncio.to_thread(_prepare, settings)
    services = build(settings, clock or SystemClock(), plugins.extension(loaded), ports)
    infra, trust = services.infra, services.trust
    async with AsyncExitStack() as stack:
        await infra.db.start()
        stack.push_async_callback(infra.db.close)
        await folder_identity.settle(infra.db, settings.folder)
        stack.push_async_callback(infra.http.close)
        stack.push_async_callback(services.evidence.stop)
        await services.schedule.watch.start()
        await services.participants.load()
        trust.resolver.recall(await infra.db.read(PROCESS, pins.load))
        stack.push_async_callback(trust.listing.stop)
        await trust.listing.start()
        await services.operation.enrolment.catch_up()
        _observe(services)
        await _serve(services, roles, ports, stack)
        yield services
        services.schedule.readiness.stop()


async def _serve(services: Services, roles: frozenset[str], ports: Ports, stack: AsyncExitStack) -> None:
    if "worker" in roles:
        await _work(services, stack)
    if "dataplane" in roles:
        monitoring = asyncio.create_task(services.plane.streams.run(services.infra.db), name="streams")
        stack.push_async_callback(_cancelled, monitoring)
    if roles & {"peer", "dataplane"}:
        await _public(services, ports, stack)
    if "web" in roles:
        await _desk(services, stack)
    if "api" in roles:
        await _management(services, stack)


async def _work(services: Services, stack: AsyncExitStack) -> None:
    schedule = services.schedule
    await schedule.worker.start()
    stack.push_async_callback(schedule.worker.stop, services.infra.settings.worker.stop_s)
    for one in schedule.rounds:
        stack.push_async_callback(one.stop)
    schedule.jobs.start()
    stack.push_async_callback(schedule.jobs.stop)


async def _public(services: Services, ports: Ports, stack: AsyncExitStack) -> None:
    settings = services.infra.settings
    stack.push_async_callback(services.seen.hand_over)
    runner = await server.serve(
        peer_port(services),
        host=settings.peer.host,
        port=conf.peer_port(settings),
        tls=ports.tls(settings),
        reuse_port=settings.peer.reuse_port,
    )
    stack.push_async_callback(runner.cleanup)
    stack.callback(services.plane.streams.stop)


async def _desk(services: Services, stack: AsyncExitStack) -> None:
    settings = services.infra.settings
    certificate, key = settings.web.tls_cert_file, settings.web.tls_key_file
    own_texts(settings.web)  # who mistyped the name of a file learns of it at the start

    def load() -> Make:
        from connector.app import desk
        from connector.surfaces.web import assets

        assets.load()
        return lambda: measure(desk.application(services), services.infra.metrics, "web")

    late = LateApplication(load)
    stack.push_async_callback(late.cleanup)
    runner = await server.serve(
        late,
        host=settings.web.host,
        port=conf.web_port(settings),
        tls=server.tls_server(certificate, key) if certificate and key else None,
        reuse_port=settings.peer.reuse_port,
    )
    stack.push_async_callback(runner.cleanup)


async def _management(services: Services, stack: AsyncExitStack) -> None:
    api, probes = services.infra.settings.api, operation(services)
    socket = await server.serve_unix(_late(services, probes, None, stack), api.socket)
    stack.push_async_callback(socket.cleanup)
    if api.port:
        guarded = _late(services, probes, services.accounts.tokens, stack)
        loopback = await server.serve(guarded, host="127.0.0.1", port=api.port, tls=None)
        stack.push_async_callback(loopback.cleanup)
    probes.started = True


def _late(
    services: Services, probes: OperationHandlers, keys: api_routes.Keys | None, stack: AsyncExitStack
) -> LateApplication:
    """The management surface, of which only the probes are there before somebody asks for more."""

    def made(handlers: Iterable[api_routes.Handlers]) -> web.Application:
        return measure(api_routes.application(handlers, keys), services.infra.metrics, "api")

    def load() -> Make:
        from connector.app import management

        return lambda: made(management.handlers(services, probes))

    late = LateApplication(load, made([probes]), PROBES)
    stack.push_async_callback(late.cleanup)
    return late


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _observe(services: Services) -> None:
    services.operation.monitoring.start()
    metrics, worker, anchor = services.infra.metrics, services.schedule.worker, services.trust.anchor
    metrics.gauge("hanse_outbox_running", "Outbox rows being handled now.", worker.running)
    metrics.gauge("hanse_streams_open", "Data answers open now.", services.plane.streams.count)
    metrics.gauge("hanse_trust_list_version", "Version of the trust list in force.", lambda: anchor.version)
    metrics.gauge("hanse_worker_alive", "1 while the worker comes round.", lambda: float(worker.alive()))


def _prepare(settings: Settings) -> None:
    """Folders and schema, before anything is opened; a database that the folder does not belong to is not migrated."""
    for folder in (settings.folder, settings.data.files, settings.data.received):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder_identity.whole(settings.folder)
    url = conf.database_url(settings)
    if url.startswith("sqlite:") and not integrity.check(sqlite_path(url), settings.database.check_s):
        log.warning("storage.check", seconds=settings.database.check_s, why="not finished")
    owner = url if url.startswith("sqlite:") else settings.database.owner_url.reveal()
    if owner:
        noted = folder_identity.owner(settings.folder)
        if noted is not None:
            folder_identity.checked(settings.folder, noted, migrate.identity(owner))
        upgrade(owner)
