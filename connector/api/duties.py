"""Duties under an agreement, and the decisions about its transfers, over the management surface.

A duty is marked as done here and nowhere else: no peer can mark its own (spec/policy.md 2.4).
"""

import msgspec
from aiohttp import web

from connector.api import body
from connector.contracts.negotiation.service import Contracts
from connector.errors import Unknown
from connector.participants.service import Participants
from connector.policy.engine import LANGUAGES, PolicyEngine
from connector.storage.database import Database, Tx
from connector.transfer.decision import decision_store
from connector.transfer.decision.decision_store import Entry, KeptDecision
from connector.transfer.duties import Done, Duties, DutyNow

STEWARD = "steward"


class DutyHandlers:
    def __init__(
        self, db: Database, participants: Participants, contracts: Contracts, duties: Duties, judge: PolicyEngine
    ) -> None:  # fmt: skip
        self._db, self._participants, self._contracts = db, participants, contracts
        self._deeds, self._judge = duties, judge

    def routes(self) -> list[web.RouteDef]:
        base = "/api/v1/participants/{p}"
        return [
            web.get(f"{base}/agreements/{{id}}/duties", self.duties),
            web.post(f"{base}/agreements/{{id}}/duties", self.done),
            web.get(f"{base}/transfers/{{id}}/decisions", self.decisions),
            web.get(f"{base}/decisions/{{id}}", self.decision),
        ]

    async def duties(self, request: web.Request) -> web.StreamResponse:
        """How each duty stands now (`duties`), and what was done so far (`deeds`)."""
        slug, name = await self._slug(request), request.match_info["id"]
        return body.answer(await self._db.read(slug, self._shown, slug, name))

    async def done(self, request: web.Request) -> web.StreamResponse:
        """Marks a duty as done: 201 with the same as `duties`."""
        slug, name = await self._slug(request), request.match_info["id"]
        told = await body.read(request, Done)

        def unit(tx: Tx) -> dict[str, object]:
            self._deeds.done(tx, slug, name, told, STEWARD)
            return self._shown(tx, slug, name)

        return body.answer(await self._db.write(slug, unit), 201)

    async def decisions(self, request: web.Request) -> web.StreamResponse:
        """Those about one transfer that are still kept, the newest first, without their worlds."""
        slug, name = await self._slug(request), request.match_info["id"]
        process = name if ":" in name else f"urn:uuid:{name}"
        found = await self._db.read(slug, decision_store.decisions, slug, process)
        return body.answer({"decisions": [_brief(ruled) for ruled in found]})

    async def decision(self, request: web.Request) -> web.StreamResponse:
        """A decision with all that it was made from: `record`, `world` and `policy`, to be explained and replayed."""
        slug, name = await self._slug(request), request.match_info["id"]

        def look(tx: Tx) -> dict[str, object]:
            ruled = decision_store.decision(tx, slug, name)
            if ruled is None:
                raise Unknown("duties.no-decision", id=name[:80])
            policy = self._contracts.agreements.get(tx, slug, ruled.agreement).policy
            whole = {"record": msgspec.Raw(ruled.record.encode()), "world": msgspec.Raw(ruled.world.encode())}
            return {**_brief(ruled), **whole, "policy": policy}

        return body.answer(await self._db.read(slug, look))

    async def _slug(self, request: web.Request) -> str:
        return (await self._participants.get(request.match_info["p"])).participant.id

    def _shown(self, tx: Tx, slug: str, name: str) -> dict[str, object]:
        agreement = self._contracts.agreements.named(tx, slug, name)
        return {
            "agreement": agreement.id,
            "role": agreement.role,
            "first_access": agreement.first_access,
            "duties": [self._duty(duty) for duty in self._deeds.standing(tx, slug, agreement.id)],
            "deeds": [self._deed(deed) for deed in self._deeds.entries(tx, slug, agreement.id)],
        }

    def _duty(self, duty: DutyNow) -> dict[str, object]:
        return {**msgspec.to_builtins(duty), "label": self._label(duty.action)}

    def _deed(self, deed: Entry) -> dict[str, object]:
        return {**msgspec.to_builtins(deed), "label": self._label(deed.action)}

    def _label(self, action: str) -> dict[str, str]:
        return {lang: self._judge.words(lang).action_text(action) for lang in LANGUAGES}


def _brief(ruled: KeptDecision) -> dict[str, object]:
    return {
        "id": ruled.id, "agreement": ruled.agreement, "process": ruled.process, "phase": ruled.phase,
        "permit": ruled.permit, "at": ruled.at,
    }  # fmt: skip
