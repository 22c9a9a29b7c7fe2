"""SQL of the copies: what members showed each participant, and what it is found by (spec/metadata-search.md 1).

For the crawler: every function is a unit of work (or part of one) in the scope of the participant whose copies it
changes, but `sweep`, whose scope is the process. What was shown to one participant is never read for another: each
look-up goes through the participant's own entries, and on PostgreSQL row-level security says the same again (T79).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

from connector.data.catalogue.search.copies import Box, Copy
from connector.data.catalogue.search.expression import Expression, all_of, written
from connector.foundation.storage.database import Conflict, Row, Tx, long

Change = Literal["new", "changed", "same"]
LONGEST_TOLD: Final = 200
_PORTION: Final = 200
_WORDS: Final = {"sqlite": ":words", "postgres": "array_to_tsvector(string_to_array(:words, ' '))"}


class HeldCopy(msgspec.Struct, frozen=True):
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

    `told` is what the provider calls this state, an entity tag or hash in its inventory: kept as far as it is usable,
    never trusted.
    """
    told = told if told is not None and len(told) <= LONGEST_TOLD and told.isprintable() else None
    before = tx.one(
        "SELECT content, told FROM copy_entry WHERE participant = :participant AND provider = :provider"
        " AND dataset = :dataset",
        participant=participant,
        provider=provider,
        dataset=copy.dataset,
    )
    content = _content(tx, copy)
    same = before is not None and before["content"] == content
    tx.run(
        "INSERT INTO copy_entry (participant, provider, dataset, content, told, modified, first_seen, changed_at,"  # noqa: S608
        " seen_at) VALUES (:participant, :provider, :dataset, :content, :told, :modified, :now, :now, :now)"
        " ON CONFLICT (participant, provider, dataset) DO UPDATE SET content = :content, told = :told,"
        " modified = :modified, seen_at = :now" + ("" if same else ", changed_at = :now"),
        participant=participant,
        provider=provider,
        dataset=copy.dataset,
        content=content,
        told=told,
        modified=copy.modified or 0,
        now=tx.now,
    )
    return "new" if before is None else "same" if same else "changed"


def _content(tx: Tx, copy: Copy) -> int:
    """The row of this content, stored if nobody was shown it before."""
    box = copy.box
    added = tx.run(
        "INSERT INTO copy_content (hash, edition, facets, west, south, east, north, starts, ends, modified, words)"  # noqa: S608
        " VALUES (:hash, :edition, :facets, :west, :south, :east, :north, :starts, :ends, :modified,"
        f" {_WORDS[tx.dialect]}) ON CONFLICT (hash) DO NOTHING",
        hash=copy.hash,
        edition=copy.edition,
        facets=facets_of(copy),
        west=box and box.west,
        south=box and box.south,
        east=box and box.east,
        north=box and box.north,
        starts=copy.starts,
        ends=copy.ends,
        modified=copy.modified,
        words=" ".join(copy.words),
    )
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


def forget(tx: Tx, participant: str, provider: str, datasets: Iterable[str]) -> int:
    """The provider does not show these to the participant any more; how many were held."""
    return sum(
        tx.run(
            "DELETE FROM copy_entry WHERE participant = :participant AND provider = :provider"  # noqa: S608
            f" AND dataset IN ({listed})",
            participant=participant,
            provider=provider,
            **values,
        )
        for listed, values in _portions(datasets)
    )


def forget_member(tx: Tx, participant: str, provider: str) -> int:
    """All that this provider showed, with its state: it is no member any more."""
    tx.run(
        "DELETE FROM copy_member WHERE participant = :participant AND provider = :provider",
        participant=participant,
        provider=provider,
    )
    return forget_all(tx, participant, provider)


def forget_all(tx: Tx, participant: str, provider: str) -> int:
    """Every copy of what this provider showed; how it stands is kept."""
    return tx.run(
        "DELETE FROM copy_entry WHERE participant = :participant AND provider = :provider",
        participant=participant,
        provider=provider,
    )


