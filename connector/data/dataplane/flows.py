"""The table `flow`: the data plane's view of one transfer on one side, as functions on a transaction.

Every call may come twice (a crash between its commit and its answer), so each is idempotent; an end is final
(spec/data-plane.md 1.2).
"""

from typing import Literal

import msgspec

from connector.data.dataplane import tokens
from connector.data.dataplane.tokens import TokenHash
from connector.data.sources import store as source_store
from connector.data.sources.model import Source
from connector.foundation.errors import Defect, Mistake, Unknown
from connector.foundation.storage.database import Row, Tx, for_update

State = Literal["PREPARED", "STARTED", "SUSPENDED", "COMPLETED", "TERMINATED"]
CLOSED = "flow.closed"
"""Topic that tells each process to cut a flow's open streams; its value is (participant, flow)."""

_ENDS = frozenset({"COMPLETED", "TERMINATED"})


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """One row; `address` is sealed, times in ms, `bytes` as handed to or taken from the network."""

    participant: str
    id: str
    role: str
    state: str
    counterparty: str
    agreement: str
    source: str | None
    sink: str | None
    address: bytes | None
    expected_sha256: str | None
    bytes: int
    used: bool
    broken: int
    expires_at: int | None


class OpenFlow(msgspec.Struct, frozen=True):
    """What a known token opens: its flow and the source behind it."""

    flow: Flow
    source: Source


def start(
    tx: Tx, *, participant: str, flow: str, counterparty: str, agreement: str, source: str, expires_at: int | None
) -> str:
    """Opens (or resumes) a provider's flow and returns a new token. Again: the same flow, another token.

    Defect if the flow is already bound to something else, Mistake if it has ended.
    """
    binding = {"counterparty": counterparty, "agreement": agreement, "source": source}
    _insert(tx, participant=participant, flow=flow, role="provider", state="STARTED", expires_at=expires_at, **binding)
    _begin(tx, participant, flow, binding, expires_at)
    return tokens.issue(tx, participant=participant, flow=flow, counterparty=counterparty, agreement=agreement)


def accept(
    tx: Tx,
    *,
    participant: str,
    flow: str,
    counterparty: str,
    agreement: str,
    sink: str,
    address: bytes | None,
    expected_sha256: str | None,
    expires_at: int | None,
) -> None:
    """Opens (or resumes) a consumer's flow. `address` is sealed; None keeps the one known before."""
    binding = {"counterparty": counterparty, "agreement": agreement, "sink": sink}
    _insert(tx, participant=participant, flow=flow, role="consumer", state="STARTED", expires_at=expires_at, **binding)
    _begin(tx, participant, flow, binding, expires_at)
    tx.run(
        "UPDATE flow SET address = COALESCE(:address, address), expected_sha256 = :sha256"
        " WHERE participant = :participant AND id = :id",
        participant=participant,
        id=flow,
        address=address,
        sha256=expected_sha256,
    )


def expect(
    tx: Tx,
    *,
    participant: str,
    flow: str,
    counterparty: str,
    agreement: str,
    sink: str,
    expected_sha256: str | None,
    expires_at: int | None,
) -> str:
    """Prepares a consumer's flow that the provider pushes into, and returns a new token for its door.

    Again: the same flow in the state in which it is, another token. Errors as `start`.
    """
    binding = {"counterparty": counterparty, "agreement": agreement, "sink": sink}
    _insert(tx, participant=participant, flow=flow, role="consumer", state="PREPARED", expires_at=expires_at, **binding)
    _bound(tx, participant, flow, binding)
    tx.run(
        "UPDATE flow SET expected_sha256 = :sha256, expires_at = :expires_at"
        " WHERE participant = :participant AND id = :id",
        participant=participant,
        id=flow,
        sha256=expected_sha256,
        expires_at=expires_at,
    )
    return tokens.issue(tx, participant=participant, flow=flow, counterparty=counterparty, agreement=agreement)


