"""Proposals: what a file's name and content say, without what people add to names of files."""

import pytest

from connector.data.drafts.model import Said
from connector.data.drafts.proposals import concept_of, proposed, title_of
from connector.kernel.metadata.lists.code_lists import code_lists
from connector.kernel.reading.model import Reading, Span


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Baumkataster_Musterstadt_2024-05-01_v2_final.csv", "Baumkataster Musterstadt"),
        ("einwohner-stadtteile (2).xlsx", "Einwohner stadtteile"),
        ("Ladesäulen2023.geojson", "Ladesäulen"),
        ("StrassenBeleuchtung_ETRS89_25832.gpkg", "Strassen Beleuchtung"),
        ("2024.csv", "2024"),
        ("export.csv", "Export"),
        ("KITA STANDORTE.csv", "KITA Standorte"),
        ("ohne-endung", "Ohne endung"),
    ],
)
def test_a_title_from_the_name_of_a_file(name: str, title: str) -> None:
    assert title_of(name) == title


def test_a_concept_that_the_title_names() -> None:
    found = {
        title: concept_of(title, code_lists())
        for title in ("Baumkataster Nord", "KITA Standorte", "Bibliothek Standorte", "Diverses")
    }
    assert {title: one and one.label("de") for title, one in found.items()} == {
        "Baumkataster Nord": "Baumbestand - Baumkataster",
        "KITA Standorte": None,
        "Bibliothek Standorte": "Bibliothek - Standort",
        "Diverses": None,
    }


def test_what_was_said_wins() -> None:
    said = proposed(Said(title="Meins", theme="TRAN"), "Baumkataster_2023.csv", Reading(kind="csv"), code_lists())
    assert (said.title, said.theme, said.concept, said.start, said.end) == ("Meins", "TRAN", "", "2023", "2023")
    spans = proposed(Said(), "a_2023.csv", Reading(kind="csv", span=Span("2020-01-01", "2021-02-03")), code_lists())
    assert (spans.start, spans.end) == ("2020-01-01", "2021-02-03")
