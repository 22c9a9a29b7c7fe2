"""CSV and TSV as towns write them: separator, quote, header, lines before it, and rows that are broken.

The text is read line by line: a file of any size takes the memory of its sample. A row is named by the line it begins
on, as an editor counts them (spec/reading.md 1.3).
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

from connector.kernel.reading.columns import Profile
from connector.kernel.reading.encoding import encoding_of
from connector.kernel.reading.model import Encoding, Form, Refused, Sureness
from connector.kernel.reading.values import shape_of

HEAD = 256 * 1024
"""Characters from which the form is told."""
ROWS = 400
PREAMBLE = 30
"""Most lines before the header."""
SEPARATORS = (";", ",", "\t", "|")
_NUMBERS = frozenset(
    {
        "integer",
        "postcode",
        "german",
        "german-thousands",
        "english",
        "english-thousands",
        "date",
        "german-date",
        "datetime",
        "time",
        "coordinate",
    }
)


def read(file: BinaryIO, longest: int) -> tuple[Encoding, Form, Profile]:
    """The table with how it is written; `longest`: characters of one line. Raises `Refused`."""
    encoding = encoding_of(file)
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding.name, errors="replace", newline="")
    try:
        head = text.read(HEAD)
        if not head.strip("\ufeff \t\r\n;,|"):
            raise Refused("empty")
        form, names, first = form_of(head)
        text.seek(0)
        profile = Profile(names)
        csv.field_size_limit(longest)
        for line, cells in _rows(_lines(text, longest), form, profile):
            if line >= first:
                profile.row(cells, line)
    finally:
        text.detach()
    decimal, thousands = profile.numbers()
    return (
        encoding,
        Form(
            separator=form.separator,
            quote=form.quote,
            decimal=decimal,
            thousands=thousands,
            header=form.header,
            header_sureness=form.header_sureness,
            skipped=form.skipped,
        ),
        profile,
    )


def _lines(text: io.TextIOWrapper, longest: int) -> Iterator[str]:
    while line := text.readline(longest):
        if len(line) == longest and not line.endswith(("\n", "\r")):
            raise Refused("long-line", most=longest)
        yield line


def _rows(lines: Iterable[str], form: Form, profile: Profile | None) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of its first line; one that no reader takes is told and left out."""
    reader = csv.reader(lines, delimiter=form.separator or "\x00", quotechar=form.quote)
    while True:
        begins = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            if profile is not None:
                profile.damaged(begins)
            continue
        yield begins, cells


def form_of(head: str) -> tuple[Form, list[str], int]:
    """How the text is a table, the names of its columns, and the line on which its rows begin."""
    whole = head[: head.rfind("\n") + 1] or head
    told, begins = _told(whole)
    quote = _quote(whole)
    separator = told or _separator(whole, quote)
    rows = _some(whole, separator, quote)
    width = _width(rows)
    at = begins
    while (
        width > 1 and at < min(len(rows), PREAMBLE) and (2 * _filled(rows[at][1]) <= width or len(rows[at][1]) < width)
    ):
        at += 1
    if at >= len(rows):
        at = begins
    header, sureness = _is_header(rows[at:])
    cells = rows[at][1]
    names = _named(cells, width) if header else _numbered(len(cells))
    first = rows[at][0] + header
    form = Form(separator=separator, quote=quote, header=header, header_sureness=sureness, skipped=rows[at][0] - 1)
    return form, names, first


def _told(head: str) -> tuple[str, int]:
    """Excel's own line `sep=;`, and the number of the row behind it."""
    first = head.lstrip("\ufeff")[:10].casefold()
    if first.startswith("sep=") and len(first) > 4 and first[4] in "".join(SEPARATORS):
        return first[4], 1
    return "", 0


def _quote(head: str) -> str:
    """Apostrophes only where fields visibly begin and end with them."""
    doubled = head.count('"')
    single = sum(head.count(f"{mark}'") + head.count(f"'{mark}") for mark in SEPARATORS)
    return "'" if not doubled and single > 8 else '"'


def _separator(head: str, quote: str) -> str:
    """That by which most rows have equally many fields; none for a single column."""
    best, mark = 0.0, ""
    for each in SEPARATORS:
        widths = Counter(len(cells) for _, cells in _some(head, each, quote) if cells)
        if not widths:
            continue
        width, times = max(widths.items(), key=lambda one: (one[1] * (one[0] > 1), one[0]))
        agreed = times / sum(widths.values())
        score = agreed * min(width, 12) ** 0.25 if width > 1 and agreed >= 0.3 else 0.0
        if score > best:
            best, mark = score, each
    return mark


def _some(head: str, separator: str, quote: str) -> list[tuple[int, list[str]]]:
    """The first records that are not blank, with their lines."""
    found = []
    form = Form(separator=separator, quote=quote)
    csv.field_size_limit(HEAD)
    for line, cells in _rows(io.StringIO(head.lstrip("\ufeff"), newline=""), form, None):
        if cells:
            found.append((line, cells))
        if len(found) == ROWS:
            break
    return found or [(1, [""])]


def _width(rows: Sequence[tuple[int, Sequence[str]]]) -> int:
    """How many fields most rows have."""
    return Counter(len(cells) for _, cells in rows).most_common(1)[0][0]


def header_of(rows: Sequence[tuple[int, Sequence[str]]]) -> tuple[bool, list[str]]:
    """Whether the first of these rows names the columns, and what they are called."""
    header, _ = _is_header(rows)
    width = max(len(cells) for _, cells in rows)
    return header, _named(rows[0][1], width) if header else _numbered(width)


def _filled(cells: Sequence[str]) -> int:
    return sum(1 for cell in cells if cell.strip())


def _is_header(rows: Sequence[tuple[int, Sequence[str]]]) -> tuple[bool, Sureness]:
    """Whether the first row names the columns: words over numbers are sure to, figures among words do not."""
    first, below = rows[0][1], [cells for _, cells in rows[1:51]]
    words = [cell.strip() for cell in first if cell.strip()]
    if not words:
        return False, "guessed"
    if not below:
        return not any(shape_of(word) in _NUMBERS for word in words), "guessed"
    numbers = [word for word in words if shape_of(word) in _NUMBERS]
    years = all(len(word) == 4 and word.isdigit() and "1900" <= word <= "2100" for word in numbers)
    if numbers and not (years and shape_of(words[0]) == "text" and len(numbers) < len(words)):
        return False, "certain" if len(numbers) > 1 else "likely"
    for at, word in enumerate(first):
        values = [cells[at].strip() for cells in below if at < len(cells) and cells[at].strip()]
        if word.strip() and values and sum(shape_of(value) in _NUMBERS for value in values) > 0.8 * len(values):
            return True, "certain"
    again = sum(1 for at, word in enumerate(first) if any(at < len(cells) and cells[at] == word for cells in below))
    if again > len(first) / 2:
        return False, "guessed"
    return True, "likely" if len(set(words)) == len(words) else "guessed"


def _named(cells: Sequence[str], width: int) -> list[str]:
    """Unnamed columns by their number; a separator at the end of each line is no column."""
    said = (" ".join(cell.strip("\ufeff").split()) for cell in [*cells, *[""] * (width - len(cells))])
    return [name or f"({number})" for number, name in enumerate(said, 1)]


def _numbered(count: int) -> list[str]:
    return [f"({number})" for number in range(1, count + 1)]
