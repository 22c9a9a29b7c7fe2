"""Groups that a participant keeps itself ("our five partner towns"): for rules of its own offers, decided by it alone.

Their IRIs lie below its root, and below those that it had before it moved: agreements of that time name them so.
What has ended stays as it is, with since and until, so that it can be said later who was in a group at an instant
(spec/spaces.md 8; threat T107).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from connector.foundation.errors import Mistake, Unknown
from connector.foundation.storage.database import SYSTEM, Conflict, Row, Tx
from connector.identity.audit import store as audit
from connector.identity.participants import store, succession
from connector.identity.participants.model import Participant, checked_name
from connector.identity.participants.store import StoredParticipant
from connector.identity.trust.did import did as dids
from connector.identity.trust.members.claims import OwnGroups

RECORD: Final = "group"
"""Type of the log's records about them."""
PLACE: Final = "/groups/"
MOST: Final = 100
"""Groups of one participant, ended ones too."""
MOST_IN_GROUP: Final = 1_000
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Group(Struct, frozen=True, kw_only=True):
    """One row of `own_group`; times in ms, `label` by language."""

    participant: str
    name: str
    label: Mapping[str, str]
    made_at: int
    ended_at: int | None = None


class GroupMembership(Struct, frozen=True, kw_only=True):
    """One row of `own_grouped`: from when until when (ms) a DID is or was in a group."""

    participant: str
    name: str
    did: str
    number: int
    since: int
    until: int | None = None


def place(root: str) -> str:
    """With what the IRIs of a participant's own groups begin."""
    return root + PLACE


def stored(tx: Tx, participant: str) -> StoredParticipant | None:
    """A participant whole, with its groups."""
    found = store.stored(tx, participant)
    return found and replace(found, groups=kept(tx, found.participant))


def places(participant: Participant) -> tuple[str, ...]:
    """With what the IRIs of its groups begin or began: a group is the same one wherever its participant was."""
    return tuple(map(place, succession.roots(participant)))


def kept(tx: Tx, participant: Participant) -> OwnGroups:
    """All groups that go on, with who is in them now."""
    begin_with, names, found = places(participant), set[str](), dict[str, set[str]]()
    for row in tx.all(
        "SELECT g.name, m.did FROM own_group g LEFT JOIN own_grouped m ON m.participant = g.participant"
        " AND m.name = g.name AND m.until IS NULL WHERE g.participant = :participant AND g.ended_at IS NULL",
        participant=participant.id,
    ):
        iris = {before + row["name"] for before in begin_with}
        names |= iris
        if row["did"] is not None:
            found.setdefault(row["did"], set()).update(iris)
    return OwnGroups(begin_with, frozenset(names), {did: frozenset(iris) for did, iris in found.items()})


# What people change; each unit holds the lock of the participant


def begin(tx: Tx, participant: Participant, name: str, label: Mapping[str, str]) -> None:
    """Begins a group, or calls it otherwise; raises Mistake for a name that cannot be, or one that has ended."""
    if not _NAME.fullmatch(name):
        raise Mistake("participants.group-name", name=name[:80])
    called = {lang: checked_name(said.strip()) for lang, said in label.items()}
    if not called or not all(called.values()):
        raise Mistake("participants.group-label")
    store.lock_keys(tx, participant.id)
    known = {one.name: one for one in groups(tx, participant.id)}
    if name not in known and len(known) >= MOST:
        raise Mistake("participants.groups-many", most=MOST)
    if name in known:
        _require_going(known[name])
        if known[name].label == called:
            return
    tx.run(
        "INSERT INTO own_group (participant, name, label, made_at) VALUES (:participant, :name, :label, :now)"
        " ON CONFLICT (participant, name) DO UPDATE SET label = :label",
        participant=participant.id,
        name=name,
        label=msgspec.json.encode(called).decode(),
        now=tx.now,
    )
    _changed(tx, participant, "begun", name)


