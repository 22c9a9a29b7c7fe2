"""Mandates over the management surface: entrust a provider, look, withdraw (spec/mandates.md 1, 5)."""

from typing import Annotated, ClassVar, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from connector.exchange.mandates.model import Wish
from connector.exchange.mandates.service import Mandates
from connector.foundation.errors import Mistake
from connector.identity.trust.members.trust_list import millis
from connector.surfaces.api.participants import Enlist
from connector.surfaces.api.routes import PARTICIPANT, Route, get, post, problem_codes
from connector.surfaces.views import mandate as views

Line = Annotated[str, Meta(min_length=1, max_length=200)]


class MandateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`until` is RFC 3339 with a zone, at most five years ahead; `contract` refers to the processing contract."""

    agent: Annotated[str, Meta(max_length=512)]
    name: Line
    until: Annotated[str, Meta(max_length=40)]
    contract: Line
    actions: Annotated[tuple[Literal["negotiate", "publish", "serve"], ...], Meta(min_length=1, max_length=3)] = (
        "negotiate",
        "publish",
        "serve",
    )


class MandateWithdrawRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`own`: the participant acts itself from now on; else nobody does until a new mandate is given."""

    own: bool = False


class MandateHandlers:
    """`enlist`: in a development space the authority lists this participant's new keys."""

    def __init__(self, mandates: Mandates, enlist: Enlist) -> None:
        self._mandates, self._enlist = mandates, enlist

    @problem_codes({400: ("contracts.no-certificate", "mandates.agent", "mandates.until", "mandates.words")})
    async def give(self, request: web.Request, wish: MandateRequest) -> views.GivenView:
        """A provider acts for the participant from now on; a mandate before this one is replaced."""
        wanted = Wish(
            agent=wish.agent, name=wish.name, actions=wish.actions, until=_until(wish.until), contract=wish.contract
        )
        made = await self._mandates.give(request.match_info["p"], wanted)
        await self._enlist(made.mandate.participant)
        return views.given(made)

    async def all(self, request: web.Request) -> views.MandatesView:
        """The newest hundred, the newest first."""
        return views.mandates(await self._mandates.all(request.match_info["p"]))

    @problem_codes({404: ("mandates.none",)})
    async def one(self, request: web.Request) -> views.SealedMandateView:
        """As it was sealed."""
        return views.sealed(await self._mandates.one(request.match_info["p"], request.match_info["sha256"]))

    @problem_codes({400: ("mandates.own-already",), 404: ("mandates.none",)})
    async def withdraw(self, request: web.Request, wish: MandateWithdrawRequest) -> views.MandateView:
        """Ends the mandate at once; the same again is the same."""
        over = await self._mandates.withdraw(request.match_info["p"], own=wish.own)
        await self._enlist(over.participant)
        return views.mandate(over)

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PARTICIPANT}/mandates", all),
        post(f"{PARTICIPANT}/mandates", give, 201),
        get(f"{PARTICIPANT}/mandates/{{sha256}}", one),
        post(f"{PARTICIPANT}/mandates/withdraw", withdraw),
    )


def _until(text: str) -> int:
    try:
        return millis(text)
    except (ValueError, OverflowError) as cause:
        raise Mistake("mandates.until") from cause
