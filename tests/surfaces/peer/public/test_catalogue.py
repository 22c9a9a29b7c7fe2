"""The harvest endpoint over HTTP: forms, conditions, paging, and what is not there (spec/metadata-harvest.md 1)."""

import gzip
from collections.abc import Iterator

import msgspec
import pytest
from msgspec.structs import replace
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse

from connector.data.catalogue import series_store
from connector.data.catalogue.snapshots import making
from connector.foundation.clock import FakeClock
from connector.foundation.errors import Unavailable
from connector.foundation.storage.database import Tx
from connector.identity.participants.publisher_details import PublisherChange
from connector.kernel.metadata.rdf.fragments import MEDIA
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import DCAT, DCT, FOAF, HYDRA, RDF
from connector.kernel.metadata.record.model import Contact, Period, Series
from connector.surfaces.peer.public import catalogue
from tests.surfaces.peer.public.portal import ROOT, TOWN, Answer, Portal, change, portal, put, uuid
from tests.testkit.places import SHARED
from tests.testkit.towns import Towns

SECRET = "Gehaltsliste"
SERIES = f"{ROOT}/series/{uuid(99)}"


def graph(answer: Answer, form: str = "rdf") -> Graph:
    format = RdfFormat.from_media_type(MEDIA[form])  # type: ignore[index]
    return Graph(Triple(one.subject, one.predicate, one.object) for one in parse(answer.body, format))


def datasets(answer: Answer, form: str = "rdf") -> set[str]:
    return {str(one.value) for one in graph(answer, form).instances(DCAT.Dataset)}


def paging(answer: Answer) -> dict[str, str]:
    """What the page says of itself, by the local name of the property."""
    found = graph(answer)
    (page,) = found.instances(HYDRA.PagedCollection)
    assert found.is_a(page, HYDRA.PartialCollectionView)
    return {
        one.predicate.value.rpartition("#")[2]: getattr(one.object, "value", "")
        for one in found.about(page)
        if one.predicate != RDF.type
    }


async def fill(towns: Towns, count: int, **said: object) -> None:
    await towns.db.write(TOWN, lambda tx: [put(tx, number, **said) for number in range(count)])  # type: ignore[arg-type]


async def test_who_never_published_has_an_empty_catalogue(door: Portal) -> None:
    """>> nothing was ever published << 200 in each form: a catalogue with its publisher, no dataset, no next."""
    for form in MEDIA:
        answer = await door.get(f"/catalog.{form}")
        found = graph(answer, form)
        assert (answer.status, datasets(answer, form)) == (200, set())
        (node,) = found.instances(DCAT.Catalog)
        assert found.value(node, DCT.publisher) in found.instances(FOAF.Agent)
    assert "next" not in paging(await door.get("/catalog"))
    assert paging(await door.get("/catalog"))["totalItems"] == "0"


async def test_one_catalogue_in_four_forms(town: Towns, door: Portal) -> None:
    """>> the same snapshot by ending and by `Accept` << the same triples but for the addresses of pages; RDF/XML for
    whoever takes anything; each form is told apart by caches."""
    await fill(town, 3)
    said = []
    for form, media in MEDIA.items():
        by_ending, by_accept = await door.get(f"/catalog.{form}"), await door.get("/catalog", Accept=media)
        assert by_ending.body == by_accept.body
        assert by_ending.headers["Content-Type"].partition(";")[0] == media
        assert by_accept.headers["Vary"] == "Accept, Accept-Encoding"
        assert by_ending.headers["ETag"] == by_accept.headers["ETag"]
        triples = graph(by_ending, form)
        said.append({one for one in triples if "page=" not in str(one)})
    assert said[0] == said[1] == said[2] == said[3]
    for accept in ("", "*/*", "image/png"):
        assert (await door.get("/catalog", Accept=accept)).headers["Content-Type"] == "application/rdf+xml"
    assert (await door.get("/catalog")).headers["Link"] == '<https://www.dcat-ap.de/def/dcatde/3.0/>; rel="profile"'


