"""Facets: what people type leads to what the index has, and what the index has is said in words."""

from typing import get_args

import pytest

from connector.data.catalogue.search import copies, facets
from connector.foundation.errors import Mistake


@pytest.mark.parametrize(
    ("facet", "word", "value"),
    [
        ("theme", "Umwelt", "ENVI"),
        ("theme", "http://x.example/data-theme/ENVI", "ENVI"),
        ("theme", "http://x.example/data-theme/OWN", "OWN"),
        ("field", "Abfallkalender", "abfallentsorgung/abfallkalender"),
        ("field", "https://musterdatenkatalog.de/def/musterdatensatz/verkehr/kfz", "verkehr/kfz"),
        ("format", "csv", "CSV"),
        ("format", "application/x-own", "X-OWN"),
        ("licence", "Datenlizenz Deutschland – Namensnennung – 2.0", "dl-by-de/2.0"),
        ("licence", "dl-by-de/2.0", "dl-by-de/2.0"),
        ("licence", "https://x.example/own", "https://x.example/own"),
        ("rule", "open-attribution", "open-attribution"),
        ("rule", "NONE", "none"),
        ("rule", "other", "other"),
    ],
)
def test_what_people_type(facet: copies.Facet, word: str, value: str) -> None:
    assert facets.value(facet, word) == value


def test_a_rule_by_its_title() -> None:
    for lang in ("de", "en"):
        assert facets.value("rule", facets.label("rule", "municipalities-only")[lang]) == "municipalities-only"


@pytest.mark.parametrize(("facet", "word"), [("theme", "Unwelt"), ("rule", "Nur Komunen")])
def test_a_theme_and_a_rule_that_there_is_not_are_told(facet: copies.Facet, word: str) -> None:
    with pytest.raises(Mistake):
        facets.value(facet, word)


@pytest.mark.parametrize("facet", get_args(copies.Facet))
def test_what_no_list_names_is_shown_as_it_is(facet: str) -> None:
    assert facets.label(facet, "<b>own</b>") == {"de": "<b>own</b>", "en": "<b>own</b>"}


@pytest.mark.parametrize(
    ("facet", "value", "german"),
    [
        ("theme", "ENVI", "Umwelt"),
        ("licence", "cc-zero", "Creative Commons CC0"),
        ("format", "CSV", "CSV"),
        ("freshness", "week", "letzte 7 Tage"),
        ("rule", "none", "kein Angebot, oft offene Daten"),
    ],
)
def test_what_the_index_has_is_said_in_words(facet: str, value: str, german: str) -> None:
    assert facets.label(facet, value)["de"].startswith(german)
