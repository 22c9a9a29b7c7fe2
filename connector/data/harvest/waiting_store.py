"""SQL of imported datasets that wait for people. Every look-up names the participant."""

import zlib
from collections.abc import Sequence

import msgspec

from connector.data.harvest.model import ImportedDataset, Waiting
from connector.foundation.storage.database import Row, Tx


def keep(tx: Tx, participant: str, source_id: str, kept: str, template: str, one: ImportedDataset) -> bool:
    """Whether it is another than waited there until now."""
    before = tx.one(
        "SELECT iri, sha256, template FROM harvest_waiting WHERE participant = :participant AND kept = :kept",
        participant=participant,
        kept=kept,
    )
    if before is not None and (before["iri"], before["sha256"], before["template"]) == (one.iri, one.sha256, template):
        return False
    drop(tx, participant, kept)
    tx.run(
        "INSERT INTO harvest_waiting (participant, kept, source, iri, template, sha256, content)"
        " VALUES (:participant, :kept, :source, :iri, :template, :sha256, :content)",
        participant=participant,
        kept=kept,
        source=source_id,
        iri=one.iri,
        template=template,
        sha256=one.sha256,
        content=zlib.compress(msgspec.msgpack.encode(one)),
    )
    return True


def drop(tx: Tx, participant: str, kept: str) -> None:
    tx.run(
        "DELETE FROM harvest_waiting WHERE participant = :participant AND kept = :kept",
        participant=participant,
        kept=kept,
    )


def marks(tx: Tx, participant: str, source_id: str) -> list[tuple[str, str, str, str]]:
    """Of all that wait of a source: where it is kept, IRI, SHA-256 and template, by IRI."""
    rows = tx.all(
        "SELECT kept, iri, sha256, template FROM harvest_waiting WHERE participant = :participant"
        " AND source = :source ORDER BY iri, kept",
        participant=participant,
        source=source_id,
    )
    return [(row["kept"], row["iri"], row["sha256"], row["template"]) for row in rows]


def hands(tx: Tx, participant: str, source_id: str) -> tuple[str, ...]:
    """Pseudonyms of all who had a hand in what waits of a source."""
    rows = tx.all(
        "SELECT DISTINCT d.brought_by AS hands FROM harvest_waiting w JOIN harvest_dataset d"
        " ON d.participant = w.participant AND d.iri = w.kept"
        " WHERE w.participant = :participant AND w.source = :source ORDER BY hands",
        participant=participant,
        source=source_id,
    )
    return tuple(dict.fromkeys(who for row in rows for who in row["hands"].split()))


def counted(tx: Tx, participant: str) -> dict[str, int]:
    """How many wait, by source, for those with any."""
    rows = tx.all(
        "SELECT source, count(*) AS n FROM harvest_waiting WHERE participant = :participant GROUP BY source",
        participant=participant,
    )
    return {row["source"]: int(row["n"]) for row in rows}


def waiting(tx: Tx, participant: str, source_id: str, after: str, limit: int) -> Sequence[Waiting]:
    """By IRI, those behind `after`."""
    rows = tx.all(
        "SELECT kept, content FROM harvest_waiting WHERE participant = :participant AND source = :source"
        " AND iri > :after ORDER BY iri LIMIT :limit",
        participant=participant,
        source=source_id,
        after=after,
        limit=limit,
    )
    return [_waiting(row) for row in rows]


def _waiting(row: Row) -> Waiting:
    content = zlib.decompress(bytes(row["content"]))
    return Waiting(row["kept"], msgspec.msgpack.decode(content, type=ImportedDataset))
