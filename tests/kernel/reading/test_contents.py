"""Files as towns really have them: each is read for what it is, and what is wrong with it is said with its place."""

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from connector.kernel.reading import json_table
from connector.kernel.reading.contents import read_contents
from connector.kernel.reading.model import LIMITS, Broken, Limits, Reading, Refused
from tests.kernel.reading.files import TREES, contents, geopackage, point, square, xlsx
from tests.testkit.bounded import MILLION, ends
from tests.testkit.places import SHARED

MUSTERDATENKATALOG = SHARED / "dcat/mdk/Musterdatenkatalog_Informationstabelle.csv"


def kinds(reading: Reading) -> dict[str, str]:
    return {column.name: column.kind for table in reading.tables for column in table.columns}


def refused(content: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(Refused) as error:
        contents(content, limits)
    return error.value.code


def test_1_windows_1252_with_semicolons_and_a_decimal_comma() -> None:
    reading = contents(TREES.replace("Winterlinde", "Linde – groß").encode("cp1252"))
    assert (reading.kind, reading.file_type, reading.rows) == ("csv", "CSV", 3)
    assert reading.encoding is not None
    assert (reading.encoding.name, reading.encoding.sureness) == ("cp1252", "likely")
    assert reading.form is not None
    assert (reading.form.separator, reading.form.decimal, reading.form.thousands) == (";", ",", ".")
    assert reading.form.header
    assert kinds(reading) == {
        "Baum-Nr": "integer",
        "Art": "text",
        "Höhe in m": "number",
        "Gepflanzt am": "date",
        "Geschützt": "boolean",
        "Ostwert": "number",
        "Nordwert": "number",
    }
    assert reading.span is not None
    assert (reading.span.start, reading.span.end) == ("1998-03-01", "2010-05-03")


def test_2_utf_8_with_a_mark_commas_and_points() -> None:
    reading = contents('name,wert,ort\nMüller,1234.5,Köln\nMaier,"1,234.50",Aßlar\n'.encode("utf-8-sig"))
    assert reading.encoding is not None
    assert (reading.encoding.name, reading.encoding.bom, reading.encoding.sureness) == ("utf-8-sig", True, "certain")
    assert reading.form is not None
    assert (reading.form.separator, reading.form.decimal, reading.form.thousands) == (",", ".", ",")
    assert [column.name for column in reading.tables[0].columns] == ["name", "wert", "ort"]


def test_3_utf_16_with_tabs_as_a_spreadsheet_saves_unicode_text() -> None:
    reading = contents("Straße\tLänge\r\nHauptstraße\t12,5\r\nRing\t7,25\r\n".encode("utf-16"))
    assert reading.encoding is not None
    assert reading.encoding.name == "utf-16"
    assert (reading.file_type, kinds(reading)) == ("TSV", {"Straße": "text", "Länge": "number"})


def test_4_a_title_and_a_date_above_the_header_and_excels_own_first_line() -> None:
    text = "Einwohner der Stadt;;\nStand: 31.12.2024;;\n\nOrtsteil;Jahr;Einwohner\nNord;2024;1.234\nSüd;2024;987\n"
    reading = contents(text.encode("latin-1"))
    assert kinds(reading) == {"Ortsteil": "text", "Jahr": "year", "Einwohner": "integer"}
    assert reading.form is not None
    assert (reading.form.skipped, reading.rows) == (3, 2)
    assert kinds(contents(b"sep=|\na|b\n1|2\n3|4\n")) == {"a": "integer", "b": "integer"}


def test_5_broken_rows_are_named_by_their_line() -> None:
    text = 'a;b;c\n1;2;3\n4;5\n6;7;8;9\n"mehr\nzeilig";1;2\n"nie geschlossen;1;2\n'
    table = contents(text.encode()).tables[0]
    assert table.broken == Broken(3, (3, 4, 7))
    many = "a;b\n" + "1;2\n" * 50 + "nur eins\n" * 40
    assert contents(many.encode()).tables[0].broken == Broken(40, tuple(range(52, 62)))


def test_6_values_that_do_not_fit_and_those_that_only_say_that_there_is_none() -> None:
    rows = "".join(f"{number},5;ja;{1066 + number:05}\n" for number in range(1, 60))
    reading = contents(f"Wert;Aktiv;PLZ\n{rows}ca. 7;nein;01067\nk. A.;-;n/a\n".encode())
    wert, aktiv, plz = reading.tables[0].columns
    assert (wert.kind, wert.odd, wert.odd_line, wert.odd_example, wert.missing) == ("number", 1, 61, "ca. 7", 1)
    assert (aktiv.kind, aktiv.missing) == ("boolean", 1)
    assert plz.kind == "postcode"


def test_7_columns_without_a_name_empty_ones_and_a_separator_at_each_end() -> None:
    reading = contents(b"Ort;;Ort;Leer;\nA;1;x;;\nB;2;y;;\n")
    assert kinds(reading) == {"Ort": "text", "(2)": "integer", "Ort (3)": "text", "Leer": "empty", "(5)": "empty"}


def test_8_no_header_at_all() -> None:
    reading = contents(b"8.65;49.87;12\n8.66;49.88;13\n8.67;49.89;14\n")
    assert reading.form is not None
    assert (reading.form.header, reading.form.header_sureness, reading.rows) == (False, "certain", 3)
    assert contents(b"Ort;2022;2023;2024\nNord;1;2;3\n").form.header is True  # type: ignore[union-attr]


def test_9_a_workbook_with_a_title_a_hidden_sheet_formulas_and_links() -> None:
    sheets = {
        "Zählung": [["Radzählung 2024"], ["Stelle", "Anzahl"], ["Brücke", 12], ["Tor", "=1+41"]],
        "Rohdaten": [["Name", "E-Mail"], ["Sabine Müller", "sabine.mueller@example.org"]],
    }
    more = {"xl/externalLinks/externalLink1.xml": "<x/>", "xl/comments1.xml": "<x/>"}
    reading = contents(xlsx(sheets, hidden=["Rohdaten"], more=more))
    assert (reading.kind, reading.file_type) == ("workbook", "XLSX")
    assert set(reading.remarks) == {"hidden-sheet", "external-links", "comments"}
    shown, hidden = reading.tables
    assert (shown.name, shown.rows, shown.hidden, hidden.hidden) == ("Zählung", 2, False, True)
    assert shown.sample == (("Brücke", "12"), ("Tor", "42"))
    assert {hint.kind for hint in reading.hints} == {"name", "email"}


def test_10_geojson_in_utm_with_empty_geometries() -> None:
    features = [
        {
            "type": "Feature",
            "properties": {"art": "Linde", "höhe": 12.5},
            "geometry": {"type": "Point", "coordinates": [475000 + number, 5525000]},
        }
        for number in range(5)
    ]
    features.append({"type": "Feature", "properties": {"art": "Eiche"}, "geometry": None})
    document = {
        "type": "FeatureCollection",
        "crs": {"properties": {"name": "urn:ogc:def:crs:EPSG::25832"}},
        "features": features,
    }
    reading = contents(json.dumps(document).encode())
    drawn = reading.tables[0].map
    assert (reading.kind, reading.rows) == ("geojson", 6)
    assert drawn is not None
    assert (drawn.crs, drawn.sureness, drawn.objects, drawn.without) == (25832, "certain", 5, 1)
    assert drawn.box == pytest.approx((8.65205, 49.87688, 8.65211, 49.87688), abs=1e-4)


def test_11_a_geopackage_with_two_layers(tmp_path: Path) -> None:
    layers = {
        "bäume": [("Linde", point(475000, 5525000)), ("ohne", None)],
        "flächen": [("Park", square(475000, 5525000, 100))],
    }
    place = geopackage(tmp_path / "stadt.gpkg", layers)
    with place.open("rb") as file:
        reading = read_contents(file, str(place), LIMITS)
    assert [(table.name, table.rows) for table in reading.tables] == [("bäume", 2), ("flächen", 1)]
    assert [(table.map.crs, table.map.objects, table.map.without) for table in reading.tables if table.map] == [
        (25832, 1, 1),
        (25832, 1, 0),
    ]
    assert reading.box is not None
    assert reading.box[:2] == pytest.approx((8.65205, 49.87688), abs=1e-3)


def test_12_a_list_of_records_with_what_is_nested() -> None:
    document = {
        "count": 2,
        "data": [{"id": 1, "adresse": {"ort": "A", "plz": "01067"}}, {"id": 2, "adresse": {"ort": "B"}, "tags": ["x"]}],
    }
    reading = contents(json.dumps(document).encode())
    assert (reading.kind, reading.rows) == ("json", 2)
    assert kinds(reading) == {"id": "integer", "adresse.ort": "text", "adresse.plz": "postcode", "tags": "text"}


def test_half_a_character_in_json_is_told_as_a_question_mark() -> None:
    reading = contents(b'[{"a\\ud800": "b\\udfff"}]')
    assert kinds(reading) == {"a?": "text"}
    assert reading.tables[0].sample == (("b?",),)


def test_of_many_tables_only_the_first_are_shown() -> None:
    reading = contents(xlsx({f"Blatt {number}": [["a", "b"], ["x", 1]] for number in range(8)}))
    assert [len(table.sample) for table in reading.tables] == [1, 1, 1, 1, 0, 0, 0, 0]
    assert [table.rows for table in reading.tables] == [1] * 8


def test_an_interface_that_gives_its_data_in_pages_is_told() -> None:
    """>> the first page of CKAN, OData, OGC API, and a list in which a word is `next` << told; not told."""
    pages = [
        b'{"next": "https://x.example/?page=2", "results": [{"a": 1}]}',
        b'{"value": [{"a": 1}], "@odata.nextLink": "https://x.example/2"}',
        b'{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"a": 1}, "geometry": null}],'
        b' "links": [{"rel": "next", "href": "https://x.example/2"}]}',
    ]
    assert [contents(page).remarks for page in pages] == [("paged",)] * 3
    assert contents(b'{"next": null, "results": [{"a": "next"}]}').remarks == ()


def test_coordinates_in_degrees_gauss_krueger_and_one_column() -> None:
    degrees = contents("Name;Breite;Länge\nA;49,87;8,65\nB;49,88;8,66\n".encode())
    assert degrees.tables[0].map is not None
    assert (degrees.tables[0].map.crs, degrees.tables[0].map.columns) == (4326, ("Länge", "Breite"))
    assert degrees.box == (8.65, 49.87, 8.66, 49.88)
    krueger = contents(b"Name;Rechtswert;Hochwert\nA;3475000;5525000\nB;3475100;5525100\n")
    assert krueger.tables[0].map is not None
    assert (krueger.tables[0].map.crs, krueger.tables[0].map.sureness) == (31467, "certain")
    assert krueger.box == pytest.approx((8.6512, 49.8609, 8.6526, 49.8619), abs=2e-3)
    one = contents(b"name;ort\na;49.8712, 8.6512\nb;49.8812, 8.6612\n")
    assert one.box == (8.6512, 49.8712, 8.6612, 49.8812)
    well_known = contents(
        b"name;wkt\na;POINT (475000 5525000)\n"
        b"b;POLYGON ((475000 5525000, 475100 5525000, 475000 5525100, 475000 5525000))\n"
    )
    assert well_known.tables[0].map is not None
    assert (well_known.tables[0].map.crs, well_known.tables[0].map.objects) == (25832, 2)


@pytest.mark.parametrize("levels", [301, 900, 5_000, 100_000])
def test_a_geometry_too_deep_is_none_on_every_python(levels: int) -> None:
    """Past bug: whether a cell held a geometry depended on how deep the parser of a Python goes."""
    deep = "[" * levels + "8.65, 49.87" + "]" * levels
    wkt = "(" * levels + "8.65 49.87" + ")" * levels
    for cell in (f'"{{""type"": ""Polygon"", ""coordinates"": {deep}}}"', f"POLYGON {wkt}"):
        found = contents(f"name;ort\na;POINT (8.65 49.87)\nb;{cell}\n".encode())
        assert found.tables[0].map is not None
        assert (found.tables[0].map.objects, found.tables[0].map.without) == (1, 1), cell[:40]


def test_what_nobody_can_use_is_refused_with_the_reason() -> None:
    assert refused(b"") == "empty"
    assert refused(b"\xef\xbb\xbf \r\n;;;\r\n") == "empty"
    assert refused(b"[]") == refused(b'{"type": "FeatureCollection", "features": []}') == "empty"
    assert refused(b"<!DOCTYPE html><html><body>Bitte melden Sie sich an</body></html>") == "html"
    assert refused(bytes(range(256)) * 50) == "no-text"
    assert refused(b'[{"a": 1}, {"b": ') == "json"
    assert refused(b"a;b\n" + b"x" * 5_000, Limits(line=1_000)) == "long-line"
    assert (
        refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le") + bytes(2_000))
        == "password"
    )
    assert refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000)) == "workbook"
    assert refused(xlsx({"Leer": []})) == "empty"
    assert refused(b"SQLite format 3\x00" + bytes(4_000)) == "geopackage"
    assert refused(b'[{"a":' + b"[" * 100 + b"]" * 100 + b"}]") == "nesting"


