"""Groups of spaces that a participant joined: how it stands to them, and what it asks their authorities for.

A town agrees, or leaves; who keeps a group adds and removes others, from its own process (spec/spaces.md 7.2). Which
groups ask for it is looked at by a job and kept beside the membership: whom nobody told could not agree. A keeper that
offers to its group adds nobody past the gate of its own publications (decision 0190).
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from connector.data.approvals.widening import Widening
from connector.dataspace.spaces import joined_store
from connector.dataspace.spaces.decision import grouping
from connector.dataspace.spaces.documents import PATH, GroupStanding, RequestClaims
from connector.dataspace.spaces.joining.answers import refusal
from connector.dataspace.spaces.joining.joining import Joining
from connector.dataspace.spaces.keeping.authority import record
from connector.dataspace.spaces.keeping.groups import SpaceGroups
from connector.dataspace.spaces.model import MOST_GROUPS, AskedFor, Joined
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, Mistake, PeerError, Unavailable, Unknown
from connector.foundation.http import strict
from connector.foundation.language import LANGUAGES
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants.service import Hosted, Participants

log = structlog.get_logger("spaces")
LIMIT: Final = 4_194_304
"""Bytes of what an authority says of its groups: who keeps many reads who is in each."""
NODES: Final = 40_000
LOOK_S: Final = 1.0
"""How often the job asks about one membership: an authority with many members at one address is asked in turn."""
EVERY_MS: Final = 900_000
"""How often each membership is asked about."""
AGAIN_MS: Final = 60_000
"""How soon an authority is asked again that was away, or had had enough of us."""


class GroupStandings(Struct, frozen=True, kw_only=True):
    """The groups of all spaces that a participant belongs to; of those that are `away` nothing is known now."""

    groups: Sequence[GroupStanding]
    away: Sequence[Joined]


class GroupsElsewhere:
    """How the participants of this process stand to groups; `groups` are those of spaces that they keep themselves."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        joining: Joining,
        groups: SpaceGroups,
        widening: Widening,
    ) -> None:
        self._db, self._clock, self._participants, self._widening = db, clock, participants, widening
        self._joining, self._groups = joining, groups
        self._turn: list[tuple[str, str]] = []
        self._late: list[tuple[int, str, str]] = []
        """Who could not be told just now, and when it asks again."""
        self._begun: int | None = None

    async def all(self, slug: str) -> GroupStandings:
        """As the authorities say now; one that is away or makes no sense costs nothing of the others."""
        hosted = await self._participants.get(slug)
        members = [one for one in await self._db.read(slug, joined_store.all_joined, slug) if one.state == "member"]
        told = await asyncio.gather(*(self._ask(hosted, one) for one in members))
        return GroupStandings(
            groups=[group for found in told for group in found or ()],
            away=[one for one, found in zip(members, told, strict=True) if found is None],
        )

    async def work(self) -> None:
        """A round of the job: the next membership whose turn it is."""
        now = self._clock.steady()
        if not self._turn and (self._begun is None or now - self._begun >= EVERY_MS):
            self._begun, self._late = now, []
            for hosted in await self._participants.all():
                slug = hosted.participant.id
                found = await self._db.read(slug, joined_store.all_joined, slug)
                self._turn += [(slug, one.space) for one in found if one.state == "member"]
        if not self._turn and self._late and self._late[0][0] <= now:
            self._turn.append(self._late.pop(0)[1:])
        if self._turn:
            await self._next(*self._turn.pop(0))

    async def _next(self, slug: str, space: str) -> None:
        one = await self._db.read(slug, joined_store.joined, slug, space)
        if one is not None and one.state == "member":
            try:
                await self._heard(await self._participants.get(slug), one)
            except Unavailable as error:
                self._late.append((self._clock.steady() + AGAIN_MS, slug, space))
                log.info("spaces.groups", participant=slug, space=space, why=str(error))
            except HanseError as error:  # a participant that rests, or whose provider may not act
                log.info("spaces.groups", participant=slug, space=space, why=str(error))

    async def _ask(self, hosted: Hosted, one: Joined) -> Sequence[GroupStanding] | None:
        """What an authority says, None if nothing."""
        try:
            return await self._heard(hosted, one)
        except (PeerError, Unavailable) as silent:
            log.info("spaces.groups", participant=one.participant, space=one.space, why=str(silent))
            return None

    async def _heard(self, hosted: Hosted, one: Joined) -> Sequence[GroupStanding]:
        """The same; which groups ask is kept. Raises PeerError, or Unavailable to ask again later."""
        found = await self._of(hosted, one)
        asked = {said.group: _named(said) for said in found if said.state == "asked"}
        if asked.keys() != one.asked.keys():
            await self._db.write(one.participant, self._keep, hosted, one.space, asked)
        return found

    def _keep(self, tx: Tx, hosted: Hosted, space: str, asked: dict[str, dict[str, str]]) -> None:
        """A group that asks for the first time is an entry of the log; who saw the same at once finds it there."""
        one = joined_store.joined(tx, hosted.participant.id, space, lock=True)
        if one is None or one.state != "member" or asked.keys() == one.asked.keys():
            return
        for group in sorted(asked.keys() - one.asked.keys()):
            record(tx, hosted, "asked", space=space, group=group)
        kept = {group: one.asked.get(group) or AskedFor(name=name, at=tx.now) for group, name in asked.items()}
        joined_store.put(tx, replace(one, asked=kept), None)

    async def _of(self, hosted: Hosted, one: Joined) -> Sequence[GroupStanding]:
        answer = await self._joining.read(hosted, one, "groups", LIMIT)
        if answer.status != 200:
            raise refusal(answer)
        try:
            read = msgspec.convert(strict.loads(answer.body, limit=LIMIT, nodes=NODES), list[GroupStanding])
        except msgspec.ValidationError as cause:
            raise PeerError("spaces.statement") from cause
        return [said for said in read[:MOST_GROUPS] if grouping.space_of(said.group) == one.space]

    async def ask(self, slug: str, claims: RequestClaims) -> None:
        """Asks the authority of the space whose group it is; raises Unknown if it did not join that, and Mistake where
        others here would have to agree to what opens to whoever is added."""
        hosted = await self._participants.get(slug)
        if claims.space == hosted.participant.root + PATH:
            return await self._groups.own(slug, claims)
        one = await self._db.read(slug, joined_store.joined, slug, claims.space)
        if one is None or one.state != "member":
            raise Unknown("spaces.not-joined", space=claims.space[:200])
        if claims.request == "group-add" and not hosted.participant.is_me(claims.member):
            await self._db.read(slug, self._require_alone, slug, claims.group)
        await self._joining.request(hosted, one, claims)
        if claims.request in ("group-agree", "group-leave") and claims.group in one.asked:
            await self._db.write(slug, self._answered, one, claims.group)

    def _require_alone(self, tx: Tx, slug: str, group: str) -> None:
        try:
            self._widening.require_alone(tx, slug, [group])
        except Mistake as refused:
            raise Mistake("spaces.group-widens", group=group.rpartition("/")[2]) from refused

    def _answered(self, tx: Tx, seen: Joined, group: str) -> None:
        one = joined_store.joined(tx, seen.participant, seen.space, lock=True)
        if one is not None and one.state == "member" and group in one.asked:
            left = {other: said for other, said in one.asked.items() if other != group}
            joined_store.put(tx, replace(one, asked=left), None)


def _named(said: GroupStanding) -> dict[str, str]:
    """The group's name in the languages that people here read, or in any one."""
    known = {lang: said.name[lang] for lang in LANGUAGES if lang in said.name}
    return known or {LANGUAGES[0]: next(iter(said.name.values()), said.group)}
