"""SQL of foreign catalogues. Every look-up names the participant."""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from connector.data.harvest.model import (
    UNKNOWN,
    Answer,
    DatasetQuestion,
    ImportedDataset,
    KnownDataset,
    PublishedDataset,
    Repair,
    Report,
    Run,
    Source,
)
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import SYSTEM, Row, Tx

PART = 4 * 1024**2
"""Bytes of the original before compression that are kept together."""
RUNS = 20
"""Runs of a participant that are remembered."""


# Sources and originals


def _source(row: Row) -> Source:
    return Source(
        id=row["id"],
        location=row["location"],
        triples=row["triples"],
        undone=frozenset(json.loads(row["undone"])),
        version=row["version"],
        created_at=row["created_at"],
        imported_at=row["imported_at"],
        wait_since=row["wait_since"],
        approval=row["approval"],
    )


def sources(tx: Tx, participant: str) -> list[Source]:
    rows = tx.all("SELECT * FROM harvest_source WHERE participant = :participant ORDER BY id", participant=participant)
    return [_source(row) for row in rows]


def source(tx: Tx, participant: str, source_id: str) -> Source | None:
    row = tx.one(
        "SELECT * FROM harvest_source WHERE participant = :participant AND id = :id",
        participant=participant,
        id=source_id,
    )
    return None if row is None else _source(row)


def add_source(tx: Tx, participant: str, source_id: str, location: str) -> None:
    tx.run(
        "INSERT INTO harvest_source (participant, id, location, triples, undone, version, created_at, imported_at)"
        " VALUES (:participant, :id, :location, 0, '[]', 0, :now, :now) ON CONFLICT DO NOTHING",
        participant=participant,
        id=source_id,
        location=location,
        now=tx.now,
    )


def move_on(tx: Tx, participant: str, before: Source, *, location: str, triples: int, undone: Iterable[str]) -> bool:
    """The next version of a source; False if somebody else was faster."""
    return bool(
        tx.run(
            "UPDATE harvest_source SET location = :location, triples = :triples, undone = :undone, imported_at = :now,"
            " version = version + 1 WHERE participant = :participant AND id = :id AND version = :version",
            participant=participant,
            id=before.id,
            version=before.version,
            location=location,
            triples=triples,
            undone=json.dumps(sorted(undone)),
            now=tx.now,
        )
    )


def note_wait(tx: Tx, participant: str, source_id: str, since: int) -> None:
    tx.run(
        "UPDATE harvest_source SET wait_since = :since WHERE participant = :participant AND id = :id",
        participant=participant,
        id=source_id,
        since=since,
    )


def note_approval(tx: Tx, participant: str, source_id: str, approval: str) -> None:
    tx.run(
        "UPDATE harvest_source SET approval = :approval WHERE participant = :participant AND id = :id",
        participant=participant,
        id=source_id,
        approval=approval,
    )


def parts(content: bytes) -> list[bytes]:
    """Compressed outside of a transaction, which has better things to do."""
    return [zlib.compress(content[at : at + PART], 6) for at in range(0, len(content), PART)]


def keep_original(tx: Tx, participant: str, source_id: str, compressed: Sequence[bytes]) -> None:
    tx.run(
        "DELETE FROM harvest_original WHERE participant = :participant AND source = :source",
        participant=participant,
        source=source_id,
    )
    for number, content in enumerate(compressed):
        tx.run(
            "INSERT INTO harvest_original (participant, source, number, content)"
            " VALUES (:participant, :source, :number, :content)",
            participant=participant,
            source=source_id,
            number=number,
            content=content,
        )


def original(tx: Tx, participant: str, source_id: str) -> list[bytes]:
    """The parts as they are kept; `whole` puts them together."""
    rows = tx.all(
        "SELECT content FROM harvest_original WHERE participant = :participant AND source = :source ORDER BY number",
        participant=participant,
        source=source_id,
    )
    return [bytes(row["content"]) for row in rows]


def whole(compressed: Iterable[bytes]) -> bytes:
    """Sorted N-Triples."""
    return b"".join(zlib.decompress(part) for part in compressed)


# Datasets


