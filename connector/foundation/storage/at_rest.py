"""Nothing is written for a participant that is at rest: one that is being moved, has moved, or has not arrived yet.

Every unit names its participant, so the database port itself refuses it, on every replica and whatever asked for it: no
door, job or message can be forgotten. Only the units of the move itself, and those that seal its log, are let through
(spec/moving.md 1.2, decision 0102).
"""

from typing import Final, TypeVar

from connector.foundation.errors import Unavailable
from connector.foundation.storage.database import PROCESS, WORKER, Row, Tx, code_of
from connector.foundation.storage.seldom import once

F = TypeVar("F")

STATES: Final = ("moving", "moved", "arriving")
RETRY_S: Final = 60
COLUMNS: Final = "id, did, name, state, closing_reason, closed_at, deleted_at"
"""What is read of a participant to see how far it is: by the port before a unit, and by whoever asks in it."""

TURN: Final = "hashtextextended({id}, 0)"
"""PostgreSQL lets whoever shares a row pass those that wait to be alone with it, for ever if more and more come. So
both queue up at a lock of PostgreSQL's own first, where they have their turn as they come."""
SHARED: Final = (
    f"WITH turn AS MATERIALIZED (SELECT pg_advisory_xact_lock_shared({TURN}))"  # noqa: S608 constants
    f" SELECT {COLUMNS} FROM participant, turn WHERE id = {{id}} FOR KEY SHARE OF participant"
)
"""On PostgreSQL: the same, and the participant cannot begin to leave before the unit ends."""

_let_through: set[object] = set()
_holding: set[object] = set()


class AtRest(Unavailable):
    """503: the participant is at rest now, and whoever asks may come again after `retry_s` seconds."""

    retry_s = RETRY_S


def at_rest(fn: F) -> F:
    """Marks a unit that may write although the participant is at rest: it checks the state that it needs itself."""
    _let_through.add(getattr(fn, "__code__", fn))
    return fn


def holds_open(fn: F) -> F:
    """Marks a unit before whose end its participant must not begin to leave: PostgreSQL asks for that with BEGIN
    (`Tx.standing`), where SQLite has the only write lock. Whoever needs it in the unit asks all the same."""
    _holding.add(getattr(fn, "__code__", fn))
    return fn


def holding(fn: object) -> bool:
    """Whether a unit is marked so."""
    return code_of(fn) in _holding


def guarded(scope: str, fn: object) -> bool:
    """Whether a unit of this scope has to be asked for: those of the process and of the worker name nobody."""
    return scope not in (PROCESS, WORKER) and code_of(fn) not in _let_through


def require_awake(tx: Tx) -> None:
    """Raises AtRest; inside the transaction, before the unit, which need not read the same once more (`Tx.standing`).

    For SQLite, where nobody else writes until the transaction ends.
    """
    row = once(tx, _standing, tx.scope)
    refuse(None if row is None else str(row["state"]))
    tx.standing = row


def _standing(tx: Tx, participant: str) -> Row | None:
    return tx.one(f"SELECT {COLUMNS} FROM participant WHERE id = :id", id=participant)  # noqa: S608 constants


def refuse(state: str | None) -> None:
    """Raises AtRest for a state in which nothing is written; None: there is no such participant."""
    if state in STATES:
        raise AtRest("moving.at-rest")
