"""One try to bring a file whole: its bytes lie in a folder of their own, so that no other try can mix with them.

Only a file that is right moves to its place. Methods block: call them in a thread.
"""

import os
import shutil
from pathlib import Path

from connector.data.dataplane.sinks.files import FileSink, room
from connector.foundation.ids import new_uuid
from connector.foundation.small_files import synced

_PART = ".part"


class Attempt:
    """A file `name` that is to come into the folder `place`; `sink` takes its bytes, at most `limit`."""

    def __init__(self, place: Path, name: str, limit: int, free: int = 0) -> None:
        self._place = place
        self._folder = place / f"{new_uuid()}{_PART}"
        self.sink = FileSink(self._folder, name, limit=limit, free=free)
        self._moved = False

    def open(self) -> None:
        """Clears away what earlier tries left; whoever opens has made sure that none is under way."""
        with room():
            self._place.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self._place.glob(f"*{_PART}"):
            shutil.rmtree(left, ignore_errors=True)
        self.sink.open()

    def keep(self) -> None:
        """Makes the bytes durable, still in their own folder; Unavailable if another try has cleared them away."""
        self.sink.keep()

    def move(self) -> None:
        """Gives what was kept its name, in place of what has it: one step, and whoever takes it twice does no harm."""
        if self._moved:
            return
        with room():
            os.replace(self.sink.path, self._place / self.sink.path.name)
            synced(self._place)
        self._moved = True

    def drop(self) -> None:
        self.sink.close()
        shutil.rmtree(self._folder, ignore_errors=True)
