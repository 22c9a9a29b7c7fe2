"""Which keys each peer showed us, kept beyond a restart: the memory that did:web itself does not have (threat T08)."""

from collections.abc import Mapping

import msgspec

from connector.foundation.storage.database import Tx

Thumbprints = Mapping[str, frozenset[str]]


def load(tx: Tx) -> dict[str, dict[str, frozenset[str]]]:
    """All pins by DID: relation -> thumbprints."""
    rows = tx.all("SELECT did, keys FROM did_pin")
    return {row["did"]: msgspec.json.decode(row["keys"], type=dict[str, frozenset[str]]) for row in rows}


def forget(tx: Tx, did: str) -> None:
    tx.run("DELETE FROM did_pin WHERE did = :did", did=did)


def keep(tx: Tx, did: str, pins: Thumbprints) -> None:
    tx.run(
        "INSERT INTO did_pin (did, keys, seen_at) VALUES (:did, :keys, :now)"
        " ON CONFLICT (did) DO UPDATE SET keys = :keys, seen_at = :now",
        did=did,
        keys=msgspec.json.encode({relation: sorted(keys) for relation, keys in pins.items()}),
        now=tx.now,
    )
