"""`kill -9` of the authority between any two steps of a merger: said again, it is there once, and in one list."""

import asyncio

import pytest

from tests.dataspace.spaces.deaths import ANNA, BASE, BERT, WHEN, Walk, invited, through_all_deaths, walk
from tests.testkit.cities import Refused, Space
from tests.testkit.pair import patiently
from tests.testkit.patience import PATIENCE_S

pytestmark = [pytest.mark.threat("T57"), pytest.mark.threat("T122")]
DAY = "2026-01-01"
WHOLE = 0
"""The town that takes all others in."""


async def did_of(walk: Walk, at: int) -> str:
    return str((await walk.towns.api.get(f"/api/v1/participants/town-{at}"))["did"])


async def joined(walk: Walk, at: int) -> None:
    """A member, for good."""
    await invited(walk, at)
    await walk.apply(at, walk.links[at])
    await walk.approve(at)
    await walk.member(at)
    await listed(walk)


async def listed(walk: Walk) -> None:
    """The list of its own process names it: then it signs by a key that the authority knows."""
    async with asyncio.timeout(PATIENCE_S):
        while not any(row["jws"] for row in walk.towns.rows("SELECT jws FROM space_list")):
            await asyncio.sleep(0.05)


async def merged(walk: Walk, at: int) -> None:
    """Both say it and two people agree, each again until it was heard."""
    space = str((await patiently(lambda: walk.county.api.get(BASE)))["space"])
    part, whole = await did_of(walk, at), await did_of(walk, WHOLE)
    for slug, said in ((f"town-{at}", {"into": whole}), (f"town-{WHOLE}", {"member": part})):
        await heard(walk, f"/api/v1/participants/{slug}/spaces/merge", {"space": space, "since": DAY, **said})
    for who in (ANNA, BERT):
        try:
            await patiently(lambda who=who: walk.county.api.post(f"{BASE}/mergers/approve", {"did": part, "who": who}))
        except Refused as refused:
            if refused.problem["code"] != "spaces.merger-approved":
                raise


async def heard(walk: Walk, path: str, body: dict[str, str]) -> None:
    """While the authority is away the town is told so, and says it again."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await walk.towns.api.post(path, body)
                return
            except Refused as refused:
                if refused.status != 503:
                    raise
                await asyncio.sleep(0.05)


async def one_merger(walk: Walk, at: int) -> None:
    """Agreed to by two, each once; the log says each step once; no version of the list is missing or there twice."""
    part = await did_of(walk, at)
    found = (await patiently(lambda: walk.county.api.get(f"{BASE}/mergers")))["mergers"]
    (one,) = [each for each in found if each["did"] == part]
    assert (one["state"], len(one["approved_by"]), len(set(one["approved_by"]))) == ("approved", 2, 2)
    rows = walk.county.rows("SELECT record FROM audit_entry WHERE type = 'space' ORDER BY id")
    said = [str(row["record"]) for row in rows if part in str(row["record"])]
    for event, times in (("merger asked", 1), ("merger agreed", 1), ("merger approved", 2)):
        assert sum(event in each for each in said) == times, event
    made = walk.versions()
    assert made == list(range(1, len(made) + 1))


@pytest.mark.parametrize("when", WHEN)
async def test_a_merger_is_made_once(when: str, space: Space) -> None:
    async with walk(space) as made:
        await made.town(WHOLE)
        await joined(made, WHOLE)
        assert await through_all_deaths(made, when, joined, merged, one_merger) > 1
