"""The delivery that a person ordered with her request: the data are fetched as soon as the contract is in force.

An errand of the outbox in a stream of its own, so that it outlives the browser, a restart and an approval that takes
days. It looks whether there is a contract, more and more seldom, and asks for the data once.
"""

from typing import Final

import msgspec
from msgspec import Struct

from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.contracts.partner import Partner
from connector.exchange.delivery.worker import RetryAfter
from connector.exchange.transfer.service import Transfers
from connector.foundation.clock import Clock
from connector.foundation.errors import Unknown
from connector.foundation.storage import outbox
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.identity.jobs.work import Work
from connector.surfaces.requests.peers import Peers

KIND: Final = "first-delivery"
SOON_MS: Final = 400
LATER_MS: Final = 60_000
GIVEN_UP_MS: Final = 90 * 86_400_000
"""A request that nobody answered in so long is not waited for any more."""


class Order(Struct, frozen=True):
    """The body of the errand; `process` is the negotiation, as in other errands."""

    process: str
    to: str = ""


def order(tx: Tx, slug: str, negotiation: str) -> None:
    """In the transaction that asks."""
    body = msgspec.json.encode(Order(negotiation))
    outbox.put(
        tx,
        participant=slug,
        stream=f"{KIND}:negotiation:{slug}:{negotiation}",
        kind=KIND,
        body=body,
        due_at=tx.now + SOON_MS,
    )


class FirstDelivery:
    """Handler of the errand."""

    def __init__(self, db: Database, clock: Clock, contracts: Contracts, transfers: Transfers, peers: Peers) -> None:
        self._db, self._clock, self._contracts, self._transfers, self._peers = db, clock, contracts, transfers, peers

    @property
    def work(self) -> Work:
        return Work(handlers={KIND: self.handle})

    async def handle(self, row: OutboxRow) -> None:
        slug, negotiation = row.participant, msgspec.json.decode(row.body, type=Order).process
        acting = await self._db.read(slug, self._acting, slug, negotiation)
        if acting is None:
            if self._clock.now() - row.created_at < GIVEN_UP_MS and await self._open(slug, negotiation):
                raise RetryAfter(self._clock.now() + self._pause(row))
            await self._db.write(slug, outbox.finish, row)
            return
        partner = await self._peers.partner(slug, acting)
        await self._db.write(slug, self._ordered, row, partner, negotiation)

    def _pause(self, row: OutboxRow) -> int:
        """As a person waits: twice a second in the first seconds, once a minute after that."""
        age = self._clock.now() - row.created_at
        return min(max(SOON_MS, age // 10), LATER_MS)

    async def _open(self, slug: str, negotiation: str) -> bool:
        try:
            found = await self._db.read(slug, self._contracts.get, slug, negotiation)
        except Unknown:
            return False
        return found.shown != "TERMINATED"

    def _acting(self, tx: Tx, slug: str, negotiation: str) -> str | None:
        """Who stands in the provider's place; None while there is no contract in force."""
        try:
            row = self._contracts.get(tx, slug, negotiation)
        except Unknown:
            return None
        if row.shown != "FINALIZED" or row.agreement is None:
            return None
        agreement = self._contracts.agreements.named(tx, slug, row.agreement)
        return self._contracts.agreements.acting(tx, agreement) if agreement.in_force else None

    def _ordered(self, tx: Tx, row: OutboxRow, partner: Partner, negotiation: str) -> None:
        """Once, whatever dies: the row is finished in the transaction that asks for the data."""
        found = self._contracts.get(tx, row.participant, negotiation)
        if not outbox.finish(tx, row) or found.agreement is None:
            return
        if not self._transfers.all(tx, row.participant, found.agreement):
            self._transfers.request(tx, row.participant, partner, found.agreement, found.purpose, found.action)
