"""`kill -9` between any two steps of a move between two processes, on either side: it ends by the same commands, with
everything once, and works at no moment at both places.

One of the two dies just before or just after each commit of its participant until a move has no commit left.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest

from tests.testkit import crash
from tests.testkit.cities import MUNICIPALITY, Refused, Space
from tests.testkit.pair import patiently, revived
from tests.testkit.processes import Process

pytestmark = [pytest.mark.threat("T110"), pytest.mark.long]
"""A death costs a start of the process; in one process `test_arrival_crash` walks the same way in a second."""
CONTENT = b"art;hoehe\nLinde;12\n" * 50
BOTH = [(side, when) for side in ("old", "new") for when in ("before", "after")]
TABLES = ("dataset", "offer", "source")


class Walk:
    """The present operator and the new one."""

    def __init__(self, old: Process, new: Process) -> None:
        self.old, self.new = old, new

    async def town(self, slug: str) -> list[dict[str, Any]]:
        """A town with a file and an offer; its rows."""
        base, api = f"/api/v1/participants/{slug}", self.old.api
        await api.post("/api/v1/participants", {"slug": slug, "name": slug, "kind": MUNICIPALITY})
        source = await api.post(f"{base}/files?name=baeume.csv", data=CONTENT)
        wish = {"title": "Bäume", "rule": "municipal-purpose", "slots": {"until": "31.12.2099"}, **source}
        await api.post(f"{base}/datasets", wish)
        return self.kept(self.old, slug)

    def kept(self, process: Process, slug: str) -> list[dict[str, Any]]:
        asked = (f"SELECT id FROM {table} WHERE participant = ? ORDER BY id" for table in TABLES)
        return [row for query in asked for row in process.rows(query, slug)]

    def working(self, slug: str) -> list[str]:
        """Where it works now."""
        query = "SELECT state FROM participant WHERE id = ? AND state = 'active'"
        return [name for name in ("old", "new") if getattr(self, name).rows(query, slug)]

    async def move(self, slug: str) -> None:
        """All commands, each until it is answered; whoever dies leaves it at one place or at none."""
        old, new = f"/api/v1/participants/{slug}/move", f"/api/v1/arrivals/{slug}"
        there = await patiently(lambda: self.new.api.post("/api/v1/arrivals", {"slug": slug}))
        wish = {"to": there["address"], "fingerprint": there["fingerprint"]}
        await self.step(slug, lambda: self.old.api.post(old, wish))
        archive = await self.step(slug, lambda: self.old.api.get(f"{old}/archive"))
        taken = await self.step(slug, lambda: self.new.api.post(f"{new}/archive", data=archive))
        said = {"receipt": taken["receipt"]}
        handed = await self.step(slug, lambda: self.old.api.post(f"{old}/hand-over", said))
        await self.step(slug, lambda: self.new.api.post(f"{new}/begin", {"statement": handed["statement"]}))

    async def step(self, slug: str, call: Any) -> Any:
        answer = await patiently(call)
        assert len(self.working(slug)) <= 1
        return answer

    async def arrived(self, slug: str, before: list[dict[str, Any]]) -> None:
        """All of it is there once and nowhere else in force, its log without a gap, its file whole."""
        assert self.working(slug) == ["new"]
        assert self.kept(self.new, slug) == before
        leaves = self.new.rows("SELECT leaf FROM audit_entry WHERE participant = ?", slug)
        was = self.old.rows("SELECT leaf FROM audit_entry WHERE participant = ?", slug)
        assert len(leaves) == len({row["leaf"] for row in leaves}) == len(was) + 2
        assert not self.new.rows("SELECT 1 FROM person")
        with pytest.raises(Refused) as refused:
            await patiently(lambda: self.old.api.post(f"/api/v1/participants/{slug}/move/stay"))
        assert refused.value.problem["code"] == "moving.handed"


@asynccontextmanager
async def walk(space: Space, victim: str) -> AsyncIterator[Walk]:
    old, new = (Process(space.prepared(name), *([crash.PROGRAM] if name == victim else [])) for name in ("old", "new"))
    await asyncio.gather(old.start(), new.start())
    try:
        yield Walk(old, new)
    finally:
        await asyncio.gather(old.close(), new.close())


async def through_all_deaths(made: Walk, victim: str, when: str) -> int:
    """A town for each step, then its move with a side that dies there; how far it went."""
    process = getattr(made, victim)
    for step in count(1):
        slug = f"town-{step}"
        before = await made.town(slug)
        assert await process.say(f"{when} {step}") == "armed"
        async with revived(process) as codes:
            await made.move(slug)
        await made.arrived(slug, before)
        if not codes:
            return step
        assert codes == [-9], f"step {step}"
    raise AssertionError


@pytest.mark.parametrize(("victim", "when"), BOTH)
async def test_either_side_dies_at_every_step(space: Space, victim: str, when: str) -> None:
    async with walk(space, victim) as made:
        assert await through_all_deaths(made, victim, when) > 3