def standing(tx: Tx, participant: str) -> dict[str, tuple[str, KnownDataset]]:
    """All datasets of the participant by IRI, with their source."""
    rows = tx.all(
        "SELECT iri, source, identifier, state, digest, sha256, missing FROM harvest_dataset"
        " WHERE participant = :participant ORDER BY iri",
        participant=participant,
    )
    return {
        row["iri"]: (
            row["source"],
            KnownDataset(
                row["iri"], row["identifier"], row["state"], row["digest"], row["sha256"], bool(row["missing"])
            ),
        )
        for row in rows
    }


def keep_dataset(
    tx: Tx, participant: str, source_id: str, one: ImportedDataset, *, changed: bool, was: str = ""
) -> None:
    """Adds or replaces; `changed`: what is published of it moved. `was`: the IRI under which it was kept before.

    Of what another source has brought in the meantime nothing is kept; raises Mistake `harvest.busy` unless it was set
    aside here.
    """
    if was and was != one.iri:
        forget_questions(tx, participant, source_id, was)
        tx.run(
            "INSERT INTO harvest_answer (participant, source, kind, value, dataset, answer, answered_at)"
            " SELECT participant, source, kind, value, CAST(:iri AS TEXT), answer, answered_at FROM harvest_answer"
            " WHERE participant = :participant AND source = :source AND dataset = :was ON CONFLICT DO NOTHING",
            participant=participant,
            source=source_id,
            iri=one.iri,
            was=was,
        )
        tx.run(
            "UPDATE harvest_dataset SET iri = :iri, missing = 0 WHERE participant = :participant AND iri = :was",
            participant=participant,
            iri=one.iri,
            was=was,
        )
    values: dict[str, Any] = {
        "participant": participant,
        "source": source_id,
        "iri": one.iri,
        "identifier": one.identifier,
        "title": one.title,
        "state": one.state,
        "reason": one.reason,
        "digest": one.digest,
        "sha256": one.sha256,
        "triples": zlib.compress(one.triples),
        "record": one.record,
        "now": tx.now,
        "repairs": msgspec.json.encode(one.repairs).decode(),
    }
    moved = ", changed_at = :now" if changed else ""
    moved += ", brought_by = ''" if one.state == "published" else ""
    if not tx.run(
        "UPDATE harvest_dataset SET source = :source, identifier = :identifier, title = :title, state = :state,"  # noqa: S608
        " reason = :reason, digest = :digest, sha256 = :sha256, triples = :triples, record = :record,"
        f" repairs = :repairs{moved} WHERE participant = :participant AND iri = :iri"
        " AND (source = :source OR state = 'aside')",
        **{key: value for key, value in values.items() if key != "now" or changed},
    ) and not tx.run(
        "INSERT INTO harvest_dataset (participant, iri, source, identifier, title, state, reason, digest, sha256,"
        " triples, record, repairs, missing, created_at, changed_at) VALUES (:participant, :iri, :source,"
        " :identifier, :title, :state, :reason, :digest, :sha256, :triples, :record, :repairs, 0, :now, :now)"
        " ON CONFLICT DO NOTHING",
        **values,
    ):
        if one.state == "aside":
            return
        raise Mistake("harvest.busy")
    forget_questions(tx, participant, source_id, one.iri)
    ask(tx, participant, source_id, one.asked)


def note_hand(tx: Tx, participant: str, iri: str) -> None:
    """Whoever acts had a hand in what is kept under this IRI and is not public."""
    row = tx.one(
        "SELECT brought_by FROM harvest_dataset WHERE participant = :participant AND iri = :iri",
        participant=participant,
        iri=iri,
    )
    before = [] if row is None else row["brought_by"].split()
    who = tx.actor if tx.actor != SYSTEM else UNKNOWN
    if who not in before:
        tx.run(
            "UPDATE harvest_dataset SET brought_by = :hands WHERE participant = :participant AND iri = :iri",
            participant=participant,
            iri=iri,
            hands=" ".join([*before, who]),
        )


