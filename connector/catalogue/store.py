"""SQL of sources, datasets and offers. Every look-up names the participant."""

from typing import Any

import msgspec

from connector.catalogue.model import Dataset, Offer, Source
from connector.storage.database import Row, Tx

_JSON = {"document", "policy", "template"}


def _plain(row: Row, cls: type[msgspec.Struct]) -> dict[str, Any]:
    values = {name: row[name] for name in cls.__struct_fields__}
    return {name: msgspec.json.decode(value) if name in _JSON else value for name, value in values.items()}


def _values(item: msgspec.Struct) -> dict[str, Any]:
    values = msgspec.structs.asdict(item)
    return {name: msgspec.json.encode(value).decode() if name in _JSON else value for name, value in values.items()}


def _dataset(row: Row) -> Dataset:
    return msgspec.convert(_plain(row, Dataset), Dataset)


def _offer(row: Row) -> Offer:
    return msgspec.convert(_plain(row, Offer), Offer)


def insert_source(tx: Tx, participant: str, source: Source) -> None:
    tx.run(
        "INSERT INTO source (participant, id, kind, location, name, media_type, bytes, sha256, created_at)"
        " VALUES (:participant, :id, :kind, :location, :name, :media_type, :bytes, :sha256, :now)",
        participant=participant,
        now=tx.now,
        **_values(source),
    )


def source(tx: Tx, participant: str, source_id: str) -> Source | None:
    row = tx.one(
        "SELECT * FROM source WHERE participant = :participant AND id = :id", participant=participant, id=source_id
    )
    return None if row is None else msgspec.convert(_plain(row, Source), Source)


def insert_dataset(tx: Tx, participant: str, dataset: Dataset) -> None:
    tx.run(
        "INSERT INTO dataset (participant, id, source, title, version, document, created_at, changed_at)"
        " VALUES (:participant, :id, :source, :title, :version, :document, :created_at, :changed_at)",
        participant=participant,
        **_values(dataset),
    )


def dataset(tx: Tx, participant: str, dataset_id: str) -> Dataset | None:
    row = tx.one(
        "SELECT * FROM dataset WHERE participant = :participant AND id = :id", participant=participant, id=dataset_id
    )
    return None if row is None else _dataset(row)


def datasets_after(tx: Tx, participant: str, after: tuple[int, str], limit: int) -> list[Dataset]:
    """Datasets in publication order, strictly after `(created_at, id)`."""
    rows = tx.all(
        "SELECT * FROM dataset WHERE participant = :participant"
        " AND (created_at > :at OR (created_at = :at AND id > :id)) ORDER BY created_at, id LIMIT :limit",
        participant=participant,
        at=after[0],
        id=after[1],
        limit=limit,
    )
    return [_dataset(row) for row in rows]


def insert_offer(tx: Tx, participant: str, offer: Offer) -> None:
    tx.run(
        "INSERT INTO offer (participant, id, dataset, policy, digest, visibility, countersignature, template, state,"
        " created_at) VALUES (:participant, :id, :dataset, :policy, :digest, :visibility, :countersignature,"
        " :template, :state, :created_at)",
        participant=participant,
        **_values(offer),
    )


def offer(tx: Tx, participant: str, offer_id: str) -> Offer | None:
    row = tx.one(
        "SELECT * FROM offer WHERE participant = :participant AND id = :id", participant=participant, id=offer_id
    )
    return None if row is None else _offer(row)


def offers_on(tx: Tx, participant: str, dataset_id: str) -> list[Offer]:
    rows = tx.all(
        "SELECT * FROM offer WHERE participant = :participant AND dataset = :dataset AND state = 'published'"
        " ORDER BY created_at, id",
        participant=participant,
        dataset=dataset_id,
    )
    return [_offer(row) for row in rows]
