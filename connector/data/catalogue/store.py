"""SQL of datasets and offers. Every look-up names the participant."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from connector.data.catalogue import columns
from connector.data.catalogue.model import Dataset, Described, Listed, Offer, Shown, Terms, record_of
from connector.data.catalogue.search.cursor import Place
from connector.data.catalogue.search.filters import Filter, fold
from connector.data.sources import store as source_store
from connector.data.sources.model import Source
from connector.foundation.storage.database import Row, Tx, for_update


def _dataset(row: Row) -> Dataset:
    if row["record"] is None:
        known = record_of(row["title"], msgspec.json.decode(row["document"]))
        row = {**row, "record": msgspec.json.encode(known)}
    return msgspec.convert(columns.plain(row, Dataset), Dataset)


def _offer(row: Row) -> Offer:
    return msgspec.convert(columns.plain(row, Offer), Offer)


def published_count(tx: Tx, participant: str) -> int:
    row = tx.one(
        "SELECT count(*) AS n FROM dataset WHERE participant = :participant AND state = 'published'",
        participant=participant,
    )
    return 0 if row is None else int(row["n"])


def insert_dataset(tx: Tx, participant: str, dataset: Dataset) -> None:
    tx.run(
        "INSERT INTO dataset (participant, id, source, title, version, document, created_at, changed_at, words, record,"
        " access, state, revision) VALUES (:participant, :id, :source, :title, :version, :document, :created_at,"
        " :changed_at, :words, :record, :access, :state, :revision)",
        participant=participant,
        words=searched(dataset.title, msgspec.convert(dataset.document, Described)),
        **columns.values(dataset),
    )


def update_dataset(tx: Tx, participant: str, dataset: Dataset, seen: int) -> bool:
    """Takes the place of revision `seen`; False if that is not the current one any more."""
    return bool(
        tx.run(
            "UPDATE dataset SET source = :source, title = :title, version = :version, document = :document,"
            " changed_at = :changed_at, words = :words, record = :record, access = :access, state = :state,"
            " revision = :revision WHERE participant = :participant AND id = :id AND revision = :seen",
            participant=participant,
            words=searched(dataset.title, msgspec.convert(dataset.document, Described)),
            seen=seen,
            **columns.values(dataset),
        )
    )


def datasets_with_access(
    tx: Tx, participant: str, access: Sequence[str], after: str, limit: int
) -> list[tuple[Dataset, Source]]:
    """Published datasets by IRI, beyond `after`, each with its source."""
    among, values = columns.among("d.access", "access", access)
    rows = tx.all(
        f"SELECT d.* FROM dataset d WHERE d.participant = :participant AND {among}"  # noqa: S608 constants
        " AND d.state = 'published' AND d.id > :after ORDER BY d.id LIMIT :limit",
        participant=participant,
        after=after,
        limit=limit,
        **values,
    )
    found = [_dataset(row) for row in rows]
    sources = source_store.sources(tx, participant, [one.source for one in found])
    return [(one, sources[one.source]) for one in found]


def datasets_named(tx: Tx, participant: str, access: Sequence[str], ids: Sequence[str]) -> list[tuple[Dataset, Source]]:
    """Those of these datasets that are published with such access, by IRI, each with its source."""
    among, values = columns.among("d.access", "access", access)
    named, names = columns.among("d.id", "id", ids)
    rows = tx.all(
        f"SELECT d.* FROM dataset d WHERE d.participant = :participant AND {among} AND {named}"  # noqa: S608 constants
        " AND d.state = 'published' ORDER BY d.id",
        participant=participant,
        **values,
        **names,
    )
    found = [_dataset(row) for row in rows]
    sources = source_store.sources(tx, participant, [one.source for one in found])
    return [(one, sources[one.source]) for one in found]


def offers_of_members(tx: Tx, participant: str) -> dict[str, list[str]]:
    """The published offers that every member may see, by announced dataset, in a fixed order."""
    rows = tx.all(
        "SELECT o.dataset, o.id FROM offer o JOIN dataset d ON d.participant = o.participant AND d.id = o.dataset"
        " WHERE o.participant = :participant AND o.state = 'published' AND o.visibility = 'members'"
        " AND d.access = 'announced' ORDER BY o.dataset, o.created_at, o.id",
        participant=participant,
    )
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["dataset"], []).append(row["id"])
    return found


def dataset(tx: Tx, participant: str, dataset_id: str) -> Dataset | None:
    row = tx.one(
        "SELECT * FROM dataset WHERE participant = :participant AND id = :id", participant=participant, id=dataset_id
    )
    return None if row is None else _dataset(row)


def served_version(tx: Tx, participant: str, dataset_id: str) -> str | None:
    """Of the bytes that its source has now, or of the description of a live one; asked at every data access."""
    row = tx.one(
        "SELECT s.sha256, d.version FROM dataset d JOIN source s ON s.participant = d.participant AND s.id = d.source"
        " WHERE d.participant = :participant AND d.id = :id",
        participant=participant,
        id=dataset_id,
    )
    return None if row is None else row["sha256"] or row["version"]


def locked(tx: Tx, participant: str, dataset_id: str) -> Dataset | None:
    """The same, held until the unit commits: two changes at once come one after the other."""
    row = tx.one(
        f"SELECT * FROM dataset WHERE participant = :participant AND id = :id{for_update(tx)}",  # noqa: S608 constants
        participant=participant,
        id=dataset_id,
    )
    return None if row is None else _dataset(row)


def datasets(tx: Tx, participant: str, limit: int) -> list[Dataset]:
    """In the order of their publication."""
    rows = tx.all(
        "SELECT * FROM dataset WHERE participant = :participant ORDER BY created_at, id LIMIT :limit",
        participant=participant,
        limit=limit,
    )
    return [_dataset(row) for row in rows]


def listed(tx: Tx, participant: str, word: str, before: tuple[int, str] | None, limit: int) -> list[Listed]:
    """The newest first, from behind the place `before`; `word`: only what holds it in title or keywords."""
    narrower, values = "", dict[str, object]()
    if word:
        narrower, values["word"] = " AND words LIKE :word ESCAPE '!'", f"%{_escaped(fold(word))}%"
    if before is not None:
        narrower, values["at"], values["id"] = narrower + " AND (created_at, id) < (:at, :id)", *before
    rows = tx.all(
        "SELECT id, title, state, access, created_at, changed_at FROM dataset WHERE participant = :participant"  # noqa: S608 constants
        f"{narrower} ORDER BY created_at DESC, id DESC LIMIT :limit",
        participant=participant,
        limit=limit,
        **values,
    )
    if not rows:
        return []
    among, ids = columns.among("dataset", "dataset", [row["id"] for row in rows])
    offers = tx.all(
        f"SELECT dataset, template FROM offer WHERE participant = :participant AND {among} AND state = 'published'"  # noqa: S608 constants
        " ORDER BY created_at, id",
        participant=participant,
        **ids,
    )
    rules: dict[str, list[str]] = {}
    for offer in offers:
        rules.setdefault(offer["dataset"], []).append(str(msgspec.json.decode(offer["template"]).get("id", "")))
    return [Listed(**row, rules=tuple(rules.get(row["id"], ()))) for row in rows]


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def insert_offer(tx: Tx, participant: str, offer: Offer) -> None:
    tx.run(
        "INSERT INTO offer (participant, id, dataset, policy, digest, visibility, countersignature, template, state,"
        " created_at) VALUES (:participant, :id, :dataset, :policy, :digest, :visibility, :countersignature,"
        " :template, :state, :created_at)",
        participant=participant,
        **columns.values(offer),
    )


def offer(tx: Tx, participant: str, offer_id: str) -> Offer | None:
    row = tx.one(
        "SELECT * FROM offer WHERE participant = :participant AND id = :id", participant=participant, id=offer_id
    )
    return None if row is None else _offer(row)


def offer_with_dataset(tx: Tx, participant: str, offer_id: str) -> tuple[Offer, Dataset] | None:
    """None too for an offer whose dataset is gone."""
    row = tx.one(
        f"SELECT d.*, {_OFFERED} FROM offer o JOIN dataset d ON d.participant = o.participant AND d.id = o.dataset"  # noqa: S608 constants
        " WHERE o.participant = :participant AND o.id = :id",
        participant=participant,
        id=offer_id,
    )
    if row is None:
        return None
    return _offer({name: row[f"o_{name}"] for name in Offer.__struct_fields__}), _dataset(row)


_OFFERED: Final = ", ".join(f"o.{name} AS o_{name}" for name in Offer.__struct_fields__)
"""The columns of an offer beside those of its dataset."""


def offers_on(tx: Tx, participant: str, dataset_id: str) -> list[Offer]:
    rows = tx.all(
        "SELECT * FROM offer WHERE participant = :participant AND dataset = :dataset AND state = 'published'"
        " ORDER BY created_at, id",
        participant=participant,
        dataset=dataset_id,
    )
    return [_offer(row) for row in rows]


def withdraw_offers(tx: Tx, participant: str, dataset_id: str) -> int:
    """Those of one dataset; how many were published."""
    return tx.run(
        "UPDATE offer SET state = 'withdrawn' WHERE participant = :participant AND dataset = :dataset"
        " AND state = 'published'",
        participant=participant,
        dataset=dataset_id,
    )


def withdraw_offer(tx: Tx, participant: str, offer_id: str) -> None:
    tx.run(
        "UPDATE offer SET state = 'withdrawn' WHERE participant = :participant AND id = :id",
        participant=participant,
        id=offer_id,
    )


def update_offer(tx: Tx, participant: str, offer: Offer) -> None:
    """Who sees it, and whether its contract needs the second signature; the policy of an offer never changes."""
    tx.run(
        "UPDATE offer SET visibility = :visibility, countersignature = :countersignature"
        " WHERE participant = :participant AND id = :id",
        participant=participant,
        id=offer.id,
        visibility=offer.visibility,
        countersignature=offer.countersignature,
    )


def withdraw(tx: Tx, participant: str) -> int:
    """All offers of the participant; how many were published."""
    return tx.run(
        "UPDATE offer SET state = 'withdrawn' WHERE participant = :participant AND state = 'published'",
        participant=participant,
    )


def offered(tx: Tx, participant: str) -> int:
    row = tx.one(
        "SELECT count(*) AS n FROM offer WHERE participant = :participant AND state = 'published'",
        participant=participant,
    )
    return 0 if row is None else int(row["n"])


# What peers see


def searched(title: str, about: Described) -> str:
    """The folded text in which the words of a filter are looked for."""
    return fold(title, about.description or "", *about.keywords)


def version(tx: Tx, participant: str) -> int:
    """Grows with every change of the participant's datasets and offers."""
    row = tx.one("SELECT version FROM catalogue WHERE participant = :participant", participant=participant)
    return 0 if row is None else int(row["version"])


