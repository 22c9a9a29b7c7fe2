"""SQL of public snapshots. An entry stands in all snapshots from `since` to before `until`; documents go by digest."""

import zlib
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

import msgspec

from connector.data.catalogue.snapshots.model import Entry, Leaf, Snapshot
from connector.foundation.storage.database import Row, Tx, for_update, long
from connector.foundation.storage.due import having
from connector.kernel.metadata.rdf.fragments import MEDIA, Form, Parts

_TOGETHER: Final = 50
"""Rows of one statement."""
_SNAPSHOT: Final = "number, digest, about, total, starts, issued_at, changed_at"
_WITHIN: Final = "participant = :participant AND since <= :number AND (until IS NULL OR until > :number)"
_HEADLESS: Final = ""
"""State of a catalogue of which no snapshot was made yet; no supplier says so."""
T = TypeVar("T")


def _snapshot(row: Row) -> Snapshot:
    return Snapshot(
        number=row["number"],
        digest=row["digest"],
        about=row["about"],
        total=row["total"],
        starts=tuple(msgspec.json.decode(row["starts"], type=list[str])),
        issued_at=row["issued_at"],
        changed_at=row["changed_at"],
    )


def newest(tx: Tx, participant: str) -> tuple[Snapshot, str] | None:
    """The newest snapshot, and what the suppliers said when it was made."""
    row = tx.one(
        "SELECT s.number, s.digest, s.about, s.total, s.starts, s.issued_at, s.changed_at, c.state"
        " FROM public_catalogue c JOIN public_snapshot s ON s.participant = c.participant AND s.number = c.number"
        " WHERE c.participant = :participant",
        participant=participant,
    )
    return None if row is None else (_snapshot(row), row["state"])


def named(tx: Tx, participant: str, digest: str) -> Snapshot | None:
    """The snapshot of that digest; of several, which show the same, the last."""
    row = tx.one(
        f"SELECT {_SNAPSHOT} FROM public_snapshot WHERE participant = :participant AND digest = :digest"  # noqa: S608
        " ORDER BY number DESC LIMIT 1",
        participant=participant,
        digest=digest,
    )
    return None if row is None else _snapshot(row)


def held(tx: Tx, participant: str) -> int:
    """Since when the catalogue is public (ms). Until the unit commits nobody else makes a snapshot of it."""
    tx.run(
        "INSERT INTO public_catalogue (participant, number, state, issued_at) VALUES (:participant, 0, :state, :now)"
        " ON CONFLICT (participant) DO NOTHING",
        participant=participant,
        state=_HEADLESS,
        now=tx.now,
    )
    row = tx.one(
        f"SELECT issued_at FROM public_catalogue WHERE participant = :participant{for_update(tx)}",  # noqa: S608 constant
        participant=participant,
    )
    assert row is not None
    return int(row["issued_at"])


def entries(tx: Tx, participant: str, number: int) -> dict[str, Entry]:
    """All of a snapshot, by IRI."""
    rows = tx.all(
        f"SELECT iri, digest, mark, changed_at, size FROM public_entry WHERE {_WITHIN}",  # noqa: S608 constant
        participant=participant,
        number=number,
    )
    return {row["iri"]: Entry(**{name: row[name] for name in Entry.__struct_fields__}) for row in rows}


def add(tx: Tx, participant: str, snapshot: Snapshot, state: str, gone: Sequence[str], new: Sequence[Entry]) -> None:
    """The next snapshot: without `gone`, with `new`, otherwise as the one before. Under `held`."""
    tx.run(
        "UPDATE public_snapshot SET superseded_at = :now WHERE participant = :participant AND superseded_at IS NULL",
        participant=participant,
        now=tx.now,
    )
    tx.run(
        f"INSERT INTO public_snapshot (participant, {_SNAPSHOT}, made_at) VALUES (:participant, :number, :digest,"  # noqa: S608
        " :about, :total, :starts, :issued_at, :changed_at, :now)",
        participant=participant,
        now=tx.now,
        **msgspec.structs.asdict(snapshot) | {"starts": msgspec.json.encode(snapshot.starts).decode()},
    )
    for some in _portions(gone):
        among = ", ".join(f":iri{index}" for index in range(len(some)))
        tx.run(
            "UPDATE public_entry SET until = :number WHERE participant = :participant AND until IS NULL"  # noqa: S608
            f" AND iri IN ({among})",
            participant=participant,
            number=snapshot.number,
            **{f"iri{index}": iri for index, iri in enumerate(some)},
        )
    for entries in _portions(new):
        values: dict[str, object] = {"participant": participant, "number": snapshot.number}
        rows = []
        for index, entry in enumerate(entries):
            values |= {f"{name}{index}": value for name, value in msgspec.structs.asdict(entry).items()}
            rows.append(
                f"(:participant, :iri{index}, :number, :digest{index}, :mark{index}, :changed_at{index}, :size{index})"
            )
        tx.run(
            "INSERT INTO public_entry (participant, iri, since, digest, mark, changed_at, size)"  # noqa: S608 names
            f" VALUES {', '.join(rows)}",
            **values,
        )
    keep_state(tx, participant, snapshot.number, state)


