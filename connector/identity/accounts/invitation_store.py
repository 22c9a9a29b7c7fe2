"""SQL of invitations. A link names no participant: whoever opens one is known before that is."""

from collections.abc import Iterable

from connector.foundation.ids import new_uuid
from connector.foundation.storage.database import Row, Tx
from connector.identity.accounts.model import Invitation, Role


def invite(tx: Tx, participant: str, digest: str, name: str, roles: Iterable[Role], by: str, ends_at: int) -> str:
    fresh = new_uuid()
    tx.run(
        "INSERT INTO invitation (participant, id, digest, name, roles, invited_by, created_at, ends_at)"
        " VALUES (:participant, :id, :digest, :name, :roles, :by, :now, :ends_at)",
        participant=participant,
        id=fresh,
        digest=digest,
        name=name,
        roles=" ".join(sorted(roles)),
        by=by,
        now=tx.now,
        ends_at=ends_at,
    )
    return fresh


def invitation(tx: Tx, digest: str) -> Invitation | None:
    """An invitation that can still be used, of any participant: a link names none."""
    row = tx.one(
        "SELECT i.* FROM invitation i JOIN participant p ON p.id = i.participant"
        " WHERE i.digest = :digest AND i.ends_at > :now"
        " AND p.state NOT IN ('deleting', 'deleted', 'arriving', 'moved')",
        digest=digest,
        now=tx.now,
    )
    return None if row is None else _invitation(row)


def invitations(tx: Tx, participant: str) -> list[Invitation]:
    rows = tx.all(
        "SELECT * FROM invitation WHERE participant = :participant AND ends_at > :now ORDER BY created_at, id",
        participant=participant,
        now=tx.now,
    )
    return [_invitation(row) for row in rows]


def end_invitation(tx: Tx, participant: str, invitation_id: str) -> bool:
    """Used or taken back; False if somebody else was faster."""
    return bool(
        tx.run(
            "DELETE FROM invitation WHERE participant = :participant AND id = :id",
            participant=participant,
            id=invitation_id,
        )
    )


def end_invitations_of(tx: Tx, participant: str, person_id: str) -> None:
    """And what she proposed: her word counts no more."""
    for statement in (
        "DELETE FROM invitation WHERE participant = :participant AND invited_by = :person",
        "DELETE FROM role_proposal WHERE participant = :participant AND proposed_by = :person",
        "DELETE FROM rule_proposal WHERE participant = :participant AND proposed_by = (SELECT pseudonym"
        " FROM person_pseudonym WHERE participant = :participant AND person = :person)",
    ):
        tx.run(statement, participant=participant, person=person_id)


def _invitation(row: Row) -> Invitation:
    return Invitation(
        id=row["id"],
        participant=row["participant"],
        name=row["name"],
        roles=frozenset(row["roles"].split()),
        invited_by=row["invited_by"],
        created_at=row["created_at"],
        ends_at=row["ends_at"],
    )
