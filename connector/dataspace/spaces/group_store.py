"""SQL of the groups of a space, and of who was asked to be in one, is in it, or was."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from connector.dataspace.spaces.model import Group, GroupMembership
from connector.dataspace.spaces.rows import insert, struct, text
from connector.foundation.storage.database import Conflict, Row, Tx, for_update


def put_group(tx: Tx, one: Group) -> Group:
    """A new one, or the one that was read before (compare and set)."""
    values = {**msgspec.structs.asdict(one), "label": text(one.label), "version": one.version + 1}
    if not one.version:
        insert(tx, "space_group", values)
        return replace(one, version=1)
    saved = tx.run(
        "UPDATE space_group SET label = :label, keeper = :keeper, ended_at = :ended_at, version = :version"
        " WHERE participant = :participant AND name = :name AND version = :version - 1",
        **{name: value for name, value in values.items() if name != "made_at"},
    )
    if not saved:
        raise Conflict("space_group")
    return replace(one, version=one.version + 1)


def group(tx: Tx, participant: str, name: str) -> Group | None:
    """Locked: who changes its members does so one after the other."""
    row = tx.one(
        "SELECT * FROM space_group WHERE participant = :participant AND name = :name" + for_update(tx),  # noqa: S608
        participant=participant,
        name=name,
    )
    return None if row is None else _group(row)


def groups(tx: Tx, participant: str) -> list[Group]:
    """All of them, ended ones too."""
    rows = tx.all("SELECT * FROM space_group WHERE participant = :participant ORDER BY name", participant=participant)
    return [_group(row) for row in rows]


def _group(row: Row) -> Group:
    return struct(row, Group, label=msgspec.json.decode(row["label"], type=dict[str, str]))


# Who is in it


def insert_grouped(tx: Tx, one: GroupMembership) -> None:
    insert(tx, "space_grouped", msgspec.structs.asdict(one))


def agree(tx: Tx, one: GroupMembership) -> None:
    """Who was asked is in it from now on."""
    done = tx.run(
        "UPDATE space_grouped SET since = :now WHERE participant = :participant AND name = :name AND did = :did"
        " AND number = :number AND since IS NULL AND until IS NULL",
        now=tx.now,
        participant=one.participant,
        name=one.name,
        did=one.did,
        number=one.number,
    )
    if not done:
        raise Conflict("space_grouped")


def end(tx: Tx, participant: str, *, name: str | None = None, did: str | None = None) -> bool:
    """Ends being in a group, or being asked: of one member in one group, of all in it, or of one in all. Whether
    anything ended."""
    return bool(
        tx.run(
            "UPDATE space_grouped SET until = :now WHERE participant = :participant"  # noqa: S608 constants
            f"{'' if name is None else ' AND name = :name'}"
            f"{'' if did is None else ' AND did = :did'} AND until IS NULL",
            now=tx.now,
            participant=participant,
            **_chosen(name, did),
        )
    )


def put_until(tx: Tx, one: GroupMembership, until: int) -> None:
    """When somebody was in a group no more, as it was said before."""
    tx.run(
        "UPDATE space_grouped SET until = :until WHERE participant = :participant AND name = :name AND did = :did"
        " AND number = :number",
        until=until,
        participant=one.participant,
        name=one.name,
        did=one.did,
        number=one.number,
    )


def hand_on(tx: Tx, participant: str, did: str, to: str) -> None:
    """What one DID keeps and is in from now on is `to`'s, which nobody has asked into a group before."""
    tx.run(
        "UPDATE space_group SET keeper = :heir, version = version + 1"
        " WHERE participant = :participant AND keeper = :did",
        participant=participant,
        did=did,
        heir=to,
    )
    held = [one for one in grouped(tx, participant, did=did) if one.until is None]
    end(tx, participant, did=did)
    for one in held:
        since = None if one.since is None else tx.now
        insert_grouped(tx, replace(one, did=to, number=1, since=since))


def grouped(tx: Tx, participant: str, *, name: str | None = None, did: str | None = None) -> Sequence[GroupMembership]:
    """All who ever were asked, of one group or one member if that is named."""
    rows = tx.all(
        "SELECT * FROM space_grouped WHERE participant = :participant"  # noqa: S608 constants
        f"{'' if name is None else ' AND name = :name'}"
        f"{'' if did is None else ' AND did = :did'} ORDER BY name, did, number",
        participant=participant,
        **_chosen(name, did),
    )
    return [struct(row, GroupMembership) for row in rows]


def going_on(tx: Tx, participant: str) -> int:
    """How often anybody is in a group of a space, or is asked to be."""
    row = tx.one(
        "SELECT count(*) AS n FROM space_grouped WHERE participant = :participant AND until IS NULL",
        participant=participant,
    )
    return 0 if row is None else int(row["n"])


def _chosen(name: str | None, did: str | None) -> dict[str, str]:
    """What is named, be it nothing: an empty DID is nobody, and not everybody."""
    return {key: value for key, value in (("name", name), ("did", did)) if value is not None}
