"""Records of the log over the management surface: compared with partners, held, erased; for a person see `persons`.

Names never come here: a person is a pseudonym, whoever decides a role.
"""

from collections.abc import Sequence

import msgspec
from aiohttp import web

from connector.api import body
from connector.api.persons import PersonHandlers
from connector.contracts.negotiation.service import Contracts
from connector.participants.service import Participants
from connector.privacy import holds, retention_store
from connector.privacy.jobs import RetentionJobs
from connector.privacy.retention_store import Hold
from connector.privacy.subject_access import Persons
from connector.reconciliation.store import Compared
from connector.storage.database import Database, Row, Tx

MOST_ERASURES = 500


class HoldWish(msgspec.Struct, frozen=True, kw_only=True):
    """Without `agreement` everything of the participant is held."""

    role: str
    ground: str
    agreement: str | None = None


class Lifting(msgspec.Struct, frozen=True, kw_only=True):
    role: str
    ground: str


class CompareWish(msgspec.Struct, frozen=True, kw_only=True):
    """One agreement (id or UUID), or the newest 100."""

    agreement: str | None = None


class RecordHandlers:
    def __init__(self, db: Database, participants: Participants, contracts: Contracts, keeping: RetentionJobs) -> None:
        self._db, self._participants, self._contracts, self._keeping = db, participants, contracts, keeping
        self._persons = PersonHandlers(Persons(db, keeping.eraser), self._slug, self._did)

    def routes(self) -> list[web.RouteDef]:
        base = "/api/v1/participants/{p}"
        return [
            web.get(f"{base}/comparisons", self.comparisons),
            web.post(f"{base}/comparisons", self.compare),
            web.get(f"{base}/holds", self.holds),
            web.post(f"{base}/holds", self.hold),
            web.post(f"{base}/holds/{{id}}/lift", self.lift),
            web.get(f"{base}/erasures", self.erasures),
            *self._persons.routes(),
        ]

    async def comparisons(self, request: web.Request) -> web.StreamResponse:
        slug = await self._slug(request)
        found = await self._db.read(slug, self._keeping.comparison.all, slug)
        return body.answer({"comparisons": [_compared(one) for one in found]})

    async def compare(self, request: web.Request) -> web.StreamResponse:
        """Asks the partners now; 200 with how it stands."""
        slug = await self._slug(request)
        wish = await body.read(request, CompareWish)
        found = await self._keeping.reconciling.now(slug, wish.agreement)
        return body.answer({"comparisons": [_compared(one) for one in found]})

    async def holds(self, request: web.Request) -> web.StreamResponse:
        slug = await self._slug(request)
        found = await self._db.read(slug, retention_store.holds, slug, holds.MOST)
        return body.answer({"holds": [_hold(one) for one in found]})

    async def hold(self, request: web.Request) -> web.StreamResponse:
        slug = await self._slug(request)
        wish = await body.read(request, HoldWish)

        def unit(tx: Tx) -> Hold:
            about = None if wish.agreement is None else self._contracts.agreements.named(tx, slug, wish.agreement).id
            return holds.put(tx, slug, about, wish.role, wish.ground, did=self._did(slug))

        return body.answer(_hold(await self._db.write(slug, unit)), 201)

    async def lift(self, request: web.Request) -> web.StreamResponse:
        slug = await self._slug(request)
        wish = await body.read(request, Lifting)
        lifted = await self._db.write(
            slug, holds.lift, slug, request.match_info["id"], wish.role, wish.ground, did=self._did(slug)
        )
        return body.answer(_hold(lifted))

    async def erasures(self, request: web.Request) -> web.StreamResponse:
        """What was erased of the log, and how much was cleared elsewhere, the newest first."""
        slug = await self._slug(request)

        def unit(tx: Tx) -> dict[str, object]:
            graves: Sequence[Row] = retention_store.tombstones(tx, slug, MOST_ERASURES)
            cleared: Sequence[Row] = retention_store.clearings(tx, slug, MOST_ERASURES)
            return {
                "erasures": [dict(row) for row in graves],
                "clearings": [{"at": row["at"], **_cleared(row["record"])} for row in cleared],
            }

        return body.answer(await self._db.read(slug, unit))

    async def _slug(self, request: web.Request) -> str:
        return (await self._participants.get(request.match_info["p"])).participant.id

    def _did(self, slug: str) -> str:
        return self._participants.held(slug).participant.did


def _compared(one: Compared) -> dict[str, object]:
    return {**msgspec.to_builtins(one), "findings": msgspec.to_builtins(one.findings)}


def _hold(one: Hold) -> dict[str, object]:
    return {**msgspec.to_builtins(one), "standing": one.lifted_at is None}


def _cleared(record: bytes) -> dict[str, object]:
    told = msgspec.json.decode(record)["body"]
    return {name: told[name] for name in ("cleared", "role", "ground")}
