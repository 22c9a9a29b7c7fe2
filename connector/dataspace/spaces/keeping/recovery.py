"""An authority whose database is older than lists that it has signed asks its members, and goes on above the newest.

A restore brings back members who are suspended, and numbers that are out already. So before the first version after a
start, and every hour, members are asked whether they hold a newer list of ours. Where there is one, or where the
database says itself that it was put back, no list is made or served until a person has read what was found
(spec/spaces.md 4.8; threat T151; decision 0167).
"""

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import structlog
from msgspec import Struct
from msgspec.structs import replace

from connector.dataspace.spaces import group_store, member_store, recovery_store, store
from connector.dataspace.spaces.decision import grouping, taking_back
from connector.dataspace.spaces.decision.taking_back import Change
from connector.dataspace.spaces.keeping import taken_groups
from connector.dataspace.spaces.keeping.authority import SpaceAuthority, record
from connector.dataspace.spaces.keeping.held_lists import Answers, HeldLists, there
from connector.dataspace.spaces.model import OVER, Space
from connector.dataspace.spaces.recovery_store import Asked, Recovery
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, Mistake, PeerError
from connector.foundation.http.outbound import SafeClient
from connector.foundation.storage.database import PROCESS, Database, Tx
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.keys.jwk import decode
from connector.identity.trust.members import pins
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces
from connector.identity.trust.members.source import TrustListSource
from connector.identity.trust.members.trust_list import TrustList, read_list

log = structlog.get_logger("spaces")
LOOK_S: Final = 60.0
HOUR_MS: Final = 3_600_000
AT_ONCE: Final = 8
"""Authorities of this process that ask at the same time."""


class Found(Struct, frozen=True, kw_only=True):
    """How it stands, and what the newest list says that the database does not."""

    recovery: Recovery | None
    changes: tuple[Change, ...] = ()