def held(tx: Tx, participant: str, provider: str) -> Mapping[str, HeldCopy]:
    """What we hold of a provider for this participant, by IRI: what a crawl is compared with."""
    rows = tx.all(
        "SELECT dataset, told, seen_at FROM copy_entry WHERE participant = :participant AND provider = :provider",
        participant=participant,
        provider=provider,
    )
    return {row["dataset"]: HeldCopy(row["told"], row["seen_at"]) for row in rows}


def entry(tx: Tx, participant: str, provider: str, dataset: str) -> bytes | None:
    """What the provider showed this participant of a dataset (JSON), if we hold it."""
    row = tx.one(
        "SELECT d.entry FROM copy_entry e JOIN copy_document d ON d.content = e.content"
        " WHERE e.participant = :participant AND e.provider = :provider AND e.dataset = :dataset",
        participant=participant,
        provider=provider,
        dataset=dataset,
    )
    return None if row is None else bytes(row["entry"])


def seen(tx: Tx, participant: str, provider: str, dataset: str) -> int | None:
    """When the provider last showed that to this participant (ms)."""
    row = tx.one(
        "SELECT seen_at FROM copy_entry WHERE participant = :participant AND provider = :provider"
        " AND dataset = :dataset",
        participant=participant,
        provider=provider,
        dataset=dataset,
    )
    return None if row is None else int(row["seen_at"])


def crawled(tx: Tx, participant: str, provider: str, *, complete: bool) -> None:
    """The provider answered to the end (`complete`), or answered but not all of it could be read."""
    tx.run(
        "INSERT INTO copy_member (participant, provider, complete_at, partial_at) VALUES (:participant, :provider,"
        " :complete, :partial) ON CONFLICT (participant, provider) DO UPDATE SET"
        " complete_at = coalesce(:complete, copy_member.complete_at), partial_at = :partial, failing_since = NULL,"
        " failed_at = NULL, code = NULL",
        participant=participant,
        provider=provider,
        complete=tx.now if complete else None,
        partial=None if complete else tx.now,
    )


def failed(tx: Tx, participant: str, provider: str, code: str) -> None:
    """The provider did not answer, or nothing usable; `code` of the error. Copies stay as they are."""
    tx.run(
        "INSERT INTO copy_member (participant, provider, failing_since, failed_at, code) VALUES (:participant,"
        " :provider, :now, :now, :code) ON CONFLICT (participant, provider) DO UPDATE SET"
        # not in the future, where a clock that jumped has put it
        " failing_since = CASE WHEN copy_member.failing_since < :now THEN copy_member.failing_since ELSE :now END,"
        " failed_at = :now, code = :code",
        participant=participant,
        provider=provider,
        now=tx.now,
        code=code[:200],
    )


def members(tx: Tx, participant: str) -> Mapping[str, MemberState]:
    """How the copies of each member stand, by DID; a member that is not there was never crawled."""
    rows = tx.all("SELECT * FROM copy_member WHERE participant = :participant", participant=participant)
    return {row["provider"]: MemberState(**{name: row[name] for name in MemberState.__struct_fields__}) for row in rows}


def shown_by(tx: Tx, participant: str) -> Mapping[str, int]:
    """How many datasets each member showed, by DID."""
    rows = tx.all(
        "SELECT provider, count(*) AS n FROM copy_entry WHERE participant = :participant GROUP BY provider",
        participant=participant,
    )
    return {row["provider"]: int(row["n"]) for row in rows}


@long
def sweep(tx: Tx, limit: int = 1_000) -> int:
    """Contents that no entry of anybody names any more go, at most `limit`; how many went. In the process's scope."""
    return tx.run(
        "DELETE FROM copy_content WHERE id IN (SELECT id FROM copy_content WHERE uses = 0 LIMIT :limit) AND uses = 0",
        limit=limit,
    )


@long
def outdated(tx: Tx, participant: str, edition: str, limit: int) -> Mapping[int, bytes]:
    """Entries shown to this participant that another edition of the analyser has read, by content."""
    rows = tx.all(
        "SELECT d.content AS id, d.entry FROM copy_document d WHERE d.content IN (SELECT c.id FROM copy_content c"
        " WHERE (c.edition < :edition OR c.edition > :edition)"  # unlike `<>` by the index
        " AND EXISTS (SELECT 1 FROM copy_entry e WHERE e.content = c.id AND e.participant = :participant)"
        " LIMIT :limit)",
        participant=participant,
        edition=edition,
        limit=limit,
    )
    return {int(row["id"]): bytes(row["entry"]) for row in rows}


