"""SQL of participants and their keys. Keys leave here sealed; only the service holds the vault.

Every change of a participant or of its keys raises its `revision` in the same transaction: a replica that heard that
something changed compares numbers and loads those alone that differ.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from connector.foundation.storage.database import Row, Tx
from connector.identity.participants.model import Moved, Participant
from connector.identity.participants.publisher_details import PublisherDetails
from connector.identity.trust.members.claims import NO_GROUPS, OwnGroups

CHANGED: Final = "participants"
"""Signal of the database: somebody was added, left, or has other keys; its value is a `Change`."""


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `key`: `secret` is sealed under the master key, `certificate` a PEM chain or None, `mandate` the
    `Acting` (JSON) of an agent's key."""

    participant: str
    kid: str
    purpose: str
    state: str
    public_jwk: str
    secret: bytes
    certificate: str | None
    created_at: int
    retired_at: int | None
    mandate: str | None = None


def _participant(row: Row) -> Participant:
    kept = row["publisher"]
    details = PublisherDetails() if kept is None else msgspec.json.decode(kept, type=PublisherDetails)
    gone = None if row["moved_to"] is None else Moved(row["moved_to"], row["moved_at"], row["answered_until"])
    values = {name: row[name] for name in Participant.__struct_fields__ if name != "moved"}
    values |= {"publisher": msgspec.to_builtins(details), "former": msgspec.json.decode(row["former"])}
    return msgspec.structs.replace(msgspec.convert(values, Participant), moved=gone)


class Change(msgspec.Struct, frozen=True):
    """Which participant has changed, and its revision since then."""

    participant: str
    revision: int


class StoredParticipant(msgspec.Struct, frozen=True):
    """A participant as it stands in the database, with its keys."""

    participant: Participant
    keys: tuple[KeyRow, ...]
    revision: int
    groups: OwnGroups = NO_GROUPS


def revisions(tx: Tx) -> Mapping[str, int]:
    """Who works here, by id in order; of one that is being deleted nothing is loaded any more."""
    rows = tx.all("SELECT id, revision FROM participant WHERE state NOT IN ('deleting', 'deleted') ORDER BY id")
    return {str(row["id"]): int(row["revision"]) for row in rows}


def stored(tx: Tx, participant: str) -> StoredParticipant | None:
    """A participant with its keys; None once it is being deleted, or if there is none."""
    row = tx.one(
        "SELECT * FROM participant WHERE id = :participant AND state NOT IN ('deleting', 'deleted')",
        participant=participant,
    )
    found = () if row is None else tuple(keys(tx, participant))
    return StoredParticipant(_participant(row), found, row["revision"]) if row is not None and found else None


def changed(tx: Tx, participant: str) -> None:
    """Last thing of every unit that changes a participant or its keys, under the lock that it holds anyway."""
    row = tx.one(
        "UPDATE participant SET revision = revision + 1 WHERE id = :participant RETURNING revision",
        participant=participant,
    )
    assert row is not None
    tx.signal(CHANGED, Change(participant, row["revision"]))


def insert_participant(tx: Tx, participant: Participant) -> bool:
    """False if the id, the DID or the root is taken."""
    return bool(
        tx.run(
            "INSERT INTO participant (id, did, root, host, path, name, kind, operator, state, publisher, former,"
            " created_at) VALUES (:id, :did, :root, :host, :path, :name, :kind, :operator, :state, :publisher, :former,"
            " :now) ON CONFLICT DO NOTHING",
            **{name: value for name, value in msgspec.structs.asdict(participant).items() if name != "moved"}
            | {
                "publisher": _details(participant.publisher),
                "former": msgspec.json.encode(participant.former).decode(),
            },
            now=tx.now,
        )
    )


def publisher(tx: Tx, participant: str, *, held: bool = False) -> PublisherDetails | None:
    """What it says of itself now; `held` until the unit commits. None: no such participant."""
    lock = " FOR NO KEY UPDATE" if held and tx.dialect == "postgres" else ""  # requests go on meanwhile
    row = tx.one(f"SELECT publisher FROM participant WHERE id = :id{lock}", id=participant)  # noqa: S608 constants
    if row is None or row["publisher"] is None:
        return None if row is None else PublisherDetails()
    return msgspec.json.decode(row["publisher"], type=PublisherDetails)


