"""Keeps the lists of pinned spaces current: fetched again and again, each from where its authority serves it.

An authority that this process hosts is asked directly. A list that is refused stays away and is told of: the ones of
other spaces are looked at all the same (spec/spaces.md 5.1).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from connector.clock import Clock
from connector.errors import HanseError, PeerError, Unavailable
from connector.http.outbound import SafeClient
from connector.storage.database import PROCESS, Database
from connector.trust.members import pins
from connector.trust.members.anchors import Anchors, Pin
from connector.trust.members.trust_list import LIMIT

log = structlog.get_logger("trust")
Alarm = Callable[[Pin, str], Awaitable[None]]
"""Books that the list of a space was rolled back or forked, by the code of the error."""
Local = Callable[[str], Awaitable[str | None]]
"""The newest signed list of an authority (its URN) that this process hosts; None for all others."""
LARGE = 65_536
"""Characters of a list that takes longer than a request should wait."""
LONGEST_MS = 20_000
"""How long a look at the lists of recognised spaces takes, and one list more of those that come late."""
LATE_MS = 1_000
"""A list that takes longer comes last the next time."""
FALSE = frozenset({"trust.list-rollback", "trust.list-fork"})


async def _nobody(authority: str) -> str | None:
    return None


class SpaceLists:
    """Keeps `anchors` current."""

    def __init__(self, db: Database, clock: Clock, anchors: Anchors, client: SafeClient) -> None:
        self._db, self._clock, self._anchors, self._client = db, clock, anchors, client
        self._local: Local = _nobody
        self._alarm: Alarm | None = None
        self._alarmed: set[tuple[str, str]] = set()
        self._reading = asyncio.Lock()
        self._turns: dict[str, bool] = {}
        """Recognised authorities, whoever was not looked at for longest first, and whether its list came late then."""

    def listen(self, local: Local, alarm: Alarm) -> None:
        """Who is asked for lists of our own, and who is told of false ones."""
        self._local, self._alarm = local, alarm

    async def catch_up(self) -> frozenset[str]:
        """Which spaces are pinned, and newer lists that were kept before or by other replicas: who changed by them."""
        pinned = await self._db.read(PROCESS, pins.pins)
        if pinned != self._anchors.joined:
            self._anchors.pin(pinned)
        changed: frozenset[str] = frozenset()
        for pin in self._anchors.pins():
            kept = await self._db.read(PROCESS, pins.newest, pin.authority, self._version(pin))
            if kept is not None:
                changed |= await self._accept(pin, kept)
        return changed

    async def reload(self) -> frozenset[str]:
        """Looks now; of whom any list says something else than before. What fails is logged."""
        changed = await self.catch_up()
        pins, joined = self._anchors.pins(), {pin.authority for pin in self._anchors.joined}
        for pin in (one for one in pins if one.authority in joined):
            changed |= await self._looked(pin)
        return changed | await self._recognised([pin for pin in pins if pin.authority not in joined])

    async def _recognised(self, pins: Sequence[Pin]) -> frozenset[str]:
        """Those that joined spaces recognise, by turns, whose list came late the last time last, but one of these in
        any case: nobody here has chosen them, and one list may name a hundred for which all others would wait."""
        changed, by_name = frozenset[str](), {pin.authority: pin for pin in pins}
        new = {name: False for name in by_name if name not in self._turns}
        self._turns = new | {name: late for name, late in self._turns.items() if name in by_name}
        late = [name for name, came_late in self._turns.items() if came_late]
        began = self._clock.steady()
        for name in (*(one for one in self._turns if one not in late), *late):
            if (at := self._clock.steady()) - began >= LONGEST_MS and name not in late[:1]:
                continue
            changed |= await self._looked(by_name[name])
            self._turns.pop(name, None)
            self._turns[name] = self._clock.steady() - at > LATE_MS
        return changed

    async def _looked(self, pin: Pin) -> frozenset[str]:
        try:
            return await self._look(pin)
        except (PeerError, Unavailable) as error:
            log.warning("trust.space-list", space=pin.space, why=str(error))
            await self._raise_alarm(pin, error)
            return frozenset()

    async def look(self, authority: str) -> frozenset[str]:
        """The same for one authority; raises what stands in the way."""
        await self.catch_up()
        pin = next((one for one in self._anchors.pins() if one.authority == authority), None)
        return frozenset() if pin is None else await self._look(pin)

    async def _look(self, pin: Pin) -> frozenset[str]:
        jws = await self._local(pin.authority)
        if jws is None:
            answer = await self._client.get(pin.list_url, limit=LIMIT)
            if answer.status != 200:
                raise Unavailable("trust.list-unreachable", status=answer.status)
            jws = answer.body.decode("ascii", "replace").strip()
        before = self._version(pin)
        changed = await self._accept(pin, jws)
        version = self._version(pin)
        if version > before:
            await self._db.write(PROCESS, pins.keep, pin.authority, version, jws)
            log.info("trust.space-list", space=pin.space, version=version)
        return changed

    async def _accept(self, pin: Pin, jws: str) -> frozenset[str]:
        """A large list is verified and read on a thread: an authority that one participant joined holds up no other."""
        async with self._reading:
            known = self._anchors.list_of(pin.authority)
            if len(jws) < LARGE or (known is not None and known.jws == jws):
                return self._anchors.accept(pin.authority, jws)
            told = await asyncio.to_thread(self._anchors.read, pin.authority, jws)
            return self._anchors.accept(pin.authority, jws, told)

    def _version(self, pin: Pin) -> int:
        listed = self._anchors.list_of(pin.authority)
        return 0 if listed is None else listed.version

    async def _raise_alarm(self, pin: Pin, error: HanseError) -> None:
        """Once for each space and kind, until the process ends: it is looked at again every minute."""
        if error.code in FALSE and self._alarm is not None and (pin.authority, error.code) not in self._alarmed:
            await self._alarm(pin, error.code)
            self._alarmed.add((pin.authority, error.code))
