"""The table of routes: what a request may say beside its path."""

from typing import ClassVar

from aiohttp import web

from connector.surfaces.api.routes import Query, Route, application, get, post

DATASETS = "/api/v1/participants/{p}/datasets"
HERE = DATASETS.format(p="musterstadt")


class Group:
    """Tells which datasets were asked for, and counts what was taken in."""

    taken: ClassVar[list[str]] = []

    async def tell(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text=request.query.get("theme", "all"))

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.taken.append(await request.text())
        return web.Response(text="taken")

    routes: ClassVar[tuple[Route, ...]] = (
        get(DATASETS, tell, Query("theme", "Only these."), Query("page", "Which."), media="text/plain"),
        post(DATASETS, take, takes="text/plain", media="text/plain"),
    )


async def test_bug_a_filter_that_was_misspelt_answered_with_everything(aiohttp_client) -> None:  # type: ignore[no-untyped-def]
    """>> a parameter of the route, one that is nearly it, one where there is none << answered; refused with those that
    there are, and nothing is taken in."""
    client = await aiohttp_client(application([Group()]))
    assert await (await client.get(f"{HERE}?theme=ENVI&theme=TRAN")).text() == "ENVI"
    refused = await client.get(f"{HERE}?theme=ENVI&Page=2")
    told = await refused.json()
    assert (refused.status, told["code"]) == (400, "api.query")
    assert told["reason"]["en"] == (
        "There is no parameter “Page” here. Possible are: theme, page. Please correct it or leave it out."
    )
    odd = await (await client.get(f"{HERE}?%E2%80%AEa%1Bb=1")).json()
    assert odd["reason"]["en"].startswith("There is no parameter “a b” here.")
    assert (await client.head(f"{HERE}?them=ENVI")).status == 400
    none = await client.post(f"{HERE}?name=a", data="x")
    assert (none.status, (await none.json())["code"]) == (400, "api.no-query")
    assert Group.taken == []
    assert (await client.post(HERE, data="x")).status == 200
