"""Own datasets at the desk: changed, given new versions and rules, restored, withdrawn; nothing without trace."""

from collections.abc import AsyncIterator

import pytest

from connector.data.catalogue import service
from connector.surfaces.web.datasets import handlers
from tests.kernel.reading.files import TREES
from tests.surfaces.web.browsing import Browser, Opened, Page
from tests.testkit.cities import MUNICIPALITY, City, Space

HOME = "/t/musterstadt/datasets"


@pytest.fixture
async def city(space: Space) -> AsyncIterator[City]:
    async with space.running("it", {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY}) as made:
        yield made


@pytest.fixture
async def anna(desk: Opened) -> Browser:
    return desk.browser({"musterstadt": ["steward"]})


@pytest.fixture
async def trees(city: City, anna: Browser) -> Page:
    """The page of a dataset."""
    made = await city.publish("musterstadt")
    return await anna.get(f"{HOME}/{made['dataset'].rsplit('/', 1)[-1]}")


async def test_what_others_see_of_it(anna: Browser, trees: Page) -> None:
    listed = await anna.get(HOME)
    assert (trees.h1 in listed.words, listed.link(trees.h1)) == (True, trees.path)
    assert "Zurzeit niemand." in trees.words
    assert "Das sehen andere" in trees.words
    assert "Kreis oder Zweckverband. technisch erzwungen" in trees.words, "conditions have a badge of their own"
    nothing = await anna.get(f"{HOME}?q=gibtesnicht")
    assert "Dazu wurde in unseren Daten nichts gefunden." in nothing.words


async def test_a_change_and_its_history_and_back_again(anna: Browser, trees: Page) -> None:
    """>> another title << in the list and in the history, before and after >> restored << as it was."""
    page = await anna.get(trees.link("Beschreibung ändern"))
    page = await anna.send(page, "/change", title="Stadtbäume", keywords="Baum, Grün", frequency="ANNUAL")
    assert (page.h1, page.path) == ("Stadtbäume", trees.path)
    assert "jährlich" in page.words
    history = await anna.get(f"{trees.path}/history")
    assert "Stand 2: geändert" in history.words
    assert f"Titel {trees.h1} Stadtbäume" in history.words
    again = await anna.send(history, "/history/1", "Beschreibung von Stand 1 wiederherstellen")
    assert (again.h1, again.path) == (trees.h1, trees.path)
    assert "Stand 3: geändert" in (await anna.get(f"{trees.path}/history")).words


async def test_of_two_changes_at_once_neither_is_lost(anna: Browser, trees: Page) -> None:
    pages = [await anna.get(f"{trees.path}/change") for _ in range(2)]
    assert (await anna.send(pages[0], "/change", title="Erste")).h1 == "Erste"
    late = await anna.send(pages[1], "/change", title="Zweite")
    assert (late.status, dict(late.form("/change").fields)["title"]) == (422, "Zweite")
    assert (await anna.send(late, "/change")).h1 == "Zweite"


async def test_a_wrong_change_comes_back(anna: Browser, trees: Page) -> None:
    page = await anna.send(await anna.get(f"{trees.path}/change"), "/change", title=" ")
    assert page.status == 422
    assert (await anna.get(trees.path)).h1 == trees.h1


async def handed_in(who: Browser, page: Page, name: str, content: bytes) -> Page:
    """A new version that was read."""
    return await who.settled(await who.send(page, "/version", file=("file", name, content)))


async def test_a_new_version_is_read_like_the_first(anna: Browser, trees: Page) -> None:
    page = await anna.get(trees.link("Neue Fassung"))
    page = await handed_in(anna, page, "baeume-neu.csv", TREES.encode("cp1252"))
    assert (page.h1, "Zeilen: 3, " in page.words) == ("Beschreibung", True)
    page = await anna.send(page, "/description", "Weiter", notes="Drei Bäume nachgetragen")
    assert page.h1 == "Prüfen und veröffentlichen"
    page = await anna.send(page, "/publish", "Veröffentlichen")
    assert "Rückgängig machen" not in page.words
    shown = await anna.get(trees.path)
    assert "baeume-neu.csv" in shown.words
    assert "Drei Bäume nachgetragen" in shown.words
    empty = await handed_in(anna, await anna.get(f"{trees.path}/version"), "leer.csv", b"")
    assert "In der Datei steht nichts." in empty.words


