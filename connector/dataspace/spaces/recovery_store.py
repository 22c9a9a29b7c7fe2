"""SQL of a space whose authority lost lists that it had signed: what was found of them, and that nothing goes on before
that is settled (spec/spaces.md 4.8)."""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from connector.dataspace.spaces.rows import insert, struct, text
from connector.foundation.errors import Unavailable
from connector.foundation.storage.database import Conflict, Dialect, Tx

State = Literal["asking", "found", "settled"]
Reason = Literal["restored", "log", "list"]
_SETTLED: Final = "settled"
_TABLE: Final[Mapping[Dialect, str]] = {
    "sqlite": "SELECT 1 AS found FROM sqlite_master WHERE type = 'table' AND name = 'space_recovery'",
    "postgres": "SELECT 1 AS found FROM pg_tables WHERE schemaname = current_schema AND tablename = 'space_recovery'",
}


class Asked(Struct, frozen=True, kw_only=True):
    """Whom the authority has asked: how many answered, and who (DIDs) did not."""

    answered: int = 0
    away: tuple[str, ...] = ()
    at: int = 0


class Recovery(Struct, frozen=True, kw_only=True):
    """One row of `space_recovery`. `reason`: a restore by command, a log found behind what was signed, or a newer list.

    `own` is the newest version that the database had, `found` the newest that somebody showed (0: none), `jws` that
    list. The next version is `floor` at least.
    """

    participant: str
    state: State
    reason: Reason
    began_at: int
    own: int
    found: int = 0
    jws: str = ""
    asked: Asked = Asked()
    floor: int = 0
    settled_at: int | None = None
    version: int = 0

    @property
    def open(self) -> bool:
        """Whether the list stands still."""
        return self.state != _SETTLED


def recovery(tx: Tx, participant: str) -> Recovery | None:
    row = tx.one("SELECT * FROM space_recovery WHERE participant = :participant", participant=participant)
    return None if row is None else struct(row, Recovery, asked=msgspec.json.decode(row["asked"], type=Asked))


def opened(before: Recovery | None, participant: str, reason: Reason, own: int, now: int) -> Recovery:
    """A new one, behind what was settled before."""
    fresh = Recovery(participant=participant, state="asking", reason=reason, began_at=now, own=own)
    if before is None:
        return fresh
    return replace(fresh, floor=before.floor, settled_at=before.settled_at, version=before.version)


def put(tx: Tx, one: Recovery) -> Recovery:
    """A new one, or the one that was read before (compare and set)."""
    values = {**msgspec.structs.asdict(one), "asked": text(one.asked), "version": one.version + 1}
    if not one.version:
        insert(tx, "space_recovery", values)
        return replace(one, version=1)
    saved = tx.run(
        "UPDATE space_recovery SET state = :state, reason = :reason, began_at = :began_at, own = :own, found = :found,"
        " jws = :jws, asked = :asked, floor = :floor, settled_at = :settled_at, version = :version"
        " WHERE participant = :participant AND version = :version - 1",
        **values,
    )
    if not saved:
        raise Conflict("space_recovery")
    return replace(one, version=one.version + 1)


def put_back(tx: Tx) -> None:
    """Of every space in a database that comes from a backup: lists may be out that are not in it (a unit that sees all
    participants). A backup of a release before this table says nothing."""
    if tx.one(_TABLE[tx.dialect]) is None:
        return
    tx.run(
        "INSERT INTO space_recovery (participant, state, reason, began_at, own, found, jws, asked, floor, version)"
        " SELECT participant, 'asking', 'restored', :now, COALESCE((SELECT max(version) FROM space_version AS made"
        " WHERE made.participant = space.participant AND jws <> ''), 0), 0, '', '{}', 0, 1 FROM space WHERE true"
        " ON CONFLICT (participant) DO UPDATE SET state = 'asking', reason = 'restored', began_at = excluded.began_at,"
        " own = excluded.own, found = 0, jws = '', asked = '{}', version = space_recovery.version + 1",
        now=tx.now,
    )


def unsettled(tx: Tx, participant: str) -> bool:
    """Whether lists may be out that the database does not know."""
    return open_since(tx, participant) is not None


def open_since(tx: Tx, participant: str) -> int | None:
    """Since when (ms) lists stand still, without the list that was found; None: they do not."""
    row = tx.one(
        "SELECT began_at FROM space_recovery WHERE participant = :participant AND state <> 'settled'",
        participant=participant,
    )
    return None if row is None else int(row["began_at"])


def require_settled(tx: Tx, participant: str) -> None:
    """Raises Unavailable while nobody knows what the newest list said."""
    if unsettled(tx, participant):
        raise Unavailable("spaces.restored")


def floor(tx: Tx, participant: str) -> int:
    """The lowest number that the next version may have."""
    row = tx.one("SELECT floor FROM space_recovery WHERE participant = :participant", participant=participant)
    return 0 if row is None else int(row["floor"])


def log_restored_at(tx: Tx, participant: str) -> int:
    """When the log of the authority was last found behind what was signed (ms); 0: never. A move is none."""
    row = tx.one(
        "SELECT max(at) AS at FROM log_epoch WHERE participant = :participant AND former_root IS NULL",
        participant=participant,
    )
    return 0 if row is None or row["at"] is None else int(row["at"])
