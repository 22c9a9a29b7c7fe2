"""Every statement of the product with its plan on both databases: none walks a table that grows, no index is idle.

The plans are those of empty databases without statistics, so they stay the same. As a program it prints them all:
`python -m tests.foundation.storage.test_schema_plans`.
"""

import json
import re
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

from connector.foundation.storage import upgrade
from connector.foundation.storage.postgres.tx import placeholders
from connector.foundation.storage.seldom import TABLES
from tests.foundation.storage.asked import asked
from tests.foundation.storage.statements import PACKAGE, Statement
from tests.postgres import Cluster, running_cluster

GROWING = frozenset(
    {
        "access_token",
        "agreement",
        "approval",
        "audit_entry",
        "audit_seal",
        "audit_timestamp",
        "copy_content",
        "copy_document",
        "copy_entry",
        "cosignature",
        "counter",
        "crawl_aside",
        "data_link",
        "dataset",
        "decision",
        "deed",
        "ending",
        "erasure",
        "flow",
        "handover",
        "harvest_dataset",
        "harvest_original",
        "harvest_question",
        "harvest_run",
        "log_node",
        "negotiation",
        "notification",
        "notification_mail",
        "notification_read",
        "object",
        "object_use",
        "offer",
        "outbox",
        "public_document",
        "public_entry",
        "public_snapshot",
        "publication_draft",
        "question",
        "reconciliation",
        "revision",
        "seen_token",
        "sent_form",
        "source",
        "succession",
        "timer",
        "transcript",
        "transfer",
        "usage",
    }
)
"""Tables with a row for each message, process, dataset or day; the others have one for each town, person or setting."""

