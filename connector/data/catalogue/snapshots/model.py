"""A snapshot of a public catalogue: what its pages show never changes (spec/metadata-harvest.md 1.3)."""

from collections.abc import Sequence

import msgspec

from connector.kernel.metadata.rdf.fragments import Form

PER_PAGE = 100
LARGEST_PAGE = 16 << 20
"""Bytes of RDF/XML after which a page ends early: harvesters refuse more than 50 MB."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """`digest` names it in addresses and ETags; `starts` are the first IRIs of its pages, `about` the catalogue's own
    node as N-Triples, without its dates: since when the catalogue is public, and its last change (ms)."""

    number: int
    digest: str
    about: str
    total: int
    starts: tuple[str, ...]
    issued_at: int
    changed_at: int

    @property
    def pages(self) -> int:
        """An empty catalogue has one, without datasets."""
        return max(1, len(self.starts))


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset in a snapshot: `digest` of its triples, `size` in bytes of RDF/XML, and what its supplier said."""

    iri: str
    digest: str
    mark: str
    changed_at: int
    size: int


class Leaf(msgspec.Struct, frozen=True):
    """What a page shows in one form: the IRIs in their order, deflated parts by digest, shared lines."""

    iris: Sequence[str]
    own: Sequence[bytes]
    shared: Sequence[bytes]


class PageAsked(msgspec.Struct, frozen=True):
    """Page `number` (from 1) of a snapshot of a participant in one form, without the datasets that were taken back."""

    slug: str
    snapshot: Snapshot
    number: int
    form: Form
    without: frozenset[str] = frozenset()
