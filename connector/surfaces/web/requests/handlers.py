"""Asking for a dataset, and following what becomes of it: asked, checked, signed, ready."""

import asyncio
from typing import Any, ClassVar, Final

from aiohttp import web

from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.negotiation.service import Contracts
from connector.foundation.errors import Mistake
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Database
from connector.surfaces.requests.progress import ORDER, Progress, ProgressView
from connector.surfaces.requests.service import Requests
from connector.surfaces.requests.terms import NegotiationRequest
from connector.surfaces.views.members import Members
from connector.surfaces.web.call import Call
from connector.surfaces.web.render import STOP_POLLING, page, to
from connector.surfaces.web.routes import TOWN, Route, get, post
from connector.surfaces.web.session import READERS

WAITS: Final = 12
"""Looks at a request that was sent just now, a quarter of a second apart: most are ready when the page comes."""
LOOK_S: Final = 0.25
LONGEST: Final = 500


class RequestPages:
    def __init__(
        self, db: Database, requests: Requests, progress: Progress, contracts: Contracts, members: Members
    ) -> None:
        self._db, self._requests, self._progress, self._contracts = db, requests, progress, contracts
        self._members = members

    async def all(self, call: Call) -> web.StreamResponse:
        """The page of requests, those that changed last first."""
        found = await self._progress.all(call.town)
        return await page(call, "requests/list.html", title=call.say("web.requests.title"), found=found)

    async def ask(self, call: Call) -> web.StreamResponse:
        """What was read is asked for; the data are fetched as soon as there is a contract."""
        said = call.form.text
        if said("asks-purpose") and not said("purpose"):
            raise Mistake("web.field", pointer=call.say("web.find.purpose"))
        known = call.person.pseudonyms.get(call.slug)
        wish = NegotiationRequest(
            provider=said("provider"),
            dataset=said("dataset"),
            offer=said("offer") or None,
            terms=said("terms"),
            data=said("data"),
            purpose=said("purpose") or None,
            approval=None if known is None else Approval(role="steward", pseudonym=known),
        )
        row = await self._requests.ask(call.town, wish, deliver=True, sure=True)
        await self._settled(call, row.id)
        return to(call.at("requests", _uuid(row.id)))

    async def one(self, call: Call) -> web.StreamResponse:
        """How it stands, the terms that were asked for, and the file."""
        found = await self._progress.of(call.town, call.param("id"))
        return await page(
            call,
            "requests/one.html",
            title=found.negotiation.title or found.negotiation.dataset,
            found=found,
            crumbs=[(call.say("web.requests.title"), call.at("requests"))],
            **_view(call, found),
        )

    async def progress(self, call: Call) -> web.StreamResponse:
        """The part of the page that changes."""
        found = await self._progress.of(call.town, call.param("id"))
        status = STOP_POLLING if found.rests else 200
        return await page(call, "requests/progress.html", status, found=found, **_view(call, found))

    async def withdraw(self, call: Call) -> web.StreamResponse:
        """Ends a request that is still under way."""
        found = await self._progress.of(call.town, call.param("id"))
        said = plain(call.form.text("reason"), LONGEST) or call.say("web.requests.withdrawn")
        reason = {"de": [said], "en": [said]}
        name = found.negotiation.id
        await self._db.write(call.slug, self._contracts.terminate, call.slug, name, "operator", reason)
        return to(call.at("requests", _uuid(name)))

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{TOWN}/requests", all, *READERS),
        post(f"{TOWN}/requests", ask, "steward"),
        get(f"{TOWN}/requests/{{id}}", one, *READERS),
        get(f"{TOWN}/requests/{{id}}/progress", progress, *READERS),
        post(f"{TOWN}/requests/{{id}}/withdraw", withdraw, "steward"),
    )

    async def _settled(self, call: Call, name: str) -> None:
        """Waits a moment for what comes by itself."""
        for _ in range(WAITS):
            if (await self._progress.of(call.town, name)).rests:
                return
            await asyncio.sleep(LOOK_S)


def _uuid(name: str) -> str:
    return name.removeprefix("urn:uuid:")


def _view(call: Call, found: ProgressView) -> dict[str, Any]:
    name = _uuid(found.negotiation.id)
    transfer = found.transfer
    return {
        "steps": [call.say(f"status.step.{one}") for one in ORDER],
        "uuid": name,
        "poll": "" if found.rests else call.at("requests", name, "progress"),
        "delivery": "" if transfer is None else call.at("deliveries", _uuid(transfer.id)),
        "file": "" if transfer is None or found.stage != "ready" else call.at("deliveries", _uuid(transfer.id), "file"),
        "may": "steward" in call.roles,
    }
