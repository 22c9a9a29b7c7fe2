"""Whether the log that a database holds is whole: every record under its leaf, every signed state over its leaves.

Asked of a copy or of a database that came back from one (decision 0051). One walk, however many there are.
"""

import json
from collections.abc import Iterator, Mapping

from connector.foundation.storage.database import Row, Tx
from connector.identity.audit import entry, merkle
from connector.identity.audit.store import entry_of
from connector.verify.formats import checkpoint
from connector.verify.formats.faults import Fault

PAGE = 1_000


def examined(tx: Tx, participant: str) -> Iterator[tuple[int, str | None]]:
    """The sizes of the signed states, with what does not hold there (None: all does); -1 for a record of none."""
    states = iter(_states(tx, participant))
    keys, frontier = _keys(tx, participant), merkle.NOTHING
    state = next(states, None)
    for row in _leaves(tx, participant):
        found = entry_of(row)
        if found.index != frontier.size:
            yield frontier.size, "log-gap"
            return
        if not found.erased and entry.leaf_data(found.salt, found.record) != bytes(found.leaf):
            yield frontier.size, "record-changed"
        frontier = frontier.append([merkle.leaf_hash(bytes(found.leaf))])
        while state is not None and state["size"] == frontier.size:
            yield frontier.size, _problem(state, frontier.root(), keys)
            state = next(states, None)
    if state is not None:
        yield int(state["size"]), "log-gap"


def _problem(state: Row, root: bytes, keys: list[Mapping[str, object]]) -> str | None:
    if bytes(state["root"]) != root:
        return "log-root"
    if state["checkpoint"] is None:
        return None
    try:
        note = checkpoint.parse(state["checkpoint"])
        checkpoint.check(note, keys)
    except Fault as problem:
        return problem.code
    return None if (note.size, note.root) == (state["size"], root) else "log-root"


def _states(tx: Tx, participant: str) -> list[Row]:
    return tx.all(
        "SELECT size, root, checkpoint FROM audit_seal WHERE participant = :participant ORDER BY size",
        participant=participant,
    )


def _leaves(tx: Tx, participant: str) -> Iterator[Row]:
    first = 0
    while rows := tx.all(
        "SELECT * FROM audit_entry WHERE participant = :participant AND leaf_index >= :first"
        " ORDER BY leaf_index LIMIT :limit",
        participant=participant,
        first=first,
        limit=PAGE,
    ):
        yield from rows
        first = int(rows[-1]["leaf_index"]) + 1


def _keys(tx: Tx, participant: str) -> list[Mapping[str, object]]:
    """Those that ever signed this log: withdrawn ones too, whose states stay."""
    rows = tx.all(
        "SELECT public_jwk FROM key WHERE participant = :participant AND purpose IN ('log', 'log-pq')",
        participant=participant,
    )
    return [json.loads(row["public_jwk"]) for row in rows]
