"""SQL of pinned spaces and of their lists, process-wide: what was taken once is never taken back by a restart."""

import msgspec

from connector.errors import Mistake
from connector.storage.database import Row, Tx
from connector.trust.members.anchors import Pin

KEPT = 3
"""Versions of a list that stay in the database: the newest one counts, the others are for whoever looks into a fork."""
TOPIC = "trust-list"
"""Signals that another version was kept, or another space pinned."""


def pin(tx: Tx, one: Pin) -> None:
    """Believes a space from now on; raises Mistake if its IRI is pinned with another key."""
    known = tx.one("SELECT authority FROM pinned_space WHERE space = :space", space=one.space)
    if known is not None:
        if known["authority"] != one.authority:
            raise Mistake("spaces.other-key", space=one.space)
        return
    tx.run(
        "INSERT INTO pinned_space (authority, space, name, did, jwk, list_url, pinned_at)"
        " VALUES (:authority, :space, :name, :did, :jwk, :list_url, :now) ON CONFLICT DO NOTHING",
        authority=one.authority,
        space=one.space,
        name=one.name,
        did=one.did,
        jwk=msgspec.json.encode(one.jwk).decode(),
        list_url=one.list_url,
        now=tx.now,
    )
    tx.signal(TOPIC)


def pins(tx: Tx) -> list[Pin]:
    """All pinned spaces, the one pinned first in front."""
    return [_pin(row) for row in tx.all("SELECT * FROM pinned_space ORDER BY pinned_at, authority")]


def newest(tx: Tx, authority: str, beyond: int = 0) -> str | None:
    """The newest list of an authority that was kept, if its version is beyond this one."""
    row = tx.one(
        "SELECT jws FROM space_list WHERE authority = :authority AND version > :beyond ORDER BY version DESC LIMIT 1",
        authority=authority,
        beyond=beyond,
    )
    return None if row is None else str(row["jws"])


def keep(tx: Tx, authority: str, version: int, jws: str) -> None:
    """Keeps a list that was taken, and the two before it; tells other replicas."""
    tx.run(
        "INSERT INTO space_list (authority, version, jws, accepted_at) VALUES (:authority, :version, :jws, :now)"
        " ON CONFLICT DO NOTHING",
        authority=authority,
        version=version,
        jws=jws,
        now=tx.now,
    )
    tx.run(
        "DELETE FROM space_list WHERE authority = :authority AND version <= :gone",
        authority=authority,
        gone=version - KEPT,
    )
    tx.signal(TOPIC)


def _pin(row: Row) -> Pin:
    return Pin(
        authority=row["authority"], space=row["space"], name=row["name"], did=row["did"],
        jwk=msgspec.json.decode(row["jwk"]), list_url=row["list_url"],
    )  # fmt: skip
