"""A record as kept says little; as published it is complete, and no node of it belongs to another dataset."""

import msgspec

from connector.kernel.metadata.record.model import (
    Agent,
    Box,
    Checksum,
    Contact,
    DataService,
    DatasetRecord,
    Distribution,
    Place,
    Publisher,
    Series,
    filled,
    named,
)

AT = "https://town.example/datasets/1"
AGENT = Agent(iri="https://town.example/#publisher", name={"de": "Musterstadt"})
KEY = Place(iri="http://dcat-ap.de/def/politicalGeocoding/municipalityKey/09999001")
PUBLISHER = Publisher(
    agent=AGENT,
    contact=Contact(email="a@town.example"),
    contributor="https://list.example/town",
    places=(KEY, Place(box=Box(11.0, 49.4, 11.2, 49.5))),
    languages=("https://list.example/DEU",),
)
BARE = DatasetRecord(iri=AT, title={"de": "Bäume"}, licence="https://list.example/by", distributions=(Distribution(),))


def test_only_what_is_said_is_kept() -> None:
    """>> a record with two answers << JSON of just those, which reads as it was."""
    said = DatasetRecord(title={"de": "Bäume"}, keywords={"de": ("Baum", "Stadtgrün")})
    text = msgspec.json.encode(said)
    assert text == '{"title":{"de":"Bäume"},"keywords":{"de":["Baum","Stadtgrün"]}}'.encode()
    assert msgspec.json.decode(text, type=DatasetRecord) == said


def test_the_publisher_says_the_rest() -> None:
    found = filled(BARE, PUBLISHER)
    assert found.publisher == AGENT
    assert [one.iri for one in found.contacts] == [f"{AT}#contact"]
    assert found.contributors == ("https://list.example/town",)
    assert [one.iri for one in found.places] == [KEY.iri, f"{AT}#area"]
    assert found.distributions[0].licence == BARE.licence
    assert found.distributions[0].languages == ("https://list.example/DEU",)


def test_what_the_record_says_itself_stays() -> None:
    contact = Contact(name="Grünflächenamt", url="https://town.example/gruen")
    found = filled(msgspec.structs.replace(BARE, contacts=(contact,), availability="https://list.example/x"), PUBLISHER)
    assert [one.name for one in found.contacts] == ["Grünflächenamt"]
    assert found.availability == "https://list.example/x"


def test_nobody_is_no_contact() -> None:
    """>> a publisher without e-mail, page or telephone << no contact: an empty one is a violation."""
    assert filled(BARE, msgspec.structs.replace(PUBLISHER, contact=Contact(name="Rathaus"))).contacts == ()


def test_each_node_has_a_name_of_its_own() -> None:
    """>> three files, one with a name from elsewhere, two with checksums and a service << no name twice."""
    files = (
        Distribution(checksum=Checksum(value="00"), service=DataService(endpoint="https://a.example")),
        Distribution(iri=f"{AT}#file-2", checksum=Checksum(value="11")),
        Distribution(),
    )
    found = named(msgspec.structs.replace(BARE, distributions=files))
    assert [one.iri for one in found.distributions] == [f"{AT}#file", f"{AT}#file-2", f"{AT}#file-3"]
    assert [one.checksum.iri for one in found.distributions if one.checksum] == [f"{AT}#checksum", f"{AT}#checksum-2"]
    assert [one.service.licence for one in found.distributions if one.service] == [BARE.licence]


def test_nodes_of_a_series_hang_under_the_series() -> None:
    series = Series(iri="https://town.example/series/1", contact=Contact(email="a@b.example"), places=(Place(),))
    (found,) = named(msgspec.structs.replace(BARE, series=(series,))).series
    assert found.contact is not None
    assert found.contact.iri == "https://town.example/series/1#contact"
    assert found.places[0].iri == "https://town.example/series/1#area"


def test_to_name_twice_changes_nothing() -> None:
    once = filled(BARE, PUBLISHER)
    assert filled(once, PUBLISHER) == once


def test_an_area_of_its_own_lies_in_the_named_places_of_the_publisher() -> None:
    """>> nothing, an area, an area and a name << all of the publisher's; beside its named ones; as it was said."""
    area, elsewhere = Place(box=Box(8.6, 49.8, 8.7, 49.9)), Place(iri="https://list.example/elsewhere")

    def places(*own: Place) -> list[str | Box | None]:
        found = filled(msgspec.structs.replace(BARE, places=own), PUBLISHER).places
        return [one.box or one.iri for one in found]

    assert places() == [KEY.iri, Box(11.0, 49.4, 11.2, 49.5)]
    assert places(area) == [area.box, KEY.iri]
    assert places(area, elsewhere) == [area.box, elsewhere.iri]
