"""Brings the write-ahead log to the disk before anybody hears of what is in it (decision 0081).

The event loop commits without waiting for the disk (`synchronous = NORMAL`), and an `fdatasync` of the log, in a
thread, comes before every answer, signal and message. Nothing more is committed while one runs (`turns.py`). A disk
that refuses once is believed nothing any more: which pages the kernel then dropped nobody knows.
"""

import asyncio
import os
import queue
import threading
from collections.abc import Callable
from typing import Final

from connector.foundation.storage.sqlite.batch import Outcome

Sync = Callable[[int], None]
SYNC: Final[Sync] = getattr(os, "fdatasync", os.fsync)  # macOS has only the latter


class LogSync:
    """All methods belong to the thread of the event loop. `settle` gets outcomes in the order of their commits.

    `broken` is called once, before anything that was not synced is settled; it says what became of it.
    """

    def __init__(
        self, file: int, sync: Sync, settle: Callable[[list[Outcome]], None], broken: Callable[[OSError], BaseException]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._file = file
        self._sync = sync
        self._settle = settle
        self._broken = broken
        self._failure: BaseException | None = None
        self._running: list[Outcome] | None = None
        """What the sync that runs now covers, and what was read of it meanwhile."""
        self._orders: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="hanse-sync", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; nothing may be pending. Blocks for a moment, and may be called from any thread."""
        self._orders.put(False)
        self._thread.join()
        os.close(self._file)

    @property
    def pending(self) -> bool:
        """Whether something is committed that may not be on the disk yet."""
        return self._running is not None

    @property
    def sure(self) -> bool:
        """Whether all that is committed is on the disk."""
        return self._running is None and self._failure is None

    def committed(self, outcomes: list[Outcome]) -> None:
        """Settles them after a sync that begins now; none may be running."""
        assert self._running is None
        self._running = outcomes
        self._orders.put(True)

    def seen(self, outcomes: list[Outcome]) -> None:
        """Settles what changed nothing after the sync that covers all that it may tell of."""
        if self._failure is not None:
            _fail(outcomes, self._failure)
        if self._running is not None:
            self._running += outcomes
        else:
            self._settle(outcomes)

    def size(self) -> int:
        """Of the log, in bytes."""
        return os.fstat(self._file).st_size

    def _run(self) -> None:
        while self._orders.get():
            problem = None
            try:
                self._sync(self._file)
            except OSError as error:
                problem = error
            try:
                self._loop.call_soon_threadsafe(self._done, problem)
            except RuntimeError:  # the loop has ended: nobody waits any more
                return

    def _done(self, problem: OSError | None) -> None:
        covered, self._running = self._running or [], None
        if problem is not None:
            self._failure = self._broken(problem)
            _fail(covered, self._failure)
        self._settle(covered)


def _fail(outcomes: list[Outcome], failure: BaseException) -> None:
    for outcome in outcomes:
        outcome.error, outcome.signals = failure, []
