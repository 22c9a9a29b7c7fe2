"""Every threat row has a test as soon as its door is built (connector/docs/threats.md)."""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from tests.testkit.places import ROOT

MARKER = re.compile(r"^[^#\n]*\bpytest\.mark\.threat\(([^()]*)\)", re.MULTILINE)
"""In front of a test, or of one of its cases; not where it is only spoken of."""


class Threat(NamedTuple):
    """One row of the table."""

    id: str
    door: str
    folders: str


def rows() -> list[Threat]:
    """The table of the page."""
    lines = (ROOT / "connector/docs/threats.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| T")]
    return [Threat(row[0], row[3].strip("`"), row[4]) for row in cells]


@cache
def proven() -> dict[str, set[str]]:
    """Threat id -> the folders whose tests, at any depth, carry its marker."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        parts = path.parent.relative_to(ROOT / "tests").parts
        folders = {f"tests/{'/'.join(parts[:depth])}" for depth in range(1, len(parts) + 1)}
        for named in MARKER.findall(path.read_text(encoding="utf-8")):
            for threat in re.findall(r"\w+", named):
                found.setdefault(threat, set()).update(folders)
    return found


def test_the_table_has_every_row_once() -> None:
    """No number is given twice; one may be missing whose row was never written."""
    ids = [row.id for row in rows()]
    assert len(ids) == len(set(ids))


def test_a_built_door_is_proven() -> None:
    """A row says `later` exactly as long as its door is missing; from then on a test carries its marker."""
    assert [fault for row in rows() for fault in faults(row)] == []


def faults(row: Threat) -> Iterator[str]:
    built = (ROOT / row.door).exists()
    if (row.folders == "later") is built:
        yield f"{row.id}: {row.door} exists: {built}, the table says {row.folders}"
    elif built:
        missing = {folder.strip() for folder in row.folders.split(",")} - proven().get(row.id, set())
        yield from (f"no test for {row.id} in {folder}" for folder in sorted(missing))


def test_no_test_claims_an_unknown_threat() -> None:
    assert set(proven()) <= {row.id for row in rows()}
