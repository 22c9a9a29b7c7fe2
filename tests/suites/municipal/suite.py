"""The whole municipal suite: all cases in their order, and the folder they are written to."""

from pathlib import Path

from connector.resources import folder
from tests.suites.municipal import combining, comparing, filling, timing
from tests.suites.municipal.form import Case
from tests.suites.municipal.writing import files


def cases() -> tuple[Case, ...]:
    """Every case; the order gives the numbers of the files."""
    return tuple(case for part in (comparing, combining, timing, filling) for case in part.cases())


def place() -> Path:
    """Where the suite lies."""
    return folder("policies") / "suite"


def write(target: Path) -> int:
    """Write all files below `target` and remove what is no longer of the suite; how many there are."""
    wanted = files(cases())
    for old in (target / "data").rglob("*.ttl"):
        if old.relative_to(target).as_posix() not in wanted:
            old.unlink()
    for name, text in wanted.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return len(wanted)
