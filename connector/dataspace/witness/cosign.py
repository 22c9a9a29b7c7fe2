"""This process as a witness of others: which state of a log it saw, and what it says of the next (spec/records.md 3.1).

For one log it vouches for one history: the held state changes only in the transaction that compared with it, so two
replicas never vouch for two branches. C2SP tlog-witness is the protocol; what a peer sends is text until it is parsed.
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Literal, NamedTuple

import msgspec

from connector.foundation.errors import PeerError
from connector.foundation.storage.database import Conflict, Tx, for_update
from connector.identity.audit import merkle
from connector.identity.audit.merkle import HASH_BYTES
from connector.verify.formats import base64url, checkpoint
from connector.verify.formats.checkpoint import Checkpoint, NoteKey
from connector.verify.formats.faults import Fault

LIMIT = 65_536
"""Bytes of a request: a note with some post-quantum signatures and the longest proof."""
MOST_PROOF = 63
MOST_LOGS = 100
"""Origins of one member that are known here: it opens a new one after a restore, not at will."""
MOST_ALARMS = 20
"""Proofs kept per log: one is enough to convict it."""
SLACK_S = 60
"""By so much a log's clock may go back before a smaller tree counts as rolled back."""
_OLD = re.compile(r"old (0|[1-9][0-9]{0,15})")


class Asked(NamedTuple):
    """A request to vouch for `note`: `old` is the size that the log believes is known here."""

    old: int
    proof: Sequence[bytes]
    note: str
    checkpoint: Checkpoint


class VouchedState(NamedTuple):
    """The newest state of a log that was vouched for."""

    size: int
    root: bytes
    note: str


class Verdict(NamedTuple):
    """`vouch`, `conflict` (the size held is another), `fork` (another tree of the held size), `unproven`.

    `size` is what is held; `rolled_back`: the log later signed a smaller tree than it had signed before.
    """

    kind: Literal["vouch", "conflict", "fork", "unproven"]
    size: int
    rolled_back: bool = False


class Seen(NamedTuple):
    """A log that is vouched for: its newest size, and when that was seen (ms)."""

    origin: str
    size: int
    at: int


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Two notes by one log that cannot both be true: `kind` is `fork` or `rollback`."""

    origin: str
    kind: str
    held: str
    offered: str


NOTHING = VouchedState(0, merkle.EMPTY, "")


def parse(body: bytes) -> Asked:
    """The request in this body; PeerError `witness.form`."""
    try:
        head, gap, note = body.decode("utf-8").partition("\n\n")
        first, *lines = head.split("\n", MOST_PROOF + 1)
        old = _OLD.fullmatch(first)
        if old is None or not gap or len(lines) > MOST_PROOF:
            raise PeerError("witness.form")
        proof = [base64url.decode_padded(line) for line in lines]
        if any(len(one) != HASH_BYTES for one in proof):
            raise PeerError("witness.form")
        asked = Asked(int(old[1]), proof, note, checkpoint.parse(note))
    except (ValueError, Fault) as fault:
        raise PeerError("witness.form") from fault
    if asked.old > asked.checkpoint.size:
        raise PeerError("witness.form")
    return asked


def write(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """The request that `parse` reads."""
    lines = [f"old {old}", *(base64url.encode_padded(one) for one in proof)]
    return ("\n".join(lines) + "\n\n" + note).encode()


def decide(held: VouchedState, asked: Asked, keys: Sequence[NoteKey] = ()) -> Verdict:
    """What a witness that holds `held` says; the log's signature was checked before, `keys` are those that state times.

    A proof that does not hold convicts nobody: anybody may send one beside a genuine note.
    """
    offered = asked.checkpoint
    if held.note and offered.size == held.size and offered.root != held.root:
        return Verdict("fork", held.size)
    if asked.old != held.size:
        return Verdict("conflict", held.size, _rolled_back(held, offered, keys))
    if asked.old == 0:
        empty = offered.size == 0
        sound = not asked.proof and (not empty or offered.root == merkle.EMPTY)
        return Verdict("vouch" if sound else "unproven", held.size)
    sound = merkle.verify_consistency(held.size, offered.size, asked.proof, held.root, offered.root)
    return Verdict("vouch" if sound else "unproven", held.size)


def _rolled_back(held: VouchedState, offered: Checkpoint, keys: Sequence[NoteKey]) -> bool:
    if not held.note or not 0 < offered.size < held.size:
        return False
    before, after = stated(checkpoint.parse(held.note), keys), stated(offered, keys)
    return before > 0 and after > before + SLACK_S


def stated(note: Checkpoint, keys: Sequence[NoteKey]) -> int:
    """The latest time (POSIX seconds) that a line of these keys states; 0 without one."""
    known = {(key.name, key.id): key for key in keys}
    times = [
        known[name, identity].seconds(note, signature)
        for name, identity, signature in note.lines
        if (name, identity) in known
    ]
    return max(times, default=0)


def bare(asked: Asked, keys: Sequence[NoteKey]) -> Asked:
    """The request with a line for each of the log's keys and no other: whatever else stands there would be kept."""
    note = asked.checkpoint
    known = {(key.name, key.id) for key in keys}
    lines = {line[:2]: checkpoint.line_of(*line) for line in note.lines if line[:2] in known}
    return asked._replace(note="".join([note.text, "\n", *lines.values()]))


