"""What `hanse doctor` says on the way into a space, at either end, against real servers."""

import asyncio
from typing import Any

import pytest

from connector.cli.operate import doctor, doctor_spaces
from connector.dataspace.spaces import recovery_store
from connector.foundation.language import say
from tests.dataspace.spaces.conftest import COUNTY, COUNTY_KIND, PEOPLE, RULES, TOWN, UNLISTED, County, applied, joined
from tests.testkit.cities import MUNICIPALITY, City, Space


async def told(city: City) -> list[tuple[str, str]]:
    found = await asyncio.to_thread(lambda: list(doctor_spaces.lines(city.settings, "de")))
    for _, key, facts in found:
        for lang in ("de", "en"):
            assert "{" not in say(f"cli.doctor.{key}", lang, **facts)
    return [(state, key) for state, key, _ in found]


async def test_each_point_of_the_way(space: Space) -> None:
    """>> alone, a space without people, with them, applied to, waiting, a member, asked by a group << what lacks."""
    county = County(await space.city("county", {COUNTY: COUNTY_KIND}, UNLISTED))
    town = await space.city("town", {TOWN: MUNICIPALITY}, UNLISTED)
    assert await told(town) == [("warn", "space-none")]
    await county.authority.create(COUNTY, "Musterkreis", RULES)
    assert await told(county.city) == [("bad", "space-people")]
    await county.people()
    await county.issue()
    assert await told(county.city) == [("ok", "space-kept")]
    one = await applied(town, TOWN, await county.invite(), county)
    assert await told(county.city) == [("ok", "space-kept"), ("warn", "space-waiting")]
    assert await told(town) == [("warn", "space-pending")]
    await county.admit(one)
    await town.services.spaces.joining.progress(TOWN, one.space)
    assert await told(town) == [("ok", "space-member")]
    await county.city.services.spaces.groups.put(COUNTY, "wald", {"de": "Wald"}, "", PEOPLE[0])
    await county.city.services.spaces.groups.ask(COUNTY, "wald", town.did(TOWN), PEOPLE[0])
    assert await told(town) == [("ok", "space-member"), ("warn", "space-group")]
    (finding,) = [one for one in doctor._trust(town.settings, "de") if one.key == "no-list"]
    assert finding.state == "ok"


@pytest.mark.threat("T103")
async def test_a_list_that_is_rolled_back_is_told_to_a_person(space: Space) -> None:
    """>> the authority's newest version is gone, as after an old backup << an error that says what is false, that it
    comes from a backup, and what the authority looks at; the list before it holds."""
    county = County(await space.city("county", {COUNTY: COUNTY_KIND}, UNLISTED))
    town = await space.city("town", {TOWN: MUNICIPALITY}, UNLISTED)
    await county.found()
    await joined(town, TOWN, county)
    await county.careless()
    await county.city.services.infra.db.write(COUNTY, _older)
    await town.services.trust.listing.reload()
    assert await told(town) == [("ok", "space-member"), ("bad", "space-list-false")]
    found = await asyncio.to_thread(lambda: list(doctor_spaces.lines(town.settings, "de")))
    said = say(f"cli.doctor.{found[1][1]}", "de", **found[1][2])
    assert "älter" in said
    assert "hanse space recovery" in said


@pytest.mark.threat("T151")
async def test_an_authority_that_was_put_back_is_told_what_to_do(space: Space) -> None:
    """>> its database comes from a backup; members hold a newer list << an error that says so, on the way to settle."""
    county = County(await space.city("county", {COUNTY: COUNTY_KIND}, UNLISTED))
    await county.found()
    await county.city.stop_jobs()
    await county.city.services.infra.db.write(COUNTY, recovery_store.put_back)
    assert await told(county.city) == [("ok", "space-kept"), ("bad", "space-lists-asking")]
    await county.city.services.spaces.recovery.settle(COUNTY, 0, PEOPLE[0])
    assert await told(county.city) == [("ok", "space-kept")]


def _older(tx: Any) -> None:
    tx.run("DELETE FROM space_version WHERE version = (SELECT max(version) FROM space_version)")
