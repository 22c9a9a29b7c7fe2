"""Finding over the management surface: copies beside members asked now, how old each answer is, who is silent."""

from typing import Any

import pytest

from connector.data.catalogue.search import store
from connector.data.catalogue.search.copies import copy_of
from connector.surfaces.requests import search
from tests.testkit.cities import COMPANY, MUNICIPALITY, City, Refused, Space

HERE, THERE = "musterstadt", "nachbardorf"
FIND = f"/api/v1/participants/{HERE}/find"
TREES = {"@id": "urn:x:trees", "dct:title": "Baumkataster", "dcat:theme": "ENVI", "dct:modified": "2020-01-01"}
PATHS = {"@id": "urn:x:paths", "dct:title": "Radwege", "dcat:theme": "TRAN"}


async def put(city: City, slug: str, provider: str, *entries: dict[str, Any], complete: bool = True) -> None:
    """As the crawler does that reads a member for this participant."""
    db = city.services.infra.db
    for entry in entries:
        await db.write(slug, store.replace_entry, slug, provider, copy_of(entry))
    await db.write(slug, store.crawled, slug, provider, complete=complete)


async def test_copies_are_found_and_say_how_old_they_are(space: Space) -> None:
    """>> one member read before, one never << its copy with when it was seen; the other asked now, in one answer."""
    city = await space.city("it", {HERE: MUNICIPALITY, THERE: MUNICIPALITY})
    firm = await space.city("firm", {"stadtwerke": COMPANY})
    await space.reload(city, firm)
    await city.publish(THERE, title="Bäume am Fluss")
    await put(city, HERE, firm.did("stadtwerke"), TREES, PATHS)
    found = await city.api.get(FIND, q="Bäume", counts=1)
    said = {(hit["title"], hit["source"], hit["provider"]) for hit in found["results"]}
    assert said == {
        ("Baumkataster", "copy", firm.did("stadtwerke")),
        ("Bäume am Fluss", "live", city.did(THERE)),
    }
    assert all(hit["seen"].startswith("20") for hit in found["results"])
    assert (found["asked"], found["failed"], found["total"], found["next"]) == (2, [], 1, None)
    assert found["facets"]["theme"] == [{"value": "ENVI", "count": 1, "name": {"de": "Umwelt", "en": "environment"}}]
    stadtwerke = dict.fromkeys(("de", "en"), "Stadtwerke")
    assert found["facets"]["provider"] == [{"value": firm.did("stadtwerke"), "count": 1, "name": stadtwerke}]
    only = await city.api.get(FIND, q="Bäume", **{"from": city.did(THERE)})
    assert [hit["source"] for hit in only["results"]] == ["live"]
    live = await city.api.get(FIND, live=1)
    assert {hit["source"] for hit in live["results"]} == {"live"}


async def test_a_member_that_is_silent_is_still_found_and_named(space: Space) -> None:
    """>> a member read once and gone since, another read in part << both found; since when, and what is not whole."""
    city = await space.city("it", {HERE: MUNICIPALITY, THERE: MUNICIPALITY})
    async with space.running("away", {"fernstadt": MUNICIPALITY}) as away:
        gone = away.did("fernstadt")
    await space.reload(city)
    await put(city, HERE, gone, TREES)
    await put(city, HERE, city.did(THERE), PATHS, complete=False)
    await city.services.infra.db.write(HERE, store.failed, HERE, gone, "peer.unreachable")
    found = await city.api.get(FIND)
    assert [hit["title"] for hit in found["results"]] == ["Baumkataster", "Radwege"]
    (silent,) = found["unreachable"]
    assert (silent["provider"], silent["code"]) == (gone, "peer.unreachable")
    assert silent["since"] >= silent["last"]
    partial = {"provider": city.did(THERE), "provider_name": "Nachbardorf"}
    assert (found["failed"], found["incomplete"]) == ([], [partial])


async def test_what_no_copy_answers_is_asked_for_live(space: Space) -> None:
    """>> published after the member was read << found live; who is known to be silent is not asked."""
    city = await space.city("it", {HERE: MUNICIPALITY, THERE: MUNICIPALITY})
    await put(city, HERE, city.did(THERE), PATHS)
    await city.publish(THERE, title="Bäume am Fluss")
    found = await city.api.get(FIND, q="bäume fluss")
    assert [(hit["title"], hit["source"]) for hit in found["results"]] == [("Bäume am Fluss", "live")]
    assert [hit["source"] for hit in (await city.api.get(FIND, q="Radwege"))["results"]] == ["copy"]
    await city.services.infra.db.write(HERE, store.failed, HERE, city.did(THERE), "peer.unreachable")
    found = await city.api.get(FIND, q="bäume fluss")
    assert (found["results"], found["failed"], len(found["unreachable"])) == ([], [], 1)


