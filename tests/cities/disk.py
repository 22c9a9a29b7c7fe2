"""A disk that takes as much as a test lets it: what is to happen while bytes flow does, however busy the machine is."""

import threading
from typing import Final

from connector.data.dataplane.sinks.files import FileSink
from tests.testkit.patience import PATIENCE_S

EVERYTHING: Final = 1 << 30


class HeldDisk:
    """Takes the first pieces of what is received; the next one waits in the thread that writes it until `go`.

    `written` has the sizes of the pieces that it has taken.
    """

    def __init__(self) -> None:
        self.written: list[int] = []
        self._changed = threading.Condition()
        self._room = EVERYTHING
        self._write = FileSink.write

    def hold(self, pieces: int) -> None:
        """From now on it takes so many, and forgets those it has taken."""
        with self._changed:
            self.written.clear()
            self._room = pieces

    def go(self) -> None:
        """All the rest."""
        with self._changed:
            self._room = EVERYTHING
            self._changed.notify_all()

    def write(self, sink: FileSink, piece: bytes | bytearray) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.written) < self._room, PATIENCE_S)
            self._write(sink, piece)
            self.written.append(len(piece))
