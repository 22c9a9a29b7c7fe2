"""SQL of the log. `append` runs inside the transaction of the state change it records; the sealer comes later.

Nothing here updates or deletes a record. `seq` and `prev` run per agreement, for key events per participant.
"""

import os
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from connector.foundation.storage.database import SYSTEM, Conflict, Row, Tx
from connector.foundation.storage.seldom import once
from connector.identity.audit import entry
from connector.identity.audit.entry import Record
from connector.verify.checks.disclosure import ON_BEHALF


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One row as kept: `record` are the canonical bytes, `leaf` the leaf data, `index` None until sealed.

    Record and salt are empty once they were erased.
    """

    id: int
    agreement: str | None
    type: str
    seq: int
    at: int
    record: bytes
    salt: bytes
    leaf: bytes
    index: int | None

    @property
    def erased(self) -> bool:
        """Whether only the leaf is left (spec/records.md 7.3)."""
        return not self.record


def append(
    tx: Tx,
    participant: str,
    type: str,
    agreement: str | None,
    actor: str,
    body: Mapping[str, object],
    *,
    did: str,
    at: int | None = None,
    place: int | None = None,
    heads: "Heads | None" = None,
) -> None:
    """Log one record of `participant` (slug; `did` is what the record says). `at` defaults to the transaction's time.
    What the `system` does because a person asked for it bears her pseudonym (spec/accounts.md 1.2); while somebody acts
    for the participant by a mandate, each record says who, and by which (`onBehalf`; spec/mandates.md 4).

    `heads` is given where this transaction has read them and logged nothing about their agreement since.

    Raises Conflict when another transaction took the same place in the chain, or the one at which the record is true
    (`place`): the unit runs again.
    """
    seq, prev, acting = (
        _place(tx, participant, type, agreement)
        if heads is None or heads.of != agreement
        else _after(heads.agreement, heads.acting)
    )
    if place not in (None, seq):
        raise Conflict("audit_entry")
    moment = tx.now if at is None else at
    data = entry.encode(
        Record(
            type=type,
            at=moment,
            participant=did,
            agreement=agreement,
            seq=seq,
            prev=prev,
            actor=tx.actor if actor == SYSTEM and type not in entry.NAMELESS else actor,
            body=dict(body) if acting is None else {**body, ON_BEHALF: acting},
        )
    )
    salt = os.urandom(entry.SALT_BYTES)
    added = tx.run(
        "INSERT INTO audit_entry (participant, agreement, type, seq, at, record, salt, leaf)"
        " VALUES (:participant, :agreement, :type, :seq, :at, :record, :salt, :leaf) ON CONFLICT DO NOTHING",
        participant=participant,
        agreement=agreement,
        type=type,
        seq=seq,
        at=moment,
        record=data,
        salt=salt,
        leaf=entry.leaf_data(salt, data),
    )
    if not added:
        raise Conflict("audit_entry")


def alone(tx: Tx, participant: str) -> None:
    """Only one unit at a time seals, erases or sets a hold for a participant; records go on being appended.

    On SQLite there is only one writer anyway.
    """
    if tx.dialect == "postgres":
        tx.one("SELECT id FROM participant WHERE id = :participant FOR NO KEY UPDATE", participant=participant)


def records(tx: Tx, participant: str, agreement: str) -> list[Entry]:
    """The records of one agreement in the order of their chain."""
    rows = tx.all(
        "SELECT * FROM audit_entry WHERE participant = :participant AND agreement = :agreement ORDER BY seq",
        participant=participant,
        agreement=agreement,
    )
    return [entry_of(row) for row in rows]


def key_events(tx: Tx, participant: str) -> list[Entry]:
    """The participant's key events in the order of their chain."""
    rows = tx.all(
        "SELECT * FROM audit_entry WHERE participant = :participant AND type = :type AND agreement IS NULL ORDER BY id",
        participant=participant,
        type=entry.KEY,
    )
    return [entry_of(row) for row in rows]


class Heads(NamedTuple):
    """The newest record of an agreement and the newest key event, or None where there is none; `of` is its id, `acting`
    whose key acts for the participant (`_Place`)."""

    of: str
    agreement: Row | None
    key: Row | None
    acting: dict[str, str] | None

    @property
    def key_head(self) -> str | None:
        """Digest of the newest key event: what an agreement record names as `keyHead`."""
        return None if self.key is None else entry.digest(self.key["record"])


