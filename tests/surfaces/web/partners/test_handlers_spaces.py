"""Spaces by name wherever somebody is shown: partners, found data, contracts; and an offer for one space alone."""

from collections.abc import AsyncIterator

import pytest

from tests.dataspace.spaces.conftest import COUNTY, COUNTY_KIND, TOWN, UNLISTED, VILLAGE, County, joined
from tests.surfaces.web.browsing import Browser, Opened, Page, open_desk
from tests.testkit.cities import MUNICIPALITY, City, Space

NAME = "Datenraum Musterkreis"


@pytest.fixture
async def county(space: Space) -> County:
    """With a town that it hosts itself and that belongs to nothing."""
    made = County(await space.city("county", {COUNTY: COUNTY_KIND, VILLAGE: MUNICIPALITY}, UNLISTED))
    await made.found()
    return made


@pytest.fixture
async def town(space: Space, county: County) -> City:
    city = await space.city("town", {TOWN: MUNICIPALITY}, UNLISTED)
    await joined(city, TOWN, county)
    return city


@pytest.fixture
async def desk(county: County) -> AsyncIterator[Opened]:
    async with open_desk(county.city.services) as opened:
        yield opened


@pytest.mark.threat("T101")
async def test_partners_are_those_that_share_a_space(county: County, town: City, desk: Opened) -> None:
    """>> the county and a neighbour in the same process << the county sees the town and through what; the neighbour
    sees nobody, nor the page of the town."""
    page = await desk.browser({COUNTY: ["steward"]}).get(f"/t/{COUNTY}/partners")
    assert "Über den Datenraum" in page.words
    member = await desk.browser({COUNTY: ["steward"]}).get(page.link("Musterstadt"))
    assert f"Über den Datenraum {NAME}" in member.words
    assert "Verbünde keiner" in member.words  # the space itself is no group to people
    other = desk.browser({VILLAGE: ["steward"]})
    page = await other.get(f"/t/{VILLAGE}/partners")
    assert "Musterstadt" not in page.words
    assert (await other.get(member.url.partition("/t/")[2].join(["/t/", ""]).replace(COUNTY, VILLAGE, 1))).status == 404


async def test_data_and_contracts_name_the_space(county: County, town: City) -> None:
    """>> data of the county for members of the space alone << found, asked for and concluded with its name, in the API
    and in the terms at the desk; and in the county's figures."""
    said = await county.authority.description(COUNTY)
    await county.city.services.trust.listing.reload()
    made = await county.city.publish(COUNTY, slots={"until": "31.12.2099", "space": said.space})
    hits = await town.api.get(f"/api/v1/participants/{TOWN}/find")
    assert [one["spaces"] for one in hits["results"]] == [[NAME]]
    await town.negotiate(TOWN, county.city.did(COUNTY), made["dataset"])
    (agreement,) = (await town.api.get(f"/api/v1/participants/{TOWN}/agreements"))["agreements"]
    assert agreement["spaces"] == [NAME]
    async with open_desk(town.services) as desk:
        tina = desk.browser({TOWN: ["steward"]})
        page = await tina.get((await tina.get(f"/t/{TOWN}/contracts")).link("Bäume"))
        assert f"Sie kennen sich über {NAME}." in page.words
        assert page.words.count(NAME) == 2
        assert said.space not in page.words
        assert f"über {NAME}" in (await tina.get(f"/t/{TOWN}/find")).words
    found = (await county.city.api.get(f"/api/v1/participants/{COUNTY}/figures"))["figures"]
    (spaces,) = [one["spaces"] for one in found if one["id"] == "N2"]
    assert [(one["key"], one["value"]) for one in spaces] == [(NAME, 1)]
    async with open_desk(county.city.services) as desk:
        anna = desk.browser({COUNTY: ["steward"]})
        for place in ("figures", "figures/N2"):
            assert f"Bekannt über: {NAME} (1)" in (await anna.get(f"/t/{COUNTY}/{place}")).words
        assert f"space:{NAME};;1" in (await anna.get(f"/t/{COUNTY}/figures/table.csv")).text


async def handed_in(who: Browser, slug: str) -> Page:
    """A file that was read."""
    start = await who.get(f"/t/{slug}/publish")
    return await who.settled(await who.send(start, "/file", file=("file", "a.csv", b"Art\nLinde\n")))


async def test_an_offer_for_one_space_is_chosen_in_plain_words(
    county: County, town: City, desk: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a county that keeps a space publishes << it is asked for which spaces; chosen, the terms say so by name, and a
    participant that belongs to none is not asked."""
    anna = desk.browser({COUNTY: ["steward"]})
    page = await handed_in(anna, COUNTY)
    page = await anna.send(page, "/description", description="Alle Bäume.", title="Bäume")
    page = await anna.send(page, "/rule", rule="municipalities-only")
    assert "Nur für bestimmte Datenräume oder Verbünde" in page.words
    assert NAME in page.words
    said = await county.authority.description(COUNTY)
    page = await anna.send(page, "/terms", **{"slot-space": said.space})
    assert page.path.endswith("/check")
    assert NAME in page.words
    assert said.space not in page.words
    anchors = county.city.services.trust.anchor
    with monkeypatch.context() as gone:
        gone.setattr(anchors, "offerable", lambda own, now: {})
        page = await anna.get(page.path.removesuffix("/check") + "/terms")
        assert f"{NAME} (Sie gehören zurzeit nicht dazu)" in page.words
        page = await anna.send(page, "/terms")
    assert NAME in page.words, "saved again as it was, it is not for everybody"
    other = desk.browser({VILLAGE: ["steward"]})
    page = await handed_in(other, VILLAGE)
    page = await other.send(page, "/description", description="Alle Bäume.", title="Bäume")
    page = await other.send(page, "/rule", rule="municipalities-only")
    assert "Nur für bestimmte" not in page.words
