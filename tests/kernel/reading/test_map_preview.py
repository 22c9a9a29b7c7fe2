"""Maps of any size become small ones, and what is no geometry is counted, never drawn."""

import json
import math
from itertools import pairwise
from typing import Any

from connector.kernel.reading.map_preview import CORNERS, MapPreview
from connector.kernel.reading.model import FEATURES, MAP_BYTES


def point(x: float, y: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [x, y]}


def test_many_objects_are_thinned_out_over_the_whole() -> None:
    preview = MapPreview()
    for number in range(50_000):
        preview.add(point(8 + number / 50_000, 50), number + 1)
    told = preview.finish(4326, "certain")
    assert (told.objects, told.box) == (50_000, (8, 50, 8.99998, 50))
    assert FEATURES / 4 < len(told.features) <= FEATURES
    rows = [feature["properties"]["row"] for feature in told.features]
    assert rows[-1] > 45_000
    assert len({b - a for a, b in pairwise(rows)}) <= 2


def test_long_lines_are_simplified_and_rings_stay_closed() -> None:
    ring = [[8 + math.cos(n / 5_000 * math.tau), 50 + math.sin(n / 5_000 * math.tau)] for n in range(5_000)]
    ring.append(ring[0])
    preview = MapPreview()
    preview.add({"type": "Polygon", "coordinates": [ring]}, 1)
    (feature,) = preview.finish(4326, "certain").features
    drawn = feature["geometry"]["coordinates"][0]
    assert 20 < len(drawn) < 200
    assert drawn[0] == drawn[-1]


def test_a_map_has_an_upper_limit_in_bytes() -> None:
    """>> as many lines as are drawn, each with all the corners that are looked at then << fewer of them."""
    preview = MapPreview()
    for number in range(FEATURES):
        line = [
            [8 + (number * 7 % 100) / 100 + step / 1_000, 50 + (step % 2) / 10] for step in range(CORNERS // FEATURES)
        ]
        preview.add({"type": "LineString", "coordinates": line}, number)
    told = preview.finish(4326, "certain")
    assert len(json.dumps(told.features, separators=(",", ":"))) <= MAP_BYTES
    assert 50 < len(told.features) < FEATURES


def test_what_is_no_geometry_counts_as_without_a_place() -> None:
    preview = MapPreview()
    wrong: list[object] = [
        None,
        {},
        {"type": "Point"},
        point(math.nan, 1),
        {"type": "Point", "coordinates": ["a", "b"]},
        {"type": "Circle", "coordinates": [1, 2]},
        {"type": "Polygon", "coordinates": []},
        "POINT(1 2)",
    ]
    deep: Any = [1, 2]
    for _ in range(50):
        deep = [deep]
    for one in [*wrong, {"type": "Polygon", "coordinates": deep}]:
        preview.add(one, 1)
    told = preview.finish(4326, "certain")
    assert (told.objects, told.without, told.box, told.features) == (0, 9, None, ())


def test_collections_are_taken_apart() -> None:
    preview = MapPreview()
    preview.add({"type": "GeometryCollection", "geometries": [point(8, 50), point(9, 51)]}, 1)
    told = preview.finish(4326, "certain")
    assert (told.objects, len(told.features), told.box) == (1, 2, (8, 50, 9, 51))


def test_numbers_that_are_no_places_of_the_system_are_not_drawn() -> None:
    preview = MapPreview()
    preview.add(point(475000, 5525000), 1)
    told = preview.finish(4326, "guessed")
    assert (told.objects, told.box, told.features) == (1, None, ())
