"""SQL of drafts. Every look-up names the participant."""

from typing import Any

import msgspec

from connector.data.approvals.model import NOBODY
from connector.data.drafts.model import Draft, Problem, Said
from connector.data.sources.model import ELSEWHERE
from connector.foundation.storage.database import Row, Tx, for_update
from connector.kernel.reading.model import Reading

_JSON: dict[str, type[msgspec.Struct]] = {"reading": Reading, "problem": Problem, "said": Said}
_NAMES = ", ".join(Draft.__struct_fields__)
_WITHOUT_READING = ", ".join("NULL AS reading" if name == "reading" else name for name in Draft.__struct_fields__)


def _draft(row: Row) -> Draft:
    values: dict[str, Any] = {name: row[name] for name in Draft.__struct_fields__}
    for name, cls in _JSON.items():
        values[name] = None if values[name] is None else msgspec.json.decode(values[name], type=cls)
    return Draft(**values)


def _values(one: Draft) -> dict[str, Any]:
    values = {name: getattr(one, name) for name in Draft.__struct_fields__}
    for name in _JSON:
        values[name] = None if values[name] is None else msgspec.json.encode(values[name]).decode()
    return values


def insert(tx: Tx, participant: str, one: Draft) -> None:
    tx.run(
        f"INSERT INTO publication_draft (participant, {_NAMES}) VALUES (:participant,"  # noqa: S608 names of fields
        f" {', '.join(f':{name}' for name in Draft.__struct_fields__)})",
        participant=participant,
        **_values(one),
    )


def update(tx: Tx, participant: str, one: Draft, seen: int) -> bool:
    """Takes the place of version `seen`; False if another one is there by now."""
    return bool(
        tx.run(
            "UPDATE publication_draft SET author = :author, state = :state, dataset = :dataset, source = :source,"
            " copy = :copy, name = :name, bytes = :bytes, reading = :reading, problem = :problem, said = :said,"
            " approval = :approval, version = :version, changed_at = :changed_at, published_at = :published_at"
            " WHERE participant = :participant AND id = :id AND version = :seen",
            participant=participant,
            seen=seen,
            **{name: value for name, value in _values(one).items() if name not in ("kind", "created_at")},
        )
    )


def draft(tx: Tx, participant: str, draft_id: str) -> Draft | None:
    return next(iter(_drafts(tx, participant, "id = :id", id=draft_id)), None)


def open_ones(tx: Tx, participant: str, limit: int) -> list[Draft]:
    """What is being prepared, the latest change first; without what was read."""
    return _drafts(
        tx,
        participant,
        "state IN ('reading', 'open', 'submitted') ORDER BY changed_at DESC, id LIMIT :limit",
        names=_WITHOUT_READING,
        limit=limit,
    )


def of_dataset(tx: Tx, participant: str, dataset: str) -> list[Draft]:
    """Those that became this dataset, or versions of it, the newest first."""
    return _drafts(
        tx,
        participant,
        "dataset = :dataset AND state = 'published' ORDER BY published_at DESC, id LIMIT 100",
        dataset=dataset,
    )


def of_approval(tx: Tx, participant: str, approval: str) -> Draft | None:
    """That which was handed to those who have to agree."""
    handed = "approval = :approval AND state = 'submitted' LIMIT 1"
    return next(iter(_drafts(tx, participant, handed, approval=approval)), None)


def submitted(tx: Tx, participant: str, limit: int) -> list[Draft]:
    """Those that others have to agree to, or had to, the newest first."""
    return _drafts(tx, participant, "state = 'submitted' ORDER BY changed_at DESC, id LIMIT :limit", limit=limit)


def _drafts(tx: Tx, participant: str, which: str, names: str = _NAMES, **values: Any) -> list[Draft]:
    rows = tx.all(
        f"SELECT {names} FROM publication_draft WHERE participant = :participant AND {which}",  # noqa: S608 constants
        participant=participant,
        **values,
    )
    return [_draft(row) for row in rows]


def taken(tx: Tx, participant: str) -> frozenset[str]:
    """Sources and files that any draft has or had."""
    rows = tx.all(
        "SELECT source, copy FROM publication_draft WHERE participant = :participant", participant=participant
    )
    return frozenset(str(row[name]) for row in rows for name in ("source", "copy"))


def count_open(tx: Tx, participant: str) -> int:
    row = tx.one(
        "SELECT count(*) AS n FROM publication_draft WHERE participant = :participant AND state IN ('reading', 'open')",
        participant=participant,
    )
    return 0 if row is None else int(row["n"])


def forget_author(tx: Tx, participant: str, who: str) -> None:
    """In place of this pseudonym stands that nobody knows who it was, in all that is not out yet."""
    tx.run(
        "UPDATE publication_draft SET author = REPLACE(author, :who, :nobody), version = version + 1"
        " WHERE participant = :participant AND state IN ('reading', 'open', 'submitted') AND author LIKE :like",
        participant=participant,
        who=who,
        nobody=NOBODY,
        like=f"%{who}%",
    )


def erase(tx: Tx, participant: str, copy: str) -> None:
    """Every draft of the file with this SHA-256 that is neither published nor waits for others."""
    tx.run(
        "DELETE FROM publication_draft WHERE participant = :participant AND copy = :copy"
        " AND state IN ('reading', 'open', 'discarded')",
        participant=participant,
        copy=copy,
    )


def leftovers(tx: Tx, participant: str, *, discarded: int, unused: int, lock: bool) -> frozenset[str]:
    """Sources (ids), files and live ones, that nothing names: their draft was discarded before the one instant, or they
    had none and were handed in before the other; the oldest 500. `lock`: they stay as they are until the unit ends."""
    rows = tx.all(
        "SELECT s.id FROM source s WHERE s.participant = :participant AND s.kind <> :elsewhere"  # noqa: S608 one of two
        " AND s.created_at < :discarded"
        " AND NOT EXISTS (SELECT 1 FROM dataset d WHERE d.participant = s.participant AND d.source = s.id)"
        " AND NOT EXISTS (SELECT 1 FROM revision r WHERE r.participant = s.participant AND r.source = s.id)"
        " AND NOT EXISTS (SELECT 1 FROM publication_draft p WHERE p.participant = s.participant"
        " AND (p.source = s.id OR p.copy = s.location)"
        " AND (p.state <> 'discarded' OR p.changed_at >= :discarded))"
        " AND NOT EXISTS (SELECT 1 FROM approval a WHERE a.participant = s.participant AND a.state = 'open'"
        " AND a.draft LIKE '%' || s.id || '%')"
        " AND (s.created_at < :unused OR EXISTS (SELECT 1 FROM publication_draft p"
        " WHERE p.participant = s.participant AND (p.source = s.id OR p.copy = s.location)"
        " AND p.changed_at >= s.created_at))"
        f" ORDER BY s.created_at, s.id LIMIT 500{for_update(tx) if lock else ''}",
        participant=participant,
        elsewhere=ELSEWHERE,
        discarded=discarded,
        unused=unused,
    )
    return frozenset(str(row["id"]) for row in rows)


def named_files(tx: Tx, participant: str) -> frozenset[str]:
    """Files (SHA-256) that a source or a draft names."""
    rows = tx.all(
        "SELECT location FROM source WHERE participant = :participant AND kind = 'file' UNION"
        " SELECT copy FROM publication_draft WHERE participant = :participant AND state <> 'discarded'",
        participant=participant,
    )
    return frozenset(str(row["location"]) for row in rows)
