"""In a development space our participants, and this process as a witness, are on the trust list at once.

The list is written after the commit that changes keys; what a process that died in between has left, the next start
makes up for. Elsewhere the authority decides, and nothing happens here.
"""

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import structlog

from connector.dataspace.witness.keys import WitnessKeys
from connector.foundation.clock import rfc3339
from connector.foundation.errors import HanseError
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.development.space import DevelopmentSpace
from connector.identity.trust.members.entries import continued, entry
from connector.identity.trust.members.source import TrustListSource
from connector.identity.trust.members.trust_list import Anchor, Entry, Witness

log = structlog.get_logger("trust")
LARGE = 50
"""Members of a list from which on newcomers share one a second: all of it is written and signed each time."""
PAUSE_S = 1.0


class _Turn:
    """Who is on the next list."""

    def __init__(self) -> None:
        self.wanted: set[str] = set()
        self.all = self.done = False
        self.problem: HanseError | OSError | None = None


class Enrolment:
    """`operator` is whom this process vouches for others as; empty: the one of all its participants."""

    def __init__(
        self,
        space: DevelopmentSpace | None,
        participants: Participants,
        listing: TrustListSource,
        anchor: Anchor,
        keys: WitnessKeys,
        operator: str,
    ) -> None:
        self._space, self._participants, self._listing = space, participants, listing
        self._anchor, self._keys, self._operator = anchor, keys, operator
        self._writing, self._next = asyncio.Lock(), _Turn()
        self._later: asyncio.Task[None] | None = None

    async def enlist(self, *slugs: str) -> None:
        """Lists these participants as they are now (without any: all), and this process as a witness.

        Whoever asks while a list is being written shares the next one: many at once cost a few lists, not one each.
        """
        if self._space is None:
            return
        turn = self._next
        turn.wanted |= set(slugs)
        turn.all = turn.all or not slugs
        async with self._writing:
            if not turn.done:
                self._next, turn.done = _Turn(), True
                turn.problem = await self._enlisted(turn)
        if turn.problem is not None:
            raise turn.problem

    async def enlist_soon(self, slug: str) -> None:
        """The same for a newcomer; above `LARGE` members within `PAUSE_S`: a list of many costs more than a town."""
        if self._space is None:
            return
        if len(self._anchor.entries) < LARGE:
            await self.enlist(slug)
            return
        self._next.wanted.add(slug)
        if self._later is None or self._later.done():
            self._later = asyncio.create_task(self._after_a_pause(), name="enlist")

    async def reload(self) -> int:
        """The trust list as it stands now, with everybody who waits to be on it; its version."""
        await self._settled()
        return await self._listing.reload()

    async def stop(self) -> None:
        """Who waits is listed now; what cannot be written the next start makes up for."""
        if self._later is not None:
            self._later.cancel()
            await asyncio.gather(self._later, return_exceptions=True)
            await self._told()

    async def _after_a_pause(self) -> None:
        await asyncio.sleep(PAUSE_S)
        await self._told()

    async def _settled(self) -> None:
        if self._next.wanted:
            await self.enlist(*self._next.wanted)

    async def _told(self) -> None:
        try:
            await self._settled()
        except (HanseError, OSError) as error:
            log.warning("trust.enlist", why=str(error))

    async def _enlisted(self, turn: "_Turn") -> HanseError | OSError | None:
        """One list for all of them. What went wrong is told to each who waits for it."""
        here = await self._participants.all()
        hosted = here if turn.all else [one for one in here if one.participant.id in turn.wanted]
        try:
            await self._write(lambda begin: [_entry(one, begin) for one in hosted], here)
        except (HanseError, OSError) as problem:
            return problem
        return None

    async def catch_up(self, *slugs: str) -> None:
        """At the start: names the keys that the list does not know yet; whatever else it says of a member stays.

        Nobody is admitted again whose membership has ended, and a list that cannot be written stops no start. `slugs`:
        of these alone.
        """
        if self._space is None or not self._anchor.version:
            return
        here = await self._participants.all()
        hosted = [one for one in here if one.participant.id in slugs] if slugs else here
        late = [found for one in hosted if (found := self._unlisted(one)) is not None]
        if not late:
            return
        try:
            async with self._writing:
                await self._write(lambda begin: late, here)
        except (HanseError, OSError) as error:
            log.warning("trust.enlist", why=str(error))

    async def _write(self, entries: Callable[[str], list[Entry]], here: Sequence[Hosted]) -> None:
        assert self._space is not None
        witness = await self._witness({one.participant.operator for one in here})
        await asyncio.to_thread(self._space.enlist, entries, witness)
        await self._listing.reload()

    def _unlisted(self, one: Hosted) -> Entry | None:
        assert self._space is not None
        now = self._space.now()
        begin, known = rfc3339(now - 60_000), self._anchor.entry(one.participant.did)
        if known is None:
            return _entry(one, begin)
        if not known.admitted(now):
            return None
        fresh = continued(known, _entry(one, begin), begin, now)
        named = msgspec.structs.replace(
            known,
            log_keys=fresh.log_keys,
            seal_certificates=fresh.seal_certificates,
            keys=fresh.keys,
            seal_key_pq=fresh.seal_key_pq,
            former_seal_keys_pq=fresh.former_seal_keys_pq,
        )
        return None if named == known else named

    async def _witness(self, operators: set[str]) -> Witness:
        """Whoever works for several operators is a witness for none of them."""
        operator = self._operator or (operators.pop() if len(operators) == 1 else "")
        return Witness(operator, self._keys.url, await self._keys.public())


def _entry(one: Hosted, begin: str) -> Entry:
    participant = one.participant
    return entry(
        did=participant.did,
        name=participant.name,
        operator=participant.operator,
        kind=participant.kind,
        valid_from=begin,
        keys=one.keys,
        at=begin,
    )
