"""Small files of the kinds that towns have, made where they are needed: spreadsheets, GeoPackages, texts in any
encoding.
"""

import io
import sqlite3
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from connector.kernel.reading.contents import read_contents
from connector.kernel.reading.model import LIMITS, Limits, Reading

TREES = (
    "Baum-Nr;Art;Höhe in m;Gepflanzt am;Geschützt;Ostwert;Nordwert\r\n"
    "1;Winterlinde;12,5;01.03.1998;ja;475000,5;5525000,2\r\n"
    "2;Stieleiche;1.204,25;15.11.2001;nein;475100,0;5525100,0\r\n"
    '3;"Ahorn; rotblättrig";8,0;3.5.2010;ja;475200,0;5525200,0\r\n'
)
TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml"'
    ' ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
HIDDEN = ' state="hidden"'
Cell = str | float | None


def contents(content: bytes, limits: Limits = LIMITS) -> Reading:
    """What is in these bytes, read in this process."""
    return read_contents(io.BytesIO(content), "", limits)


def xlsx(
    sheets: Mapping[str, Sequence[Sequence[Cell]]], hidden: Sequence[str] = (), more: Mapping[str, str] | None = None
) -> bytes:
    """A workbook; a text that begins with `=` is a formula with the saved value 42. `more`: further parts by name."""
    parts = {
        "[Content_Types].xml": TYPES,
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r" Type="{OFFICE}/officeDocument"'
        ' Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
        + "".join(
            f'<sheet name="{escape(name)}" sheetId="{number}" r:id="s{number}"'
            + (HIDDEN if name in hidden else "")
            + "/>"
            for number, name in enumerate(sheets, 1)
        )
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">'
        + "".join(
            f'<Relationship Id="s{number}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
            for number in range(1, len(sheets) + 1)
        )
        + "</Relationships>",
        **{f"xl/worksheets/sheet{number}.xml": _sheet(rows) for number, rows in enumerate(sheets.values(), 1)},
        **(more or {}),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in parts.items():
            packed.writestr(name, text)
    return out.getvalue()


def _sheet(rows: Sequence[Sequence[Cell]]) -> str:
    told = []
    for number, row in enumerate(rows, 1):
        cells = [_cell(f"{chr(65 + at)}{number}", cell) for at, cell in enumerate(row) if cell is not None]
        told.append(f'<row r="{number}">{"".join(cells)}</row>')
    return f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(told)}</sheetData></worksheet>'


def _cell(place: str, cell: Cell) -> str:
    if isinstance(cell, str) and cell.startswith("="):
        return f'<c r="{place}"><f>{escape(cell[1:])}</f><v>42</v></c>'
    if isinstance(cell, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
    return f'<c r="{place}"><v>{cell}</v></c>'


def point(x: float, y: float) -> bytes:
    """A GeoPackage geometry: header without envelope, then a point."""
    return b"GP\x00\x01" + struct.pack("<i", 25832) + struct.pack("<BIdd", 1, 1, x, y)


def square(x: float, y: float, size: float) -> bytes:
    ring = [(x, y), (x + size, y), (x + size, y + size), (x, y + size), (x, y)]
    told = (
        struct.pack("<BII", 1, 3, 1) + struct.pack("<I", len(ring)) + b"".join(struct.pack("<dd", *one) for one in ring)
    )
    return b"GP\x00\x01" + struct.pack("<i", 25832) + told


def geopackage(place: Path, layers: Mapping[str, Sequence[tuple[str, bytes | None]]], more: Sequence[str] = ()) -> Path:
    """Layers of (label, geometry) in 25832; `more` is SQL that follows."""
    db = sqlite3.connect(place)
    db.executescript(
        "CREATE TABLE gpkg_spatial_ref_sys"
        " (srs_name TEXT, srs_id INTEGER, organization TEXT, organization_coordsys_id INTEGER);"
        "INSERT INTO gpkg_spatial_ref_sys VALUES ('ETRS89 / UTM 32N', 25832, 'EPSG', 25832);"
        "CREATE TABLE gpkg_contents (table_name TEXT, data_type TEXT);"
        "CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, srs_id INTEGER);"
    )
    for name, rows in layers.items():
        db.execute(f'CREATE TABLE "{name}" (fid INTEGER PRIMARY KEY, name TEXT, geom BLOB)')
        db.execute("INSERT INTO gpkg_contents VALUES (?, 'features')", (name,))
        db.execute("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 25832)", (name,))
        db.executemany(f'INSERT INTO "{name}" (name, geom) VALUES (?, ?)', rows)
    for statement in more:
        db.execute(statement)
    db.commit()
    db.close()
    return place
