"""Partners on the page, in a space of a town, its neighbour and a firm: what each may with the other's data."""

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from tests.surfaces.web.browsing import Opened
from tests.testkit.cities import COMPANY, MUNICIPALITY, City, Space

TOWN, VILLAGE, FIRM = "musterstadt", "nachbardorf", "stadtwerke"
HOUR_MS = 3_600_000
NASTY = "<b onclick=alert(1)>Bäume</b>"


@pytest.fixture
async def city(space: Space) -> AsyncIterator[City]:
    """The town shares one dataset with everybody who is a member, and one only with who may have it."""
    async with space.running("it", {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY, FIRM: COMPANY}) as city:
        await city.publish(TOWN, title=NASTY, visibility="members")
        made = await city.publish(TOWN, title="Radwege", visibility="eligible")
        await city.negotiate(VILLAGE, city.did(TOWN), made["dataset"])
        yield city


def member(city: City, of: str, slug: str) -> str:
    return f"/t/{of}/partners/member?did={quote(city.did(slug), safe='')}"


@pytest.mark.threat("T85")
async def test_what_each_side_may_with_the_other(city: City, desk: Opened) -> None:
    """>> the list, the village, the firm << words for the connection; who gets a contract, who sees, who does not."""
    anna = desk.browser({TOWN: ["steward"]})
    page = await anna.get(f"/t/{TOWN}/partners")
    assert (page.status, page.h1) == (200, "Partner und Verbünde")
    assert {text for text, _ in page.links} >= {"Nachbardorf", "Stadtwerke"}
    village = await anna.get(page.link("Nachbardorf"))
    assert village.words.count("Bekäme einen Vertrag") == 2
    assert "Wir bekommen Daten: 0, wir geben Daten: 1" in village.words
    assert NASTY in village.words
    assert "<b onclick" not in village.text
    firm = await anna.get(member(city, TOWN, FIRM))
    assert f"{NASTY} Sieht sie, bekäme aber keinen Vertrag" in firm.words
    assert "Radwege Sieht sie nicht" in firm.words
    assert "Teilnehmerart" in firm.words


async def test_what_a_partner_showed_is_judged_for_us(city: City, desk: Opened) -> None:
    """>> the firm has read the town's data << it sees one of them, and that it would get no contract."""
    await city.services.federation.service.refresh(FIRM, city.did(TOWN))
    ben = desk.browser({FIRM: ["auditor"]})
    page = await ben.get(member(city, FIRM, TOWN))
    assert "Wir bekämen keinen Vertrag" in page.words
    assert "Radwege" not in page.words
    assert "in Ordnung" in page.words


async def test_a_pause_is_told(city: City, desk: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the village was silent five times, the last one in an hour << said so."""
    circuits, later = city.services.circuits, city.services.infra.clock.steady() + HOUR_MS
    monkeypatch.setattr(circuits, "heard", lambda *_: None)  # the last answers of the contract may come only now
    for _ in range(5):
        circuits.failed(TOWN, city.did(VILLAGE), later)
    page = await desk.browser({TOWN: ["steward"]}, lang="en").get(member(city, TOWN, VILLAGE))
    assert "After a pause we try again" in page.words


async def test_whom_the_list_does_not_name_is_not_there(city: City, desk: Opened) -> None:
    """>> ourselves, a stranger, nobody << as if there were no such page."""
    anna = desk.browser({TOWN: ["steward"]})
    for did in (city.did(TOWN), "did:web:stranger.example", ""):
        assert (await anna.get(f"/t/{TOWN}/partners/member?did={quote(did, safe='')}")).status == 404
