"""SQL of the transcript. What repeats itself counts up one row, so that no peer decides how many there are.

A line's `slot` says what it repeats; `at` is the first time, everything else tells of the last (decision 0015).
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final, Literal

import msgspec

from connector.foundation.language.reasons import Reason
from connector.foundation.storage.database import Row, Tx

Direction = Literal["in", "refused", "out"]
MOST_LINES = 200
"""Lines of one process; the oldest go first. Only messages that changed its state can be as many."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """`in`: a message that we took; `refused`: one that we did not; `out`: what became of an attempt of ours.

    `sent` is the outbox row of an attempt. `status` is ours for incoming, the peer's for outgoing ones, 0 if there was
    no answer. `pid` is set only if the message is about no process of ours.
    """

    process: str
    slot: str
    direction: Direction
    kind: str
    pid: str = ""
    message_id: str = ""
    sent: int = 0
    status: int = 0
    code: str = ""
    detail: str = ""
    reason: Reason | None = None
    body: str = ""
    times: int = 1
    at: int = 0
    last_at: int = 0


_FIELDS = (
    "process",
    "slot",
    "pid",
    "direction",
    "kind",
    "message_id",
    "sent",
    "status",
    "code",
    "detail",
    "reason",
    "body",
)
PORTION: Final = 16
"""Lines of one statement."""
_WRITE = """
INSERT INTO transcript (participant, process, slot, pid, direction, kind, message_id, sent, status, code, detail,
 reason, body, at, last_at)
VALUES {lines}
ON CONFLICT (participant, process, slot) DO UPDATE SET pid = excluded.pid, kind = excluded.kind,
 message_id = excluded.message_id, status = excluded.status, code = excluded.code, detail = excluded.detail,
 reason = excluded.reason, body = excluded.body, times = transcript.times + 1, last_at = excluded.last_at"""


def write(tx: Tx, participant: str, *lines: Line) -> None:
    """Each is a new line, or one more time of a known one; all of them differ in process or slot."""
    for first in range(0, len(lines), PORTION):
        some = lines[first : first + PORTION]
        values = {f"{name}_{n}": _kept(line, name) for n, line in enumerate(some) for name in _FIELDS}
        tx.run(_WRITE.format(lines=_lines(len(some))), participant=participant, now=tx.now, **values)


@lru_cache(maxsize=PORTION)
def _lines(count: int) -> str:
    return ", ".join(
        f"(:participant, {', '.join(f':{name}_{n}' for name in _FIELDS)}, :now, :now)" for n in range(count)
    )


def _kept(line: Line, name: str) -> object:
    if name == "reason":
        return None if line.reason is None else msgspec.json.encode(line.reason).decode()
    return getattr(line, name)


_HELD = (
    "SELECT 1 FROM hold h WHERE h.participant = t.participant AND h.lifted_at IS NULL AND (h.agreement IS NULL"
    " OR h.agreement = t.process OR EXISTS (SELECT 1 FROM negotiation n WHERE n.participant = t.participant"
    " AND n.id = t.process AND n.agreement = h.agreement) OR EXISTS (SELECT 1 FROM transfer f"
    " WHERE f.participant = t.participant AND f.id = t.process AND f.agreement = h.agreement))"
)
"""A hold on everything, or on the agreement that the process of the line `t` is about."""
_FORGET = (
    "DELETE FROM transcript WHERE participant = :participant AND (process, slot) IN"  # noqa: S608 constants
    " (SELECT t.process, t.slot FROM transcript t WHERE t.participant = :participant AND t.last_at < :before"
    f" AND NOT EXISTS ({_HELD}) ORDER BY t.last_at LIMIT :limit)"
)
_TRIM = (
    "DELETE FROM transcript AS t WHERE t.participant = :participant AND t.process = :process"  # noqa: S608 constants
    " AND t.slot NOT IN (SELECT slot FROM transcript WHERE participant = :participant AND process = :process"
    f" ORDER BY last_at + 0 DESC, slot LIMIT :n) AND NOT EXISTS ({_HELD} AND t.at <= h.set_at)"
)
"""Sorted by an expression, so that it is the lines of the process that are read and not all by their age."""


def trim(tx: Tx, participant: str, process: str) -> None:
    """Forgets all but the newest lines of a process that goes on and on.

    What was there when a legal hold was set on it stays beside them, and no peer decides how much that is.
    """
    tx.run(_TRIM, participant=participant, process=process, n=MOST_LINES)


def forget(tx: Tx, participant: str, before: int, limit: int = 2000) -> int:
    """Deletes lines whose last time is before `before` (ms), at most `limit` of them; says how many.

    Not while a legal hold stands on them.
    """
    return tx.run(_FORGET, participant=participant, before=before, limit=limit)


def lines(tx: Tx, participant: str, process: str) -> list[Line]:
    rows = tx.all(
        "SELECT * FROM transcript WHERE participant = :participant AND process = :process ORDER BY at, slot",
        participant=participant,
        process=process,
    )
    return [_line(row) for row in rows]


def strangers(tx: Tx, participant: str, pid: str) -> list[Line]:
    """Refused messages that name this pid and are about no process of ours."""
    rows = tx.all(
        "SELECT * FROM transcript WHERE participant = :participant AND pid = :pid AND pid <> '' ORDER BY at, slot"
        " LIMIT 100",
        participant=participant,
        pid=pid,
    )
    return [_line(row) for row in rows]


def belongs(tx: Tx, participant: str, process: str, among: Collection[str]) -> bool:
    """Whether that is a process of ours with a peer of one of these DIDs."""
    rows = (
        tx.one(
            f"SELECT counterparty FROM {noun} WHERE participant = :participant AND id = :id",  # noqa: S608 constants
            participant=participant,
            id=process,
        )
        for noun in ("negotiation", "transfer")
    )
    return any(row is not None and row["counterparty"] in among for row in rows)


def _line(row: Row) -> Line:
    values = {name: row[name] for name in Line.__struct_fields__}
    values["reason"] = None if row["reason"] is None else msgspec.json.decode(row["reason"], type=Reason)
    return Line(**values)


def placed(values: Sequence[str]) -> dict[str, str]:
    """Names for a list of values in an `IN (…)`."""
    return {f"v{number}": value for number, value in enumerate(values)}
