"""An authority of a space that is killed before or after each commit, and towns that want something of it meanwhile."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import aiohttp
import pytest

from tests.dataspace.spaces.conftest import COUNTY, COUNTY_KIND, PEOPLE, UNLISTED
from tests.testkit import crash
from tests.testkit.cities import MUNICIPALITY, Refused, Space
from tests.testkit.pair import patiently, revived
from tests.testkit.patience import PATIENCE_S
from tests.testkit.processes import Process

STRIDE = 1 if os.environ.get("HANSE_LONG") == "1" else 4
"""A death costs a start of the process: only long runs take every step."""
WHEN = ["after", pytest.param("before", marks=pytest.mark.long)]
BASE = f"/api/v1/participants/{COUNTY}/space"
ANNA, BERT = PEOPLE[:2]
HEARD = ("spaces.twice", "approvals.approved")
"""What somebody is told who was heard, and whose answer got lost."""
Act = Callable[["Walk", int], Awaitable[None]]


class Walk:
    """An authority that dies, and a process with a town for each death."""

    def __init__(self, county: Process, towns: Process) -> None:
        self.county, self.towns = county, towns
        self.fingerprint, self.links = "", dict[int, str]()

    async def found(self) -> None:
        await self.county.api.post("/api/v1/participants", {"slug": COUNTY, "name": "Kreis", "kind": COUNTY_KIND})
        said = await self.county.api.post(BASE, {"name": "Musterkreis", "rules": {"approvals": 2}})
        self.fingerprint = said["fingerprint"]
        for login in (ANNA, BERT):
            await self.county.api.post("/api/v1/people", {"login": login, "name": login})
            role = {"login": login, "role": "steward", "participant": COUNTY}
            await self.county.api.post("/api/v1/people/role", role)

    async def town(self, at: int) -> str:
        slug = f"town-{at}"
        await self.towns.api.post("/api/v1/participants", {"slug": slug, "name": slug, "kind": MUNICIPALITY})
        return slug

    async def invite(self, at: int) -> str:
        """The link; an invitation whose link nobody saw is withdrawn, as a person does who finds it in the list."""
        while True:
            open_ = [one for one in await self.invitations(at) if one["state"] == "open"]
            for one in open_:
                await patiently(lambda one=one: self.county.api.post(f"{BASE}/invitations/{one['id']}/withdraw"))
            try:
                made = await self.county.api.post(f"{BASE}/invitations", {"name": f"town-{at}"})
                return str(made["link"])
            except aiohttp.ClientError:  # the process has died, and what it had made is looked for
                await asyncio.sleep(0.05)

    async def invitations(self, at: int) -> list[Any]:
        found = await patiently(lambda: self.county.api.get(f"{BASE}/invitations"))
        return [one for one in found["invitations"] if one["name"] == f"town-{at}"]

    async def apply(self, at: int, link: str) -> None:
        body = {"link": link, "fingerprint": self.fingerprint}
        spaces = f"/api/v1/participants/town-{at}/spaces"
        async with asyncio.timeout(PATIENCE_S):
            while (await patiently(lambda: self.towns.api.post(spaces, body)))["state"] == "applying":
                await asyncio.sleep(0.05)

    async def applications(self, at: int) -> list[Any]:
        found = await patiently(lambda: self.county.api.get(f"{BASE}/applications"))
        return [one for one in found["applications"] if one["invited"] == f"town-{at}"]

    async def approve(self, at: int) -> None:
        (one,) = await self.applications(at)
        for login in (ANNA, BERT):
            await self._yes(one["id"], login)

    async def _yes(self, application: str, login: str) -> None:
        try:
            await patiently(lambda: self.county.api.post(f"{BASE}/applications/{application}/approve", {"who": login}))
        except Refused as refused:
            if refused.problem["code"] not in HEARD:
                raise

    async def member(self, at: int) -> None:
        """Once on the newest list, once in the log, and the town knows it."""
        space = f"{(await patiently(lambda: self.county.api.get(BASE)))['space']}"
        progress = f"/api/v1/participants/town-{at}/spaces/progress"
        async with asyncio.timeout(PATIENCE_S):
            while (await self.towns.api.post(progress, {"space": space}))["state"] != "member":
                await asyncio.sleep(0.05)
        found = await patiently(lambda: self.county.api.get(f"{BASE}/members"))
        assert [one["state"] for one in found["members"] if one["name"] == f"town-{at}"] == ["active"]
        votes = self.county.rows("SELECT state FROM space_application ORDER BY asked_at")
        assert {row["state"] for row in votes} == {"approved"}

    def versions(self) -> list[int]:
        rows = self.county.rows("SELECT version FROM space_version WHERE jws IS NOT NULL ORDER BY version")
        return [int(row["version"]) for row in rows]


@asynccontextmanager
async def walk(space: Space) -> AsyncIterator[Walk]:
    county = Process(space.prepared("county"), crash.PROGRAM, UNLISTED)
    towns = Process(space.prepared("towns"), environ=UNLISTED)
    await asyncio.gather(county.start(), towns.start())
    try:
        made = Walk(county, towns)
        await made.found()
        yield made
    finally:
        await asyncio.gather(county.close(), towns.close())


async def through_all_deaths(walk: Walk, when: str, prepare: Act, act: Act, judge: Act) -> int:
    """A town for each step, then the act at an authority that dies there; how far it went."""
    for step in count(1, STRIDE):
        await walk.town(step)
        await prepare(walk, step)
        assert await walk.county.say(f"{when} {step}") == "armed"
        async with revived(walk.county) as codes:
            await act(walk, step)
        await judge(walk, step)
        if not codes:
            return step
        assert codes == [-9], f"step {step}"
    raise AssertionError


async def invited(walk: Walk, at: int) -> None:
    walk.links[at] = await walk.invite(at)