def eligible(tx: Tx, participant: str, limit: int) -> tuple[Terms, ...]:
    """Each rule once under which offers stand that only the eligible see: from one to the next, not over all offers."""
    rows = tx.all(
        f"WITH RECURSIVE rule (digest) AS (SELECT min(o.digest) FROM offer o WHERE {_ELIGIBLE} UNION ALL"  # noqa: S608 constants
        f" SELECT (SELECT min(o.digest) FROM offer o WHERE {_ELIGIBLE} AND o.digest > rule.digest) FROM rule"
        " WHERE rule.digest IS NOT NULL) SELECT rule.digest, (SELECT o.policy FROM offer o"
        f" WHERE {_ELIGIBLE} AND o.digest = rule.digest LIMIT 1) AS policy FROM rule WHERE rule.digest IS NOT NULL"
        " LIMIT :limit",
        participant=participant,
        limit=limit,
    )
    return tuple(
        Terms(
            id="",
            policy=row["policy"],
            digest=row["digest"],
            visibility="eligible",
            countersignature="none",
            created_at=0,
        )
        for row in rows
    )


def place_after(tx: Tx, participant: str, place: Place, backward: bool, count: int) -> Place | None:
    """The place that lies `count` datasets further; None if there are not so many."""
    row = tx.one(
        "SELECT created_at, id FROM dataset WHERE participant = :participant"  # noqa: S608 constants
        f" AND (created_at, id) {_SIGN[backward]} (:at, :id) ORDER BY created_at {_ORDER[backward]},"
        f" id {_ORDER[backward]} LIMIT 1 OFFSET :skip",
        participant=participant,
        at=place[0],
        id=place[1],
        skip=count - 1,
    )
    return None if row is None else (row["created_at"], row["id"])