async def test_head_is_get_without_a_body(town: Towns, door: Portal) -> None:
    """>> every public address << the same status and header fields, with the length of the body."""
    await fill(town, 1)
    named = f"/datasets/{uuid(0)}"
    paths = ["/catalog", *(f"/catalog.{form}" for form in (*MEDIA, "html")), named, f"{named}.ttl", f"{named}.html"]
    for path in paths:
        head, got = await door.head(path), await door.get(path)
        fields = [{k: v for k, v in one.headers.items() if k not in ("Date", "X-Request-ID")} for one in (head, got)]
        assert (head.status, head.body, fields[0]) == (200, b"", fields[1]), path
        assert head.headers["Content-Length"] == str(len(got.body))


async def test_pages_lead_to_each_other_in_both_words_of_hydra(town: Towns, door: Portal) -> None:
    """>> 250 datasets << three pages of one snapshot, with next, previous, first and last in the old and the new
    vocabulary; each is complete in itself."""
    await fill(town, 250)
    first = await door.get("/catalog.rdf")
    pages = [first]
    while (following := paging(pages[-1]).get("next")) is not None:
        pages.append(await door.get(following))
    said = [paging(page) for page in pages]
    assert [len(datasets(page)) for page in pages] == [100, 100, 50]
    assert len(set.union(*map(datasets, pages))) == 250
    for number, one in enumerate(said):
        assert (one["totalItems"], one["itemsPerPage"]) == ("250", "100")
        assert one["first"] == one["firstPage"] == said[1]["previous"] == said[1]["previousPage"]
        assert one["last"] == one["lastPage"] == said[1]["next"] == said[1]["nextPage"]
        assert one["first"].startswith(f"{ROOT}/catalog.rdf?snap=")
        found = graph(pages[number])
        assert {found.value(NamedNode(iri), DCT.publisher) for iri in datasets(pages[number])} == set(
            found.instances(FOAF.Agent)
        )
        (node,) = found.instances(DCAT.Catalog)
        assert {str(getattr(iri, "value", "")) for iri in found.values(node, DCAT.dataset)} == datasets(pages[number])
    assert "previous" not in said[0]
    assert "next" not in said[2]


async def test_what_is_not_there_is_gone_and_never_empty(town: Towns, door: Portal) -> None:
    """>> an unknown snapshot, a page beyond the last, a further page of no snapshot, nonsense << 410 in words."""
    await fill(town, 1)
    snap = paging(await door.get("/catalog"))["first"].partition("snap=")[2].partition("&")[0]
    for query in (
        "snap=0",
        f"snap={'f' * 64}",
        f"snap={snap}&page=2",
        f"snap={snap}&page=0",
        "page=2",
        "page=-1",
        "page=x",
        f"snap={snap}&page=99999999999999999999",
        f"snap={snap}x",
        "snap=",
        "page=%00",
    ):
        for form in ("rdf", "html"):
            answer = await door.get(f"/catalog.{form}?{query}")
            assert answer.status == 410, (query, answer.text)
    assert (await door.get(f"/catalog.rdf?snap={snap}&page=1")).status == 200