def end(tx: Tx, participant: Participant, name: str) -> frozenset[str]:
    """Nobody is in it any more, and it never comes back: the DIDs that were. Raises Unknown."""
    store.lock_keys(tx, participant.id)
    if group(tx, participant.id, name).ended_at is not None:
        return frozenset()
    was = frozenset(one.did for one in members(tx, participant.id, name) if one.until is None)
    tx.run(
        "UPDATE own_group SET ended_at = :now WHERE participant = :participant AND name = :name",
        now=tx.now,
        participant=participant.id,
        name=name,
    )
    _until(tx, participant.id, name, None)
    _changed(tx, participant, "ended", name)
    return was


def add(tx: Tx, participant: Participant, name: str, did: str) -> bool:
    """Whether a DID is new in it; raises Unknown, Mistake for a group that ended or is full, PeerError for no DID."""
    who = dids.parse(did)
    store.lock_keys(tx, participant.id)
    _require_going(group(tx, participant.id, name))
    within = members(tx, participant.id, name)
    if any(one.did == who and one.until is None for one in within):
        return False
    if sum(one.until is None for one in within) >= MOST_IN_GROUP:
        raise Mistake("participants.groups-many", most=MOST_IN_GROUP)
    added = tx.run(
        "INSERT INTO own_grouped (participant, name, did, number, since)"
        " VALUES (:participant, :name, :did, :number, :now) ON CONFLICT DO NOTHING",
        participant=participant.id,
        name=name,
        did=who,
        number=1 + sum(one.did == who for one in within),
        now=tx.now,
    )
    if not added:
        raise Conflict("own_grouped")
    _changed(tx, participant, "added", name, who)
    return True


def remove(tx: Tx, participant: Participant, name: str, did: str) -> bool:
    """Whether a DID was in it until now; raises Unknown for a group that is none, PeerError for no DID."""
    who = dids.parse(did)
    store.lock_keys(tx, participant.id)
    group(tx, participant.id, name)
    if not _until(tx, participant.id, name, who):
        return False
    _changed(tx, participant, "removed", name, who)
    return True


def _require_going(one: Group) -> None:
    if one.ended_at is not None:
        raise Mistake("participants.group-ended", group=one.name)


def _until(tx: Tx, participant: str, name: str, did: str | None) -> int:
    """Ends what goes on of one member, or of all (None)."""
    return tx.run(
        "UPDATE own_grouped SET until = :now WHERE participant = :participant AND name = :name"  # noqa: S608 constants
        f"{'' if did is None else ' AND did = :did'} AND until IS NULL",
        now=tx.now,
        participant=participant,
        name=name,
        **({} if did is None else {"did": did}),
    )


def _changed(tx: Tx, participant: Participant, event: str, name: str, did: str = "") -> None:
    """The log says it, and every replica reads the participant anew."""
    who = "operator" if tx.actor == SYSTEM else SYSTEM  # who is signed in is noted by the log itself
    body = {"event": event, "group": place(participant.root) + name, **({"did": did} if did else {})}
    audit.append(tx, participant.id, RECORD, None, who, body, did=participant.did)
    store.changed(tx, participant.id)


# What is read


def groups(tx: Tx, participant: str) -> Sequence[Group]:
    """By name, ended ones too."""
    rows = tx.all("SELECT * FROM own_group WHERE participant = :participant ORDER BY name", participant=participant)
    return [_group(row) for row in rows]


def group(tx: Tx, participant: str, name: str) -> Group:
    """Raises Unknown."""
    row = tx.one(
        "SELECT * FROM own_group WHERE participant = :participant AND name = :name", participant=participant, name=name
    )
    if row is None:
        raise Unknown("participants.no-group", group=name[:80])
    return _group(row)


def members(tx: Tx, participant: str, name: str) -> Sequence[GroupMembership]:
    """Everybody who is or ever was in it."""
    rows = tx.all(
        "SELECT * FROM own_grouped WHERE participant = :participant AND name = :name ORDER BY did, number",
        participant=participant,
        name=name,
    )
    return [msgspec.convert(dict(row), GroupMembership) for row in rows]


def _group(row: Row) -> Group:
    return msgspec.convert({**dict(row), "label": msgspec.json.decode(row["label"])}, Group)
