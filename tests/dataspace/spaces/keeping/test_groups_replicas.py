"""Groups where a process of the authority dies, and where it has two of them."""

import asyncio

import pytest

from tests.cities.sharing import replicas
from tests.dataspace.spaces.conftest import COUNTY, COUNTY_KIND, TOWN, UNLISTED, County, joined
from tests.dataspace.spaces.grouped import ANNA, FOREST, begun, known, listed, wish
from tests.postgres import Cluster
from tests.testkit.cities import City, Space


@pytest.mark.threat("T107")
async def test_whoever_dies_before_the_list_is_made_forgets_nothing(space: Space, town: City) -> None:
    """>> a town agrees, the process of the authority dies before the list says so; it leaves, and that dies too
    << each is in the first list of the process that comes after."""
    async with space.running("county", {COUNTY: COUNTY_KIND}, UNLISTED) as one:
        county = County(one)
        await county.found()
        await joined(town, TOWN, county)
        group = await begun(county)
        await county.city.services.spaces.groups.ask(COUNTY, FOREST, town.did(TOWN), ANNA)
        await known(county, town)
        await wish(town, TOWN, "group-agree", group)
    async with space.running("county", {}, UNLISTED) as one:
        county = County(one)
        await known(county)
        assert group in listed(county, town.did(TOWN)).groups
        await wish(town, TOWN, "group-leave", group)
    async with space.running("county", {}, UNLISTED) as one:
        county = County(one)
        await known(county)
        assert group not in listed(county, town.did(TOWN)).groups
        assert [one.valid_until is None for one in listed(county, town.did(TOWN)).group_periods] == [False]


@pytest.mark.threat("T107")
async def test_two_replicas_of_an_authority_keep_one_group(cluster: Cluster, space: Space, town: City) -> None:
    """>> two processes on one PostgreSQL: both ask a town, it agrees at one, a person takes it out at the other while
    it leaves << asked once; in the next list of either; out once."""
    async with replicas(cluster, space, {COUNTY: COUNTY_KIND}, UNLISTED) as (one, two):
        county, other = County(one), County(two)
        await county.found()
        await joined(town, TOWN, county)
        await two.services.participants.get(COUNTY)
        group, did = await begun(county), town.did(TOWN)
        here, there = (each.city.services.spaces.groups for each in (county, other))
        await asyncio.gather(here.ask(COUNTY, FOREST, did, ANNA), there.ask(COUNTY, FOREST, did, ANNA))
        await known(other, town)
        await wish(town, TOWN, "group-agree", group)
        await asyncio.gather(county.issue(), other.issue())
        await asyncio.gather(*(each.services.trust.listing.reload() for each in (one, two)))
        assert all(group in listed(each, did).groups for each in (county, other))
        await asyncio.gather(there.remove(COUNTY, FOREST, did, ANNA), wish(town, TOWN, "group-leave", group))
        await asyncio.gather(county.issue(), other.issue())
        await asyncio.gather(*(each.services.trust.listing.reload() for each in (one, two)))
        assert not any(group in listed(each, did).groups for each in (county, other))
        (filled,) = await there.all(COUNTY)
        assert [(each.number, each.state) for each in filled.grouped] == [(1, "ended")]


async def test_two_who_ask_at_once_are_one(county: County) -> None:
    """>> the same member, twice at once << one row."""
    await begun(county)
    groups, own = county.city.services.spaces.groups, county.city.did(COUNTY)
    await asyncio.gather(*(groups.ask(COUNTY, FOREST, own, ANNA) for _ in range(2)))
    (found,) = await groups.all(COUNTY)
    assert [one.state for one in found.grouped] == ["member"]
