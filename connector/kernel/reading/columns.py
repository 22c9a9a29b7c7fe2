"""Rows of a table -> what its columns are: kinds, gaps, extremes, a preview. Pure.

All rows are counted; the values of the first `SAMPLE` rows are looked at, and of every `STEP`th row behind them. A
column has the kind that nearly all of its values have; what does not fit is told with its line, because it is what
breaks somebody's program later (spec/reading.md 1.4).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from connector.kernel.reading.model import (
    BROKEN,
    CELL,
    COLUMNS,
    NAME,
    SAMPLE,
    SHOWN,
    SHOWN_COLUMNS,
    STEP,
    Broken,
    Column,
    ColumnKind,
    Span,
    Table,
)
from connector.kernel.reading.values import Shape, day_of, is_missing, number_of, shape_of

FITS = 0.95
"""Share of the values that have to have a kind."""
CELLS = 1_500_000
"""Values that are held at most."""
Decimal = Literal["", ",", "."]
Thousands = Literal["", ",", ".", " "]
_GROUPED: Mapping[Shape, Thousands] = {
    "german": ".",
    "german-thousands": ".",
    "english": ",",
    "english-thousands": ",",
    "space-thousands": " ",
}
_KINDS: Mapping[ColumnKind, frozenset[Shape]] = {
    "postcode": frozenset({"postcode"}),
    "integer": frozenset({"integer", "postcode", "german-thousands", "english-thousands", "space-thousands"}),
    "number": frozenset(
        {"integer", "postcode", "german", "german-thousands", "english", "english-thousands", "space-thousands"}
    ),
    "date": frozenset({"date", "german-date"}),
    "datetime": frozenset({"date", "german-date", "datetime"}),
    "time": frozenset({"time"}),
    "boolean": frozenset({"boolean"}),
    "email": frozenset({"email"}),
    "link": frozenset({"link"}),
    "coordinate": frozenset({"coordinate"}),
    "geometry": frozenset({"geometry"}),
}
_POSTCODES = ("plz", "postleitzahl", "postcode", "zip")
_YEARS = ("jahr", "year", "baujahr")


class _Values:
    """What is known of one column while its rows go by."""

    def __init__(self) -> None:
        self.filled = self.missing = self.wrong_years = 0
        self.shapes: Counter[Shape] = Counter()
        self.first: dict[Shape, tuple[int, str]] = {}
        self.grouped: Counter[Thousands] = Counter()
        self.texts: list[str] = []

    def add(self, value: str, line: int) -> None:
        self.filled += 1
        if is_missing(value):
            self.missing += 1
            return
        shape = shape_of(value)
        self.shapes[shape] += 1
        self.first.setdefault(shape, (line, value))
        if shape in _GROUPED and _GROUPED[shape] in value:
            self.grouped[_GROUPED[shape]] += 1
        if shape == "integer" and not (len(value) == 4 and "1800" <= value <= "2100"):
            self.wrong_years += 1
        self.texts.append(value[:CELL])


class Profile:
    """Takes rows one by one; `names` are those of the columns, `titles` those of the columns that are told of: short,
    and no two alike, for an answer about one must not count for another."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self.titles = _titles(self.names[:COLUMNS])
        self.columns = [_Values() for _ in names[:COLUMNS]]
        self.rows = self.looked_at = self.blank = self.broken = self.cells = 0
        self.broken_lines: list[int] = []
        self.sample: list[tuple[str, ...]] = []
        self.kept: list[tuple[int, Sequence[str]]] = []

    def row(self, cells: Sequence[str], line: int) -> None:
        """A row of the table; blank ones are counted apart, broken ones (another number of fields) too."""
        if not "".join(cells).strip():
            self.blank += 1
            return
        self.rows += 1
        if len(cells) != len(self.names):
            self.damaged(line)
        if (self.rows > SAMPLE and self.rows % STEP) or self.cells > CELLS:
            return
        self.looked_at += 1
        self.cells += len(cells)
        if len(self.sample) < SHOWN:
            self.sample.append(tuple(" ".join(cell[: 2 * CELL].split())[:CELL] for cell in cells[:SHOWN_COLUMNS]))
        if len(cells) == len(self.names):
            for column, cell in zip(self.columns, cells, strict=False):
                if value := cell.strip():
                    column.add(value, line)
            self.kept.append((line, cells))

    def damaged(self, line: int) -> None:
        """A row that is not as the others are."""
        self.broken += 1
        if len(self.broken_lines) < BROKEN:
            self.broken_lines.append(line)

    def numbers(self) -> tuple[Decimal, Thousands]:
        """Decimal sign and thousands sign of all columns; empty where nothing shows one."""
        shapes: Counter[Shape] = Counter()
        grouped: Counter[Thousands] = Counter()
        for column in self.columns:
            shapes += column.shapes
            grouped += column.grouped
        decimal: Decimal = ""
        if shapes["german"] or shapes["english"]:
            decimal = "," if shapes["german"] >= shapes["english"] else "."
        elif shapes["german-thousands"] != shapes["english-thousands"]:
            # without any fraction `1.234` is a thousand to a German reader, and so is `1,234` to an English one
            decimal = "," if shapes["german-thousands"] > shapes["english-thousands"] else "."
        other: Thousands = "." if decimal == "," else ","
        thousands: Thousands = other if grouped[other] else " " if grouped[" "] else ""
        return decimal, thousands

    def table(self, name: str = "", *, hidden: bool = False) -> Table:
        decimal, _ = self.numbers()
        told = zip(self.titles, self.columns, strict=True)
        return Table(
            name=name[:NAME],
            rows=self.rows,
            looked_at=self.looked_at,
            columns=tuple(_column(title, values, decimal) for title, values in told),
            more_columns=max(0, len(self.names) - COLUMNS),
            sample=tuple(self.sample),
            broken=Broken(self.broken, tuple(self.broken_lines)),
            blank_rows=self.blank,
            hidden=hidden,
        )

    def texts(self, number: int) -> list[str]:
        """The values of a column that were looked at."""
        return self.columns[number].texts


