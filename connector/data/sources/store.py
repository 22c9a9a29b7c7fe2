"""SQL of the table `source`. Every look-up names the participant."""

from collections.abc import Sequence
from typing import Final

from msgspec import convert, json, structs

from connector.data.sources.model import ELSEWHERE, Source
from connector.foundation.storage.database import SYSTEM, Row, Tx, for_update

_UNNAMED: Final = (
    " AND NOT EXISTS (SELECT 1 FROM dataset d WHERE d.participant = source.participant AND d.source = source.id)"
    " AND NOT EXISTS (SELECT 1 FROM revision r WHERE r.participant = source.participant AND r.source = source.id)"
)


def of_row(row: Row) -> Source:
    """Reads a row that has the columns of the table under their own names."""
    values = {name: row[name] for name in Source.__struct_fields__}
    return convert({**values, "parameters": json.decode(row["parameters"])}, Source)


def parameters(source: Source) -> str:
    """As the column has them: the same for the same parameters."""
    return json.encode(source.parameters, order="sorted").decode()


def insert(tx: Tx, participant: str, source: Source) -> None:
    tx.run(
        "INSERT INTO source (participant, id, kind, location, name, media_type, bytes, sha256, created_at, made_by,"
        " parameters, secrets) VALUES (:participant, :id, :kind, :location, :name, :media_type, :bytes, :sha256, :now,"
        " :by, :parameters, :secrets)",
        participant=participant,
        by="" if tx.actor == SYSTEM else tx.actor,
        now=tx.now,
        **{**structs.asdict(source), "parameters": parameters(source)},
    )


def source(tx: Tx, participant: str, source_id: str, *, lock: bool = False) -> Source | None:
    """With `lock` it stays until the unit ends."""
    row = tx.one(
        f"SELECT * FROM source WHERE participant = :participant AND id = :id{for_update(tx) if lock else ''}",  # noqa: S608 one of two
        participant=participant,
        id=source_id,
    )
    return None if row is None else of_row(row)


def sources(tx: Tx, participant: str, ids: Sequence[str]) -> dict[str, Source]:
    """Those of these ids that are there."""
    named: dict[str, object] = {f"source{index}": each for index, each in enumerate(ids)}
    if not named:
        return {}
    listed = ", ".join(f":{name}" for name in named)
    rows = tx.all(
        f"SELECT * FROM source WHERE participant = :participant AND id IN ({listed})",  # noqa: S608 names of parameters
        participant=participant,
        **named,
    )
    return {row["id"]: of_row(row) for row in rows}


def handed_in_by(tx: Tx, participant: str, source_id: str) -> str:
    """The pseudonym of who handed in a file; empty where nobody knows."""
    row = tx.one(
        "SELECT made_by FROM source WHERE participant = :participant AND id = :id",
        participant=participant,
        id=source_id,
    )
    return "" if row is None else str(row["made_by"])


def unpublished(tx: Tx, participant: str, limit: int) -> list[Source]:
    """What could be served and no dataset has or had, the newest first."""
    rows = tx.all(
        f"SELECT * FROM source WHERE participant = :participant AND kind <> :elsewhere{_UNNAMED}"  # noqa: S608 constant
        " ORDER BY created_at DESC, id LIMIT :limit",
        participant=participant,
        elsewhere=ELSEWHERE,
        limit=limit,
    )
    return [of_row(row) for row in rows]


def forget(tx: Tx, participant: str, source_id: str) -> None:
    tx.run("DELETE FROM source WHERE participant = :participant AND id = :id", participant=participant, id=source_id)


def forget_at(tx: Tx, participant: str, location: str) -> bool:
    """Those at a location that no dataset has or had go; True if none is left there."""
    tx.run(
        f"DELETE FROM source WHERE participant = :participant AND location = :location{_UNNAMED}",  # noqa: S608 constant
        participant=participant,
        location=location,
    )
    sql = "SELECT 1 AS one FROM source WHERE participant = :participant AND location = :location LIMIT 1"
    return tx.one(sql, participant=participant, location=location) is None