def consider(
    tx: Tx, asked: Asked, keys: Sequence[NoteKey], memory: VouchedState | None = None
) -> tuple[Verdict, Alarm | None]:
    """Decides and, to vouch, moves the held state in the same transaction. An alarm is returned once, when it is new.

    `memory` is what was vouched for according to what lies beside the database: if that is more, it counts; if it is
    another tree of the size held, another replica has vouched for a second history after a restore.
    Raises Conflict when another replica moved it meanwhile: the unit runs again; PeerError `witness.many`.
    """
    origin = asked.checkpoint.origin
    held = _held(tx, origin)
    if memory is not None and memory.size > held.size:
        _move(tx, held, origin, memory)
        held = memory
    if not held.note and _crowded(tx, origin):
        raise PeerError("witness.many")
    verdict = decide(held, asked, keys)
    if verdict.kind == "vouch" and (not held.note or asked.checkpoint.size > held.size):
        _move(tx, held, origin, VouchedState(asked.checkpoint.size, asked.checkpoint.root, asked.note))
    kind = "fork" if verdict.kind == "fork" else "rollback" if verdict.rolled_back else None
    if kind is not None:
        alarm = Alarm(origin=origin, kind=kind, held=held.note, offered=asked.note)
    elif memory is not None and memory.size == held.size and memory.root != held.root:
        alarm = Alarm(origin=origin, kind="fork", held=memory.note, offered=held.note)
    else:
        return verdict, None
    return verdict, alarm if _raised(tx, alarm) else None


def alarms(tx: Tx) -> list[Alarm]:
    """All proofs of misbehaviour, the oldest first."""
    rows = tx.all("SELECT origin, kind, held, offered FROM witness_alarm ORDER BY at, origin, digest")
    return [msgspec.convert(dict(row), Alarm) for row in rows]


def logs(tx: Tx) -> list[Seen]:
    """All logs that are known, by name."""
    rows = tx.all("SELECT origin, size, at FROM witness_log ORDER BY origin")
    return [Seen(row["origin"], int(row["size"]), int(row["at"])) for row in rows]


def known(tx: Tx, origin: str) -> VouchedState:
    """What is held of a log; `NOTHING` of one never seen."""
    row = tx.one("SELECT size, root, note FROM witness_log WHERE origin = :origin", origin=origin)
    return NOTHING if row is None else VouchedState(row["size"], bytes(row["root"]), row["note"])


def _crowded(tx: Tx, origin: str) -> bool:
    """Whether the member has so many origins already that another is not taken."""
    prefix = origin.rpartition("/")[0] + "/"
    row = tx.one(
        "SELECT COUNT(*) AS kept FROM witness_log WHERE substr(origin, 1, :length) = :prefix",
        length=len(prefix),
        prefix=prefix,
    )
    return row is not None and int(row["kept"]) >= MOST_LOGS


def _held(tx: Tx, origin: str) -> VouchedState:
    row = tx.one(f"SELECT size, root, note FROM witness_log WHERE origin = :origin{for_update(tx)}", origin=origin)  # noqa: S608
    return NOTHING if row is None else VouchedState(row["size"], bytes(row["root"]), row["note"])


def _move(tx: Tx, held: VouchedState, origin: str, to: VouchedState) -> None:
    values: Mapping[str, object] = {
        "origin": origin,
        "size": to.size,
        "root": to.root,
        "note": to.note,
        "at": tx.now,
    }
    if not held.note:
        changed = tx.run(
            "INSERT INTO witness_log (origin, size, root, note, at) VALUES (:origin, :size, :root, :note, :at)"
            " ON CONFLICT DO NOTHING",
            **values,
        )
    else:
        changed = tx.run(
            "UPDATE witness_log SET size = :size, root = :root, note = :note, at = :at"
            " WHERE origin = :origin AND size = :before",
            before=held.size,
            **values,
        )
    if not changed:
        raise Conflict("witness_log")


def _raised(tx: Tx, alarm: Alarm) -> bool:
    """Keeps the proof; False if this very one, or enough of this log, is kept already."""
    row = tx.one("SELECT COUNT(*) AS kept FROM witness_alarm WHERE origin = :origin", origin=alarm.origin)
    if row is not None and int(row["kept"]) >= MOST_ALARMS:
        return False
    parts = [checkpoint.parse(note).text for note in (alarm.held, alarm.offered)]
    added = tx.run(
        "INSERT INTO witness_alarm (origin, digest, kind, held, offered, at)"
        " VALUES (:origin, :digest, :kind, :held, :offered, :at) ON CONFLICT DO NOTHING",
        digest=sha256("\n".join(parts).encode()).hexdigest(),
        at=tx.now,
        **msgspec.structs.asdict(alarm),
    )
    return added == 1
