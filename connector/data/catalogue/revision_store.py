"""SQL of revisions: what was published of a dataset, since when and from which source."""

from collections.abc import Sequence

import msgspec

from connector.data.catalogue import columns
from connector.data.catalogue.model import Revision
from connector.data.sources import store as source_store
from connector.data.sources.model import Source
from connector.foundation.storage.database import Tx


def insert_revision(tx: Tx, participant: str, dataset_id: str, revision: Revision) -> None:
    """Nothing if the dataset has this one already."""
    tx.run(
        "INSERT INTO revision (participant, dataset, number, at, action, version, source, record) VALUES"
        " (:participant, :dataset, :number, :at, :action, :version, :source, :record)"
        " ON CONFLICT (participant, dataset, number) DO NOTHING",
        participant=participant,
        dataset=dataset_id,
        **columns.values(revision),
    )


def revisions(tx: Tx, participant: str, dataset_id: str) -> list[Revision]:
    """The oldest first."""
    found = tx.all(
        "SELECT * FROM revision WHERE participant = :participant AND dataset = :dataset ORDER BY number",
        participant=participant,
        dataset=dataset_id,
    )
    return [msgspec.convert(columns.plain(row, Revision), Revision) for row in found]


def sources_of(tx: Tx, participant: str, dataset_id: str, version: str) -> list[Source]:
    """Where a version of a dataset came from, the newest source first."""
    found = tx.all(
        "SELECT s.* FROM source s WHERE s.participant = :participant AND s.id IN (SELECT source FROM revision"
        " WHERE participant = :participant AND dataset = :dataset AND version = :version)"
        " ORDER BY s.created_at DESC, s.id",
        participant=participant,
        dataset=dataset_id,
        version=version,
    )
    return [source_store.of_row(row) for row in found]


class Revised(msgspec.Struct, frozen=True):
    """At which revision a dataset is."""

    id: str
    revision: int
    access: str
    changed_at: int


def revisions_with_access(
    tx: Tx, participant: str, access: Sequence[str], ids: Sequence[str] | None = None
) -> list[Revised]:
    """All published datasets with such access, or those of these."""
    among, values = columns.among("access", "access", access)
    named, names = ("1 = 1", dict[str, object]()) if ids is None else columns.among("id", "id", ids)
    found = tx.all(
        "SELECT id, revision, access, changed_at FROM dataset WHERE participant = :participant"  # noqa: S608 constants
        f" AND state = 'published' AND {among} AND {named}",
        participant=participant,
        **values,
        **names,
    )
    return [Revised(row["id"], row["revision"], row["access"], row["changed_at"]) for row in found]