def forget_hands(tx: Tx, participant: str, iri: str) -> None:
    """If it is public: nothing of it waits any more."""
    tx.run(
        "UPDATE harvest_dataset SET brought_by = '' WHERE participant = :participant AND iri = :iri"
        " AND state = 'published'",
        participant=participant,
        iri=iri,
    )


def forget_author(tx: Tx, participant: str, who: str) -> None:
    """In place of this pseudonym stands that nobody knows who it was."""
    tx.run(
        "UPDATE harvest_dataset SET brought_by = REPLACE(brought_by, :who, :nobody)"
        " WHERE participant = :participant AND brought_by LIKE :like",
        participant=participant,
        who=who,
        nobody=UNKNOWN,
        like=f"%{who}%",
    )


def remove_dataset(tx: Tx, participant: str, source_id: str, iri: str) -> None:
    forget_questions(tx, participant, source_id, iri)
    tx.run(
        "DELETE FROM harvest_dataset WHERE participant = :participant AND iri = :iri", participant=participant, iri=iri
    )


def known(tx: Tx, participant: str, iri: str) -> bool:
    """Whether anything is kept under this IRI, of whatever source."""
    row = tx.one(
        "SELECT 1 FROM harvest_dataset WHERE participant = :participant AND iri = :iri",
        participant=participant,
        iri=iri,
    )
    return row is not None


def mark_missing(tx: Tx, participant: str, iri: str, missing: bool) -> None:
    tx.run(
        "UPDATE harvest_dataset SET missing = :missing WHERE participant = :participant AND iri = :iri",
        participant=participant,
        iri=iri,
        missing=int(missing),
    )


def missing(tx: Tx, participant: str, source_id: str) -> list[str]:
    rows = tx.all(
        "SELECT iri FROM harvest_dataset WHERE participant = :participant AND source = :source AND missing = 1",
        participant=participant,
        source=source_id,
    )
    return [row["iri"] for row in rows]


def counted(tx: Tx, participant: str, source_id: str) -> dict[str, int]:
    rows = tx.all(
        "SELECT state, count(*) AS n FROM harvest_dataset WHERE participant = :participant AND source = :source"
        " GROUP BY state",
        participant=participant,
        source=source_id,
    )
    return {row["state"]: int(row["n"]) for row in rows}


def served(tx: Tx, participant: str, after: str, limit: int) -> list[PublishedDataset]:
    """Published datasets by IRI, those behind `after`."""
    rows = tx.all(
        "SELECT iri, sha256, triples, changed_at FROM harvest_dataset WHERE participant = :participant"
        " AND state = 'published' AND iri > :after ORDER BY iri LIMIT :limit",
        participant=participant,
        after=after,
        limit=limit,
    )
    return [_served(row) for row in rows]


def _served(row: Row) -> PublishedDataset:
    return PublishedDataset(row["iri"], row["sha256"], zlib.decompress(row["triples"]), row["changed_at"])


def served_one(tx: Tx, participant: str, iri: str) -> PublishedDataset | None:
    row = tx.one(
        "SELECT iri, sha256, triples, changed_at FROM harvest_dataset WHERE participant = :participant AND iri = :iri"
        " AND state = 'published'",
        participant=participant,
        iri=iri,
    )
    return (
        None
        if row is None
        else PublishedDataset(row["iri"], row["sha256"], zlib.decompress(row["triples"]), row["changed_at"])
    )


def served_marks(tx: Tx, participant: str) -> list[tuple[str, str, int]]:
    """IRI, SHA-256 and last change of all published datasets."""
    rows = tx.all(
        "SELECT iri, sha256, changed_at FROM harvest_dataset WHERE participant = :participant AND state = 'published'",
        participant=participant,
    )
    return [(row["iri"], row["sha256"], row["changed_at"]) for row in rows]


def served_of(tx: Tx, participant: str, iris: Sequence[str]) -> list[str]:
    """The datasets among these that are published."""
    values: dict[str, object] = {f"iri{index}": iri for index, iri in enumerate(iris)}
    if not values:
        return []
    among = ", ".join(f":{name}" for name in values)
    rows = tx.all(
        "SELECT iri FROM harvest_dataset WHERE participant = :participant AND state = 'published'"  # noqa: S608 names
        f" AND iri IN ({among})",
        participant=participant,
        **values,
    )
    return [row["iri"] for row in rows]


