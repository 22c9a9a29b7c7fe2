"""What the log knows of a person: the records that say her pseudonym (Art. 15 and 17 GDPR).

The log never holds a name; whoever keeps the list of names and pseudonyms is asked for the pseudonym first.
"""

import re

import msgspec

from connector.continuity.privacy import retention, retention_store
from connector.continuity.privacy.retention import Kept
from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Tx

MOST = 1_000
"""Records that one question reads; beyond, the answer says where the next one begins."""
_PAGE = 500
_PSEUDONYM = re.compile(r"p-[0-9a-f]{6}")


class Found(msgspec.Struct, frozen=True):
    """`records` say the pseudonym, each with the record as JSON; the next portion begins behind `following`."""

    records: tuple[tuple[Kept, object], ...]
    following: int | None

    @property
    def complete(self) -> bool:
        return self.following is None


def checked(pseudonym: str) -> str:
    """The pseudonym itself; raises Mistake."""
    if not _PSEUDONYM.fullmatch(pseudonym):
        raise Mistake("records.pseudonym", pseudonym=pseudonym[:40])
    return pseudonym


def find(tx: Tx, slug: str, pseudonym: str, after: int = 0) -> Found:
    """The records of the participant that say it, in the order of the log, from behind the row `after`."""
    found = list[tuple[Kept, object]]()
    while rows := retention_store.holding(tx, slug, pseudonym, after, _PAGE):
        after = rows[-1][0].id
        values = ((record, msgspec.json.decode(data)) for record, data in rows)
        found += [(record, value) for record, value in values if retention.names(value, pseudonym)]
        if len(found) >= MOST:
            return Found(tuple(found[:MOST]), found[:MOST][-1][0].id)
    return Found(tuple(found), None)


def says(text: str) -> bool:
    """Whether a text names anybody by pseudonym: what explains an erasure must not undo it."""
    return re.search(r"p-[0-9a-f]{6}", text) is not None