def read_again(tx: Tx, content: int, copy: Copy | None, edition: str) -> None:
    """The same content by the present edition: all that it is found by; found by nothing if it cannot be read now."""
    box = copy and copy.box
    tx.run(
        "UPDATE copy_content SET edition = :edition, facets = :facets, west = :west, south = :south, east = :east,"  # noqa: S608
        f" north = :north, starts = :starts, ends = :ends, words = {_WORDS[tx.dialect]} WHERE id = :id",
        id=content,
        edition=edition,
        facets=facets_of(copy) if copy else "",
        words=" ".join(copy.words) if copy else "",
        west=box and box.west,
        south=box and box.south,
        east=box and box.east,
        north=box and box.north,
        starts=copy and copy.starts,
        ends=copy and copy.ends,
    )


def facets_of(copy: Copy) -> str:
    """A copy's facets as the column holds them."""
    return "\n".join(f"{facet}:{value}" for facet, value in copy.facets)


def _portions(texts: Iterable[str]) -> Iterable[tuple[str, dict[str, str]]]:
    """Texts as lists of placeholders, so many at a time as a statement takes."""
    every = sorted(set(texts))
    for first in range(0, len(every), _PORTION):
        values = {f"each{index}": text for index, text in enumerate(every[first : first + _PORTION])}
        yield _named(values), values


def _named(values: Mapping[str, object]) -> str:
    return ", ".join(f":{name}" for name in values)


# What a search asks


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """`match` is what a dataset must have; `tiers` are narrower ones, each of which lifts it above all others.

    `points`: for each word its weight, what it earns, the first that holds, and whether it stands in so many datasets
    that each is better looked at by itself. `least`: points to be found at all.
    """

    match: Expression | None
    tiers: tuple[Expression, ...] = ()
    narrowed: tuple[Expression, ...] = ()
    points: tuple[tuple[int, tuple[tuple[int, Expression], ...], bool], ...] = ()
    least: int = 0
    providers: tuple[str, ...] | None = None
    since: int | None = None
    box: Box | None = None
    period: tuple[int, int] | None = None

    @property
    def everything(self) -> bool:
        """Whether it names nothing that a dataset says of itself, but when it was modified: then all rank alike."""
        return self.match is None and not self.narrowed and not self.points and (self.box, self.period) == (None, None)


