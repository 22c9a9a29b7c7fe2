"""Figures as a spreadsheet reads them: German and English, and nothing in them is run."""

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.oversight.figures.export import event_rows, figure_rows, table
from connector.oversight.figures.model import Body, Event, Figure, Part, Point, definitions

BEGINNINGS = "=+-@|%\t\r\n"


def cells(made: bytes, delimiter: str = ";") -> list[list[str]]:
    return list(csv.reader(StringIO(made.decode("utf-8-sig"), newline=""), delimiter=delimiter))


@pytest.mark.threat("T96")
@pytest.mark.parametrize(
    "text",
    ["=1+1", "+cmd", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\u00a0=1", "|calc", "%0A", '=HYPERLINK("x")'],
)
def test_no_text_becomes_a_formula(text: str) -> None:
    """>> texts of a partner that a spreadsheet would run << each with an apostrophe in front, and otherwise whole."""
    assert cells(table([[text, "weiter"]], "de")) == [[f"'{text}", "weiter"]]


@pytest.mark.threat("T96")
@given(st.text(), st.sampled_from(["de", "en"]))
def test_whatever_a_partner_writes_stays_one_cell(text: str, lang: str) -> None:
    """Separators, quotes and line ends in a text make no further cell and no further row."""
    made = cells(table([[text, 1]], lang), ";" if lang == "de" else ",")
    assert [len(row) for row in made] == [2]
    assert made[0][0] in (text, f"'{text}")
    assert made[0][0][:1] not in set(BEGINNINGS)


def test_german_numbers_have_a_comma() -> None:
    rows = [[1.5, 2, None, 0.25, 3.0]]
    assert table(rows, "de") == "\ufeff1,5;2;;0,25;3\r\n".encode()
    assert table(rows, "en") == "\ufeff1.5,2,,0.25,3\r\n".encode()


def test_a_row_for_each_figure_part_and_month() -> None:
    definition = definitions()[0]
    event = Event(
        id=7,
        index=3,
        type="agreement",
        at=1_795_000_000_000,
        agreement="urn:a",
        actor="system",
        body=Body(counterparty="did:b"),
    )
    figure = Figure(
        definition=definition,
        value=1,
        of=3,
        parts=(Part(key="=a", value=1),),
        series=(Point(month="2026-11", value=0.5),),
        events=(event,),
    )
    assert cells(table(figure_rows([figure], "de"), "de"))[1:] == [
        ["N1", "1", "", "", "1", "3", "datasets", "1", ""],
        ["N1", "1", "'=a", "", "1", "", "datasets", "", ""],
        ["N1", "1", "", "2026-11", "0,5", "", "datasets", "", ""],
    ]
    assert cells(table(event_rows([event], "de", {"did:b": "Bdorf"}.__getitem__), "de"))[1] == [
        "7",
        "3",
        "2026-11-18T11:06:40Z",
        "agreement",
        "Bdorf",
        "urn:a",
        "did:b",
        "",
        "",
    ]
