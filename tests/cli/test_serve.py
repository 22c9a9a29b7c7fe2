"""`hanse serve`: runs the application until a signal or the end of its parent, and stops it in order."""

import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

import connector
from connector.cli.main import main
from connector.cli.serve import ROLES
from connector.settings import Settings


@pytest.fixture
def life(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Replaces the application by one that notes its roles when it starts, then that it stopped."""
    seen: list[object] = []

    @asynccontextmanager
    async def running(settings: Settings, roles: frozenset[str]) -> AsyncIterator[None]:
        seen.append(set(roles))
        yield
        seen.append("stopped")

    stand_in = SimpleNamespace(running=running)
    monkeypatch.setitem(sys.modules, "connector.app", stand_in)
    monkeypatch.setattr(connector, "app", stand_in, raising=False)
    return seen


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it(number: signal.Signals, life: list[object], tmp_path: Path) -> None:
    timer = threading.Timer(0.1, os.kill, (os.getpid(), number))
    kept = signal.signal(number, lambda *_: None)  # in case it comes before the server listens to it
    try:
        timer.start()
        assert main(["serve", "--data", str(tmp_path)], {}) == 0
    finally:
        timer.join()
        signal.signal(number, kept)
    assert life == [set(ROLES), "stopped"]


def test_it_ends_with_its_parent(life: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parent that dies closes the pipe; what it wrote before does not matter."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        os.write(writing, b"noise")
        threading.Timer(0.1, os.close, (writing,)).start()
        assert main(["serve", "--until-eof", "--role", "api", "--data", str(tmp_path)], {}) == 0
    assert life == [{"api"}, "stopped"]
