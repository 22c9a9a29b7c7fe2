"""What a participant says of itself for its datasets: its key, and what follows from it."""

import pytest

from connector.foundation.errors import Mistake
from connector.identity.participants.publisher import (
    ADMS_TYPE,
    TYPES,
    changed,
    checked_address,
    checked_key,
    municipality_key,
    publisher,
)
from connector.identity.participants.publisher_details import PublisherChange, PublisherDetails
from connector.kernel.metadata.lists import code_lists as lists
from connector.kernel.metadata.record.model import Box
from connector.kernel.policy.odrl.names import HANSE
from tests.testkit.towns import Towns

MUNICIPALITY, COUNTY, STATE = HANSE + "municipality", HANSE + "county", HANSE + "stateAuthority"
NUREMBERG, COUNTY_KEY, VILLAGE = "095640000000", "095720000000", "095725501111"
GEOCODING = "http://dcat-ap.de/def/politicalGeocoding/"
NOTHING = PublisherDetails()


def test_types_of_publishers_are_those_of_the_code_list() -> None:
    for kind, code in TYPES.items():
        listed = lists.code_lists().by_code(lists.PUBLISHER_TYPE, code)
        assert listed is not None, code
        said = publisher("https://town.example", "Musterstadt", HANSE + kind, NOTHING).agent.kind
        assert said == ADMS_TYPE + code == listed.iri
    assert publisher("https://town.example", "Musterstadt", HANSE + "association", NOTHING).agent.kind == ""


def test_a_municipality_key_is_digits_one_to_five_and_ten_to_twelve() -> None:
    assert municipality_key(NUREMBERG) == "09564000"
    assert municipality_key(VILLAGE) == "09572111"


@pytest.mark.parametrize(
    ("kind", "key", "level", "place"),
    [
        (MUNICIPALITY, NUREMBERG, "municipality", "municipalityKey/09564000"),
        (MUNICIPALITY, VILLAGE, "municipality", "municipalityKey/09572111"),
        (COUNTY, COUNTY_KEY, "administrativeDistrict", "districtKey/09572"),
        (STATE, "090000000000", "state", "stateKey/09"),
        (HANSE + "municipalEnterprise", COUNTY_KEY, "administrativeDistrict", "districtKey/09572"),
        (HANSE + "municipalEnterprise", VILLAGE, "municipality", "municipalityKey/09572111"),
    ],
)
def test_level_and_place_follow_from_key_and_kind(kind: str, key: str, level: str, place: str) -> None:
    """A town that is no part of a county has zeros at its end, as a county has: the kind tells them apart."""
    found = publisher("https://town.example", "Musterstadt", kind, PublisherDetails(ars=key))
    assert found.level == f"{GEOCODING}Level/{level}"
    assert [one.iri for one in found.places] == [GEOCODING + place]


@pytest.mark.parametrize("key", ["", "0956400000", "995640000000", "000000000000", "09564000000x", "09564000000٣"])
def test_what_is_no_regional_key_is_refused(key: str) -> None:
    with pytest.raises(Mistake, match=r"participants\.ars"):
        checked_key(key, MUNICIPALITY)


def test_a_key_may_be_written_in_groups() -> None:
    assert checked_key("09 5 64 0000 000", MUNICIPALITY) == NUREMBERG


def test_a_county_has_the_key_of_a_county() -> None:
    """>> the key of a village << refused: all its datasets would name the village."""
    with pytest.raises(Mistake, match=r"participants\.ars-county"):
        checked_key(VILLAGE, COUNTY)


def test_the_kind_of_publisher_is_one_of_the_list() -> None:
    found = publisher("https://town.example/a", "Musterstadt", MUNICIPALITY, NOTHING)
    assert found.agent.kind == "http://purl.org/adms/publishertype/LocalAuthority"
    assert found.agent.iri == "https://town.example/a/#publisher"
    assert publisher("https://x.example", "X", HANSE + "networkOperator", NOTHING).agent.kind == ""


def test_without_an_address_there_is_no_contact() -> None:
    assert publisher("https://x.example", "X", MUNICIPALITY, PublisherDetails(contact_name="Amt")).contact is None
    found = publisher("https://x.example", "X", MUNICIPALITY, PublisherDetails(contact_email="a@b.example"))
    assert found.contact is not None
    assert found.contact.name == "X"