class ListRecovery:
    """Of all spaces of this process."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        http: SafeClient,
        anchors: AnchorOfSpaces,
        authority: SpaceAuthority,
        lists: TrustListSource,
    ) -> None:
        self._db, self._clock, self._participants = db, clock, participants
        self._anchors, self._authority, self._lists = anchors, authority, lists
        self._held = HeldLists(http, participants)
        self._looked: dict[str, int] = {}

    async def first(self, hosted: Sequence[Hosted]) -> None:
        """Those that have not asked since the start do, side by side: none waits for the members of another."""
        await self._each([one for one in hosted if one.participant.id not in self._looked])

    async def settled(self, hosted: Hosted) -> bool:
        """Whether versions may be made."""
        slug = hosted.participant.id
        if slug not in self._looked:
            await self.look(hosted)
        version, jws = await self._known(slug)
        if await self._db.read(slug, _news, slug, version) is not None:
            await self._db.write(slug, _noticed, hosted, version, jws)
        return not await self._db.read(slug, recovery_store.unsettled, slug)

    async def work(self) -> None:
        """Asks anew: every hour, and in each round while something is open."""
        own = {pin.did for pin in self._anchors.joined}
        due = []
        for hosted in await self._participants.all():
            slug = hosted.participant.id
            if hosted.participant.did in own:
                late = self._clock.steady() - self._looked.get(slug, -HOUR_MS) >= HOUR_MS
                if late or await self._db.read(slug, recovery_store.unsettled, slug):
                    due.append(hosted)
        await self._each(due)

    async def _each(self, hosted: Sequence[Hosted]) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def look(one: Hosted) -> None:
            async with gate:
                try:
                    await self.look(one)
                except HanseError as error:
                    log.warning("spaces.held", participant=one.participant.id, why=str(error))

        await asyncio.gather(*map(look, hosted))

    async def look(self, hosted: Hosted) -> None:
        """Asks everybody whom any list of ours names."""
        slug = hosted.participant.id
        space = await self._db.read(slug, store.space, slug)
        if space is None:
            return
        members = await self._db.read(slug, member_store.members, slug)
        row = await self._db.read(slug, recovery_store.recovery, slug)
        newest = await self._db.read(slug, store.newest_version, slug, signed=True)
        waiting, beyond = {one.did for one in members if one.state not in OVER}, 0 if newest is None else newest.version
        if row is not None and row.open and row.jws:
            beyond = max(beyond, row.found)
            waiting |= there(await asyncio.to_thread(read_list, row.jws, dict(space.jwk)))
        answers = await self._held.ask(space, waiting, beyond)
        if answers.jws:  # what it says of who is suspended holds here at once
            await self._go_by(space.authority, answers)
        self._looked[slug] = self._clock.steady()
        asked = Asked(answered=len(answers.asked) - len(answers.away), away=answers.away, at=self._clock.now())
        version, jws = await self._known(slug)
        await self._db.write(slug, _noticed, hosted, version, jws, asked)

    async def _go_by(self, authority: str, found: Answers) -> None:
        """This process goes by the list that was shown from now on; the configured one is kept elsewhere."""
        if authority != self._anchors.own_name:
            await self._db.write(PROCESS, pins.keep, authority, found.version, found.jws)
            await self._lists.catch_up()
            return
        try:
            await self._lists.handed(authority, found.jws)
        except PeerError as error:  # overtaken, or another one of its number, which is kept as proof
            log.warning("spaces.held", authority=authority, why=str(error))

    async def _known(self, slug: str) -> tuple[int, str]:
        """The newest list of this authority by which this process goes as anybody's member: of its own key alone, for
        whom a pin names as the keeper of a space is the word of who brought it."""
        space = await self._db.read(slug, store.space, slug)
        if space is None:
            return 0, ""
        own = space.authority == self._anchors.own_name
        found = self._anchors.home if own else self._anchors.list_of(space.authority)
        return (0, "") if found is None else (found.version, found.jws)

    async def state(self, slug: str) -> Found:
        """Raises Unknown without a space."""
        await self._participants.get(slug)
        space = await self._db.read(slug, self._authority.held, slug)
        row = await self._db.read(slug, recovery_store.recovery, slug)
        if row is None or not row.open or not row.jws:
            return Found(recovery=row)
        listed = await asyncio.to_thread(read_list, row.jws, dict(space.jwk))
        return Found(recovery=row, changes=tuple(await self._db.read(slug, _changes, space, listed)))

    async def settle(self, slug: str, version: int, login: str = "", *, incomplete: bool = False) -> Recovery:
        """A person has read what the newest list says (`version`; 0: none was found), and lists go on above it.
        `incomplete`: although not everybody answered. Raises Mistake, NotYours, Unknown."""
        hosted = await self._participants.get(slug)
        space = await self._db.read(slug, self._authority.held, slug)
        before = await self._db.read(slug, recovery_store.recovery, slug)
        jws = "" if before is None else before.jws
        listed = await asyncio.to_thread(read_list, jws, dict(space.jwk)) if jws else None

        def unit(tx: Tx) -> Recovery:
            now, voter = self._authority.held(tx, slug, lock=True), self._authority.voter(tx, slug, login)
            row = recovery_store.recovery(tx, slug)
            if row is None or not row.open:
                raise Mistake("spaces.not-restored")
            if (row.found, row.jws) != (version, jws):
                raise Mistake("spaces.recovery-changed")
            if row.asked.away and not incomplete:
                raise Mistake("spaces.recovery-away", count=len(row.asked.away))
            after = _settled(tx, now, row)
            if listed is not None:
                _take_back(tx, hosted, now, listed, jws)
            name = now.name if listed is None else listed.name or now.name
            store.save_space(tx, replace(now, name=name, changes=now.changes + 1))
            away = str(len(row.asked.away))
            record(tx, hosted, "list recovered", voter.who, version=str(row.found), floor=str(after.floor), away=away)
            return after

        return await self._db.write(slug, unit)


def _news(tx: Tx, slug: str, version: int) -> tuple[recovery_store.Reason, int] | None:
    """Why the database must be older than what was signed, and the newest version that it has."""
    newest, row = store.newest_version(tx, slug, signed=True), recovery_store.recovery(tx, slug)
    own = 0 if newest is None else newest.version
    if row is not None and row.open:
        return ("list", own) if version > max(row.found, own) else None
    if version > own:
        return "list", own
    settled = 0 if row is None or row.settled_at is None else row.settled_at
    if newest is not None and recovery_store.log_restored_at(tx, slug) > max(newest.made_at, settled):
        return "log", own
    return None


def _noticed(tx: Tx, hosted: Hosted, version: int, jws: str, asked: Asked | None = None) -> None:
    """Lists stand still from now on, if there is a reason, until a person says so: that nobody shows a newer list may
    be the word of the one who was suspended by it."""
    slug = hosted.participant.id
    if store.space(tx, slug, lock=True) is None:
        return
    row, news = recovery_store.recovery(tx, slug), _news(tx, slug, version)
    if news is not None:
        reason, own = news
        if row is None or not row.open:
            row = recovery_store.opened(row, slug, reason, own, tx.now)
        if version > own:
            row = replace(row, state="found", found=version, jws=jws)
        row = recovery_store.put(tx, row)
        record(tx, hosted, "list lost", reason=reason, own=str(own), known=str(row.found))
        log.error("spaces.list-lost", participant=slug, reason=reason, own=own, known=row.found)
    if row is None or not row.open or asked is None:
        return
    recovery_store.put(tx, replace(row, asked=asked))


def _settled(tx: Tx, space: Space, row: Recovery) -> Recovery:
    """What waits for its signature may have been signed before, so it is made anew under a number of its own."""
    newest = store.newest_version(tx, row.participant, signed=False)
    last = max(row.found, row.floor, 0 if newest is None else newest.version)
    floor = max(taking_back.unused(space.created_at, tx.now), last + 1)
    store.drop_unsigned(tx, row.participant)
    return recovery_store.put(tx, replace(row, state="settled", floor=floor, settled_at=tx.now, jws=""))


def _changes(tx: Tx, space: Space, listed: TrustList) -> list[Change]:
    slug = space.participant
    known = {one.did: one for one in member_store.members(tx, slug)}
    within = grouping.periods(space.space, group_store.grouped(tx, slug))
    moved = frozenset(one.did for one in listed.participants if set(one.group_periods) - set(within.get(one.did, ())))
    return taking_back.changes(known, taking_back.members(slug, known, listed, tx.now), moved)


def _take_back(tx: Tx, hosted: Hosted, space: Space, listed: TrustList, jws: str) -> None:
    slug, own = space.participant, hosted.participant.did
    known = {one.did: one for one in member_store.members(tx, slug)}
    for one in taking_back.members(slug, known, listed, tx.now):
        if one.did == own and own in known:  # its keys are those that it has now, whatever it had when it signed
            one = replace(one, keys=known[own].keys)
        if one != known.get(one.did):
            member_store.put_member(tx, one)
    taken_groups.take(tx, space, listed)
    claims = decode(jws.split(".")[1]).decode()
    store.adopt_version(tx, slug, listed.version, claims, sha256(claims.encode()).hexdigest(), jws)
