"""Single values: what they are, which day and which number they say."""

from datetime import date

import pytest

from connector.reading.values import day_of, is_missing, number_of, shape_of


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
