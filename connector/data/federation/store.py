"""SQL of the crawler: when each member is asked again, how its catalogue was read, and what was set aside.

The copies themselves are in `catalogue.search.store`. Every unit runs in the scope of the participant that crawls.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from connector.data.catalogue.search import store as copies
from connector.data.federation.model import CrawlState, SetAside
from connector.foundation.storage.database import Row, Tx
from connector.foundation.storage.due import having

MOST_ASIDE = 1_000
"""Datasets of one member that are kept as set aside; what is wrong with further ones is found again each time."""


def enrol(tx: Tx, participant: str, members: Mapping[str, int]) -> int:
    """Members (DID -> when they are asked first, ms) that are new are put down; of those that are no members any more
    nothing stays. How many went."""
    known = {row["provider"] for row in _all(tx, "crawl", participant)}
    for provider in sorted(set(members) - known):
        tx.run(
            "INSERT INTO crawl (participant, provider, form, due_at, failures, facts)"
            " VALUES (:participant, :provider, '', :due_at, 0, '{}') ON CONFLICT DO NOTHING",
            participant=participant,
            provider=provider,
            due_at=members[provider],
        )
    gone = sorted(known - set(members))
    for provider in gone:
        forget(tx, participant, provider)
    return len(gone)


def forget(tx: Tx, participant: str, provider: str) -> None:
    """Nothing of this member stays."""
    copies.forget_member(tx, participant, provider)
    for table in ("crawl", "crawl_aside"):
        tx.run(
            f"DELETE FROM {table} WHERE participant = :participant AND provider = :provider",  # noqa: S608 constants
            participant=participant,
            provider=provider,
        )


CRAWLING = (
    "EXISTS (SELECT 1 FROM crawl c WHERE c.participant = p.id AND c.due_at <= :now)"
    " OR EXISTS (SELECT 1 FROM crawl c WHERE c.participant = p.id AND c.due_at > :latest)"
)


def crawling(tx: Tx, latest: int) -> list[str]:
    """Participants that `due` names members for, in the scope of the worker."""
    return having(tx, CRAWLING, now=tx.now, latest=latest)


def due(tx: Tx, participant: str, latest: int, limit: int) -> list[str]:
    """Members to be asked now, the longest due first; what lies behind `latest` (ms) was put down by a wrong clock."""
    rows = tx.all(
        "SELECT provider FROM crawl WHERE participant = :participant AND (due_at <= :now OR due_at > :latest)"
        " ORDER BY due_at, provider LIMIT :limit",
        participant=participant,
        now=tx.now,
        latest=latest,
        limit=limit,
    )
    return [row["provider"] for row in rows]


def published(tx: Tx) -> Mapping[str, int]:
    """The newest record of a publication (its id) in each log, in the scope of the worker."""
    rows = tx.all(
        "SELECT p.id, (SELECT max(e.id) FROM audit_entry e WHERE e.participant = p.id AND e.type = 'publication')"
        " AS newest FROM participant p WHERE p.state NOT IN ('deleting', 'deleted')"
    )
    return {str(row["id"]): int(row["newest"]) for row in rows if row["newest"] is not None}


def sooner(tx: Tx, participant: str, providers: Iterable[str]) -> None:
    """These have news: they are asked now."""
    for provider in providers:
        tx.run(
            "UPDATE crawl SET due_at = :now WHERE participant = :participant AND provider = :provider"
            " AND due_at > :now",
            now=tx.now,
            participant=participant,
            provider=provider,
        )


def postpone(tx: Tx, participant: str, provider: str, due_at: int) -> None:
    """Not asked before then; nothing else is said of it."""
    tx.run(
        "UPDATE crawl SET due_at = :due_at WHERE participant = :participant AND provider = :provider",
        participant=participant,
        provider=provider,
        due_at=due_at,
    )


def stray(tx: Tx, participant: str, provider: str) -> None:
    """From now on the copies agree with no listing, until one is booked to its end. A process that dies in between must
    not leave the old digest: a member that shows the old state again would say that nothing is new."""
    tx.run(
        "UPDATE crawl SET digest = NULL WHERE participant = :participant AND provider = :provider"
        " AND digest IS NOT NULL",
        participant=participant,
        provider=provider,
    )


def state(tx: Tx, participant: str, provider: str) -> CrawlState:
    row = tx.one(
        "SELECT * FROM crawl WHERE participant = :participant AND provider = :provider",
        participant=participant,
        provider=provider,
    )
    return CrawlState(provider=provider) if row is None else _state(row)


def states(tx: Tx, participant: str) -> list[CrawlState]:
    """Of all members, in the order of their DIDs."""
    return [_state(row) for row in _all(tx, "crawl", participant)]


def save(tx: Tx, participant: str, state: CrawlState) -> None:
    values = msgspec.structs.asdict(state) | {"facts": msgspec.json.encode(state.facts).decode()}
    tx.run(
        "INSERT INTO crawl (participant, provider, form, digest, due_at, failures, code, facts, doubted_at)"
        " VALUES (:participant, :provider, :form, :digest, :due_at, :failures, :code, :facts, :doubted_at)"
        " ON CONFLICT (participant, provider) DO UPDATE SET form = :form, digest = :digest, due_at = :due_at,"
        " failures = :failures, code = :code, facts = :facts, doubted_at = :doubted_at",
        participant=participant,
        **values,
    )


def aside(tx: Tx, participant: str, provider: str) -> list[SetAside]:
    """What of a member is set aside, in the order of the ids."""
    rows = tx.all(
        "SELECT * FROM crawl_aside WHERE participant = :participant AND provider = :provider ORDER BY dataset",
        participant=participant,
        provider=provider,
    )
    return [_aside(row) for row in rows]


def all_aside(tx: Tx, participant: str) -> Mapping[str, list[SetAside]]:
    """The same of all members."""
    found = dict[str, list[SetAside]]()
    for row in _all(tx, "crawl_aside", participant, "provider, dataset"):
        found.setdefault(row["provider"], []).append(_aside(row))
    return found


def set_aside(tx: Tx, participant: str, provider: str, found: Iterable[SetAside]) -> None:
    """As far as there is room for them."""
    row = tx.one(
        "SELECT count(*) AS n FROM crawl_aside WHERE participant = :participant AND provider = :provider",
        participant=participant,
        provider=provider,
    )
    room = MOST_ASIDE - (0 if row is None else int(row["n"]))
    for one in [*found][: max(0, room)]:
        tx.run(
            "INSERT INTO crawl_aside (participant, provider, dataset, told, code, facts, at)"
            " VALUES (:participant, :provider, :dataset, :told, :code, :facts, :now)"
            " ON CONFLICT (participant, provider, dataset) DO UPDATE SET told = :told, code = :code, facts = :facts,"
            " at = :now",
            participant=participant,
            provider=provider,
            dataset=one.dataset,
            told=one.told,
            code=one.code,
            facts=msgspec.json.encode(one.facts).decode(),
            now=tx.now,
        )


def readmit(tx: Tx, participant: str, provider: str, datasets: Sequence[str]) -> None:
    """These are usable again, or not shown any more."""
    for dataset in datasets:
        tx.run(
            "DELETE FROM crawl_aside WHERE participant = :participant AND provider = :provider AND dataset = :dataset",
            participant=participant,
            provider=provider,
            dataset=dataset,
        )


def held_bytes(tx: Tx, participant: str, provider: str) -> int:
    """Bytes of the entries that we hold of a member."""
    row = tx.one(
        "SELECT coalesce(sum(length(d.entry)), 0) AS n FROM copy_entry e JOIN copy_document d ON d.content = e.content"
        " WHERE e.participant = :participant AND e.provider = :provider",
        participant=participant,
        provider=provider,
    )
    return 0 if row is None else int(row["n"])


def _all(tx: Tx, table: str, participant: str, order: str = "provider") -> list[Row]:
    return tx.all(
        f"SELECT * FROM {table} WHERE participant = :participant ORDER BY {order}",  # noqa: S608 constants
        participant=participant,
    )


def _state(row: Row) -> CrawlState:
    values = {name: row[name] for name in CrawlState.__struct_fields__}
    return CrawlState(**{**values, "facts": msgspec.json.decode(row["facts"])})


def _aside(row: Row) -> SetAside:
    return SetAside(dataset=row["dataset"], told=row["told"], code=row["code"], facts=msgspec.json.decode(row["facts"]))
