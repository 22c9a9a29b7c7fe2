"""From the search to the file, without scripts: what a person sees, presses and gets."""

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from connector.data.catalogue.search import store
from connector.data.catalogue.search.copies import copy_of
from connector.foundation.clock import FakeClock, SystemClock
from connector.surfaces.web.find.handlers import LIVE_BURST
from tests.surfaces.web.browsing import Opened, open_desk
from tests.testkit.cities import COMPANY, MUNICIPALITY, City, Space

TOWN, VILLAGE, FIRM = "musterstadt", "nachbardorf", "stadtwerke"
TREES = b"Art;Hoehe\nLinde;12\n"


@pytest.fixture
async def town(space: Space) -> AsyncIterator[tuple[City, Opened]]:
    who = {TOWN: MUNICIPALITY, VILLAGE: MUNICIPALITY, FIRM: COMPANY}
    async with space.running("it", who) as city, open_desk(city.services) as opened:
        yield city, opened


async def test_from_the_search_to_the_file(town: tuple[City, Opened]) -> None:
    """>> search, open, choose a purpose, ask, save << five pages, and the bytes of the provider."""
    city, opened = town
    await city.publish(TOWN, TREES, title="Baumkataster", description="Alle Straßenbäume")
    clerk = opened.browser({VILLAGE: ["steward"]})
    found = await clerk.get(f"/t/{VILLAGE}/find?q=Baumkataster")
    assert found.status == 200, found.words
    assert "Sie können diese Daten bekommen" in found.words
    page = await clerk.get(found.link("Baumkataster"))
    assert page.h1 == "Baumkataster"
    assert "Alle Straßenbäume" in page.words
    assert "technisch erzwungen" in page.words
    assert "1 Kommune, 0 Firmen" in page.words
    form = page.form("/requests")
    assert dict(form.fields)["terms"]
    purpose = "https://w3id.org/hanse/v1#publicAdministration"
    ready = await clerk.settled(await clerk.send(page, "/requests", purpose=purpose))
    assert "Die Daten sind da." in ready.words, ready.words
    saved = await clerk.get(ready.link("Datei speichern"))
    assert saved.body == TREES
    assert saved.headers["Content-Disposition"].startswith("attachment")
    assert saved.headers["X-Content-Type-Options"] == "nosniff"


async def test_what_would_be_refused_says_why_and_offers_no_form(town: tuple[City, Opened]) -> None:
    """>> a firm looks at data of towns << why not and what would help; >> a form of another << refused."""
    city, opened = town
    made = await city.publish(TOWN, TREES, title="Baumkataster")
    firm = opened.browser({FIRM: ["steward"]})
    found = await firm.get(f"/t/{FIRM}/find?q=Baumkataster")
    assert "Nicht für Sie" in found.words
    page = await firm.get(found.link("Baumkataster"))
    assert "Diese Daten würden Sie nicht bekommen" in page.words
    assert "Teilnehmerart" in page.words
    assert "Was hilft" in page.words
    assert [one.action for one in page.forms if one.action.endswith("/requests")] == []
    village = opened.browser({VILLAGE: ["steward"]})
    other = await village.get((await village.get(f"/t/{VILLAGE}/find?q=Baumkataster")).link("Baumkataster"))
    fields = dict(other.form("/requests").fields)
    own = await firm.get(f"/t/{FIRM}/find")  # some page of the firm, for a form of its own
    assert own.status == 200
    sent = await firm.post(f"/t/{FIRM}/requests", fields)
    assert sent.status == 400  # a token of another session
    assert (await city.api.get(f"/api/v1/participants/{FIRM}/negotiations"))["negotiations"] == []
    assert made["dataset"] not in sent.text


async def test_who_may_not_bind_the_participant_reads_and_asks_for_nothing(town: tuple[City, Opened]) -> None:
    """>> an auditor << the terms, and who may ask; >> another participant's pages << nothing there."""
    city, opened = town
    await city.publish(TOWN, TREES, title="Baumkataster")
    auditor = opened.browser({VILLAGE: ["auditor"]})
    page = await auditor.get((await auditor.get(f"/t/{VILLAGE}/find?q=Baumkataster")).link("Baumkataster"))
    assert "technisch erzwungen" in page.words
    assert "Anfragen stellt bei Ihnen" in page.words
    assert (await auditor.post(f"/t/{VILLAGE}/requests", {"provider": "x"})).status == 404
    assert (await auditor.get(f"/t/{TOWN}/find")).status == 404


