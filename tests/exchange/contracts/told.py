"""What tests of access and erasure look with: every column of every table, by the schema alone, and one whole walk.

It knows nothing of what the product knows about tables, so that a table that is new is looked through as well.
"""

from binascii import a2b_base64
from typing import Any

from connector.continuity.privacy.column_scan import Key
from connector.continuity.privacy.erasure import Order
from connector.continuity.privacy.subject_access import Persons
from connector.foundation.storage.database import Database, Tx

TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
    "postgres": "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema",
}
ORDER = Order("data protection", "Art. 17 (1) b GDPR")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
Hit = tuple[str, str]
"""Table and column."""


def _bytes(value: object) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value) if isinstance(value, bytes | memoryview) else b""


def _said(value: object, pseudonym: str) -> bool:
    """In what a column holds, or in a part of it that is base64, as seals have them."""
    data = _bytes(value)
    parts = [data]
    for part in data.replace(b'"', b".").split(b"."):
        try:
            parts.append(a2b_base64(part.translate(_URL_SAFE) + b"=" * (-len(part) % 4)))
        except ValueError:
            continue
    return any(pseudonym.encode() in part for part in parts)


def _owned(tx: Tx, slug: str, pseudonym: str) -> list[Hit]:
    found: list[Hit] = []
    for table in sorted(str(row["name"]) for row in tx.all(TABLES[tx.dialect])):
        for row in tx.all(f'SELECT * FROM "{table}"'):
            if row.get("participant", row["id"] if table == "participant" else None) not in (slug, None):
                continue
            found += [(table, column) for column, value in row.items() if _said(value, pseudonym)]
    return found


async def mine(db: Database, slug: str, pseudonym: str) -> list[Hit]:
    """Every column of every row that holds it, of one participant and of tables that are nobody's."""
    return sorted(await db.read(slug, _owned, slug, pseudonym))


async def copied(persons: Persons, slug: str, pseudonym: str) -> dict[str, list[Any]]:
    """The whole copy, portion by portion; a walk that does not end is a failure."""
    whole: dict[str, list[Any]] = {"records": [], "objects": [], "places": []}
    after, steps = "0", 0
    while True:
        found = await persons.copy(slug, pseudonym, after)
        for name, items in whole.items():
            items += getattr(found, name)
        if found.following is None:
            return whole
        after, steps = str(found.following), steps + 1
        assert steps < 200


def as_hits(copy: dict[str, list[Any]]) -> list[Hit]:
    """A copy as the scan would find it."""
    found: list[Hit] = [("audit_entry", "record") for _ in copy["records"]]
    found += [("object", "body") for _ in {one.item.sha256 for one in copy["objects"]}]
    found += [(one.table, one.column) for one in copy["places"]]
    return sorted(found)


async def erased(persons: Persons, slug: str, pseudonym: str) -> tuple[list[Hit], dict[tuple[str, str, Key], Any]]:
    """Erases in one walk: what stays as the scan would find it, and why, by table, column and key."""
    hits_left: list[Hit] = []
    why: dict[tuple[str, str, Key], Any] = {}
    after = "0"
    while True:
        done = await persons.erase(slug, pseudonym, after, ORDER)
        for record, stay in done.records.stays:
            hits_left.append(("audit_entry", "record"))
            why["audit_entry", "record", (record.id,)] = stay
        kept = {(one.item.sha256, "" if one.use is None else one.use.name): stay for one, stay in done.objects if stay}
        hits_left += [("object", "body") for _ in {sha256 for sha256, _ in kept}]
        why |= {("object", "body", key): stay for key, stay in kept.items()}
        for mention, stay in done.places.stays:
            hits_left.append((mention.table, mention.column))
            why[mention.table, mention.column, mention.key] = stay
        if done.following is None:
            return sorted(hits_left), why
        after = str(done.following)
