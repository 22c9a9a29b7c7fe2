"""SQL that looks for a pseudonym in the signed objects of a participant, and lets go of approvals.

An approval is the one object that names a person. It is kept as long as its agreement can be proven, never longer.
"""

from connector.contracts.model import EvidenceObject
from connector.storage.database import Tx


def objects_holding(tx: Tx, participant: str, text: str, limit: int) -> list[tuple[EvidenceObject, str]]:
    """JSON objects whose bytes hold this text, each with the agreement that it belongs to, by agreement and name."""
    found = "instr(o.body, :text) > 0" if tx.dialect == "sqlite" else "position(:text IN o.body) > 0"
    rows = tx.all(
        "SELECT u.name, o.sha256, o.media_type, o.body, a.id AS agreement FROM object o"  # noqa: S608 constants
        " JOIN object_use u ON u.participant = o.participant AND u.sha256 = o.sha256"
        " JOIN agreement a ON a.participant = u.participant AND a.negotiation = u.negotiation"
        f" WHERE o.participant = :participant AND o.media_type = 'application/json' AND {found}"
        " ORDER BY a.id, u.name LIMIT :limit",
        participant=participant,
        text=text.encode(),
        limit=limit,
    )
    return [
        (EvidenceObject(name=row["name"], sha256=row["sha256"], media_type=row["media_type"], body=bytes(row["body"])),
         row["agreement"])
        for row in rows
    ]  # fmt: skip


def release(tx: Tx, participant: str, agreement: str) -> None:
    """Deletes the approvals of an agreement that nothing else refers to; without its record they prove nothing."""
    rows = tx.all(
        "SELECT u.name, u.negotiation, u.sha256 FROM object_use u JOIN agreement a"
        " ON a.participant = u.participant AND a.negotiation = u.negotiation"
        " WHERE u.participant = :participant AND a.id = :agreement"
        " AND (u.name LIKE 'approval-%' OR u.name LIKE 'late:%')",
        participant=participant,
        agreement=agreement,
    )
    for row in rows:
        tx.run(
            "DELETE FROM object_use WHERE participant = :participant AND negotiation = :negotiation AND name = :name",
            participant=participant,
            negotiation=row["negotiation"],
            name=row["name"],
        )
        tx.run(
            "DELETE FROM object WHERE participant = :participant AND sha256 = :sha256 AND NOT EXISTS"
            " (SELECT 1 FROM object_use u WHERE u.participant = object.participant AND u.sha256 = object.sha256)",
            participant=participant,
            sha256=row["sha256"],
        )
