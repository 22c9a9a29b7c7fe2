"""What tables besides the log and the signed objects say of a person: shown to her, and cleared (Art. 15 and 17 GDPR).

Searching only reads; clearing goes by portions, and each row is read and judged anew under its lock, so that what
another replica did meanwhile counts. Whoever read a process before and saves it later finds it changed and starts anew.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from connector.continuity.privacy import column_rules, column_scan, pseudonyms, retention_store
from connector.continuity.privacy.column_rules import WAYS, Kept
from connector.continuity.privacy.column_scan import Key, Table
from connector.continuity.privacy.erasure import Eraser, Order
from connector.continuity.privacy.retention import RetentionReason
from connector.foundation.storage.database import Row, Tx, long
from connector.identity.audit import store

MOST = 1_000
"""Places that one answer tells; beyond, it says where the next one begins."""
LARGEST = 8_000_000
"""Characters of texts after which an answer ends, however few places they are."""
LONGEST_KEY = 500
"""Characters of a key that a portion may end at: peers choose some, and none of theirs may end a walk early."""
Forgotten = Callable[[Tx, str, str], None]
"""(transaction, participant, pseudonym): from now on nobody can say whose it is."""
NAMED = ("person_pseudonym", "pseudonym")
_PAGE = 50
_LOCKED = frozenset(table for (table, _), way in WAYS.items() if way.how != "drop")


class Place(NamedTuple):
    """A row; as the end of a portion the next one begins behind it."""

    table: str
    key: Key


class Mention(NamedTuple):
    """A column of a row that says the pseudonym. `names` are the columns of its key, `agreement` what it is about."""

    table: str
    column: str
    names: tuple[str, ...]
    key: Key
    agreement: str | None
    text: str

    @property
    def place(self) -> Place:
        """The row."""
        return Place(self.table, self.key)


class Weighed(NamedTuple):
    """`cleared` is what was cleared, or would be; `stays` what is not, and why."""

    cleared: tuple[Mention, ...]
    stays: tuple[tuple[Mention, RetentionReason], ...]


@long
def find(tx: Tx, slug: str, pseudonym: str, after: Place | None = None) -> tuple[list[Mention], Place | None]:
    """What says it, by table and key, from behind `after`; and where the next portion begins, None at the end."""
    found: list[Mention] = []
    size = 0
    for name, table in column_scan.tables(tx).items():
        if after is not None and (name < after.table or (name == after.table and not table.key)):
            continue
        behind = after.key if after is not None and after.table == name else ()
        while rows := column_scan.holding(tx, slug, table, pseudonym, behind, _PAGE):
            for row in rows:
                said = _mentions(tx, slug, table, row, pseudonym)
                found += said
                size += sum(len(one.text) for one in said)
                place = Place(name, table.place(row))
                if (len(found) >= MOST or size >= LARGEST) and sum(len(str(part)) for part in place.key) <= LONGEST_KEY:
                    return found, place
            behind = table.place(rows[-1])
            if len(rows) < _PAGE:
                break
    return found, None


def weigh(tx: Tx, slug: str, eraser: Eraser, found: Iterable[Mention]) -> Weighed:
    """What `clear` would do now."""
    known, judge, judged = column_scan.tables(tx), _Judge(tx, slug, eraser), []
    for mention in found:
        row = column_scan.one(tx, slug, known[mention.table], mention.key)
        if row is not None:
            judged.append((mention, judge.stays(mention, row)))
    return _weighed(judged)


@long
def clear(
    tx: Tx,
    slug: str,
    eraser: Eraser,
    pseudonym: str,
    spots: Iterable[Place],
    order: Order,
    forgotten: Forgotten = lambda tx, slug, pseudonym: None,
) -> Weighed:
    """Clears these rows of it as far as they may be; the log says how many columns, by whom and on what ground.

    `forgotten` ends what it has said, before the row goes that says whose it is: whoever asks chooses in which order
    the portions go, and what came in between would count beside what she says under another pseudonym.
    """
    store.alone(tx, slug)
    known, judge = column_scan.tables(tx), _Judge(tx, slug, eraser)
    judged: list[tuple[Mention, RetentionReason | None]] = []
    with column_scan.overwriting(tx):
        for spot in spots:
            table = known[spot.table]
            row = column_scan.one(tx, slug, table, spot.key, lock=table.name in _LOCKED)
            if row is None:
                continue
            said = [(one, judge.stays(one, row)) for one in _mentions(tx, slug, table, row, pseudonym)]
            free = [one for one, stay in said if stay is None]
            if any((one.table, one.column) == NAMED for one in free):
                forgotten(tx, slug, pseudonym)
            _free(tx, slug, table, row, free, pseudonym)
            judged += said
    done = _weighed(judged)
    if done.cleared:
        eraser.note(tx, slug, Counter(f"{one.table}.{one.column}" for one in done.cleared), order)
    return done


class _Judge:
    """Of one transaction: what keeps each agreement is asked once."""

    def __init__(self, tx: Tx, slug: str, eraser: Eraser) -> None:
        self._tx, self._slug, self._eraser = tx, slug, eraser
        self._holds = retention_store.standing(tx, slug)
        self._kept: dict[str, RetentionReason | None] = {}

    def stays(self, mention: Mention, row: Row) -> RetentionReason | None:
        about = column_scan.about(self._tx, self._slug, mention.table, row)
        standing: Kept = column_rules.held(about, self._holds, self._keeps(about.agreement))
        return column_rules.stays(mention.table, mention.column, about, standing)

    def _keeps(self, agreement: str | None) -> RetentionReason | None:
        if agreement is None:
            return None
        if agreement not in self._kept:
            self._kept[agreement] = self._eraser.proof(self._tx, self._slug, agreement)
        return self._kept[agreement]


def _mentions(tx: Tx, slug: str, table: Table, row: Row, pseudonym: str) -> list[Mention]:
    texts = [(column.name, column_rules.text_of(row[column.name])) for column in table.columns]
    said = [(name, text) for name, text in texts if text is not None and pseudonyms.says(text, pseudonym)]
    if not said:
        return []
    agreement, names = column_scan.about(tx, slug, table.name, row).agreement, tuple(one.name for one in table.key)
    return [Mention(table.name, name, names, table.place(row), agreement, text) for name, text in said]


def _free(tx: Tx, slug: str, table: Table, row: Row, free: list[Mention], pseudonym: str) -> None:
    key = table.place(row)
    if any(WAYS[one.table, one.column].how == "drop" for one in free):
        column_scan.drop(tx, slug, table, key)
    elif free:
        values = {
            one.column: column_rules.freed(WAYS[one.table, one.column], row[one.column], pseudonym) for one in free
        }
        column_scan.put(tx, slug, table, key, values)


def _weighed(judged: Iterable[tuple[Mention, RetentionReason | None]]) -> Weighed:
    whole = list(judged)
    return Weighed(
        tuple(one for one, stay in whole if stay is None),
        tuple((one, stay) for one, stay in whole if stay is not None),
    )
