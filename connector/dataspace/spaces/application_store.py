"""SQL of invitations and of the applications that use them, with their evidence."""

from typing import Any

import msgspec
from msgspec.structs import replace

from connector.data.approvals.model import Ballot, Vote
from connector.dataspace.spaces.model import TRIES_MS, Application, Attachment, Check, Invitation, Keys
from connector.dataspace.spaces.rows import insert, struct, text
from connector.foundation.storage.database import Conflict, Row, Tx, for_update

MOST = 1_000
"""Rows of one answer."""
_APPLICATIONS = (
    "participant, id, did, invitation, name, operator, kind, ars, document, keys, checks, attachments, state, needed,"
    " votes, reason, decided_by, asked_at, due_at, decided_at, version"
)


# Invitations


def insert_invitation(tx: Tx, one: Invitation) -> None:
    """`groups` is a column of before groups had rows of their own."""
    insert(tx, "space_invitation", {**msgspec.structs.asdict(one), "groups": "[]"})


def invitation_of(tx: Tx, participant: str, code_hash: str) -> Invitation | None:
    """The invitation that a code opens, whatever has become of it; locked."""
    row = tx.one(
        "SELECT * FROM space_invitation WHERE participant = :participant AND code_hash = :code_hash"  # noqa: S608
        + for_update(tx),
        participant=participant,
        code_hash=code_hash,
    )
    return None if row is None else _invitation(row)


def known_code(tx: Tx, participant: str, code_hash: str) -> bool:
    """Whether anybody made that code, whatever has become of it."""
    return (
        tx.one(
            "SELECT 1 AS found FROM space_invitation WHERE participant = :p AND code_hash = :h",
            p=participant,
            h=code_hash,
        )
        is not None
    )


def invitation(tx: Tx, participant: str, id: str) -> Invitation | None:
    row = tx.one(
        "SELECT * FROM space_invitation WHERE participant = :participant AND id = :id", participant=participant, id=id
    )
    return None if row is None else _invitation(row)


def invitations(tx: Tx, participant: str) -> list[Invitation]:
    """The newest first."""
    rows = tx.all(
        "SELECT * FROM space_invitation WHERE participant = :participant ORDER BY made_at DESC, id LIMIT :most",
        participant=participant,
        most=MOST,
    )
    return [_invitation(row) for row in rows]


def open_invitations(tx: Tx, participant: str) -> int:
    row = tx.one(
        "SELECT count(*) AS n FROM space_invitation WHERE participant = :participant AND state = 'open'"
        " AND until > :now",
        participant=participant,
        now=tx.now,
    )
    assert row is not None
    return int(row["n"])


def end_invitation(tx: Tx, one: Invitation, state: str, application: str | None = None) -> None:
    """Used or withdrawn; Conflict if it is not open any more."""
    ended = tx.run(
        "UPDATE space_invitation SET state = :state, application = :application"
        " WHERE participant = :participant AND id = :id AND state = 'open'",
        state=state,
        application=application,
        participant=one.participant,
        id=one.id,
    )
    if not ended:
        raise Conflict("space_invitation")


def tries(tx: Tx, participant: str, did: str) -> tuple[int, int]:
    """Wrong codes of this DID within the last hour, and those of all; older ones are forgotten."""
    tx.run("DELETE FROM space_try WHERE participant = :p AND at <= :before", p=participant, before=tx.now - TRIES_MS)
    row = tx.one(
        "SELECT count(*) AS n, count(CASE WHEN did = :did THEN 1 END) AS own FROM space_try WHERE participant = :p",
        p=participant,
        did=did,
    )
    assert row is not None
    return int(row["own"]), int(row["n"])


def note_try(tx: Tx, participant: str, did: str, host: str) -> None:
    tx.run(
        "INSERT INTO space_try (participant, did, host, at) VALUES (:p, :did, :host, :now)",
        p=participant,
        did=did,
        host=host,
        now=tx.now,
    )


def _invitation(row: Row) -> Invitation:
    return struct(row, Invitation)


# Applications


def insert_application(tx: Tx, one: Application) -> None:
    insert(tx, "space_application", _application_values(one))


