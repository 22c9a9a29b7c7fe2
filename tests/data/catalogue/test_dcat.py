"""The catalogue on the wire: DSP JSON that the official schemas accept; what is ours alone has a full name."""

import json
from typing import Any

import pytest
from jsonschema import Draft201909Validator
from referencing import Registry, Resource

from connector.data.catalogue import dcat, store
from connector.data.catalogue.describe import FileElsewhere
from connector.data.catalogue.model import FORMATS
from connector.data.catalogue.service import OfferWish, Publication
from connector.identity.participants.publisher_details import PublisherChange
from tests.testkit.places import DSP
from tests.testkit.towns import Towns

TOWN = "musterstadt"
KNOWN = {"@id", "@type", "hasPolicy", "distribution"}


def common(towns: Towns) -> dcat.Common:
    return dcat.common(towns.participants.held(TOWN).participant)


async def published(towns: Towns, **wish: Any) -> dict[str, Any]:
    """Its entry, as the store gives it and the catalogue writes it."""
    dataset, _ = await towns.publish(TOWN, **wish)
    (shown,) = await towns.db.read(TOWN, store.shown, TOWN, [dataset.id])
    entry: dict[str, Any] = json.loads(dcat.dsp_dataset(common(towns), shown))
    return entry


async def test_an_entry_names_its_rule_its_format_and_its_connector(towns: Towns) -> None:
    entry = await published(towns)
    (offer,) = entry["hasPolicy"]
    assert "target" not in offer
    assert tuple(distribution["format"] for distribution in entry["distribution"]) == FORMATS
    for distribution in entry["distribution"]:
        assert distribution["accessService"]["endpointURL"] == f"https://localhost:18443/{TOWN}/2025-1"
    assert entry["dct:title"] == "Bäume"
    assert entry["dcat:byteSize"] == "8"
    assert "dct:description" not in entry


async def test_what_is_ours_has_a_full_or_prefixed_name(towns: Towns) -> None:
    """Another connector may ignore every further member: none of them has a bare name."""
    entry = await published(towns, description="Mit Höhe")
    assert all(":" in name for name in entry.keys() - KNOWN)


async def test_the_partner_learns_the_countersignature_setting(towns: Towns) -> None:
    for setting in ("required", "preferred", "none"):
        entry = await published(towns, countersignature=setting)
        assert entry["https://w3id.org/hanse/v1#countersignature"] == setting


async def test_of_several_offers_the_strictest_is_told(towns: Towns) -> None:
    """The member stands on the dataset: whoever takes one of its offers is not surprised by a demand."""
    dataset, _ = await towns.publish(TOWN, countersignature="none")
    for setting in ("required", "preferred"):
        wish = OfferWish(rule="municipal-purpose", slots={"until": "31.12.2099"}, countersignature=setting)
        await towns.db.write(TOWN, towns.catalogue.offer, TOWN, dataset.uuid, wish)
        (shown,) = await towns.db.read(TOWN, store.shown, TOWN, [dataset.id])
        entry = json.loads(dcat.dsp_dataset(common(towns), shown))
        assert entry["https://w3id.org/hanse/v1#countersignature"] == "required"


async def test_neither_the_place_nor_the_file_name_of_the_source_is_told(towns: Towns) -> None:
    """A catalogue entry says nothing of where the bytes lie in the house."""
    text = json.dumps(await published(towns))
    assert "baeume.csv" not in text
    assert '"location"' not in text
    assert '"source"' not in text


async def test_open_data_says_where_it_is_had_without_a_contract(towns: Towns) -> None:
    """>> open under a by-licence, open under none that asks for anything << both say the address; one has no offer."""
    open_data = {"access": "open", "rule": "", "slots": {}}
    entry = await published(towns, licence="dl-by-de/2.0", themes=["ENVI"], start="2026", **open_data)
    assert entry["dcat:downloadURL"] == [{"@id": f"{entry['@id']}/baeume.csv"}]
    assert entry["dcat:landingPage"] == {"@id": f"{entry['@id']}.html"}
    assert entry["dct:license"] == {"@id": "http://dcat-ap.de/def/licenses/dl-by-de/2.0"}
    assert entry["dcat:theme"] == [{"@id": "http://publications.europa.eu/resource/authority/data-theme/ENVI"}]
    assert entry["dct:temporal"] == {"@type": "dct:PeriodOfTime", "dcat:startDate": "2026"}
    wish = Publication(
        title="Luft", access="open", licence="cc-zero", files=[FileElsewhere(url="https://a.example/x.csv")]
    )
    dataset, _ = await towns.db.write(TOWN, towns.catalogue.publish, TOWN, wish)
    (shown,) = await towns.db.read(TOWN, store.shown, TOWN, [dataset.id])
    entry = json.loads(dcat.dsp_dataset(common(towns), shown))
    assert shown.public
    (way,) = entry["distribution"]
    assert way["dcat:downloadURL"] == way["dcat:accessURL"] == {"@id": "https://a.example/x.csv"}
    assert way["dct:license"] == entry["dct:license"] == {"@id": "http://dcat-ap.de/def/licenses/cc-zero"}
    assert not {"hasPolicy", "dcat:downloadURL", "dcat:mediaType"} & entry.keys()


@pytest.mark.skipif(not DSP.is_dir(), reason="official DSP artefacts absent: put them at ../shared/data/dsp")
async def test_the_official_schema_accepts_the_catalogue(towns: Towns) -> None:
    schemas = [json.loads(path.read_text()) for path in DSP.rglob("*-schema.json")]
    registry: Registry[Any] = Registry().with_resources(
        [(schema["$id"], Resource.from_contents(schema)) for schema in schemas]
    )
    schema = next(one for one in schemas if one["$id"].endswith("catalog/catalog-schema.json"))
    await towns.participants.change(TOWN, PublisherChange(ars="010010000000", box=(9.3, 54.7, 9.6, 54.9)))
    participant = towns.participants.held(TOWN).participant
    for count in (0, 2):
        said = {
            "keywords": ["Baum"],
            "licence": "other-closed",
            "themes": ["ENVI"],
            "start": "2026",
            "access": "announced",
        }
        entries = [json.dumps(await published(towns, **said)).encode() for _ in range(count)]
        catalogue = json.loads(dcat.dsp_catalogue(participant, entries))
        assert [len(one["dct:spatial"]) for one in catalogue.get("dataset", [])] == [2] * count
        Draft201909Validator(schema, registry=registry).validate(catalogue)
