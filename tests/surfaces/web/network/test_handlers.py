"""The network: own contracts alone, both as a picture and as a table; more towns for who works for more."""

from collections.abc import AsyncIterator

import pytest

from tests.surfaces.web.browsing import Opened, open_desk
from tests.testkit.cities import MUNICIPALITY, Space

TOWN, VILLAGE, HAMLET = "musterstadt", "nachbardorf", "kleinstadt"
NASTY = "<script>alert(1)</script>"


@pytest.fixture
async def desk(space: Space) -> AsyncIterator[Opened]:
    """The village gets data from the town, the hamlet from the village."""
    towns = dict.fromkeys((TOWN, VILLAGE, HAMLET), MUNICIPALITY)
    async with space.running("it", towns) as city, open_desk(city.services) as opened:
        for provider, consumer, title in ((TOWN, VILLAGE, NASTY), (VILLAGE, HAMLET, "Radwege")):
            made = await city.publish(provider, title=title)
            await city.negotiate(consumer, city.did(provider), made["dataset"])
        yield opened


@pytest.mark.threat("T85")
@pytest.mark.threat("T97")
async def test_a_person_sees_the_contracts_of_her_own(desk: Opened) -> None:
    """>> the town's steward << one line; >> somebody for town and village, asking for all << two; never the rest."""
    page = await desk.browser({TOWN: ["auditor"]}).get(f"/t/{TOWN}/network")
    assert (page.status, page.h1) == (200, "Wer teilt mit wem")
    assert page.text.count("network-line") == 1
    assert f"Musterstadt (1) Nachbardorf (2) {NASTY} 1" in page.words
    assert NASTY not in page.text
    assert "Kleinstadt" not in page.words
    assert "scope=all" not in page.text
    both = await desk.browser({TOWN: ["steward"], VILLAGE: ["auditor"]}).get(f"/t/{TOWN}/network?scope=all")
    assert both.text.count("network-line") == 2
    assert "Kleinstadt" in both.words
    alone = await desk.browser({TOWN: ["steward"]}).get(f"/t/{TOWN}/network?scope=all")
    assert "Kleinstadt" not in alone.words
