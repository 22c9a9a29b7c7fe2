"""Neighbours that compare their logs: towns whose doors have the route of comparison; answers may be bent."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from connector.continuity.privacy.jobs import RetentionJobs
from connector.exchange.contracts.model import Agreement
from connector.exchange.reconciliation.store import Compared
from connector.foundation.http.outbound import Answer
from connector.foundation.settings.load import Retention
from connector.foundation.storage.database import Tx
from connector.identity.audit import sealer
from connector.identity.audit import store as audit
from connector.surfaces.peer.evidence.reconcile import ReconcileHandlers
from connector.surfaces.peer.routes import Surface
from tests.testkit.door import Door
from tests.testkit.towns import Towns

PATH = "/evidence/reconcile"
CONSUMER, PROVIDER = "nachbardorf", "musterstadt"
Bend = Callable[[dict[str, Any]], Any]


class Neighbours(Door):
    """The towns' doors with the route of comparison, and the errand of each town behind `keeping`."""

    def __init__(self, towns: Towns) -> None:
        super().__init__(towns)
        exchange = self.exchange
        table = [*self.routes, *ReconcileHandlers(exchange, towns.contracts, towns.clock).routes()]
        self._answer = Surface(table, towns.participants, self._caller, exchange.refused).answer
        self.towns = towns
        self.bend: Bend | None = None
        self.fails: list[Exception | int] = []
        self.asked: list[dict[str, Any]] = []
        self.without_keys: set[str] = set()
        self.keeping = RetentionJobs(
            towns.db, towns.clock, towns.participants, towns.contracts.agreements, Retention(), self.ask, self.log_keys
        )

    async def ask(self, slug: str, did: str, body: bytes) -> Answer:
        self.asked.append(json.loads(body))
        if self.fails:
            failure = self.fails.pop(0)
            if isinstance(failure, Exception):
                raise failure
            return Answer(failure, {}, b"{}")
        reply = await self.call("POST", slug, did.rpartition(":")[2], PATH, body)
        if self.bend is None or reply.status != 200:
            return Answer(reply.status, {}, reply.body)
        value = json.loads(reply.body)
        bent = self.bend(value)
        return Answer(200, {}, json.dumps(value if bent is None else bent).encode())

    def log_keys(self, did: str, own: str) -> list[Mapping[str, object]]:
        slug = did.rpartition(":")[2]
        if slug in self.without_keys:
            return []
        hosted = self.towns.participants.held(slug)
        return [key.public_jwk for key in hosted.keys if key.purpose in ("log", "log-pq")]

    async def seal(self) -> None:
        for hosted in await self.towns.participants.all():
            signers = [hosted.signers[purpose] for purpose in ("log", "log-pq") if purpose in hosted.signers]
            await sealer.seal(self.towns.db, hosted.participant.id, hosted.participant.root, signers)

    async def compare(self, slug: str, agreement: Agreement) -> Compared:
        """Seals both logs, lets `slug` ask, and says how it stands there."""
        await self.seal()
        [found] = await self.keeping.reconciling.now(slug, agreement.id)
        return found

    async def alarms(self, slug: str) -> list[dict[str, Any]]:
        rows = await self.towns.rows(
            slug, "SELECT record FROM audit_entry WHERE participant = :participant AND type = 'alarm' ORDER BY id"
        )
        return [json.loads(row["record"])["body"] for row in rows]

    async def log(self, slug: str, type_: str, agreement: Agreement, /, *, at: int | None = None, **body: Any) -> None:
        def unit(tx: Tx) -> None:
            audit.append(tx, slug, type_, agreement.id, "system", body, did=self.towns.did(slug), at=at)

        await self.towns.db.write(slug, unit)


@pytest.fixture
async def both(towns: Towns) -> Neighbours:
    """Two towns that ask each other for their logs."""
    return Neighbours(towns)


@pytest.fixture
async def agreement(both: Neighbours) -> Agreement:
    """One between them."""
    return await both.towns.concluded(CONSUMER, PROVIDER)
