"""SQL of the spaces that a participant belongs to, or asks to belong to."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from connector.dataspace.spaces.model import AskedFor, Joined, OwnMerger, Rules
from connector.dataspace.spaces.rows import struct, text
from connector.dataspace.spaces.seal_model import OwnSeal
from connector.foundation.storage.database import Conflict, Row, Tx, for_update

_COLUMNS = (
    "participant, space, name, did, authority, jwk, list_url, rules, state, document, application, reason, told,"
    " asked_at, changed_at, version, until, suspended, moved, asked, mergers, seals"
)


def put(tx: Tx, one: Joined, code: bytes | None) -> Joined:
    """A new one, or the one that was read before (compare and set); `code` is the sealed invitation."""
    values = {
        **msgspec.structs.asdict(one),
        "jwk": text(one.jwk),
        "rules": text(one.rules),
        "version": one.version + 1,
        "suspended": int(one.suspended),
        "asked": text(one.asked),
        "mergers": text(one.mergers),
        "seals": text(one.seals),
        "code": code,
    }
    names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    settings = ", ".join(f"{name} = :{name}" for name in values if name not in ("participant", "space"))
    saved = tx.run(
        f"INSERT INTO joined_space ({names}) VALUES ({places})"  # noqa: S608 names of a Struct
        f" ON CONFLICT (participant, space) DO UPDATE SET {settings} WHERE joined_space.version = :version - 1",
        **values,
    )
    if not saved:
        raise Conflict("joined_space")
    return replace(one, version=one.version + 1)


def joined(tx: Tx, participant: str, space: str, *, lock: bool = False) -> Joined | None:
    row = tx.one(
        f"SELECT {_COLUMNS} FROM joined_space WHERE participant = :participant AND space = :space"  # noqa: S608
        + (for_update(tx) if lock else ""),
        participant=participant,
        space=space,
    )
    return None if row is None else _joined(row)


def code(tx: Tx, participant: str, space: str) -> bytes | None:
    """The sealed invitation, until it was used."""
    row = tx.one(
        "SELECT code FROM joined_space WHERE participant = :participant AND space = :space",
        participant=participant,
        space=space,
    )
    return None if row is None or row["code"] is None else bytes(row["code"])


def all_joined(tx: Tx, participant: str) -> Sequence[Joined]:
    """The newest first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM joined_space WHERE participant = :participant ORDER BY asked_at DESC, space",  # noqa: S608
        participant=participant,
    )
    return [_joined(row) for row in rows]


def _joined(row: Row) -> Joined:
    rules = msgspec.json.decode(row["rules"], type=Rules)
    asked = msgspec.json.decode(row["asked"], type=dict[str, AskedFor])
    mergers = msgspec.json.decode(row["mergers"], type=dict[str, OwnMerger])
    jwk, seals = msgspec.json.decode(row["jwk"]), msgspec.json.decode(row["seals"], type=dict[str, OwnSeal])
    return struct(
        row, Joined, jwk=jwk, rules=rules, suspended=bool(row["suspended"]), asked=asked, mergers=mergers, seals=seals
    )