def test_what_is_not_said_stays_and_empty_takes_away() -> None:
    before = PublisherDetails(ars=NUREMBERG, contact_email="a@b.example", box=(11.0, 49.4, 11.2, 49.5))
    change = PublisherChange(contact_email="", contact_telephone="0911 2310", contributor="stadtnuernberg")
    after = changed(before, change, MUNICIPALITY)
    assert (after.ars, after.contact_email, after.box) == (NUREMBERG, "", before.box)
    with pytest.raises(Mistake, match=r"participants\.contact-last"):
        changed(before, PublisherChange(contact_email=""), MUNICIPALITY)
    assert after.contributor == "http://dcat-ap.de/def/contributors/stadtNuernberg"
    assert publisher("https://x.example", "X", MUNICIPALITY, after).places[-1].box == Box(11.0, 49.4, 11.2, 49.5)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"contact_email": "a@b"}, "contact-email"),
        ({"contact_email": "a@b.example>"}, "contact-email"),
        ({"contact_telephone": "tel"}, "contact-telephone"),
        ({"contact_url": "javascript:alert(1)"}, "address"),
        ({"contributor": "landRheinlandPfalz"}, "contributor"),
        ({"contributor": "https://elsewhere.example/stadtNuernberg"}, "contributor"),
        ({"box": (11.2, 49.4, 11.0, 49.5)}, "box"),
        ({"box": (11.0, float("nan"), 11.2, 49.5)}, "box"),
        ({"contact_name": "a\nb"}, "name"),
    ],
)
def test_what_cannot_be_is_refused(said: dict[str, object], code: str) -> None:
    with pytest.raises(Mistake, match=rf"participants\.{code}"):
        changed(NOTHING, PublisherChange(**said), MUNICIPALITY)  # type: ignore[arg-type]


def test_addresses_are_such_as_every_portal_reads() -> None:
    """>> brackets, spaces, other schemes, users, umlauts, quotes, no host, no port, half an escape << refused."""
    for url in (
        "https://a.example/b[1]",
        "https://a b.example",
        "ftp://a.example",
        "https://u@a.example",
        "https://",
        "https://a.example/ü",
        'https://a.example/"',
        "https://a.example:x/",
        "https://a.example/%z",
        "https://a#b#c",
    ):
        with pytest.raises(Mistake, match=r"participants\.address"):
            checked_address(url)


@pytest.mark.on_both
async def test_it_is_changed_for_good_and_the_log_names_no_address(towns: Towns) -> None:
    """>> change key and e-mail << both kept, also by whoever reads anew; the log says which fields, not what."""
    change = PublisherChange(ars=NUREMBERG, contact_email="opendata@musterstadt.example")
    hosted = await towns.participants.change("musterstadt", change)
    assert hosted.participant.publisher.ars == NUREMBERG
    await towns.participants.load()
    assert towns.participants.held("musterstadt").participant.publisher.contact_email == change.contact_email
    rows = await towns.rows("musterstadt", "SELECT record FROM audit_entry WHERE participant = :participant")
    logged = "".join(bytes(row["record"]).decode() for row in rows)
    assert "contact_email" in logged
    assert "opendata@" not in logged
    before = await towns.rows("musterstadt", "SELECT version FROM catalogue WHERE participant = :participant")
    assert (await towns.participants.change("musterstadt", change)).participant == hosted.participant
    assert before == await towns.rows("musterstadt", "SELECT version FROM catalogue WHERE participant = :participant")


async def test_who_is_here_already_is_not_changed_by_adding(towns: Towns) -> None:
    """>> the same participant with nothing said, the same, something else << stays, stays, a mistake."""
    change = PublisherChange(ars=NUREMBERG)
    await towns.participants.change("musterstadt", change)
    one = ("musterstadt", "Musterstadt", towns.participants.held("musterstadt").participant.kind, "", None)
    for said in (PublisherChange(), change):
        assert (await towns.participants.add(*one, said)).participant.publisher.ars == NUREMBERG
    with pytest.raises(Mistake, match=r"participants\.other-publisher"):
        await towns.participants.add(*one, PublisherChange(ars=VILLAGE))
