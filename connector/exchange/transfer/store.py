"""SQL of transfer processes and of the use counters of agreements."""

from collections.abc import Collection, Set
from typing import Any

import msgspec

from connector.exchange.transfer.model import TransferRow
from connector.foundation.storage import row_locks
from connector.foundation.storage.database import Conflict, Row, Tx, for_update
from connector.kernel.protocol.process import RESTS
from connector.kernel.protocol.transfer import Transfer, settled, shown

_WHEN = "SELECT created_at, id FROM transfer WHERE participant = :participant AND id = :before"


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _process(row: Row) -> TransferRow:
    values: dict[str, Any] = {name: row[name] for name in TransferRow.__struct_fields__}
    values["kernel"] = msgspec.json.decode(row["kernel"], type=Transfer)
    values["reason"] = None if row["reason"] is None else msgspec.json.decode(row["reason"])
    return TransferRow(**values)


def insert(tx: Tx, process: TransferRow) -> None:
    """Raises Conflict if another replica has just taken the same request."""
    added = tx.run(
        "INSERT INTO transfer (participant, id, role, counterparty, peer_pid, address, kernel, state, settled, version,"
        " agreement, format, purpose, action, outcome, reason, bytes, sha256, created_at, changed_at)"
        " VALUES (:participant, :id, :role, :counterparty, :peer_pid, :address, :kernel, :state, :settled, 1,"
        " :agreement, :format, :purpose, :action, NULL, NULL, 0, NULL, :now, :now) ON CONFLICT DO NOTHING",
        participant=process.participant,
        id=process.id,
        role=process.kernel.role,
        counterparty=process.counterparty,
        peer_pid=process.kernel.peer_pid,
        address=process.address,
        kernel=_text(process.kernel),
        state=str(shown(process.kernel)),
        settled=int(settled(process.kernel)),
        agreement=process.agreement,
        format=process.format,
        purpose=process.purpose,
        action=process.action,
        now=tx.now,
    )
    if not added:
        raise Conflict


def save(tx: Tx, process: TransferRow) -> None:
    """Compare and set; raises Conflict if somebody else was faster."""
    changed = tx.run(
        "UPDATE transfer SET peer_pid = :peer_pid, kernel = :kernel, state = :state,"
        " settled = :settled, version = version + 1,"
        " outcome = :outcome, reason = :reason, bytes = :bytes, sha256 = :sha256, held = :held, changed_at = :now"
        " WHERE participant = :participant AND id = :id AND version = :version",
        participant=process.participant,
        id=process.id,
        version=process.version,
        peer_pid=process.kernel.peer_pid,
        kernel=_text(process.kernel),
        state=str(shown(process.kernel)),
        settled=int(settled(process.kernel)),
        outcome=process.outcome,
        reason=None if process.reason is None else _text(process.reason),
        bytes=process.bytes,
        sha256=process.sha256,
        held=process.held,
        now=tx.now,
    )
    if not changed:
        raise Conflict
    state = str(shown(process.kernel))
    tx.signal("transfer", (process.participant, process.id, state), here=state not in RESTS)


def moved(tx: Tx, participant: str, process_id: str, count: int) -> TransferRow | None:
    """So many more bytes of it have left or come; the transfer as it is then, locked.

    Nothing is compared: they are added to whatever somebody else has saved meanwhile.
    """
    row = tx.one(
        "UPDATE transfer SET bytes = bytes + :count, version = version + 1, changed_at = :now"
        " WHERE participant = :participant AND id = :id RETURNING *",
        participant=participant,
        id=process_id,
        count=count,
        now=tx.now,
    )
    if row is None:
        return None
    found = _process(row)
    tx.signal("transfer", (participant, process_id, found.shown), here=found.shown not in RESTS)
    return found


def process(
    tx: Tx, participant: str, process_id: str, among: Collection[str] | None = None, *, lock: bool = False
) -> TransferRow | None:
    """The transfer; with `among` only if its peer is one of these DIDs (threat T17)."""
    row = tx.one(
        "SELECT * FROM transfer WHERE participant = :participant AND id = :id"  # noqa: S608 constants
        + (" FOR UPDATE" if lock and tx.dialect == "postgres" else ""),
        participant=participant,
        id=process_id,
    )
    if row is None or (among is not None and row["counterparty"] not in among):
        return None
    return _process(row)


def hold(tx: Tx, participant: str, processes: Collection[str]) -> None:
    """Takes the lock of these transfers."""
    row_locks.hold(tx, "transfer", participant, processes)


def process_of_peer(tx: Tx, participant: str, counterparty: str, peer_pid: str) -> TransferRow | None:
    row = tx.one(
        "SELECT * FROM transfer WHERE participant = :participant AND counterparty = :counterparty"
        " AND peer_pid = :peer_pid AND role = 'provider'",
        participant=participant,
        counterparty=counterparty,
        peer_pid=peer_pid,
    )
    return None if row is None else _process(row)


def open_processes(tx: Tx, participant: str, counterparty: str) -> int:
    """How many transfers of this peer are not settled on both sides (threat T36)."""
    row = tx.one(
        "SELECT count(*) AS n FROM transfer WHERE participant = :participant AND counterparty = :counterparty"
        " AND settled = 0",
        participant=participant,
        counterparty=counterparty,
    )
    return 0 if row is None else int(row["n"])