@pytest.mark.threat("T85")
async def test_words_of_strangers_are_shown_as_they_stand(town: tuple[City, Opened]) -> None:
    """>> a title with HTML, an endless word, letters from right to left << text, nowhere a tag of theirs."""
    city, opened = town
    hostile = "<img src=x onerror=alert(1)> Wort"
    await city.publish(TOWN, TREES, title=hostile, description="“><script>alert(2)</script> مجموعة " + "x" * 900)
    clerk = opened.browser({VILLAGE: ["steward"]})
    found = await clerk.get(f"/t/{VILLAGE}/find?q=Wort")
    assert hostile in found.words
    for page in (found, await clerk.get(found.link(hostile))):
        assert "<img src=x" not in page.text
        assert "<script>alert" not in page.text
        assert page.status == 200


async def test_a_wrong_filter_is_told_and_left_out(town: tuple[City, Opened]) -> None:
    """>> a theme that is none, a place that is none, a member that is none << the rest is searched, and it is said."""
    city, opened = town
    await city.publish(TOWN, TREES, title="Baumkataster")
    clerk = opened.browser({VILLAGE: ["steward"]})
    for wrong in ("theme=Quatsch", "box=1,2,3", "from=Niemandsdorf", "rule=%3Cb%3E"):
        found = await clerk.get(f"/t/{VILLAGE}/find?q=Baumkataster&{wrong}")
        assert found.status == 200
        assert "Eine Einschränkung wurde weggelassen" in found.words
        assert "Baumkataster" in [text for text, _ in found.links]


async def test_a_dataset_that_is_not_there_is_said_so(town: tuple[City, Opened]) -> None:
    city, opened = town
    clerk = opened.browser({VILLAGE: ["steward"]})
    here = f"/t/{VILLAGE}/find/dataset?provider={quote(city.did(TOWN))}&dataset="
    assert (await clerk.get(here + "urn:nothing")).status == 404
    assert (await clerk.get(here + "x" * 5000)).status == 404
    assert (await clerk.get(f"/t/{VILLAGE}/find/dataset?provider=did:web:nobody.example&dataset=x")).status == 400
    assert (await clerk.get(f"/t/{VILLAGE}/find/dataset")).status == 400


async def test_a_copy_stands_in_for_a_provider_that_is_silent(space: Space) -> None:
    """>> read before, gone since << the copy with its age, and nothing can be asked for."""
    city = await space.city("it", {VILLAGE: MUNICIPALITY})
    async with space.running("away", {"fernstadt": MUNICIPALITY}) as away:
        gone = away.did("fernstadt")
        made = await away.publish("fernstadt", TREES, title="Baumkataster")
        await space.reload(city, away)
        entry = await city.services.peer.dataset(VILLAGE, gone, made["dataset"])
        await city.services.infra.db.write(VILLAGE, store.replace_entry, VILLAGE, gone, copy_of(entry))
        await city.services.infra.db.write(VILLAGE, store.crawled, VILLAGE, gone, complete=True)
    async with open_desk(city.services) as opened:
        clerk = opened.browser({VILLAGE: ["steward"]})
        found = await clerk.get(f"/t/{VILLAGE}/find?q=Baumkataster")
        assert "zuletzt beim Datengeber gelesen vor 1 Min." in found.words
        page = await clerk.get(found.link("Baumkataster"))
        assert "Der Datengeber antwortet gerade nicht" in page.words
        assert "Anfragen können Sie erst" in page.words
        assert [one.action for one in page.forms if one.action.endswith("/requests")] == []


async def test_open_data_are_had_without_a_contract(town: tuple[City, Opened]) -> None:
    """>> a copy of open data, with a file, a page and an address that is none << where they are, and no form."""
    city, opened = town
    provider, db = city.did(TOWN), city.services.infra.db
    entry = {
        "@id": "urn:d:paths",
        "dct:title": "Radwege",
        "dct:license": {"@id": "http://dcat-ap.de/def/licenses/dl-zero-de/2.0"},
        "dcat:downloadURL": [{"@id": "https://town.example/radwege.csv"}, {"@id": "javascript:alert(1)"}],
        "dcat:landingPage": {"@id": "https://town.example/radwege"},
    }
    await db.write(VILLAGE, store.replace_entry, VILLAGE, provider, copy_of(entry))
    await db.write(VILLAGE, store.crawled, VILLAGE, provider, complete=True)
    clerk = opened.browser({VILLAGE: ["steward"]})
    found = await clerk.get(f"/t/{VILLAGE}/find?q=Radwege")
    assert "Offen Für alle, ohne Vertrag." in found.words
    page = await clerk.get(found.link("Radwege"))
    assert "Ohne Vertrag zu haben" in page.words
    assert "antwortet gerade nicht" not in page.words
    assert page.link("Datei beim Datengeber öffnen") == "https://town.example/radwege.csv"
    assert "javascript:" not in page.text
    assert [one.action for one in page.forms if one.action.endswith("/requests")] == []


