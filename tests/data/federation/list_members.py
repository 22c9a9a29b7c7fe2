"""Processes that hold lists of spaces and compare them: each with a database, a door and a participant of its own.

`Wire` carries requests between them without sockets; `bent` changes an answer on its way, `asked` is the transcript.
"""

import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from connector.data.federation.lists import ListExchange
from connector.foundation.clock import FakeClock
from connector.foundation.errors import HanseError, PeerError, Unauthenticated
from connector.foundation.http.outbound import Answer
from connector.foundation.ids import new_uuid
from connector.foundation.storage import open_database
from connector.foundation.storage.database import PROCESS, Database
from connector.identity.participants.model import Participant
from connector.identity.trust.members import forks, pins
from connector.identity.trust.members.forks import ForkedList
from connector.identity.trust.members.held_lists import HeldLists
from connector.identity.trust.members.pin import Pin
from connector.identity.trust.members.space_lists import SpaceLists
from connector.surfaces.peer.auth import Caller
from connector.surfaces.peer.lists import ListHandlers
from connector.surfaces.peer.problems import problems
from connector.surfaces.peer.routes import Call, Surface
from tests.identity.trust.members.keepers import Keeper, of
from tests.identity.trust.members.lists import NOW
from tests.testkit.door import HOST, requested

Bend = Callable[[str, Answer], Answer | HanseError]


@asynccontextmanager
async def database(migrated: Path, place: Path) -> AsyncIterator[Database]:
    """In a folder of its own, which a process has for itself."""
    place.mkdir()
    db = open_database(f"sqlite://{shutil.copy(migrated, place / 'hanse.db')}")
    await db.start()
    try:
        yield db
    finally:
        await db.close()


class Web:
    """Where an authority serves its list: what it shows to one member."""

    def __init__(self) -> None:
        self.jws = ""

    async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer:
        return Answer(200, {}, self.jws.encode("ascii"))


class Wire:
    """All members by their names; a DID is `did:web:<name>.de`."""

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.asked: list[str] = []
        self.bent: Bend | None = None
        self.without: set[str] = set()
        """Who names no inventory."""

    async def inventory(self, slug: str, did: str) -> str | None:
        name = did.rpartition(":")[2].removesuffix(".de")
        return None if name in self.without else f"https://{HOST}/{name}/federation/inventory"

    async def get(
        self, slug: str, did: str, url: str, limit: int | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return await self._asked(slug, url, b"", "", limit, "GET")

    async def post(self, slug: str, did: str, url: str, body: bytes, limit: int | None = None) -> Answer:
        return await self._asked(slug, url, body, "application/json", limit)

    async def hand_in(
        self, slug: str, did: str, url: str, seal: bytes, second: str = "", limit: int | None = None
    ) -> Answer:
        return await self._asked(slug, url, seal, "application/jose", limit)

    async def _asked(
        self, slug: str, url: str, body: bytes, media: str, limit: int | None, method: str = "POST"
    ) -> Answer:
        path = urlsplit(url).path
        to = path.split("/")[1]
        does = "reads" if method == "GET" else "claims" if path.endswith("/lists") else "shows"
        what = f"{slug} {does} {to}"
        self.asked.append(what)
        answer = await self.members[to].answer(slug, path, body, media, method)
        told = answer if self.bent is None else self.bent(what, answer)
        if isinstance(told, HanseError):
            raise told
        if limit is not None and len(told.body) > limit:
            raise PeerError("http.answer-size", limit=limit)
        return told


class Member:
    """One process. `alarms`: codes, and whether the proof was kept by then; `doubts`: who claimed and did not show."""

    def __init__(self, wire: Wire, name: str, db: Database, keeper: Keeper, web: Web | None = None) -> None:
        self.wire, self.name, self.did, self.db, self.keeper = wire, name, f"did:web:{name}.de", db, keeper
        self.web, self.clock, self.anchors = web or Web(), FakeClock(NOW), of()
        self.alarms, self.doubts = list[tuple[str, bool]](), list[tuple[str, str]]()
        self.here: set[str] = {self.did}
        self.dying = False
        self.spaces = SpaceLists(db, self.clock, self.anchors, self.web)  # type: ignore[arg-type]
        self.spaces.listen(_nobody, self._raised)
        self.held = HeldLists(db, self.clock, self.anchors, self.spaces.tell, self.spaces)
        self.exchange = ListExchange(self.held, wire, lambda did: did in self.here, self.clock)
        self.exchange.listen(self._unshown)
        self.door = ListHandlers(self, self.held, self.clock)  # type: ignore[arg-type]
        self._surface = Surface(self.door.routes(), self, self._caller, None, self.clock)
        wire.members[name] = self

    async def shown(self, *lists: str) -> "Member":
        """The authority shows it these, one after the other."""
        await self.db.write(PROCESS, pins.pin, self.did, self.keeper.pin)
        for self.web.jws in lists:
            await self.spaces.reload()
        return self

    async def meets(self, *others: "Member") -> None:
        for other in others:
            await self.exchange.look(self.name, self.did, other.did)

    async def proof(self) -> ForkedList | None:
        return await self.db.read(PROCESS, forks.kept, self.keeper.key.id)

    async def answer(
        self, caller: str | None, path: str, body: bytes, media: str = "application/json", method: str = "POST"
    ) -> Answer:
        request = requested(method, path, caller, body, media)
        found = await problems(request, self._surface.answer)
        assert isinstance(found, web.Response)
        assert isinstance(found.body, bytes)
        return Answer(found.status, found.headers, found.body)

    # What the door needs of a process

    async def at(self, host: str, path: str) -> tuple[Participant, str] | None:
        place = f"/{self.name}"
        one = Participant(
            id=self.name,
            did=self.did,
            root=f"https://{HOST}{place}",
            host=HOST,
            path=place,
            name=self.name,
            kind="",
            operator="",
            state="active",
        )
        return (one, path.removeprefix(place)) if path.startswith(place) else None

    async def within(self, call: Call, fn: Any, *args: Any) -> Any:
        return await self.db.write(PROCESS, fn, *args)

    async def _caller(self, participant: Participant, authorization: str) -> Caller:
        did = f"did:web:{authorization}.de"
        if not authorization:
            raise Unauthenticated("peer.no-token")
        entry = self.anchors.between(self.did, did, self.clock.now())
        return Caller(did=did, entry=entry, root=None, jti=new_uuid(), second=0)

    async def _raised(self, pin: Pin, code: str, since: int) -> None:
        if self.dying:
            raise ConnectionError("killed")
        self.alarms.append((code, await self.proof() is not None))

    async def _unshown(self, slug: str, did: str, authority: str) -> None:
        self.doubts.append((slug, did))


async def _nobody(authority: str) -> None:
    return None
