"""Records of the log over the management surface: compared with partners, held, copied for a person, erased.

What a person asks for is weighed first and erased only when asked again with `sure`; the answer says what stays, why
and until when. Names never come here: a person is a pseudonym, whoever decides a role.
"""

from collections.abc import Sequence

import msgspec
from aiohttp import web

from connector.api import body
from connector.audit import holds, persons, retention_store
from connector.audit.erasure import Eraser, Order, Outcome
from connector.audit.retention import Kept, Stay, names
from connector.audit.retention_store import Hold
from connector.contracts import person_store
from connector.contracts.comparison_store import Compared
from connector.contracts.model import EvidenceObject
from connector.contracts.service import Contracts
from connector.delivery.keeping import Keeping
from connector.participants.service import Participants
from connector.storage.database import Database, Row, Tx

MOST_OBJECTS = 1_000
MOST_ERASURES = 500


class HoldWish(msgspec.Struct, frozen=True, kw_only=True):
    """Without `agreement` everything of the participant is held."""

    role: str
    ground: str
    agreement: str | None = None


class Lifting(msgspec.Struct, frozen=True, kw_only=True):
    role: str
    ground: str


class ErasureWish(msgspec.Struct, frozen=True, kw_only=True):
    """`sure`: erase what may go; else only say what would."""

    role: str
    ground: str
    sure: bool = False


class CompareWish(msgspec.Struct, frozen=True, kw_only=True):
    """One agreement (id or UUID), or the newest 100."""

    agreement: str | None = None


class RecordHandlers:
    def __init__(self, db: Database, participants: Participants, contracts: Contracts, keeping: Keeping) -> None:
        self._db, self._participants, self._contracts, self._keeping = db, participants, contracts, keeping

    @property
    def _eraser(self) -> Eraser:
        return self._keeping.eraser

    def routes(self) -> list[web.RouteDef]:
        base = "/api/v1/participants/{p}"
        return [
            web.get(f"{base}/comparisons", self.comparisons),
            web.post(f"{base}/comparisons", self.compare),
            web.get(f"{base}/holds", self.holds),
            web.post(f"{base}/holds", self.hold),
            web.post(f"{base}/holds/{{id}}/lift", self.lift),
            web.get(f"{base}/persons/{{pseudonym}}", self.person),
            web.post(f"{base}/persons/{{pseudonym}}/erase", self.erase),
            web.get(f"{base}/erasures", self.erasures),
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

    async def person(self, request: web.Request) -> web.StreamResponse:
        """All records and signed objects that say the pseudonym (Art. 15 GDPR)."""
        slug, pseudonym = await self._slug(request), persons.checked(request.match_info["pseudonym"])

        def unit(tx: Tx) -> dict[str, object]:
            found = persons.find(tx, slug, pseudonym)
            objects = hers(person_store.objects_holding(tx, slug, pseudonym, MOST_OBJECTS), pseudonym)
            return {
                "participant": self._did(slug), "pseudonym": pseudonym, "complete": found.complete,
                "records": [{**_kept(record), "record": value} for record, value in found.records],
                "objects": [
                    {"agreement": agreement, "name": item.name, "sha256": item.sha256,
                     "object": msgspec.json.decode(item.body)}
                    for item, agreement in objects
                ],
            }  # fmt: skip

        return body.answer(await self._db.read(slug, unit))

    async def erase(self, request: web.Request) -> web.StreamResponse:
        """What goes and what stays (Art. 17 GDPR); 200 in either case, `erased` is 0 without `sure`."""
        slug, pseudonym = await self._slug(request), persons.checked(request.match_info["pseudonym"])
        wish = await body.read(request, ErasureWish)
        order = Order(
            holds.checked(wish.role, holds.LONGEST_ROLE), holds.checked(wish.ground, holds.LONGEST_GROUND)
        )  # fmt: skip

        def unit(tx: Tx) -> dict[str, object]:
            found = persons.find(tx, slug, pseudonym)
            entries = [record.id for record, _ in found.records]
            outcome = (
                self._eraser.erase(tx, slug, entries, order, asked=True)
                if wish.sure
                else self._eraser.weigh(tx, slug, entries, asked=True)
            )
            objects = hers(person_store.objects_holding(tx, slug, pseudonym, MOST_OBJECTS), pseudonym)
            return {
                **_outcome(outcome, wish.sure), "complete": found.complete,
                "objects": [{"agreement": agreement, "name": item.name} for item, agreement in objects],
            }  # fmt: skip

        run = self._db.write if wish.sure else self._db.read
        return body.answer(await run(slug, unit))

    async def erasures(self, request: web.Request) -> web.StreamResponse:
        """What was erased, the newest first."""
        slug = await self._slug(request)
        found: Sequence[Row] = await self._db.read(slug, retention_store.tombstones, slug, MOST_ERASURES)
        return body.answer({"erasures": [dict(row) for row in found]})

    async def _slug(self, request: web.Request) -> str:
        return (await self._participants.get(request.match_info["p"])).participant.id

    def _did(self, slug: str) -> str:
        return self._participants.held(slug).participant.did


def hers(found: Sequence[tuple[EvidenceObject, str]], pseudonym: str) -> list[tuple[EvidenceObject, str]]:
    """Those that say it as a word of its own: a name that merely contains it is about somebody or something else."""
    return [(item, agreement) for item, agreement in found if names(msgspec.json.decode(item.body), pseudonym)]


def _compared(one: Compared) -> dict[str, object]:
    return {**msgspec.to_builtins(one), "findings": msgspec.to_builtins(one.findings)}


def _hold(one: Hold) -> dict[str, object]:
    return {**msgspec.to_builtins(one), "standing": one.lifted_at is None}


def _kept(record: Kept) -> dict[str, object]:
    return {
        "index": record.place, "type": record.type, "seq": record.seq, "at": record.at, "agreement": record.agreement,
    }  # fmt: skip


def _outcome(outcome: Outcome, sure: bool) -> dict[str, object]:
    def stay(record: Kept, why: Stay) -> dict[str, object]:
        return {**_kept(record), "why": why.why, "until": why.until}

    return {
        "may": [_kept(record) for record in outcome.erased],
        "erased": len(outcome.erased) if sure else 0,
        "stays": [stay(record, why) for record, why in outcome.stays],
    }
