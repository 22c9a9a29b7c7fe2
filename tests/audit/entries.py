"""A town with entries in its log, for the tests that look at tiles, proofs and bundles."""

from connector.audit import store
from connector.storage import Tx
from tests.verify.forge import PROVIDER, LogKey, root_of

TOWN = "musterstadt"
ROOT = root_of(PROVIDER)
AGREEMENT = "urn:uuid:1"
KEY = LogKey()


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
