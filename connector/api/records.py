"""Records of the log over the management surface: compared with partners, held, copied for a person, erased.

What a person asks for is weighed first and erased only when asked again with `sure`; the answer says what stays, why
and until when. Names never come here: a person is a pseudonym, whoever decides a role.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from connector.api import body
from connector.audit import holds, persons, retention_store, store
from connector.audit.erasure import Eraser, Order, Outcome
from connector.audit.retention import Kept, Stay, names
from connector.audit.retention_store import Hold
from connector.contracts import person_store
from connector.contracts.comparison_store import Compared
from connector.contracts.model import EvidenceObject
from connector.contracts.service import Contracts
from connector.delivery.keeping import Keeping
from connector.errors import Mistake
from connector.participants.service import Participants
from connector.storage.database import Database, Row, Tx

MOST_OBJECTS = 1_000
MOST_ERASURES = 500
MOST_AFTER = 1 << 53
"""Beyond any row: what is larger no database takes for a number."""


class HoldWish(msgspec.Struct, frozen=True, kw_only=True):
    """Without `agreement` everything of the participant is held."""

    role: str
    ground: str
    agreement: str | None = None


class Lifting(msgspec.Struct, frozen=True, kw_only=True):
    role: str
    ground: str


class ErasureWish(msgspec.Struct, frozen=True, kw_only=True):
    """`sure`: erase what may go; else only say what would. `after`: the `next` of the answer before."""

    role: str
    ground: str
    sure: bool = False
    after: Annotated[int, Meta(ge=0, lt=MOST_AFTER)] = 0


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
        """Records and signed objects that say the pseudonym (Art. 15 GDPR); more records from `?after=` its `next`."""
        slug, pseudonym = await self._slug(request), persons.checked(request.match_info["pseudonym"])
        after = _after(request.query.get("after", "0"))

        def unit(tx: Tx) -> dict[str, object]:
            found = persons.find(tx, slug, pseudonym, after)
            named = person_store.objects_holding(tx, slug, pseudonym, MOST_OBJECTS)
            objects = hers(named, pseudonym)
            return {
                "participant": self._did(slug), "pseudonym": pseudonym, "next": found.following,
                "complete": found.complete and len(named) < MOST_OBJECTS,
                "records": [{**_kept(record), "record": value} for record, value in found.records],
                "objects": [
                    {"agreement": agreement, "name": item.name, "sha256": item.sha256,
                     "object": msgspec.json.decode(item.body)}
                    for item, agreement in objects
                ],
            }  # fmt: skip

        return body.answer(await self._db.read(slug, unit))

    async def erase(self, request: web.Request) -> web.StreamResponse:
        """What goes and what stays (Art. 17 GDPR); 200 in either case, `erased` is 0 without `sure`.

        Of at most so many records as one answer tells; `next` says where to go on.
        """
        slug, pseudonym = await self._slug(request), persons.checked(request.match_info["pseudonym"])
        wish = await body.read(request, ErasureWish)
        order = Order(
            holds.checked(wish.role, holds.LONGEST_ROLE), holds.checked(wish.ground, holds.LONGEST_GROUND)
        )  # fmt: skip

        found = await self._db.read(slug, persons.find, slug, pseudonym, wish.after)
        entries = [record.id for record, _ in found.records]
        if wish.sure:
            await self._db.write(slug, self._release, slug, pseudonym)
            outcome = await self._eraser.forget(self._db, slug, entries, order)
        else:
            outcome = await self._db.read(slug, lambda tx: self._eraser.weigh(tx, slug, entries, asked=True))
        kept, all_of_them = await self._db.read(slug, self._signed, slug, pseudonym)
        told = {"complete": found.complete and all_of_them, "next": found.following, "objects": kept}
        return body.answer({**_outcome(outcome, wish.sure), **told})

    def _release(self, tx: Tx, slug: str, pseudonym: str) -> None:
        """Lets go of her approvals of agreements that are over, their period too, and of which no record is left."""
        store.alone(tx, slug)
        for _, agreement in hers(person_store.objects_holding(tx, slug, pseudonym, MOST_OBJECTS), pseudonym):
            stay = self._eraser.keeps(tx, slug, agreement)
            over = stay.why == "period" and stay.until is not None and stay.until <= tx.now
            if over and not retention_store.proven(tx, slug, agreement):
                person_store.release(tx, slug, agreement)

    def _signed(self, tx: Tx, slug: str, pseudonym: str) -> tuple[list[dict[str, object]], bool]:
        """The signed objects that say it, with why and until when they stay; whether these are all."""
        named = person_store.objects_holding(tx, slug, pseudonym, MOST_OBJECTS)
        told = []
        for item, agreement in hers(named, pseudonym):
            stay = self._eraser.keeps(tx, slug, agreement)
            told.append({"agreement": agreement, "name": item.name, **_why(stay)})
        return told, len(named) < MOST_OBJECTS

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


def _why(stay: Stay) -> dict[str, object]:
    return {"why": stay.why, "until": stay.until, "days": stay.days}


def _after(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16 and int(text) < MOST_AFTER):
        raise Mistake("records.after", value=text[:40])
    return int(text)


def _outcome(outcome: Outcome, sure: bool) -> dict[str, object]:
    def stay(record: Kept, why: Stay) -> dict[str, object]:
        return {**_kept(record), **_why(why)}

    return {
        "may": [_kept(record) for record in outcome.erased],
        "erased": len(outcome.erased) if sure else 0,
        "stays": [stay(record, why) for record, why in outcome.stays],
    }
