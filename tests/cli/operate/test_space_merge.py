"""`hanse space merge`, `mergers`, `merge-approve`, `merge-refuse`: what two towns and their authority type."""

import asyncio
import json

import pytest

from connector.cli.main import main
from tests.spaces.conftest import COUNTY, COUNTY_KIND, PEOPLE, UNLISTED, County, joined
from tests.spaces.mergers import PART, WHOLE, listed, space_of
from tests.testkit.cities import MUNICIPALITY, City, Space

ANNA, BERT = PEOPLE[:2]


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


async def typed(city: City, slug: str, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What a person reads."""
    capsys.readouterr()
    given = ["space", *words, "--as", slug, "--data", str(city.settings.folder)]
    assert await asyncio.to_thread(main, [*given, "--lang", "en"], {"LANG": "en"}) == code
    return capsys.readouterr().out


async def test_two_towns_say_it_and_two_people_decide(
    county: County, towns: City, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> the part says it, the whole confirms it, two people agree << each is told who is next; the list says it."""
    url, did, into = await space_of(county), towns.did(PART), towns.did(WHOLE)
    told = await typed(county.city, COUNTY, capsys, "mergers")
    assert told == "Nobody has said that it was merged.\n"
    told = await typed(towns, PART, capsys, "merge", url, "--into", into, "--since", "2026-01-01", "--yes")
    assert told.startswith("Said, as of 2026-01-01. Now the one that takes it in confirms the same")
    told = await typed(county.city, COUNTY, capsys, "mergers")
    assert "not yet confirmed" in told
    told = await typed(towns, WHOLE, capsys, "merge", url, "--member", did, "--since", "1.1.2026", "--yes")
    assert told.startswith("Confirmed, as of 2026-01-01.")
    for who, said in ((ANNA, "said by both; people who have to agree yet: 1"), (BERT, "in the list")):
        told = await typed(county.city, COUNTY, capsys, "merge-approve", did, "--who", who)
        assert f"Musterdorf ({did}) has been part of Musterstadt ({into}) since 2026-01-01: {said}" in told
    await listed(county, towns)
    assert towns.services.trust.anchor.entries[did].merged_into is not None


async def test_a_refusal_has_its_reason_and_nonsense_is_refused(
    county: County, towns: City, capsys: pytest.CaptureFixture[str]
) -> None:
    """>> both options, or none; refused by a person << what is wrong; the reason, for whoever looks."""
    url, did, into = await space_of(county), towns.did(PART), towns.did(WHOLE)
    for wrong in ((), ("--into", into, "--member", did)):
        await typed(towns, PART, capsys, "merge", url, *wrong, "--since", "2026-01-01", "--yes", code=1)
    await typed(towns, PART, capsys, "merge", url, "--into", into, "--since", "2026-01-01", "--yes")
    reason = ("--reason", "No resolution.", "--who", ANNA)
    told = await typed(county.city, COUNTY, capsys, "merge-refuse", did, *reason)
    assert "refused" in told
    assert "because: No resolution." in told
    found = await county.city.api.get(f"/api/v1/participants/{COUNTY}/space/mergers")
    assert json.dumps(found).count("No resolution.") == 1