async def test_what_fails_inside_is_our_fault(town: Towns, door: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> the database is out of reach, then a defect << 503 and 500, never a catalogue without datasets."""
    await fill(town, 1)
    for error, status in ((Unavailable("storage.contended"), 503), (RuntimeError("boom"), 500)):

        def fails(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(making.store, "newest", fails)
        assert (await door.get("/catalog")).status == status


async def test_who_has_it_already_is_told_so(town: Towns, door: Portal) -> None:
    """>> the same tag, the same instant, then a change << 304 twice, then the new catalogue."""
    await fill(town, 1)
    before = await door.get("/catalog")
    tag, instant = before.headers["ETag"], before.headers["Last-Modified"]
    for sent in ({"If_None_Match": tag}, {"If_None_Match": f'"x", W/{tag}'}, {"If_Modified_Since": instant}):
        answer = await door.get("/catalog", **sent)
        assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", tag)
    assert (await door.get("/catalog", If_None_Match='"x"', If_Modified_Since=instant)).status == 200
    await town.db.write(TOWN, lambda tx: put(tx, 2))
    assert (await door.get("/catalog", If_None_Match=tag)).status == 200
    assert (await door.get("/catalog", If_Modified_Since=instant)).status == 200


async def test_it_comes_as_gzip_to_who_takes_it(town: Towns, door: Portal) -> None:
    await fill(town, 100)
    plain, zipped = await door.get("/catalog"), await door.get("/catalog", Accept_Encoding="br, gzip;q=0.8")
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(zipped.body) == plain.body
    assert len(zipped.body) < len(plain.body) / 5
    assert zipped.headers["ETag"] != plain.headers["ETag"]
    refused = await door.get("/catalog", Accept_Encoding="gzip;q=0, identity")
    assert "Content-Encoding" not in refused.headers


@pytest.mark.parametrize("form", MEDIA)
async def test_the_whole_in_one_document(town: Towns, door: Portal, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> `?full=1` of datasets on three pages << one document with all of them and nothing to follow; gzip is the
    same."""
    monkeypatch.setattr(making, "PER_PAGE", 20)
    await fill(town, 50)
    plain = await door.get(f"/catalog.{form}?full=1")
    zipped = await door.get(f"/catalog.{form}?full=1", Accept_Encoding="gzip")
    assert gzip.decompress(zipped.body) == plain.body
    assert len(datasets(plain, form)) == 50
    assert list(graph(plain, form).instances(HYDRA.PagedCollection)) == []
    assert paging(await door.get("/catalog"))["last"].endswith("page=3")
    assert (await door.get(f"/catalog.{form}?full=1", If_None_Match=plain.headers["ETag"])).status == 304


@pytest.mark.threat("T82")
async def test_a_whole_that_is_too_large_is_refused(town: Towns, door: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "MOST_FULL", 2)
    await fill(town, 3)
    answer = await door.get("/catalog?full=1")
    assert (answer.status, "hydra:next" in answer.text) == (400, True)


async def test_a_dataset_by_its_own_iri(town: Towns, door: Portal) -> None:
    """>> the IRI in each form << what is said of it in the catalogue, and nothing of others."""
    await fill(town, 2)
    iri = f"{ROOT}/datasets/{uuid(0)}"
    page = graph(await door.get("/catalog.nt"), "nt")
    for form, media in MEDIA.items():
        answer = await door.get(iri, Accept=media)
        assert answer.body == (await door.get(f"{iri}.{form}")).body
        assert datasets(answer, form) == {iri}
        assert set(graph(answer, form)) <= set(page)
    tag = (await door.get(iri)).headers["ETag"]
    assert (await door.get(iri, If_None_Match=tag)).status == 304


async def test_a_series_by_its_own_iri(town: Towns, door: Portal) -> None:
    """>> a series with one public dataset and one for members << its description with the contact of the town; only the
    public one on its page."""
    await town.participants.change(TOWN, PublisherChange(contact_email="daten@musterstadt.example"))

    def enter(tx: Tx) -> None:
        known = Series(iri=SERIES, title={"de": "Bäume"})
        series_store.insert_series(tx, TOWN, SERIES, "Bäume", msgspec.json.encode(known).decode())
        put(tx, 0, series=(known,))
        put(tx, 1, access="contract", title={"de": SECRET}, series=(known,))

    await town.db.write(TOWN, enter)
    answer = await door.get(SERIES)
    assert [str(one.value) for one in graph(answer).instances(DCAT.DatasetSeries)] == [SERIES]
    assert graph(answer).values(NamedNode(SERIES), DCAT.contactPoint) == (NamedNode(f"{SERIES}#contact"),)
    page = await door.get(SERIES, Accept="text/html")
    assert f"{ROOT}/datasets/{uuid(0)}" in page.text
    assert uuid(1) not in page.text
    assert SECRET not in page.text
    assert (await door.get(f"{ROOT}/series/{uuid(5)}")).status == 404


async def test_withdrawn_is_gone_and_unknown_was_never_there(town: Towns, door: Portal) -> None:
    """>> a dataset is withdrawn << it is in no new catalogue; its IRI says that (410), unknown ones 404."""
    made = await town.db.write(TOWN, lambda tx: put(tx, 0, title={"de": SECRET}))
    assert datasets(await door.get("/catalog")) == {made.id}
    await town.db.write(TOWN, lambda tx: change(tx, made, state="withdrawn"))
    assert datasets(await door.get("/catalog")) == set()
    gone = await door.get(made.id)
    assert (gone.status, [str(one.predicate.value) for one in graph(gone)]) == (
        410,
        ["http://www.w3.org/ns/adms#status"],
    )
    page = await door.get(made.id, Accept="text/html")
    assert (page.status, "Zurückgezogen" in page.text, SECRET in page.text) == (410, True, False)
    assert (await door.get(f"{made.id}/b%C3%A4ume.csv")).status == 410
    for form in ("rdf", "html"):
        assert (await door.get(f"/datasets/{uuid(7)}.{form}")).status == 404


@pytest.mark.threat("T83")
@pytest.mark.parametrize("how", [{"state": "withdrawn"}, {"access": "contract"}], ids=["withdrawn", "members"])
async def test_what_was_taken_back_is_in_no_older_snapshot(town: Towns, door: Portal, how: dict[str, str]) -> None:
    """>> one of two datasets is taken back, and somebody kept the address of a page << it is on none, in no form and
    not in the whole; the other is, as it was; what a cache kept is not confirmed, what is left is."""
    made = await town.db.write(TOWN, lambda tx: [put(tx, 0, title={"de": SECRET}), put(tx, 1)])
    first = graph(await door.get("/catalog"))
    snap = next(str(one.value) for one in first.subjects if "snap=" in str(one.value)).partition("?")[2]
    kept = {form: (await door.get(f"/catalog.{form}?{snap}")).headers["ETag"] for form in (*MEDIA, "html")}
    await town.db.write(TOWN, lambda tx: change(tx, made[0], **how))
    for form, tag in kept.items():
        for query in (snap, f"{snap}&full=1"):
            answer = await door.get(f"/catalog.{form}?{query}", **{"If-None-Match": tag})
            assert (answer.status, SECRET in answer.text, uuid(1) in answer.text) == (200, False, True)
            assert "Last-Modified" not in answer.headers
            again = await door.get(f"/catalog.{form}?{query}", **{"If-None-Match": answer.headers["ETag"]})
            assert again.status == 304
    assert datasets(await door.get(f"/catalog?{snap}")) == {made[1].id}


@pytest.mark.threat("T83")
async def test_what_is_for_members_is_not_there_for_the_public(town: Towns, door: Portal) -> None:
    """>> a dataset on contract alone, also after it was withdrawn << in no form, on no page, in no count, by no name;
    and the file of an announced one has no name."""

    def enter(tx: Tx) -> None:
        put(tx, 0, access="contract", title={"de": SECRET}, keywords={"de": (SECRET,)})
        put(tx, 1, access="announced", title={"de": "Wärme"})
        change(tx, put(tx, 2, access="contract", title={"de": SECRET}), state="withdrawn")

    await town.db.write(TOWN, enter)
    for form in (*MEDIA, "html"):
        for query in ("", "?full=1"):
            answer = await door.get(f"/catalog.{form}{query}")
            assert (answer.status, SECRET in answer.text) == (200, False)
            assert not {uuid(0), uuid(2)} & {word[:36] for word in answer.text.split("/datasets/")}
            assert "bäume.csv" not in answer.text
    assert paging(await door.get("/catalog"))["totalItems"] == "1"
    unknown = await door.get(f"/datasets/{uuid(9)}")
    for number in (0, 2):
        for path in (f"/datasets/{uuid(number)}", f"/datasets/{uuid(number)}/b%C3%A4ume.csv"):
            answer = await door.get(path)
            assert (answer.status, answer.headers["Content-Type"]) == (404, unknown.headers["Content-Type"])
            assert SECRET not in answer.text


@pytest.mark.threat("T83")
async def test_what_stops_being_public_is_hidden_at_once(town: Towns, door: Portal) -> None:
    """>> an open dataset becomes one for members << the next catalogue is without it, its IRI is unknown, no file."""
    made = await town.db.write(TOWN, lambda tx: put(tx, 0))
    assert datasets(await door.get("/catalog")) == {made.id}
    hidden = replace(made.record, access="contract")
    await town.db.write(TOWN, lambda tx: change(tx, made, record=hidden, access="contract"))
    assert datasets(await door.get("/catalog")) == set()
    for path in (made.id, f"{made.id}/b%C3%A4ume.csv"):
        assert (await door.get(path)).status == 404


@pytest.mark.threat("T83")
async def test_addresses_come_from_our_settings(town: Towns, door: Portal) -> None:
    """>> a request under the name of another host << every address begins with the town's root all the same."""
    await fill(town, 101)
    for path in ("/catalog.ttl", "/catalog.html", f"/datasets/{uuid(0)}.jsonld"):
        answer = await door.get(path, Host="evil.example", X_Forwarded_Host="evil.example")
        assert (answer.status, "evil" in answer.text, ROOT in answer.text) == (200, False, True)


@pytest.mark.threat("T82")
async def test_a_burst_of_heads_is_answered_and_a_flood_is_not(town: Towns, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a burst of HEAD, then more << all answered, then 429 with the second to wait; after that second 50 more.

    1 000 are what a portal may ask of ten thousand datasets; here 100 are enough of a burst.
    """
    assert catalogue.BURST == 1_000
    monkeypatch.setattr(catalogue, "BURST", 100)
    await fill(town, 1)
    clock = FakeClock()
    async with portal(town, clock=clock) as door:
        assert {(await door.head("/catalog")).status for _ in range(catalogue.BURST)} == {200}
        refused = await door.head("/catalog")
        assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
        clock.advance(1_000)
        assert [(await door.head("/catalog")).status for _ in range(51)] == [200] * 50 + [429]


@pytest.mark.threat("T83")
async def test_who_leaves_shows_nothing_any_more(town: Towns, door: Portal) -> None:
    """>> the participant begins to leave << its catalogue is empty and portals delete it, IRIs and files answer 410."""
    await fill(town, 2)
    assert len(datasets(await door.get("/catalog"))) == 2
    await town.db.write(TOWN, lambda tx: tx.run("UPDATE participant SET state = 'closing' WHERE id = :id", id=TOWN))
    assert datasets(await door.get("/catalog")) == set()
    for path in (f"/datasets/{uuid(0)}", f"/datasets/{uuid(0)}/b%C3%A4ume.csv"):
        assert (await door.get(path)).status == 410


def _texts(found: Graph) -> Iterator[str]:
    return (str(one.object.value) for one in found if isinstance(one.object, Literal))


@pytest.mark.threat("T83")
async def test_who_published_is_no_part_of_what_is_published(town: Towns, door: Portal) -> None:
    """>> a steward's name in the log, and the house's address as contact << the contact alone is public."""
    await town.db.write(TOWN, lambda tx: put(tx, 0, contacts=(Contact(name="Open-Data-Stelle", email="od@m.example"),)))
    texts = set(_texts(graph(await door.get("/catalog"))))
    assert "Open-Data-Stelle" in texts
    assert not any("steward" in text or "operator" in text for text in texts)


@pytest.mark.skipif(not SHARED.is_dir(), reason="official shapes absent: put them at ../shared/data/dcat")
@pytest.mark.parametrize("profile", ["DE30", "AP301", "HVD"])
async def test_a_page_as_served_violates_nothing(town: Towns, door: Portal, profile: str) -> None:
    """>> open and announced datasets through the whole endpoint << the official shapes find nothing on the page."""
    from tests.kernel.metadata.project import official_shapes

    contact = (Contact(name="Open-Data-Stelle", email="od@m.example"),)
    said = {
        "description": {"de": "Alle"},
        "themes": ("http://publications.europa.eu/resource/authority/data-theme/ENVI",),
    }

    def enter(tx: Tx) -> None:
        put(tx, 0, contacts=contact, periods=(Period(start="2026-01-01"),), **said)
        put(tx, 1, access="announced", contacts=contact, licence="http://dcat-ap.de/def/licenses/other-closed", **said)

    await town.db.write(TOWN, enter)
    page = list(graph(await door.get("/catalog")))
    assert official_shapes.findings(profile, page) == []


async def test_the_root_leads_to_the_catalogue(door: Portal) -> None:
    answer = await door.get(ROOT)
    assert (answer.status, answer.headers["Location"]) == (303, f"{ROOT}/catalog.html")
