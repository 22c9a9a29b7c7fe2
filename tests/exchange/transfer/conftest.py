"""Towns whose clock is moved by hand, and agreements that say what a test wants them to say."""

import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from connector.data.dataplane import flows
from connector.data.dataplane.gate import Access, Decision
from connector.exchange.contracts.model import Agreement
from connector.exchange.transfer.model import TransferRow
from connector.foundation.clock import FakeClock
from connector.foundation.storage import open_database
from connector.foundation.storage.database import Database, Tx
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"
USE = {"action": "use"}


@pytest.fixture
async def timed(migrated: Path, tmp_path: Path) -> AsyncIterator[Towns]:
    """Both towns on SQLite, at the time that `towns.clock` says."""
    clock = FakeClock()
    database = open_database(f"sqlite://{shutil.copy(migrated, tmp_path / 'hanse.db')}", clock=clock)
    await database.start()
    towns = Towns(database, tmp_path, clock)
    await towns.add(PROVIDER, CONSUMER)
    yield towns
    await database.close()


@pytest.fixture
async def replicas(cluster, tmp_path: Path) -> AsyncIterator[tuple[Towns, Database]]:
    """The towns, and a second process on the same PostgreSQL database."""
    with cluster.database() as urls:
        first, second = (open_database(urls.app, worker_url=urls.worker) for _ in range(2))
        await first.start()
        await second.start()
        towns = Towns(first, tmp_path)
        await towns.add(PROVIDER, CONSUMER)
        yield towns, second
        await second.close()
        await first.close()


Made = Callable[..., Awaitable[Agreement]]


@pytest.fixture
def agreed() -> Made:
    """An agreement between the towns whose document has these members instead, on both sides."""

    async def made(towns: Towns, **members: Any) -> Agreement:
        agreement = await towns.concluded(CONSUMER, PROVIDER)
        plain = json.loads(agreement.document)
        plain.pop("obligation", None)
        plain.pop("prohibition", None)
        document = json.dumps({**plain, "permission": [USE], **members}, sort_keys=True).encode()
        expires_at = towns.engine.expires_at(json.loads(document), towns.engine.signed_at(plain))

        def amend(tx: Tx, slug: str) -> None:
            tx.run(
                "UPDATE agreement SET document = :document, expires_at = :expires_at"
                " WHERE participant = :participant AND id = :id",
                participant=slug,
                id=agreement.id,
                document=document,
                expires_at=expires_at,
            )

        for slug in (PROVIDER, CONSUMER):
            await towns.db.write(slug, amend, slug)
        return replace(agreement, document=document, expires_at=expires_at)

    return made


Started = Callable[[Towns, Agreement], Awaitable[tuple[TransferRow, TransferRow]]]


@pytest.fixture
def started() -> Started:
    """(consumer's, provider's) transfer under an agreement once the provider's START has arrived."""

    async def begin(towns: Towns, agreement: Agreement) -> tuple[TransferRow, TransferRow]:
        asked = await towns.fetch(CONSUMER, PROVIDER, agreement)
        await towns.run()
        mine = await towns.process(CONSUMER, asked.id)
        return mine, await towns.process(PROVIDER, mine.kernel.peer_pid)

    return begin


Accessed = Callable[..., Awaitable[Decision]]


@pytest.fixture
def accessed() -> Accessed:
    """What the provider's gate hears when the consumer's plane comes, in the process behind `db`."""

    async def access(towns: Towns, process: TransferRow, db: Database | None = None, *, head: bool = False) -> Decision:
        slug = process.participant

        def mark(tx: Tx) -> bool:
            return not head and flows.mark(tx, slug, process.id)

        def unmark(tx: Tx) -> None:
            flows.unmark(tx, slug, process.id)

        asked = Access(
            counterparty=towns.did(CONSUMER), agreement=process.agreement, first=not head, mark=mark, unmark=unmark
        )
        return await (db or towns.db).write(slug, towns.access.entitled, slug, process.id, asked)

    return access
