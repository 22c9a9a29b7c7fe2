"""GeoPackages that are made to harm: nothing of theirs is run, and no count of theirs is believed."""

import sqlite3
import struct
from pathlib import Path

import pytest

from connector.reading import geopackage
from connector.reading.model import Refused
from tests.reading import files


def test_a_view_a_virtual_table_and_a_table_that_is_not_there_are_no_layers(tmp_path: Path) -> None:
    more = [
        "CREATE VIEW böse AS SELECT load_extension('x') AS a",
        "INSERT INTO gpkg_contents VALUES ('böse', 'features')",
        "INSERT INTO gpkg_contents VALUES ('fehlt', 'attributes')",
        "CREATE VIRTUAL TABLE suche USING fts5(text)",
        "INSERT INTO gpkg_contents VALUES ('suche', 'attributes')",
    ]
    place = files.geopackage(tmp_path / "a.gpkg", {"gut": [("a", files.point(475000, 5525000))]}, more)
    found, remarks = geopackage.read(str(place))
    assert [name for name, _, _ in found] == ["gut"]
    assert remarks == []


@pytest.mark.threat("T89")
def test_a_schema_that_was_written_by_hand_makes_no_layer_of_a_virtual_table(tmp_path: Path) -> None:
    """>> the file's own list of tables is forged << nothing but the table is opened."""
    place = files.geopackage(
        tmp_path / "a.gpkg", {"gut": [("a", files.point(475000, 5525000))]},
        [
            "CREATE VIRTUAL TABLE suche USING fts5(text)",
            "INSERT INTO gpkg_contents VALUES ('suche', 'attributes')",
            "PRAGMA writable_schema = ON",
            "UPDATE sqlite_master SET sql = 'CREATE/**/VIRTUAL TABLE suche USING fts5(text)' WHERE name = 'suche'",
        ],
    )  # fmt: skip
    assert [name for name, _, _ in geopackage.read(str(place))[0]] == ["gut"]


def test_names_with_quotes_are_names(tmp_path: Path) -> None:
    place = tmp_path / "a.gpkg"
    files.geopackage(place, {"gut": []})
    db = sqlite3.connect(place)
    db.execute('CREATE TABLE "a""; DROP TABLE gut; --" (x TEXT)')
    db.execute("INSERT INTO gpkg_contents VALUES ('a\"; DROP TABLE gut; --', 'attributes')")
    db.execute('INSERT INTO "a""; DROP TABLE gut; --" VALUES (\'1\')')
    db.commit()
    db.close()
    assert [(name, profile.rows) for name, profile, _ in geopackage.read(str(place))[0]] == [
        ('a"; DROP TABLE gut; --', 1),
        ("gut", 0),
    ]


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"GP",
        b"GP\x00\x01" + bytes(4),
        b"XX" + files.point(1, 2)[2:],
        files.point(1, 2)[:-1],
        b"GP\x00\xff" + bytes(60),
        b"GP\x00\x01" + bytes(4) + struct.pack("<BII", 1, 2, 0xFFFFFFFF),
        b"GP\x00\x01" + bytes(4) + struct.pack("<BII", 1, 6, 2_000_000_000),
        b"GP\x00\x01" + bytes(4) + (struct.pack("<BII", 1, 7, 1) * 50) + struct.pack("<BIdd", 1, 1, 1, 2),
    ],
)
def test_a_geometry_that_says_more_than_it_has_is_none(tmp_path: Path, blob: bytes) -> None:
    place = files.geopackage(tmp_path / "a.gpkg", {"a": [("a", blob), ("b", files.point(475000, 5525000))]})
    ((_, profile, drawn),), _ = geopackage.read(str(place))
    assert drawn is not None
    assert (profile.rows, drawn.objects, drawn.without) == (2, 1, 1)


def test_a_database_that_is_none(tmp_path: Path) -> None:
    place = tmp_path / "a.gpkg"
    db = sqlite3.connect(place)
    db.execute("CREATE TABLE a (b)")
    db.commit()
    db.close()
    with pytest.raises(Refused):
        geopackage.read(str(place))
    place.write_bytes(place.read_bytes()[:100] + b"\xff" * 4_000)
    with pytest.raises(Refused):
        geopackage.read(str(place))
