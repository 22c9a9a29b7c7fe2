"""GeoPackages that are made to harm: nothing of theirs is run, and no count of theirs is believed."""

import sqlite3
import struct
from pathlib import Path

import pytest

from connector.kernel.reading import geopackage
from connector.kernel.reading.model import Refused
from tests.kernel.reading import files


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
        tmp_path / "a.gpkg",
        {"gut": [("a", files.point(475000, 5525000))]},
        [
            "CREATE VIRTUAL TABLE suche USING fts5(text)",
            "INSERT INTO gpkg_contents VALUES ('suche', 'attributes')",
            "PRAGMA writable_schema = ON",
            "UPDATE sqlite_master SET sql = 'CREATE/**/VIRTUAL TABLE suche USING fts5(text)' WHERE name = 'suche'",
        ],
    )
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


SLOW = "replace(hex(zeroblob(8)), '0', hex(zeroblob(8)))"


@pytest.mark.threat("T147")
@pytest.mark.parametrize(
    "statements",
    [
        [f"ALTER TABLE gut ADD COLUMN slow TEXT GENERATED ALWAYS AS ({SLOW}) VIRTUAL"],
        [
            "ALTER TABLE gut ADD COLUMN slow TEXT AS (name || name) VIRTUAL",
            "UPDATE gpkg_geometry_columns SET column_name = 'slow'",
        ],
        [
            "DROP TABLE gpkg_contents",
            "CREATE TABLE gpkg_contents (a TEXT, table_name TEXT AS (a), data_type TEXT AS ('features'))",
            "INSERT INTO gpkg_contents (a) VALUES ('gut')",
        ],
        [
            "DROP TABLE gpkg_geometry_columns",
            "CREATE VIEW gpkg_geometry_columns AS SELECT 'gut' AS table_name, 'geom' AS column_name, 1 AS srs_id",
        ],
        [
            "DROP TABLE gpkg_spatial_ref_sys",
            "CREATE VIEW GPKG_Spatial_Ref_Sys AS SELECT 25832 AS srs_id, 'EPSG' AS organization,"
            " 25832 AS organization_coordsys_id",
        ],
    ],
)
def test_bug_what_a_file_computes_while_it_is_read_held_its_reader(tmp_path: Path, statements: list[str]) -> None:
    """>> a layer with a generated column, also as its geometry; one, or a view, in the place of the file's own lists
    << refused before a row is read."""
    place = files.geopackage(tmp_path / "a.gpkg", {"gut": [("a", files.point(475000, 5525000))]}, statements)
    with pytest.raises(Refused) as refused:
        geopackage.read(str(place))
    assert refused.value.code == "geopackage"


def test_a_file_of_attributes_alone_needs_no_list_of_geometries(tmp_path: Path) -> None:
    place = files.geopackage(
        tmp_path / "a.gpkg",
        {"gut": [("a", None)]},
        ["DROP TABLE gpkg_geometry_columns", "UPDATE gpkg_contents SET data_type = 'attributes'"],
    )
    assert [name for name, _, _ in geopackage.read(str(place))[0]] == ["gut"]


def test_bug_a_geopackage_whose_rows_lie_in_a_second_file_was_told_empty(tmp_path: Path) -> None:
    """Bug: >> a program has the file open in WAL mode: its rows lie in `a.gpkg-wal`, and `a.gpkg` alone is handed over
    << it was said to have no row, or no layer. Where some rows are there, a remark says that others may not be."""
    place, handed, point = tmp_path / "a.gpkg", tmp_path / "handed.gpkg", files.point(475000, 5525000)
    files.geopackage(place, {"gut": []})
    db = sqlite3.connect(place)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("INSERT INTO gut (name, geom) VALUES ('b', ?)", (point,))
    db.commit()
    handed.write_bytes(place.read_bytes())
    with pytest.raises(Refused, match="journal"):
        geopackage.read(str(handed))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    handed.write_bytes(place.read_bytes())
    found, remarks = geopackage.read(str(handed))
    assert (found[0][1].rows, remarks) == (1, ["journal"])
    db.execute("PRAGMA journal_mode = DELETE")
    db.close()
    assert geopackage.read(str(place))[1] == []


def test_bug_a_geopackage_whose_layers_lie_in_a_second_file_was_told_damaged(tmp_path: Path) -> None:
    """Bug: >> the program made the layers after it had opened the file in WAL mode << not "damaged"."""
    place, handed = tmp_path / "a.gpkg", tmp_path / "handed.gpkg"
    db = sqlite3.connect(place)
    db.execute("CREATE TABLE first (a)")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE gpkg_contents (table_name TEXT, data_type TEXT)")
    handed.write_bytes(place.read_bytes())
    with pytest.raises(Refused, match="journal"):
        geopackage.read(str(handed))
    db.close()
