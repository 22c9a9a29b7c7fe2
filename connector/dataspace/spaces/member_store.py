"""SQL of members, of the requests that they sign, and of authorities that are recognised."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from connector.dataspace.spaces.model import Keys, Member, Merger, RecognisedAuthority
from connector.dataspace.spaces.rows import insert, struct, text
from connector.foundation.storage.database import Conflict, Row, Tx, for_update

MOST = 1_000
"""Rows of one answer."""
_MEMBERS = (
    "participant, did, name, operator, kind, ars, admin_level, keys, succeeds, state, since, until,"
    " suspended_since, reason, application, changed_at, version, merger"
)


# Members


def put_member(tx: Tx, one: Member) -> Member:
    """A new one, or the one that was read before (compare and set). `groups` is a column of before they had rows."""
    values = {
        **msgspec.structs.asdict(one),
        "groups": "[]",
        "keys": text(one.keys),
        "succeeds": text(one.succeeds),
        "version": one.version + 1,
        "merger": None if one.merger is None else text(one.merger),
    }
    if not one.version:
        insert(tx, "space_member", values)
        return replace(one, version=1)
    settings = ", ".join(f"{name} = :{name}" for name in values if name not in ("participant", "did"))
    saved = tx.run(
        f"UPDATE space_member SET {settings} WHERE participant = :participant AND did = :did"  # noqa: S608 names of a Struct
        " AND version = :version - 1",
        **values,
    )
    if not saved:
        raise Conflict("space_member")
    return replace(one, version=one.version + 1)


def known(tx: Tx, participant: str, did: str) -> Member | None:
    """The member as it is now, without a lock."""
    return member(tx, participant, did, lock=False)


def member(tx: Tx, participant: str, did: str, *, lock: bool = True) -> Member | None:
    """Locked."""
    row = tx.one(
        f"SELECT {_MEMBERS} FROM space_member WHERE participant = :participant AND did = :did"  # noqa: S608
        + (for_update(tx) if lock else ""),
        participant=participant,
        did=did,
    )
    return None if row is None else _member(row)


def members(tx: Tx, participant: str) -> list[Member]:
    """Everybody who ever was one, by name."""
    rows = tx.all(
        f"SELECT {_MEMBERS} FROM space_member WHERE participant = :participant ORDER BY name, did",  # noqa: S608
        participant=participant,
    )
    return [_member(row) for row in rows]


def naming(tx: Tx, participant: str, who: str) -> list[Member]:
    """Of whom something may wait to which this pseudonym has said yes; locked."""
    rows = tx.all(
        f"SELECT {_MEMBERS} FROM space_member WHERE participant = :participant"  # noqa: S608
        f" AND (keys LIKE :who OR merger LIKE :who) ORDER BY did{for_update(tx)}",
        participant=participant,
        who=f'%"{who}"%',
    )
    return [_member(row) for row in rows]


def names(tx: Tx, participant: str, but: str) -> list[tuple[str, str]]:
    """Name and operator of everybody who ever was a member, but for one DID."""
    rows = tx.all(
        "SELECT DISTINCT name, operator FROM space_member WHERE participant = :participant AND did <> :but"
        " ORDER BY name, operator",
        participant=participant,
        but=but,
    )
    return [(str(row["name"]), str(row["operator"])) for row in rows]


def ending(tx: Tx, participant: str, before: int) -> list[Member]:
    """Members whose membership ends before that time (ms)."""
    rows = tx.all(
        f"SELECT {_MEMBERS} FROM space_member WHERE participant = :participant AND until <= :before"  # noqa: S608
        " AND state IN ('active', 'suspended') ORDER BY until LIMIT :most",
        participant=participant,
        before=before,
        most=MOST,
    )
    return [_member(row) for row in rows]


def _member(row: Row) -> Member:
    return struct(
        row,
        Member,
        keys=msgspec.json.decode(row["keys"], type=Keys),
        succeeds=msgspec.json.decode(row["succeeds"], type=tuple[tuple[str, str], ...]),
        merger=None if row["merger"] is None else msgspec.json.decode(row["merger"], type=Merger),
    )


# Requests of members, and authorities that are recognised


def take_request(tx: Tx, participant: str, did: str, id: str, kind: str, document: str, asked_at: int) -> bool:
    """Whether it is new; raises nothing for a repetition."""
    return bool(
        tx.run(
            "INSERT INTO space_request (participant, did, id, kind, document, asked_at, taken_at)"
            " VALUES (:participant, :did, :id, :kind, :document, :asked_at, :now) ON CONFLICT DO NOTHING",
            participant=participant,
            did=did,
            id=id,
            kind=kind,
            document=document,
            asked_at=asked_at,
            now=tx.now,
        )
    )


def newest_request(tx: Tx, participant: str, did: str, kind: str) -> int:
    """When the newest request of that kind was made (ms); 0 if there is none."""
    row = tx.one(
        "SELECT max(asked_at) AS at FROM space_request WHERE participant = :participant AND did = :did"
        " AND kind = :kind",
        participant=participant,
        did=did,
        kind=kind,
    )
    return 0 if row is None or row["at"] is None else int(row["at"])


def taken_requests(tx: Tx, participant: str, did: str, kind: str, since: int) -> int:
    """How many requests of that kind were taken of a member since then (ms)."""
    row = tx.one(
        "SELECT count(*) AS n FROM space_request WHERE participant = :participant AND did = :did AND kind = :kind"
        " AND taken_at > :since",
        participant=participant,
        did=did,
        kind=kind,
        since=since,
    )
    assert row is not None
    return int(row["n"])


def put_recognised(tx: Tx, one: RecognisedAuthority) -> None:
    values = {**msgspec.structs.asdict(one), "kinds": text(one.kinds), "jwk": text(one.jwk)}
    names, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    tx.run(
        f"INSERT INTO space_recognised ({names}) VALUES ({places})"  # noqa: S608 names of a Struct
        " ON CONFLICT (participant, authority) DO UPDATE SET kinds = :kinds, name = :name, list_url = :list_url",
        **values,
    )


def drop_recognised(tx: Tx, participant: str, authority: str) -> bool:
    return bool(
        tx.run(
            "DELETE FROM space_recognised WHERE participant = :participant AND authority = :authority",
            participant=participant,
            authority=authority,
        )
    )


def recognised(tx: Tx, participant: str) -> Sequence[RecognisedAuthority]:
    rows = tx.all("SELECT * FROM space_recognised WHERE participant = :p ORDER BY since, authority", p=participant)
    return [
        struct(
            row,
            RecognisedAuthority,
            kinds=msgspec.json.decode(row["kinds"], type=tuple[str, ...]),
            jwk=msgspec.json.decode(row["jwk"]),
        )
        for row in rows
    ]
