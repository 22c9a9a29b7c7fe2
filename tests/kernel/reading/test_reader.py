"""The process that reads: its answer, its limits, and that a file that harms it harms nobody else."""

import asyncio
import io
import json
import os
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from connector.foundation.errors import Mistake
from connector.kernel.reading import reader
from connector.kernel.reading.model import LIMITS, Limits
from connector.kernel.reading.reader import read, read_async
from tests.kernel.reading.files import TREES, geopackage, point, xlsx
from tests.testkit.patience import eventually
from tests.testkit.places import ROOT


def kept(folder: Path, content: bytes) -> Path:
    place = folder / "file"
    place.write_bytes(content)
    return place


def refused(place: Path, limits: Limits) -> str:
    with pytest.raises(Mistake) as error:
        read(place, limits)
    return error.value.code


def test_a_file_is_read_in_a_process_of_its_own(tmp_path: Path) -> None:
    reading = read(kept(tmp_path, TREES.encode("cp1252")))
    assert (reading.kind, reading.rows, reading.tables[0].map.crs if reading.tables[0].map else 0) == ("csv", 3, 25832)


def test_a_geopackage_comes_by_the_same_door(tmp_path: Path) -> None:
    reading = read(geopackage(tmp_path / "a.gpkg", {"a": [("b", point(475000, 5525000))]}))
    assert (reading.kind, reading.tables[0].name) == ("geopackage", "a")


@pytest.mark.threat("T89")
def test_what_exhausts_its_reader_is_one_error_here(tmp_path: Path) -> None:
    """>> a workbook that claims to unpack to more << refused unopened >> one that lies about it, and a file
    that takes too long << the process ends, this one goes on."""
    assert refused(kept(tmp_path, xlsx({"a": [["x" * 60_000]] * 20})), Limits(unpacked=100_000)) == "reading.unpacked"
    bomb = io.BytesIO(xlsx({"a": [["a", "b"]]}))
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.writestr("xl/sharedStrings.xml", b"<sst>" + b"<si><t>x</t></si>" * 6_000_000)
    content = bytearray(bomb.getvalue())
    at = content.rfind(b"PK\x01\x02")
    content[at + 24 : at + 28] = (1_000).to_bytes(4, "little")  # the size that the directory claims
    small = Limits(memory=200 * 1024**2, cpu_s=10, wall_s=30)
    assert refused(kept(tmp_path, bytes(content)), small) in ("reading.exhausted", "reading.workbook")
    assert refused(kept(tmp_path, b"a;b\n" + b"1;2\n" * 500_000), Limits(wall_s=0)) == "reading.exhausted"


LIMITED = """
import json, resource
from connector.kernel.reading import read_process
kinds = (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)
read_process.run = lambda *given: json.dumps([resource.getrlimit(one) for one in kinds]).encode()
read_process.main()
"""


@pytest.mark.threat("T89")
def test_the_process_has_its_limits_before_it_reads() -> None:
    """>> what the process may take when it begins to read << the memory and time that it was told; no file, no core."""
    told = json.dumps({"memory": 1 << 30, "cpu_s": 7})
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, told], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    assert json.loads(done.stdout) == [[1 << 30, 1 << 30], [7, 8], [0, 0], [0, 0]]


@pytest.mark.threat("T89")
def test_formulas_are_not_evaluated_and_links_not_opened(tmp_path: Path) -> None:
    rows: list[list[str | float | None]] = [["a", "b"], ['=WEBSERVICE("https://town.example/")', "=1/0"]]
    assert read(kept(tmp_path, xlsx({"a": rows}))).tables[0].sample == (("42", "42"),)


async def test_whoever_gives_up_takes_the_process_with_it(tmp_path: Path) -> None:
    place = kept(tmp_path, b"a;b\n" + b"1;2\n" * 3_000_000)
    work = asyncio.ensure_future(read_async(place))
    await eventually(lambda: bool(children()))
    work.cancel()
    with suppress(asyncio.CancelledError):
        await work
    await eventually(lambda: not children())


def children() -> list[str]:
    """Processes of ours that read."""
    if not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        pytest.skip("no /proc: this is looked at on Linux")
    found = []
    for each in " ".join(place.read_text() for place in Path("/proc/self/task").glob("*/children")).split():
        with suppress(OSError):
            if b"read_process" in Path(f"/proc/{each}/cmdline").read_bytes():
                found.append(each)
    return found


@pytest.mark.long
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """>> 200 MB of CSV in a process that may have 400 MiB << every row counted, a sample looked at."""
    place = tmp_path / "large.csv"
    line = "{};Größe {};{},5;0{}.01.2024;Musterstadt;eine Bemerkung, die mehr Platz braucht als die Angaben davor\r\n"
    block = "".join(line.format(n, n, n, 1 + n % 9) for n in range(10_000)).encode("cp1252")
    with place.open("wb") as file:
        file.write(b"Nr;Name;Wert;Tag;Ort;Bemerkung\r\n")
        for _ in range(200_000_000 // len(block) + 1):
            file.write(block)
    reading = read(place, Limits(memory=400 * 1024**2, cpu_s=300, wall_s=600))
    assert place.stat().st_size > 200_000_000
    assert reading.rows == (200_000_000 // len(block) + 1) * 10_000
    assert 10_000 < reading.tables[0].looked_at < reading.rows / 10


def test_whoever_only_asks_loads_no_reader() -> None:
    """>> the desk imports what starts the process << neither pyproj nor the reader of workbooks is loaded."""
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, connector.kernel.reading.reader as _;"
            "print(sorted({'pyproj', 'python_calamine'} & set(sys.modules)))",
        ],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert told.stdout.strip() == "[]"


@pytest.mark.threat("T147")
def test_bug_a_small_file_had_as_much_cpu_as_a_large_one() -> None:
    """>> nothing, 64 MiB, 200 MiB, 1 GiB << 20 s, 20 s, a little more, the limit of all; never more than is granted."""
    mib = 1024**2
    allowed = [reader.for_size(LIMITS, size * mib) for size in (0, 64, 200, 1024)]
    assert [one.cpu_s for one in allowed] == [20, 20, 37, 90]
    assert [one.wall_s for one in allowed] == [80, 80, 148, 180]
    assert reader.for_size(Limits(cpu_s=1, wall_s=2), 0).wall_s == 2


@pytest.mark.threat("T147")
async def test_bug_one_participant_held_both_readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> two of one participant that last, then one of another << the other one's is read meanwhile."""
    program, place = tmp_path / "lasts.py", kept(tmp_path, b"x")
    program.write_text("import time\ntime.sleep(600)", encoding="utf-8")
    real = reader._PROCESS
    monkeypatch.setattr(reader, "_PROCESS", program)
    lasting = [asyncio.create_task(read_async(place, LIMITS, "a")) for _ in range(2)]
    await asyncio.sleep(0.01)
    monkeypatch.setattr(reader, "_PROCESS", real)
    place.write_bytes(TREES.encode("cp1252"))
    assert (await asyncio.wait_for(read_async(place, LIMITS, "b"), 60)).rows == 3
    for one in lasting:
        one.cancel()
    await asyncio.gather(*lasting, return_exceptions=True)