def keep_state(tx: Tx, participant: str, number: int, state: str) -> None:
    """The suppliers say this now, and the snapshot of this number shows it."""
    tx.run(
        "UPDATE public_catalogue SET number = :number, state = :state WHERE participant = :participant",
        participant=participant,
        number=number,
        state=state,
    )


def remark(tx: Tx, participant: str, marks: Sequence[Entry]) -> None:
    """Their suppliers know them by another mark, and nothing of them is different."""
    for entry in marks:
        tx.run(
            "UPDATE public_entry SET mark = :mark WHERE participant = :participant AND iri = :iri AND until IS NULL",
            participant=participant,
            iri=entry.iri,
            mark=entry.mark,
        )


@long
def insert_documents(tx: Tx, participant: str, documents: Sequence[Parts]) -> None:
    for one in documents:
        tx.run(
            "INSERT INTO public_document (participant, digest, rdf, ttl, jsonld, nt, shared, made_at)"
            " VALUES (:participant, :digest, :rdf, :ttl, :jsonld, :nt, :shared, :now)"
            " ON CONFLICT (participant, digest) DO UPDATE SET made_at = excluded.made_at",
            participant=participant,
            digest=one.digest,
            shared=zlib.compress(one.shared),
            now=tx.now,
            **{form: zlib.compress(one.own[form]) for form in MEDIA},
        )


def leaf(tx: Tx, participant: str, snapshot: Snapshot, page: int, form: Form) -> Leaf | None:
    """What page `page` (from 1) shows in this form; None if a part of it is there no more."""
    if not snapshot.starts:
        return Leaf((), (), ())
    ends = snapshot.starts[page : page + 1]
    rows = tx.all(
        f"SELECT e.iri, d.{form} AS own, d.shared FROM public_entry e LEFT JOIN public_document d"  # noqa: S608 a Form
        " ON d.participant = e.participant AND d.digest = e.digest WHERE e.participant = :participant"
        " AND e.since <= :number AND (e.until IS NULL OR e.until > :number) AND e.iri >= :start"
        f"{' AND e.iri < :end' if ends else ''} ORDER BY e.iri",
        participant=participant,
        number=snapshot.number,
        start=snapshot.starts[page - 1],
        **({"end": ends[0]} if ends else {}),
    )
    if any(row["own"] is None for row in rows):
        return None
    return Leaf([row["iri"] for row in rows], [row["own"] for row in rows], [row["shared"] for row in rows])


def iris(tx: Tx, participant: str, snapshot: Snapshot, page: int | None) -> list[str]:
    """What page `page` (from 1) shows, or all of them."""
    starts = snapshot.starts
    if not starts:
        return []
    first, end = (starts[0], "") if page is None else (starts[page - 1], "".join(starts[page : page + 1]))
    rows = tx.all(
        "SELECT iri FROM public_entry WHERE participant = :participant AND since <= :number"  # noqa: S608 constants
        f" AND (until IS NULL OR until > :number) AND iri >= :start{' AND iri < :end' if end else ''} ORDER BY iri",
        participant=participant,
        number=snapshot.number,
        start=first,
        **({"end": end} if end else {}),
    )
    return [row["iri"] for row in rows]


SWEPT: Final = "EXISTS (SELECT 1 FROM public_snapshot s WHERE s.participant = p.id)"


def swept(tx: Tx) -> list[str]:
    """Participants that have snapshots, in the scope of the worker."""
    return having(tx, SWEPT)


def sweep(tx: Tx, participant: str, before: int, drafts: int, most: int) -> int:
    """Forgets snapshots that were superseded before that instant and those beyond the `most` newest, never the newest;
    with them what no snapshot shows any more. How many snapshots. Documents since `drafts` may be of one in the making.
    """
    held(tx, participant)
    known = newest(tx, participant)
    if known is None:
        return 0
    gone = tx.run(
        "DELETE FROM public_snapshot WHERE participant = :participant AND number < :newest"
        " AND (superseded_at < :before OR number <= :newest - :most)",
        participant=participant,
        newest=known[0].number,
        before=before,
        most=most,
    )
    if gone:
        oldest = "(SELECT min(number) FROM public_snapshot WHERE participant = :participant)"
        tx.run(
            f"DELETE FROM public_entry WHERE participant = :participant AND until <= {oldest}",  # noqa: S608 constant
            participant=participant,
        )
    tx.run(
        "DELETE FROM public_document WHERE participant = :participant AND made_at < :drafts AND NOT EXISTS"
        " (SELECT 1 FROM public_entry e WHERE e.participant = :participant AND e.digest = public_document.digest)",
        participant=participant,
        drafts=drafts,
    )
    return gone


def _portions(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + _TOGETHER] for start in range(0, len(items), _TOGETHER))
