"""Composition root: settings in, a running process out. Plain constructor calls in dependency order.

The only module that imports everything below it; who knows whom is read here and nowhere else.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from connector import telemetry
from connector.api import routes as api_routes
from connector.app import plugins
from connector.app.services import Services
from connector.app.surfaces import management
from connector.clock import Clock, SystemClock
from connector.http import server
from connector.http.latency import measure
from connector.settings import load as conf
from connector.settings.load import Settings
from connector.storage import folder_identity, migrate, sqlite_path, upgrade
from connector.storage.database import PROCESS
from connector.storage.sqlite import integrity
from connector.trust.did import pins

log = structlog.get_logger("app")

ROLES = frozenset({"peer", "api", "worker", "dataplane"})


@asynccontextmanager
async def running(
    settings: Settings, roles: frozenset[str] = ROLES, clock: Clock | None = None,
    build: Callable[[Settings, Clock], Services] | None = None,
) -> AsyncIterator[Services]:  # fmt: skip
    """The process as long as the context lasts; leaving it finishes or hands back what was begun.

    Test entry points `build` a house of their own kind, without plug-ins; no setting can.
    """
    telemetry.configure(settings.log.level, settings.log.format)
    loaded = plugins.load(settings.plugins.allow)
    await asyncio.to_thread(_prepare, settings)
    now = clock or SystemClock()
    services = build(settings, now) if build else Services(settings, now, plugins.extension(loaded))
    async with AsyncExitStack() as stack:
        await services.db.start()
        stack.push_async_callback(services.db.close)
        await folder_identity.settle(services.db, settings.folder)
        stack.push_async_callback(services.http.close)
        stack.push_async_callback(services.certificates.stop)
        await services.watch.start()
        await services.participants.load()
        services.resolver.recall(await services.db.read(PROCESS, pins.load))
        await services.listing.start()
        await services.enrolment.catch_up()
        await _observe(services)
        await _serve(services, roles, stack)
        yield services
        services.readiness.stop()


async def _serve(services: Services, roles: frozenset[str], stack: AsyncExitStack) -> None:
    settings = services.settings
    if "worker" in roles:
        await services.worker.start()
        stack.push_async_callback(services.worker.stop, settings.worker.stop_s)
        if services.timestamps is not None:
            stack.push_async_callback(services.timestamps.stop)
        for task in services.background:
            stack.push_async_callback(task.stop)
        services.jobs.start()
        stack.push_async_callback(services.jobs.stop)
    if "dataplane" in roles:
        monitoring = asyncio.create_task(services.streams.run(services.db), name="streams")
        stack.push_async_callback(_cancelled, monitoring)
    if roles & {"peer", "dataplane"}:
        runner = await server.serve(
            measure(services.application(), services.metrics, "peer"),
            host=settings.peer.host,
            port=conf.peer_port(settings),
            tls=services.tls(),
            reuse_port=settings.peer.reuse_port,
        )
        stack.push_async_callback(runner.cleanup)
        stack.callback(services.streams.stop)
    if "api" in roles:
        handlers, operation = management(services)
        local = measure(api_routes.application(handlers), services.metrics, "api")
        socket = await server.serve_unix(local, settings.api.socket)
        stack.push_async_callback(socket.cleanup)
        if settings.api.port:
            guarded = measure(
                api_routes.application(handlers, token=settings.api.token.reveal()), services.metrics, "api"
            )
            loopback = await server.serve(guarded, host="127.0.0.1", port=settings.api.port, tls=None)
            stack.push_async_callback(loopback.cleanup)
        operation.started = True


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _observe(services: Services) -> None:
    services.monitoring.start()
    services.metrics.gauge("hanse_outbox_running", "Outbox rows being handled now.", services.worker.running)
    services.metrics.gauge("hanse_streams_open", "Data answers open now.", services.streams.count)
    services.metrics.gauge(
        "hanse_trust_list_version", "Version of the trust list in force.", lambda: services.anchor.version
    )
    services.metrics.gauge(
        "hanse_worker_alive", "1 while the worker comes round.", lambda: float(services.worker.alive())
    )


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