def direct(
    tx: Tx,
    *,
    participant: str,
    flow: str,
    counterparty: str,
    agreement: str,
    source: str,
    address: bytes,
    expires_at: int | None,
) -> None:
    """Prepares a provider's flow that pushes to the sealed `address`. Again: the same flow, another address."""
    binding = {"counterparty": counterparty, "agreement": agreement, "source": source}
    _insert(tx, participant=participant, flow=flow, role="provider", state="PREPARED", expires_at=expires_at, **binding)
    _bound(tx, participant, flow, binding)
    tx.run(
        "UPDATE flow SET address = :address, expires_at = :expires_at WHERE participant = :participant AND id = :id",
        participant=participant,
        id=flow,
        address=address,
        expires_at=expires_at,
    )


def resume(tx: Tx, participant: str, flow: str) -> bool:
    """Lets a prepared or suspended flow run, with the address and the tokens that it has. True if it moved."""
    before = _locked(tx, participant, flow)["state"]
    if before in _ENDS:
        raise Mistake("dataplane.flow-ended", flow=flow, state=before)
    if before != "STARTED":
        _set(tx, participant, flow, "STARTED")
    return bool(before != "STARTED")


def suspend(tx: Tx, participant: str, flow: str) -> bool:
    """No data until it is started again; the address stays valid. True if it moved."""
    return _move(tx, participant, flow, "SUSPENDED")


def complete(tx: Tx, participant: str, flow: str) -> bool:
    """Ends well. True if it moved, False if it had; Unknown without such a flow, Mistake if it ended otherwise."""
    return _move(tx, participant, flow, "COMPLETED")


def terminate(tx: Tx, participant: str, flow: str) -> bool:
    """Ends now, open streams are cut. True if it moved, False if it had; errors as `complete`."""
    return _move(tx, participant, flow, "TERMINATED")


def count_bytes(tx: Tx, participant: str, flow: str, sent: int, *, broken: bool = False) -> None:
    """Adds to the bytes of a flow, whatever its state: a stream that was cut has sent bytes too."""
    tx.run(
        "UPDATE flow SET bytes = bytes + :sent, broken = broken + :broken, changed_at = :now"
        " WHERE participant = :participant AND id = :id",
        participant=participant,
        id=flow,
        sent=sent,
        broken=int(broken),
        now=tx.now,
    )


def mark(tx: Tx, participant: str, flow: str) -> bool:
    """Marks the first data access; True for exactly one caller, whose transaction counts the use."""
    return _use(tx, participant, flow, 1) == 1


def unmark(tx: Tx, participant: str, flow: str) -> None:
    """Takes `mark` back in the same transaction, when the access is refused after all."""
    _use(tx, participant, flow, 0)


def find(tx: Tx, participant: str, flow: str) -> Flow | None:
    row = tx.one("SELECT * FROM flow WHERE participant = :participant AND id = :id", participant=participant, id=flow)
    return None if row is None else _flow(row)


def held(tx: Tx, participant: str, flow: str, token: TokenHash) -> OpenFlow | None:
    """What this token opens; None if it is not one of this flow's. One statement, for every access asks."""
    row = tx.one(
        "SELECT f.*, t.hash, s.kind, s.location, s.name, s.media_type, s.bytes AS source_bytes, s.sha256,"
        " s.created_at AS source_created_at, s.parameters, s.secrets"
        " FROM access_token t JOIN flow f ON f.participant = t.participant AND f.id = t.flow"
        " LEFT JOIN source s ON s.participant = f.participant AND s.id = f.source"
        " WHERE t.participant = :participant AND t.hash = :hash AND t.flow = :flow",
        participant=participant,
        hash=token,
        flow=flow,
    )
    if row is None or not tokens.same(row["hash"], token) or row["role"] != "provider":
        return None
    if row["kind"] is None:
        raise Unknown("dataplane.source-gone")
    return OpenFlow(_flow(row), _source(row))


def outgoing(tx: Tx, participant: str, flow: str) -> OpenFlow | None:
    """A flow that we push, with the source behind it; None if it is none."""
    found = find(tx, participant, flow)
    if found is None or found.role != "provider" or found.address is None:
        return None
    return _with_source(tx, found)


