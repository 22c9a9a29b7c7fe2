"""The tree register of a town that does not exist: GeoJSON with umlauts and coordinates in EPSG:25832.

Every run gives the same bytes, so that the dataset has the same version wherever the demonstration runs.
"""

import json
from collections.abc import Iterator

NAME = "baumkataster.geojson"
COUNT = 4218
_KINDS = (
    ("Winterlinde", "Tilia cordata", 24),
    ("Stieleiche", "Quercus robur", 28),
    ("Spitzahorn", "Acer platanoides", 22),
    ("Rosskastanie, rotblühend", "Aesculus × carnea", 18),
    ("Hainbuche", "Carpinus betulus", 17),
    ("Schwarzerle", "Alnus glutinosa", 19),
    ("Gewöhnliche Esche", "Fraxinus excelsior", 26),
    ("Mährische Mehlbeere", "Sorbus aria", 11),
    ("Sandbirke", "Betula pendula", 20),
)
_STREETS = (
    "Am Mühlengraben",
    "Bürgermeister-Möller-Straße",
    "Königsallee",
    "Lübecker Straße",
    "Große Gärtnergasse",
    "Schützenwall",
    "Rathausplatz",
    "Süderstraße",
    "Weißdornweg",
    "Öhlmühlenstieg",
    "Äußerer Ring",
    "Jägerstieg",
)
_EAST, _NORTH = 565_000.0, 5_934_000.0  # metres; the south-west corner
_SPACING = 9  # metres between two trees of a street


def register() -> bytes:
    """The whole register as UTF-8."""
    collection = {
        "type": "FeatureCollection",
        "name": "Baumkataster Musterstadt",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::25832"}},
        "features": list(_trees()),
    }
    return json.dumps(collection, ensure_ascii=False, separators=(",", ":")).encode()


def _trees() -> Iterator[dict[str, object]]:
    chance = _numbers()
    for number in range(COUNT):
        street, place = number % len(_STREETS), number // len(_STREETS)
        kind, botanical, tallest = _KINDS[next(chance) % len(_KINDS)]
        age = 3 + next(chance) % 110
        height = tallest * min(age, 70) / 70
        east = _EAST + place * _SPACING + next(chance) % 200 / 100
        north = _NORTH + street * 240 + next(chance) % 600 / 100
        yield {
            "type": "Feature",
            "id": number + 1,
            "geometry": {"type": "Point", "coordinates": [round(east, 2), round(north, 2)]},
            "properties": {
                "baumnummer": f"MUS-{number + 1:05}",
                "art": kind,
                "art_botanisch": botanical,
                "pflanzjahr": 2026 - age,
                "höhe_m": round(max(height, 2.0), 1),
                "stammumfang_cm": 10 + age * 2 + next(chance) % 25,
                "straße": _STREETS[street],
                "schutzwürdig": age > 80,
            },
        }


def _numbers() -> Iterator[int]:
    """A linear congruential generator: chance that is the same everywhere and for ever."""
    state = 25832
    while True:
        state = (state * 1103515245 + 12345) % 2**31
        yield state >> 8
