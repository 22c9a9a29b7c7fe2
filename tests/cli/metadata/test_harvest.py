"""Files of answers as people and their spreadsheets leave them."""

from pathlib import Path

import pytest

from connector.cli.metadata.harvest import _harmless, _meant, _rows
from connector.foundation.errors import Mistake

HEAD = "kind;value;dataset;question;datasets;proposal;answer\r\n"
ROW = "licence;Maßstab;;Welche Lizenz?;3;;cc-zero\r\n"


def test_answers_as_spreadsheets_save_them(tmp_path: Path) -> None:
    """>> UTF-8 with and without mark, Windows-1252, semicolons, commas, tabs, rows of nothing << the same row."""
    text = HEAD + ROW + ";;;;;;\r\n"
    commas, tabs = text.replace(";", ","), text.replace(";", "\t")
    file = tmp_path / "answers.CSV"
    for content in (
        *(text.encode(encoding) for encoding in ("utf-8-sig", "utf-8", "cp1252")),
        commas.encode("cp1252"),
        tabs.encode(),
    ):
        file.write_bytes(content)
        (row,) = _rows(file)
        assert (row["kind"], row["value"], row["answer"]) == ("licence", "Maßstab", "cc-zero")
    for wrong in (b"\x81\xff", b"value;answer\r\nx;y\r\n", (HEAD + ROW.removeprefix("licence")).encode()):
        file.write_bytes(wrong)
        with pytest.raises(Mistake, match=r"harvest\.answers-file"):
            _rows(file)


def test_what_begins_like_a_formula_stays_text_and_comes_back() -> None:
    """>> values of portals with signs of formulas, with apostrophes << no formula, and the same value again."""
    for value in ("=1+1", "+49", "-", "@x", "\t=1", "'=1", "''", "Maßstab", ""):
        cell = _harmless(value)
        assert not str(cell).startswith(tuple("=+-@\t\r"))
        assert _meant(cell) == value
