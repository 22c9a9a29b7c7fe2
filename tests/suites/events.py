"""Reads the event tables of the OVAL suite: a header of left operands, one row for each thing that was done.

`Party`, `Action`, `Asset` and `dateTime` say who did what to what, and when; every further column is the value of an
operand, and a column of two names that of a refinement, which counts only for a row about what is refined.
"""

import csv
import io
import re
from collections.abc import Mapping
from typing import NamedTuple

from connector.kernel.policy.odrl.names import action as named
from connector.kernel.policy.odrl.names import expand
from tests.suites import engine

LARGEST = 1 << 20
ROWS = 2_000
_COLUMNS = frozenset({"Party", "Action", "Asset", "dateTime"})
_HOUR = 3_600_000
_PREFIX = re.compile(rb"@prefix\s+([A-Za-z0-9_-]*):\s*<([^>]*)>", re.IGNORECASE)
_TYPED = re.compile(r'"(.*)"(?:\^\^\S+|@[A-Za-z-]+)?', re.DOTALL)


class Row(NamedTuple):
    """One event; `facts` by operand."""

    at: int
    party: str
    action: str
    asset: str
    facts: dict[str, list[str]]


def read_rows(data: bytes, policy: bytes = b"") -> list[Row]:
    """The events in the order of time; rows without a time keep their place. ValueError if it is no such table.

    `policy` is the Turtle beside the table, whose prefixes the cells may use.
    """
    spaces = {prefix.decode(): space.decode(errors="replace") for prefix, space in _PREFIX.findall(policy)}
    if len(data) > LARGEST:
        raise ValueError("too-much")
    text = data.decode("utf-8-sig")
    head = text.partition("\n")[0]
    delimiter = ";" if head.count(";") > head.count(",") else ","
    try:
        table = list(csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True))
    except csv.Error as fault:
        raise ValueError("table") from fault
    lines = [line for line in table if any(cell.strip() for cell in line)]
    if not lines or len(lines) > ROWS:
        raise ValueError("table")
    names = [" ".join(_full(part.strip("<>"), spaces) for part in name.split()) for name in lines[0]]
    cells = [[_full(_value(cell), spaces) for cell in line] for line in lines[1:]]
    rows = [_row(number, dict(zip(names, line, strict=False))) for number, line in enumerate(cells)]
    return sorted(rows, key=lambda row: row.at)


def _row(number: int, line: Mapping[str, str]) -> Row:
    said = {_column(name): value for name, value in line.items()}
    at = engine.milliseconds(said["dateTime"]) if said.get("dateTime") else number * _HOUR
    if at is None:
        raise ValueError(f"dateTime {said['dateTime']}")
    row = Row(at, said.get("Party", ""), named(said.get("Action", "")), said.get("Asset", ""), {})
    for name, value in line.items():
        refined, _, operand = name.rpartition(" ")
        if value and (_column(name) not in _COLUMNS or refined) and _concerns(refined, row):
            row.facts[expand(operand)] = [part.strip() for part in value.split("|") if part.strip()]
    return row


def _concerns(refined: str, row: Row) -> bool:
    """Whether the row is about what is refined: an action, a party or an asset, or whatever stands in such a column."""
    return not refined or _column(refined) in _COLUMNS or named(refined) == row.action or refined in row[1:4]


def _full(name: str, spaces: Mapping[str, str]) -> str:
    prefix, colon, local = name.partition(":")
    return spaces[prefix] + local if colon and prefix in spaces and not local.startswith("//") else name


def _value(text: str) -> str:
    """A cell without the signs of Turtle around it."""
    bare = text.strip()
    typed = _TYPED.fullmatch(bare)
    return typed[1] if typed else bare.strip("<>")


def _column(name: str) -> str:
    """The four columns that every table has, by their local names; any other by its whole name."""
    last = re.split("[#/:]", name)[-1]
    return last if last in _COLUMNS and " " not in name else name
