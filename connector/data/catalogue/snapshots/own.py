"""The participant's own records, and those it has taken over, as a supplier of public datasets."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from connector.data.catalogue.public import PublicMark, PublicRecords, catalogue_node
from connector.data.catalogue.snapshots.supply import Described, Listed
from connector.foundation.storage.database import Tx
from connector.identity.participants.service import Participants
from connector.kernel.metadata.project import dcat_ap
from connector.kernel.metadata.rdf import oxigraph
from connector.kernel.metadata.record.model import DatasetRecord


class OwnDatasets:
    """Supplies what `PublicRecords` says is public."""

    def __init__(self, records: PublicRecords) -> None:
        self._records = records

    def state(self, tx: Tx, slug: str) -> str:
        return f"{self._records.version(tx, slug)} {self._records.context(tx, slug)}"

    def listed(self, tx: Tx, slug: str) -> Sequence[Listed]:
        return [_listed(one) for one in self._records.marks(tx, slug)]

    def described(self, tx: Tx, slug: str, iris: Sequence[str]) -> Sequence[Described]:
        marks = {one.iri: _listed(one) for one in self._records.marks(tx, slug, iris)}
        records = (one.record for one in self._records.several(tx, slug, iris))
        return [Described(listed=marks[one.iri], triples=dcat_ap.dataset(one)) for one in records]

    def still(self, tx: Tx, slug: str, iris: Sequence[str]) -> Collection[str]:
        return self._records.still(tx, slug, iris)

    def record(self, tx: Tx, slug: str, iri: str) -> DatasetRecord | None:
        found = self._records.several(tx, slug, [iri])
        return found[0].record if found else None


class AboutCatalogue:
    """The catalogue's own node with its publisher; when it changed is the snapshot's to say."""

    def __init__(self, participants: Participants) -> None:
        self._participants = participants

    def __call__(self, tx: Tx, slug: str) -> Sequence[oxigraph.Triple]:
        return dcat_ap.catalogue(catalogue_node(self._participants.current(tx, slug), "", ""))


def _listed(one: PublicMark) -> Listed:
    return Listed(iri=one.iri, mark=one.mark, changed_at=one.changed_at)