async def test_another_rule_for_new_contracts(anna: Browser, trees: Page) -> None:
    choice = await anna.get(trees.link("Regel ändern"))
    page = await anna.get(choice.link("Nur Kommunen im Datenraum, Weitergabe erlaubt"))
    page = await anna.send(page, "/rule", **{"slot-kinds": ["municipality"]})
    assert (page.path, "Regel: Nur Kommunen im Datenraum, Weitergabe erlaubt" in page.words) == (trees.path, True)
    wrong = await anna.send(await anna.get(f"{trees.path}/rule?rule=municipal-purpose"), "/rule")
    assert (wrong.status, "fehlt oder passt noch nicht" in wrong.words) == (422, True)


async def test_a_rule_for_one_county(anna: Browser, trees: Page) -> None:
    """>> no key of a county, then one  << what is expected in the field, then the rule."""
    form = await anna.get((await anna.get(trees.link("Regel ändern"))).link("Ein Kreis und seine Kommunen"))
    wrong = await anna.send(form, "/rule", **{"slot-county": ["0551"], "slot-kinds": ["municipality", "county"]})
    assert (wrong.status, "fünf Stellen, zum Beispiel 05515" in wrong.words) == (422, True)
    page = await anna.send(form, "/rule", **{"slot-county": ["05 5 15"], "slot-kinds": ["municipality", "county"]})
    assert (page.path, "Regel: Ein Kreis und seine Kommunen" in page.words) == (trees.path, True)


async def test_withdrawn_after_a_question(anna: Browser, trees: Page) -> None:
    page = await anna.get(trees.link("Zurückziehen"))
    assert "verschwindet aus allen Verzeichnissen" in page.words
    page = await anna.send(page, "/withdraw", "Zurückziehen")
    assert "zurückgezogen" in page.words
    assert not [text for text, _ in page.links if text == "Neue Fassung"]
    assert (await anna.get(f"{trees.path}/change")).status == 410
    assert (await anna.get(f"{trees.path}/withdraw")).status == 200


async def test_who_may_do_what(desk: Opened, trees: Page) -> None:
    """>> an auditor reads; a publisher drafts, and withdraws nothing; another town sees nothing."""
    rita = desk.browser({"musterstadt": ["auditor"]}, name="Rita")
    paula = desk.browser({"musterstadt": ["publisher"]}, name="Paula")
    nora = desk.browser({"nachbardorf": ["steward"]}, name="Nora")
    paths = ["", "/history", "/change", "/version", "/rule", "/withdraw"]
    answers = {who: [(await who.get(trees.path + path)).status for path in paths] for who in (rita, paula, nora)}
    assert answers == {rita: [200, 200, 404, 404, 404, 404], paula: [200, 200, 200, 200, 200, 404], nora: [404] * 6}
    theirs = trees.path.replace("musterstadt", "nachbardorf")
    assert (await nora.get(theirs)).status == 404


async def test_a_long_list_has_pages_the_newest_first(
    anna: Browser, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> 13 datasets, of which a page holds ten << two pages; a word of the search is found as it stands."""
    for place in (service, handlers):
        monkeypatch.setattr(place, "PAGE", 10)
    for number in range(13):
        await city.publish("musterstadt", title=f"Liste {number:02} 50%")
    first = await anna.get(HOME)
    assert "Liste 12" in first.words
    assert "Liste 02" not in first.words
    second = await anna.get(first.link("Weiterblättern"))
    assert [number for number in range(13) if f"Liste {number:02}" in second.words] == [0, 1, 2]
    assert "Liste 07 50%" in (await anna.get(f"{HOME}?q=liste+07+50%25")).words
    assert "nichts gefunden" in (await anna.get(f"{HOME}?q=liste+07+5_")).words
    assert (await anna.get(f"{HOME}?before=x:y")).status == 200
