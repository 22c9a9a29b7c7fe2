"""Two sealers on one PostgreSQL database: whatever they sign, for one size it is one root (spec/records.md 2.3)."""

import asyncio
from collections.abc import AsyncIterator
from types import ModuleType

import pytest

from connector.foundation.errors import Unavailable
from connector.foundation.storage import Database, Tx, open_database
from connector.identity.audit import merkle, sealer, store
from connector.verify.formats import checkpoint
from tests.verify.forge import PROVIDER, LogKey, root_of

TOWN = "musterstadt"
ENTRIES, WRITERS = 60, 3


class Watching(LogKey):
    """A log key that remembers what it ever signed."""

    def __init__(self) -> None:
        super().__init__()
        self.signed: list[str] = []

    def sign(self, data: bytes) -> bytes:
        self.signed.append(data.decode())
        return super().sign(data)


@pytest.fixture
async def replicas(cluster: ModuleType) -> AsyncIterator[list[Database]]:
    """Two processes on one database with one participant."""
    with cluster.database() as urls:
        both = [open_database(urls.app, worker_url=urls.worker) for _ in range(2)]
        for one in both:
            await one.start()
        await both[0].write(TOWN, town)
        yield both
        for one in both:
            await one.close()


def town(tx: Tx) -> None:
    tx.run(
        "INSERT INTO participant (id, did, root, host, path, name, kind, operator, state, created_at)"
        " VALUES (:id, :did, :root, 'localhost:18443', '/musterstadt', :id, 'municipality', :id, 'active', :now)",
        id=TOWN,
        did=PROVIDER,
        root=root_of(PROVIDER),
        now=tx.now,
    )


async def test_two_sealers_never_sign_two_roots_for_one_size(replicas: list[Database]) -> None:
    """>> entries from three writers, sealed by both replicas all the time << one tree, whichever signed it."""
    keys, busy = [Watching(), Watching()], True

    async def write(number: int) -> None:
        for at in range(ENTRIES):
            body = {"number": at}
            await replicas[number % 2].write(TOWN, store.append, TOWN, "decision", None, "p-1", body, did=PROVIDER)

    async def sealing(number: int) -> None:
        while busy:
            try:
                await sealer.seal(replicas[number], TOWN, root_of(PROVIDER), [keys[number]])
            except Unavailable:
                await asyncio.sleep(0.01)  # beaten twenty times in a row: it comes again

    sealers = [asyncio.create_task(sealing(number)) for number in range(2)]
    await asyncio.gather(*(write(number) for number in range(WRITERS)))
    busy = False
    await asyncio.gather(*sealers)
    for number in range(2):
        await sealer.seal(replicas[number], TOWN, root_of(PROVIDER), [keys[number]])

    said: dict[str, set[str]] = {}
    for text in keys[0].signed + keys[1].signed:
        _, size, root, _ = text.split("\n")
        said.setdefault(size, set()).add(root)
    assert keys[0].signed
    assert keys[1].signed
    assert all(len(roots) == 1 for roots in said.values())

    rows = await replicas[0].read(
        TOWN, lambda tx: tx.all("SELECT leaf, leaf_index FROM audit_entry ORDER BY leaf_index")
    )
    assert [row["leaf_index"] for row in rows] == list(range(ENTRIES * WRITERS))
    tree = merkle.Tree([merkle.leaf_hash(row["leaf"]) for row in rows])
    stored = await replicas[0].read(TOWN, lambda tx: tx.all("SELECT size, checkpoint FROM audit_seal"))
    for row in stored:
        assert checkpoint.parse(row["checkpoint"]).root == tree.root(row["size"])