def test_headings_without_a_row_are_told() -> None:
    """>> a CSV and a workbook of headings alone; then with one row << told, and told no more."""
    for headings in (b"Ort;Jahr\n", b"Ort;Jahr\r\n\r\n;\r\n", xlsx({"Orte": [["Ort", "Jahr"]]})):
        assert (contents(headings).rows, contents(headings).remarks) == (0, ("no-rows",))
    for filled in (b"Ort;Jahr\nAhaus;2020\n", xlsx({"Orte": [["Ort", "Jahr"], ["Ahaus", 2020]], "Leer": [["Ort"]]})):
        assert contents(filled).remarks == ()


def test_bug_a_long_first_row_was_not_read() -> None:
    """>> headings and a single row that is longer than what the form is told by << one row; it was none."""
    reading = contents(b"Ort;Form\nAhaus;" + b"1 2, " * 60_000 + b"\n")
    assert (reading.rows, reading.remarks) == (1, ())


def test_what_is_not_looked_at_may_have_rows() -> None:
    """>> twenty sheets of headings, and one more << there is more; that there is no row is not said."""
    assert contents(xlsx({f"Blatt {number}": [["Ort", "Jahr"]] for number in range(21)})).remarks == ("more-tables",)


def test_what_is_no_table_goes_out_as_it_is() -> None:
    assert [
        contents(one).file_type for one in (b"%PDF-1.7 ...", gzip.compress(b"x"), b"<?xml version='1.0'?><CityModel/>")
    ] == [
        "PDF",
        "GZIP",
        "XML",
    ]
    assert contents(b"a;b\n1;2\n", Limits(bytes=5)).remarks == ("too-large",)


