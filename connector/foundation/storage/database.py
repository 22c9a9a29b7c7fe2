"""The database port: units of work are synchronous functions of a `Tx`, so no transaction ever spans network I/O.

A unit may run again after a `Conflict`, and is answered only once it is on the disk; therefore it must have no effect
but through its `Tx`. On SQLite it runs on the event loop, so it is short, or says that it is `long`. SQL is written
once, with `:name` placeholders (spec/architecture.md 2).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from functools import partial
from typing import Any, Concatenate, Final, Literal, NamedTuple, ParamSpec, Protocol, TypeVar

import msgspec

from connector.foundation.storage.seldom import Kept

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])

Row = Mapping[str, Any]
Dialect = Literal["sqlite", "postgres"]
Listener = Callable[[object], None]

PROCESS = ""
"""Scope of units that touch only process-wide tables."""
WORKER = "*"
"""Scope of the worker, which claims across participants; on PostgreSQL it sees outbox, timer and audit, and of other
tables whose row is due (`foundation/storage/due.py`)."""
SYSTEM = "system"
"""Who acts where no person does."""
RERUNS = 20
"""How often a unit is run before a conflict counts as `Unavailable("storage.contended")`."""

HELD: Final = "storage.held"
"""Signalled with a `HeldLoop` when a unit of SQLite turns out to be too long for the event loop."""


class ElsewhereChanged(msgspec.Struct, frozen=True):
    """What a listener hears of a signal of another replica whose value was some words; of any other it hears None."""

    words: tuple[str, ...]


class Signal(NamedTuple):
    """What the listeners of `topic` hear after COMMIT; `here`: only those in this process, if it has any."""

    topic: str
    value: object = None
    here: bool = False


class HeldLoop(NamedTuple):
    """Whose unit it was, and how long it took the last time."""

    unit: str
    ms: int


Still = Callable[["Tx"], None]
"""Raises a refusal once whoever acts may not do so any more. It reads in the scope of the process, whatever the unit's
is: who somebody is stands there."""


class _Deed:
    """Of one request: what each participant calls who acts, and whether she still may."""

    __slots__ = ("pseudonyms", "still")

    def __init__(self, pseudonyms: Mapping[str, str], still: Still | None) -> None:
        self.pseudonyms, self.still = pseudonyms, still


_acting: ContextVar[_Deed | None] = ContextVar("acting", default=None)


@contextmanager
def acting(pseudonyms: Mapping[str, str], still: Still | None = None) -> Iterator[None]:
    """Who acts, by scope, for all units that are asked for meanwhile: their `Tx.actor` (spec/accounts.md 1.2).

    A unit runs on a thread of the database, so the port takes it along when it is asked. Handing it through every
    service would put a person's name into a hundred signatures that do nothing with it. `still` is asked in each
    transaction that writes, before its unit: a door is passed once, and a body may take minutes (threat T140). What
    goes on after the request has been answered was begun while she might, and asks no more unless it is `lasting`.
    """
    deed = _Deed(pseudonyms, still)
    before = _acting.set(deed)
    try:
        yield
    finally:
        _acting.reset(before)
        deed.still = None


@contextmanager
def by_itself() -> Iterator[None]:
    """The process acts for itself: what it notes of a request stands even if who made it may do nothing any more."""
    before = _acting.set(None)
    try:
        yield
    finally:
        _acting.reset(before)


def lasting() -> Context:
    """For a task of whoever acts that publishes after her request has been answered: it asks to its end.

    Without it such a task asks nobody once the request is over, which is right for what only reads or notes.
    """
    found, deed = copy_context(), _acting.get()
    if deed is not None:
        found.run(_acting.set, _Deed(deed.pseudonyms, deed.still))
    return found


def of_nobody() -> Context:
    """For a task that many wait for, whoever began it: this context, in which nobody acts."""
    found = copy_context()
    found.run(_acting.set, None)
    return found


def actor(scope: str) -> str:
    """Who acts in this scope now."""
    deed = _acting.get()
    return SYSTEM if deed is None else deed.pseudonyms.get(scope, SYSTEM)


def still() -> Still | None:
    """What each transaction that writes has to ask now, before its unit."""
    deed = _acting.get()
    return None if deed is None else deed.still


_long: set[object] = set()


def long(fn: F) -> F:
    """Marks a unit that can take more than some milliseconds: many rows, much text, cryptography for each of them.

    On SQLite short units run on the event loop, where such a one would hold up every connection; it gets a thread and
    a transaction of its own. PostgreSQL runs all units on threads.
    """
    _long.add(getattr(fn, "__code__", fn))
    return fn


def is_long(fn: object) -> bool:
    """Whether it is marked so."""
    return code_of(fn) in _long


def code_of(fn: object) -> object:
    """What stays the same of a unit from call to call: its code, or the class of a callable object."""
    while isinstance(fn, partial):
        fn = fn.func
    return getattr(fn, "__code__", type(fn))


class Conflict(Exception):
    """Raised by a unit whose compare-and-set found another version: undo the unit and run all of it again."""


class Deadlock(Conflict):
    """Units waited for each other, and this one was undone."""


class NeedsSavepoint(Exception):
    """Raised where a part would have to be undone but has no savepoint: undo the unit and run it again, carefully."""


class Tx(Protocol):
    """One open transaction, valid only inside its unit. `signals` wait for COMMIT.

    `now` is in milliseconds: the database's time on PostgreSQL, the clock's on SQLite. A broken constraint, a row of
    another participant or bad SQL is a `Defect`; a full disk or lost connection is `Unavailable`.
    """

    scope: str
    actor: str
    """Whose deed this is: a pseudonym, or `SYSTEM`."""
    now: int
    signals: list[Signal]
    careful: bool
    """Whether parts that may fail have savepoints (`nested`): a unit does without until one has to be undone."""
    lost: bool
    """Whether it is run again since it and others waited for each other; never on SQLite."""
    standing: Row | None
    """How far the participant of `scope` is (`at_rest.COLUMNS`), once read so that nobody else changes it before the
    unit ends; None where it has to be read, as after a change."""
    kept: Kept | None
    """What seldom changes and was read before (`seldom.once`)."""

    @property
    def dialect(self) -> Dialect:
        """Where SQL has to differ."""

    def one(self, sql: str, /, **values: object) -> Row | None:
        """The first row, or None."""

    def all(self, sql: str, /, **values: object) -> list[Row]:
        """Every row."""

    def run(self, sql: str, /, **values: object) -> int:
        """The number of rows changed."""

    def changes(self) -> int:
        """A count that grows with every row written; meaningful only where `careful` is False."""

    def signal(self, topic: str, value: object = None, *, here: bool = False) -> None:
        """Tell the listeners of `topic` after COMMIT; of a `value` only words (a tuple of strings) reach another
        replica, as `ElsewhereChanged`. `here`: other replicas hear of it only if nobody listens in this process."""


class Database(Protocol):
    """Two implementations: `sqlite.Sqlite` (one process) and `postgres.Postgres` (any number of replicas)."""

    @property
    def dialect(self) -> Dialect:
        """Which of the two."""

    async def start(self) -> None:
        """Open; raises `Mistake` if the schema does not fit this release or the database is not ours to use."""

    async def close(self) -> None:
        """Finish what has been taken, then close."""

    async def write(self, scope: str, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
        """Run one unit in a transaction and return its value once that is on the disk."""

    async def read(self, scope: str, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
        """Run a unit that only reads, on one consistent snapshot; what it saw is on the disk once it is answered."""

    def listen(self, topic: str, callback: Listener, /) -> None:
        """Call `callback` in the event loop after commits that signalled `topic`; a replica's signal can get lost."""


def for_update(tx: Tx) -> str:
    """What a SELECT ends with whose row the unit then changes: SQLite already holds the only write lock."""
    return " FOR UPDATE" if tx.dialect == "postgres" else ""
