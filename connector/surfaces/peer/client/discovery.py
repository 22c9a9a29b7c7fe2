"""Where a peer speaks DSP 2025-1: its version document says so, below the root that its DID document names.

Unversioned and open to everyone (spec/protocol.md 2.5), so it is read without a token. Kept ten minutes, refusals
half a minute, one fetch at a time per root; whatever it says, the address stays below that root (threat T01). A `Link`
beside it says where a connector of ours has its inventory (spec/metadata-federation.md 1.1).
"""

import asyncio
from collections import OrderedDict
from typing import Final, Protocol

import msgspec

from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, PeerError, Unavailable
from connector.foundation.http import strict
from connector.foundation.http.address import under_root
from connector.foundation.http.outbound import Answer
from connector.foundation.language.reasons import plain
from connector.kernel.protocol import inventory, versions
from connector.kernel.protocol.shape import Malformed
from connector.surfaces.peer.client.listing import linked

KEEP_MS: Final = 600_000
REFUSED_MS: Final = 30_000
MOST: Final = 10_000
LIMIT: Final = 65_536
TOTAL_S: Final = 5.0
_NAMED = 8
"""How many of its versions a refusal names."""


class Fetch(Protocol):
    """The one method of the outbound client that is needed here."""

    async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer: ...


class Doors(msgspec.Struct, frozen=True):
    """Where a peer speaks the protocol, and where it has an inventory, if it has one."""

    base: str
    inventory: str | None = None


class _Kept(msgspec.Struct, frozen=True):
    until: int
    doors: Doors | HanseError


class Discovery:
    """The doors of peers by their root."""

    def __init__(self, http: Fetch, clock: Clock) -> None:
        self._http, self._clock = http, clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._running: dict[str, asyncio.Task[Doors]] = {}

    async def base(self, root: str) -> str:
        """`root` plus the path of its first usable 2025-1 service; raises as `doors`."""
        return (await self.doors(root)).base

    async def doors(self, root: str) -> Doors:
        """What the version document below `root` says.

        Raises Unavailable if the document cannot be had, PeerError if it is broken or offers no 2025-1 service.
        """
        kept = self._kept.get(root)
        if kept is not None and self._clock.steady() < kept.until:
            return _given(kept.doors)
        task = self._running.get(root)
        if task is None:
            task = self._running[root] = asyncio.create_task(self._fetch(root))
            task.add_done_callback(lambda done: self._ended(root, done))
        # Shielded: a caller that gives up must not take the answer away from the others who wait for it.
        return await asyncio.shield(task)

    def _ended(self, root: str, task: asyncio.Task[Doors]) -> None:
        self._running.pop(root, None)
        if not task.cancelled():
            task.exception()  # looked at, in case every caller has gone

    async def _fetch(self, root: str) -> Doors:
        try:
            doors = await self._read(root)
        except HanseError as refused:
            self._keep(root, refused, REFUSED_MS)
            raise
        self._keep(root, doors, KEEP_MS)
        return doors

    async def _read(self, root: str) -> Doors:
        answer = await self._http.get(root + versions.WELL_KNOWN, limit=LIMIT, total_s=TOTAL_S)
        if answer.status != 200:
            raise Unavailable("peer.no-versions", status=answer.status)
        try:
            found = versions.entries(strict.loads(answer.body, limit=LIMIT))
        except Malformed as fault:
            raise PeerError("peer.versions", pointer=fault.pointer) from fault
        except PeerError as fault:
            raise PeerError("peer.versions", pointer="/") from fault
        for entry in found:
            if entry.usable and under_root(root + entry.path, root):
                there = linked(answer.field("Link"), root + versions.WELL_KNOWN, inventory.RELATION)
                return Doors(root + entry.path.rstrip("/"), there if under_root(there or "", root) else None)
        raise PeerError("peer.other-versions", offers=_offers(found))

    def _keep(self, root: str, doors: Doors | HanseError, for_ms: int) -> None:
        self._kept[root] = _Kept(self._clock.steady() + for_ms, doors)
        self._kept.move_to_end(root)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)


def _given(doors: Doors | HanseError) -> Doors:
    if isinstance(doors, HanseError):
        raise type(doors)(doors.code, **doors.facts)
    return doors


def _offers(found: list[versions.ProtocolVersion]) -> str:
    """What the peer offers instead, for people: version and path, since ours at a wrong path is no use either."""
    named = [f"{plain(entry.version, 40)} ({plain(entry.path, 80)})" for entry in found[:_NAMED]]
    return ", ".join(named) or "–"
