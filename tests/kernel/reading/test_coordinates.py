"""Reference systems by the size of the numbers, and columns by their names."""

import pytest

from connector.kernel.reading.coordinates import code_in, number, pair, system_of, to_degrees


@pytest.mark.parametrize(
    ("x", "y", "said", "system"),
    [
        (8.65, 49.87, "", (4326, "certain", False)),
        (49.87, 8.65, "", (4326, "certain", True)),
        (475000, 5525000, "", (25832, "guessed", False)),
        (475000, 5525000, "utm32_x", (25832, "likely", False)),
        (392000, 5820000, "ETRS89 UTM33", (25833, "likely", False)),
        (5525000, 475000, "", (25832, "guessed", True)),
        (32475000, 5525000, "", (4647, "certain", False)),
        (33392000, 5820000, "", (5650, "certain", False)),
        (3475000, 5525000, "", (31467, "certain", False)),
        (2575000, 5525000, "", (31466, "certain", False)),
        (4575000, 5525000, "", (31468, "certain", False)),
        (963000, 6428000, "", (3857, "likely", False)),
        (-70.5, -33.4, "", (4326, "guessed", False)),
        (1, 5525000, "", None),
        (12345678, 99999999, "", None),
    ],
)
def test_a_system_is_known_by_its_numbers(x: float, y: float, said: str, system: tuple[int, str, bool] | None) -> None:
    assert system_of([x], [y], said) == system


@pytest.mark.parametrize(
    ("epsg", "x", "y", "degrees", "within"),
    [
        (25832, 500000, 5538630.7, (9.0, 50.0), 1e-5),
        (25833, 500000, 5538630.7, (15.0, 50.0), 1e-5),
        (4647, 32500000, 5538630.7, (9.0, 50.0), 1e-5),
        (31467, 3500000, 5540000, (8.999, 50.0), 0.02),
        (4326, 8.5, 50.5, (8.5, 50.5), 0.0),
    ],
)
def test_to_degrees(epsg: int, x: float, y: float, degrees: tuple[float, float], within: float) -> None:
    turned = to_degrees(epsg)
    assert turned is not None
    xs, ys = turned([x], [y])
    assert (xs[0], ys[0]) == pytest.approx(degrees, abs=within)


def test_a_system_that_nobody_knows() -> None:
    assert to_degrees(99999) is None


def test_columns_by_their_names() -> None:
    assert pair(["Name", "X-Koordinate", "Y-Koordinate"]) == (1, 2)
    assert pair(["lat", "lon"]) == (1, 0)
    assert pair(["Rechtswert", "Hochwert"]) == (0, 1)
    assert pair(["Breite in m", "Höhe"]) is None
    assert pair(["Name", "Art"]) is None


def test_codes_and_numbers_as_they_are_written() -> None:
    assert [
        code_in(one) for one in ("urn:ogc:def:crs:EPSG::25832", "EPSG:31467", "urn:ogc:def:crs:OGC:1.3:CRS84", "local")
    ] == [
        25832,
        31467,
        4326,
        None,
    ]
    assert [number(one) for one in ("475.000,5", "475000.5", "32.475.000", "x")] == [
        475000.5,
        475000.5,
        32475000.0,
        None,
    ]
