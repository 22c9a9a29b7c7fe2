"""`kill -9` between any two steps of an invitation, an application and its approval: afterwards each is there once.

The authority's process dies just before or just after each commit of its participant until an act has no commit left; a
person looks whether she was heard before she repeats herself.
"""

import pytest

from tests.dataspace.spaces.deaths import WHEN, Walk, invited, through_all_deaths, walk
from tests.testkit.cities import Space

pytestmark = pytest.mark.threat("T57")


async def nothing(walk: Walk, at: int) -> None:
    """There is nothing to prepare."""


async def one_invitation(walk: Walk, at: int) -> None:
    """One is open, and its link leads in."""
    assert [one["state"] for one in await walk.invitations(at)].count("open") == 1
    await walk.apply(at, walk.links[at])
    assert [one["state"] for one in await walk.applications(at)] == ["pending"]


async def applied(walk: Walk, at: int) -> None:
    await walk.apply(at, walk.links[at])


async def one_application(walk: Walk, at: int) -> None:
    """It is there once, its invitation is used, and the log says so once."""
    assert [one["state"] for one in await walk.applications(at)] == ["pending"]
    assert [one["state"] for one in await walk.invitations(at)] == ["used"]


async def prepared(walk: Walk, at: int) -> None:
    await invited(walk, at)
    await applied(walk, at)


async def approved(walk: Walk, at: int) -> None:
    await walk.approve(at)


async def one_member(walk: Walk, at: int) -> None:
    """Two people agreed, each once, and no version of the list is missing or there twice."""
    await walk.member(at)
    (one,) = await walk.applications(at)
    assert len(one["approved_by"]) == len(set(one["approved_by"])) == 2
    made = walk.versions()
    assert made == list(range(1, len(made) + 1))


@pytest.mark.long
@pytest.mark.parametrize("when", WHEN)
async def test_an_invitation_is_made_once(when: str, space: Space) -> None:
    async with walk(space) as made:
        assert await through_all_deaths(made, when, nothing, invited, one_invitation) > 1


@pytest.mark.long
@pytest.mark.parametrize("when", WHEN)
async def test_an_application_arrives_once(when: str, space: Space) -> None:
    async with walk(space) as made:
        assert await through_all_deaths(made, when, invited, applied, one_application) > 1


@pytest.mark.parametrize("when", WHEN)
async def test_an_approval_makes_one_member(when: str, space: Space) -> None:
    async with walk(space) as made:
        assert await through_all_deaths(made, when, prepared, approved, one_member) > 1
