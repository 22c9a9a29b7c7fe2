"""GeoPackage: layers as tables with a map, read by SQLite without writing, views and functions of the file's own.

A layer is a table that the file lists (`gpkg_contents`); a view or a virtual table is none, because it could make
SQLite run what the file wants. So could a generated column, in a layer and in the file's own lists: such a file is
refused, and no function is run but the one that counts rows. A file whose program keeps new rows in a second file
beside it (write-ahead log) may not have them: it is told so, and refused where it has none at all. The geometry is
parsed here, each count against the bytes that are left (spec/reading.md 1.8).
"""

import sqlite3
import struct
from collections.abc import Iterator
from typing import Any

from connector.kernel.reading.columns import Profile
from connector.kernel.reading.map_preview import MapPreview
from connector.kernel.reading.model import SAMPLE, Map, Refused

LAYERS = 20
PARTS = 200_000
DEPTH = 4
MAGIC = b"SQLite format 3\x00"
_ENVELOPES = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}
_NAMES = {1: "Point", 2: "LineString", 3: "Polygon", 4: "MultiPoint", 5: "MultiLineString", 6: "MultiPolygon"}
_LISTS = ("gpkg_contents", "gpkg_geometry_columns", "gpkg_spatial_ref_sys")
"""Tables that say what is a layer and where it lies; as a view each could run what the file wants."""
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_PRAGMA, sqlite3.SQLITE_FUNCTION}


class _Short(Exception):
    """A geometry that says more than it has."""


def read(path: str) -> tuple[list[tuple[str, Profile, Map | None]], list[str]]:
    """Each layer with its name, and the remarks; raises `Refused`."""
    if not _journalled(path):
        return _read(path)
    try:
        found, remarks = _read(path)
    except Refused as cause:
        raise Refused("journal") from cause
    if not any(profile.rows for _, profile, _ in found):
        raise Refused("journal")
    return found, [*remarks, "journal"]


def _journalled(path: str) -> bool:
    """Whether the header says that new rows are written into a second file (SQLite file format 1.3.3)."""
    try:
        with open(path, "rb") as file:
            return file.read(20)[18:20] == b"\x02\x02"
    except OSError:  # SQLite says what is wrong with it
        return False


def _read(path: str) -> tuple[list[tuple[str, Profile, Map | None]], list[str]]:
    db = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    try:
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("PRAGMA cell_size_check = ON")
        db.execute("PRAGMA query_only = ON")
        db.set_authorizer(_authorize)
        db.text_factory = lambda raw: raw.decode("utf-8", "replace")
        layers = _layers(db)
        found = [(name, *_layer(db, name, kind)) for name, kind in layers[:LAYERS]]
        remarks = ["more-tables"] if len(layers) > LAYERS else []
    except sqlite3.Error as cause:
        raise Refused("geopackage", problem=str(cause)[:120]) from None
    finally:
        db.close()
    if not found:
        raise Refused("empty")
    return found, remarks


