"""SQL of negotiations and agreements; that of the objects which their seals refer to is in `object_store`.

A state changes only if its version is still the one that was read; else the whole unit runs again
(spec/architecture.md 2.2).
"""

from collections.abc import Collection
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from connector.exchange.contracts import approval as approvals
from connector.exchange.contracts.model import Agreement, EvidenceObject, NegotiationRow, Stored
from connector.foundation.storage import row_locks
from connector.foundation.storage.database import Conflict, Row, Tx
from connector.kernel.protocol.negotiation import Negotiation, settled, shown
from connector.kernel.protocol.process import RESTS, Role

MOST_STATES = 50
"""Of those that a negotiation went through the last are kept: two peers may counter each other for ever."""


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _case(row: Row) -> NegotiationRow:
    values: dict[str, Any] = {name: row[name] for name in _COLUMNS}
    values["kernel"] = msgspec.json.decode(row["kernel"], type=Negotiation)
    values["policy"] = msgspec.json.decode(row["policy"])
    values["proposed"] = bool(row["proposed"])
    values["standing"] = None if row["standing"] is None else msgspec.json.decode(row["standing"])
    values["states"] = msgspec.json.decode(row["states"], type=tuple[str, ...])
    values["reason"] = None if row["reason"] is None else msgspec.json.decode(row["reason"])
    values["deferred"] = msgspec.json.decode(row["deferred"] or "[]", type=tuple[str, ...])
    values["approval"] = None if row["approval"] is None else approvals.kept(row["approval"])
    case = NegotiationRow(**values)
    return replace(case, stored=_stored(case), asked=bool(row.get("asked", True)))


_COLUMNS: Final = tuple(name for name in NegotiationRow.__struct_fields__ if name not in ("stored", "asked"))
_ASKED: Final = (
    ", EXISTS (SELECT 1 FROM question q WHERE q.participant = n.participant AND q.subject = n.id"
    " AND q.answered_at IS NULL) AS asked"
)
"""Only on SQLite: on PostgreSQL this part of a statement is as old as the statement, though the row is locked later."""


def _stored(case: NegotiationRow) -> Stored:
    return Stored(
        peer_pid=case.kernel.peer_pid,
        settled=settled(case.kernel),
        offer=case.offer,
        policy=case.policy,
        purpose=case.purpose,
        action=case.action,
    )


def insert_case(tx: Tx, case: NegotiationRow) -> NegotiationRow:
    """The case as it is saved; raises Conflict if another replica has just taken the same first message."""
    states = gone_through(case)
    added = tx.run(
        "INSERT INTO negotiation (participant, id, role, counterparty, peer_pid, address, kernel, state, settled,"
        " version, dataset, offer, policy, purpose, action, agreement, reason, created_at, changed_at, proposed,"
        " states, standing, deferred, approval, replaces, title)"
        " VALUES (:participant, :id, :role, :counterparty, :peer_pid, :address, :kernel, :state, :settled, 1, :dataset,"
        " :offer, :policy, :purpose, :action, :agreement, :reason, :now, :now, :proposed, :states, :standing,"
        " :deferred, :approval, :replaces, :title) ON CONFLICT DO NOTHING",
        participant=case.participant,
        id=case.id,
        role=case.kernel.role,
        counterparty=case.counterparty,
        peer_pid=case.kernel.peer_pid,
        address=case.address,
        kernel=_text(case.kernel),
        state=str(shown(case.kernel)),
        settled=int(settled(case.kernel)),
        dataset=case.dataset,
        offer=case.offer,
        policy=_text(case.policy),
        purpose=case.purpose,
        action=case.action,
        now=tx.now,
        proposed=int(case.proposed),
        replaces=case.replaces,
        title=case.title,
        **_changing(case, states),
    )
    if not added:
        raise Conflict
    return replace(case, states=states, stored=_stored(case))


def _changing(case: NegotiationRow, states: tuple[str, ...]) -> dict[str, object]:
    """What every change may write."""
    return {
        "states": _text(states),
        "standing": None if case.standing is None else _text(case.standing),
        "agreement": case.agreement,
        "reason": None if case.reason is None else _text(case.reason),
        "deferred": _text(case.deferred),
        "approval": None if case.approval is None else _text(case.approval),
    }


_TERMS: Final = " offer = :offer, policy = :policy, purpose = :purpose, action = :action,"


