"""What people are shown of a stranger's entry: where the data are, under which licence, whom to ask."""

from typing import Any

import pytest

from connector.surfaces.views.dataset import (
    LONGEST_ADDRESS,
    MOST_ADDRESSES,
    HitView,
    Whereabouts,
    format_name,
    hit,
    whereabouts,
)

VCARD = "http://www.w3.org/2006/vcard/ns#"
FILE = "https://files.example/trees.csv"


def shown(**said: Any) -> HitView:
    members = {name.replace("_", ":"): value for name, value in said.items()}
    return hit("did:web:a", "A", {"@id": "urn:d", "dct:title": "Bäume", **members}, [], "2026-01-01T00:00:00Z", "copy")


def test_where_the_data_are_is_read_from_the_dataset_and_its_distributions() -> None:
    """>> the same file twice, a portal, its own page, a contact << each once, under what it is."""
    page = "https://town.example/trees"
    ways = [
        {"dcat:accessURL": {"@id": FILE}, "dcat:downloadURL": {"@id": FILE}},
        {"dcat:accessURL": {"@id": "https://portal.example/"}},
        {"dcat:accessURL": {"@id": page}},
    ]
    contact = {f"{VCARD}fn": "Gartenamt", f"{VCARD}hasEmail": {"@id": "mailto:trees@town.example"}}
    found = whereabouts(
        {
            "dcat:downloadURL": [{"@id": FILE}],
            "distribution": ways,
            "dcat:landingPage": {"@id": page},
            "dcat:contactPoint": [{}, contact],
        }
    )
    assert found == Whereabouts(
        open=True,
        download=[FILE],
        access=["https://portal.example/"],
        landing_page=page,
        contact="Gartenamt, trees@town.example",
    )


@pytest.mark.threat("T80")
@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://town.example@evil.example/",
        "https://",
        "//a.example",
        "https://a.example/\x1b[2J",
        "https://a.example/\u202egnp",
        "https://a.example/ x",
        "https://[",
        7,
        None,
        {},
        ["https://a.example/"],
        "https://a.example/" + "x" * LONGEST_ADDRESS,
    ],
)
def test_what_is_no_address_is_not_shown(address: object) -> None:
    """>> in each place where one stands << nothing there, and the rest is shown."""
    way = {"dcat:accessURL": {"@id": address}, "dcat:downloadURL": {"@id": address}}
    found = shown(dcat_downloadURL={"@id": address}, dcat_landingPage={"@id": address}, distribution=[way, 7, FILE])
    assert (found.title, found.download, found.access, found.landing_page) == ("Bäume", [], [], "")


def test_there_are_only_so_many_addresses() -> None:
    ways = [{"dcat:downloadURL": {"@id": f"{FILE}?{number}"}} for number in range(100)]
    assert len(shown(distribution=ways).download) == MOST_ADDRESSES


def test_a_licence_has_a_label_in_both_languages() -> None:
    """>> of the dataset, of a distribution, on no list, none, no text << its label, its IRI made plain, nothing."""
    known = {"@id": "http://dcat-ap.de/def/licenses/cc-zero"}
    for found in (shown(dct_license=known), shown(distribution=[{"dct:license": known}])):
        assert found.licence is not None
        assert (found.licence.iri, set(found.licence.label)) == (known["@id"], {"de", "en"})
        assert known["@id"] not in found.licence.label.values()
    strange = shown(dct_license={"@id": "urn:x\n\x1b[2J"}).licence
    assert strange is not None
    assert strange.label == {"de": "urn:x [2J", "en": "urn:x [2J"}
    assert (shown().licence, shown(dct_license=[7, {}]).licence) == (None, None)


def test_without_a_file_it_is_open_by_its_licence() -> None:
    """>> a place where it is had, a page about it; each under an open licence, a closed one, none << the first."""
    ways = {"distribution": [{"dcat:accessURL": {"@id": "https://portal.example/"}}]}
    page = {"dcat_landingPage": {"@id": "https://portal.example/"}}
    licences: list[dict[str, Any]] = [
        {"dct_license": {"@id": f"http://dcat-ap.de/def/licenses/{name}"}} for name in ("cc-zero", "other-closed")
    ]
    found = [shown(**place, **licence).open for place in (ways, page) for licence in (*licences, {})]
    assert found == [True, False, False, False, False, False]


@pytest.mark.parametrize(
    ("media_type", "name"),
    [
        ("text/csv", "CSV"),
        ("text/csv; charset=utf-8", "CSV"),
        ("Application/Geo+JSON", "GeoJSON"),
        ("application/x-own", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_a_kind_of_file_has_a_name_that_people_know(media_type: object, name: str | None) -> None:
    assert format_name(media_type) == name