def test_characters_that_were_read_wrongly_before() -> None:
    twice = "Straße;Größe\nMühlweg;1\n".encode().decode("latin-1").encode()
    assert contents(twice).encoding.twice is True  # type: ignore[union-attr]
    mixed = ("Straße;Größe\n" + "Mühlweg;1\n" * 300).encode() + "Höhe;1\n".encode("latin-1")
    found = contents(mixed).encoding
    assert found is not None
    assert (found.name, found.damaged, found.sureness) == ("utf-8", 1, "likely")
    dos = contents("Straße;Größe\nMühlweg;1\nÄußere Allee;2\n".encode("cp850"))
    assert (dos.encoding.name, dos.tables[0].sample[1][0]) == ("cp850", "Äußere Allee")  # type: ignore[union-attr]


@pytest.mark.skipif(not MUSTERDATENKATALOG.is_file(), reason="the real files lie beside the repository")
def test_a_real_file_in_which_whole_lines_are_quoted() -> None:
    reading = contents(MUSTERDATENKATALOG.read_bytes())
    assert (reading.rows, reading.tables[0].broken.count) == (242, 45)
    assert reading.tables[0].broken.lines[:3] == (4, 5, 9)


def test_many_comments_before_what_is_no_page_cost_one_look() -> None:
    """>> five hundred comments << text, at once; with a page behind them it is one."""
    assert contents(b"<!---->" * 500 + b"\na;b\n1;2\n").kind == "other"
    assert refused(b"<!-- -> -->\n" * 300 + b"<html>") == "html"