def _layers(db: sqlite3.Connection) -> list[tuple[str, str]]:
    """SQLite writes each table down as `CREATE TABLE …`, whatever was typed; any other text is the file's own make."""
    schema = db.execute("SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
    tables = {name for name, kind, told in schema if kind == "table" and str(told).startswith("CREATE TABLE ")}
    if "gpkg_contents" not in tables:
        raise Refused("geopackage", problem="gpkg_contents")
    for name in (name for name, _, _ in schema if str(name).lower() in _LISTS):  # SQLite finds them in any case
        if name not in tables:
            raise Refused("geopackage", problem=name[:80])
        _require_stored(db, name)
    told = db.execute("SELECT table_name, data_type FROM gpkg_contents ORDER BY table_name").fetchall()
    return [(str(name), str(kind)) for name, kind in told if name in tables and kind in ("features", "attributes")]


def _authorize(action: int, _: str | None, second: str | None, *__: object) -> int:
    """Whatever else a file makes SQLite run is denied where it would be prepared."""
    allowed = action in _ALLOWED and (action != sqlite3.SQLITE_FUNCTION or second == "count")
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _require_stored(db: sqlite3.Connection, name: str) -> None:
    """Raises `Refused` for a table with a column that is computed when it is read."""
    if any(row[6] for row in db.execute(f"PRAGMA table_xinfo({_quoted(name)})")):
        raise Refused("geopackage", problem=name[:80])


def _layer(db: sqlite3.Connection, name: str, kind: str) -> tuple[Profile, Map | None]:
    _require_stored(db, name)
    geometry, epsg = _geometry(db, name) if kind == "features" else ("", 0)
    columns = [str(row[1]) for row in db.execute(f"PRAGMA table_info({_quoted(name)})")]
    shown = [each for each in columns if each != geometry]
    profile, preview = Profile(shown), MapPreview([geometry] if geometry else [])
    told = ", ".join(_quoted(each) for each in [*shown, *([geometry] if geometry else [])])
    if not told:
        raise Refused("geopackage", problem=name[:80])
    for number, row in enumerate(db.execute(f"SELECT {told} FROM {_quoted(name)} LIMIT {SAMPLE}"), 1):  # noqa: S608 quoted
        profile.row([_text(value) for value in row[: len(shown)]], number)
        if geometry:
            preview.add(_parsed(row[-1]), number)
    total = int(db.execute(f"SELECT count(*) FROM {_quoted(name)}").fetchone()[0])  # noqa: S608 quoted
    profile.rows = max(profile.rows, total)
    return profile, preview.finish(epsg, "certain") if geometry else None


def _geometry(db: sqlite3.Connection, name: str) -> tuple[str, int]:
    """The column of the geometry and its EPSG code (0: another authority's, or none)."""
    row = db.execute(
        "SELECT g.column_name, s.organization, s.organization_coordsys_id FROM gpkg_geometry_columns g"
        " LEFT JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id WHERE g.table_name = ?",
        (name,),
    ).fetchone()
    if row is None:
        return "", 0
    return str(row[0]), int(row[2]) if str(row[1]).upper() == "EPSG" and isinstance(row[2], int) else 0


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"({len(value)} Bytes)"
    return f"{value:.15g}".replace(".", ",") if isinstance(value, float) else str(value)


def _parsed(blob: object) -> dict[str, Any] | None:
    """A GeoPackage geometry as one of GeoJSON; None for an empty one and for what is none."""
    if not isinstance(blob, bytes) or len(blob) < 8 or blob[:2] != b"GP":
        return None
    flags = blob[3]
    envelope = _ENVELOPES.get(flags >> 1 & 7)
    if envelope is None or flags & 0x10:
        return None
    try:
        return _Wkb(blob, 8 + envelope).geometry()
    except (_Short, struct.error):
        return None


class _Wkb:
    """Well-known binary (ISO 19125), with or without heights and measures."""

    def __init__(self, blob: bytes, at: int) -> None:
        self._blob, self._at, self._parts = blob, at, 0

    def geometry(self, depth: int = 0) -> dict[str, Any] | None:
        order, code = self._header()
        flat = code % 1000
        size = 2 + (1 if code // 1000 in (1, 2) else 0) + (2 if code // 1000 == 3 else 0)
        if flat == 1:
            return {"type": "Point", "coordinates": next(self._points(order, size, 1))}
        if flat == 2:
            return {"type": "LineString", "coordinates": self._line(order, size)}
        if flat == 3:
            return {"type": "Polygon", "coordinates": [self._line(order, size) for _ in range(self._count(order, 4))]}
        if 4 <= flat <= 7 and depth < DEPTH:
            parts = [self.geometry(depth + 1) for _ in range(self._count(order, 5))]
            if flat == 7:
                return {"type": "GeometryCollection", "geometries": parts}
            return {"type": _NAMES[flat], "coordinates": [part["coordinates"] for part in parts if part]}
        raise _Short

    def _header(self) -> tuple[str, int]:
        order = "<" if self._take(1)[0] == 1 else ">"
        code = struct.unpack(order + "I", self._take(4))[0]
        if code & 0xE0000000:  # the older way to say height, measure and system
            code = (code & 0x0FFFFFFF) + (1000 if code & 0x80000000 else 0) + (2000 if code & 0x40000000 else 0)
        return order, code

    def _count(self, order: str, least: int) -> int:
        count = int(struct.unpack(order + "I", self._take(4))[0])
        self._parts += count
        if count * least > len(self._blob) - self._at or self._parts > PARTS:
            raise _Short
        return count

    def _line(self, order: str, size: int) -> list[tuple[float, float]]:
        return list(self._points(order, size, self._count(order, 8 * size)))

    def _points(self, order: str, size: int, count: int) -> Iterator[tuple[float, float]]:
        numbers = struct.unpack(f"{order}{count * size}d", self._take(8 * count * size))
        for at in range(0, len(numbers), size):
            yield numbers[at], numbers[at + 1]

    def _take(self, count: int) -> bytes:
        found = self._blob[self._at : self._at + count]
        if len(found) < count:
            raise _Short
        self._at += count
        return found
