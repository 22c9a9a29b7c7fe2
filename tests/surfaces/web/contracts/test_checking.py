"""Evidence that somebody drops costs a bounded process: too large, too many at once, or too much for its verifier."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connector.foundation.errors import Mistake, Unavailable
from connector.surfaces.web.contracts import checking, verify_process
from connector.surfaces.web.contracts.checking import Checking
from tests.testkit.places import ROOT
from tests.verify.forge import Case

pytestmark = pytest.mark.threat("T95")


FAILED = '{"verdict": "FAILED", "reason": "", "checks": [], "notes": []}'


def nothing() -> bytes:
    return b""


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_without_anchors_nothing_is_judged() -> None:
    found = await Checking(nothing, nothing).check(pieces(b"no archive"), "de", "a")
    assert found.verdict == "FAILED"
    assert all(one.sentence for one in found.checks)


async def test_bug_a_page_named_switches_of_the_command_line() -> None:
    """>> a bundle, at an installation that has no anchors << the page says who puts them there, and names no switch."""
    found = await Checking(nothing, nothing).check(pieces(Case().bundle()), "de", "a")
    said = [found.reason, *found.notes, *(one.sentence for one in found.checks)]
    assert "der Betreiber dieser Installation hinterlegt sie" in " ".join(said)
    assert [one for one in said if "--" in one] == []


async def test_too_large_is_not_read_to_the_end() -> None:
    with pytest.raises(Mistake, match=r"web\.check-large"):
        await Checking(nothing, nothing, largest=10).check(pieces(b"12345", b"678901", b"?"), "de", "a")


@pytest.mark.threat("T147")
async def test_bug_two_that_dripped_kept_all_participants_from_checking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> two participants' evidence drips, a second one of either << refused at once; a third participant's is judged
    meanwhile (by a verifier that says the same of everything)."""
    program = tmp_path / "program.py"
    program.write_text(f"print({FAILED!r})", encoding="utf-8")
    monkeypatch.setattr(checking, "_PROCESS", program)
    made, go_on = Checking(nothing, nothing), asyncio.Event()

    async def dripping() -> AsyncIterator[bytes]:
        yield b"x"
        await go_on.wait()

    waiting = [asyncio.create_task(made.check(dripping(), "de", one)) for one in ("a", "b")]
    await asyncio.sleep(0)
    for one in ("a", "b"):
        with pytest.raises(Unavailable, match=r"web\.check-busy"):
            await made.check(pieces(b"x"), "de", one)
    assert (await made.check(pieces(b"x"), "de", "c")).verdict == "FAILED"
    go_on.set()
    assert [one.verdict for one in await asyncio.gather(*waiting)] == ["FAILED", "FAILED"]
    assert (await made.check(pieces(b"x"), "en", "a")).verdict == "FAILED"


@pytest.mark.parametrize("does", ["raise MemoryError", "print('{}')", "import os; os.abort()", "bytearray(1 << 62)"])
async def test_whatever_a_bundle_does_to_its_verifier_ends_there(
    does: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "program.py"
    program.write_text(does, encoding="utf-8")
    monkeypatch.setattr(checking, "_PROCESS", program)
    with pytest.raises(Mistake, match=r"web\.check-exhausted"):
        await Checking(nothing, nothing).check(pieces(b"x"), "de", "a")


LIMITED = """
import resource, sys, types
kinds = (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)
report = types.SimpleNamespace(value=lambda at: [resource.getrlimit(one) for one in kinds])
sys.modules["connector.verify.bundle"] = types.SimpleNamespace(verify_bundle=lambda *given, **named: report)
from connector.surfaces.web.contracts import verify_process
verify_process.main()
"""


def test_the_process_has_its_limits_before_it_judges() -> None:
    """>> what the process may take when the verifier begins << so much memory and time; no file, no core."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, '{"lang": "de", "anchors": 0, "list": 0}'],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    memory, cpu = verify_process.MEMORY, verify_process.CPU_S
    assert json.loads(done.stdout) == [[memory, memory], [cpu, cpu + 1], [0, 0], [0, 0]]
