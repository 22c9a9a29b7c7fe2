"""SQL that looks for a pseudonym in the signed objects of a participant; nothing here changes them."""

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
