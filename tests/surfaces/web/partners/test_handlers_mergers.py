"""A partner that is part of another one: who looks at partners or contracts reads it, by name and day."""

from urllib.parse import quote

import pytest

from tests.dataspace.spaces.conftest import COUNTY, COUNTY_KIND, UNLISTED, County, joined
from tests.dataspace.spaces.mergers import PART, WHOLE, founded, listed, merged, together
from tests.surfaces.web.browsing import open_desk
from tests.testkit.cities import MUNICIPALITY, City, Space


@pytest.fixture
async def county(space: Space) -> County:
    return await founded(space)


@pytest.fixture
async def towns(space: Space, county: County) -> City:
    """Both at one provider."""
    return await together(space, county, PART, WHOLE)


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


async def test_what_it_may_have_is_told_as_it_would_be_judged(space: Space, county: County) -> None:
    """>> an offer for municipalities alone; the town becomes part of a county << it would get a contract before, on its
    page and at its own desk, and none after."""
    city = await space.city("towns", {PART: MUNICIPALITY, WHOLE: COUNTY_KIND}, UNLISTED)
    for slug in (PART, WHOLE):
        await joined(city, slug, county)
    await county.city.publish(COUNTY, rule="municipalities-only", slots={"kinds": "municipality"}, visibility="members")
    await listed(county, city)

    async def told() -> tuple[str, str]:
        await city.services.federation.service.refresh(PART, county.city.did(COUNTY))
        async with open_desk(county.city.services) as there, open_desk(city.services) as here:
            anna, ben = there.browser({COUNTY: ["steward"]}), here.browser({PART: ["steward"]})
            partners = await anna.get(f"/t/{COUNTY}/partners")
            (name,) = (text for text, _ in partners.links if text.startswith("Musterdorf"))
            theirs = await anna.get(partners.link(name))
            place = f"/t/{PART}/partners/member?did={quote(county.city.did(COUNTY), safe='')}"
            return theirs.words, (await ben.get(place)).words

    theirs, ours = await told()
    assert "Bekäme einen Vertrag" in theirs
    assert "Wir bekämen einen Vertrag" in ours
    await merged(city, county)
    await listed(county, city)
    theirs, ours = await told()
    assert "Sieht sie, bekäme aber keinen Vertrag" in theirs
    assert "Wir bekämen keinen Vertrag" in ours
