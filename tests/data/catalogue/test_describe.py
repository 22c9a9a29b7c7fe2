"""From answers to a record: values of lists, texts, dates, and what does not fit together."""

from typing import Any

import msgspec
import pytest

from connector.data.catalogue.describe import (
    NOTHING,
    Answers,
    attribution,
    closed_licence,
    coherent,
    described,
    is_open,
)
from connector.foundation.errors import Mistake
from connector.kernel.metadata.rdf.names import AUTHORITY
from connector.kernel.metadata.record.model import Box, DatasetRecord, Hvd, Period, Place

LICENCES = "http://dcat-ap.de/def/licenses/"


def record(before: DatasetRecord = NOTHING, **said: Any) -> DatasetRecord:
    return described(before, msgspec.convert({"title": "Bäume", **said}, Answers))


def refused(code: str, **said: Any) -> None:
    with pytest.raises(Mistake, match=code.replace(".", r"\.")):
        record(**said)


def test_codes_and_iris_are_the_same() -> None:
    """>> a licence by code, IRI, other capitals, its name << one IRI."""
    for licence in (
        "dl-by-de/2.0",
        "DL-BY-DE/2.0",
        LICENCES + "dl-by-de/2.0",
        "Datenlizenz Deutschland – Namensnennung – 2.0",
    ):
        assert record(licence=licence).licence == LICENCES + "dl-by-de/2.0"
    assert record(themes=["ENVI", "envi", AUTHORITY + "data-theme/ENVI"]).themes == (AUTHORITY + "data-theme/ENVI",)


def test_what_is_on_no_list_is_told_with_what_comes_near() -> None:
    with pytest.raises(Mistake) as caught:
        record(licence="dl-de-by-2.0")
    assert caught.value.facts["list"] == {"de": "Lizenzen", "en": "Licences"}
    assert "dl-by-de/2.0" in str(caught.value.facts["near"])
    refused("catalogue.not-listed", frequency="QUATSCH")
    refused("catalogue.not-listed", themes=["https://publications.europa.eu/resource/authority/data-theme/ENVI"])
    refused("catalogue.not-listed", hvd=["c_nonsense"])


def test_what_is_not_said_stays() -> None:
    before = record(description="Alle", keywords=["Baum", "Baum", " "], licence="cc-zero", start="2026")
    after = described(before, Answers(title="Stadtbäume"))
    assert after == msgspec.structs.replace(before, title={"de": "Stadtbäume"})
    assert before.keywords == {"de": ("Baum",)}


def test_empty_takes_away() -> None:
    before = record(
        description="Alle",
        keywords=["Baum"],
        licence="cc-zero",
        start="2026",
        end="2027",
        label="1",
        concept="floraUndFauna/baumbestand/baumkataster",
        api={"endpoint": "https://a.example/"},
    )
    gone = {
        "description": "",
        "keywords": [],
        "licence": "",
        "start": "",
        "end": "",
        "label": "",
        "concept": "",
        "themes": [],
        "api": {"endpoint": ""},
    }
    assert record(before, **gone) == record()
    refused("catalogue.no-title", title=" ")


def test_further_languages_stand_beside_german() -> None:
    found = record(
        keywords=["Baum"], translations={"en": {"title": "Trees", "keywords": ["tree"]}, "fr": {"title": "Arbres"}}
    )
    assert list(found.title) == ["de", "en", "fr"]
    assert found.keywords == {"de": ("Baum",), "en": ("tree",)}
    assert record(found, translations={"en": {}}).title == {"de": "Bäume", "fr": "Arbres"}
    again = record(found, translations={"en": {"description": "All trees"}})
    assert (again.title["en"], again.description["en"], again.keywords["en"]) == ("Trees", "All trees", ("tree",))
    for tag in ("de", "EN", "en-ab-cd", "e n", "en\n", "x" * 20):
        refused("catalogue.language", translations={tag: {"title": "x"}})


@pytest.mark.parametrize(
    ("start", "end", "period"),
    [
        ("1.2.1890", "31.12.2026", Period(start="1890-02-01", end="2026-12-31")),
        ("2026", "2026", Period(start="2026", end="2026")),
        ("2026-03", "2026", Period(start="2026-03", end="2026")),
        ("", "2026-12-31", Period(end="2026-12-31")),
    ],
)
def test_a_period_is_as_exact_as_it_was_given(start: str, end: str, period: Period) -> None:
    assert record(start=start, end=end).periods == (period,)


def test_days_that_are_none_and_periods_that_run_backwards() -> None:
    for day in ("31.02.2026", "2026-13", "gestern", "2026-1-1", "99999", "٢٠٢٦"):
        refused("catalogue.day", start=day)
    refused("catalogue.period", start="2026-05-01", end="2026-04")


