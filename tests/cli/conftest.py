"""The management surface that the tests of commands play back."""

import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.playback import Playback, handler


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Playback]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hanse-data").mkdir()
    told = Playback()
    with socketserver.ThreadingUnixStreamServer("hanse-data/api.sock", handler(told)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield told
        server.shutdown()
        thread.join()
