"""SQL of the objects that seals refer to: each is stored once, and its uses say whose they are.

A use names the negotiation, and so the one partner that may have the object (threat T17).
"""

from functools import lru_cache
from typing import Final

from connector.exchange.contracts.model import EvidenceObject
from connector.foundation.storage.database import Tx


def keep_object(tx: Tx, participant: str, case_id: str, counterparty: str, *items: EvidenceObject) -> None:
    """Stores each object once per participant and notes which negotiation, and so which partner, it belongs to.

    In the order of their digests, so that two replicas that store the same ones wait for each other in one direction.
    """
    for some in _portions(sorted(items, key=lambda item: item.sha256)):
        bodies: dict[str, object] = {"participant": participant}
        uses: dict[str, object] = {"participant": participant, "negotiation": case_id, "counterparty": counterparty}
        for n, item in enumerate(some):
            bodies |= {f"sha256_{n}": item.sha256, f"media_type_{n}": item.media_type, f"body_{n}": item.body}
            uses |= {f"sha256_{n}": item.sha256, f"name_{n}": item.name}
        store_them = (
            f"INSERT INTO object (participant, sha256, media_type, body) VALUES {_bodies(len(some))}"  # noqa: S608 names
            " ON CONFLICT DO NOTHING"
        )
        note_uses = (
            "INSERT INTO object_use (participant, negotiation, name, sha256, counterparty)"  # noqa: S608 names
            f" VALUES {_uses(len(some))} ON CONFLICT DO NOTHING"
        )
        if tx.dialect == "postgres":  # in one round trip: that each use has its object is looked at behind both
            tx.run(f"WITH stored AS ({store_them}) {note_uses}", **(bodies | uses))
        else:
            tx.run(store_them, **bodies)
            tx.run(note_uses, **uses)


PORTION: Final = 16
"""Objects of one statement; a contract has about eight."""


def _portions(items: list[EvidenceObject]) -> list[list[EvidenceObject]]:
    return [items[first : first + PORTION] for first in range(0, len(items), PORTION)]


@lru_cache(maxsize=PORTION)
def _bodies(count: int) -> str:
    return ", ".join(f"(:participant, :sha256_{n}, :media_type_{n}, :body_{n})" for n in range(count))


@lru_cache(maxsize=PORTION)
def _uses(count: int) -> str:
    return ", ".join(f"(:participant, :negotiation, :name_{n}, :sha256_{n}, :counterparty)" for n in range(count))


def take_object(tx: Tx, participant: str, case_id: str, counterparty: str, item: EvidenceObject) -> None:
    """As `keep_object`, in the place of the object of that name; the former one stays stored, without a use."""
    drop_use(tx, participant, case_id, item.name)
    keep_object(tx, participant, case_id, counterparty, item)


def drop_use(tx: Tx, participant: str, case_id: str, name: str) -> None:
    """The negotiation knows no object by that name any more."""
    tx.run(
        "DELETE FROM object_use WHERE participant = :participant AND negotiation = :negotiation AND name = :name",
        participant=participant,
        negotiation=case_id,
        name=name,
    )


def used(tx: Tx, participant: str, case_id: str, name: str) -> str | None:
    """The SHA-256 of the object that a negotiation knows by that name."""
    row = tx.one(
        "SELECT sha256 FROM object_use"
        " WHERE participant = :participant AND negotiation = :negotiation AND name = :name",
        participant=participant,
        negotiation=case_id,
        name=name,
    )
    return None if row is None else str(row["sha256"])


def objects(tx: Tx, participant: str, case_id: str, *names: str) -> dict[str, EvidenceObject]:
    """All objects of a negotiation by their name in the bundle, or those of these names."""
    wanted = {f"name{n}": name for n, name in enumerate(names)}
    among = ", ".join(f":{key}" for key in wanted)
    rows = tx.all(
        "SELECT u.name, o.sha256, o.media_type, o.body FROM object_use u JOIN object o"  # noqa: S608 constants
        " ON o.participant = u.participant AND o.sha256 = u.sha256"
        " WHERE u.participant = :participant AND u.negotiation = :negotiation"
        + (f" AND u.name IN ({among})" if names else ""),
        participant=participant,
        negotiation=case_id,
        **wanted,
    )
    return {
        row["name"]: EvidenceObject(
            name=row["name"], sha256=row["sha256"], media_type=row["media_type"], body=bytes(row["body"])
        )
        for row in rows
    }


def known_object(tx: Tx, participant: str, sha256: str) -> EvidenceObject | None:
    row = tx.one(
        "SELECT * FROM object WHERE participant = :participant AND sha256 = :sha256",
        participant=participant,
        sha256=sha256,
    )
    if row is None:
        return None
    return EvidenceObject(name="", sha256=sha256, media_type=row["media_type"], body=bytes(row["body"]))


def known_bodies(tx: Tx, participant: str, hashes: tuple[str, ...]) -> dict[str, bytes]:
    """Those of these objects that are here already, by their SHA-256."""
    found = {sha256: known_object(tx, participant, sha256) for sha256 in hashes}
    return {sha256: item.body for sha256, item in found.items() if item is not None}


def object_for_partner(tx: Tx, participant: str, sha256: str, counterparty: str) -> EvidenceObject | None:
    """The object, only if this peer is the partner of a negotiation that refers to it."""
    row = tx.one(
        "SELECT 1 FROM object_use WHERE participant = :participant AND sha256 = :sha256"
        " AND counterparty = :counterparty LIMIT 1",
        participant=participant,
        sha256=sha256,
        counterparty=counterparty,
    )
    return None if row is None else known_object(tx, participant, sha256)
