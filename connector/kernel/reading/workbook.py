"""Spreadsheets (xlsx, xls, ods): sheets as tables, and what else is in the file without being seen.

Formulas are not evaluated: a cell has the value that was saved with it. Nothing that a workbook refers to is opened.
What a zip claims to unpack to is bounded before its reader sees it (spec/reading.md 1.5).
"""

import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import BinaryIO

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

from connector.kernel.reading.columns import Profile
from connector.kernel.reading.csv_table import PREAMBLE, header_of
from connector.kernel.reading.model import Limits, Refused

SHEETS = 20
PARTS = 5_000
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


def read(file: BinaryIO, limits: Limits) -> tuple[list[tuple[str, Profile, bool]], list[str]]:
    """Each sheet with its name and whether it is hidden, and the remarks; raises `Refused`."""
    remarks = _remarks(file, limits)
    file.seek(0)
    try:
        book = CalamineWorkbook.from_filelike(file)
        sheets = book.sheets_metadata
        found = []
        for sheet in sheets[:SHEETS]:
            rows = book.get_sheet_by_name(sheet.name).to_python(skip_empty_area=True)
            hidden = sheet.visible != SheetVisibleEnum.Visible
            if hidden:
                remarks.append("hidden-sheet")
            if rows:
                found.append((sheet.name, _table(rows), hidden))
    except PasswordError:
        raise Refused("password") from None
    except CalamineError as cause:
        raise Refused("workbook", problem=str(cause)[:120]) from None
    if len(sheets) > SHEETS:
        remarks.append("more-tables")
    if not any(profile.rows or any(profile.names) for _, profile, _ in found):
        raise Refused("empty")
    return found, list(dict.fromkeys(remarks))


def _remarks(file: BinaryIO, limits: Limits) -> list[str]:
    """What lies in the file beside the values; raises `Refused` for what would unpack to more than is allowed."""
    file.seek(0)
    if file.read(8) == OLE:
        if _ENCRYPTED in file.read(1 << 20):
            raise Refused("password")
        return []
    try:
        parts = zipfile.ZipFile(file).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise Refused("workbook", problem="zip") from None
    if len(parts) > PARTS or sum(part.file_size for part in parts) > limits.unpacked:
        raise Refused("unpacked", most=limits.unpacked)
    names = [part.filename.casefold() for part in parts]
    signs = {
        "external-links": ("/externallinks/",),
        "macros": ("vbaproject.bin",),
        "comments": ("/comments", "/threadedcomments/"),
    }
    return [kind for kind, marks in signs.items() if any(mark in name for name in names for mark in marks)]


def _table(rows: Sequence[Sequence[object]]) -> Profile:
    """A sheet's rows as text; the header is the first row that is as full as most."""
    told = [[_text(cell) for cell in row] for row in rows[:400]]
    filled = [sum(1 for cell in row if cell) for row in told]
    usual = sorted(filled)[len(filled) // 2]
    at = next((number for number, count in enumerate(filled[:PREAMBLE]) if 2 * count > usual), 0)
    header, names = header_of([(number + 1, row) for number, row in enumerate(told)][at:])
    profile = Profile(names)
    for number, cells in _below(rows, at + header):
        profile.row(cells, number)
    return profile


def _below(rows: Sequence[Sequence[object]], begins: int) -> Iterator[tuple[int, list[str]]]:
    for number in range(begins, len(rows)):
        yield number + 1, [_text(cell) for cell in rows[number]]


def _text(cell: object) -> str:
    """As people would write it: a whole number without fraction, days as ISO 8601."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool):
        return "ja" if cell else "nein"
    if isinstance(cell, float):
        return f"{cell:.15g}".replace(".", ",") if not cell.is_integer() or abs(cell) > 1e15 else str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ", "seconds")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell) if isinstance(cell, int | timedelta) else ""
