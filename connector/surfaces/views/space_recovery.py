"""How it stands with the lists of an authority whose database is older than they are, for its people and programs."""

import msgspec

from connector.dataspace.spaces.keeping.recovery import Found
from connector.surfaces.views.fields import Time, time


class ListChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """What the newest list says of a member that the database does not: `new`, a state (of a new one behind `new-`),
    `keys`, `terms` or `groups`."""

    did: str
    name: str
    what: str


class SpaceRecoveryView(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: `none`, `asking` (lists may be out that are not known here), `found`, or `settled`.

    `own` is the newest version here when that was noticed, `found` the newest that somebody showed (0: none); of the
    members that were asked `answered` did, and those in `away` (DIDs) did not. No version is below `floor`.
    """

    state: str
    own: int = 0
    found: int = 0
    since: Time | None = None
    answered: int = 0
    away: list[str] = []
    floor: int = 0
    changes: list[ListChangeView] = []


def recovery(found: Found) -> SpaceRecoveryView:
    row = found.recovery
    if row is None:
        return SpaceRecoveryView(state="none")
    return SpaceRecoveryView(
        state=row.state,
        own=row.own,
        found=row.found,
        since=time(row.began_at),
        answered=row.asked.answered,
        away=list(row.asked.away),
        floor=row.floor,
        changes=[ListChangeView(did=one.did, name=one.name, what=one.what) for one in found.changes],
    )
