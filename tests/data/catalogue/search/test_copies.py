"""What is read of an entry that a member showed: facets, place, time, and what is passed over."""

import json
from typing import Any, NoReturn

import msgspec
import pytest

from connector.data.catalogue.search import copies
from connector.data.catalogue.search.analyser import facet
from connector.data.catalogue.search.copies import LARGEST, Box, box_of, copy_of, named
from connector.foundation.errors import PeerError
from connector.kernel.policy.odrl.model import PolicyError
from connector.kernel.policy.plan import LARGE, LARGE_KEPT

IRI = "https://stadt.example/datasets/1"
AT = "http://publications.europa.eu/resource/authority"


def copy(**said: Any) -> Any:
    return copy_of({"@id": IRI, **{name.replace("_", ":"): value for name, value in said.items()}})


def test_facets_are_codes_whatever_they_are_written_as() -> None:
    """>> IRIs, codes, nodes, lists; media types << short values in order, each a token."""
    found = copy(
        dcat_theme=[{"@id": f"{AT}/data-theme/ENVI"}, f"{AT}/data-theme/TRAN"],
        dct_references={"@id": "https://musterdatenkatalog.de/def/musterdatensatz/verkehr/kfz/messung"},
        dcat_mediaType="text/csv",
        distribution=[
            {"dct:format": {"@id": f"{AT}/file-type/GEOJSON"}, "format": "HttpData-PULL"},
            {"dct:license": {"@id": "http://dcat-ap.de/def/licenses/dl-by-de/2.0"}},
        ],
    )
    assert found.facets == (
        ("theme", "ENVI"),
        ("theme", "TRAN"),
        ("field", "verkehr/kfz/messung"),
        ("format", "CSV"),
        ("format", "GEOJSON"),
        ("licence", "dl-by-de/2.0"),
        ("rule", "none"),
    )
    assert {facet(name, value) for name, value in found.facets} <= set(found.words)


def test_a_person_may_type_the_iri_or_the_code() -> None:
    assert named("theme", f"{AT}/data-theme/ENVI") == named("theme", "envi") == "ENVI"
    assert named("licence", "http://dcat-ap.de/def/licenses/cc-zero") == named("licence", "cc-zero") == "cc-zero"


def test_a_rule_is_named_by_its_template_and_a_foreign_one_is_other() -> None:
    strange = {"@id": "urn:o", "permission": [{"action": "use", "constraint": [{"leftOperand": "x"}]}]}
    assert copy(hasPolicy=[strange]).facets == (("rule", "other"),)
    assert copy().facets == (("rule", "none"),)


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("POLYGON((8.5 53, 9 53, 9 53.6, 8.5 53.6, 8.5 53))", Box(8_500_000, 53_000_000, 9_000_000, 53_600_000)),
        ('{"type":"Point","coordinates":[8.5,53.25]}', Box(8_500_000, 53_250_000, 8_500_000, 53_250_000)),
        (
            "<http://www.opengis.net/def/crs/OGC/1.3/CRS84> POINT(8 53)",
            Box(8_000_000, 53_000_000, 8_000_000, 53_000_000),
        ),
        ("POINT(3500000 5900000)", None),
        (f"POINT({0.00001} {-5.1e-05})", Box(10, -51, 10, -51)),
        ("POINT(9e9 5)", None),
        ("POINT(8)", None),
        ("", None),
        ("nirgends", None),
    ],
)
def test_a_box_is_around_the_coordinates_on_earth(text: str, box: Box | None) -> None:
    assert box_of(text) == box
    assert copy(dct_spatial=[{"dcat:bbox": {"@value": text}}]).box == box


def test_a_period_may_be_open_and_never_ends_before_it_begins() -> None:
    def period(first: str | None, last: str | None) -> tuple[int | None, int | None]:
        said = {"dcat:startDate": first, "dcat:endDate": last}
        found = copy(dct_temporal={name: text for name, text in said.items() if text})
        return found.starts, found.ends

    first, last = period("2020-01-01", "2020-12-31")
    assert first is not None
    assert last is not None
    assert first < last
    assert period("2020-01-01", None) == (first, None)
    assert period("2021-01-01", "2020-12-31") == period("gestern", "heute") == (None, None)


@pytest.mark.parametrize(
    "said",
    [
        {"dct:title": {"@value": 7}, "dct:description": [[["x"]]], "dcat:keyword": {"a": "b"}, "dcat:theme": 3},
        {
            "distribution": "x",
            "hasPolicy": [],
            "dct:spatial": "irgendwo",
            "dct:temporal": [1, None],
            "dct:modified": {},
        },
        {
            "dct:title": "\x00" * 1000 + "\ud7ff",
            "dcat:theme": ["a b", "\x00", "x" * 9_000],
            "dct:modified": "9" * 9_000,
        },
        {"dct:spatial": [{"dcat:bbox": "1 " * 100_000}], "dct:references": ["/musterdatensatz/"]},
    ],
)
def test_what_has_not_its_form_is_passed_over(said: dict[str, Any]) -> None:
    assert copy_of({"@id": IRI, **said}).dataset == IRI


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"@id": ""},
        {"@id": 7},
        {"@id": "x\x00"},
        {"@id": "x" * 2_001},
        {"@id": IRI, "hasPolicy": "x"},
        {"@id": IRI, "hasPolicy": [{"permission": []}]},
        {"@id": IRI, "hasPolicy": [7]},
    ],
)
def test_without_a_name_it_is_set_aside(entry: dict[str, Any]) -> None:
    with pytest.raises(PeerError) as refused:
        copy_of(entry)
    assert refused.value.code == "search.copy"


def test_too_much_of_one_dataset_is_set_aside() -> None:
    with pytest.raises(PeerError) as refused:
        copy(dct_description="x" * LARGEST)
    assert refused.value.code == "search.copy-too-large"


def test_the_hash_is_of_what_was_said_and_not_of_its_order() -> None:
    one = {"@id": IRI, "dct:title": "Bäume", "dcat:keyword": ["a", "b"]}
    other = dict(reversed(one.items()))
    assert copy_of(one).hash == copy_of(other).hash
    assert json.loads(copy_of(one).entry) == one
    assert copy_of({**one, "dct:title": "Baum"}).hash != copy_of(one).hash


@pytest.mark.threat("T112")
def test_bug_templates_of_foreign_rules_were_kept_by_number_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> more long rules than are kept, then the first again; a short one twice << read anew; read once. It was a
    gigabyte for four thousand offers of a quarter of a megabyte."""
    asked = list[object]()

    def unknown(document: object) -> NoReturn:
        asked.append(document)
        raise PolicyError("", "policy.not-json")

    monkeypatch.setattr(copies, "parse", unknown)
    long = [msgspec.json.encode({"x": f"{number} " + "x" * LARGE}) for number in range(LARGE_KEPT + 1)]
    for terms, times in ((long, LARGE_KEPT + 2), ([b'{"x": "a rule of nobody else"}'], 1)):
        asked.clear()
        assert {copies._rule(one) for one in (*terms, terms[0])} == {"other"}
        assert len(asked) == times
