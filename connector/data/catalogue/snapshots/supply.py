"""The port for whoever has public datasets: own ones, and those that were imported (spec/metadata-harvest.md 1.6).

A supplier gives what everybody may see and nothing else: what it lists is on the web. It must be cheap to say that
nothing has changed, for that is asked with every request.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from connector.foundation.storage.database import Tx
from connector.kernel.metadata.rdf import oxigraph
from connector.kernel.metadata.record.model import DatasetRecord


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A public dataset. `mark` is another text whenever its triples may be others: a count, or a content hash;
    `changed_at` (ms) is its last change."""

    iri: str
    mark: str
    changed_at: int


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of it, complete in itself: publisher, series and services too."""

    listed: Listed
    triples: Sequence[oxigraph.Triple]


class Supplier(Protocol):
    """Reads in the transaction that it is given."""

    def state(self, tx: Tx, slug: str) -> str:
        """Another text whenever anything of `listed` may be another. One cheap look-up."""

    def listed(self, tx: Tx, slug: str) -> Sequence[Listed]:
        """All public datasets of the participant, in any order, each IRI once."""

    def described(self, tx: Tx, slug: str, iris: Sequence[str]) -> Sequence[Described]:
        """Those of these that are public now, as they are now. Raises ValueError for what cannot be described."""

    def still(self, tx: Tx, slug: str, iris: Sequence[str]) -> Collection[str]:
        """Those of these that are public now."""

    def record(self, tx: Tx, slug: str, iri: str) -> DatasetRecord | None:
        """The complete record of one, for its page; None if it is not public, or not of this supplier."""


class Imported(Protocol):
    """The same of datasets that are not the participant's own, as inventories list them: by their records."""

    def state(self, tx: Tx, slug: str) -> str:
        """As `Supplier.state`."""

    def records(self, tx: Tx, slug: str, after: str, limit: int) -> Sequence[tuple[str, DatasetRecord]]:
        """Public datasets by IRI, those behind `after`."""

    def record(self, tx: Tx, slug: str, iri: str) -> DatasetRecord | None:
        """As `Supplier.record`."""