def save_case(tx: Tx, case: NegotiationRow) -> NegotiationRow:
    """Compare and set, or the first time an insert: the case as it is saved now; raises Conflict if somebody else was
    faster.

    What stands in an index or is long (the peer's pid, whether it is settled, the terms) is named only if it changed: a
    database writes the pages of all that is named. Terms are the same only if they are the same object, since equal
    ones may stand in another order.
    """
    now, was = _stored(case), case.stored
    if was is None:
        return _told(tx, insert_case(tx, case))
    pid, ended = now.peer_pid != was.peer_pid, now.settled != was.settled
    terms = now.policy is not was.policy or _said(now) != _said(was)
    states = gone_through(case)
    changed = tx.run(
        "UPDATE negotiation SET kernel = :kernel, state = :state, version = version + 1,"  # noqa: S608 constants
        + (" peer_pid = :peer_pid," if pid else "")
        + (" settled = :settled," if ended else "")
        + (_TERMS if terms else "")
        + " states = :states, standing = :standing, agreement = :agreement, reason = :reason, deferred = :deferred,"
        " approval = :approval, changed_at = :now"
        " WHERE participant = :participant AND id = :id AND version = :version",
        participant=case.participant,
        id=case.id,
        version=case.version,
        kernel=_text(case.kernel),
        state=str(shown(case.kernel)),
        now=tx.now,
        **_changing(case, states),
        **({"peer_pid": now.peer_pid} if pid else {}),
        **({"settled": int(now.settled)} if ended else {}),
        **(_said(now) | {"policy": _text(now.policy)} if terms else {}),
    )
    if not changed:
        raise Conflict
    return _told(tx, replace(case, version=case.version + 1, states=states, stored=now))


def _told(tx: Tx, case: NegotiationRow) -> NegotiationRow:
    state = case.shown
    tx.signal("negotiation", (case.participant, case.id, state), here=state not in RESTS)
    return case


def gone_through(case: NegotiationRow) -> tuple[str, ...]:
    """The states of the case, with that in which it is now."""
    state = case.shown
    return case.states if case.states and case.states[-1] == state else (*case.states, state)[-MOST_STATES:]


def _said(stored: Stored) -> dict[str, object]:
    return {"offer": stored.offer, "purpose": stored.purpose, "action": stored.action}


def case(
    tx: Tx, participant: str, case_id: str, among: Collection[str] | None = None, *, lock: bool = False
) -> NegotiationRow | None:
    """The negotiation; with `among` only if its peer is one of these DIDs (threat T17); `lock` before a change."""
    row = tx.one(
        f"SELECT n.*{_ASKED if tx.dialect == 'sqlite' else ''} FROM negotiation n"  # noqa: S608 constants
        " WHERE n.participant = :participant AND n.id = :id"
        + (" FOR UPDATE OF n" if lock and tx.dialect == "postgres" else ""),
        participant=participant,
        id=case_id,
    )
    if row is None or (among is not None and row["counterparty"] not in among):
        return None
    return _case(row)


def hold(tx: Tx, participant: str, cases: Collection[str]) -> None:
    """Takes the lock of these negotiations."""
    row_locks.hold(tx, "negotiation", participant, cases)


def case_with_agreement(
    tx: Tx, participant: str, case_id: str, among: Collection[str] | None = None, *, held: bool = False
) -> tuple[NegotiationRow, Agreement | None] | None:
    """The negotiation under its lock, as `case`, and the agreement that came of it; `held`: this unit has the lock.

    PostgreSQL locks first and reads then: what a statement joins to a row that it had to wait for is of before the
    wait.
    """
    if not held:
        hold(tx, participant, (case_id,))
    row = tx.one(
        f"SELECT n.*{_ASKED}, {_JOINED} FROM negotiation n"  # noqa: S608 constants
        " LEFT JOIN agreement a ON a.participant = n.participant AND a.id = n.agreement"
        " WHERE n.participant = :participant AND n.id = :id",
        participant=participant,
        id=case_id,
    )
    if row is None or (among is not None and row["counterparty"] not in among):
        return None
    return _case(row), None if row["a_id"] is None else _agreement(row, "a_")