def heads(tx: Tx, participant: str, agreement: str) -> Heads:
    """All in one statement, for a record of the agreement that names the newest key event."""
    rows = tx.all(
        "SELECT * FROM (SELECT 'agreement' AS what, seq, record, NULL AS mandate FROM audit_entry"
        " WHERE participant = :participant AND agreement = :agreement ORDER BY seq DESC LIMIT 1) AS a"
        " UNION ALL SELECT * FROM (SELECT 'key' AS what, seq, record, NULL AS mandate FROM audit_entry"
        " WHERE participant = :participant AND type = :type AND agreement IS NULL ORDER BY id DESC LIMIT 1) AS k"
        " UNION ALL SELECT 'acting', NULL, NULL, mandate FROM key"
        " WHERE participant = :participant AND purpose = 'agent' AND state = 'active'",
        participant=participant,
        agreement=agreement,
        type=entry.KEY,
    )
    found = {row["what"]: row for row in rows}
    agent = found.get("acting")
    acting = None if agent is None else _acting(agent["mandate"])
    return Heads(agreement, found.get("agreement"), found.get("key"), acting)


def length(tx: Tx, participant: str, agreement: str) -> int:
    """How many records the agreement has, erased ones included."""
    return _place(tx, participant, "", agreement).seq


class _Agent(msgspec.Struct, frozen=True):
    agent: str
    sha256: str


class _Place(NamedTuple):
    """Where a record comes in its chain, and whose key acts for the participant now: its DID, and the digest of the
    mandate. One statement finds both, so that nobody's record costs a second one; `acting` None: its own key alone."""

    seq: int
    prev: str | None
    acting: dict[str, str] | None


_ACTING = "(SELECT mandate FROM key WHERE participant = :participant AND purpose = 'agent' AND state = 'active')"


def _place(tx: Tx, participant: str, type: str, agreement: str | None) -> _Place:
    if agreement is not None:
        row = _newest(tx, participant, agreement)
    elif type == entry.KEY:
        row = _newest_key_event(tx, participant)
    else:
        return _Place(0, None, _acting(once(tx, _mandate, participant)))
    assert row is not None
    return _after(None if row["seq"] is None else row, _acting(row["mandate"]))


def _mandate(tx: Tx, participant: str) -> str | None:
    row = tx.one(
        "SELECT mandate FROM key WHERE participant = :participant AND purpose = 'agent' AND state = 'active'",
        participant=participant,
    )
    return None if row is None else row["mandate"]


def _after(row: Row | None, acting: dict[str, str] | None) -> _Place:
    if row is None:
        return _Place(0, None, acting)
    return _Place(row["seq"] + 1, entry.digest(row["record"]), acting)


def _acting(mandate: str | None) -> dict[str, str] | None:
    if mandate is None:
        return None
    said = msgspec.json.decode(mandate, type=_Agent)
    return {"agent": said.agent, "mandate": said.sha256}


def _newest(tx: Tx, participant: str, agreement: str) -> Row | None:
    return tx.one(
        f"SELECT last.seq, last.record, {_ACTING} AS mandate FROM (SELECT 1 AS one) AS here LEFT JOIN"  # noqa: S608 constants
        " (SELECT seq, record FROM audit_entry WHERE participant = :participant AND agreement = :agreement"
        " ORDER BY seq DESC LIMIT 1) AS last ON 1 = 1",
        participant=participant,
        agreement=agreement,
    )


def _newest_key_event(tx: Tx, participant: str) -> Row | None:
    return tx.one(
        f"SELECT last.seq, last.record, {_ACTING} AS mandate FROM (SELECT 1 AS one) AS here LEFT JOIN"  # noqa: S608 constants
        " (SELECT seq, record FROM audit_entry WHERE participant = :participant AND type = :type"
        " AND agreement IS NULL ORDER BY id DESC LIMIT 1) AS last ON 1 = 1",
        participant=participant,
        type=entry.KEY,
    )


def entry_of(row: Row) -> Entry:
    """The entry in a whole row of `audit_entry`."""
    return Entry(
        id=row["id"],
        agreement=row["agreement"],
        type=row["type"],
        seq=row["seq"],
        at=row["at"],
        record=row["record"] or b"",
        salt=row["salt"] or b"",
        leaf=row["leaf"],
        index=row["leaf_index"],
    )
