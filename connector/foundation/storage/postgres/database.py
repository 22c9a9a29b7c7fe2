"""PostgreSQL as the database of any number of replicas: units run on a thread pool, each on a pooled connection.

Every transaction names its participant, and row-level security hides all others (second lock). The scope `WORKER` uses
a login of its own, whose role sees outbox, timer and audit of all participants and nothing else
(spec/architecture.md 2.4).
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Concatenate, Literal

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from connector.foundation.errors import Defect, HanseError, Mistake, Unavailable
from connector.foundation.storage import at_rest, schema
from connector.foundation.storage.database import (
    PROCESS,
    RERUNS,
    WORKER,
    Conflict,
    Deadlock,
    ElsewhereChanged,
    Listener,
    NeedsSavepoint,
    P,
    Row,
    Signal,
    Still,
    T,
    Tx,
    actor,
    still,
)
from connector.foundation.storage.postgres.tx import Connection, PostgresTx, translate
from connector.foundation.storage.postgres.wakeups import Told, Wakeups, words_of

THREADS = 16
_WORKER_CONNECTIONS = 4
_WAIT_S = 10.0

_BEGIN = sql.SQL(
    "BEGIN{mode}; SELECT set_config('hanse.participant', {scope}, true),"
    " (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now"
)
_LOCK = "; SELECT pg_advisory_xact_lock_shared(hashtextextended({id}, 1)); "
_AWAKE = sql.SQL(_LOCK + "SELECT state FROM participant WHERE id = {id}")  # noqa: S608 constants
_OPEN = sql.SQL(_LOCK + at_rest.SHARED)
"""Whoever lays a participant to rest waits for all units of it that began before, and those that come later see it: the
state is read by a statement of its own, after the lock (`at_rest.py`). In the same round trip, and if the unit has to
hold the participant open, that too."""
_SNAPSHOT = sql.SQL(" ISOLATION LEVEL REPEATABLE READ READ ONLY")

_RIGHTS = """
SELECT current_user AS role,
  (SELECT bool_or(rolsuper OR rolbypassrls) FROM pg_roles WHERE rolname IN (current_user, session_user))
    OR EXISTS (SELECT 1 FROM pg_tables WHERE tablename = 'participant' AND schemaname = current_schema
               AND pg_has_role(current_user, tableowner, 'MEMBER')) AS strong,
  pg_has_role(current_user, 'hanse', 'USAGE') AS service, pg_has_role(current_user, 'hanse_worker', 'USAGE') AS worker