def incoming(tx: Tx, participant: str, flow: str, token: TokenHash) -> Flow | None:
    """The flow whose door this token opens; None if it is not one of this flow's."""
    found = _opened(tx, participant, flow, token)
    return found if found is not None and found.role == "consumer" else None


def _opened(tx: Tx, participant: str, flow: str, token: TokenHash) -> Flow | None:
    row = tx.one(
        "SELECT hash FROM access_token WHERE participant = :participant AND hash = :hash AND flow = :flow",
        participant=participant,
        hash=token,
        flow=flow,
    )
    return find(tx, participant, flow) if row is not None and tokens.same(row["hash"], token) else None


def _with_source(tx: Tx, found: Flow) -> OpenFlow:
    source = source_store.source(tx, found.participant, found.source or "")
    if source is None:
        raise Unknown("dataplane.source-gone")
    return OpenFlow(found, source)


def _source(row: Row) -> Source:
    named = {"id": row["source"], "bytes": row["source_bytes"], "created_at": row["source_created_at"]}
    return source_store.of_row({**row, **named})


def _flow(row: Row) -> Flow:
    values = {name: row[name] for name in Flow.__struct_fields__}
    return Flow(**{**values, "used": bool(row["used"])})


def _insert(
    tx: Tx,
    *,
    participant: str,
    flow: str,
    role: str,
    counterparty: str,
    agreement: str,
    expires_at: int | None,
    state: State,
    source: str | None = None,
    sink: str | None = None,
) -> None:
    tx.run(
        "INSERT INTO flow (participant, id, role, state, counterparty, agreement, source, sink, expires_at,"
        " created_at, changed_at) VALUES (:participant, :id, :role, :state, :counterparty, :agreement, :source,"
        " :sink, :expires_at, :now, :now) ON CONFLICT (participant, id) DO NOTHING",
        participant=participant,
        id=flow,
        role=role,
        state=state,
        counterparty=counterparty,
        agreement=agreement,
        source=source,
        sink=sink,
        expires_at=expires_at,
        now=tx.now,
    )


def _begin(tx: Tx, participant: str, flow: str, binding: dict[str, str], expires_at: int | None) -> None:
    _bound(tx, participant, flow, binding)
    _set(tx, participant, flow, "STARTED")
    tx.run(
        "UPDATE flow SET expires_at = :expires_at WHERE participant = :participant AND id = :id",
        participant=participant,
        id=flow,
        expires_at=expires_at,
    )


def _bound(tx: Tx, participant: str, flow: str, binding: dict[str, str]) -> None:
    row = _locked(tx, participant, flow)
    if any(row[name] != value for name, value in binding.items()):
        raise Defect("dataplane.flow-rebound", flow=flow)
    if row["state"] in _ENDS:
        raise Mistake("dataplane.flow-ended", flow=flow, state=row["state"])


def _move(tx: Tx, participant: str, flow: str, state: State) -> bool:
    before = _locked(tx, participant, flow)["state"]
    if before == state:
        return False
    if before in _ENDS:
        raise Mistake("dataplane.flow-ended", flow=flow, state=before)
    _set(tx, participant, flow, state)
    tx.signal(CLOSED, (participant, flow))
    return True


def _set(tx: Tx, participant: str, flow: str, state: State) -> None:
    tx.run(
        "UPDATE flow SET state = :state, changed_at = :now WHERE participant = :participant AND id = :id",
        participant=participant,
        id=flow,
        state=state,
        now=tx.now,
    )


def _use(tx: Tx, participant: str, flow: str, used: int) -> int:
    return tx.run(
        "UPDATE flow SET used = :used WHERE participant = :participant AND id = :id AND used = :before",
        participant=participant,
        id=flow,
        used=used,
        before=1 - used,
    )


def _locked(tx: Tx, participant: str, flow: str) -> Row:
    row = tx.one(
        f"SELECT * FROM flow WHERE participant = :participant AND id = :id{for_update(tx)}",  # noqa: S608
        participant=participant,
        id=flow,
    )
    if row is None:
        raise Unknown("dataplane.flow")
    return row
