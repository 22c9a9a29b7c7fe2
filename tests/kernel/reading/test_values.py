"""Single values: what they are, which day and which number they say."""

from datetime import date

import pytest

from connector.kernel.reading.values import LONGEST, day_of, is_missing, number_of, pair_of, shape_of
from tests.testkit.bounded import MILLION, ends


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ("12", "integer"),
        ("-7", "integer"),
        ("12 %", "integer"),
        ("64283", "postcode"),
        ("00999", "integer"),
        ("1,5", "german"),
        ("1.234,50 €", "german"),
        ("1.234", "german-thousands"),
        ("1.234.567", "german-thousands"),
        ("1.5", "english"),
        ("1e5", "text"),
        ("1.5e-3", "english"),
        ("1,234", "german"),
        ("1,234,567", "english-thousands"),
        ("1 234", "space-thousands"),
        ("1\u00a0234,5", "space-thousands"),
        ("01.02.2024", "german-date"),
        ("1.2.24", "german-date"),
        ("31.02.2024", "text"),
        ("2024-02-29", "date"),
        ("2023-02-29", "text"),
        ("2024-01-01T12:00:00Z", "datetime"),
        ("01.02.2024 14:05", "datetime"),
        ("14:05", "time"),
        ("7:30 Uhr", "time"),
        ("ja", "boolean"),
        ("NEIN", "boolean"),
        ("a@b.de", "email"),
        ("1a@b.de", "email"),
        ("https://a.example/x", "link"),
        ("49.8712, 8.6512", "coordinate"),
        ("(49.8712 8.6512)", "coordinate"),
        ("POINT (8 50)", "geometry"),
        ("Linde", "text"),
        ("12a", "text"),
    ],
)
def test_a_value_has_a_shape(value: str, shape: str) -> None:
    assert shape_of(value) == shape


def test_days() -> None:
    assert day_of("1.2.24") == date(2024, 2, 1)
    assert day_of("1.2.75") == date(1975, 2, 1)
    assert day_of("2024-02-30") is None


def test_numbers_by_their_decimal_sign() -> None:
    assert number_of("1.234,5 €", ",") == number_of("1,234.5", ".") == number_of("1 234,5", ",") == 1234.5
    assert number_of("viel", ",") is None
    assert number_of("9" * 400, ",") is None


def test_what_only_says_that_there_is_none() -> None:
    assert [is_missing(value) for value in ("k. A.", "N/A", "-", "#NV", "0", "nein")] == [True] * 4 + [False] * 2


@pytest.mark.threat("T182")
@pytest.mark.parametrize(
    "value",
    [
        "1.000" + " " * MILLION + "x",
        "(1.000" + " \t" * MILLION + "x",
        "1.000," + "\t" * MILLION + "x",
        "1." + "0" * MILLION + " x",
        "POINT" + " " * MILLION + "x",
        "SRID=1;" + "\t" * MILLION + "x",
        '{"type"' + " " * MILLION + "x",
        "a@" + "a." * MILLION + "1",
        "01.01.2020" + " ,T" * MILLION + "x",
        "1" + ".000" * MILLION + "x",
        "€" * MILLION,
    ],
)
def test_bug_a_cell_of_a_million_signs_cost_its_square(value: str) -> None:
    """>> signs that several parts of a shape may take, and an end that is none << told at once that it has no shape."""
    with ends():
        assert (shape_of(value), is_missing(value), day_of(value), pair_of(value)) == ("text", False, None, None)


def test_what_is_longer_than_any_number_is_text_or_a_geometry() -> None:
    long = "0" * LONGEST
    assert (shape_of(f"1.0{long}"), shape_of(f"POLYGON (({long} 1, 2 2))")) == ("text", "geometry")
    assert (shape_of(f"https://a.example/{long}"), shape_of("https://a.example/" + long[:1_000])) == ("text", "link")


@pytest.mark.parametrize("between", [" ", ",", ";", "/", " , ", "\t,", ", \t", "\t \t", " \t "])
def test_a_pair_has_a_sign_or_a_space_between(between: str) -> None:
    assert pair_of(f"49.8712{between}8.6512") == (49.8712, 8.6512)
    assert pair_of(f"( 49.8712{between}8.6512\t)") == (49.8712, 8.6512)
    assert pair_of("49.8712\t8.6512") is pair_of("49.8712,,8.6512") is None