"""


class Postgres:
    """Implements `database.Database`. `url` logs in as `hanse`, `worker_url` as `hanse_worker`."""

    dialect: Literal["postgres"] = "postgres"

    def __init__(self, url: str, worker_url: str) -> None:
        if not worker_url:
            raise Mistake("storage.worker-missing")
        self._service = _pool(url, THREADS)
        self._worker = _pool(worker_url, _WORKER_CONNECTIONS)
        self._threads = ThreadPoolExecutor(THREADS, "hanse-postgres")
        self._wakeups = Wakeups(url, self._heard)
        self._listeners: defaultdict[str, list[Listener]] = defaultdict(list)
        self._open = False

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            await self._loop.run_in_executor(self._threads, self._connect)
            await self.read(PROCESS, schema.check)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        self._open = False
        await asyncio.get_running_loop().run_in_executor(None, self._disconnect)

    async def write(self, scope: str, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
        call: Callable[[Tx], T] = lambda tx: fn(tx, *args, **kw)  # noqa: E731
        guard = None
        if at_rest.guarded(scope, fn):
            guard = _OPEN if at_rest.holding(fn) else _AWAKE
        return await self._hop(partial(self._rerun, scope, call, sql.SQL(""), actor(scope), guard, still()))

    async def read(self, scope: str, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
        call: Callable[[Tx], T] = lambda tx: fn(tx, *args, **kw)  # noqa: E731
        return await self._hop(partial(self._rerun, scope, call, _SNAPSHOT, actor(scope)))

    def listen(self, topic: str, callback: Listener, /) -> None:
        self._listeners[topic].append(callback)

    def _connect(self) -> None:
        try:
            for pool, wanted in ((self._service, "hanse"), (self._worker, "hanse_worker")):
                pool.open(wait=True, timeout=_WAIT_S)
                with pool.connection() as connection:
                    _check_rights(connection.execute(_RIGHTS).fetchone() or {}, wanted)
        except (psycopg.Error, PoolTimeout) as error:
            raise _unreachable(error) from error
        self._wakeups.start()
        self._open = True

    def _disconnect(self) -> None:
        self._threads.shutdown()
        self._wakeups.stop()
        self._service.close()
        self._worker.close()

    async def _hop(self, call: Callable[[], T]) -> T:
        if not self._open:
            raise Unavailable("storage.closed")
        return await self._loop.run_in_executor(self._threads, call)

    def _rerun(
        self,
        scope: str,
        call: Callable[[Tx], T],
        mode: sql.SQL,
        who: str,
        guard: sql.SQL | None = None,
        asked: Still | None = None,
    ) -> T:
        careful = lost = False
        for attempt in range(RERUNS):
            try:
                return self._unit(scope, call, mode, who, guard, asked, careful, lost)
            except NeedsSavepoint:
                careful = True
            except Conflict as conflict:
                lost = lost or isinstance(conflict, Deadlock)
                time.sleep(random.uniform(0, 0.002 * attempt))  # noqa: S311  spread, not secrecy
        raise Unavailable("storage.contended")

    def _unit(
        self,
        scope: str,
        call: Callable[[Tx], T],
        mode: sql.SQL,
        who: str,
        guard: sql.SQL | None,
        asked: Still | None,
        careful: bool,
        lost: bool,
    ) -> T:
        pool = self._worker if scope == WORKER else self._service
        try:
            with pool.connection(_WAIT_S) as connection:
                tx, found = _begin(connection, scope, mode, guard)
                tx.actor, tx.careful, tx.lost = who, careful, lost
                try:
                    at_rest.refuse(None if found is None else str(found["state"]))
                    tx.standing = found if guard is _OPEN else None
                    if asked is not None:
                        _permitted(asked, tx)
                    value = call(tx)
                except BaseException:
                    if not connection.closed:
                        connection.rollback()
                    raise
                _commit(connection)
        except (psycopg.Error, PoolTimeout) as error:
            raise _unreachable(error) from error
        self._told(tx.signals)
        return value

    def _told(self, signals: list[Signal]) -> None:
        if signals:
            self._loop.call_soon_threadsafe(self._deliver, signals)
            told = {
                Told(one.topic, words_of(one.value)) for one in signals if not (one.here and self._heeds(one.topic))
            }
            if told:
                self._wakeups.tell(told)

    def _heeds(self, topic: str) -> bool:
        """Whether somebody in this process listens: a process without a worker has to wake one elsewhere."""
        return bool(self._listeners.get(topic))

    def _heard(self, told: Told | None) -> None:
        self._loop.call_soon_threadsafe(self._deliver_heard, told)

    def _deliver_heard(self, told: Told | None) -> None:
        """On the loop, where listeners come: at a start they do while the first news is heard."""
        self._deliver(
            [Signal(topic) for topic in self._listeners]
            if told is None
            else [Signal(told.topic, None if told.words is None else ElsewhereChanged(told.words))]
        )

    def _deliver(self, signals: list[Signal]) -> None:
        for signal in signals:
            for listener in self._listeners.get(signal.topic, ()):
                self._loop.call_soon(listener, signal.value)


def _pool(url: str, size: int) -> ConnectionPool[Connection]:
    settings: dict[str, Any] = {"autocommit": True, "row_factory": dict_row, "prepare_threshold": 2}
    return ConnectionPool(url, kwargs=settings, min_size=1, max_size=size, open=False, timeout=_WAIT_S)


def _begin(connection: Connection, scope: str, mode: sql.SQL, guard: sql.SQL | None) -> tuple[PostgresTx, Row | None]:
    """One round trip: begin, name the participant, read the database's clock, and of a guarded unit its row."""
    name = sql.Literal(scope)
    begin = _BEGIN.format(mode=mode, scope=name) + (sql.SQL("") if guard is None else guard.format(id=name))
    try:
        cursor = connection.execute(begin)
    except psycopg.OperationalError as error:  # a connection that died in the pool: nothing has been done on it yet
        raise Conflict from error
    cursor.nextset()
    row, found = cursor.fetchone(), None
    if guard is not None and cursor.nextset() and cursor.nextset():
        found = cursor.fetchone()
    return PostgresTx(connection, scope, 0 if row is None else int(row["now"])), found


def _permitted(asked: Still, tx: PostgresTx) -> None:
    """Who somebody is, the scope of a participant shows in part only."""
    tx.named(PROCESS)
    asked(tx)
    tx.named(tx.scope)


def _commit(connection: Connection) -> None:
    """PostgreSQL answers COMMIT of a failed transaction with a silent ROLLBACK, if the unit swallowed the error."""
    if connection.info.transaction_status is not psycopg.pq.TransactionStatus.INTRANS:
        connection.rollback()
        raise Defect("storage.statement", reason="25P02")
    connection.commit()


def _check_rights(rights: dict[str, Any], wanted: str) -> None:
    """A login that sees too much breaks the second lock; one that sees too little claims nothing, for ever."""
    if rights["strong"]:
        raise Mistake("storage.role-too-strong", role=rights["role"])
    if {role for role, has in (("hanse", rights["service"]), ("hanse_worker", rights["worker"])) if has} != {wanted}:
        raise Mistake("storage.role-wrong", role=rights["role"], wanted=wanted)


def _unreachable(error: psycopg.Error | PoolTimeout) -> HanseError | Conflict:
    if isinstance(error, PoolTimeout):
        return Unavailable("storage.unreachable", reason="PoolTimeout")
    return translate(error)
