"""One length of time that many may take, each from its own beginning, with one timer for all of them.

`asyncio.timeout` makes a timer for every one, set and taken back with every request and every message. Here they stand
in a row as they began, so that only the first one's end has to be known (spec/trust.md 5.2; T15).
"""

import asyncio
from types import TracebackType


class Deadline:
    """`with deadline.within() as timer:` ends what its task does there after `seconds`, with TimeoutError."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._row: dict[Within, float] = {}
        """By the loop's clock, when each has to have ended; who has begun first stands first."""
        self._set = False

    def within(self) -> "Within":
        """For one `with`, in a task."""
        return Within(self)

    def begin(self, one: "Within") -> None:
        """It has to end from now on; of another event loop, which has ended, nothing is left."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._row, self._set = loop, {}, False
        end = self._row[one] = loop.time() + self.seconds
        if not self._set:
            self._set = True
            loop.call_at(end, self._look, loop)

    def end(self, one: "Within") -> None:
        """It has ended by itself."""
        self._row.pop(one, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is not self._loop:
            return
        now = loop.time()
        for one, end in list(self._row.items()):
            if end > now:
                loop.call_at(end, self._look, loop)
                return
            del self._row[one]
            one.expire()
        self._set = False


class Within:
    """One of them; as `asyncio.Timeout` does, it tells its own cancelling from that of others."""

    __slots__ = ("_before", "_deadline", "_expired", "_task")

    def __init__(self, deadline: Deadline) -> None:
        self._deadline, self._expired = deadline, False

    def expired(self) -> bool:
        """Whether its time was up."""
        return self._expired

    def rest(self) -> None:
        """No time passes of it until `anew`."""
        self._deadline.end(self)

    def anew(self) -> None:
        """It has its whole length again from now on, unless it was up already."""
        if not self._expired:
            self._deadline.begin(self)

    def expire(self) -> None:
        self._expired = True
        self._task.cancel()

    def __enter__(self) -> "Within":
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline holds for a task")
        self._task, self._before = task, task.cancelling()
        self._deadline.begin(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._expired:
            self._deadline.end(self)
        elif self._task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise TimeoutError from error