def test_signs_that_no_form_can_carry_are_refused() -> None:
    """XML knows no NUL, no escape and no lone surrogate; a text with one would spoil every page it stands on."""
    for sign in ("\x00", "\x1b", "\x0b", "\ufffe", "\x85"):
        refused("catalogue.text", description=f"a{sign}b")
        refused("catalogue.text", keywords=[f"x{sign}a"])
    refused("catalogue.text", description="x" * 10_001)
    found = record(title=" Baum\nund  Busch", description="a\r\nb\tc ")
    assert (found.title, found.description) == ({"de": "Baum und Busch"}, {"de": "a\nb\tc"})


def test_a_concept_brings_its_theme_and_its_words() -> None:
    found = record(concept="floraUndFauna/baumbestand/baumkataster", keywords=["Stadtgrün"])
    assert found.references == (
        "https://musterdatenkatalog.de/def/musterdatensatz/floraUndFauna/baumbestand/baumkataster",
    )
    assert found.themes == (AUTHORITY + "data-theme/ENVI",)
    assert found.keywords == {"de": ("Stadtgrün", "Baumkataster", "Flora und Fauna")}
    assert len(record(found, concept="wetter/hitze").references) == 1


def test_files_elsewhere_have_the_format_of_their_address() -> None:
    (file,) = record(files=[{"url": "https://daten.example/x.geojson?v=1"}]).distributions
    assert (file.format, file.media_type) == (AUTHORITY + "file-type/GEOJSON", "application/geo+json")
    (named,) = record(files=[{"url": "https://daten.example/wms", "format": "WMS_SRVC"}]).distributions
    assert named.format == AUTHORITY + "file-type/WMS_SRVC"
    refused("catalogue.not-listed", files=[{"url": "https://daten.example/x", "format": "Quatsch"}])
    refused("participants.address", files=[{"url": "javascript:alert(1)"}])


def test_open_data_has_an_open_licence() -> None:
    with pytest.raises(Mistake, match=r"catalogue\.licence-missing"):
        coherent(record(access="open"))
    with pytest.raises(Mistake, match=r"catalogue\.licence-closed"):
        coherent(record(access="open", licence="cc-by-nc/4.0"))
    assert coherent(record(access="open", licence="cc-by/4.0"))
    assert coherent(record(access="announced", licence="other-closed"))


def test_high_value_data_is_open_and_has_an_interface() -> None:
    hvd = {"hvd": ["c_43f88346"], "licence": "cc-by/4.0"}
    with pytest.raises(Mistake, match=r"catalogue\.hvd-closed"):
        coherent(record(access="announced", **hvd))
    with pytest.raises(Mistake, match=r"catalogue\.hvd-api"):
        coherent(record(access="open", **hvd))
    found = coherent(record(access="open", api={"endpoint": "https://api.example/pegel"}, **hvd))
    assert found.hvd == Hvd(categories=("http://data.europa.eu/bna/c_43f88346",))


def test_a_licence_that_is_not_open_needs_a_rule_that_restricts_something() -> None:
    """>> a closed licence, an announced dataset, no licence, an open one << the code of what is surely closed."""
    closed, is_free = record(licence="cc-by-nc/4.0"), record(licence="cc-zero")
    assert closed_licence(closed) == "cc-by-nc/4.0"
    assert closed_licence(coherent(record(access="announced")))
    assert closed_licence(record()) == closed_licence(is_free) == ""
    assert (is_open(closed), is_open(is_free)) == (False, True)


def test_who_is_named_as_the_source() -> None:
    """>> by-licence without and with a text, a zero licence, none << the publisher, the text, nobody, nobody."""
    assert attribution(Answers(licence="dl-by-de/2.0"), "Musterstadt") == "Musterstadt"
    assert attribution(Answers(licence="dl-by-de/2.0", attribution="Amt"), "Musterstadt") == "Amt"
    assert attribution(Answers(licence="cc-zero"), "Musterstadt") == attribution(Answers(), "Musterstadt") == ""


def test_an_area_beside_named_places() -> None:
    """>> an area, another, none << the last one stands before what is named; what is no area is refused."""
    town = Place(iri="http://dcat-ap.de/def/politicalGeocoding/municipalityKey/06411000")
    before = msgspec.structs.replace(NOTHING, title={"de": "Bäume"}, places=(town,))
    first = described(before, Answers(box=[8.123456, 49.0, 8.2, 49.1]))
    assert first.places == (Place(box=Box(8.1235, 49.0, 8.2, 49.1)), town)
    assert described(first, Answers(box=[9, 50, 9, 50])).places == (Place(box=Box(9, 50, 9, 50)), town)
    assert described(first, Answers(box=[])).places == (town,)
    assert described(first, Answers()).places == first.places
    for wrong in ([1.0], [9, 50, 8, 51], [8, 51, 9, 50], [8, 50, 9, 99], [float("nan")] * 4):
        with pytest.raises(Mistake, match=r"catalogue\.box"):
            described(before, Answers(box=wrong))