def unsettled(tx: Tx, participant: str) -> list[str]:
    """The ids of all transfers that are not settled on both sides."""
    rows = tx.all(
        "SELECT id FROM transfer WHERE participant = :participant AND settled = 0 AND counterparty > ''"
        " ORDER BY id || ''",
        participant=participant,
    )
    return [str(row["id"]) for row in rows]


def unsettled_with(tx: Tx, participant: str, counterparties: Set[str] | None) -> Set[str]:
    """The same ids of transfers with one of these peers (None: with any), in either role."""
    rows = tx.all(
        "SELECT id, counterparty FROM transfer WHERE participant = :participant AND settled = 0",
        participant=participant,
    )
    return {str(row["id"]) for row in rows if counterparties is None or row["counterparty"] in counterparties}


def running(tx: Tx, participant: str, agreement: str, after: str, limit: int) -> list[TransferRow]:
    """What we provide under an agreement and has begun and not ended, locked; by id, those beyond `after`."""
    rows = tx.all(
        "SELECT * FROM transfer WHERE participant = :participant AND agreement = :agreement AND role = 'provider'"  # noqa: S608 constants
        f" AND state IN ('STARTED', 'SUSPENDED') AND id > :after ORDER BY id LIMIT :limit{for_update(tx)}",
        participant=participant,
        agreement=agreement,
        after=after,
        limit=limit,
    )
    return [_process(row) for row in rows]


def open_under(tx: Tx, participant: str, agreement: str, after: str, limit: int) -> list[TransferRow]:
    """What has not ended under an agreement, in either role, locked; by id, those beyond `after`."""
    rows = tx.all(
        "SELECT * FROM transfer WHERE participant = :participant AND agreement = :agreement"  # noqa: S608 constants
        f" AND state NOT IN ('COMPLETED', 'TERMINATED') AND id > :after ORDER BY id LIMIT :limit{for_update(tx)}",
        participant=participant,
        agreement=agreement,
        after=after,
        limit=limit,
    )
    return [_process(row) for row in rows]


def providing_to(tx: Tx, counterparties: Set[str]) -> list[str]:
    """Participants that `running_with` may find something for, in the scope of the worker."""
    rows = tx.all("SELECT DISTINCT participant, counterparty FROM transfer WHERE settled = 0 ORDER BY participant")
    return [*dict.fromkeys(str(row["participant"]) for row in rows if row["counterparty"] in counterparties)]


def running_with(tx: Tx, participant: str, counterparties: Set[str] | None) -> list[str]:
    """Agreements with one of these peers (None: with any) under which we provide something that has begun and not
    ended."""
    rows = tx.all(
        "SELECT DISTINCT agreement, counterparty FROM transfer WHERE participant = :participant AND settled = 0"
        " AND role = 'provider' AND state IN ('STARTED', 'SUSPENDED') ORDER BY agreement",
        participant=participant,
    )
    return [str(row["agreement"]) for row in rows if counterparties is None or row["counterparty"] in counterparties]


def processes(tx: Tx, participant: str, agreement: str | None, before: str | None) -> list[TransferRow]:
    """The youngest first, a page of 200; `before` is the last one of the page before."""
    wanted = {"agreement": agreement, "before": before}
    rows = tx.all(
        "SELECT * FROM transfer WHERE participant = :participant"  # noqa: S608 constants
        + ("" if agreement is None else " AND agreement = :agreement")
        + ("" if before is None else f" AND (created_at, id) < ({_WHEN})")
        + " ORDER BY created_at DESC, id DESC LIMIT 200",
        participant=participant,
        **{name: value for name, value in wanted.items() if value is not None},
    )
    return [_process(row) for row in rows]


def uses(tx: Tx, participant: str, agreement: str, name: str, period: str) -> int:
    """How often the counter was used in this period ("" for the whole agreement); locks the row until commit."""
    tx.run(
        "INSERT INTO counter (participant, agreement, name, period, uses)"
        " VALUES (:participant, :agreement, :name, :period, 0) ON CONFLICT DO NOTHING",
        participant=participant,
        agreement=agreement,
        name=name,
        period=period,
    )
    row = tx.one(
        "SELECT uses FROM counter WHERE participant = :participant AND agreement = :agreement AND name = :name"  # noqa: S608 constants
        " AND period = :period" + (" FOR UPDATE" if tx.dialect == "postgres" else ""),
        participant=participant,
        agreement=agreement,
        name=name,
        period=period,
    )
    assert row is not None
    return int(row["uses"])


def uses_seen(tx: Tx, participant: str, agreement: str, name: str, period: str) -> int:
    """The same without a lock and without making a row."""
    row = tx.one(
        "SELECT uses FROM counter WHERE participant = :participant AND agreement = :agreement AND name = :name"
        " AND period = :period",
        participant=participant,
        agreement=agreement,
        name=name,
        period=period,
    )
    return 0 if row is None else int(row["uses"])


def count_use(tx: Tx, participant: str, agreement: str, name: str, period: str) -> None:
    tx.run(
        "UPDATE counter SET uses = uses + 1 WHERE participant = :participant AND agreement = :agreement"
        " AND name = :name AND period = :period",
        participant=participant,
        agreement=agreement,
        name=name,
        period=period,
    )
