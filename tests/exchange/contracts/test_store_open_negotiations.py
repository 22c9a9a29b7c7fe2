"""The quota of threat T36 costs the same however many negotiations of a peer lie behind us."""

import re

import pytest

from connector.exchange.contracts.store import begun
from connector.exchange.transfer.store import open_processes
from connector.foundation.storage.database import Database, Tx
from connector.kernel.protocol.process import Role

PEER = "did:web:peer.example"


class _Noting:
    """A transaction that keeps the statement it was asked to run."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.sql = ""

    def one(self, sql: str, **values: object) -> object:
        self.sql = sql
        return self._tx.one(sql, **values)


def open_cases(tx: Tx, participant: str, counterparty: str) -> int:
    return begun(tx, participant, Role.PROVIDER, counterparty, "urn:uuid:theirs").unsettled


def _plan(tx: Tx, count) -> str:
    noting = _Noting(tx)
    assert count(noting, "musterstadt", PEER) == 0
    names = {"participant": "musterstadt", "counterparty": PEER, "peer_pid": "", "role": "provider", "proposed": 0}
    rows = tx.all(f"EXPLAIN QUERY PLAN {noting.sql}", **names)
    return " ".join(str(row["detail"]) for row in rows)


@pytest.mark.parametrize(("count", "table"), [(open_cases, "negotiation"), (open_processes, "transfer")])
async def test_only_open_ones_are_read(sqlite_db: Database, count, table: str) -> None:
    """The index holds open ones alone; nothing of what has ended is read."""
    plan = await sqlite_db.read("musterstadt", _plan, count)
    assert re.search(rf"{table}_open \(participant=\? AND counterparty=\?\)", plan), plan
