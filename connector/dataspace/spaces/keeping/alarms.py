"""What is wrong with a list, put into the log of everybody here who goes by it (spec/trust.md 4.8).

A list that was rolled back or forked is its authority's doing; a list that a member claims and does not show is that
member's word alone, and the log says whose. Each pair of two lists is booked once, whoever dies in between.
Whose log cannot be written keeps the alarm from nobody else.
"""

from connector.dataspace.spaces import joined_store, store
from connector.dataspace.spaces.news import UNSHOWN, alarmed
from connector.foundation.errors import Unavailable
from connector.foundation.storage.at_rest import AtRest
from connector.foundation.storage.database import Database, Tx
from connector.identity.audit import store as audit
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces
from connector.identity.trust.members.pin import Pin, Place


class Alarms:
    """Books them."""

    def __init__(self, db: Database, participants: Participants, anchors: AnchorOfSpaces) -> None:
        self._db, self._participants, self._anchors = db, participants, anchors
        self._told: dict[tuple[Place, str, int], set[str]] = {}
        """Who was told of an alarm that others have still to be told of, by place, code and `since`."""

    async def raised(self, pin: Pin, code: str, since: int) -> None:
        """Of a list: for everybody who belongs. Whoever has such an alarm in the log since then (ms) was told by a
        process that died, or by another replica; 0: nobody was. Unavailable, after all others were told, where somebody
        could not be: the next call tells those alone."""
        alarm, faults = (pin.place, code, since), list[Unavailable]()
        told = self._told.setdefault(alarm, set())
        for hosted in await self._participants.all():
            slug = hosted.participant.id
            if slug in told:
                continue
            try:
                await self._db.write(slug, self._book, hosted, pin, code, since)
            except AtRest:  # laid to rest just now: it holds up nobody else
                continue
            except Unavailable as fault:
                faults.append(fault)
            else:
                told.add(slug)
        if faults:
            raise faults[0]
        self._told.pop(alarm, None)

    async def unshown(self, slug: str, member: str, authority: str) -> None:
        """Of a member (DID), for the participant that compared with it."""
        pin, hosted = self._anchors.pin_of(authority), await self._participants.get(slug)
        if pin is not None:
            await self._db.write(slug, self._append, hosted, pin, UNSHOWN, member)

    def _book(self, tx: Tx, hosted: Hosted, pin: Pin, code: str, since: int) -> None:
        slug, did = hosted.participant.id, hosted.participant.did
        audit.alone(tx, slug)
        belongs = did in pin.members if pin.list_url == "" else _joined(tx, slug, pin)
        concerned = belongs or (did == pin.did and _keeps(tx, slug, pin))
        if concerned and not (since and alarmed(tx, slug, code, pin.space, since)):
            self._append(tx, hosted, pin, code)

    def _append(self, tx: Tx, hosted: Hosted, pin: Pin, code: str, member: str = "") -> None:
        body = {"event": code, "space": pin.space, "authority": pin.authority}
        if member:
            body["member"] = member
        audit.append(tx, hosted.participant.id, "alarm", None, "system", body, did=hosted.participant.did)


def _joined(tx: Tx, slug: str, pin: Pin) -> bool:
    """Whether it asked this very authority: others may name the space as theirs, and be recognised for it."""
    space = joined_store.joined(tx, slug, pin.space)
    return space is not None and space.authority == pin.authority


def _keeps(tx: Tx, slug: str, pin: Pin) -> bool:
    """Whether that is a space of ours: whoever pinned it may have named anybody as its keeper."""
    space = store.space(tx, slug)
    return space is not None and space.authority == pin.authority
