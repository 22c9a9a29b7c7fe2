"""SQL of mandates: given once, then ended once; nothing of what was sealed is ever changed."""

from collections.abc import Sequence

import msgspec

from connector.exchange.mandates.model import MandateRow, MandateState
from connector.foundation.storage.database import Row, Tx, for_update


def insert(tx: Tx, row: MandateRow) -> None:
    """The one before it is replaced."""
    tx.run(
        "UPDATE mandate SET state = 'replaced', ended_at = :now"
        " WHERE participant = :participant AND state = 'in-force'",
        participant=row.participant,
        now=tx.now,
    )
    tx.run(
        "INSERT INTO mandate (participant, sha256, agent, name, statement, seal, state, given_at, until, ended_at,"
        " withdrawal, withdrawal_seal) VALUES (:participant, :sha256, :agent, :name, :statement, :seal, :state,"
        " :given_at, :until, :ended_at, :withdrawal, :withdrawal_seal)",
        **msgspec.structs.asdict(row),
    )


def all_mandates(tx: Tx, participant: str) -> Sequence[MandateRow]:
    """The newest hundred, the newest first."""
    rows = tx.all(
        "SELECT * FROM mandate WHERE participant = :participant ORDER BY given_at DESC, sha256 LIMIT 100",
        participant=participant,
    )
    return [_mandate(row) for row in rows]


def newest(tx: Tx, participant: str, *, lock: bool = False) -> MandateRow | None:
    """The one in force; else the one that ended last. By whose clock they were given does not matter."""
    end = for_update(tx) if lock else ""
    row = tx.one(
        "SELECT * FROM mandate WHERE participant = :participant ORDER BY"  # noqa: S608 constants
        f" CASE state WHEN 'in-force' THEN 0 WHEN 'replaced' THEN 2 ELSE 1 END, ended_at DESC, sha256 LIMIT 1{end}",
        participant=participant,
    )
    return None if row is None else _mandate(row)


def one(tx: Tx, participant: str, sha256: str) -> MandateRow | None:
    row = tx.one(
        "SELECT * FROM mandate WHERE participant = :participant AND sha256 = :sha256",
        participant=participant,
        sha256=sha256,
    )
    return None if row is None else _mandate(row)


def end(tx: Tx, row: MandateRow, state: MandateState, withdrawal: str) -> None:
    tx.run(
        "UPDATE mandate SET state = :state, ended_at = :now, withdrawal = :withdrawal"
        " WHERE participant = :participant AND sha256 = :sha256",
        participant=row.participant,
        sha256=row.sha256,
        state=state,
        withdrawal=withdrawal,
        now=tx.now,
    )


def sealed(tx: Tx, row: MandateRow, seal: str) -> None:
    """The withdrawal has its seal; the first one stays."""
    tx.run(
        "UPDATE mandate SET withdrawal_seal = :seal"
        " WHERE participant = :participant AND sha256 = :sha256 AND withdrawal_seal = ''",
        participant=row.participant,
        sha256=row.sha256,
        seal=seal,
    )


def _mandate(row: Row) -> MandateRow:
    return msgspec.convert(dict(row), MandateRow)