def case_with_object(
    tx: Tx, participant: str, case_id: str, name: str
) -> tuple[NegotiationRow, EvidenceObject | None] | None:
    """The negotiation and its object of that name, for whoever only reads."""
    row = tx.one(
        "SELECT n.*, o.sha256 AS o_sha256, o.media_type AS o_media_type, o.body AS o_body FROM negotiation n"
        " LEFT JOIN object_use u ON u.participant = n.participant AND u.negotiation = n.id AND u.name = :name"
        " LEFT JOIN object o ON o.participant = u.participant AND o.sha256 = u.sha256"
        " WHERE n.participant = :participant AND n.id = :id",
        participant=participant,
        id=case_id,
        name=name,
    )
    if row is None:
        return None
    found = None
    if row["o_sha256"] is not None:
        found = EvidenceObject(
            name=name, sha256=row["o_sha256"], media_type=row["o_media_type"], body=bytes(row["o_body"])
        )
    return _case(row), found


class Begun(NamedTuple):
    """What a peer began under a pid of its own, and how many of its negotiations are not settled on both sides (threat
    T36), undeliverable ones too."""

    case: NegotiationRow | None
    unsettled: int


_BEGAN: Final = {
    Role.PROVIDER: "n.role = 'provider' AND n.proposed = 0",
    Role.CONSUMER: "n.role = 'consumer' AND n.proposed = 1",
}
"""By our role. As words of the statement: SQLite prepares one anew for each value of a parameter that decides whether a
partial index serves it."""


def begun(tx: Tx, participant: str, role: Role, counterparty: str, peer_pid: str) -> Begun:
    """`role` is ours in it."""
    row = tx.one(
        "SELECT (SELECT count(*) FROM negotiation o WHERE o.participant = :participant"  # noqa: S608 constants
        " AND o.counterparty = :counterparty AND o.settled = 0) AS unsettled, n.* FROM (SELECT 1 AS one) AS always"
        " LEFT JOIN negotiation n ON n.participant = :participant AND n.counterparty = :counterparty"
        f" AND n.peer_pid = :peer_pid AND {_BEGAN[role]}",
        participant=participant,
        counterparty=counterparty,
        peer_pid=peer_pid,
    )
    assert row is not None
    return Begun(None if row["id"] is None else _case(row), int(row["unsettled"]))


def cases(tx: Tx, participant: str, limit: int = 100) -> list[NegotiationRow]:
    """The negotiations that changed last, newest first."""
    rows = tx.all(
        "SELECT * FROM negotiation WHERE participant = :participant ORDER BY changed_at DESC, id LIMIT :limit",
        participant=participant,
        limit=limit,
    )
    return [_case(row) for row in rows]


def follow(tx: Tx, case: NegotiationRow, did: str) -> NegotiationRow:
    """The same negotiation with whoever has taken its counterparty's place; raises Conflict if somebody was faster."""
    changed = tx.run(
        "UPDATE negotiation SET counterparty = :did, version = version + 1"
        " WHERE participant = :participant AND id = :id AND version = :version",
        participant=case.participant,
        id=case.id,
        version=case.version,
        did=did,
    )
    if not changed:
        raise Conflict
    return replace(case, counterparty=did, version=case.version + 1)


def unsettled(tx: Tx, participant: str) -> list[str]:
    """The ids of all negotiations that are not settled on both sides."""
    rows = tx.all(
        "SELECT id FROM negotiation WHERE participant = :participant AND settled = 0 AND counterparty > ''"
        " ORDER BY id || ''",
        participant=participant,
    )
    return [str(row["id"]) for row in rows]


def _agreement(row: Row, prefix: str = "") -> Agreement:
    values: dict[str, Any] = {name: row[prefix + name] for name in Agreement.__struct_fields__}
    values["document"] = bytes(values["document"])
    values["facts"] = msgspec.json.decode(values["facts"])
    return Agreement(**values)


_JOINED: Final = ", ".join(f"a.{name} AS a_{name}" for name in Agreement.__struct_fields__)
"""The columns of an agreement beside those of its negotiation."""


