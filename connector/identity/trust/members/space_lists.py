"""Keeps the lists of pinned spaces current: fetched again and again, each from where its authority serves it.

An authority that this process hosts is asked directly. A list that is refused stays away and is told of: the ones of
other spaces are looked at all the same (spec/spaces.md 5.1).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, PeerError, Unavailable
from connector.foundation.http.outbound import SafeClient
from connector.foundation.storage.database import PROCESS, Database, Tx
from connector.identity.trust.keys.jwk import Jwk
from connector.identity.trust.members import forks, pins
from connector.identity.trust.members.anchor_of_spaces import AnchorOfSpaces
from connector.identity.trust.members.forks import FORK, SETTLED, Case, ForkedList, Found
from connector.identity.trust.members.pin import Pin, Place
from connector.identity.trust.members.strictest import Disagreement
from connector.identity.trust.members.trust_list import LIMIT

log = structlog.get_logger("trust")
Alarm = Callable[[Pin, str, int], Awaitable[None]]
"""Books that the list of a space was rolled back or forked, by the code of the error; what was booked since then (ms)
is that alarm, 0: none is."""
Local = Callable[[str], Awaitable[str | None]]
"""The newest signed list of an authority (its URN) that this process hosts; None for all others."""
LARGE = 65_536
"""Characters of a list that takes longer than a request should wait."""
LONGEST_MS = 20_000
"""How long a look at the lists of joined spaces takes, and one list more of those that come late; as long again one at
those that they recognise."""
LATE_MS = 1_000
"""A list that takes longer is given up for those behind it, and comes last from then on: then it has all its time."""
FALSE = frozenset({"trust.list-rollback"})
"""Told of once by each process; of two lists of one number their proof knows it."""
SOON_MS = 120_000
"""For so long an authority may go on showing a list that is older than one which a member has shown."""


async def _nobody(authority: str) -> str | None:
    return None


class SpaceLists:
    """Keeps `anchors` current."""

    def __init__(self, db: Database, clock: Clock, anchors: AnchorOfSpaces, client: SafeClient) -> None:
        self._db, self._clock, self._anchors, self._client = db, clock, anchors, client
        self._local: Local = _nobody
        self._alarm: Alarm | None = None
        self._alarmed: set[tuple[Place, str]] = set()
        self._written: dict[str, int] = {}
        """The newest list of each authority that is known to be in the database, by its number."""
        self._news: frozenset[str] = frozenset()
        """Who changed by lists that are in force, and was not told of yet: something failed behind them."""
        self._handed: dict[str, int] = {}
        """When a member showed the newest list of an authority (steady milliseconds)."""
        self._doubts: dict[Found, Disagreement] = {}
        self._to_tell = False
        """Whether there may be two lists of one number of which nobody was told."""
        self._reading = asyncio.Lock()
        self._joined: dict[Place, bool] = {}
        """Joined ones, whichever was not looked at for longest first, and whether its list came late then."""
        self._recognised: dict[Place, bool] = {}
        """The same of those that they recognise."""

    def listen(self, local: Local, alarm: Alarm) -> None:
        """Who is asked for lists of our own, and who is told of false ones."""
        self._local, self._alarm = local, alarm

    async def catch_up(self) -> frozenset[str]:
        """Which spaces are pinned, and newer lists that were kept before or by other replicas: who changed by them."""
        pinned, cases = await self._db.read(PROCESS, _standing)
        if pinned != self._anchors.joined:
            self._anchors.pin(pinned)
        changed: frozenset[str] = frozenset()
        try:
            for pin in self._anchors.pins():
                held = self._version(pin)
                kept = await self._db.read(PROCESS, pins.newest, pin.authority, held)
                if kept is not None:
                    changed |= await self._kept(pin, kept, held)
            return changed | await self._narrowed(cases)
        except BaseException:  # what is in force by then is told of by the next look
            self._news |= changed
            raise

    async def _narrowed(self, cases: Sequence[Case]) -> frozenset[str]:
        """Of an authority that signed two lists of one number the strictest of both counts until that is settled; of
        whom something else counts by that."""
        open_ones = [one for one in cases if one.settled_at is None]
        self._to_tell |= any(one.untold for one in cases)
        self._doubts = {one.pair: doubt for one in open_ones if (doubt := await self._doubt(one)) is not None}
        return self._anchors.doubt({pair.authority: doubt for pair, doubt in self._doubts.items()})

    async def _doubt(self, case: Case) -> Disagreement | None:
        """Each pair is read once; None while nobody wants lists of that authority."""
        if case.pair in self._doubts:
            return self._doubts[case.pair]
        pin = self._anchors.pin_of(case.authority)
        pair = None if pin is None else await self._db.read(PROCESS, forks.kept, case.authority)
        if pin is None or pair is None:
            return None
        return await asyncio.to_thread(forks.doubt, pair, pin.jwk)

    async def _kept(self, pin: Pin, jws: str, held: int) -> frozenset[str]:
        """One that is refused holds up no other space: it may be of a space that the same key had before."""
        try:
            changed = await self._taken(pin, jws, held)
        except PeerError as error:
            log.warning("trust.space-list", space=pin.space, why=str(error))
            await self._raise_alarm(pin, error)
            return frozenset()
        listed = self._anchors.list_of(pin.authority)
        if listed is not None and listed.jws == jws:
            self._written[pin.authority] = listed.version
        return changed

    async def reload(self) -> frozenset[str]:
        """Looks now; of whom any list says something else than before. What fails is logged."""
        changed = await self.catch_up()
        wanted, joined = self._anchors.pins(), {pin.place for pin in self._anchors.joined}
        changed |= await self._by_turns(self._joined, [pin for pin in wanted if pin.place in joined])
        changed |= await self._by_turns(self._recognised, [pin for pin in wanted if pin.place not in joined])
        try:
            await self._drop_unwanted()
            if self._to_tell:
                await self.tell()
        except HanseError as error:
            log.warning("trust.space-lists", why=str(error))
        return changed

    async def _drop_unwanted(self) -> None:
        """What was kept of spaces that nobody joined and no list recognises any more."""
        kept = await self._db.read(PROCESS, pins.authorities)
        wanted = {pin.authority for pin in self._anchors.pins()}
        unwanted, self._written = kept - wanted, {who: one for who, one in self._written.items() if who in wanted}
        if unwanted:
            await self._db.write(PROCESS, pins.drop_lists, unwanted)

    async def _by_turns(self, turns: dict[Place, bool], pins: Sequence[Pin]) -> frozenset[str]:
        """Those whose list came late last, but one of these in any case: one participant may have joined many spaces,
        and one list may name a hundred, for which all others would wait. Whoever is new stands behind those that are
        known, or who names new ones in each round would keep them away."""
        changed, by_name = frozenset[str](), {pin.place: pin for pin in pins}
        for name in turns.keys() - by_name.keys():
            del turns[name]
        for name in by_name:
            turns.setdefault(name, False)
        began, late = self._clock.steady(), [name for name, came_late in turns.items() if came_late]
        for name in [name for name, came_late in turns.items() if not came_late]:
            if self._clock.steady() - began >= LONGEST_MS:
                break
            changed |= await self._looked(by_name[name], turns, LATE_MS / 1000)
            if turns[name]:
                late.append(name)
        for name in late:
            if self._clock.steady() - began < LONGEST_MS or name == late[0]:
                changed |= await self._looked(by_name[name], turns, None)
        return changed

    async def _looked(self, pin: Pin, turns: dict[Place, bool], total_s: float | None) -> frozenset[str]:
        began = self._clock.steady()
        try:
            return await self._look(pin, total_s)
        except (PeerError, Unavailable) as error:
            log.warning("trust.space-list", space=pin.space, why=str(error))
            await self._raise_alarm(pin, error)
            return frozenset()
        finally:
            turns.pop(pin.place, None)
            turns[pin.place] = self._clock.steady() - began >= LATE_MS

    async def look(self, authority: str) -> frozenset[str]:
        """The same for one authority, wherever its list may lie; raises what stands in the way."""
        changed, faults = await self.catch_up(), list[HanseError]()
        places = [one for one in self._anchors.pins() if one.authority == authority]
        for pin in places:
            try:
                changed |= await self._look(pin)
            except (PeerError, Unavailable) as error:  # somebody may have said that it lies elsewhere
                faults.append(error)
        if faults and len(faults) == len(places):
            self._news |= changed
            raise faults[0]
        return changed

    async def seeks(self, authority: str) -> bool:
        """Of one that we host there is nobody to look at: what it lacks it asks its members for (decision 0167)."""
        try:
            return await self._local(authority) is None
        except HanseError:
            return False

    async def handed(self, authority: str, jws: str) -> frozenset[str]:
        """Takes a list that a member shows; who changed. Raises what stands in the way."""
        pin = self._anchors.pin_of(authority)
        if pin is None:
            return frozenset()
        held = self._version(pin)
        changed = await self._look(pin, shown=jws)
        if self._version(pin) > held:
            self.got(authority)
        return changed

    def got(self, authority: str) -> None:
        """The newest list of that authority came from a member now."""
        self._handed[authority] = self._clock.steady()

    async def _look(self, pin: Pin, total_s: float | None = None, shown: str | None = None) -> frozenset[str]:
        """Who changed, those too whom a look of before could not tell because its list could not be kept. `shown`: what
        a member has shown, where nobody has to be asked."""
        held = self._version(pin)
        try:
            jws = await self._fetched(pin, total_s) if shown is None else shown
            self._news |= await self._taken(pin, jws, held)
        finally:
            await self._write(pin.authority, pin.jwk)
        news, self._news = self._news, frozenset()
        return news

    async def _fetched(self, pin: Pin, total_s: float | None) -> str:
        jws = await self._local(pin.authority)
        if jws is not None:
            return jws
        answer = await self._client.get(pin.list_url, limit=LIMIT, total_s=total_s)
        if answer.status != 200:
            raise Unavailable("trust.list-unreachable", status=answer.status)
        return answer.body.decode("ascii", "replace").strip()

    async def _write(self, authority: str, jwk: Jwk) -> None:
        """Keeps the list in force, also one that is so since a look whose write failed."""
        listed = self._anchors.list_of(authority)
        if listed is None or listed.version <= self._written.get(authority, 0):
            return
        version, jws = listed.version, listed.jws
        first = await self._db.write(PROCESS, pins.keep, authority, version, jws)
        if first is not None:  # another replica took another text of this number
            await forks.compared(self._db, authority, jwk, jws, first)
            self._to_tell = True
        self._written[authority] = max(version, self._written.get(authority, 0))
        log.info("trust.space-list", authority=authority, version=version)

    async def _taken(self, pin: Pin, jws: str, held: int) -> frozenset[str]:
        """`held` is the version that was in force when this list was asked for: another one may have come since."""
        try:
            return await self._accept(pin, jws, held)
        except PeerError as error:
            if error.code == FORK:
                await self._keep_proof(pin, jws)
            raise

    async def _accept(self, pin: Pin, jws: str, held: int) -> frozenset[str]:
        """A large list is verified and read on a thread: an authority that one participant joined holds up no other."""
        async with self._reading:
            known = self._anchors.list_of(pin.authority)
            if len(jws) < LARGE or (known is not None and known.jws == jws):
                return self._anchors.accept(pin.authority, jws, asked=held)
            told = await asyncio.to_thread(self._anchors.read, pin.authority, jws)
            return self._anchors.accept(pin.authority, jws, told, held)

    async def _keep_proof(self, pin: Pin, other: str) -> None:
        """Before anybody is told: whoever is asked about an alarm has to have both lists."""
        listed = self._anchors.list_of(pin.authority)
        assert listed is not None
        one = ForkedList(authority=pin.authority, version=listed.version, held=listed.jws, other=other)
        await self._db.write(PROCESS, forks.keep, one, pin.jwk)
        self._to_tell = True

    def _version(self, pin: Pin) -> int:
        listed = self._anchors.list_of(pin.authority)
        return 0 if listed is None else listed.version

    async def tell(self) -> None:
        """Tells of two lists of one number, and that they are settled, once for each pair: also what a process wrote
        which then died. Whose list nobody here wants any more, of that nobody is told."""
        faults = list[HanseError]()
        for one in await self._db.read(PROCESS, forks.cases):
            try:
                await self._tell_of(one)
            except HanseError as fault:  # at the next look: it keeps no other pair untold
                faults.append(fault)
        if faults:
            raise faults[0]
        self._to_tell = False

    async def _tell_of(self, case: Case) -> None:
        if self._alarm is None:
            return
        pin = self._anchors.pin_of(case.authority)
        if case.told_at is None:
            if pin is not None:
                await self._alarm(pin, FORK, case.found_at)
            await self._db.write(PROCESS, forks.told, case)
        if case.settled_at is not None and case.settled_told_at is None:
            if pin is not None:
                await self._alarm(pin, SETTLED, case.settled_at)
            await self._db.write(PROCESS, forks.told_settled, case)

    async def refused(self, authority: str, error: HanseError) -> None:
        """What was wrong with the configured list, which is looked at elsewhere."""
        pin = self._anchors.pin_of(authority)
        if pin is not None:
            await self._raise_alarm(pin, error)

    async def _raise_alarm(self, pin: Pin, error: HanseError) -> None:
        """Once for each place and kind, until the process ends: it is looked at again every minute, and who names a key
        for another space silences nothing of the one that it is of. Of two lists of one number the proof that is kept
        knows whether it was told. An authority that a member was before in showing a list has a while to follow."""
        if error.code not in FALSE or self._alarm is None or (pin.place, error.code) in self._alarmed:
            return
        handed = self._handed.get(pin.authority)
        if handed is not None and self._clock.steady() - handed < SOON_MS:
            return
        try:
            await self._alarm(pin, error.code, 0)
        except HanseError as fault:  # at the next look: it holds up no other list
            log.warning("trust.alarm", space=pin.space, why=str(fault))
        else:
            self._alarmed.add((pin.place, error.code))


def _standing(tx: Tx) -> tuple[Sequence[Pin], Sequence[Case]]:
    """In one unit, since replicas ask it all the time."""
    return pins.pins(tx), forks.cases(tx)