async def test_copies_are_narrowed_by_facets_and_place(town: tuple[City, Opened]) -> None:
    """>> copies of a member, one narrowed by its format, one by place << links that narrow, and lead back."""
    city, opened = town
    here = {"box": [8.6, 49.8, 8.8, 49.95]}
    await city.api.post(f"/api/v1/participants/{TOWN}/publisher", here)
    await city.api.post(f"/api/v1/participants/{VILLAGE}/publisher", here)
    await city.publish(TOWN, TREES, title="Baumkataster", description="Straßenbäume")
    provider = city.did(TOWN)
    listed = await city.services.peer.catalogue(VILLAGE, provider)
    for entry in listed.datasets:
        await city.services.infra.db.write(VILLAGE, store.replace_entry, VILLAGE, provider, copy_of(entry))
    await city.services.infra.db.write(VILLAGE, store.crawled, VILLAGE, provider, complete=True)
    clerk = opened.browser({VILLAGE: ["auditor"]})
    found = await clerk.get(f"/t/{VILLAGE}/find?q=Baumkataster")
    assert "Dateiart CSV (1)" in found.words
    csv = await clerk.get(found.link("CSV"))
    assert "Eingeschränkt auf: CSV – aufheben" in csv.words
    assert "Baumkataster" in [text for text, _ in csv.links]
    near = await clerk.get(found.link("in unserer Umgebung (etwa 50 km)"))
    assert "Baumkataster" in [text for text, _ in near.links]
    assert (await clerk.get(near.link("aufheben"))).path == f"/t/{VILLAGE}/find"


async def test_asking_all_members_again_and_again_is_slowed_down(space: Space) -> None:
    """>> more live searches at one moment than may be << too many, while copies are searched as before."""
    space.clock = FakeClock(SystemClock().now())
    async with space.running("it", {VILLAGE: MUNICIPALITY}) as city, open_desk(city.services) as opened:
        clerk = opened.browser({VILLAGE: ["auditor"]})
        statuses = [(await clerk.get(f"/t/{VILLAGE}/find?live=1")).status for _ in range(LIVE_BURST + 2)]
        assert statuses == [200] * LIVE_BURST + [429] * 2
        assert (await clerk.get(f"/t/{VILLAGE}/find")).status == 200


async def test_only_so_many_offers_of_one_dataset_are_judged(town: tuple[City, Opened]) -> None:
    """>> a member with a hundred offers on one dataset << ten are shown."""
    city, opened = town
    provider, db = city.did(TOWN), city.services.infra.db
    made = await city.publish(TOWN, TREES, title="Baumkataster")
    entry = await city.services.peer.dataset(VILLAGE, provider, made["dataset"])
    many = [{**entry["hasPolicy"][0], "@id": f"urn:offer:{number}"} for number in range(100)]
    body = {**entry, "@id": "urn:d:many", "hasPolicy": many}
    await db.write(VILLAGE, store.replace_entry, VILLAGE, provider, copy_of(body))
    await db.write(VILLAGE, store.crawled, VILLAGE, provider, complete=True)
    clerk = opened.browser({VILLAGE: ["steward"]})
    page = await clerk.get(f"/t/{VILLAGE}/find/dataset?provider={quote(provider)}&dataset=urn:d:many")
    assert page.words.count("Bedingungen, Angebot") == 10
    assert "zeigt Ihnen diese Daten nicht mehr" in page.words


async def test_members_are_called_by_their_names_in_terms(town: tuple[City, Opened]) -> None:
    """>> a rule that names the town as whom to tell << its name, not its identifier."""
    city, opened = town
    await city.publish(TOWN, TREES, title="Messwerte", rule="research", slots={"inform": city.did(TOWN)})
    clerk = opened.browser({VILLAGE: ["steward"]})
    page = await clerk.get((await clerk.get(f"/t/{VILLAGE}/find?q=Messwerte")).link("Messwerte"))
    assert "zu benachrichtigende Stelle ist genau Musterstadt" in page.words
    assert "did:web" not in page.words