def insert_agreement(tx: Tx, agreement: Agreement) -> bool:
    """False if the id is taken: a peer chooses the ids of the agreements that it draws up.

    With and without `urn:uuid:` it is one name, since people and commands use either.
    """
    bare = agreement.id.removeprefix("urn:uuid:")
    if not bare:
        return False
    values = msgspec.structs.asdict(agreement)
    values["facts"] = _text(agreement.facts)
    inserted = tx.run(
        "INSERT INTO agreement (participant, id, negotiation, role, counterparty, dataset, state, document, digest,"
        " provider_jws, consumer_jws, facts, expires_at, created_at, finalized_at, replaces)"
        " SELECT :participant, :id, :negotiation, :role, :counterparty, :dataset, :state, :document, :digest,"
        " :provider_jws, :consumer_jws, :facts, :expires_at, :created_at, :finalized_at, :replaces"
        " WHERE NOT EXISTS (SELECT 1 FROM agreement WHERE participant = :participant AND id = :twin)"
        " ON CONFLICT DO NOTHING",
        twin=bare if agreement.id != bare else f"urn:uuid:{bare}",
        **values,
    )
    return inserted == 1


def save_agreement(tx: Tx, agreement: Agreement) -> None:
    """Books a signature or a state; document, digest and parties never change, and what has ended stays ended.

    Except where it turns out that it never came into force: then it had nothing to end.
    """
    tx.run(
        "UPDATE agreement SET state = CASE WHEN state = 'ended' AND :state <> 'terminated' THEN state ELSE :state END,"
        " provider_jws = :provider_jws, consumer_jws = :consumer_jws,"
        " finalized_at = :finalized_at WHERE participant = :participant AND id = :id",
        participant=agreement.participant,
        id=agreement.id,
        state=agreement.state,
        provider_jws=agreement.provider_jws,
        consumer_jws=agreement.consumer_jws,
        finalized_at=agreement.finalized_at,
    )


def first_access(tx: Tx, participant: str, agreement_id: str) -> bool:
    """Notes that it is being used now; True for the first time only."""
    noted = tx.run(
        "UPDATE agreement SET first_access = :now WHERE participant = :participant AND id = :id"
        " AND first_access IS NULL",
        participant=participant,
        id=agreement_id,
        now=tx.now,
    )
    return noted == 1


def agreement(tx: Tx, participant: str, agreement_id: str, counterparty: str | None = None) -> Agreement | None:
    row = tx.one(
        "SELECT * FROM agreement WHERE participant = :participant AND id = :id",
        participant=participant,
        id=agreement_id,
    )
    if row is None or counterparty not in (None, row["counterparty"]):
        return None
    return _agreement(row)


def agreements(tx: Tx, participant: str, limit: int = 100) -> list[Agreement]:
    rows = tx.all(
        "SELECT * FROM agreement WHERE participant = :participant ORDER BY created_at DESC, id LIMIT :limit",
        participant=participant,
        limit=limit,
    )
    return [_agreement(row) for row in rows]


def listed(tx: Tx, participant: str, *, over: bool, limit: int, offset: int) -> list[Agreement]:
    """Those that are over, or those that are not, the newest first."""
    ended = (
        "(state IN ('terminated', 'ended') OR (state IN ('finalized', 'one-sided') AND expires_at IS NOT NULL"
        " AND expires_at <= :now))"
    )
    rows = tx.all(
        f"SELECT * FROM agreement WHERE participant = :participant AND {'' if over else 'NOT '}{ended}"  # noqa: S608 constants
        " ORDER BY created_at DESC, id LIMIT :limit OFFSET :offset",
        participant=participant,
        now=tx.now,
        limit=limit,
        offset=offset,
    )
    return [_agreement(row) for row in rows]


def provided(tx: Tx, participant: str, dataset: str) -> list[Agreement]:
    """Those in force in which the participant provides this dataset, the oldest first.

    Sorted by an expression, so that those of the dataset are read and not all by their age.
    """
    rows = tx.all(
        "SELECT * FROM agreement WHERE participant = :participant AND dataset = :dataset AND role = 'provider'"
        " AND state IN ('finalized', 'one-sided') ORDER BY created_at + 0, id",
        participant=participant,
        dataset=dataset,
    )
    return [_agreement(row) for row in rows]


def logged(tx: Tx, participant: str, agreement_id: str, type_: str, limit: int = 200) -> list[bytes]:
    """The newest records of that type about an agreement as the log has them, oldest first; none that is erased."""
    rows = tx.all(
        "SELECT record FROM audit_entry WHERE participant = :participant AND agreement = :agreement AND type = :type"
        " AND record IS NOT NULL ORDER BY seq DESC LIMIT :limit",
        participant=participant,
        agreement=agreement_id,
        type=type_,
        limit=limit,
    )
    return [bytes(row["record"]) for row in reversed(rows)]
