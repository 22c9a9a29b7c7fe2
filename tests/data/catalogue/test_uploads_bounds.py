"""How much may be handed over, and what becomes of drafts whose process died."""

import asyncio
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from hashlib import sha256
from pathlib import Path

import pytest

from connector.data.catalogue import uploads
from connector.data.catalogue.uploads import Bounds, Uploads
from connector.foundation.errors import HanseError, Mistake, Unavailable
from tests.testkit.cities import MUNICIPALITY, Refused, Space
from tests.testkit.patience import PATIENCE_S

TOWN = "musterstadt"
PIECES = 10
PIECE = b"x" * 1000


class Body:
    """Ten pieces; `read` counts how many were taken, and each waits for `gate` if there is one."""

    def __init__(self, gate: asyncio.Event | None = None, salt: bytes = b"") -> None:
        self.taken, self.gate, self.salt = 0, gate, salt

    async def read(self, n: int = -1) -> bytes:
        if self.taken == PIECES:
            return b""
        if self.gate is not None and self.taken:
            await self.gate.wait()
        self.taken += 1
        return self.salt + PIECE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


def everything(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("bounds", "code"),
    [
        (Bounds(largest=PIECES * 1000 - 1), "too-large"),
        (Bounds(all=PIECES * 1000 - 1), "quota"),
        (Bounds(free=1 << 60), "no-room"),
    ],
)
@pytest.mark.parametrize("announced", [True, False])
async def test_what_is_too_much_is_refused_before_or_while_it_comes(
    folder: Path, bounds: Bounds, code: str, announced: bool
) -> None:
    """>> a file beyond a bound, its size announced or not << said, nothing kept; announced: not a byte was read."""
    body = Body()
    with pytest.raises(HanseError, match=code):
        await Uploads(folder, bounds).take(TOWN, "a.csv", body, PIECES * 1000 if announced else None)
    assert everything(folder) == []
    assert body.taken == 0 if announced or code == "no-room" else body.taken > 0


async def test_an_announced_size_that_lies_gets_no_further(folder: Path) -> None:
    with pytest.raises(Mistake, match="too-large"):
        await Uploads(folder, Bounds(largest=2_500)).take(TOWN, "a.csv", body := Body(), 1)
    assert body.taken == 3
    assert everything(folder) == []


async def test_what_lies_there_counts_for_the_quota_and_others_do_not(folder: Path) -> None:
    """>> a second file, and one of another participant << the first town's is full, the other's is not."""
    hall = Uploads(folder, Bounds(all=15_000))
    await hall.take(TOWN, "a.csv", Body())
    with pytest.raises(Mistake, match="quota"):
        await hall.take(TOWN, "b.csv", Body(salt=b"y"))
    await hall.take("nachbardorf", "b.csv", Body(salt=b"y"))


async def test_two_uploads_at_once_share_one_quota(folder: Path) -> None:
    """>> both begin while there is room for one, in two replicas << at most one is kept."""
    gate = asyncio.Event()
    halls = [Uploads(folder, Bounds(all=15_000)) for _ in range(2)]
    both = [
        asyncio.ensure_future(hall.take(TOWN, "a.csv", Body(gate, bytes([65 + i])))) for i, hall in enumerate(halls)
    ]
    await asyncio.sleep(0)
    gate.set()
    ended = await asyncio.gather(*both, return_exceptions=True)
    assert [one for one in ended if isinstance(one, Mistake)]
    assert len(everything(folder)) <= 1


async def test_a_disk_that_fills_meanwhile_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "LOOK", 2_000)
    usage, left = shutil.disk_usage(folder.parent), iter([10_000, 4_000, 500])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=next(left)))
    with pytest.raises(Unavailable, match="no-room"):
        await Uploads(folder, Bounds(free=1_000)).take(TOWN, "a.csv", body := Body())
    assert 0 < body.taken < PIECES
    assert everything(folder) == []


_WRITES = """
import asyncio, sys
from pathlib import Path
from connector.data.catalogue.uploads import Uploads
class Body:
    sent = 0
    async def read(self, n=-1):
        if self.sent:
            print("writing", flush=True)
            await asyncio.sleep(600)
        self.sent += 1
        return b"x" * 100_000
async def take(number):
    hall = Uploads(Path(sys.argv[1]))
    await asyncio.gather(*(hall.take("musterstadt", "a.csv", Body()) for _ in range(number)))
asyncio.run(take(int(sys.argv[2])))
"""


