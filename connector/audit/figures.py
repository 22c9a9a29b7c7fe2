"""Figures counted from the participant's own log; each opens the events behind it (spec/records.md 8.1)."""

from typing import Any

import msgspec

from connector.storage.database import Tx

MOST = 10_000


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """`events` are the log entries (id, type, time in ms) that were counted; `of` is what the value is a share of."""

    id: str
    value: float
    unit: str
    of: int | None = None
    events: tuple[dict[str, object], ...] = ()


def figures(tx: Tx, participant: str) -> list[Figure]:
    """Published datasets, reuse, refusals and bytes, over the newest 10 000 entries."""
    rows = tx.all(
        "SELECT id, type, at, record FROM audit_entry WHERE participant = :participant AND record IS NOT NULL"
        " ORDER BY id DESC LIMIT :limit",
        participant=participant,
        limit=MOST,
    )
    entries = [(row, _body(row["record"])) for row in rows]
    published = [pair for pair in entries if pair[0]["type"] == "publication" and _published(pair[1])]
    agreed = [pair for pair in entries if pair[0]["type"] == "agreement"]
    refused = [pair for pair in entries if pair[0]["type"] == "decision" and pair[1].get("permit") is False]
    moved = [
        pair
        for pair in entries
        if pair[0]["type"] == "transfer" and pair[1].get("event") in ("sent", "part", "received")
    ]
    return [
        _count("published", "datasets", published),
        _count("agreements", "agreements", agreed),
        _count("refusals", "decisions", refused),
        Figure(
            id="bytes", value=sum(int(body.get("bytes", 0)) for _, body in moved), unit="bytes", events=_events(moved)
        ),
    ]


def _published(body: dict[str, Any]) -> bool:
    """Not what became of it later, nor what a participant says of itself."""
    return body.get("action", "published") == "published" and not {"publisher", "visibility"} & body.keys()


def _body(record: bytes) -> dict[str, Any]:
    value = msgspec.json.decode(record)
    body = value.get("body") if isinstance(value, dict) else None
    return body if isinstance(body, dict) else {}


def _count(name: str, unit: str, found: list[Any]) -> Figure:
    return Figure(id=name, value=len(found), unit=unit, events=_events(found))


def _events(found: list[Any]) -> tuple[dict[str, object], ...]:
    return tuple({"id": row["id"], "type": row["type"], "at": row["at"]} for row, _ in found[:100])