async def test_what_no_copy_answers_asks_only_the_oldest_again(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> two members with copies, one may be asked again << the one that was read first; who was never read always."""
    monkeypatch.setattr(search, "AGAIN", 1)
    city = await space.city("it", {HERE: MUNICIPALITY, THERE: MUNICIPALITY, "drittstadt": MUNICIPALITY})
    for slug in (THERE, "drittstadt"):
        await city.publish(slug, title=f"Bäume {slug}")
        await put(city, HERE, city.did(slug), PATHS)
    assert [hit["title"] for hit in (await city.api.get(FIND, q="bäume"))["results"]] == [f"Bäume {THERE}"]
    live = await city.api.get(FIND, q="bäume", live=1)
    assert len(live["results"]) == 2


async def test_a_slip_is_mended_for_members_that_were_never_read_too(space: Space) -> None:
    """>> one that has the word, one that is really called so << both, and it is said what was looked for."""
    city = await space.city("it", {HERE: MUNICIPALITY, THERE: MUNICIPALITY})
    for title in ("Baumkataster", "Das Baumkatatser", "Radwege"):
        await city.publish(THERE, title=title)
    found = await city.api.get(FIND, q="„Baumkatatser“")
    assert sorted(hit["title"] for hit in found["results"]) == ["Baumkataster", "Das Baumkatatser"]
    assert found["mended"] == {"Baumkatatser": "Baumkataster"}


async def test_who_is_no_member_any_more_is_not_found(space: Space) -> None:
    """>> copies of one that the trust list does not name << nothing of it, and nothing counted."""
    city = await space.city("it", {HERE: MUNICIPALITY, THERE: MUNICIPALITY})
    await put(city, HERE, "did:web:former.example", TREES)
    found = await city.api.get(FIND, q="Baumkataster", counts=1)
    assert (found["results"], found["total"], found["facets"]) == ([], 0, {})


async def test_filters_narrow_copies_and_fresh_answers_alike(space: Space) -> None:
    """>> theme, day, likeness << only what has it, of both kinds; a page goes on in the copies alone."""
    city = await space.city("it", {HERE: MUNICIPALITY, THERE: MUNICIPALITY})
    firm = await space.city("firm", {"stadtwerke": COMPANY})
    await space.reload(city, firm)
    await city.publish(THERE, title="Baumkataster Nachbardorf")
    await put(city, HERE, firm.did("stadtwerke"), TREES, PATHS)

    async def titles(**query: Any) -> list[str]:
        return sorted(hit["title"] for hit in (await city.api.get(FIND, **query))["results"])

    for theme in ("envi", "ENVI", "Umwelt", "environment", "http://x.example/data-theme/ENVI"):
        assert await titles(theme=theme) == ["Baumkataster"], theme
    with pytest.raises(Refused, match=r"Umwelt \(ENVI\)"):
        await titles(theme="Unwelt")
    assert await titles(since="2019-12-31") == ["Baumkataster", "Baumkataster Nachbardorf"]
    assert await titles(since="31.12.2019") == ["Baumkataster", "Baumkataster Nachbardorf"]
    assert await titles(since="2019-12-31", theme="ENVI") == ["Baumkataster"]
    assert await titles(since="2020-01-02") == ["Baumkataster Nachbardorf"]
    assert await titles(q="Unser Baumkataster", like=1) == ["Baumkataster", "Baumkataster Nachbardorf"]
    assert await titles(box="8,53,9,54") == await titles(period="2020-01-01/2020-12-31") == []
    first = await city.api.get(FIND, limit=1)
    assert [hit["source"] for hit in first["results"]] == ["copy", "live"]
    second = await city.api.get(FIND, limit=1, page=first["next"])
    assert [hit["title"] for hit in second["results"]] == ["Radwege"]
    assert second["next"] is None


NOT_SO = (
    {"since": "gestern"},
    {"box": "1,2,3"},
    {"box": "9,1,8,2"},
    {"box": "0,0,nan,1"},
    {"box": "0,-91,1,1"},
    {"period": "2020"},
    {"period": "2021-01-01/2020-01-01"},
    {"limit": "0"},
    {"limit": "101"},
    {"limit": "x"},
    {"limit": "1" * 400},
    {"limit": "00055"},
    {"theme": ""},
    {"theme": "x" * 501},
    {"since": "2" * 600},
)


async def test_a_value_without_its_form_is_named(lone: City) -> None:
    for query in NOT_SO:
        with pytest.raises(Refused) as refusal:
            await lone.api.get(FIND, **query)
        (name,) = query
        assert (refusal.value.status, refusal.value.problem["code"]) == (400, "search.value"), query
        assert f"„{name}“" in refusal.value.problem["reason"]["de"]


async def test_a_page_of_nobody_is_refused(lone: City) -> None:
    for page in ("x", "", "A" * 4_000):
        with pytest.raises(Refused) as refusal:
            await lone.api.get(FIND, page=page)
        assert refusal.value.problem["code"] == "search.page"


@pytest.fixture
async def lone(space: Space) -> City:
    return await space.city("it", {HERE: MUNICIPALITY})