def set_publisher(tx: Tx, participant: str, details: PublisherDetails) -> None:
    tx.run("UPDATE participant SET publisher = :publisher WHERE id = :id", id=participant, publisher=_details(details))


def _details(details: PublisherDetails) -> str:
    return msgspec.json.encode(details).decode()


def set_moved(tx: Tx, participant: str, moved: Moved) -> bool:
    """False if it has gone somewhere already: nobody goes to two places."""
    changed = tx.run(
        "UPDATE participant SET moved_to = :did, moved_at = :at, answered_until = :until"
        " WHERE id = :id AND moved_to IS NULL",
        id=participant,
        **msgspec.structs.asdict(moved),
    )
    return changed == 1


def left(tx: Tx, participant: Participant) -> str | None:
    """The name of a participant that has left, or is leaving, and had this id or root."""
    row = tx.one(
        "SELECT name FROM participant WHERE (id = :id OR root = :root) AND state <> 'active'",
        id=participant.id,
        root=participant.root,
    )
    return None if row is None else str(row["name"])


def lock_keys(tx: Tx, participant: str) -> None:
    """Changes of a participant's keys run one after the other, also on several replicas; no request holds them up."""
    if tx.dialect == "postgres":
        tx.one("SELECT id FROM participant WHERE id = :participant FOR NO KEY UPDATE", participant=participant)


def insert_key(tx: Tx, key: KeyRow) -> None:
    tx.run(
        "INSERT INTO key (participant, kid, purpose, state, public_jwk, secret, certificate, created_at, retired_at,"
        " mandate) VALUES (:participant, :kid, :purpose, :state, :public_jwk, :secret, :certificate, :created_at,"
        " :retired_at, :mandate)",
        **msgspec.structs.asdict(key),
    )


def keys(tx: Tx, participant: str) -> list[KeyRow]:
    """All keys but removed ones, oldest first: the order of the verification methods."""
    rows = tx.all(
        "SELECT * FROM key WHERE participant = :participant AND state <> 'removed' ORDER BY created_at, kid",
        participant=participant,
    )
    return [msgspec.convert(dict(row), KeyRow) for row in rows]


def acting(tx: Tx, participant: str) -> str | None:
    """The `Acting` (JSON) of whoever acts for it by a mandate, as it stands now; None: nobody."""
    row = tx.one(
        "SELECT mandate FROM key WHERE participant = :participant AND purpose = 'agent' AND state = 'active'",
        participant=participant,
    )
    return None if row is None else str(row["mandate"])


def key(tx: Tx, participant: str, kid: str) -> KeyRow | None:
    """One key, also a removed one."""
    row = tx.one("SELECT * FROM key WHERE participant = :participant AND kid = :kid", participant=participant, kid=kid)
    return None if row is None else msgspec.convert(dict(row), KeyRow)


def set_key_state(tx: Tx, participant: str, kid: str, state: str) -> None:
    tx.run(
        "UPDATE key SET state = :state, retired_at ="
        " CASE WHEN :state = 'active' THEN NULL ELSE COALESCE(retired_at, :now) END"
        " WHERE participant = :participant AND kid = :kid",
        participant=participant,
        kid=kid,
        state=state,
        now=tx.now,
    )


def replace_key(tx: Tx, participant: str, kid: str, secret: bytes, certificate: str | None) -> None:
    """Another certificate of a key, or another place where it lies."""
    tx.run(
        "UPDATE key SET secret = :secret, certificate = :certificate WHERE participant = :participant AND kid = :kid",
        participant=participant,
        kid=kid,
        secret=secret,
        certificate=certificate,
    )


def enter_peer(tx: Tx, participant: str, did: str, root: str) -> None:
    """What an operator says about a peer whose DID document names no DataService, or one on another host (3a)."""
    tx.run(
        "INSERT INTO peer (participant, did, root, entered_at) VALUES (:participant, :did, :root, :now)"
        " ON CONFLICT (participant, did) DO UPDATE SET root = :root, entered_at = :now",
        participant=participant,
        did=did,
        root=root,
        now=tx.now,
    )


def entered_root(tx: Tx, participant: str, did: str) -> str | None:
    row = tx.one(
        "SELECT root FROM peer WHERE participant = :participant AND did = :did", participant=participant, did=did
    )
    return None if row is None else str(row["root"])
