"""A process for one document: what it tells, and that it ends with whoever waits for it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from connector.foundation.child_process import FAILED, ChildProcess

TELLS = """
import os, sys
sys.stdout.write(sys.stdin.read() + sys.argv[1])
sys.stderr.write(str(sorted(set(os.environ) - {"LC_CTYPE"})))
sys.exit(3)
"""
LASTS = """
import sys, time
open(sys.argv[1], "w").close()
time.sleep(600)
open(sys.argv[1] + "-ended", "w").close()
"""


def program(folder: Path, text: str) -> ChildProcess:
    place = folder / "program.py"
    place.write_text(text)
    return ChildProcess(place)


def test_it_is_given_a_document_and_a_question_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> bytes, then an open file << its code and what it wrote; of our environment it has nothing."""
    monkeypatch.setenv("HANSE_SECRET", "geheim")
    assert program(tmp_path, TELLS).run("?", b"Text", 60) == (3, b"Text?", b"[]")
    (tmp_path / "document").write_bytes(b"Datei")
    with (tmp_path / "document").open("rb") as document:
        assert program(tmp_path, TELLS).run("!", document, 60) == (3, b"Datei!", b"[]")


def test_one_that_takes_too_long_or_was_given_up_before_has_failed(tmp_path: Path) -> None:
    assert program(tmp_path, LASTS).run(str(tmp_path / "begun"), b"", 0.01) == (FAILED, b"", b"")
    child = program(tmp_path, TELLS)
    child.kill()
    assert child.run("?", b"Text", 60) == (FAILED, b"", b"")


async def test_who_gives_up_takes_it_along_and_who_has_not_begun_never_begins(tmp_path: Path) -> None:
    """>> two that last, one place << both given up: the first does not come to its end, the second never runs."""
    begun = [tmp_path / "first", tmp_path / "second"]
    with ThreadPoolExecutor(1) as pool:
        children = [program(tmp_path, LASTS) for _ in begun]
        works = [partial(child.run, str(place), b"", 600) for child, place in zip(children, begun, strict=True)]
        waits = [asyncio.create_task(child.beside(pool, work)) for child, work in zip(children, works, strict=True)]
        while not begun[0].exists():
            await asyncio.sleep(0.01)
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)
        assert all(wait.cancelled() for wait in waits)
        assert await asyncio.get_running_loop().run_in_executor(pool, lambda: "free") == "free"
    assert sorted(place.name for place in tmp_path.iterdir()) == ["first", "program.py"]
