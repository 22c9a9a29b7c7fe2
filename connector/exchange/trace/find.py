"""Which process an operator means: our pid or the peer's, or an agreement's id, with or without `urn:uuid:`.

Reads the tables of the slices by key only; what a process is, its own service says.
"""

from typing import Literal

import msgspec

from connector.foundation.storage.database import Row, Tx

Noun = Literal["negotiation", "transfer"]
MOST = 50


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A process of ours, as much of it as tells it from others."""

    noun: Noun
    id: str
    role: str
    counterparty: str
    state: str


def processes(tx: Tx, participant: str, pid: str) -> list[Found]:
    """Ours by that id; else all that peers call so, for their pids are their own affair; else those of an agreement."""
    names = [pid] if ":" in pid else [pid, f"urn:uuid:{pid}"]
    for column in ("id", "peer_pid"):
        found = [one for name in names for one in _by(tx, participant, column, name)]
        if found:
            return found
    return [one for name in names for one in _negotiation_of(tx, participant, name)]


def under(tx: Tx, participant: str, agreement: str) -> list[Found]:
    """The negotiation that led to an agreement, and the transfers under it."""
    return [*_negotiation_of(tx, participant, agreement), *_transfers_of(tx, participant, agreement)]


def _by(tx: Tx, participant: str, column: Literal["id", "peer_pid"] | str, value: str) -> list[Found]:
    nouns: tuple[Noun, ...] = ("negotiation", "transfer")
    found = []
    for noun in nouns:
        rows = tx.all(
            f"SELECT id, role, counterparty, state FROM {noun} WHERE participant = :participant"  # noqa: S608 constants
            f" AND {column} = :value ORDER BY created_at + 0, id LIMIT {MOST}",
            participant=participant,
            value=value,
        )
        found += [_found(noun, row) for row in rows]
    return found


def _negotiation_of(tx: Tx, participant: str, agreement: str) -> list[Found]:
    rows = tx.all(
        "SELECT n.id, n.role, n.counterparty, n.state FROM agreement a JOIN negotiation n"
        " ON n.participant = a.participant AND n.id = a.negotiation"
        " WHERE a.participant = :participant AND a.id = :agreement",
        participant=participant,
        agreement=agreement,
    )
    return [_found("negotiation", row) for row in rows]


def _transfers_of(tx: Tx, participant: str, agreement: str) -> list[Found]:
    rows = tx.all(
        "SELECT id, role, counterparty, state FROM transfer WHERE participant = :participant"  # noqa: S608 constants
        f" AND agreement = :agreement ORDER BY created_at DESC, id LIMIT {MOST}",
        participant=participant,
        agreement=agreement,
    )
    return [_found("transfer", row) for row in rows]


def _found(noun: Noun, row: Row) -> Found:
    return Found(noun=noun, id=row["id"], role=row["role"], counterparty=row["counterparty"], state=row["state"])
