"""Rules before they are published: the templates on offer, and who could use data under one of them today."""

import asyncio
from typing import Any, ClassVar

import msgspec
from aiohttp import web

from connector.data.catalogue.audience import Audiences
from connector.data.catalogue.service import Catalogue
from connector.data.catalogue.templates import templates
from connector.foundation.clock import Clock
from connector.foundation.storage.database import Database
from connector.identity.participants.service import Participants
from connector.kernel.policy.engine import PolicyEngine
from connector.surfaces.api.catalogue import RULE
from connector.surfaces.api.routes import PARTICIPANT, Route, get, post, problem_codes
from connector.surfaces.views.audience import AudienceView, audience
from connector.surfaces.views.template import TemplatesView, template


class AudienceRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A template with its values, or an `offer` that is published."""

    rule: str = ""
    slots: dict[str, str] = {}
    offer: str = ""


class AudienceHandlers:
    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        catalogue: Catalogue,
        audiences: Audiences,
        engine: PolicyEngine,
    ) -> None:
        self._db, self._clock, self._participants, self._catalogue = db, clock, participants, catalogue
        self._audiences, self._engine = audiences, engine

    async def templates(self, request: web.Request) -> TemplatesView:
        """All rule templates; those that could permit nobody here yet say why."""
        await self._participants.get(request.match_info["p"])
        now = self._clock.now()
        return TemplatesView([template(self._engine, one, now) for one in templates.templates()])

    @problem_codes({400: tuple(code for code in RULE if code != "policy.contradiction"), 404: ("catalogue.no-offer",)})
    async def audience(self, request: web.Request, wish: AudienceRequest) -> AudienceView:
        """Which members could use data under this rule today, and what three invented requesters would get."""
        it = (await self._participants.get(request.match_info["p"])).participant
        policy: dict[str, Any] = (
            (await self._db.read(it.id, self._catalogue.offered_by, it.id, wish.offer)).policy
            if wish.offer
            else templates.fill(wish.rule, wish.slots)
        )
        found = await asyncio.to_thread(self._audiences.of, policy, self._clock.now(), it.did)
        return audience(self._engine, found)

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PARTICIPANT}/templates", templates),
        post(f"{PARTICIPANT}/audience", audience),
    )