def record(tx: Tx, participant: str, iri: str) -> str | None:
    """The neutral record (JSON) of a published dataset."""
    row = tx.one(
        "SELECT record FROM harvest_dataset WHERE participant = :participant AND iri = :iri AND state = 'published'",
        participant=participant,
        iri=iri,
    )
    return None if row is None else str(row["record"])


def records(tx: Tx, participant: str, after: str, limit: int) -> list[tuple[str, str, str]]:
    """IRI, SHA-256 and neutral record (JSON) of published datasets, by IRI."""
    rows = tx.all(
        "SELECT iri, sha256, record FROM harvest_dataset WHERE participant = :participant AND state = 'published'"
        " AND iri > :after ORDER BY iri LIMIT :limit",
        participant=participant,
        after=after,
        limit=limit,
    )
    return [(row["iri"], row["sha256"], row["record"]) for row in rows]


def repairs(tx: Tx, participant: str, source_id: str) -> Iterator[tuple[str, tuple[Repair, ...]]]:
    """By dataset; those of datasets set aside are none."""
    rows = tx.all(
        "SELECT iri, repairs FROM harvest_dataset WHERE participant = :participant AND source = :source ORDER BY iri",
        participant=participant,
        source=source_id,
    )
    for row in rows:
        yield row["iri"], msgspec.json.decode(row["repairs"], type=tuple[Repair, ...])


class _Publisher(msgspec.Struct):
    name: dict[str, str] = {}


class _Published(msgspec.Struct):
    """The part of a record that says who publishes."""

    publisher: _Publisher | None = None


def publishers(tx: Tx, participant: str, source_id: str) -> list[str]:
    """Who publishes the other datasets of a source, each once; one alone is a proposal for those that name nobody."""
    rows = tx.all(
        "SELECT record FROM harvest_dataset WHERE participant = :participant AND source = :source",
        participant=participant,
        source=source_id,
    )
    found = (msgspec.json.decode(row["record"], type=_Published).publisher for row in rows)
    return sorted({next(iter(one.name.values())) for one in found if one is not None and one.name})


def aside(tx: Tx, participant: str, source_id: str) -> dict[str, str]:
    rows = tx.all(
        "SELECT iri, reason FROM harvest_dataset WHERE participant = :participant AND source = :source"
        " AND state = 'aside' ORDER BY iri",
        participant=participant,
        source=source_id,
    )
    return {row["iri"]: row["reason"] for row in rows}


# Questions and answers


def forget_questions(tx: Tx, participant: str, source_id: str, dataset: str) -> None:
    tx.run(
        "DELETE FROM harvest_question WHERE participant = :participant AND source = :source AND dataset = :dataset",
        participant=participant,
        source=source_id,
        dataset=dataset,
    )


def ask(tx: Tx, participant: str, source_id: str, asked: Iterable[DatasetQuestion]) -> None:
    for one in asked:
        tx.run(
            "INSERT INTO harvest_question (participant, source, dataset, kind, value, holds)"
            " VALUES (:participant, :source, :dataset, :kind, :value, :holds) ON CONFLICT DO NOTHING",
            participant=participant,
            source=source_id,
            dataset=one.dataset,
            kind=one.kind,
            value=one.value,
            holds=int(one.holds),
        )


def open_questions(tx: Tx, participant: str, source_id: str) -> list[DatasetQuestion]:
    """By kind, value and dataset."""
    rows = tx.all(
        "SELECT kind, value, dataset, holds FROM harvest_question WHERE participant = :participant"
        " AND source = :source ORDER BY kind, value, dataset",
        participant=participant,
        source=source_id,
    )
    return [DatasetQuestion(row["kind"], row["value"], row["dataset"], bool(row["holds"])) for row in rows]


def asked(tx: Tx, participant: str) -> dict[str, int]:
    """How many questions are open, by source, for those with any."""
    rows = tx.all(
        "SELECT source, count(*) AS questions FROM (SELECT DISTINCT source, kind, value FROM harvest_question"
        " WHERE participant = :participant) q GROUP BY source",
        participant=participant,
    )
    return {row["source"]: int(row["questions"]) for row in rows}


