"""What is read from a file: values that a draft keeps and that pages show. Nothing here opens anything.

A reading never changes the file: it says what is in it. What was looked at only in part says so (`Table.looked_at`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

Kind = Literal["csv", "workbook", "geojson", "geopackage", "json", "other"]
Sureness = Literal["certain", "likely", "guessed"]
ColumnKind = Literal[
    "empty",
    "integer",
    "number",
    "year",
    "date",
    "datetime",
    "time",
    "boolean",
    "postcode",
    "email",
    "link",
    "coordinate",
    "geometry",
    "text",
]
PersonalKind = Literal["name", "email", "phone", "iban", "birth", "address", "plate"]
Box = tuple[float, float, float, float]
"""West, south, east, north in degrees (WGS84)."""

SAMPLE = 10_000
"""Rows of a table that are looked at one by one; behind them every `STEP`th."""
STEP = 50
SHOWN = 20
"""Rows of the preview, of the first `TABLES` tables."""
TABLES = 4
SHOWN_COLUMNS = 60
CELL = 200
"""Characters of a value that are shown."""
NAME = 120
"""Characters of the name of a column or a sheet."""
COLUMNS = 300
"""Columns that are told of."""
BROKEN = 10
"""Numbers of broken lines that are named."""
FEATURES = 2_000
MAP_BYTES = 300_000


class Refused(Exception):
    """The file as a whole, with a code that `reader` knows."""

    def __init__(self, code: str, **facts: object) -> None:
        super().__init__(code)
        self.code, self.facts = code, facts


class Encoding(Struct, frozen=True, kw_only=True):
    """`name` as Python knows it. `damaged`: characters that could not be read; `twice`: read wrongly before already."""

    name: str
    sureness: Sureness
    bom: bool = False
    damaged: int = 0
    twice: bool = False


class Form(Struct, frozen=True, kw_only=True):
    """How a text is a table: `separator` is empty for a single column, `decimal` where no number has a fraction.

    `skipped` are lines before the header (a title, a date).
    """

    separator: str
    quote: str = '"'
    decimal: Literal["", ",", "."] = ""
    thousands: Literal["", ",", ".", " "] = ""
    header: bool = True
    header_sureness: Sureness = "certain"
    skipped: int = 0


class Column(Struct, frozen=True, kw_only=True):
    """Of the values looked at: `filled` have one, `missing` of those only say so (`k. A.`), `odd` do not fit `kind`.

    `odd_line` is where the first of them stands (0: none). `least` and `most` of numbers, and of days as ISO 8601.
    """

    name: str
    kind: ColumnKind
    filled: int
    missing: int = 0
    odd: int = 0
    odd_line: int = 0
    odd_example: str = ""
    least: str = ""
    most: str = ""


class Broken(Struct, frozen=True):
    """Rows with more or fewer fields than the header: how many, and the numbers of the first lines."""

    count: int = 0
    lines: tuple[int, ...] = ()


class PersonalHint(Struct, frozen=True, kw_only=True):
    """That a column may tell of persons: a hint, no proof, and no proof that others do not.

    `count` of `looked_at` values; `why` is a key of the message catalogues, `named`: the column's name says so.
    """

    table: str
    column: str
    kind: PersonalKind
    count: int
    looked_at: int
    named: bool = False

    @property
    def key(self) -> str:
        """What an answer names."""
        return f"{self.kind}:{self.table}:{self.column}"


class Map(Struct, frozen=True, kw_only=True):
    """`crs` is an EPSG code; `box` and `features` (GeoJSON) are in WGS84, thinned out and simplified.

    `objects` have a place, `without` have none, of those looked at; `features` are at most 2 000.
    """

    crs: int
    sureness: Sureness
    box: Box | None
    objects: int
    without: int = 0
    features: Sequence[Mapping[str, Any]] = ()
    columns: tuple[str, ...] = ()


class Table(Struct, frozen=True, kw_only=True):
    """One table: the file itself, a sheet, a layer. `rows` are all, `looked_at` those whose values were looked at."""

    name: str
    rows: int
    looked_at: int
    columns: tuple[Column, ...]
    more_columns: int = 0
    sample: tuple[tuple[str, ...], ...] = ()
    broken: Broken = Broken()
    blank_rows: int = 0
    hidden: bool = False
    map: Map | None = None


class Span(Struct, frozen=True):
    """First and last day, as ISO 8601."""

    start: str
    end: str


class Reading(Struct, frozen=True, kw_only=True):
    """All that was read. `remarks` are kinds of what somebody should know: `hidden-sheet`, `formulas`, `macros`,
    `external-links`, `comments`, `too-large`, `more-tables`, `more-columns`, `no-rows` (headings alone), `paged` (an
    interface that has further pages), `journal` (rows may lie in a second file)."""

    kind: Kind
    tables: tuple[Table, ...] = ()
    encoding: Encoding | None = None
    form: Form | None = None
    hints: tuple[PersonalHint, ...] = ()
    span: Span | None = None
    remarks: tuple[str, ...] = ()
    file_type: str = ""

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    @property
    def box(self) -> Box | None:
        """Around all tables; what a guessed system says may lie hundreds of kilometres beside, and does not count."""
        maps = [table.map for table in self.tables if table.map is not None and table.map.sureness != "guessed"]
        boxes = [one.box for one in maps if one.box is not None]
        if not boxes:
            return None
        west, south, east, north = zip(*boxes, strict=True)
        return min(west), min(south), max(east), max(north)


class Limits(Struct, frozen=True, kw_only=True):
    """Of one file: `bytes` that are looked into; of its process: `memory` in bytes, seconds of CPU and of waiting;
    bytes `written` about it, and bytes that a packed file may have `unpacked`. `zone` of UTM, where known."""

    bytes: int = 1024**3
    memory: int = 1024**3
    cpu_s: int = 90
    wall_s: int = 180
    written: int = 8 * 1024**2
    unpacked: int = 512 * 1024**2
    line: int = 1024**2
    nesting: int = 64
    zone: int = 0


LIMITS = Limits()