class Behind(msgspec.Struct, frozen=True):
    """The last dataset of the page before."""

    rank: int
    modified: int
    dataset: str
    provider: str


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset as its provider showed it; `entry` is the JSON of it, times in ms, `modified` 0 if it does not say."""

    dataset: str
    provider: str
    rank: int
    modified: int
    seen_at: int
    changed_at: int
    entry: bytes


class ResultPage(msgspec.Struct, frozen=True):
    """`total` counts all that answer, not only those of the page."""

    hits: list[Hit]
    total: int
    more: bool


_TIER: Final = 1_000_000
_DAY: Final = 86_400_000
FRESHNESS: Final = (("week", 7), ("month", 31), ("year", 366))
"""Days since a dataset was last modified, at most."""


def found(tx: Tx, participant: str, asked: Query, behind: Behind | None, limit: int) -> ResultPage:
    """The next `limit` datasets in the order of rank, newest first among equals, then by IRI."""
    question = _Question(tx, participant, asked)
    after = ""
    if behind is not None:
        question.values |= msgspec.structs.asdict(behind)
        after = (
            " WHERE rank < :rank OR (rank = :rank AND (modified < :modified OR (modified = :modified"
            " AND (dataset > :dataset OR (dataset = :dataset AND provider > :provider)))))"
        )
    hits, order = question.hits(), "modified DESC, dataset, provider LIMIT :limit"
    if asked.everything:  # in the order of an index, and counted apart: nothing is sorted that nobody sees
        rows = tx.all(f"SELECT * FROM ({hits}) AS every{after} ORDER BY {order}", limit=limit + 1, **question.values)  # noqa: S608
        counted = tx.one(f"SELECT count(*) AS total FROM ({hits}) AS every", **question.values)  # noqa: S608 tokens bound
        total = int(counted["total"]) if counted else 0
    else:
        least = " WHERE rank >= :least" if asked.least else ""  # where any will do, ranks are not computed twice
        rows = tx.all(
            f"SELECT * FROM (SELECT *, count(*) OVER () AS total FROM ({hits}) AS ranked{least}) AS every"  # noqa: S608
            f"{after} ORDER BY rank DESC, {order}",
            limit=limit + 1,
            least=asked.least,
            **question.values,
        )
        total = int(rows[0]["total"]) if rows else 0
    return ResultPage(list(_hits(tx, participant, rows[:limit])), total, len(rows) > limit)


def _hits(tx: Tx, participant: str, rows: Sequence[Row]) -> Iterator[Hit]:
    """With the texts, which are read for the page alone, and through the participant's own entries again."""
    texts: dict[tuple[str, str], Row] = {}
    for first in range(0, len(rows), _PORTION):
        values = {f"each{index}": int(row["content"]) for index, row in enumerate(rows[first : first + _PORTION])}
        found = tx.all(
            "SELECT e.provider, e.dataset, e.seen_at, e.changed_at, d.entry FROM copy_entry e JOIN copy_document d"  # noqa: S608
            f" ON d.content = e.content WHERE e.participant = :participant AND e.content IN ({_named(values)})",
            participant=participant,
            **values,
        )
        texts |= {(row["provider"], row["dataset"]): row for row in found}
    for row in rows:
        text = texts[row["provider"], row["dataset"]]
        yield Hit(
            dataset=row["dataset"],
            provider=row["provider"],
            rank=int(row["rank"]),
            modified=row["modified"],
            seen_at=text["seen_at"],
            changed_at=text["changed_at"],
            entry=bytes(text["entry"]),
        )


def counted(tx: Tx, participant: str, asked: Query) -> Mapping[str, Mapping[str, int]]:
    """How many of all that answer have each value of each facet, `provider` and `freshness` among them."""
    question = _Question(tx, participant, asked)
    ages = "".join(f" WHEN h.modified >= :{name} THEN '{name}'" for name, _ in FRESHNESS)
    rows = tx.all(
        f"SELECT c.facets AS facets, h.provider AS provider, count(*) AS n, CASE{ages} WHEN h.modified > 0 THEN 'older'"  # noqa: S608
        f" ELSE 'unknown' END AS freshness FROM ({question.hits(ranked=bool(asked.least))}) AS h"
        " JOIN copy_content c ON c.id = h.content WHERE rank >= :least GROUP BY 1, 2, 4",
        least=asked.least,
        **{name: tx.now - days * _DAY for name, days in FRESHNESS},
        **question.values,
    )
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        every = [each.partition(":") for each in row["facets"].split("\n") if each]
        said = [(name, value) for name, _, value in every]
        for name, value in [*said, ("provider", row["provider"]), ("freshness", row["freshness"])]:
            counts.setdefault(name, Counter())[value] += int(row["n"])
    return counts


def shown(tx: Tx, participant: str, match: Expression) -> bool:
    """Whether anything that the participant was shown has these tokens."""
    question = _Question(tx, participant, Query(match=match))
    return tx.one(question.one(), **question.values) is not None


