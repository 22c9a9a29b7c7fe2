"""An open file -> its reading: what kind of file it is, and what the reader of that kind says. Pure but for the
file.

The kind is told by the first bytes, not by the name: files are called `.csv` and are spreadsheets, or the page that
asks whoever fetches them to sign in (spec/reading.md 1.1).
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from msgspec.structs import replace

from connector.foundation.canonical_json import deep
from connector.kernel.reading import coordinates, csv_table, geopackage, json_table, personal
from connector.kernel.reading.columns import Profile, span_of
from connector.kernel.reading.map_preview import MapPreview
from connector.kernel.reading.model import TABLES, Limits, Map, PersonalHint, Reading, Refused, Table
from connector.kernel.reading.values import pair_of

ZIP = b"PK\x03\x04"
_HTML = re.compile(rb"(?i)\s*(?:<!doctype\s+html|<html[\s>])")
_COMMENT = re.compile(rb"\s*<!--.*?-->", re.DOTALL)
_JSON = re.compile(rb"\s*[\[{]\s*[\"\[{\]}]")
_OTHERS = (
    (b"%PDF-", "PDF"),
    (b"\x1f\x8b", "GZIP"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"7z\xbc\xaf", "7Z"),
    (b"PAR1", "PARQUET"),
    (b"\x00\x00\x27\x0a", "SHP"),
)
"""What is published as it is, without a look inside."""
_WKT = re.compile(
    r"(?:SRID=(\d{1,6});)?\s*((?:MULTI)?(?:POINT|LINESTRING|POLYGON))\s*+(?:ZM|Z|M)?+\s*+(\(.*\))\s*", re.I | re.S
)
_NUMBER = r"-?[\d.]++(?:[eE][+-]?\d++)?"
_POSITION = re.compile(rf"(?<![\d.])({_NUMBER})\s++({_NUMBER})(?:\s++-?[\d.eE+-]++)*+")
"""Two numbers and those behind them; each is looked at once, for a geometry may be a million characters of them."""
_WKT_KINDS = {
    "POINT": "Point",
    "LINESTRING": "LineString",
    "POLYGON": "Polygon",
    "MULTIPOINT": "MultiPoint",
    "MULTILINESTRING": "MultiLineString",
    "MULTIPOLYGON": "MultiPolygon",
}


def read_contents(file: BinaryIO, path: str, limits: Limits) -> Reading:
    """`path` is the file once more, for SQLite. Raises `Refused`."""
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(4_096)
    if not head:
        raise Refused("empty")
    if _is_page(head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")):
        raise Refused("html")
    if size > limits.bytes:
        return Reading(kind="other", remarks=("too-large",))
    return _by_kind(file, path, head, limits)


def _is_page(head: bytes) -> bool:
    """Whether HTML begins there, behind any number of comments; each byte is looked at once."""
    at = 0
    while comment := _COMMENT.match(head, at):
        at = comment.end()
    return _HTML.match(head, at) is not None


def _by_kind(file: BinaryIO, path: str, head: bytes, limits: Limits) -> Reading:
    if head.startswith(geopackage.MAGIC):
        return _geopackage(path)
    if head.startswith(ZIP) or head.startswith(b"\xd0\xcf\x11\xe0"):
        return _packed(file, limits)
    for mark, name in _OTHERS:
        if head.startswith(mark):
            return Reading(kind="other", file_type=name)
    plain = head.lstrip(b"\xef\xbb\xbf")
    if _JSON.match(plain):
        is_geo, profile, drawn, remarks = json_table.read(file, limits)
        table = replace(profile.table(), map=drawn)
        return _finished("geojson" if is_geo else "json", [(table, profile)], remarks, "GEOJSON" if is_geo else "JSON")
    if plain.lstrip().startswith(b"<") and b">" in plain:
        return Reading(kind="other", file_type="XML")
    encoding, form, profile = csv_table.read(file, limits.line)
    table = profile.table()
    table = replace(table, map=_places(profile, [column.kind for column in table.columns], limits.zone))
    tsv = form.separator == "\t"
    return replace(
        _finished("csv", [(table, profile)], file_type="TSV" if tsv else "CSV"), encoding=encoding, form=form
    )


def _geopackage(path: str) -> Reading:
    layers, remarks = geopackage.read(path)
    tables = [(replace(profile.table(name), map=drawn), profile) for name, profile, drawn in layers]
    if not any(table.rows for table, _ in tables):
        raise Refused("empty")
    return _finished("geopackage", tables, remarks, "GPKG")


def _packed(file: BinaryIO, limits: Limits) -> Reading:
    """A spreadsheet, or an archive that is published as it is."""
    file.seek(0)
    head = file.read(1 << 16)
    if head.startswith(ZIP) and not any(
        mark in head for mark in (b"[Content_Types].xml", b"xl/", b"opendocument.spreadsheet", b"_rels/")
    ):
        return Reading(kind="other", file_type="ZIP")
    from connector.kernel.reading import workbook  # its reader is native code that nothing else needs

    sheets, remarks = workbook.read(file, limits)
    tables = []
    for name, profile, hidden in sheets:
        table = profile.table(name, hidden=hidden)
        tables.append(
            (replace(table, map=_places(profile, [column.kind for column in table.columns], limits.zone)), profile)
        )
    kind = "XLS" if head.startswith(b"\xd0") else "ODS" if b"opendocument" in head else "XLSX"
    return _finished("workbook", tables, remarks, kind)


def _finished(
    kind: str, tables: Sequence[tuple[Table, Profile]], remarks: Iterable[str] = (), file_type: str = ""
) -> Reading:
    hints: list[PersonalHint] = [hint for table, profile in tables for hint in personal.hints(profile, table.name)]
    told = tuple(table if at < TABLES else _bare(table) for at, (table, _) in enumerate(tables))
    if any(table.more_columns for table in told):
        remarks = dict.fromkeys([*remarks, "more-columns"])
    if not any(table.rows for table in told) and "more-tables" not in remarks:
        remarks = dict.fromkeys([*remarks, "no-rows"])
    return Reading(
        kind=kind,  # type: ignore[arg-type]
        tables=told,
        hints=tuple(hints),
        span=span_of(told),
        remarks=tuple(remarks),
        file_type=file_type,
    )


def _bare(table: Table) -> Table:
    """Without preview: a file with many tables is told of, not shown."""
    return replace(table, sample=(), map=None if table.map is None else replace(table.map, features=()))


def _places(profile: Profile, kinds: Sequence[str], zone: int) -> Map | None:
    """Of a table with two columns of numbers, one of pairs, or one of geometries; None if there is none."""
    said = f"{' '.join(profile.names)} {zone or ''}"
    found = coordinates.pair(profile.names)
    if found is not None:
        return _from_pairs(profile, found, said)
    for number, kind in enumerate(kinds):
        if kind == "coordinate":
            pairs = [(line, pair_of(cells[number].strip())) for line, cells in profile.kept]
            return _drawn(
                [(line, *pair) if pair else (line, None, None) for line, pair in pairs], said, [number], profile
            )
        if kind == "geometry":
            return _from_text(profile, number, said)
    return None


def _from_pairs(profile: Profile, found: tuple[int, int], said: str) -> Map | None:
    east, north = found
    rows = [(line, coordinates.number(cells[east]), coordinates.number(cells[north])) for line, cells in profile.kept]
    return _drawn(rows, said, [east, north], profile)


def _drawn(
    rows: Sequence[tuple[int, float | None, float | None]], said: str, columns: Sequence[int], profile: Profile
) -> Map | None:
    pairs = [(line, x, y) for line, x, y in rows if x is not None and y is not None and (x or y)]
    system = coordinates.system_of([x for _, x, _ in pairs], [y for _, _, y in pairs], said)
    if system is None or len(pairs) < len(rows) / 2:
        return None
    preview = MapPreview([profile.names[number] for number in columns])
    placed = {line: (y, x) if system.swapped else (x, y) for line, x, y in pairs}
    for line, _, _ in rows:
        preview.add({"type": "Point", "coordinates": placed[line]} if line in placed else None, line)
    return preview.finish(system.epsg, system.sureness)


def _from_text(profile: Profile, number: int, said: str) -> Map | None:
    preview, code = MapPreview([profile.names[number]]), None
    for line, cells in profile.kept:
        text = cells[number].strip()
        geometry: object = None
        if text.startswith("{"):
            try:
                geometry = json.loads(text[:1_000_000])
            except (ValueError, RecursionError):
                geometry = None
            geometry = None if deep(geometry) else geometry
        elif wkt := _WKT.fullmatch(text[:1_000_000]):
            code = int(wkt[1]) if wkt[1] else code
            geometry = _of_wkt(wkt[2].upper(), wkt[3])
        preview.add(geometry, line)
    center = preview.center
    if center is None:
        return None
    found = coordinates.system_of([center[0]], [center[1]], said)
    if code is not None:
        return preview.finish(code, "certain")
    return preview.finish(found.epsg, found.sureness) if found else None


def _of_wkt(kind: str, text: str) -> object:
    """`(1 2, 3 4)` as lists of numbers; None for what is none."""
    spelled = _POSITION.sub(r"[\1,\2]", text)
    try:
        found = json.loads(spelled.replace("(", "[").replace(")", "]"))
    except (ValueError, RecursionError):
        return None
    if deep(found):
        return None
    if kind == "POINT":
        found = found[0] if found else None
    return {"type": _WKT_KINDS[kind], "coordinates": found}
