"""Rounds ask once for all participants who has work due, and the worker that asks sees no more than that."""

import pytest

from connector.data.catalogue.snapshots import store as snapshots
from connector.data.federation import store as crawls
from connector.dataspace.witness import cosignatures
from connector.exchange.reconciliation import store as reconciliations
from connector.exchange.transfer import store as transfers
from connector.foundation.errors import Defect
from connector.foundation.storage.database import WORKER, Database, Tx
from connector.foundation.storage.due import having
from connector.identity.audit import sealer
from connector.identity.jobs.scheduler import TOKENS_KEPT_MS
from connector.oversight.notifications import store as notifications
from connector.oversight.operation import maintenance

TOWN, OTHER = "due-town", "due-other"
VALUES = {"now": 0, "latest": 1, "token": 0, "hour": 0, "day": 0, "before": 0, "since": 0, "witnesses": 2}
CONDITIONS = {
    "unsealed": sealer.UNSEALED,
    "served": maintenance.SERVED,
    "told": maintenance.TOLD,
    "crawls": crawls.CRAWLING,
    "compare": reconciliations.COMPARING,
    "snapshots": snapshots.SWEPT,
    "mail": notifications.FRESH,
    "cosign": cosignatures.WAITING,
}


def _added(tx: Tx) -> None:
    tx.run(
        "INSERT INTO participant (id, did, root, host, path, name, kind, operator, state, created_at)"
        " VALUES (:id, :id, :id, :id, '', :id, 'k', :id, 'active', 1)",
        id=tx.scope,
    )


@pytest.fixture
async def db(any_db: Database) -> Database:
    for slug in (TOWN, OTHER):
        await any_db.write(slug, _added)
    return any_db


@pytest.mark.parametrize("name", CONDITIONS)
async def test_nobody_who_has_nothing_is_named(db: Database, name: str) -> None:
    condition = CONDITIONS[name]
    values = {key: value for key, value in VALUES.items() if f":{key}" in condition}
    assert await db.read(WORKER, having, condition, **values) == []


async def test_whoever_has_something_due_is_named_alone(db: Database) -> None:
    """>> a token that is over, a crawl that is due, a record without a seal, a notification << by its round only."""
    now = await db.read("", lambda tx: tx.now)

    def due(tx: Tx) -> None:
        tx.run("INSERT INTO seen_token (participant, issuer, jti, expires_at) VALUES (:p, 'i', 'j', 5)", p=TOWN)
        tx.run(
            "INSERT INTO crawl (participant, provider, form, due_at, failures, facts) VALUES (:p, 'q', '', 7, 0, '{}')",
            p=TOWN,
        )
        tx.run(
            "INSERT INTO notification (participant, name, cause, subject, facts, audience, at)"
            " VALUES (:p, 'n', 'ended', 's', '{}', '[]', 9)",
            p=TOWN,
        )

    await db.write(TOWN, due)
    found = {
        name: await db.read(WORKER, having, one, **{key: now for key in VALUES if f":{key}" in one} | told)
        for name, one, told in (
            ("served", maintenance.SERVED, {"token": now - TOKENS_KEPT_MS}),
            ("crawls", crawls.CRAWLING, {}),
            ("mail", notifications.FRESH, {"since": 8}),
            ("later", notifications.FRESH, {"since": 9}),
            ("told", maintenance.TOLD, {}),
        )
    }
    assert found == {"served": [TOWN], "crawls": [TOWN], "mail": [TOWN], "later": [], "told": []}


async def test_marks_change_with_what_is_looked_for(db: Database) -> None:
    before = await db.read(WORKER, notifications.marks)
    assert before[TOWN] == before[OTHER] == notifications.Mark(None, None, None, None, None, None)
    await db.write(
        TOWN,
        lambda tx: tx.run(
            "INSERT INTO question (participant, id, kind, subject, facts, asked_at)"
            " VALUES (:p, 'q', 'countersign', 's', '{}', 3)",
            p=TOWN,
        ),
    )
    after = await db.read(WORKER, notifications.marks)
    assert (after[TOWN].asked, after[OTHER]) == (3, before[OTHER])
    assert await db.read(WORKER, transfers.providing_to, {"did:web:x"}) == []
    assert await db.read(WORKER, crawls.published) == {}


@pytest.mark.threat("T114")
@pytest.mark.parametrize(
    "column",
    [
        "agreement.counterparty",
        "agreement.id",
        "transcript.peer",
        "decision.agreement",
        "crawl.provider",
        "notification.facts",
        "question.subject",
        "seen_token.jti",
        "approval.title",
        "cosignature.lines",
        "negotiation.counterparty",
        "transfer.agreement",
        "dataset.title",
        "key.secret",
    ],
)
async def test_the_worker_sees_that_something_is_due_and_not_what(postgres_db: Database, column: str) -> None:
    table, _, name = column.partition(".")
    with pytest.raises(Defect):
        await postgres_db.read(WORKER, lambda tx: tx.all(f"SELECT {name} FROM {table}"))


MAY_SEE = {
    "agreement": {"participant"},
    "approval": {"participant", "state", "due_at"},
    "approval_rule": {"participant", "changed_at"},
    "audit_entry": {"participant", "id", "leaf_index", "type"},
    "audit_seal": {"participant", "size", "checkpoint"},
    "cosignature": {"participant", "size"},
    "crawl": {"participant", "due_at"},
    "decision": {"participant", "at"},
    "negotiation": {"state", "settled"},
    "notification": {"participant", "at"},
    "participant": {"id", "state"},
    "public_snapshot": {"participant"},
    "question": {"participant", "kind", "asked_at", "answered_at"},
    "seen_token": {"participant", "expires_at"},
    "transcript": {"participant", "last_at"},
    "transfer": {"participant", "counterparty", "state", "settled", "outcome", "role", "changed_at"},
    "usage": {"participant", "hour"},
}
"""Whose a row is, times and states; a log is known by its places, sizes and public notes."""
_OF_PARTICIPANTS = """
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema::regnamespace
   AND c.relname NOT IN ('outbox', 'timer') AND (c.relname = 'participant' OR EXISTS (
     SELECT 1 FROM pg_attribute o WHERE o.attrelid = c.oid AND o.attname = 'participant'))
   AND has_column_privilege(c.oid, a.attnum, :right)"""


async def seen(db: Database, right: str) -> dict[str, set[str]]:
    """Columns of participants' rows by table, for which the worker's login has that right; its own errands aside."""
    sql = f"SELECT c.relname AS name, a.attname AS attribute {_OF_PARTICIPANTS}"
    found: dict[str, set[str]] = {}
    for row in await db.read(WORKER, lambda tx: tx.all(sql, right=right)):
        found.setdefault(row["name"], set()).add(row["attribute"])
    return found


@pytest.mark.threat("T114")
async def test_bug_the_worker_could_read_and_add_to_the_log_of_everybody(postgres_db: Database) -> None:
    """>> every column of every table of participants << the few by which work is found; it writes none of them.

    It had the whole of `audit_entry`: what was agreed with whom, and the right to add a record in anybody's name.
    """
    assert await seen(postgres_db, "SELECT") == MAY_SEE
    for right in ("INSERT", "UPDATE", "REFERENCES"):
        assert await seen(postgres_db, right) == {}
