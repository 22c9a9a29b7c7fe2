"""Objects -> a small map: thinned out, simplified, in degrees; at most 2 000 objects and 300 kB. Pure but for
pyproj.

The box is around all objects that were looked at; what is drawn is a part of them. Each object bears the number of
its row, so that the table beside the map says the same.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector.kernel.reading.coordinates import to_degrees
from connector.kernel.reading.model import FEATURES, MAP_BYTES, Box, Map, Sureness

VERTICES = 200
CORNERS = 30_000
"""Most corners of one line, and of the whole map, that are looked at for drawing."""
FINENESS = 2_000
"""Corners that are closer to the line than this part of the map's width are left out."""
DEPTH = 6
_KINDS = frozenset({"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"})
Pair = tuple[float, float]


class MapPreview:
    """Takes objects one by one as geometries of GeoJSON in the system of the file."""

    def __init__(self, columns: Sequence[str] = ()) -> None:
        self._columns = tuple(columns)
        self._kept: list[tuple[int, str, Any]] = []
        self._step = self._objects = self._without = 0
        self._step = 1
        self._least = [math.inf, math.inf]
        self._most = [-math.inf, -math.inf]

    def add(self, geometry: object, row: int) -> None:
        """`row`: its number in the table; what is no geometry, or an empty one, counts as without a place."""
        parts = list(_parts(geometry))
        if not parts:
            self._without += 1
            return
        self._objects += 1
        for _, coordinates in parts:
            for x, y in _pairs(coordinates):
                self._least = [min(self._least[0], x), min(self._least[1], y)]
                self._most = [max(self._most[0], x), max(self._most[1], y)]
        if self._objects % self._step == 0:
            self._kept += [(row, kind, _fewer(coordinates)) for kind, coordinates in parts]
        if len(self._kept) > 2 * FEATURES:
            self._kept, self._step = self._kept[1::2], self._step * 2

    @property
    def center(self) -> Pair | None:
        if not self._objects:
            return None
        return (self._least[0] + self._most[0]) / 2, (self._least[1] + self._most[1]) / 2

    def finish(self, epsg: int, sureness: Sureness) -> Map:
        """In degrees; without box and objects if the system is not known or the numbers are none of it."""
        turned = to_degrees(epsg) if self._objects else None
        told = Map(
            crs=epsg, sureness=sureness, box=None, objects=self._objects, without=self._without, columns=self._columns
        )
        if turned is None:
            return told
        corners = [(x, y) for x in (self._least[0], self._most[0]) for y in (self._least[1], self._most[1])]
        xs, ys = turned([x for x, _ in corners], [y for _, y in corners])
        if not all(math.isfinite(x) and abs(x) <= 180 for x in xs) or not all(
            math.isfinite(y) and abs(y) <= 90 for y in ys
        ):
            return told
        box: Box = (round(min(xs), 6), round(min(ys), 6), round(max(xs), 6), round(max(ys), 6))
        width = max(self._most[0] - self._least[0], self._most[1] - self._least[1])
        features = []
        kept = _every(self._kept, FEATURES)
        most = max(8, CORNERS // max(1, len(kept)))
        for row, kind, coordinates in kept:
            drawn = _turned(_simple(_fewer(coordinates, min(VERTICES, most)), kind, width / FINENESS), turned)
            features.append(
                {"type": "Feature", "properties": {"row": row}, "geometry": {"type": kind, "coordinates": drawn}}
            )
        return Map(
            crs=epsg,
            sureness=sureness,
            box=box,
            objects=self._objects,
            without=self._without,
            features=_within(features),
            columns=self._columns,
        )


def _parts(geometry: object, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Geometries without collections around them, and without those that are none."""
    if not isinstance(geometry, Mapping) or depth > DEPTH:
        return
    if geometry.get("type") == "GeometryCollection" and isinstance(geometry.get("geometries"), list):
        for one in geometry["geometries"]:
            yield from _parts(one, depth + 1)
    elif geometry.get("type") in _KINDS and next(_pairs(geometry.get("coordinates")), None) is not None:
        yield geometry["type"], geometry["coordinates"]


def _is_pair(value: object) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) >= 2
        and all(
            isinstance(each, int | float) and not isinstance(each, bool) and -1e300 < each < 1e300 for each in value[:2]
        )
    )


def _pairs(coordinates: object, depth: int = 0) -> Iterator[Pair]:
    if isinstance(coordinates, list | tuple):
        if _is_pair(coordinates):
            yield float(coordinates[0]), float(coordinates[1])
        elif depth < DEPTH:
            for each in coordinates:
                yield from _pairs(each, depth + 1)


def _fewer(coordinates: Any, most: int = VERTICES, depth: int = 0) -> Any:
    """Without heights, and lines of thousands of corners with some of them."""
    if _is_pair(coordinates):
        return (float(coordinates[0]), float(coordinates[1]))
    if depth >= DEPTH or not isinstance(coordinates, list | tuple):
        return []
    if coordinates and _is_pair(coordinates[0]):
        pairs = [(float(one[0]), float(one[1])) for one in coordinates if _is_pair(one)]
        step = -(-len(pairs) // most)
        return pairs if step < 2 else [*pairs[:-1:step], pairs[-1]]
    return [part for part in (_fewer(each, most, depth + 1) for each in coordinates[:VERTICES]) if part]


def _simple(coordinates: Any, kind: str, tolerance: float) -> Any:
    """Lines without corners that nobody would see; a ring keeps at least four."""
    if kind in ("Point", "MultiPoint"):
        return coordinates
    if coordinates and isinstance(coordinates[0], tuple):
        least = 4 if kind.endswith("Polygon") else 2
        simple = _douglas_peucker(coordinates, tolerance)
        return simple if len(simple) >= least else [coordinates[0], *coordinates[1:-1][: least - 2], coordinates[-1]]
    return [_simple(each, kind, tolerance) for each in coordinates]


def _douglas_peucker(line: Sequence[Pair], tolerance: float) -> list[Pair]:
    """Corners farther than `tolerance` from the straight line between those that stay."""
    kept, todo = {0, len(line) - 1}, [(0, len(line) - 1)]
    while todo:
        first, last = todo.pop()
        farthest, at = 0.0, 0
        for number in range(first + 1, last):
            distance = _distance(line[number], line[first], line[last])
            if distance > farthest:
                farthest, at = distance, number
        if farthest > tolerance:
            kept.add(at)
            todo += [(first, at), (at, last)]
    return [line[number] for number in sorted(kept)]


def _distance(point: Pair, start: Pair, end: Pair) -> float:
    dx, dy = end[0] - start[0], end[1] - start[1]
    if dx == dy == 0:
        return math.hypot(point[0] - start[0], point[1] - start[1])
    share = max(0.0, min(1.0, ((point[0] - start[0]) * dx + (point[1] - start[1]) * dy) / (dx * dx + dy * dy)))
    return math.hypot(point[0] - start[0] - share * dx, point[1] - start[1] - share * dy)


def _turned(coordinates: Any, turn: Any) -> Any:
    if isinstance(coordinates, tuple):
        xs, ys = turn([coordinates[0]], [coordinates[1]])
        return [round(xs[0], 5), round(ys[0], 5)]
    if coordinates and isinstance(coordinates[0], tuple):
        xs, ys = turn([x for x, _ in coordinates], [y for _, y in coordinates])
        return [[round(x, 5), round(y, 5)] for x, y in zip(xs, ys, strict=True)]
    return [_turned(each, turn) for each in coordinates]


def _every(found: list[Any], most: int) -> list[Any]:
    return found[:: -(-len(found) // most)] if found else []


def _within(features: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many as fit into the bytes of a map, spread over the whole."""
    while len(json.dumps(features, separators=(",", ":"))) > MAP_BYTES:
        if len(features) < 2:
            return []
        features = features[::2]
    return features
