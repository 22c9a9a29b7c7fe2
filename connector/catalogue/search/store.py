"""SQL of the copies: what members showed each participant, and what it is found by (spec/metadata.md 6).

For the crawler: every function is a unit of work (or part of one) in the scope of the participant whose copies it
changes, but `sweep`, whose scope is the process. What was shown to one participant is never read for another: each
look-up goes through the participant's own entries, and on PostgreSQL row-level security says the same again (T79).
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from connector.catalogue.search.copies import Copy
from connector.storage.database import Conflict, Tx

Change = Literal["new", "changed", "same"]
_PORTION: Final = 200
_WORDS: Final = {"sqlite": ":words", "postgres": "array_to_tsvector(string_to_array(:words, ' '))"}


class Held(msgspec.Struct, frozen=True):
    """A dataset of a member that we hold: what the member calls this state of it, and when it was last shown."""

    told: str | None
    seen_at: int


class MemberState(msgspec.Struct, frozen=True, kw_only=True):
    """How the copies of a member stand. All in ms; `failing_since` with the `code` of the last failure.

    `complete_at`: end of the last complete crawl. `partial_at`: of a later one that brought only a part.
    """

    provider: str
    complete_at: int | None
    partial_at: int | None
    failing_since: int | None
    failed_at: int | None
    code: str | None


# What the crawler writes


def replace_entry(tx: Tx, participant: str, provider: str, copy: Copy, told: str | None = None) -> Change:
    """The provider (DID) showed the participant this; it takes the place of what it showed before under the same IRI.

    `told` is what the provider calls this state, an entity tag or hash in its inventory: kept, never trusted.
    """
    before = tx.one(
        "SELECT content, told FROM copy_entry WHERE participant = :participant AND provider = :provider"
        " AND dataset = :dataset",
        participant=participant, provider=provider, dataset=copy.dataset,
    )  # fmt: skip
    content = _content(tx, copy)
    same = before is not None and before["content"] == content
    tx.run(
        "INSERT INTO copy_entry (participant, provider, dataset, content, told, modified, first_seen, changed_at,"  # noqa: S608
        " seen_at) VALUES (:participant, :provider, :dataset, :content, :told, :modified, :now, :now, :now)"
        " ON CONFLICT (participant, provider, dataset) DO UPDATE SET content = :content, told = :told,"
        " modified = :modified, seen_at = :now"
        + ("" if same else ", changed_at = :now"),
        participant=participant, provider=provider, dataset=copy.dataset, content=content, told=told,
        modified=copy.modified or 0, now=tx.now,
    )  # fmt: skip
    return "new" if before is None else "same" if same else "changed"


def _content(tx: Tx, copy: Copy) -> int:
    """The row of this content, stored if nobody was shown it before."""
    box = copy.box
    added = tx.run(
        "INSERT INTO copy_content (hash, edition, facets, west, south, east, north, starts, ends, modified, words)"  # noqa: S608
        " VALUES (:hash, :edition, :facets, :west, :south, :east, :north, :starts, :ends, :modified,"
        f" {_WORDS[tx.dialect]}) ON CONFLICT (hash) DO NOTHING",
        hash=copy.hash, edition=copy.edition, facets="\n".join(f"{facet}:{value}" for facet, value in copy.facets),
        west=box and box.west, south=box and box.south, east=box and box.east, north=box and box.north,
        starts=copy.starts, ends=copy.ends, modified=copy.modified, words=" ".join(copy.words),
    )  # fmt: skip
    lock = " FOR KEY SHARE" if tx.dialect == "postgres" else ""
    row = tx.one(f"SELECT id FROM copy_content WHERE hash = :hash{lock}", hash=copy.hash)  # noqa: S608
    if row is None:  # swept in between: again
        raise Conflict
    if added:
        tx.run(
            "INSERT INTO copy_document (content, entry) VALUES (:content, :entry)",
            content=row["id"],
            entry=copy.entry,
        )
    return int(row["id"])


def seen(tx: Tx, participant: str, provider: str, datasets: Iterable[str]) -> int:
    """These were shown again, unchanged; how many of them we hold."""
    return sum(
        tx.run(
            f"UPDATE copy_entry SET seen_at = :now WHERE participant = :participant AND provider = :provider"  # noqa: S608
            f" AND dataset IN ({listed})",
            now=tx.now, participant=participant, provider=provider, **values,
        )
        for listed, values in _portions(datasets)
    )  # fmt: skip


def forget(tx: Tx, participant: str, provider: str, datasets: Iterable[str]) -> int:
    """The provider does not show these to the participant any more; how many were held."""
    return sum(
        tx.run(
            "DELETE FROM copy_entry WHERE participant = :participant AND provider = :provider"  # noqa: S608
            f" AND dataset IN ({listed})",
            participant=participant, provider=provider, **values,
        )
        for listed, values in _portions(datasets)
    )  # fmt: skip


def forget_member(tx: Tx, participant: str, provider: str) -> int:
    """All that this provider showed, with its state: it is no member any more."""
    values = {"participant": participant, "provider": provider}
    tx.run("DELETE FROM copy_member WHERE participant = :participant AND provider = :provider", **values)
    return tx.run("DELETE FROM copy_entry WHERE participant = :participant AND provider = :provider", **values)


def held(tx: Tx, participant: str, provider: str) -> Mapping[str, Held]:
    """What we hold of a provider for this participant, by IRI: what a crawl is compared with."""
    rows = tx.all(
        "SELECT dataset, told, seen_at FROM copy_entry WHERE participant = :participant AND provider = :provider",
        participant=participant,
        provider=provider,
    )
    return {row["dataset"]: Held(row["told"], row["seen_at"]) for row in rows}


def content_known(tx: Tx, participant: str, provider: str, dataset: str, told: str) -> bool:
    """Whether this participant already holds exactly what the provider calls `told`, and need not fetch it again."""
    row = tx.one(
        "SELECT 1 FROM copy_entry WHERE participant = :participant AND provider = :provider AND dataset = :dataset"
        " AND told = :told",
        participant=participant, provider=provider, dataset=dataset, told=told,
    )  # fmt: skip
    return row is not None


def crawled(tx: Tx, participant: str, provider: str, *, complete: bool) -> None:
    """The provider answered to the end (`complete`), or answered but not all of it could be read."""
    tx.run(
        "INSERT INTO copy_member (participant, provider, complete_at, partial_at) VALUES (:participant, :provider,"
        " :complete, :partial) ON CONFLICT (participant, provider) DO UPDATE SET"
        " complete_at = coalesce(:complete, copy_member.complete_at), partial_at = :partial, failing_since = NULL,"
        " failed_at = NULL, code = NULL",
        participant=participant, provider=provider, complete=tx.now if complete else None,
        partial=None if complete else tx.now,
    )  # fmt: skip


def failed(tx: Tx, participant: str, provider: str, code: str) -> None:
    """The provider did not answer, or nothing usable; `code` of the error. Copies stay as they are."""
    tx.run(
        "INSERT INTO copy_member (participant, provider, failing_since, failed_at, code) VALUES (:participant,"
        " :provider, :now, :now, :code) ON CONFLICT (participant, provider) DO UPDATE SET"
        " failing_since = coalesce(copy_member.failing_since, :now), failed_at = :now, code = :code",
        participant=participant, provider=provider, now=tx.now, code=code[:200],
    )  # fmt: skip


def members(tx: Tx, participant: str) -> Mapping[str, MemberState]:
    """How the copies of each member stand, by DID; a member that is not there was never crawled."""
    rows = tx.all("SELECT * FROM copy_member WHERE participant = :participant", participant=participant)
    return {row["provider"]: MemberState(**{name: row[name] for name in MemberState.__struct_fields__}) for row in rows}


def sweep(tx: Tx, limit: int = 1_000) -> int:
    """Contents that no entry of anybody names any more go, at most `limit`; how many went. In the process's scope."""
    return tx.run(
        "DELETE FROM copy_content WHERE id IN (SELECT id FROM copy_content WHERE uses = 0 LIMIT :limit) AND uses = 0",
        limit=limit,
    )


def _portions(texts: Iterable[str]) -> Iterable[tuple[str, dict[str, str]]]:
    """Texts as lists of placeholders, so many at a time as a statement takes."""
    every = sorted(set(texts))
    for first in range(0, len(every), _PORTION):
        values = {f"each{index}": text for index, text in enumerate(every[first : first + _PORTION])}
        yield ", ".join(f":{name}" for name in values), values