_ALL_ASKED = "all of them are what is asked for"
_PERSON = "a person or a monthly report asks, not a message"
_ROUND = "a round of housekeeping, a few times a day"
_LEAVING = "once, when a participant leaves"
_FEW = "few: what people decided or stated"
_NEWEST = "the newest ones are those that it looks for"
_TOTAL = "a count or a newest one over all"
_FIRST = "stops at the first one"
WALKS: dict[str, str] = {
    "data.approvals.store.ended_ones approval": _FEW,
    "data.approvals.store.of_dataset approval": _FEW,
    "identity.audit.integrity._states audit_seal": _ROUND,
    "identity.audit.origins.begin audit_seal": _LEAVING,
    "identity.audit.sealer.latest audit_seal": _NEWEST,
    "identity.audit.sealer.waiting audit_seal": _ROUND,
    "continuity.backup.create._facts source": _ALL_ASKED,
    "data.catalogue.group_offers.offered_to offer": _PERSON,
    "data.catalogue.search.store.shown_by copy_entry": _ALL_ASKED,
    "data.catalogue.snapshots.store.add public_snapshot": _FEW,
    "data.catalogue.snapshots.store.entries public_entry": _ALL_ASKED,
    "data.catalogue.snapshots.store.named public_snapshot": _FEW,
    "data.catalogue.snapshots.store.sweep public_document": _ROUND,
    "data.catalogue.snapshots.store.sweep public_snapshot": _ROUND,
    "data.catalogue.personal_store.said dataset": _PERSON,
    "data.catalogue.personal_store.said source": _PERSON,
    "data.sources.store.forget_at source": _PERSON,
    "data.catalogue.series_store.members dataset": _PERSON,
    "data.catalogue.store.offered offer": _PERSON,
    "data.catalogue.store.offers_of_members offer": _PERSON,
    "data.catalogue.store.published_count dataset": _TOTAL,
    "data.sources.store.unpublished source": _PERSON,
    "data.catalogue.store.withdraw offer": _PERSON,
    "exchange.contracts.evidence.attention.ended_by_partners ending": _FEW,
    "exchange.contracts.evidence.attention.terminations ending": _FEW,
    "exchange.contracts.evidence.attention.vouched audit_seal": _PERSON,
    "exchange.contracts.evidence.attention.vouched audit_timestamp": _PERSON,
    "exchange.contracts.evidence.attention.vouched cosignature": _PERSON,
    "data.drafts.store.leftovers publication_draft": _ROUND,
    "data.drafts.store.leftovers source": _ROUND,
    "data.drafts.store.named_files publication_draft": _ROUND,
    "data.drafts.store.named_files source": _ROUND,
    "data.drafts.store.taken publication_draft": _ROUND,
    "data.federation.store.held_bytes copy_entry": _TOTAL,
    "oversight.figures.store.compared reconciliation": _PERSON,
    "oversight.figures.store.ends agreement": _PERSON,
    "oversight.figures.store.log audit_entry": _PERSON,
    "data.harvest.store.aside harvest_dataset": _PERSON,
    "data.harvest.store.asked harvest_question": _PERSON,
    "data.harvest.store.forget_author harvest_dataset": _PERSON,
    "data.harvest.store.repairs harvest_dataset": _PERSON,
    "data.harvest.store.served_marks harvest_dataset": _ALL_ASKED,
    "data.harvest.store.standing harvest_dataset": _ALL_ASKED,
    "continuity.moving.arrival._proven agreement": _LEAVING,
    "continuity.moving.departure._hand timer": _LEAVING,
    "continuity.moving.departure._summary agreement": _LEAVING,
    "oversight.notifications.store.mailed_to notification_mail": _ALL_ASKED,
    "oversight.notifications.store.names notification": _ALL_ASKED,
    "oversight.notifications.store.read_by notification_read": _ALL_ASKED,
    "continuity.offboarding.contracts.held agreement": _LEAVING,
    "continuity.offboarding.contracts.not_handed agreement": _LEAVING,
    "continuity.offboarding.contracts.refused ending": _LEAVING,
    "oversight.operation.overview._counted dataset": _PERSON,
    "identity.participants.lifecycle_store.revoke_tokens access_token": _LEAVING,
    "oversight.partners.store.met negotiation": _PERSON,
    "oversight.partners.store.offers dataset": _PERSON,
    "continuity.privacy.retention_store.grouped audit_entry": _PERSON,
    "continuity.privacy.retention_store.holding audit_entry": _PERSON,
    "continuity.privacy.retention_store.sealed_size audit_seal": _TOTAL,
    "continuity.privacy.retention_store.tombstones erasure": _ALL_ASKED,
    "exchange.reconciliation.store.all_of reconciliation": _ALL_ASKED,
    "surfaces.requests.link_store.standing data_link": _PERSON,
    "surfaces.requests.link_store.sweep data_link": _ROUND,
    "foundation.storage.outbox.abandon outbox": _LEAVING,
    "foundation.storage.outbox.undelivered outbox": _LEAVING,
    "foundation.storage.due.having agreement": _FIRST,
    "foundation.storage.due.having audit_seal": _FIRST,
    "foundation.storage.due.having public_snapshot": _FIRST,
    "foundation.storage.due.numbered audit_seal": _FIRST,
    "oversight.tasks.store.differing reconciliation": _PERSON,
    "exchange.transfer.store.running_with transfer": _ROUND,
    "dataspace.witness.quorum._quorum cosignature": _NEWEST,
    "dataspace.witness.quorum._said cosignature": _ROUND,
    "dataspace.witness.timestamps.wanted audit_timestamp": _ROUND,
}
"""Statements that read all rows of a participant in a table that grows, and why they may."""

_CASCADE = "a person who is deleted takes these rows along"
_SEARCHED = "a search is put together when it runs"
IDLE: dict[str, str] = {
    "api_token_person": _CASCADE,
    "desk_seen_person": _CASCADE,
    "copy_content_box": _SEARCHED,
    "copy_content_period": _SEARCHED,
}
"""Indexes that no statement above uses, and what for they are there."""


_SELDOM = "asked seldom, and no matter how it is found"
PLANNED_EACH_TIME: dict[str, str] = {
    "identity.jobs.clock_watch._bound timer.kind": _SELDOM,
    "dataspace.spaces.application_store.applications space_application.state": _SELDOM,
}
"""Statements whose plan hangs on a value, by what they compare with it, and why that may be."""


class Step(NamedTuple):
    """How one statement comes to the rows of one table: `whole` if it reads all of a participant, or all there are."""

    place: str
    table: str
    index: str
    whole: bool
    text: str
    sql: str


