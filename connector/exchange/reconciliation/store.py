"""SQL of comparisons with partners: which agreements are due, how each stood last, which checkpoints we saw."""

from collections.abc import Iterable, Mapping

import msgspec

from connector.exchange.reconciliation.compare import Finding
from connector.foundation.storage.database import Row, Tx
from connector.foundation.storage.due import having

_MOST_TRANSFERS = 20_000


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `reconciliation`; `code` says why it could not be compared, or is empty. Times in ms."""

    agreement: str
    counterparty: str
    state: str
    findings: tuple[Finding, ...]
    code: str
    at: int
    due_at: int


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The newest checkpoint of a partner's log that we have verified."""

    origin: str
    size: int
    root: bytes
    note: str


COMPARING = "EXISTS (SELECT 1 FROM agreement a WHERE a.participant = p.id)"


def comparing(tx: Tx) -> list[str]:
    """Participants that have agreements, in the scope of the worker."""
    return having(tx, COMPARING)


def due(tx: Tx, participant: str, settled: int, limit: int) -> list[tuple[str, str]]:
    """(counterparty, agreement) to be compared now; concluded before `settled` (ms).

    An agreement that ended and a day later agreed, or had been erased on one side, is not looked at again.
    """
    rows = tx.all(
        "SELECT a.counterparty, a.id FROM agreement a LEFT JOIN reconciliation r"
        " ON r.participant = a.participant AND r.agreement = a.id"
        " WHERE a.participant = :participant AND a.state IN ('finalized', 'one-sided', 'ended')"
        " AND a.finalized_at < :settled AND (r.due_at IS NULL OR r.due_at <= :now OR r.at > :now)"
        " AND NOT (r.due_at IS NOT NULL AND r.state IN ('agrees', 'erased')"
        " AND coalesce(a.ended_at, a.expires_at, r.at) < r.at - 86400000)"
        " ORDER BY a.counterparty, a.id LIMIT :limit",
        participant=participant,
        settled=settled,
        now=tx.now,
        limit=limit,
    )
    return [(row["counterparty"], row["id"]) for row in rows]


def save(tx: Tx, participant: str, compared: Compared) -> None:
    values = msgspec.structs.asdict(compared) | {"findings": msgspec.json.encode(compared.findings).decode()}
    tx.run(
        "INSERT INTO reconciliation (participant, agreement, counterparty, state, findings, code, at, due_at)"
        " VALUES (:participant, :agreement, :counterparty, :state, :findings, :code, :at, :due_at)"
        " ON CONFLICT (participant, agreement) DO UPDATE SET counterparty = :counterparty, state = :state,"
        " findings = :findings, code = :code, at = :at, due_at = :due_at",
        participant=participant,
        **values,
    )


def last(tx: Tx, participant: str, agreement: str) -> Compared | None:
    row = tx.one(
        "SELECT * FROM reconciliation WHERE participant = :participant AND agreement = :agreement",
        participant=participant,
        agreement=agreement,
    )
    return None if row is None else _compared(row)


def all_of(tx: Tx, participant: str, agreements: Iterable[str] | None, limit: int) -> list[Compared]:
    """What is amiss first, then the newest; of these agreements only, if they are named."""
    rows = tx.all(
        "SELECT * FROM reconciliation WHERE participant = :participant"
        " ORDER BY CASE state WHEN 'agrees' THEN 2 WHEN 'impossible' THEN 1 ELSE 0 END, at DESC, agreement"
        " LIMIT :limit",
        participant=participant,
        limit=limit,
    )
    wanted = None if agreements is None else set(agreements)
    return [_compared(row) for row in rows if wanted is None or row["agreement"] in wanted]


def seen(tx: Tx, participant: str, did: str) -> Seen | None:
    """The one that we saw last, whatever its origin: a restored log begins under another one."""
    row = tx.one(
        "SELECT * FROM partner_log WHERE participant = :participant AND did = :did ORDER BY at DESC, size DESC LIMIT 1",
        participant=participant,
        did=did,
    )
    return None if row is None else _seen(row)


def keep_seen(tx: Tx, participant: str, did: str, one: Seen) -> None:
    """Only ever grows: of two that come at once the larger stays."""
    tx.run(
        "INSERT INTO partner_log (participant, did, origin, size, root, note, at)"
        " VALUES (:participant, :did, :origin, :size, :root, :note, :now)"
        " ON CONFLICT (participant, did, origin) DO UPDATE SET size = :size, root = :root, note = :note, at = :now"
        " WHERE partner_log.size <= :size",
        participant=participant,
        did=did,
        now=tx.now,
        **msgspec.structs.asdict(one),
    )


def _compared(row: Row) -> Compared:
    values = {name: row[name] for name in Compared.__struct_fields__}
    return Compared(**{**values, "findings": msgspec.json.decode(row["findings"], type=tuple[Finding, ...])})


def _seen(row: Row) -> Seen:
    return Seen(origin=row["origin"], size=row["size"], root=bytes(row["root"]), note=row["note"])


def ours_by_theirs(tx: Tx, participant: str, agreement: str) -> Mapping[str, str]:
    """Our ids by the peer's, of the newest transfers under an agreement: each log names them by its own side's ids."""
    rows = tx.all(
        "SELECT id, peer_pid FROM transfer WHERE participant = :participant AND agreement = :agreement"
        " AND peer_pid IS NOT NULL ORDER BY created_at DESC LIMIT :limit",
        participant=participant,
        agreement=agreement,
        limit=_MOST_TRANSFERS,
    )
    return {row["peer_pid"]: row["id"] for row in rows}
