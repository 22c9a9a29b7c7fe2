"""SQL of pinned spaces and of their lists, process-wide: what was taken once is never taken back by a restart."""

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Row, Tx
from connector.identity.trust.members.pin import Pin, Place, is_named_by

KEPT = 3
"""Versions of a list that stay in the database: the newest one counts, the others are for whoever looks into a fork."""
UNWANTED_MS = 86_400_000
TOPIC = "trust-list"
"""Signals that another version was kept, or another space pinned."""


def pin(tx: Tx, member: str, one: Pin) -> None:
    """This participant (its DID) believes a space from now on; raises Mistake if it believes it with another key, or if
    the key is not the one by which the authority is named: what a participant brings along was checked elsewhere.

    What others of the process believe is their own matter: nobody's word takes a space from somebody else (T146).
    """
    if not is_named_by(one.authority, one.jwk):
        raise Mistake("spaces.other-key", space=one.space)
    known = tx.one(
        "SELECT authority FROM space_pin WHERE member = :member AND space = :space", member=member, space=one.space
    )
    if known is not None:
        if known["authority"] != one.authority:
            raise Mistake("spaces.other-key", space=one.space)
        return
    tx.run(
        "INSERT INTO space_pin (member, authority, space, name, did, jwk, list_url, pinned_at)"
        " VALUES (:member, :authority, :space, :name, :did, :jwk, :list_url, :now) ON CONFLICT DO NOTHING",
        member=member,
        authority=one.authority,
        space=one.space,
        name=one.name,
        did=one.did,
        jwk=msgspec.json.encode(one.jwk).decode(),
        list_url=one.list_url,
        now=tx.now,
    )
    tx.signal(TOPIC)


def forget(tx: Tx, member: str) -> None:
    """Whoever had this DID has left, and believes nothing any more; the lists of others stay."""
    if tx.run("DELETE FROM space_pin WHERE member = :member", member=member):
        tx.signal(TOPIC)


def pins(tx: Tx) -> list[Pin]:
    """All pinned spaces, each with who believes it; the one pinned first in front. One that several name at different
    addresses is looked at in each of these: whoever came first sends nobody else elsewhere."""
    found: dict[Place, Pin] = {}
    for row in tx.all("SELECT * FROM space_pin ORDER BY pinned_at, authority, member"):
        pin = _pin(row)
        one = found.setdefault(pin.place, pin)
        found[pin.place] = replace(one, members=one.members | {row["member"]})
    return list(found.values())


def newest(tx: Tx, authority: str, beyond: int = 0) -> str | None:
    """The newest list of an authority that was kept, if its version is beyond this one."""
    row = tx.one(
        "SELECT jws FROM space_list WHERE authority = :authority AND version > :beyond ORDER BY version DESC LIMIT 1",
        authority=authority,
        beyond=beyond,
    )
    return None if row is None else str(row["jws"])


def keep(tx: Tx, authority: str, version: int, jws: str) -> str | None:
    """Keeps a list that was taken, and the two before it; tells other replicas. The list of that number that was there
    already, if it is another text."""
    added = tx.run(
        "INSERT INTO space_list (authority, version, jws, accepted_at) VALUES (:authority, :version, :jws, :now)"
        " ON CONFLICT DO NOTHING",
        authority=authority,
        version=version,
        jws=jws,
        now=tx.now,
    )
    tx.run(
        "DELETE FROM space_list WHERE authority = :authority AND version < (SELECT min(version) FROM (SELECT version"
        " FROM space_list WHERE authority = :authority ORDER BY version DESC LIMIT :kept) AS newest)",
        authority=authority,
        kept=KEPT,
    )
    tx.signal(TOPIC)
    there = None if added else of_number(tx, authority, version)
    return None if there == jws else there


def of_number(tx: Tx, authority: str, version: int) -> str | None:
    """The list of that number that is kept."""
    row = tx.one(
        "SELECT jws FROM space_list WHERE authority = :authority AND version = :version",
        authority=authority,
        version=version,
    )
    return None if row is None else str(row["jws"])


def authorities(tx: Tx) -> frozenset[str]:
    """Whose lists are kept."""
    return frozenset(str(row["authority"]) for row in tx.all("SELECT DISTINCT authority FROM space_list"))


def drop_lists(tx: Tx, unwanted: Iterable[str]) -> None:
    """Lists of authorities that no list of this process names any more go a day after the newest came, unless
    somebody joined: another replica may know of one of which we do not know yet."""
    for authority in unwanted:
        tx.run(
            "DELETE FROM space_list WHERE authority = :authority"
            " AND NOT EXISTS (SELECT 1 FROM space_pin WHERE authority = :authority)"
            " AND NOT EXISTS (SELECT 1 FROM space_list AS fresh WHERE fresh.authority = :authority"
            " AND fresh.accepted_at > :before)",
            authority=authority,
            before=tx.now - UNWANTED_MS,
        )


def _pin(row: Row) -> Pin:
    return Pin(
        authority=row["authority"],
        space=row["space"],
        name=row["name"],
        did=row["did"],
        jwk=msgspec.json.decode(row["jwk"]),
        list_url=row["list_url"],
    )
