"""The first lock of a shared server (threat T18): each statement says whose rows it reads or changes.

SQLite has no other lock. On PostgreSQL row-level security would hide a statement that forgot to, so no life of several
towns there shows it; here each statement is read, as its source has it.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.foundation.storage.asked import asked

pytestmark = pytest.mark.threat("T18")

_TOKEN = "the digest of a secret, or its id, says whose it is"
_PERSON = "a person may have roles at several participants, and leaves all of them"
_ROUND = "a round of housekeeping for all"
_WORKER = "the worker takes what is due, whose ever it is"
_CLAIMED = "by the id and the fence of a row that the worker has claimed"
_PROCESS = "whoever runs the process counts, copies or seals anew"
EVERYBODY: dict[str, str] = {
    "identity.accounts.invitation_store.invitation invitation": _TOKEN,
    "identity.accounts.session_store.sweep invitation": _ROUND,
    "identity.accounts.store.granted_by person_role": _PERSON,
    "identity.accounts.store.confirmed_at person_pseudonym": _PERSON,
    "identity.accounts.store.pseudonyms person_pseudonym": _PERSON,
    "identity.accounts.store.pseudonyms_here person_pseudonym": _PERSON,
    "identity.accounts.store.remove invitation": _PERSON,
    "identity.accounts.store.remove role_proposal": _PERSON,
    "identity.accounts.store.roles person_role": _PERSON,
    "identity.accounts.store.set_operator invitation": _PERSON,
    "identity.accounts.store.set_operator role_proposal": _PERSON,
    "identity.accounts.store.set_operator person_role": _PERSON,
    "identity.accounts.token_store.by_digest api_token": _TOKEN,
    "identity.accounts.token_store.end api_token": _TOKEN,
    "identity.accounts.token_store.of_process api_token": "those of no participant",
    "identity.accounts.token_store.one api_token": _TOKEN,
    "identity.accounts.token_store.sweep api_token": _ROUND,
    "identity.accounts.token_store.used api_token": _TOKEN,
    "identity.audit.sealer.waiting audit_entry": _ROUND,
    "identity.audit.sealer.waiting audit_seal": _ROUND,
    "continuity.backup.create._facts source": _PROCESS,
    "exchange.delivery.worker._due_streams outbox": _WORKER,
    "exchange.delivery.worker._more_behind outbox": _WORKER,
    "exchange.delivery.worker._open_streams outbox": _WORKER,
    "identity.jobs.clock_watch._bound timer": _ROUND,
    "identity.jobs.clock_watch._mend timer": _ROUND,
    "identity.jobs.scheduler._due timer": _WORKER,
    "oversight.operation.monitoring._count negotiation": _PROCESS,
    "oversight.operation.monitoring._count outbox": _PROCESS,
    "oversight.operation.monitoring._count transfer": _PROCESS,
    "identity.participants.master_key._secrets key": _PROCESS,
    "dataspace.spaces.recovery_store.put_back space": _PROCESS,
    "dataspace.spaces.recovery_store.put_back space_version": _PROCESS,
    "foundation.storage.outbox.claim outbox": _WORKER,
    "foundation.storage.outbox.finish outbox": _CLAIMED,
    "foundation.storage.outbox.finish_all outbox": _CLAIMED,
    "foundation.storage.outbox.free_all outbox": _WORKER,
    "foundation.storage.outbox.hand_back outbox": _WORKER,
    "foundation.storage.outbox.postpone outbox": _CLAIMED,
    "foundation.storage.outbox.pull_in outbox": _WORKER,
    "foundation.storage.outbox.renew outbox": _CLAIMED,
    "exchange.transfer.store.providing_to transfer": _ROUND,
}
"""Statements that are about rows of several participants, and why they may be."""

_NAMED = re.compile(
    r'\b(?P<how>FROM|JOIN|UPDATE|INTO)\s+"?(?P<table>\w+)"?(?:\s+(?:AS\s+)?'
    r"(?!(?:WHERE|SET|ON|JOIN|LEFT|ORDER|GROUP|LIMIT|VALUES|SELECT|UNION|INDEXED|CROSS|INNER|DEFAULT)\b)(?P<alias>\w+))?"
)


_SAID = re.compile(r"(?<![:.\w])(?:(\w+)\.)?participant(?: \|\| '')? = (:\w+|(\w+)\.(?:participant|id)\b)")


def unsaid(sql: str, owned: set[str]) -> Iterator[str]:
    """Tables of participants that a statement touches without saying whose rows it means: each by the value of a name,
    by a row of the directory, or by a table of which that is said."""
    said = [(name, other or value) for name, value, other in _SAID.findall(sql)]
    touched = [(one["how"], one["table"], one["alias"] or one["table"]) for one in _NAMED.finditer(sql)]
    bare = sum(not name and by.startswith(":") for name, by in said)
    sure = {name for how, table, name in touched if table == "participant"}
    sure |= {name for name, by in said if by.startswith(":")}
    for how, table, name in touched:
        if how == "INTO" and re.search(rf"INTO {table} \([^)]*\bparticipant\b", sql):
            sure.add(name)
        elif table in owned and bare and name not in {left for left, _ in said}:
            bare -= 1
            sure.add(name)
    for _ in said:
        sure |= {one for pair in said for one in pair if sure & {*pair} - {""}}
    yield from (table for _, table, name in touched if table in owned and name not in sure)


@pytest.fixture(scope="module")
def owned(migrated: Path) -> set[str]:
    """The tables that have a column for the participant."""
    with closing(sqlite3.connect(migrated)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name
            for name in tables
            if any(row[1] == "participant" for row in database.execute(f"PRAGMA table_info({name})"))
        }


def test_each_statement_says_whose_rows_it_means(owned: set[str]) -> None:
    """>> all statements of the product << each names the participant of each table, but for those with a reason."""
    found = {f"{one.place} {table}": one.sql for one in asked("sqlite") for table in unsaid(one.sql, owned)}
    assert {place: sql for place, sql in found.items() if place not in EVERYBODY} == {}
    assert found.keys() == EVERYBODY.keys()


FORGOTTEN = (
    "SELECT * FROM agreement WHERE id = :id",
    "SELECT * FROM agreement WHERE :participant = :participant AND id = :id",
    "SELECT d.* FROM offer o JOIN dataset d ON d.id = o.dataset WHERE o.participant = :participant",
    "UPDATE peer SET root = :root WHERE did = :did",
    "DELETE FROM deed",
    "INSERT INTO deed (id) VALUES (:id)",
    "SELECT n.*, (SELECT 1 FROM question q WHERE q.participant = n.participant) FROM negotiation n WHERE n.id = :id",
    "SELECT uses, (SELECT 1 FROM agreement WHERE participant = :participant) AS known FROM counter WHERE name = :name",
)


@pytest.mark.parametrize("sql", FORGOTTEN)
def test_what_forgets_it_is_seen(owned: set[str], sql: str) -> None:
    assert len(owned) > 70
    assert [*unsaid(sql, owned)]
