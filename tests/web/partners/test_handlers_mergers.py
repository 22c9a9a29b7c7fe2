"""A partner that is part of another one: who looks at partners or contracts reads it, by name and day."""

import pytest

from tests.spaces.conftest import COUNTY, COUNTY_KIND, UNLISTED, County, joined
from tests.spaces.mergers import PART, WHOLE, listed, merged
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.web.browsing import open_desk


@pytest.fixture
async def county(space: Space) -> County:
    made = County(await space.city("county", {COUNTY: COUNTY_KIND}, UNLISTED))
    await made.found()
    return made


@pytest.fixture
async def towns(space: Space, county: County) -> City:
    """Both at one provider."""
    city = await space.city("towns", {PART: MUNICIPALITY, WHOLE: MUNICIPALITY}, UNLISTED)
    for slug in (PART, WHOLE):
        await joined(city, slug, county)
    await listed(county, city)
    return city


async def test_it_stands_beside_the_name_and_the_contract(county: County, towns: City) -> None:
    """>> agreed, then the list says it << nothing of it before; then in the list of partners, on the page of the one,
    and at the contract; the other one is as it was."""
    made = await towns.publish(PART)
    signed = await county.city.negotiate(COUNTY, towns.did(PART), made["dataset"])
    contract = f"/t/{COUNTY}/contracts/{signed['agreement'].removeprefix('urn:uuid:')}"
    async with open_desk(county.city.services) as desk:
        anna = desk.browser({COUNTY: ["steward"]})
        assert "Teil von" not in (await anna.get(f"/t/{COUNTY}/partners")).words
        assert "Teil von" not in (await anna.get(contract)).words
        await merged(towns, county)
        await listed(county, towns)
        page = await anna.get(f"/t/{COUNTY}/partners")
        assert "Musterdorf (Teil von Musterstadt)" in page.words
        member = await anna.get(page.link("Musterdorf (Teil von Musterstadt)"))
        assert "Zusammengeschlossen Musterstadt, seit 01.01.2026" in member.words
        assert "Zusammengeschlossen" not in (await anna.get(page.link("Musterstadt"))).words
        said = "Musterdorf ist seit 01.01.2026 Teil von Musterstadt, nach der Mitgliederliste."
        assert said in (await anna.get(contract)).words