def shelf(
    tx: Tx, participant: str, place: Place, backward: bool, until: Place | None, wanted: Filter, limit: int
) -> list[Shown]:
    """Up to `limit` published datasets beyond `place` (and up to `until`) with all their published offers.

    The conditions let pass whatever the filter may mean; the caller looks again at what only the reader can decide.
    """
    conditions = ["participant = :participant", "state = 'published'", f"(created_at, id) {_SIGN[backward]} (:at, :id)"]
    values: dict[str, object] = {"at": place[0], "id": place[1]}
    if until is not None:
        conditions.append(f"(created_at, id) {_WITHIN[backward]} (:until_at, :until_id)")
        values |= {"until_at": until[0], "until_id": until[1]}
    for condition, more in _narrowed(wanted):
        conditions.append(condition)
        values |= more
    order = f"created_at {_ORDER[backward]}, id {_ORDER[backward]}"
    rows = tx.all(
        f"SELECT {_SHOWN} FROM (SELECT * FROM dataset WHERE {' AND '.join(conditions)} ORDER BY {order}"  # noqa: S608
        f" LIMIT :limit) d LEFT JOIN offer o ON {_PUBLISHED} ORDER BY {_BY_PLACE[backward]}, o.created_at, o.id",
        participant=participant,
        limit=limit,
        **values,
    )
    return list(_shown(rows))


