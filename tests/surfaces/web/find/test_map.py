"""The map drawn by the server: boxes where they are, in every degenerate case too."""

import pytest

from connector.surfaces.views.foreign_dataset import Box
from connector.surfaces.web.find.map import SMALLEST, TALLEST, WIDTH, Map, drawn

TOWN: Box = (8.6, 49.8, 8.8, 49.95)


def within(found: Map) -> bool:
    return all(
        one.x >= -1 and one.x + one.width <= WIDTH + 1 and one.y >= -1 and one.y + one.height <= found.height + 1
        for one in found.areas
    )


def test_places_that_are_alike_are_one_box_with_all_numbers() -> None:
    found = drawn([(1, "a", TOWN), (2, "b", TOWN), (3, "c", (8.65, 49.85, 8.7, 49.9))])
    assert found is not None
    assert [one.numbers for one in found.areas] == [(1, 2), (3,)]
    large, small = found.areas
    assert large.x < small.x < small.x + small.width < large.x + large.width
    assert large.y < small.y < small.y + small.height < large.y + large.height
    assert within(found)


@pytest.mark.parametrize(
    "box",
    [
        TOWN,
        (9.0, 50.0, 9.0, 50.0),
        (-180.0, -90.0, 180.0, 90.0),
        (179.0, -1.0, -179.0, 1.0),
        (0.0, 89.9, 0.1, 90.0),
        (8.6, -90.0, 8.7, 90.0),
        (-180.0, 10.0, 180.0, 10.0),
    ],
    ids=str,
)
def test_every_box_on_earth_can_be_drawn(box: Box) -> None:
    """>> a town, a point, the world, the date line, a pole, a line << on the page, to be seen, with a grid."""
    found = drawn([(1, "x", box)])
    assert found is not None
    assert found.height <= TALLEST
    assert within(found)
    assert all(one.width >= SMALLEST and one.height >= SMALLEST for one in found.areas)
    assert len(found.meridians) <= 8
    assert len(found.parallels) <= 8


def test_north_is_up_and_east_is_right() -> None:
    found = drawn([(1, "a", (8.0, 49.0, 8.1, 49.1)), (2, "b", (9.0, 50.0, 9.1, 50.1))])
    assert found is not None
    by_number = {one.numbers[0]: one for one in found.areas}
    assert by_number[2].x > by_number[1].x
    assert by_number[2].y < by_number[1].y


def test_without_places_there_is_no_map() -> None:
    assert drawn([]) is None