def _titles(names: Sequence[str]) -> list[str]:
    """Equal ones bear a number."""
    found: dict[str, None] = {}
    for number, name in enumerate(names, 1):
        title = name[:NAME]
        while title in found:
            title, number = f"{name[: NAME - 8]} ({number})", number + 1
        found[title] = None
    return list(found)


def _column(name: str, values: _Values, decimal: Decimal) -> Column:
    kind = _kind(name, values)
    said = values.filled - values.missing
    fitting = _KINDS.get(kind, frozenset())
    if kind == "number" and decimal == ",":
        fitting = fitting - {"english"}
    odd = [shape for shape in values.shapes if fitting and shape not in fitting]
    line, example = min((values.first[shape] for shape in odd), default=(0, ""))
    least, most = _extremes(kind, values.texts, decimal)
    return Column(
        name=name,
        kind=kind,
        filled=values.filled,
        missing=values.missing if said else 0,
        odd=sum(values.shapes[shape] for shape in odd),
        odd_line=line,
        odd_example=example[:CELL],
        least=least,
        most=most,
    )


def _kind(name: str, values: _Values) -> ColumnKind:
    told = sum(values.shapes.values())
    if not told:
        return "empty"
    folded = name.casefold()
    if values.shapes["integer"] == told and not values.wrong_years:
        return "year" if any(word in folded for word in _YEARS) or told > 1 else "integer"
    for kind, shapes in _KINDS.items():
        if kind == "postcode" and not any(word in folded for word in _POSTCODES) and not _leading_zero(values):
            continue
        fits = sum(values.shapes[shape] for shape in shapes)
        if fits >= FITS * told and fits:
            return kind
    return "text"


def _leading_zero(values: _Values) -> bool:
    """Five figures that begin with a nought are no number."""
    return any(len(text) == 5 and text.startswith("0") for text in values.texts[:1_000])


def _extremes(kind: ColumnKind, texts: Sequence[str], decimal: Decimal) -> tuple[str, str]:
    if kind in ("integer", "number"):
        numbers = [found for text in texts if (found := number_of(text, decimal)) is not None]
        return (f"{min(numbers):.12g}", f"{max(numbers):.12g}") if numbers else ("", "")
    if kind in ("date", "datetime"):
        days = [day for text in texts if (day := day_of(text)) is not None]
        return (min(days).isoformat(), max(days).isoformat()) if days else ("", "")
    if kind == "year":
        return min(texts), max(texts)
    return "", ""


def span_of(tables: Sequence[Table]) -> Span | None:
    """What the days in all tables reach from and to; years only where there are no days. Birthdays are no such days."""
    days = [
        (column.least, column.most)
        for table in tables
        for column in table.columns
        if column.kind in ("date", "datetime") and column.least >= "1900" and not is_birth(column.name)
    ]
    years = [
        (column.least, column.most)
        for table in tables
        for column in table.columns
        if column.kind == "year" and "bau" not in column.name.casefold()
    ]
    found = days or years
    return Span(min(least for least, _ in found), max(most for _, most in found)) if found else None


def is_birth(name: str) -> bool:
    """Whether the name of a column says that it holds dates of birth."""
    folded = name.casefold()
    return folded.startswith(("geb.", "geb_", "gebdat", "geb dat", "geb-")) or (
        folded in ("geb", "dob") or "geburt" in folded or "geboren" in folded or "birth" in folded
    )
