"""The page of catalogues taken in: what waits and why, the choice for a source, and asking again."""

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import pytest

from connector.data.approvals.model import ApprovalRule
from connector.data.harvest import waiting
from connector.data.harvest.model import Report
from connector.foundation.storage.database import acting
from tests.data.harvest.imports import catalogue, taken
from tests.surfaces.web.browsing import Browser, Opened
from tests.testkit.cities import MUNICIPALITY, City, Space

TOWN = "musterstadt"
PLACE = f"/t/{TOWN}/imports"
NASTY = "<img src=x onerror=alert(1)>"

pytestmark = pytest.mark.threat("T165")


@pytest.fixture
async def city(space: Space) -> AsyncIterator[City]:
    async with space.running("it", {TOWN: MUNICIPALITY}) as city:
        yield city


def called(name: str) -> str:
    return f"p-{sha256(name.encode()).hexdigest()[:6]}"


async def ruled(city: City, **more: Any) -> None:
    base: dict[str, Any] = {"subject": "publication", "template": "", "people": "two", "protection": False, "days": 14}
    rules = city.services.approvals.service.rules
    await city.services.infra.db.write(TOWN, rules.put, TOWN, ApprovalRule(**{**base, **more}), called("Rita"))


async def takes(city: City, content: bytes, by: str = "Anna") -> Report:
    with acting({TOWN: called(by)}):
        return await taken(await city.services.harvest.service(), content)


async def served(city: City) -> set[str]:
    service = await city.services.harvest.service()
    found = await city.services.infra.db.read(TOWN, service.served, TOWN)
    return {one.iri.rpartition("/")[2] for one in found}


async def words(city: City, name: str) -> set[str]:
    """Titles of a dataset that is public."""
    service = await city.services.harvest.service()
    found = await city.services.infra.db.read(TOWN, service.records, TOWN)
    return {title for iri, _, text in found if iri.endswith(f"/{name}") for title in json.loads(text)["title"].values()}


@pytest.mark.threat("T143")
async def test_bug_a_yes_to_one_set_published_another(
    city: City, desk: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> three datasets wait under four eyes, two a page; somebody opens it, and another set comes before she agrees
    << nothing goes out, in words; she opens it again, agrees to what it says now, and that is public. Whoever delivered
    has no button; what a file says stays text."""
    await ruled(city)
    monkeypatch.setattr(waiting, "SHOWN", 2)
    await takes(city, catalogue("d000", "d001", "d002", title=NASTY))
    anna, berta = desk.browser({TOWN: ["steward"]}, name="Anna"), desk.browser({TOWN: ["steward"]}, name="Berta")
    listed = await berta.get(PLACE)
    assert "Veröffentlicht: 0, warten auf Freigabe: 3" in listed.words
    place = listed.link("Zur Freigabe")
    early = await berta.get(place)
    assert "Aufgenommene Datensätze" in early.words
    assert f"Neu: {NASTY} d000 (" in early.words
    new = early.words.partition("Neu:")[2].partition("Woher")[0]
    assert ("Beschreibung: „Text“." in new, "bisher" in new) == (True, False), "of something new nothing was before"
    assert NASTY not in early.text
    assert ("d001" in early.words, "d002" in early.words) == (True, False)
    assert "d002" in (await berta.get(early.link("Weiterblättern"))).words
    assert not [one for one in (await anna.get(place)).forms if one.action.endswith("/yes")]
    await takes(city, catalogue("d000", title="Wahl"))
    refused = await berta.send(early, "/yes", "Zustimmen")
    assert (refused.status, "Durch Ihre Zustimmung wurde nichts veröffentlicht" in refused.words) == (400, True)
    assert await served(city) == set()
    done = await berta.send(await berta.get(place), "/yes", "Zustimmen")
    assert "freigegeben" in done.words
    assert await served(city) == {"d000", "d001", "d002"}  # what half a delivery leaves out waits on
    assert await words(city, "d000") == {"Wahl d000"}


async def test_a_choice_is_made_and_a_refusal_asked_about_again(city: City, desk: Opened) -> None:
    """>> a steward lets a source wait, refuses what waits by mistake, asks again; then lets it go << each is said on
    the page; under four eyes letting go waits for another. An auditor sees it and has no buttons."""
    await takes(city, catalogue("a"))
    anna, berta = desk.browser({TOWN: ["steward"]}, name="Anna"), desk.browser({TOWN: ["steward"]}, name="Berta")
    vera = desk.browser({TOWN: ["auditor"]}, name="Vera")
    own = await anna.get(f"/t/{TOWN}/datasets")
    page = await anna.get(own.link("Kataloge, die aus anderen Quellen aufgenommen wurden"))
    assert "wartet nur, wo eine Regelung die Zustimmung von Personen verlangt" in page.words
    page = await anna.send(page, "/choice", "Immer warten lassen")
    assert "Neues und Geändertes aus dieser Quelle wartet immer auf eine Person." in page.words
    await takes(city, catalogue("a", "b"))
    page = await anna.get(PLACE)
    one = await anna.get(page.link("Zur Freigabe"))
    await anna.send(one, "/no", code="data")
    page = await anna.get(PLACE)
    assert "Nach dem, was wartet, wird gerade niemand gefragt" in page.words
    seen = await vera.get(PLACE)
    assert ("wird gerade niemand gefragt" in seen.words, [one.action for one in seen.forms]) == (True, ["/sign-out"])
    one = await anna.send(page, "/again", "Noch einmal um Zustimmung fragen")
    await anna.send(one, "/yes", "Zustimmen")
    assert await served(city) == {"a", "b"}
    await ruled(city)
    one = await anna.send(await anna.get(PLACE), "/choice", "Nur noch warten lassen, wo eine Regelung es verlangt")
    assert "Wahl für eine Quelle" in one.words
    assert "wartet immer auf eine Person" in (await anna.get(PLACE)).words
    await agreed(berta, one.path)
    assert "wartet nur, wo eine Regelung" in (await anna.get(PLACE)).words


async def agreed(berta: Browser, place: str) -> None:
    await berta.send(await berta.get(place), "/yes", "Zustimmen")