class _Question:
    """The query for one `Query`; every token goes in as a value."""

    def __init__(self, tx: Tx, participant: str, asked: Query) -> None:
        self._dialect, self._asked = tx.dialect, asked
        self.values: dict[str, object] = {"participant": participant}
        self._sqlite = tx.dialect == "sqlite"

    def one(self) -> str:
        """Any row of what matches. PostgreSQL believes that a single one is soon found anywhere, and would read all
        contents for a word that none has; it does not look through what is materialised, and stops all the same."""
        if self._sqlite or self._asked.match is None:
            return f"{self.hits(ranked=False)} LIMIT 1"
        return (
            f"WITH c AS MATERIALIZED (SELECT id FROM copy_content c WHERE {self._has(self._asked.match)}) SELECT 1 AS n"  # noqa: S608
            " FROM c JOIN copy_entry e ON e.content = c.id WHERE e.participant = :participant LIMIT 1"
        )

    def hits(self, *, ranked: bool = True) -> str:
        """Rows (content, provider, dataset, modified, rank) of the participant's own entries."""
        asked, conditions = self._asked, ["e.participant = :participant"]
        tables = "copy_entry e"
        parts = (*([] if asked.match is None else [asked.match]), *asked.narrowed)
        if parts and self._sqlite:
            tables = "copy_word w CROSS JOIN copy_entry e ON e.content = w.rowid"
            conditions.append(f"w.copy_word MATCH {self._value(all_of(*parts))}")
        elif parts:
            conditions.append(self._has(all_of(*parts)))
        elif self._sqlite and (asked.box, asked.period) != (None, None):  # few say a place or time: from those
            tables = "copy_content c CROSS JOIN copy_entry e ON e.content = c.id"
        wide = ranked and any(common for _, _, common in asked.points)
        needed = asked.box is not None or asked.period is not None or wide or (parts and not self._sqlite)
        if needed and " c " not in tables:
            tables += " JOIN copy_content c ON c.id = e.content"
        conditions += self._narrowed()
        names = "e.dataset, e.provider"
        if not self._sqlite:  # in the order of bytes, as SQLite has it
            names = 'e.dataset COLLATE "C" AS dataset, e.provider COLLATE "C" AS provider'
        rank = self._rank() if ranked else "0"
        return f"SELECT e.content, {names}, e.modified, {rank} AS rank FROM {tables} WHERE {' AND '.join(conditions)}"  # noqa: S608

    def _rank(self) -> str:
        lifted = [f"CASE WHEN {self._has(tier)} THEN {_TIER} ELSE 0 END" for tier in self._asked.tiers]
        earned = [f"{weight} * {self._points(of, common)}" for weight, of, common in self._asked.points]
        return " + ".join([*lifted, *earned]) or "0"

    def _points(self, points: Iterable[tuple[int, Expression]], common: bool) -> str:
        has = self._row_has if common and self._sqlite else self._has
        cases = " ".join(f"WHEN {has(expression)} THEN {earned}" for earned, expression in points)
        return f"CASE {cases} ELSE 0 END"

    def _row_has(self, expression: Expression) -> str:
        """Of the row at hand, without a list of all that have it."""
        if isinstance(expression, str):
            name = f"t{len(self.values)}"
            self.values[name] = f" {expression} "
            return f"instr(' ' || c.words || ' ', :{name}) > 0"
        sign = " AND " if expression.how == "all" else " OR "
        return f"({sign.join(self._row_has(part) for part in expression.parts)})"

    def _has(self, expression: Expression) -> str:
        value = self._value(expression)
        if self._sqlite:
            return f"(e.content IN (SELECT rowid FROM copy_word WHERE copy_word MATCH {value}))"  # noqa: S608
        return f"(c.words @@ CAST({value} AS tsquery))"

    def _value(self, expression: Expression) -> str:
        name = f"t{len(self.values)}"
        self.values[name] = written(expression, self._dialect)
        return f":{name}"

    def _narrowed(self) -> Iterator[str]:
        asked, values = self._asked, self.values
        if asked.providers is not None:
            names = {f"provider{index}": each for index, each in enumerate(asked.providers)}
            values |= names
            yield f"e.provider IN ({_named(names)})" if names else "1 = 0"
        if asked.since is not None:
            values["since"] = asked.since
            yield "e.modified >= :since"
        if asked.box is not None:
            values |= msgspec.structs.asdict(asked.box)
            yield "c.west <= :east AND c.east >= :west AND c.south <= :north AND c.north >= :south"
        if asked.period is not None:
            values["first"], values["last"] = asked.period
            yield (
                "(c.starts IS NOT NULL OR c.ends IS NOT NULL) AND (c.starts IS NULL OR c.starts <= :last)"
                " AND (c.ends IS NULL OR c.ends > :first)"
            )
