"""A map drawn here: the areas that data are about as numbered boxes on a grid of degrees. Pure.

It shows nothing that does not stand in the table beside it, and loads nothing: no tile of anybody, no script.
"""

import math
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from connector.surfaces.views.foreign_dataset import Box

WIDTH: Final = 640
TALLEST: Final = 420
LEAST: Final = 260
SMALLEST: Final = 10.0
"""Pixels of a box that would be a point."""
_PAD: Final = 0.08
_NARROWEST: Final = 0.2
"""Degrees that a map spans at least."""
_STEPS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_LINES: Final = 6


class Area(Struct, frozen=True, kw_only=True):
    """A box in pixels; `numbers` are those of the hits that are about it, `x` to `height` its place."""

    numbers: tuple[int, ...]
    x: float
    y: float
    width: float
    height: float


class Grid(Struct, frozen=True, kw_only=True):
    """A line of the grid: of longitude at `at` pixels from the left, of latitude from the top; west and south are
    negative."""

    at: float
    degrees: float


class Map(Struct, frozen=True, kw_only=True):
    height: int
    areas: tuple[Area, ...]
    meridians: tuple[Grid, ...]
    parallels: tuple[Grid, ...]


def drawn(found: Sequence[tuple[int, str, Box]]) -> Map | None:
    """Of (number, title, box); None if there is nothing to draw. Across the date line a box ends at 180 degrees."""
    boxes: dict[Box, list[int]] = {}
    for number, _, box in found:
        boxes.setdefault(_flat(box), []).append(number)
    if not boxes:
        return None
    west, south, east, north = _around(list(boxes))
    squeeze = max(math.cos(math.radians((south + north) / 2)), 0.1)
    scale = WIDTH / ((east - west) * squeeze)
    height = round((north - south) * scale)
    if height > TALLEST:
        scale, height = scale * TALLEST / height, TALLEST
    height = max(height, LEAST)
    left = (WIDTH - (east - west) * squeeze * scale) / 2
    top = (height - (north - south) * scale) / 2

    def x(degrees: float) -> float:
        return round(left + (degrees - west) * squeeze * scale, 1)

    def y(degrees: float) -> float:
        return round(top + (north - degrees) * scale, 1)

    areas = [_area(tuple(of), x(box[0]), y(box[3]), x(box[2]), y(box[1])) for box, of in boxes.items()]
    return Map(
        height=height,
        areas=tuple(sorted(areas, key=lambda one: -one.width * one.height)),
        meridians=tuple(Grid(at=x(at), degrees=at) for at in _lines(west, east)),
        parallels=tuple(Grid(at=y(at), degrees=at) for at in _lines(south, north)),
    )


def _flat(box: Box) -> Box:
    west, south, east, north = box
    return west, south, 180.0 if east < west else east, north


def _around(boxes: Sequence[Box]) -> Box:
    west, south = min(box[0] for box in boxes), min(box[1] for box in boxes)
    east, north = max(box[2] for box in boxes), max(box[3] for box in boxes)
    wide, tall = max(east - west, _NARROWEST) * _PAD, max(north - south, _NARROWEST) * _PAD
    if east - west < _NARROWEST:
        west, east = (west + east - _NARROWEST) / 2, (west + east + _NARROWEST) / 2
    if north - south < _NARROWEST:
        south, north = (south + north - _NARROWEST) / 2, (south + north + _NARROWEST) / 2
    return west - wide, south - tall, east + wide, north + tall


def _area(numbers: tuple[int, ...], left: float, top: float, right: float, bottom: float) -> Area:
    wide, tall = max(right - left, SMALLEST), max(bottom - top, SMALLEST)
    x, y = (left + right - wide) / 2, (top + bottom - tall) / 2
    return Area(numbers=numbers, x=round(x, 1), y=round(y, 1), width=round(wide, 1), height=round(tall, 1))


def _lines(first: float, last: float) -> list[float]:
    step = next((one for one in _STEPS if (last - first) / one <= _LINES), _STEPS[-1])
    begin = math.ceil(first / step)
    return [round(number * step, 4) for number in range(begin, math.floor(last / step) + 1)]
