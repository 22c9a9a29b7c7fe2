"""Signals between replicas: LISTEN/NOTIFY on one channel, told after COMMIT and outside the transaction.

A NOTIFY inside a transaction takes a lock on the whole database until the commit is on disk, which would serialise all
commits. Told afterwards, many signals share one round trip; one that gets lost is replaced by polling. A signal whose
value is some words takes them along, so that a replica need not look after all that it waits for.
"""

import contextlib
import os
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import psycopg

CHANNEL = "hanse"
_POLL_S = 0.2
_RETRY_S = 1.0
_START_S = 1.0
LONGEST = 2_000
"""Bytes of the words of a signal; PostgreSQL carries 8 000 in all."""


class Told(msgspec.Struct, frozen=True):
    """A signal between replicas; `words` is None where they only learn that something changed."""

    topic: str
    words: tuple[str, ...] | None = None


def words_of(value: object) -> tuple[str, ...] | None:
    """What of a value another replica is told."""
    if not isinstance(value, tuple) or not all(isinstance(word, str) for word in value):
        return None
    return value if len(msgspec.json.encode(value)) <= LONGEST else None


class Wakeups:
    """Calls `heard` in a thread of its own for signals of other replicas; None: some may have been missed."""

    def __init__(self, url: str, heard: Callable[[Told | None], None]) -> None:
        self._url = url
        self._heard = heard
        self._me = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self._pending: set[Told] = set()
        self._mutex = threading.Lock()
        self._stopped = threading.Event()
        self._listening = threading.Event()
        self._started = False
        self._teller = ThreadPoolExecutor(1, "hanse-notify")
        self._telling: psycopg.Connection[tuple[object, ...]] | None = None
        self._thread = threading.Thread(target=self._run, name="hanse-listen", daemon=True)

    def start(self) -> None:
        """Returns once we listen, or after a second: the database may come later, and what was missed is told then."""
        self._thread.start()
        self._listening.wait(_START_S)
        self._started = True

    def stop(self) -> None:
        """Tell what is still to be told, then end. Blocks."""
        self._stopped.set()
        self._teller.shutdown()
        if self._thread.ident is not None:
            self._thread.join()
        if self._telling is not None:
            self._telling.close()

    def tell(self, signals: set[Told]) -> None:
        """Signal them to the other replicas soon; callable from any thread."""
        with self._mutex:
            news = signals - self._pending
            first = not self._pending
            self._pending |= news
        if first and news:
            self._teller.submit(self._tell)

    def _tell(self) -> None:
        with self._mutex:
            signals, self._pending = self._pending, set()
        with contextlib.suppress(psycopg.Error):  # lost: the others poll
            if self._telling is None or self._telling.closed:
                self._telling = psycopg.connect(self._url, autocommit=True)
            payloads = [f"{self._me} {msgspec.json.encode(one).decode()}" for one in signals]
            self._telling.execute(
                "SELECT pg_notify(%s, payload) FROM unnest(%s::text[]) AS payload", (CHANNEL, payloads)
            )

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
            except psycopg.Error:
                self._stopped.wait(_RETRY_S)

    def _listen(self) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            if self._started:
                self._heard(None)
            self._listening.set()
            while not self._stopped.is_set():
                for notice in connection.notifies(timeout=_POLL_S):
                    sender, _, told = notice.payload.partition(" ")
                    if sender != self._me:
                        self._heard(_read(told))


def _read(told: str) -> Told | None:
    """None for what another release says in a way of its own: then everybody looks."""
    try:
        return msgspec.json.decode(told, type=Told)
    except msgspec.DecodeError:
        return None
