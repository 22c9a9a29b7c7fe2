"""SQL of series: what several datasets are editions of, and which these are."""

from collections.abc import Sequence

import msgspec

from connector.data.catalogue import columns
from connector.foundation.storage.database import Tx
from connector.kernel.metadata.record.model import DatasetRecord, Series


def insert_series(tx: Tx, participant: str, series_id: str, title: str, document: str) -> None:
    tx.run(
        "INSERT INTO series (participant, id, title, document, created_at, changed_at) VALUES"
        " (:participant, :id, :title, :document, :now, :now) ON CONFLICT DO NOTHING",
        participant=participant,
        id=series_id,
        title=title,
        document=document,
        now=tx.now,
    )


def series_titled(tx: Tx, participant: str, title: str) -> str | None:
    """The IRI of the series with this title."""
    row = tx.one(
        "SELECT id FROM series WHERE participant = :participant AND title = :title",
        participant=participant,
        title=title,
    )
    return None if row is None else str(row["id"])


def series(tx: Tx, participant: str, series_id: str | None = None) -> dict[str, Series]:
    """All series by their IRIs, or the one."""
    found = tx.all(
        "SELECT * FROM series WHERE participant = :participant AND (id = :id OR :every = 1) ORDER BY id",
        participant=participant,
        id=series_id or "",
        every=int(series_id is None),
    )
    return {row["id"]: msgspec.json.decode(row["document"], type=Series) for row in found}


def members(tx: Tx, participant: str, access: Sequence[str], series_id: str) -> list[tuple[str, DatasetRecord]]:
    """The published datasets with such access that belong to a series; only those records are read."""
    among, values = columns.among("access", "access", access)
    found = tx.all(
        "SELECT id, record FROM dataset WHERE participant = :participant AND state = 'published'"  # noqa: S608 constants
        f" AND {among} AND record LIKE :series ESCAPE '!' ORDER BY id",
        participant=participant,
        series=f"%{columns.literal(msgspec.json.encode(series_id).decode())}%",
        **values,
    )
    records = [(row["id"], msgspec.json.decode(row["record"], type=DatasetRecord)) for row in found]
    return [(iri, record) for iri, record in records if series_id in (one.iri for one in record.series)]
