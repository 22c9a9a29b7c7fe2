"""What the log knows of a person: the records that say her pseudonym (Art. 15 and 17 GDPR).

The log never holds a name; whoever keeps the list of names and pseudonyms is asked for the pseudonym first.
"""

import re

import msgspec

from connector.audit import retention, retention_store
from connector.audit.retention import Kept
from connector.errors import Mistake
from connector.storage.database import Tx

MOST = 5_000
"""Records that one export or erasure reads; beyond, it says so and is asked again."""
_PAGE = 500
_PSEUDONYM = re.compile(r"p-[0-9a-f]{6}")


class Found(msgspec.Struct, frozen=True):
    """`records` say the pseudonym, each with the record as JSON; `complete` is False if there were more."""

    records: tuple[tuple[Kept, object], ...]
    complete: bool


def checked(pseudonym: str) -> str:
    """The pseudonym itself; raises Mistake."""
    if not _PSEUDONYM.fullmatch(pseudonym):
        raise Mistake("records.pseudonym", pseudonym=pseudonym[:40])
    return pseudonym


def find(tx: Tx, slug: str, pseudonym: str) -> Found:
    """The records of the participant that say it, in the order of the log."""
    after, found = 0, list[tuple[Kept, object]]()
    while rows := retention_store.holding(tx, slug, pseudonym, after, _PAGE):
        after = rows[-1][0].id
        values = ((record, msgspec.json.decode(data)) for record, data in rows)
        found += [(record, value) for record, value in values if retention.names(value, pseudonym)]
        if len(found) >= MOST:
            return Found(tuple(found[:MOST]), complete=False)
    return Found(tuple(found), complete=True)


def says(text: str) -> bool:
    """Whether a text names anybody by pseudonym: what explains an erasure must not undo it."""
    return re.search(r"p-[0-9a-f]{6}", text) is not None
