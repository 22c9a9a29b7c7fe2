"""A town with entries in its log, for the tests that look at tiles, proofs and bundles."""

import pytest

from connector.foundation.storage import Tx
from connector.identity.audit import merkle, store, tiles
from tests.verify.forge import PROVIDER, LogKey, root_of

TOWN = "musterstadt"
ROOT = root_of(PROVIDER)
AGREEMENT = "urn:uuid:1"
KEY = LogKey()


HEIGHTS = [4, pytest.param(8, marks=pytest.mark.long)]
"""Of tiles: a log of three levels needs 65,536 entries with ours, and 256 with the lower ones."""


def lower_tiles(monkeypatch: pytest.MonkeyPatch, height: int) -> int:
    """Tiles of this height instead of 8; their width."""
    for module in (merkle, tiles):
        monkeypatch.setattr(module, "TILE_HEIGHT", height)
    monkeypatch.setattr(tiles, "WIDTH", 1 << height)
    return 1 << height


def add(tx: Tx, type_: str, agreement: str | None) -> None:
    store.append(tx, TOWN, type_, agreement, "p-1", {"what": type_}, did=PROVIDER)


def entries(tx: Tx, first: int, count: int) -> None:
    """Leaves without records: only their hashes matter here."""
    for number in range(first, first + count):
        tx.run(
            "INSERT INTO audit_entry (participant, agreement, type, seq, at, leaf)"
            " VALUES (:participant, NULL, 'decision', 0, 0, :leaf)",
            participant=TOWN,
            leaf=number.to_bytes(32),
        )