def application(tx: Tx, participant: str, id: str, *, lock: bool = False) -> Application | None:
    row = tx.one(
        f"SELECT {_APPLICATIONS} FROM space_application WHERE participant = :participant AND id = :id"  # noqa: S608
        + (for_update(tx) if lock else ""),
        participant=participant,
        id=id,
    )
    return None if row is None else _application(row)


def applications(tx: Tx, participant: str, state: str = "") -> list[Application]:
    """The newest first; `state`: only those."""
    rows = tx.all(
        f"SELECT {_APPLICATIONS} FROM space_application WHERE participant = :participant"  # noqa: S608 constants
        f"{' AND state = :state' if state else ''} ORDER BY asked_at DESC, id LIMIT :most",
        participant=participant,
        most=MOST,
        **({"state": state} if state else {}),
    )
    return [_application(row) for row in rows]


def open_application(tx: Tx, participant: str, did: str) -> Application | None:
    """What this DID waits for."""
    row = tx.one(
        f"SELECT {_APPLICATIONS} FROM space_application WHERE participant = :participant AND did = :did"  # noqa: S608
        " AND state = 'pending'",
        participant=participant,
        did=did,
    )
    return None if row is None else _application(row)


def overdue(tx: Tx, participant: str) -> list[Application]:
    """Pending ones whose time is over."""
    rows = tx.all(
        f"SELECT {_APPLICATIONS} FROM space_application WHERE participant = :participant"  # noqa: S608
        " AND state = 'pending' AND due_at <= :now ORDER BY due_at LIMIT 100",
        participant=participant,
        now=tx.now,
    )
    return [_application(row) for row in rows]


def save_application(tx: Tx, one: Application) -> Application:
    values = _application_values(one)
    names = ("participant", "id", "version", "state", "votes", "checks", "attachments", "reason", "decided_by")
    saved = tx.run(
        "UPDATE space_application SET state = :state, votes = :votes, checks = :checks, attachments = :attachments,"
        " reason = :reason, decided_by = :decided_by, decided_at = :decided_at, version = version + 1"
        " WHERE participant = :participant AND id = :id AND version = :version",
        **{name: values[name] for name in (*names, "decided_at")},
    )
    if not saved:
        raise Conflict("space_application")
    return replace(one, version=one.version + 1)


def _application_values(one: Application) -> dict[str, Any]:
    values = {name: value for name, value in msgspec.structs.asdict(one).items() if name != "ballot"}
    return {
        **values,
        "keys": text(one.keys),
        "checks": text(one.checks),
        "attachments": text(one.attachments),
        "state": one.state,
        "needed": one.ballot.stewards,
        "votes": text(one.ballot.votes),
        "due_at": one.ballot.due_at,
    }


_BALLOT = {
    "pending": "open",
    "approved": "approved",
    "refused": "refused",
    "withdrawn": "withdrawn",
    "expired": "expired",
}


def _application(row: Row) -> Application:
    ballot = Ballot(
        stewards=row["needed"],
        protection=0,
        drafter="",
        due_at=row["due_at"],
        state=msgspec.convert(_BALLOT[row["state"]], Ballot.__annotations__["state"]),
        votes=msgspec.json.decode(row["votes"], type=tuple[Vote, ...]),
    )
    return struct(
        row,
        Application,
        ballot=ballot,
        keys=msgspec.json.decode(row["keys"], type=Keys),
        checks=msgspec.json.decode(row["checks"], type=tuple[Check, ...]),
        attachments=msgspec.json.decode(row["attachments"], type=tuple[Attachment, ...]),
    )


def keep_evidence(tx: Tx, participant: str, sha256: str, media_type: str, body: bytes) -> None:
    """A document, kept once by its digest."""
    tx.run(
        "INSERT INTO space_evidence (participant, sha256, media_type, body, kept_at)"
        " VALUES (:participant, :sha256, :media_type, :body, :now) ON CONFLICT DO NOTHING",
        participant=participant,
        sha256=sha256,
        media_type=media_type,
        body=body,
        now=tx.now,
    )


def evidence(tx: Tx, participant: str, sha256: str) -> tuple[str, bytes] | None:
    """Media type and content of a document."""
    row = tx.one(
        "SELECT media_type, body FROM space_evidence WHERE participant = :participant AND sha256 = :sha256",
        participant=participant,
        sha256=sha256,
    )
    return None if row is None else (str(row["media_type"]), bytes(row["body"]))