def _sqlite_steps(database: sqlite3.Connection, found: list[Statement]) -> Iterator[Step]:
    """SQLite names a table by its alias. What stops at a LIMIT and neither sorts nor leaves out does not read all."""
    owners = dict(database.execute("SELECT name, tbl_name FROM sqlite_master WHERE type IN ('index', 'table')"))
    partial = {name for name, sql in database.execute("SELECT name, sql FROM sqlite_master") if "WHERE" in (sql or "")}
    for place, sql in found:
        values = dict.fromkeys(re.findall(r"(?<![:\w]):([A-Za-z_]\w*)", sql))
        lines = [line[3] for line in database.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
        sorted_ = any("TEMP B-TREE FOR ORDER BY" in line for line in lines)
        short = "LIMIT" in sql and not sorted_ and _FURTHER.search(sql) is None
        for line in lines:
            if (match := _LINE.match(line)) is None:
                continue
            table = _table(sql, match["name"], owners)
            index = match["index"] or (match["key"] and f"{table} key") or ""
            every = match["how"] == "SCAN" or match["by"] in ("participant=?", None) or "rowid>" in (match["by"] or "")
            yield Step(place, table, index, every and not short and index not in partial, line, sql)


_FURTHER = re.compile(r"\b(?!participant\b|scope\b)\w+ (?:= :|IN \(:)")
"""A condition by which most rows may be left out on the way to the LIMIT."""
# From 3.53 on SQLite says EXISTS of a table that it only asks for one row.
_LINE = re.compile(
    r"(?P<how>SCAN|SEARCH) (?P<name>\w+)(?: EXISTS)?"
    r"(?: USING (?:(?:AUTOMATIC )?(?:PARTIAL )?(?:COVERING )?INDEX (?P<index>\w+)"
    r"|(?P<key>INTEGER PRIMARY KEY|PRIMARY KEY)))?(?: \((?P<by>.*)\))?"
)


def _table(sql: str, name: str, owners: Mapping[str, str]) -> str:
    if name in owners:
        return name
    aliased = re.search(rf'\b(?:FROM|JOIN|UPDATE|INTO|,) *"?(\w+)"? (?:AS )?{name}\b', sql)
    return aliased[1] if aliased else name


def _postgres_steps(database: psycopg.Connection[Any], found: list[Statement]) -> Iterator[Step]:
    """By the plan for values that are not known yet, without reading whole tables if that can be helped at all."""
    database.execute("SET enable_seqscan = off")
    # Whatever is off, of two ways to an EXISTS under an OR PostgreSQL 18 takes the cheaper: to walk an empty table.
    database.execute("SET seq_page_cost = 1000000")
    database.execute("SET plan_cache_mode = force_generic_plan")
    for place, sql in found:
        text, count = _numbered(sql)
        database.execute(f"PREPARE asked AS {text}")
        nulls = f"({', '.join(['NULL'] * count)})" if count else ""
        plan = database.execute(f"EXPLAIN (FORMAT JSON) EXECUTE asked{nulls}").fetchone()
        database.execute("DEALLOCATE asked")
        assert plan is not None
        for node in _nodes(plan[0][0]["Plan"]):
            kind, table = node["Node Type"], node.get("Relation Name", "")
            if table or "Index Name" in node:
                text = json.dumps(
                    {name: node[name] for name in ("Node Type", "Index Name", "Index Cond") if name in node}
                )
                yield Step(place, table, node.get("Index Name", ""), kind == "Seq Scan", text, sql)


def _numbered(sql: str) -> tuple[str, int]:
    """With `$1` for the first name, and how many names there are."""
    names: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        return f"${names.setdefault(match[1], len(names) + 1)}"

    return re.sub(r"%\((\w+)\)s", number, placeholders(sql).decode()).replace("%%", "%"), len(names)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for one in plan.get("Plans", ()):
        yield from _nodes(one)


@pytest.fixture(scope="module")
def on_sqlite(migrated: Path) -> list[Step]:
    with closing(sqlite3.connect(migrated)) as database:
        return list(_sqlite_steps(database, asked("sqlite")))


@pytest.fixture(scope="module")
def on_postgres(cluster: Cluster) -> list[Step]:
    with cluster.database() as urls, psycopg.connect(urls.admin, autocommit=True) as database:
        return list(_postgres_steps(database, asked("postgres")))


def _unexpected(steps: list[Step]) -> dict[str, str]:
    walked = {f"{step.place} {step.table}": step.text for step in steps if step.whole and step.table in GROWING}
    return {name: text for name, text in walked.items() if name not in WALKS}


def test_no_statement_walks_through_a_table_that_grows_on_sqlite(on_sqlite: list[Step]) -> None:
    """Whatever begins with the participant alone reads all its rows, unless it stops at a LIMIT or holds open ones."""
    assert _unexpected(on_sqlite) == {}


def test_no_statement_walks_through_a_table_that_grows_on_postgres(on_postgres: list[Step]) -> None:
    assert _unexpected(on_postgres) == {}


def test_what_may_walk_is_still_asked(on_sqlite: list[Step]) -> None:
    """A reason without its statement is dropped with it. A newer SQLite may walk less, and
    that is no fault."""
    asked = {f"{step.place} {step.table}" for step in on_sqlite}
    assert WALKS.keys() - asked == set()


def test_bug_whom_to_compare_with_was_asked_of_every_contract_with_its_documents(on_sqlite: list[Step]) -> None:
    """It is asked again and again, and of 20 000 contracts it took a fifth of a second: the index says all of it."""
    told = [
        step.text
        for step in on_sqlite
        if step.place == "exchange.reconciliation.store.due" and step.table == "agreement"
    ]
    assert [text.split(" (")[0] for text in told] == ["SEARCH a USING COVERING INDEX agreement_concluded"]


def test_what_is_kept_is_read_of_tables_whose_changes_are_heard_of() -> None:
    """Every function that is asked through `once` reads tables alone whose changes are heard of."""
    kept = {
        name.rpartition(".")[2]
        for path in PACKAGE.rglob("*.py")
        for name in re.findall(r"\bonce(?:_if_small)?\(tx, ([\w.]+),", path.read_text(encoding="utf-8"))
    }
    found = {one.place: one.sql for one in asked("sqlite") if one.place.rpartition(".")[2] in kept}
    assert kept == {"_standing", "publisher", "_never", "_mandate", "offer_with_dataset", "shown"}
    assert {place.rpartition(".")[2] for place in found} == kept
    for place, sql in found.items():
        assert set(re.findall(r"\b(?:FROM|JOIN) (\w+)", sql)) <= set(TABLES), place


_DECIDES = re.compile(r"(\w+) = (?:'[^']*'|\d+)")


def test_bug_a_statement_was_prepared_anew_each_time_it_ran(migrated: Path) -> None:
    """<< `role = :role` beside an index of those `WHERE role = 'provider'` >> SQLite asks the value which plan serves,
    and plans again for the next one: it took six times as long as the statement itself."""
    with closing(sqlite3.connect(migrated)) as database:
        partial = database.execute(
            "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql LIKE '%WHERE%'"
        )
        decided = {(table, column) for table, sql in partial for column in _DECIDES.findall(sql.partition("WHERE")[2])}
    found = {
        f"{one.place} {table}.{column}"
        for one in asked("sqlite")
        for table, column in decided
        if re.search(rf"\b(FROM|JOIN|UPDATE) {table}\b", one.sql)
        and re.search(rf"(?<!:)\b{column} = :", re.split(r"\b(?:WHERE|ON)\b", one.sql, maxsplit=1)[-1])
    }
    assert found == PLANNED_EACH_TIME.keys()


def test_every_index_serves_a_statement(on_sqlite: list[Step], migrated: Path) -> None:
    """A unique one keeps rows apart besides."""
    used = {step.index for step in on_sqlite}
    with closing(sqlite3.connect(migrated)) as database:
        found = database.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE 'CREATE INDEX%'")
        idle = {str(name) for (name,) in found} - used
    assert idle == IDLE.keys()


def test_statements_on_both_databases_are_read(on_sqlite: list[Step], on_postgres: list[Step]) -> None:
    """A reader that finds nothing would let everything pass."""
    for steps in (on_sqlite, on_postgres):
        assert len({step.sql for step in steps}) > 450
        assert {"foundation.storage.outbox.claim", "exchange.contracts.store.save_case"} <= {
            step.place for step in steps
        }


def _listed() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "hanse.db"
        upgrade(f"sqlite://{file}")
        with closing(sqlite3.connect(file)) as database:
            for step in _sqlite_steps(database, asked("sqlite")):
                yield f"sqlite {step.place}: {step.text} <- {' '.join(step.sql.split())}"
    with (
        running_cluster() as cluster,
        cluster.database() as urls,
        psycopg.connect(urls.admin, autocommit=True) as there,
    ):
        for step in _postgres_steps(there, asked("postgres")):
            yield f"postgres {step.place}: {step.table} {step.text} <- {' '.join(step.sql.split())}"


if __name__ == "__main__":
    for line in _listed():
        print(line)