def test_thirty_thousand_columns_are_read_and_said_not_to_be_looked_at() -> None:
    names = ";".join(f"c{at}" for at in range(30_000))
    reading = contents(f"{names}\n{';'.join('1' * 30_000)}\n".encode())
    assert (len(reading.tables[0].columns), reading.tables[0].more_columns) == (300, 29_700)
    assert reading.remarks == ("more-columns",)


def test_columns_of_one_name_are_told_apart_even_where_one_bears_the_number_already() -> None:
    reading = contents(b"a;a (3);a\n1;2;3\n4;5;6\n")
    assert [column.name for column in reading.tables[0].columns] == ["a", "a (3)", "a (4)"]


def test_two_long_names_that_begin_alike_are_two_questions() -> None:
    name = "Angaben zur Kontaktaufnahme mit der verantwortlichen Stelle " * 3
    rows = "max.muster@web.de;eva.muster@web.de\n" * 5
    reading = contents(f"{name}eins;{name}zwei\n{rows}".encode())
    assert len({hint.key for hint in reading.hints}) == 2


def test_members_that_come_late_or_are_too_many_are_said_not_to_be_looked_at() -> None:
    late = [{"a": 1}] * 250 + [{"a": 1, "mail": "max.muster@web.de"}]
    assert contents(json.dumps(late).encode()).remarks == ("more-columns",)
    assert contents(json.dumps([{f"k{at}": 1 for at in range(400)}]).encode()).remarks == ("more-columns",)


