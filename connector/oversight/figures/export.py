"""Figures as CSV for spreadsheets: what they say is text and never a formula (threat T96).

Separated by semicolons with decimal comma in German, by commas and with a point in English; UTF-8 with a mark, as the
spreadsheets of town halls read it.
"""

import csv
from collections.abc import Callable, Iterable, Sequence
from io import StringIO

from connector.foundation.clock import rfc3339
from connector.foundation.language import say
from connector.oversight.figures.model import Event, Figure

_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
Cell = str | int | float | None


def table(rows: Iterable[Sequence[Cell]], lang: str) -> bytes:
    """Rows as a spreadsheet reads them; a text that it would take for a formula gets an apostrophe in front."""
    out = StringIO()
    german = lang == "de"
    writer = csv.writer(out, delimiter=";" if german else ",", lineterminator="\r\n", quoting=csv.QUOTE_MINIMAL)
    for row in rows:
        writer.writerow([_cell(cell, german) for cell in row])
    return ("\ufeff" + out.getvalue()).encode()


def _cell(cell: Cell, german: bool) -> str:
    match cell:
        case None:
            return ""
        case str():
            return text(cell)
        case int():
            return str(cell)
        case float():
            written = f"{cell:.6f}".rstrip("0").rstrip(".")
            return written.replace(".", ",") if german else written


def text(cell: str) -> str:
    """Leading spaces do not hide a formula: spreadsheets pass over them."""
    return f"'{cell}" if cell.lstrip().startswith(_BEGINS_FORMULA) or cell.startswith(_BEGINS_FORMULA) else cell


def _head(of: str, names: Sequence[str], lang: str) -> list[Cell]:
    return [say(f"figures.csv.{of}.{name}", lang) for name in names]


def figure_rows(figures: Iterable[Figure], lang: str) -> list[list[Cell]]:
    """One row a figure, one for each of its parts, spaces and months; heads in this language, codes as they are."""
    names = ("figure", "version", "part", "month", "value", "of", "unit", "entries", "lacks")
    rows = [_head("figures", names, lang)]
    for one in figures:
        head: list[Cell] = [one.definition.id, one.definition.version]
        unit = one.definition.unit
        rows.append([*head, "", "", one.value, one.of, unit, len(one.events), one.lacks])
        rows += [[*head, part.key, "", part.value, part.of, unit, None, ""] for part in one.parts]
        rows += [[*head, f"space:{part.key}", "", part.value, None, unit, None, ""] for part in one.spaces]
        rows += [[*head, "", point.month, point.value, None, unit, None, ""] for point in one.series]
    return rows


def event_rows(events: Iterable[Event], lang: str, name_of: Callable[[str], str]) -> list[list[Cell]]:
    """The log entries behind a figure; `leaf` is the place in the tree, empty until the entry is sealed. `name_of` is
    what people call a DID."""
    names = ("entry", "leaf", "time", "type", "partner", "agreement", "counterparty", "event", "code")
    rows = [_head("entries", names, lang)]
    for one in events:
        body = one.body
        partner = name_of(body.counterparty) if body.counterparty else ""
        rows.append(
            [
                one.id,
                one.index,
                rfc3339(one.at),
                one.type,
                partner,
                one.agreement,
                body.counterparty,
                body.event,
                body.code,
            ]
        )
    return rows
