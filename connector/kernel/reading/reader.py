"""A file of a steward -> what is in it, read in a process of its own with limits on memory, CPU and time (T89).

An empty file, one that nobody can read and one that exhausts its reader are one error each, with what helps. No more
than two files are read at a time, one of each participant (spec/reading.md 1.1, decisions 0072, 0164).
"""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from msgspec.structs import replace

from connector.foundation.child_process import ChildProcess
from connector.foundation.errors import Mistake
from connector.foundation.fair_turns import FairTurns
from connector.kernel.reading.model import LIMITS, Limits, Reading

_PROCESS = Path(__file__).with_name("read_process.py")
AT_ONCE = 2
_POOL = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="reading")
_TURNS = FairTurns(AT_ONCE)
CPU_S = 20
"""Seconds of CPU of a file that is not large; a town's file needs a few."""
LARGE = 64 * 1024**2
BYTES_PER_S = 8 * 1024**2
"""So many more bytes have a further second, up to the limit of all."""
WALL_TIMES = 4
"""A machine that is busy with others gives a process no less than this part of its time."""


class _Report(msgspec.Struct, frozen=True):
    error: str = ""
    facts: dict[str, str | int] = {}
    reading: Reading | None = None


_REFUSED: Mapping[str, Callable[[Mapping[str, object]], Mistake]] = {
    "empty": lambda facts: Mistake("reading.empty"),
    "html": lambda facts: Mistake("reading.html"),
    "no-text": lambda facts: Mistake("reading.no-text"),
    "long-line": lambda facts: Mistake("reading.long-line", most=facts["most"]),
    "password": lambda facts: Mistake("reading.password"),
    "workbook": lambda facts: Mistake("reading.workbook"),
    "unpacked": lambda facts: Mistake("reading.unpacked", most=int(str(facts["most"])) >> 20),
    "json": lambda facts: Mistake("reading.json", place=facts["at"]),
    "json-encoding": lambda facts: Mistake("reading.json-encoding"),
    "nesting": lambda facts: Mistake("reading.nesting"),
    "geopackage": lambda facts: Mistake("reading.geopackage"),
    "journal": lambda facts: Mistake("reading.journal"),
}


def read(path: Path, limits: Limits = LIMITS) -> Reading:
    """What is in the file. Waits for the process: `read_async` for whoever may not.

    Raises Mistake (`reading.…`) for a file that is refused as a whole.
    """
    return _read(ChildProcess(_PROCESS), path, limits)


def _read(child: ChildProcess, path: Path, limits: Limits) -> Reading:
    with path.open("rb") as file:
        limits = for_size(limits, path.stat().st_size)
        code, out, _ = child.run(json.dumps(msgspec.structs.asdict(limits)), file, limits.wall_s)
    try:
        report = msgspec.json.decode(out, type=_Report) if code == 0 else _Report(error="exhausted")
    except msgspec.MsgspecError:
        report = _Report(error="exhausted")
    if report.reading is None:
        refused = _REFUSED.get(report.error)
        raise Mistake("reading.exhausted") if refused is None else refused(report.facts)
    return report.reading


def for_size(limits: Limits, size: int) -> Limits:
    """The limits of a file of so many bytes: only a large one may take long."""
    cpu_s = min(limits.cpu_s, CPU_S + max(0, size - LARGE) // BYTES_PER_S)
    return replace(limits, cpu_s=cpu_s, wall_s=min(limits.wall_s, WALL_TIMES * cpu_s))


async def read_async(path: Path, limits: Limits = LIMITS, participant: str = "") -> Reading:
    """As `read`, beside the event loop, when it is the participant's turn; whoever gives up takes the process with
    it."""
    async with _TURNS.place(participant):
        child = ChildProcess(_PROCESS)
        return await child.beside(_POOL, lambda: _read(child, path, limits))
