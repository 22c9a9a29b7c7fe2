"""What everybody may read of a town, complete and by the official shapes; and what nobody but members learns (T75)."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import convert
from pyoxigraph import NamedNode, Triple

from connector.data.catalogue.life import DatasetChange
from connector.data.catalogue.model import Dataset
from connector.data.catalogue.public import PublicCatalogue, Withdrawn, download_address
from connector.data.catalogue.service import Publication
from connector.data.sources.model import Source
from connector.foundation.errors import Unknown
from connector.identity.participants.publisher_details import PublisherChange
from connector.kernel.metadata.project import dcat_ap, schema_org
from connector.kernel.metadata.rdf.graph import Graph
from connector.kernel.metadata.rdf.names import DCAT, DCATAP, DCT, HVD_LAW
from connector.kernel.policy.engine import Requester
from tests.kernel.metadata.project.records import MOST, reached
from tests.testkit.cities import MUNICIPALITY
from tests.testkit.places import SHARED
from tests.testkit.towns import Towns

TOWN, ELSEWHERE = "musterstadt", "nachbardorf"
ROOT = f"https://localhost:18443/{TOWN}"
REQUESTER = Requester(did="did:web:localhost%3A18443:nachbardorf", kind=MUNICIPALITY)
SAID = PublisherChange(
    ars="095640000000",
    contact_name="Open-Data-Stelle",
    contact_email="opendata@musterstadt.example",
    contact_url="https://www.musterstadt.example/opendata",
    contributor="stadtNuernberg",
    box=(11.0, 49.4, 11.2, 49.5),
)
OPEN: dict[str, Any] = {
    "title": "Baumkataster 2026",
    "description": "Alle Bäume",
    "licence": "dl-by-de/2.0",
    "themes": ["ENVI"],
    "keywords": ["Baum"],
    "frequency": "ANNUAL",
    "access": "open",
    "start": "2026",
    "end": "2026",
    "series": "Baumkataster",
    "concept": "floraUndFauna/baumbestand/baumkataster",
    "rule": "",
    "slots": {},
    "translations": {"en": {"title": "Tree register 2026", "description": "All trees", "keywords": ["tree"]}},
}
HIGH_VALUE: dict[str, Any] = {
    "title": "Pegelstände",
    "description": "Alle 15 Minuten",
    "licence": "cc-by/4.0",
    "access": "open",
    "frequency": "15MIN",
    "hvd": ["c_e5f69a04"],
    "rule": "",
    "slots": {},
    "api": {
        "endpoint": "https://api.musterstadt.example/pegel",
        "description": "https://api.musterstadt.example/openapi",
    },
}
ANNOUNCED: dict[str, Any] = {"title": "Wärmebedarf", "access": "announced", "themes": ["ENER"], "keywords": ["Energie"]}
ALONE: dict[str, Any] = {"title": "Bald", "access": "announced"}
AWAY: dict[str, Any] = {
    "title": "Luft",
    "licence": "cc-zero",
    "access": "open",
    "files": [{"url": "https://daten.example/luft.csv"}],
}
HIDDEN: dict[str, Any] = {"title": "Sirenen", "description": "geheim"}


async def publish(towns: Towns, wish: dict[str, Any], name: str = "daten.csv") -> Dataset:
    """With a file unless its files lie elsewhere or it is only announced."""
    if wish not in (ALONE, AWAY):
        towns.file_name = name
        base: dict[str, Any] = {"rule": "municipal-purpose", "slots": {"until": "31.12.2099"}, **wish}
        source = Source(
            id=f"{name}-{wish['title']}",
            kind="file",
            location="0" * 64,
            name=name,
            media_type="text/csv",
            bytes=8,
            sha256="0" * 64,
        )
        await towns.db.write(TOWN, towns.catalogue.register, TOWN, source)
        wish = {**base, "source": source.id}
    dataset, _ = await towns.db.write(TOWN, towns.catalogue.publish, TOWN, convert(wish, Publication))
    return dataset


async def read(towns: Towns, slug: str = TOWN) -> PublicCatalogue:
    return await towns.db.read(slug, towns.catalogue.public.catalogue, slug)


def triples(found: PublicCatalogue) -> Sequence[Triple]:
    """The whole catalogue on one page."""
    node = dcat_ap.catalogue(found.node, [one.record.iri for one in found.datasets])
    return [*node, *(triple for one in found.datasets for triple in dcat_ap.dataset(one.record))]


@pytest.mark.skipif(not SHARED.is_dir(), reason="official shapes absent: put them at ../shared/data/dcat")
async def test_what_is_published_conforms(towns: Towns) -> None:
    """>> open and high value in one series, announced, announced alone, elsewhere << nothing found, three profiles."""
    from tests.kernel.metadata.project import official_shapes

    await towns.participants.change(TOWN, SAID)
    for wish in (OPEN, {**HIGH_VALUE, "series": "Baumkataster"}, ANNOUNCED, ALONE, AWAY):
        await publish(towns, wish)
    found = triples(await read(towns))
    for profile in official_shapes.PROFILES:
        assert official_shapes.findings(profile, found) == []
    graph = Graph(found)
    for dataset in graph.instances(DCAT.Dataset):
        assert isinstance(dataset, NamedNode)
        assert len(reached(graph, dataset.value)) <= MOST


@pytest.mark.skipif(not SHARED.is_dir(), reason="official shapes absent: put them at ../shared/data/dcat")
async def test_a_town_that_said_nothing_of_itself_conforms_too(towns: Towns) -> None:
    from tests.kernel.metadata.project import official_shapes

    await publish(towns, {**OPEN, "series": ""})
    await publish(towns, ANNOUNCED)
    for profile in official_shapes.PROFILES:
        assert official_shapes.findings(profile, triples(await read(towns))) == []


async def test_the_three_forms_say_the_same(towns: Towns) -> None:
    """>> the same datasets as RDF, as schema.org and in the protocol << equal IRIs, titles, licences."""
    await towns.participants.change(TOWN, SAID)
    for wish in (OPEN, HIGH_VALUE, ANNOUNCED):
        await publish(towns, wish)
    found = await read(towns)
    graph = Graph(triples(found))
    rdf, search, protocol = set(), set(), set()
    for one in found.datasets:
        iri = NamedNode(one.record.iri)
        (title,) = [each.value for each in graph.values(iri, DCT.title) if getattr(each, "language", "") == "de"]
        files = graph.values(iri, DCAT.distribution)
        (licence,) = {each.value for file in files for each in graph.values(file, DCT.license)}
        rdf.add((one.record.iri, title, licence))
        page = schema_org.dataset(one.record)
        name = page["name"] if isinstance(page["name"], str) else page["name"][0]["@value"]
        search.add((page["@id"], name, page["license"]))
        seen = await towns.db.read(TOWN, towns.catalogue.pages.dataset, TOWN, REQUESTER, one.record.iri)
        entry = json.loads(seen or b"{}")
        assert entry["hasPolicy"][0]["@id"] != entry["@id"]
        protocol.add((entry["@id"], entry["dct:title"], entry["dct:license"]["@id"]))
    assert rdf == search == protocol
    assert len(rdf) == 3


@pytest.mark.threat("T75")
async def test_what_only_members_see_is_not_there_for_the_public(towns: Towns) -> None:
    """>> a dataset on contract << in no catalogue, by no name, in no count, in no word of any other."""
    hidden = await publish(towns, HIDDEN, name="sirenen-intern.gpkg")
    await publish(towns, OPEN)
    found = await read(towns)
    assert [one.record.title["de"] for one in found.datasets] == ["Baumkataster 2026"]
    text = msgspec.json.encode(found).decode()
    assert not [word for word in ("Sirenen", "geheim", "sirenen-intern", hidden.uuid) if word in text]
    for name in (hidden.uuid, hidden.id):
        with pytest.raises(Unknown) as caught:
            await towns.db.read(TOWN, towns.catalogue.public.dataset, TOWN, name)
        assert caught.value.status == 404
    with pytest.raises(Unknown):
        await towns.db.read(TOWN, towns.catalogue.public.download, TOWN, hidden.uuid, "sirenen-intern.gpkg")


@pytest.mark.threat("T75")
async def test_an_announcement_tells_neither_file_nor_hidden_rule(towns: Towns) -> None:
    """>> announced, its offer for the eligible alone << no file name, no size, no digest, no name of the offer."""
    dataset = await publish(towns, {**ANNOUNCED, "visibility": "eligible"}, name="waerme-intern.gpkg")
    found = await towns.db.read(TOWN, towns.catalogue.public.dataset, TOWN, dataset.uuid)
    text = msgspec.json.encode(found).decode()
    assert not [word for word in ("waerme-intern", "/offers/", "0" * 64) if word in text]
    (one,) = found.record.distributions
    assert (one.download_url, one.bytes) == ("", None)
    with pytest.raises(Unknown):
        await towns.db.read(TOWN, towns.catalogue.public.download, TOWN, dataset.uuid, "waerme-intern.gpkg")


@pytest.mark.threat("T75")
async def test_one_town_shows_nothing_of_another(towns: Towns) -> None:
    dataset = await publish(towns, OPEN)
    assert (await read(towns, ELSEWHERE)).datasets == ()
    for name in (dataset.uuid, dataset.id):
        with pytest.raises(Unknown):
            await towns.db.read(ELSEWHERE, towns.catalogue.public.dataset, ELSEWHERE, name)


async def test_open_data_is_had_without_a_contract(towns: Towns) -> None:
    """>> an open file with a name that needs escapes << one address, under that name alone, with digest and size."""
    dataset = await publish(towns, OPEN, name="Bäume & Büsche?.csv")
    found = await towns.db.read(TOWN, towns.catalogue.public.dataset, TOWN, dataset.uuid)
    (file,) = found.record.distributions
    assert file.download_url == file.access_url == f"{dataset.id}/B%C3%A4ume%20%26%20B%C3%BCsche%3F.csv"
    assert download_address(dataset.id, "a/b.csv") == f"{dataset.id}/a%2Fb.csv"
    source = await towns.db.read(TOWN, towns.catalogue.public.download, TOWN, dataset.uuid, "Bäume & Büsche?.csv")
    assert (source.sha256, source.bytes) == ("0" * 64, 8)
    for name in ("baeume.csv", "../Bäume & Büsche?.csv", ""):
        with pytest.raises(Unknown):
            await towns.db.read(TOWN, towns.catalogue.public.download, TOWN, dataset.uuid, name)


@pytest.mark.on_both
async def test_withdrawn_is_said_to_be_gone(towns: Towns) -> None:
    """>> withdrawn << 410 by its IRI and its file, in no catalogue and no series."""
    dataset = await publish(towns, OPEN)
    await towns.db.write(TOWN, towns.catalogue.life.withdraw, TOWN, dataset.uuid)
    assert (await read(towns)).datasets == ()
    for reading, more in ((towns.catalogue.public.dataset, ()), (towns.catalogue.public.download, ("daten.csv",))):
        with pytest.raises(Withdrawn) as caught:
            await towns.db.read(TOWN, reading, TOWN, dataset.uuid, *more)
        assert caught.value.status == 410
    with pytest.raises(Unknown):
        await towns.db.read(TOWN, towns.catalogue.public.series, TOWN, dataset.record.series[0].iri.rpartition("/")[2])


async def test_the_digest_moves_with_what_is_said_and_nothing_else(towns: Towns) -> None:
    """>> nothing, a hidden dataset, a contact, a keyword << same, same, all differ, one differs."""
    one, other = await publish(towns, OPEN), await publish(towns, AWAY)
    first = await read(towns)
    await publish(towns, HIDDEN)
    second = await read(towns)
    assert (second.digest, second.datasets) == (first.digest, first.datasets)
    await towns.participants.change(TOWN, PublisherChange(contact_email="a@b.example"))
    third = await read(towns)
    assert third.version > second.version
    assert not {each.digest for each in third.datasets} & {each.digest for each in second.datasets}
    assert [each.record.modified for each in third.datasets] == [each.record.modified for each in second.datasets]
    await towns.db.write(TOWN, towns.catalogue.life.change, TOWN, other.uuid, DatasetChange(keywords=["Luft"]))
    fourth = {each.record.iri: each.digest for each in (await read(towns)).datasets}
    before = {each.record.iri: each.digest for each in third.datasets}
    assert {iri for iri in fourth if fourth[iri] != before[iri]} == {other.id}
    assert list(fourth) == sorted([one.id, other.id])


@pytest.mark.on_both
async def test_another_replica_reads_what_one_was_told(towns: Towns, tmp_path: Path) -> None:
    """>> a second process over the same database, a contact changed by the first << its next page has it, whatever it
    has in memory: the count of changes would vouch for a page without it."""
    dataset = await publish(towns, OPEN)
    second = Towns(towns.db, tmp_path / "second")
    await second.participants.load()
    kept = second.participants.held(TOWN).participant
    await towns.participants.change(TOWN, PublisherChange(contact_email="neu@b.example"))
    found = await second.db.read(TOWN, second.catalogue.public.dataset, TOWN, dataset.uuid)
    assert [one.email for one in found.record.contacts] == ["neu@b.example"]
    assert kept.publisher.contact_email == ""


async def test_a_series_knows_its_public_editions(towns: Towns) -> None:
    """>> two editions and a hidden one << one series by its title, the two named."""
    editions = [await publish(towns, {**OPEN, "title": f"Bäume {year}"}, name=f"{year}.csv") for year in (2025, 2026)]
    await publish(towns, {**HIDDEN, "series": "Baumkataster"})
    iri = editions[0].record.series[0].iri
    found = await towns.db.read(TOWN, towns.catalogue.public.series, TOWN, iri.rpartition("/")[2])
    assert found.series.title == {"de": "Baumkataster"}
    assert found.members == tuple(sorted((one.id, one.record.title) for one in editions))
    assert iri.startswith(f"{ROOT}/series/")


async def test_a_series_with_an_edition_of_high_value_is_of_high_value(towns: Towns) -> None:
    """>> an ordinary and a high-value dataset in one series << taken, and the series names category and law."""
    await towns.participants.change(TOWN, SAID)
    await publish(towns, {**OPEN, "series": "Messnetz"})
    dataset = await publish(towns, {**HIGH_VALUE, "series": "Messnetz"})
    uuid = dataset.record.series[0].iri.rpartition("/")[2]
    found = await towns.db.read(TOWN, towns.catalogue.public.series, TOWN, uuid)
    node, graph = NamedNode(found.series.iri), Graph(dcat_ap.series(found.series))
    assert graph.values(node, DCATAP.hvdCategory) == (NamedNode("http://data.europa.eu/bna/c_e5f69a04"),)
    assert graph.values(node, DCATAP.applicableLegislation) == (NamedNode(HVD_LAW),)
    assert len(found.members) == 2


async def test_a_series_alone_names_its_nodes(towns: Towns) -> None:
    """>> a publisher with a contact << the series by itself says what a page of its datasets says of it."""
    await towns.participants.change(TOWN, SAID)
    dataset = await publish(towns, OPEN)
    iri = dataset.record.series[0].iri
    found = await towns.db.read(TOWN, towns.catalogue.public.series, TOWN, iri.rpartition("/")[2])
    alone = dcat_ap.series(found.series)
    assert Graph(alone).values(NamedNode(iri), DCAT.contactPoint) == (NamedNode(f"{iri}#contact"),)
    whole = await towns.db.read(TOWN, towns.catalogue.public.dataset, TOWN, dataset.uuid)
    assert set(alone) <= set(dcat_ap.dataset(whole.record))


async def test_a_name_with_rights_of_others_is_named_as_source(towns: Towns) -> None:
    """A by-licence without a text would ask to name nobody: the publisher is named."""
    dataset = await publish(towns, OPEN)
    found = await towns.db.read(TOWN, towns.catalogue.public.dataset, TOWN, dataset.uuid)
    assert found.record.distributions[0].attribution == {"de": "Musterstadt"}