def shown(tx: Tx, participant: str, names: Sequence[str]) -> list[Shown]:
    """The published datasets of these ids with all their published offers."""
    among, values = columns.among("d.id", "name", names)
    rows = tx.all(
        f"SELECT {_SHOWN} FROM dataset d LEFT JOIN offer o ON {_PUBLISHED}"  # noqa: S608 constants
        f" WHERE d.participant = :participant AND d.state = 'published' AND {among} ORDER BY d.id, o.created_at, o.id",
        participant=participant,
        **values,
    )
    return list(_shown(rows))


_ELIGIBLE = "o.participant = :participant AND o.state = 'published' AND o.visibility = 'eligible'"
_SIGN, _WITHIN, _ORDER = (">", "<"), ("<=", ">="), ("ASC", "DESC")
_BY_PLACE = ("d.created_at, d.id", "d.created_at DESC, d.id DESC")
_PUBLISHED = "o.participant = :participant AND o.dataset = d.id AND o.state = 'published'"
_SHOWN = (
    "d.id, d.title, d.version, d.document, d.words, d.created_at, d.changed_at, d.record, d.access, o.id AS offer,"
    " o.policy, o.digest, o.visibility, o.countersignature, o.created_at AS offered_at"
)


def _narrowed(wanted: Filter) -> Iterator[tuple[str, dict[str, object]]]:
    for index, word in enumerate(wanted.words):
        yield f"(words IS NULL OR words LIKE :word{index} ESCAPE '!')", {f"word{index}": f"%{columns.literal(word)}%"}
    if wanted.datasets is not None:
        yield columns.among("id", "dataset", wanted.datasets)
    if wanted.media_types is not None:
        among, values = columns.among("s.media_type", "media", wanted.media_types)
        yield (
            "EXISTS (SELECT 1 FROM source s WHERE s.participant = :participant AND s.id = dataset.source"  # noqa: S608
            f" AND {among})",
            values,
        )
    if wanted.since is not None:
        yield (
            "(changed_at >= :since OR EXISTS (SELECT 1 FROM offer o WHERE o.participant = :participant"
            " AND o.dataset = dataset.id AND o.created_at >= :since))",
            {"since": wanted.since},
        )


def _shown(rows: Sequence[Row]) -> Iterator[Shown]:
    """Rows of one dataset stand together, one for each offer, or one without any."""
    offers: list[Terms] = []
    for index, row in enumerate(rows):
        if row["offer"] is not None:
            offers.append(
                Terms(
                    id=row["offer"],
                    policy=row["policy"],
                    digest=row["digest"],
                    visibility=row["visibility"],
                    countersignature=row["countersignature"],
                    created_at=row["offered_at"],
                )
            )
        if index + 1 == len(rows) or rows[index + 1]["id"] != row["id"]:
            yield Shown(
                id=row["id"],
                title=row["title"],
                version=row["version"],
                document=row["document"],
                words=row["words"],
                created_at=row["created_at"],
                changed_at=row["changed_at"],
                record=row["record"],
                access=row["access"],
                offers=tuple(offers),
            )
            offers = []
