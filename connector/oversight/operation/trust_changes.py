"""What follows when the trust list names a member otherwise, or a peer shows other keys (spec/trust.md 1.4).

Requests find such news and do not wait for what follows: it is booked beside them.
"""

import asyncio
from collections.abc import Coroutine, Mapping

import structlog

from connector.foundation.errors import HanseError
from connector.foundation.storage.database import PROCESS, Database, of_nobody
from connector.identity.trust.did import pins
from connector.identity.trust.did.did import Did
from connector.identity.trust.did.resolver import Resolver
from connector.identity.trust.members.source import TOPIC, TrustListSource
from connector.oversight.operation.maintenance import Maintenance

log = structlog.get_logger("trust")


class TrustChanges:
    """Listens to the trust list, to the keys of peers, and to replicas that have kept a newer list."""

    def __init__(self, db: Database, resolver: Resolver, listing: TrustListSource, maintenance: Maintenance) -> None:
        self._db, self._resolver, self._listing, self._maintenance = db, resolver, listing, maintenance
        self._beside: set[asyncio.Future[object]] = set()
        resolver.listen(self._key_changed, self._key_seen)
        listing.listen(self._members_changed)
        db.listen(TOPIC, lambda _: self._later(self._catch_up()))

    async def accept_keys(self, did: str) -> None:
        """What an operator vouches for: the next document of this peer is taken as it is."""
        self._resolver.accept(did)
        await self._db.write(PROCESS, pins.forget, did)
        await self._maintenance.members_changed(frozenset((did,)))

    async def settled(self) -> None:
        """Once everything found so far is booked."""
        await asyncio.gather(*self._beside)

    async def _members_changed(self, dids: frozenset[str]) -> None:
        """What the list says anew of a member may be that a key is withdrawn: its kept document is not believed."""
        for did in dids:
            self._resolver.forget(did)
        await self._maintenance.members_changed(dids)

    async def _catch_up(self) -> None:
        """On a signal; what fails is looked at again by the job `kept-list`."""
        try:
            await self._listing.catch_up()
        except HanseError as error:
            log.warning("trust.list", why=str(error))

    def _key_seen(self, did: Did, keys: Mapping[str, frozenset[str]]) -> None:
        self._later(self._db.write(PROCESS, pins.keep, did, keys))

    def _key_changed(self, did: Did, before: frozenset[str], now: frozenset[str]) -> None:
        """The peer is on hold; each participant's log says so."""
        log.error("trust.key-change", did=did, before=sorted(before), now=sorted(now))
        self._later(self._maintenance.key_changed(did, before, now))

    def _later(self, work: Coroutine[object, object, object]) -> None:
        """The task is held so that nobody collects it."""
        task = asyncio.create_task(work, context=of_nobody())
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)
