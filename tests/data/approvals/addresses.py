"""The management surface of a town at an address, a steward's key for it, and the request that knocks at each door."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
from aiohttp import web

from connector.data.approvals.departed import Departures
from connector.data.approvals.publications import ChangedDataset, Draft, NewDataset
from connector.identity.accounts.directory import Directory
from connector.identity.accounts.password import Passwords
from connector.identity.accounts.people import People
from connector.identity.accounts.tokens import Tokens
from connector.identity.trust.members.trust_list import Anchor
from connector.surfaces.api.catalogue import CatalogueHandlers
from connector.surfaces.api.datasets import DatasetHandlers
from connector.surfaces.api.groups import GroupHandlers
from connector.surfaces.api.harvest import HarvestHandlers
from connector.surfaces.api.openapi import GROUPS, codes
from connector.surfaces.api.routes import application
from tests.data.approvals.doors import (
    DOORS,
    PAGE,
    TEMPLATE,
    TOWN,
    VILLAGE,
    World,
)
from tests.data.harvest.imports import catalogue
from tests.identity.accounts.people import person

TOLD = {
    f"{one.method} {one.path.replace('/api/v1/participants/{p}/', 'P/')}": codes(one)
    for group in GROUPS
    for one in group.routes
}
"""By the OpenAPI document: which codes each route refuses with, by their statuses."""
Client = Callable[[web.Application], Awaitable[Any]]
Sent = tuple[str, dict[str, str], Any]
"""The route as `OPENING` names it, what stands in its places, and its body: bytes, or what becomes JSON."""


class Imported:
    """The import of the world."""

    def __init__(self, w: World) -> None:
        self._harvest = w.harvest

    async def service(self) -> Any:
        return self._harvest


class Walk:
    """The surface of a town, and a key of a steward of whom nothing else is known."""

    def __init__(self, w: World) -> None:
        it, self.w = w.towns, w
        tokens, anchor, nobody = Tokens(it.db, it.participants), cast("Anchor", None), cast("Any", None)
        self.tokens, self.walked = tokens, set[str]()
        clock, participants, shared = it.clock, it.participants, it.catalogue
        self.application = application(
            [
                CatalogueHandlers(it.db, clock, participants, shared, it.audiences, nobody, it.engine),
                DatasetHandlers(it.db, participants, shared, it.contracts, anchor),
                HarvestHandlers(cast("Any", Imported(w)), it.db, it.imports),
                GroupHandlers(w.groups),
            ],
            tokens,
        )

    async def begin(self, aiohttp_client: Client) -> None:
        it = self.w.towns
        her = await person(it.db)
        people = People(it.db, it.participants, Passwords(memory_kib=8), Departures(it.participants))
        await people.grant(TOWN, "", her, "steward")
        (self.who,) = [one.pseudonym for one in await it.db.read(TOWN, Directory().members, TOWN)]
        it.people.roles[self.who] = {"steward"}
        self.key = await self.tokens.make_for(her, TOWN, "program", ["publish", "read"], 1)
        self.client = await aiohttp_client(self.application)

    async def gets(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        async with self.client.get(f"/api/v1/participants/{TOWN}/{path}", headers=headers) as answer:
            return await answer.json()

    async def sends(self, sent: Sent) -> str:
        """The code with which it is refused; empty if it is not. A run is waited for."""
        route, places, body = sent
        self.walked.add(route)
        method, path = route.split(" ")
        path = path.replace("P/", f"/api/v1/participants/{TOWN}/", 1).format(**places)
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": kind}
        async with self.client.request(method, path + places.get("?", ""), data=data, headers=headers) as answer:
            said = await answer.json()
        if answer.status == 202:
            await self.w.harvest._tasks[said["run"]]
            return (await self.w.harvest.run(TOWN, said["run"])).error
        assert answer.status < 500, (route, said)
        assert answer.status < 400 or said["code"] in TOLD[route][answer.status], (route, said)
        return said.get("code", "") if answer.status >= 400 else ""


def written(draft: Draft) -> Sent:
    """What a draft says, as a request of a program."""
    if isinstance(draft, NewDataset):
        return "POST P/datasets", {}, draft.wish
    uuid = {"uuid": draft.dataset.rpartition("/")[2]}
    return f"POST P/datasets/{{uuid}}/{'change' if isinstance(draft, ChangedDataset) else 'replace'}", uuid, draft.wish


def requests(w: World, name: str, what: Any) -> Sent:
    """The request that knocks at this door."""
    wish, member = DOORS[name].wish, {"did": w.towns.did(VILLAGE)}
    if wish is not None:
        return written(wish(w, what))
    answers = [{"kind": "licence", "value": "Nutzungsbedingungen", "answer": "dl-by-de/2.0"}]
    if name == "address imported":
        w.portal.pages[PAGE] = catalogue("known", "further")
    if name == "scheduled run":
        w.portal.pages[PAGE] = catalogue("known", title="Anders")
    others: dict[str, Callable[[], Sent]] = {
        "further offer": lambda: (
            "POST P/datasets/{uuid}/offers",
            {"uuid": what.uuid},
            {"rule": TEMPLATE, "slots": {"until": "31.12.2099"}},
        ),
        "file imported": lambda: ("POST P/imports", {"?": "?name=third.ttl"}, catalogue("fresh")),
        "address imported": lambda: ("POST P/imports/address", {}, {"url": PAGE}),
        "scheduled run": lambda: ("POST P/imports/address", {}, {"url": PAGE}),
        "answers": lambda: ("POST P/imports/answers", {}, {"answers": answers}),
        "repair undone": lambda: ("POST P/imports/undo", {}, {"rule": "language", "source": "portal.ttl"}),
        "repair taken up": lambda: (
            "POST P/imports/undo",
            {},
            {"rule": "language", "source": "second.ttl", "redo": True},
        ),
        "group widened": lambda: ("POST P/groups/{id}/members", {"id": "partner"}, member),
        "group of a draft widened": lambda: ("POST P/groups/{id}/members", {"id": what}, member),
    }
    return others[name]()
