"""Pages for people: what strangers wrote is text on them, nothing runs, nothing is loaded, and everything is said."""

import base64
import json
import re
from collections.abc import Mapping
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from msgspec.structs import replace

from connector.identity.participants.model import Participant
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.record.model import DatasetRecord, Distribution
from connector.surfaces.peer.public import html, view
from tests.kernel.metadata.project.records import gauges
from tests.surfaces.peer.public.portal import ROOT, Portal, put, uuid
from tests.surfaces.peer.public.strangers import BAD_LINK, EVIL, PARTICIPANT, evil
from tests.testkit.towns import Towns

TOWN = "musterstadt"
VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """What a browser makes of it: elements in their order, all links, the text, and the data block."""

    def __init__(self, body: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, Mapping[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.data = ""
        self.feed(body)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.data += data
        elif self.open and self.open[-1] != "style":
            self.words += data

    def named(self, tag: str) -> list[Mapping[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.mark.threat("T83")
@pytest.mark.parametrize("lang", ["de", "en"])
def test_what_strangers_wrote_is_text(lang: str) -> None:
    """>> markup, scripts, a turn of direction and `javascript:` in every field << no element, no handler and no link of
    theirs; the data block ends where we end it."""
    record = evil()
    own = replace(record.series[0], iri=f"{ROOT}/series/{uuid(1)}")
    series = html._series(PARTICIPANT, own, [(BAD_LINK, {"de": EVIL})], lang)
    for body in (html._dataset(PARTICIPANT, record, lang), series):
        page = Page(body.decode())
        assert page.open == []
        assert [one["type"] for one in page.named("script")] == ["application/ld+json"]
        assert page.named("img") == []
        assert len(page.named("style")) == 1
        assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
        links = [str(one["href"]) for one in page.named("a") if "href" in one]
        assert all(link.startswith(("https://", "http://", "mailto:", "#")) for link in links)
        assert not any("script" in link for link in links)
        assert "\u202e" not in page.words
        assert "\x1b" not in page.words
        assert "alert(1)" in page.words
        assert "49" not in re.sub(r"[0-9a-f]{8}-\S+", "", page.words)
        assert json.loads(page.data)["@context"]


def test_a_command_to_paste_is_one_command() -> None:
    """>> the member's name has quotes, a variable and a substitution << they are not in the command."""
    name = 'Stadt "; rm -rf ~; $(reboot) `x` \\'
    shown = view.dataset(evil(), _called(name), "de").command
    assert re.fullmatch(r'hanse request \S+ --as \S+ --from "[^"$`\\]*" --purpose \S+', shown)


def _called(name: str) -> Participant:
    return Participant(
        id=TOWN,
        did="did:web:a.example",
        root=ROOT,
        host="a",
        path="/m",
        name=name,
        kind="k",
        operator="o",
        state="active",
    )


@pytest.mark.threat("T83")
async def test_a_page_runs_and_loads_nothing(town: Towns, door: Portal) -> None:
    """>> pages of catalogue, dataset, series that is none << a policy that allows our style by its digest and nothing
    else; no element that would load anything."""
    await town.db.write(TOWN, lambda tx: put(tx, 0))
    for path in ("/catalog.html", f"/datasets/{uuid(0)}.html", "/series/none.html"):
        answer = await door.get(path)
        style = re.search(r"<style>(.*?)</style>", answer.text, re.DOTALL)
        assert style is not None
        digest = base64.b64encode(sha256(style[1].encode()).digest()).decode()
        policy = answer.headers["Content-Security-Policy"]
        assert f"style-src 'sha256-{digest}'" in policy
        assert policy.startswith("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
        page = Page(answer.text)
        loading = {"img", "iframe", "object", "embed", "video", "audio", "form", "base"}
        assert not loading & {tag for tag, _ in page.elements}
        assert {one["rel"] for one in page.named("link")} <= {"alternate", "canonical"}
        assert "url(" not in style[1]
        assert "@import" not in style[1]


async def test_a_browser_sees_a_page_where_a_harvester_sees_rdf(town: Towns, door: Portal) -> None:
    """>> the IRI of a dataset with the `Accept` of a browser << landmarks, one heading of first rank, links to all
    forms and to the file, and the record as JSON-LD of schema.org."""
    await town.db.write(TOWN, lambda tx: put(tx, 0, title={"de": "Bäume", "en": "Trees"}))
    iri = f"{ROOT}/datasets/{uuid(0)}"
    answer = await door.get(iri, Accept="text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
    page = Page(answer.text)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Accept-Language" in answer.headers["Vary"]
    assert page.named("html") == [{"lang": "de"}]
    for landmark in ("header", "nav", "main", "footer", "h1"):
        assert len(page.named(landmark)) == 1, landmark
    headings = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in pairwise(headings))
    links = [str(one["href"]) for one in page.named("a")]
    assert {f"{iri}.{form}" for form in ("rdf", "ttl", "jsonld", "nt")} <= set(links)
    assert f"{iri}/b%C3%A4ume.csv" in links
    assert all(one.get("aria-labelledby") for one in page.named("section"))
    said = json.loads(page.data)
    assert (said["@type"], said["@id"]) == ("Dataset", iri)
    english = Page((await door.get(iri, Accept="text/html", Accept_Language="en")).text)
    assert english.named("html") == [{"lang": "en"}]
    assert "Trees" in english.words
    assert "Trees" in Page((await door.get(f"{iri}.html?lang=en")).text).words


def test_a_bare_announcement_offers_no_command() -> None:
    """>> announced, without a file or an offer << nothing to paste that could only be refused."""
    record = DatasetRecord(iri=f"{ROOT}/datasets/{uuid(1)}", title={"de": "Bald"}, access="announced")
    shown = view.dataset(record, _called("Musterstadt"), "de")
    assert (shown.command, shown.files) == ("", [])


def test_what_was_imported_is_asked_for_nowhere() -> None:
    """>> the IRI lies elsewhere << no command; without a word on access it is open in the list as on its page."""
    iri = "https://portal.example/datasets/1"
    files = (Distribution(iri=f"{iri}#file", access_url="https://portal.example/a.csv"),)
    closed = DatasetRecord(iri=iri, title={"de": "Bäume"}, access="announced", distributions=files)
    assert view.dataset(closed, _called("Musterstadt"), "de").command == ""
    (item,) = view.items(_called("Musterstadt"), Graph([]), [iri], "de")
    assert item.open


async def test_an_announced_dataset_says_how_to_ask(town: Towns, door: Portal) -> None:
    """>> a dataset on contract that is announced << the command with its IRI and the member's name, and the DID."""
    await town.db.write(TOWN, lambda tx: put(tx, 1, access="announced"))
    page = Page((await door.get(f"/datasets/{uuid(1)}.html")).text)
    assert (
        f'hanse request {ROOT}/datasets/{uuid(1)} --as IHR-KÜRZEL --from "Musterstadt" --purpose IHR-ZWECK'
        in page.words
    )
    assert town.did(TOWN) in page.words
    assert "bäume.csv" not in page.words


@pytest.mark.threat("T83")
def test_bug_an_address_that_nobody_can_take_apart_broke_the_page() -> None:
    """>> an imported file at an IRI that no address is made of << the page, with the IRI as its link."""
    odd = "http://\u2100.example/x"
    record = replace(evil(), distributions=(Distribution(access_url=odd),))
    (file,) = view.dataset(record, PARTICIPANT, "de").files
    assert file.link.href == odd


def test_an_interface_without_a_page_of_its_own_leads_to_itself() -> None:
    """>> an HVD interface, and no page about it << the link is its endpoint, not the page that it stands on."""
    files = view.dataset(gauges(), PARTICIPANT, "de").files
    assert [one.link.href for one in files][-1] == "https://api.musterstadt.example/pegel"


async def test_pages_of_a_long_catalogue(town: Towns, door: Portal) -> None:
    """>> 150 datasets << two pages of one snapshot; the second keeps its place in the other language."""
    await town.db.write(TOWN, lambda tx: [put(tx, number) for number in range(150)])
    first = Page((await door.get("/catalog.html")).text)
    assert len([one for one in first.named("h2") if one.get("class") == "entry"]) == 100
    (following,) = {str(one["href"]) for one in first.named("a") if "page=2" in str(one["href"])}
    second = Page((await door.get(following)).text)
    assert len([one for one in second.named("h2") if one.get("class") == "entry"]) == 50
    assert "Seite 2 von 2" in second.words
    other = [str(one["href"]) for one in second.named("a") if one.get("hreflang") == "en"]
    assert "Page 2 of 2" in Page((await door.get(other[0])).text).words


async def test_what_is_not_there_is_said_on_a_page(door: Portal) -> None:
    answer = await door.get("/datasets/nothing.html", Accept_Language="en")
    assert (answer.status, "Not found" in Page(answer.text).words) == (404, True)
    gone = await door.get("/catalog.html?snap=0")
    assert (gone.status, "Nicht mehr da" in Page(gone.text).words) == (410, True)


def test_bug_an_instant_without_a_zone_was_shown_as_it_was_written() -> None:
    """>> a day, an instant of an importing portal that names no zone, a month << days as people write them."""
    assert [view.day(one, "de") for one in ("2017-10-25", "2017-10-25T13:36:52.971505", "2017-10")] == [
        "25.10.2017",
        "25.10.2017",
        "2017-10",
    ]
    assert view.day("2017-10-25T13:36:52.971505", "en") == "2017-10-25"


@pytest.mark.threat("T83")
async def test_what_the_law_asks_for_is_a_page(town: Towns, door: Portal) -> None:
    """>> imprint, privacy, accessibility, easy language << linked from every page, each with a word even where nobody
    wrote one; what an operator wrote is text."""
    await town.db.write(TOWN, lambda tx: put(tx, 0))
    catalogue = Page((await door.get("/catalog.html")).text)
    links = [str(one["href"]) for one in catalogue.named("a")]
    for page, heading in (
        ("imprint", "Impressum"),
        ("privacy", "Datenschutz"),
        ("accessibility", "Erklärung zur Barrierefreiheit"),
        ("easy-language", "Leichte Sprache"),
    ):
        assert f"{ROOT}/{page}?lang=de" in links
        answer = await door.get(f"/{page}")
        shown = Page(answer.text)
        assert (answer.status, shown.open) == (200, [])
        assert heading in shown.words
        assert "style-src 'sha256-" in answer.headers["Content-Security-Policy"]
    assert "noch nicht hinterlegt" in Page((await door.get("/imprint")).text).words
    assert "Prüfgruppe" in Page((await door.get("/easy-language")).text).words
    own = Page(html._text(PARTICIPANT, "imprint", f"{EVIL}\n\nZweiter Absatz", "de").decode())
    assert len(own.named("p")) == 2
    assert own.named("script") == []
    english = Page((await door.get("/accessibility?lang=en")).text)
    assert english.named("html") == [{"lang": "en"}]
