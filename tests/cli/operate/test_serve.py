"""`hanse serve`: runs the application until a signal or the end of its parent, and stops it in order."""

import errno
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

import connector
from connector.cli.main import main
from connector.cli.operate.serve import ROLES
from connector.foundation.settings.load import Settings


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
    monkeypatch.setitem(sys.modules, "connector.app.process", stand_in)
    monkeypatch.setattr(connector, "app", stand_in, raising=False)
    return seen


def once_running(life: list[object], act: Callable[..., None], *args: object) -> None:
    """Does it as soon as the application has started: the server listens to signals and to its parent by then."""

    def wait() -> None:
        while not life:
            time.sleep(0.005)
        act(*args)

    threading.Thread(target=wait, daemon=True).start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it(number: signal.Signals, life: list[object], tmp_path: Path) -> None:
    """On a slow machine the signal once came before the server listened to it, and the test never ended."""
    once_running(life, os.kill, os.getpid(), number)
    assert main(["serve", "--data", str(tmp_path)], {}) == 0
    assert life == [set(ROLES), "stopped"]


def test_it_ends_with_its_parent(life: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parent that dies closes the pipe; what it wrote before does not matter."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        os.write(writing, b"noise")
        once_running(life, os.close, writing)
        assert main(["serve", "--until-eof", "--role", "api", "--data", str(tmp_path)], {}) == 0
    assert life == [{"api"}, "stopped"]


def test_what_stands_in_the_way_of_a_start_is_a_sentence(
    life: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bug: a folder without rights ended in a traceback. >> a start that may not write a file << its name."""

    @asynccontextmanager
    async def refused(settings: Settings, roles: frozenset[str]) -> AsyncIterator[None]:
        raise PermissionError(errno.EACCES, "Permission denied", str(settings.folder / "master.key"))
        yield

    monkeypatch.setattr(sys.modules["connector.app.process"], "running", refused)
    assert main(["serve", "--data", str(tmp_path)], {}) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"hanse: Auf die Datei {tmp_path / 'master.key'} darf dieser Benutzer nicht zugreifen.")
