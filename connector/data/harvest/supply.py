"""What came from foreign catalogues, for others: public datasets, open questions (spec/metadata-harvest.md 1.6).

Only what conforms is there: a dataset that waits for an answer, or was set aside, is in no public catalogue.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from connector.data.catalogue.snapshots.supply import Described, Listed
from connector.data.harvest import store
from connector.data.harvest.model import PublishedDataset, Source
from connector.foundation.storage.database import Tx
from connector.kernel.metadata.rdf import oxigraph
from connector.kernel.metadata.record.model import DatasetRecord


class ImportedDatasets:
    """Imported datasets of all participants."""

    def state(self, tx: Tx, slug: str) -> str:
        return " ".join(f"{one.id}:{one.version}" for one in store.sources(tx, slug))

    def listed(self, tx: Tx, slug: str) -> Sequence[Listed]:
        found = store.served_marks(tx, slug)
        return [Listed(iri=iri, mark=sha256, changed_at=changed_at) for iri, sha256, changed_at in found]

    def described(self, tx: Tx, slug: str, iris: Sequence[str]) -> Sequence[Described]:
        found = [store.served_one(tx, slug, iri) for iri in iris]
        return [_described(one) for one in found if one is not None]

    def still(self, tx: Tx, slug: str, iris: Sequence[str]) -> Collection[str]:
        return store.served_of(tx, slug, iris)

    def records(self, tx: Tx, slug: str, after: str, limit: int) -> Sequence[tuple[str, DatasetRecord]]:
        found = store.records(tx, slug, after, limit)
        return [(iri, msgspec.json.decode(record, type=DatasetRecord)) for iri, _, record in found]

    def record(self, tx: Tx, slug: str, iri: str) -> DatasetRecord | None:
        found = store.record(tx, slug, iri)
        return None if found is None else msgspec.json.decode(found, type=DatasetRecord)


def asked(tx: Tx, slug: str) -> list[tuple[Source, int]]:
    """Sources with open questions, and how many."""
    counts = store.asked(tx, slug)
    return [(one, counts[one.id]) for one in store.sources(tx, slug) if one.id in counts]


def _described(one: PublishedDataset) -> Described:
    quads = oxigraph.parse(one.triples, oxigraph.RdfFormat.N_TRIPLES, lenient=True)
    triples = [oxigraph.Triple(quad.subject, quad.predicate, quad.object) for quad in quads]
    return Described(listed=Listed(iri=one.iri, mark=one.sha256, changed_at=one.changed_at), triples=triples)
