"""Where things are: which columns hold places, in which reference system, and the way to degrees (WGS84).

German files carry ETRS89 in UTM (25832, 25833), Gauss-Krüger (31466 to 31469) or degrees, and hardly ever say which;
the size of the numbers does, but for the zone of UTM, which is then guessed and said to be (spec/reading.md 1.6).
pyproj is imported here when it is needed, so only in the process that reads.
"""

import re
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from connector.kernel.reading.model import Sureness

DEGREES = frozenset({4326, 4258, 4979, 84})
_EAST = frozenset(
    {
        "lon",
        "long",
        "lng",
        "longitude",
        "länge",
        "laenge",
        "längengrad",
        "laengengrad",
        "x",
        "rechtswert",
        "rechts",
        "rw",
        "ostwert",
        "ost",
        "osting",
        "easting",
        "east",
        "e",
        "xkoordinate",
        "xkoord",
        "xwert",
        "utmx",
        "utme",
        "koordx",
        "geolon",
    }
)
_NORTH = frozenset(
    {
        "lat",
        "latitude",
        "breite",
        "breitengrad",
        "y",
        "hochwert",
        "hoch",
        "hw",
        "nordwert",
        "nord",
        "northing",
        "north",
        "n",
        "ykoordinate",
        "ykoord",
        "ywert",
        "utmy",
        "utmn",
        "koordy",
        "geolat",
    }
)
_WORDS = re.compile(r"[a-zäöüß]+")
_CODE = re.compile(r"(?:EPSG|epsg)[/:]+(?:[\d.]*[/:]+)?(\d{4,5})\b")

Turned = Callable[[Sequence[float], Sequence[float]], tuple[Sequence[float], Sequence[float]]]


class System(NamedTuple):
    """An EPSG code, how sure it is, and whether north stands before east."""

    epsg: int
    sureness: Sureness
    swapped: bool = False


def pair(names: Sequence[str]) -> tuple[int, int] | None:
    """The columns for east and north, by their names."""
    east = [at for at, name in enumerate(names) if _called(name, _EAST)]
    north = [at for at, name in enumerate(names) if _called(name, _NORTH)]
    return (east[0], north[0]) if east and north and east[0] != north[0] else None


def _called(name: str, known: frozenset[str]) -> bool:
    words = _WORDS.findall(name.casefold())
    return bool(known & set(words)) or "".join(words) in known or any(word in known for word in words[-1:])


def number(text: str) -> float | None:
    """As it may stand in a column of coordinates, with whichever decimal sign."""
    plain = text.strip().replace(" ", "")
    if "," in plain and plain.count(",") == 1:
        plain = plain.replace(".", "").replace(",", ".")
    elif plain.count(".") > 1:
        plain = plain.replace(".", "")
    try:
        found = float(plain)
    except ValueError:
        return None
    return found if abs(found) < 1e9 else None


def system_of(xs: Sequence[float], ys: Sequence[float], said: str = "") -> System | None:
    """By the size of typical values; `said` is any text that may name a zone. None if they fit nothing."""
    if not xs:
        return None
    x, y = median(xs), median(ys)
    for east, north, swapped in ((x, y, False), (y, x, True)):
        if found := _known(east, north, said):
            return System(found[0], found[1], swapped)
    if all(-180 <= each <= 180 for each in xs) and all(-90 <= each <= 90 for each in ys):
        return System(4326, "guessed")
    return None


def _known(east: float, north: float, said: str) -> tuple[int, Sureness] | None:
    if 5 <= east <= 16 and 47 <= north <= 56:
        return 4326, "certain"
    if 5_150_000 <= north <= 6_200_000:
        if 200_000 <= east <= 900_000:
            if re.search(r"25833|(?<!\d)33(?!\d)", said):
                return 25833, "likely"
            return 25832, "likely" if re.search(r"25832|(?<!\d)32(?!\d)", said) else "guessed"
        if 32_200_000 <= east <= 32_900_000:
            return 4647, "certain"
        if 33_200_000 <= east <= 33_900_000:
            return 5650, "certain"
        zone = int(east // 1_000_000)
        if 2 <= zone <= 5 and 200_000 <= east - zone * 1_000_000 <= 800_000:
            return 31464 + zone, "certain"
    if 550_000 <= east <= 1_800_000 and 5_900_000 <= north <= 7_500_000:
        return 3857, "likely"
    return None


def code_in(text: str) -> int | None:
    """The EPSG code that a name such as `urn:ogc:def:crs:EPSG::25832` holds."""
    if "CRS84" in text:
        return 4326
    found = _CODE.search(text)
    return int(found[1]) if found else None


def to_degrees(epsg: int) -> Turned | None:
    """From that system to degrees, east first; None for a system that is not known."""
    if epsg in DEGREES:
        return lambda xs, ys: (xs, ys)
    from pyproj import Transformer
    from pyproj.exceptions import ProjError

    try:
        turned = Transformer.from_crs(epsg, 4326, always_xy=True)
    except ProjError:
        return None
    return lambda xs, ys: turned.transform(list(xs), list(ys))
