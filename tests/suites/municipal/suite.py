"""The whole municipal suite: all cases in their order, its files, and the digest that is kept of them.

The files are generated where they are needed and never kept; what is kept is their digest, so that a change of a case
or of the way it is written shows in review.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.suites.municipal import combining, comparing, filling, timing
from tests.suites.municipal.form import Case
from tests.suites.municipal.writing import files
from tests.testkit.places import ROOT

PLACE = ROOT / "policies" / "suite"
"""Where the suite is described and its digest is kept; `hanse policy suite` given this folder generates the files."""
DIGEST = PLACE / "SHA256"


def cases() -> tuple[Case, ...]:
    """Every case; the order gives the numbers of the files."""
    return tuple(case for part in (comparing, combining, timing, filling) for case in part.cases())


def digest(texts: Mapping[str, str]) -> str:
    """What `find data -type f | LC_ALL=C sort | xargs sha256sum | sha256sum` says beside the files."""
    lines = (f"{hashlib.sha256(texts[name].encode()).hexdigest()}  {name}\n" for name in sorted(texts))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def write(target: Path, step: int = 1) -> int:
    """Write all files below `target`, or those of every so-many-th case; how many there are."""
    wanted = files(cases()[::step])
    for name, text in wanted.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return len(wanted)


@contextmanager
def generated(folder: Path) -> Iterator[Path]:
    """The folder itself, or for the one that holds the description alone a temporary one with the files."""
    if folder.resolve() != PLACE:
        yield folder
        return
    with TemporaryDirectory(prefix="hanse-suite-") as temporary:
        write(Path(temporary))
        yield Path(temporary)
