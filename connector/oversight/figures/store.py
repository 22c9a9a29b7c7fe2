"""SQL of what figures are counted from: the newest entries of the log, and what it names by digest."""

from collections.abc import Collection

import msgspec

from connector.foundation.storage.database import Tx
from connector.oversight.figures.model import Event, Log, Written

MOST = 50_000
"""Entries that are looked at; of a longer log the newest, and it is said so."""
MOST_JUDGED = 200
"""Decisions that are made again, the newest."""
_READ = msgspec.json.Decoder(Written)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about a delivery as its case file has it: `record` and `world` are JSON."""

    id: str
    agreement: str
    record: str
    world: str


def log(tx: Tx, participant: str, limit: int = MOST) -> Log:
    """What still has its record, the oldest first. Time, type and agreement are those of the record that was signed."""
    rows = tx.all(
        "SELECT id, leaf_index, record FROM audit_entry WHERE participant = :participant AND record IS NOT NULL"
        " ORDER BY id DESC LIMIT :limit",
        participant=participant,
        limit=limit + 1,
    )
    events = [_event(row["id"], row["leaf_index"], row["record"]) for row in rows[:limit]]
    return Log(events=tuple(reversed(events)), whole=len(rows) <= limit)


def _event(id_: int, index: int | None, record: bytes) -> Event:
    said = _READ.decode(record)
    return Event(
        id=id_,
        index=index,
        type=said.type,
        at=int(said.at.timestamp() * 1000),
        agreement=said.agreement,
        actor=said.actor,
        body=said.body,
    )


def ends(tx: Tx, participant: str) -> dict[str, int]:
    """By the digest of a contract when that runs out by its own text (ms), for those that do."""
    rows = tx.all(
        "SELECT digest, expires_at FROM agreement WHERE participant = :participant AND role = 'provider'"
        " AND expires_at IS NOT NULL",
        participant=participant,
    )
    return {row["digest"]: row["expires_at"] for row in rows}


def cases(tx: Tx, participant: str, limit: int = MOST_JUDGED) -> list[Case]:
    """The newest decisions that are still kept."""
    rows = tx.all(
        "SELECT id, agreement, record, world FROM decision WHERE participant = :participant"
        " ORDER BY at DESC, id DESC LIMIT :limit",
        participant=participant,
        limit=limit,
    )
    return [msgspec.convert(row, Case) for row in rows]


def compared(tx: Tx, participant: str) -> dict[str, int]:
    """How many contracts stand how, by what our log and the partner's say of them."""
    rows = tx.all(
        "SELECT state, count(*) AS n FROM reconciliation WHERE participant = :participant GROUP BY state",
        participant=participant,
    )
    return {row["state"]: int(row["n"]) for row in rows}


def titles(tx: Tx, participant: str, datasets: Collection[str]) -> dict[str, str]:
    """By IRI, of those that are or were ours."""
    if not datasets:
        return {}
    marks = {f"id{number}": one for number, one in enumerate(sorted(datasets))}
    listed = ", ".join(f":{name}" for name in marks)
    rows = tx.all(
        f"SELECT id, title FROM dataset WHERE participant = :participant AND id IN ({listed})",  # noqa: S608 marks
        participant=participant,
        **marks,
    )
    return {row["id"]: row["title"] for row in rows}