async def test_bug_drafts_of_processes_that_were_killed_stayed_for_ever(folder: Path) -> None:
    """>> three uploads killed, one in another process and one here under way << a sweep takes the three alone."""

    def writing(number: int) -> "subprocess.Popen[bytes]":
        child = subprocess.Popen([sys.executable, "-c", _WRITES, folder, str(number)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert [child.stdout.readline() for _ in range(number)] == [b"writing\n"] * number
        return child

    gate, hall = asyncio.Event(), Uploads(folder)
    here = asyncio.ensure_future(hall.take(TOWN, "b.csv", Body(gate)))
    killed, other = [await asyncio.to_thread(writing, number) for number in (3, 1)]
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert len(everything(folder)) == 5
    await hall.sweep()
    assert len(everything(folder)) == 2
    gate.set()
    await here
    other.kill()
    other.communicate()
    await hall.sweep()
    assert everything(folder) == [sha256(PIECE * PIECES).hexdigest()]


async def test_bug_a_sweep_before_the_file_had_its_name_lost_an_upload(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the last byte is written, a sweep comes by << the draft is still locked, and the upload is whole."""
    keep = uploads._keep

    def late(draft: Path, digest: str) -> None:
        assert uploads._left(folder) == []
        keep(draft, digest)

    monkeypatch.setattr(uploads, "_keep", late)
    source = await Uploads(folder).take(TOWN, "a.csv", Body())
    assert [path.name for path in (folder / TOWN).iterdir()] == [source.sha256]


async def test_bug_a_sweep_that_held_the_lock_at_the_beginning_lost_an_upload(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a sweep has locked the draft just begun, and removes it a moment later << begun anew, the upload is whole."""
    flock, removed = fcntl.flock, threading.Event()

    def lock(handle: int, operation: int) -> None:
        monkeypatch.setattr(uploads.fcntl, "flock", flock)
        (draft,) = (folder / TOWN).iterdir()
        sweep = os.open(draft, os.O_RDONLY)
        flock(sweep, fcntl.LOCK_EX)

        def ends() -> None:
            draft.unlink()
            os.close(sweep)
            removed.set()

        threading.Timer(0.05, ends).start()
        flock(handle, operation)

    monkeypatch.setattr(uploads.fcntl, "flock", lock)
    source = await Uploads(folder).take(TOWN, "a.csv", Body())
    assert removed.wait(PATIENCE_S)
    assert [path.name for path in (folder / TOWN).iterdir()] == [source.sha256]


async def test_a_sweep_takes_drafts_alone(folder: Path) -> None:
    """>> a link, a pipe, a folder, a file of that ending that is no draft << all stay, nothing waits."""
    place = Uploads(folder).folder(TOWN)
    (place / "data.part").write_text("no draft of ours")
    (place / ".link.part").symlink_to(place / "data.part")
    (place / ".folder.part").mkdir()
    os.mkfifo(place / ".pipe.part")
    await Uploads(folder).sweep()
    assert {"data.part", ".link.part", ".folder.part", ".pipe.part"} <= {path.name for path in place.iterdir()}


async def test_the_bounds_of_the_settings_hold_at_the_door_and_the_start_sweeps(space: Space) -> None:
    """>> `data.upload_largest`, and a draft of a process that died << refused; gone soon after the start."""
    left = space.prepared("town") / "files" / TOWN / ".dead.part"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x" * 1000)
    async with space.running("town", {TOWN: MUNICIPALITY}, {"HANSE_DATA__UPLOAD_LARGEST": "1000"}):
        async with asyncio.timeout(PATIENCE_S):
            while left.exists():
                await asyncio.sleep(0.05)
    left.write_bytes(b"x" * 1000)  # of a process that was killed soon after its start
    async with space.running("town", {}, {"HANSE_DATA__UPLOAD_LARGEST": "1000"}) as town:
        with pytest.raises(Refused) as refused:
            await town.publish(TOWN, b"x" * 1001)
        assert refused.value.problem["code"] == "catalogue.too-large"
        async with asyncio.timeout(PATIENCE_S):
            while left.exists():
                await asyncio.sleep(0.05)