def answers(tx: Tx, participant: str, source_id: str) -> Mapping[tuple[str, str, str], str]:
    rows = tx.all(
        "SELECT kind, value, dataset, answer FROM harvest_answer WHERE participant = :participant AND source = :source",
        participant=participant,
        source=source_id,
    )
    return {(row["kind"], row["value"], row["dataset"]): row["answer"] for row in rows}


def keep_answer(tx: Tx, participant: str, source_id: str, one: Answer) -> None:
    tx.run(
        "INSERT INTO harvest_answer (participant, source, kind, value, dataset, answer, answered_at)"
        " VALUES (:participant, :source, :kind, :value, :dataset, :answer, :now)"
        " ON CONFLICT (participant, source, kind, value, dataset)"
        " DO UPDATE SET answer = excluded.answer, answered_at = excluded.answered_at",
        participant=participant,
        source=source_id,
        kind=one.kind,
        value=one.value,
        dataset=one.dataset,
        answer=one.answer,
        now=tx.now,
    )


# Runs


def begin_run(tx: Tx, participant: str, run_id: str, location: str) -> None:
    tx.run(
        "INSERT INTO harvest_run (participant, id, source, location, phase, done, total, report, error, began_at,"
        " touched_at) VALUES (:participant, :id, '', :location, 'reading', 0, 0, '', '', :now, :now)",
        participant=participant,
        id=run_id,
        location=location,
        now=tx.now,
    )
    tx.run(
        "DELETE FROM harvest_run WHERE participant = :participant AND id NOT IN (SELECT id FROM harvest_run"
        " WHERE participant = :participant ORDER BY began_at DESC, id LIMIT :kept)",
        participant=participant,
        kept=RUNS,
    )


def touch_run(tx: Tx, participant: str, run_id: str, phase: str, done: int, total: int) -> None:
    tx.run(
        "UPDATE harvest_run SET phase = :phase, done = :done, total = :total, touched_at = :now"
        " WHERE participant = :participant AND id = :id AND phase NOT IN ('done', 'failed')",
        participant=participant,
        id=run_id,
        phase=phase,
        done=done,
        total=total,
        now=tx.now,
    )


def beat_run(tx: Tx, participant: str, run_id: str) -> None:
    tx.run(
        "UPDATE harvest_run SET touched_at = :now WHERE participant = :participant AND id = :id",
        participant=participant,
        id=run_id,
        now=tx.now,
    )


def end_run(tx: Tx, participant: str, run_id: str, report: Report | None, error: str) -> None:
    """`error`: code and facts as JSON."""
    tx.run(
        "UPDATE harvest_run SET phase = :phase, source = :source, report = :report, error = :error, touched_at = :now"
        " WHERE participant = :participant AND id = :id",
        participant=participant,
        id=run_id,
        phase="done" if report is not None else "failed",
        source="" if report is None else report.source,
        report="" if report is None else msgspec.json.encode(report).decode(),
        error=error,
        now=tx.now,
    )


def run(tx: Tx, participant: str, run_id: str) -> Run | None:
    row = tx.one(
        "SELECT * FROM harvest_run WHERE participant = :participant AND id = :id", participant=participant, id=run_id
    )
    return None if row is None else _run(row)


def runs(tx: Tx, participant: str) -> list[Run]:
    """The newest first."""
    rows = tx.all(
        "SELECT * FROM harvest_run WHERE participant = :participant ORDER BY began_at DESC, id LIMIT :most",
        participant=participant,
        most=RUNS,
    )
    return [_run(row) for row in rows]


def _run(row: Row) -> Run:
    error: dict[str, Any] = json.loads(row["error"]) if row["error"] else {"code": "", "facts": {}}
    return Run(
        id=row["id"],
        source=row["source"],
        location=row["location"],
        phase=row["phase"],
        done=row["done"],
        total=row["total"],
        report=msgspec.json.decode(row["report"], type=Report) if row["report"] else None,
        error=error["code"],
        facts=error["facts"],
        began_at=row["began_at"],
        touched_at=row["touched_at"],
    )