def test_a_coordinate_beyond_all_numbers_is_no_place() -> None:
    point = '{"type":"Feature","properties":{"a":1},"geometry":{"type":"Point","coordinates":[1%s,2]}}' % ("0" * 400)
    reading = contents(f'{{"type":"FeatureCollection","features":[{point}]}}'.encode())
    assert reading.tables[0].map is not None
    assert reading.tables[0].map.objects == 0


@pytest.mark.threat("T182")
@pytest.mark.parametrize(
    "cell",
    [
        "POINT" + " " * MILLION + "(",
        "POINT (" + "1" * MILLION + ")",
        "POINT (" + "1 " * MILLION + "x)",
        "POINT (" + "1e" * MILLION + ")",
        "POINT (" + "1." * MILLION + " )",
        "POINT (1" + " " * MILLION + ")",
    ],
)
def test_bug_a_geometry_of_a_million_signs_cost_its_square(cell: str) -> None:
    """>> a column of geometries, one of which is nothing but its beginning << the others are drawn, at once."""
    rows = "POINT (8.65 49.87)\nPOINT Z (8.66 49.88 1.5)\nPOINT(8.67 49.89)\n" * 10
    with ends():
        (table,) = contents(f"wo\n{rows}{cell[:1_000_000]}\n".encode()).tables
    assert table.map is not None
    assert (table.map.objects, table.map.without) == (30, 1)


@pytest.mark.threat("T182")
def test_bug_a_record_was_decoded_anew_for_each_piece_of_it() -> None:
    """>> a record of many pieces << bytes decoded: no more than three times as many as there are."""
    seen: list[int] = []

    class Counted(json.JSONDecoder):
        def raw_decode(self, text: str, at: int = 0) -> tuple[Any, int]:
            seen.append(len(text) - at)
            return super().raw_decode(text, at)

    document = b'[{"a": "' + b"x" * (12 * json_table.PIECE) + b'"}, {"a": "y"}]'
    found = list(json_table._records(io.BytesIO(document), 64, Counted()))
    assert [len(one["a"]) for one in found] == [12 * json_table.PIECE, 1]
    assert sum(seen) < 3 * len(document)
