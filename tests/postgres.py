"""A private PostgreSQL cluster for tests: unprivileged user, free port on 127.0.0.1, gone at the end.

It does not wait for the disk and lies in memory where there is room: what dies in these tests is a process, never
the machine. A database is emptied and used again, because making one takes ten times as long, and `opened()` keeps its
connections as well: each new one costs a process, and plans every statement anew. Nobody is asked for a password, which
would cost each connection more than the rest of it. `initdb` refuses root, so as root it runs under the user of the
Debian package or `nobody`.
"""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from connector.foundation.settings.load import free_port
from connector.foundation.storage import upgrade
from connector.foundation.storage.postgres import database as product
from tests.emptying import KEPT, Connection, Fresh, emptied, remembered

ROLES = ("hanse_owner", "hanse", "hanse_worker")
TEMPLATE = "hanse_template"
_MEMORY = Path("/dev/shm")
_ROOM = 2 << 30
_PATIENCE_S = 180
"""A server on a busy machine may take half a minute to start; one that has ended is not waited for."""


@dataclass(frozen=True)
class Urls:
    """Logins to one database; `admin` is superuser."""

    owner: str
    app: str
    worker: str
    admin: str


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if not found:
        pytest.skip("PostgreSQL is absent: apt-get install postgresql")
    return found[-1].parent


def _user() -> pwd.struct_passwd | None:
    """Whom to run as: ourselves unless we are root."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody")


def _place() -> Path:
    """In memory if there is room (containers often have 64 MB there), else on disk; the socket needs a short path."""
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ROOM:
        return _MEMORY
    return Path("/tmp")


class KeptPool:
    """In the place of the product's pool: its connections outlive the test, closing it only hands it back."""

    def __init__(self, url: str, size: int) -> None:
        self._pool, self._opened = product._pool(f"{url}?application_name={KEPT}", size), False

    def open(self, wait: bool, timeout: float) -> None:
        if not self._opened:
            self._pool.open(wait=wait, timeout=timeout)
        self._opened = True
        self._sift()

    def connection(self, timeout: float | None = None) -> Any:
        return self._pool.connection(timeout)

    def close(self) -> None:
        """Every unit has ended by then, and its connection is idle."""

    def _sift(self) -> None:
        """A test may have ended some; `ConnectionPool.check()` would add one each time."""
        idle = [self._pool.getconn() for _ in range(self._pool.get_stats()["pool_available"])]
        for connection in idle:
            with suppress(psycopg.OperationalError):
                connection.execute("")
            self._pool.putconn(connection)

    def end(self) -> None:
        self._pool.close()


class Cluster:
    """`database()` gives a fresh migrated database, `opened()` the product's object on one, `empty()` one without
    tables."""

    authentication = "trust"
    durable = False
    """Whether it waits for the disk: for measurements."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port("127.0.0.1")
        self.password = secrets.token_hex(16)
        self._count = 0
        self._idle: list[str] = []
        self._idle_opened: list[tuple[str, list[KeptPool]]] = []
        self._emptying: dict[str, Connection] = {}
        self._server: subprocess.Popen[bytes] | None = None

    def start(self, model: Path | None = None) -> None:
        """`model`: the folder of a stopped cluster with roles and schema, of which this becomes a copy."""
        user = _user()
        as_user: dict[str, Any] = (
            {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        )
        self.password = self.password if model is None else (model / "password").read_text()
        secret = self.folder / "password"
        secret.write_text(self.password)
        if user is not None:
            for path in (self.folder, secret):
                os.chown(path, user.pw_uid, user.pw_gid)
        if model is None:
            self._initialise(secret, as_user)
            self._serve(as_user)
            self._create_roles()
        else:
            subprocess.run(["cp", "-a", model / "data", self.folder], check=True)
            self._serve(as_user)
            self._remember()

    def _initialise(self, secret: Path, as_user: dict[str, Any]) -> None:
        settings = ["-U", "postgres", "-A", self.authentication, "-E", "UTF8", "--locale=C.UTF-8"]
        place: list[str | Path] = ["-D", self.folder / "data", "--pwfile", secret]
        initdb: list[str | Path] = [_programs() / "initdb", *place, *settings]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/", **as_user)

    def _serve(self, as_user: dict[str, Any]) -> None:
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            **({} if self.durable else {"fsync": "off", "full_page_writes": "off"}),
            "max_connections": 150,
            "deadlock_timeout": "100ms",
        }
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        log = (self.folder / "log").open("wb")
        with log:
            server: list[str | Path] = [_programs() / "postgres", "-D", self.folder / "data", *flags]
            self._server = subprocess.Popen(server, stdout=log, stderr=log, cwd="/", **as_user)
        self._await_server()

    def stop(self) -> None:
        for _, pools in self._idle_opened:
            _end(pools)
        for connection in self._emptying.values():
            connection.close()
        if self._server is not None:
            self._server.send_signal(2)  # fast shutdown
            self._server.wait(_PATIENCE_S)

    @contextmanager
    def database(self) -> Iterator[Urls]:
        """A fresh database with the schema of this release."""
        name = self._idle.pop() if self._idle else self._created(TEMPLATE)
        try:
            yield self.urls(name)
        finally:
            if self._fresh_again(name):
                self._idle.append(name)
            else:
                self._drop(name)

    @contextmanager
    def opened(self) -> Iterator[product.Postgres]:
        """A fresh database, not started yet, whose connections are kept for the next test that asks for one.

        Nobody else gets this database: where a test opens, renames or drops one by itself, it takes `database()`.
        """
        name, pools = self._idle_opened.pop() if self._idle_opened else self._created_with_pools()
        urls = self.urls(name)
        database: Any = product.Postgres(urls.app, urls.worker)
        database._service, database._worker = pools
        try:
            yield database
        finally:
            if self._fresh_again(name):
                self._idle_opened.append((name, pools))
            else:
                _end(pools)
                self._drop(name)

    @contextmanager
    def empty(self) -> Iterator[Urls]:
        name = self._created("template0")
        try:
            yield self.urls(name)
        finally:
            self._drop(name)

    def _created(self, template: str) -> str:
        self._count += 1
        name = f"hanse_{self._count}"
        self.admin("CREATE DATABASE {} TEMPLATE {} OWNER hanse_owner", name, template)
        return name

    def _created_with_pools(self) -> tuple[str, list[KeptPool]]:
        name = self._created(TEMPLATE)
        urls = self.urls(name)
        return name, [KeptPool(urls.app, product.THREADS), KeptPool(urls.worker, product._WORKER_CONNECTIONS)]

    def _fresh_again(self, name: str) -> bool:
        try:
            if name not in self._emptying:  # kept: a new connection would have to plan everything anew
                self._emptying[name] = psycopg.connect(self._url("postgres", name), autocommit=True)
            return emptied(self._emptying[name], self._fresh)
        except psycopg.Error:  # gone, renamed or closed by its test
            return False

    def _drop(self, name: str) -> None:
        if name in self._emptying:
            self._emptying.pop(name).close()
        self.admin("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def urls(self, database: str) -> Urls:
        return Urls(*(self._url(role, database) for role in (*ROLES, "postgres")))

    def admin(self, statement: str, *names: str) -> None:
        """Run a statement as superuser, with names in place of `{}`."""
        with psycopg.connect(self._url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _url(self, role: str, database: str) -> str:
        return f"postgresql://{role}:{self.password}@127.0.0.1:{self.port}/{database}"

    def _await_server(self) -> None:
        assert self._server is not None
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                psycopg.connect(self._url("postgres", "postgres"), connect_timeout=_PATIENCE_S).close()
                return
            except psycopg.OperationalError:
                if self._server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self.folder / "log").read_text(errors="replace")) from None
                time.sleep(0.05)

    def _create_roles(self) -> None:
        for role in ROLES:
            with psycopg.connect(self._url("postgres", "postgres"), autocommit=True) as connection:
                statement = sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD {}")
                connection.execute(statement.format(sql.Identifier(role), sql.Literal(self.password)))
        self.admin("CREATE DATABASE {} OWNER hanse_owner", TEMPLATE)
        upgrade(self.urls(TEMPLATE).owner)
        self._remember()

    def _remember(self) -> None:
        with psycopg.connect(self._url("postgres", TEMPLATE), autocommit=True) as connection:
            self._fresh: Fresh = remembered(connection)


def _end(pools: list[KeptPool]) -> None:
    for pool in pools:
        pool.end()


@contextmanager
def running_cluster(model: Path | None = None) -> Iterator[Cluster]:
    """Start a cluster in a temporary folder, a copy of `model` if there is one; skips by name if PostgreSQL is not
    installed."""
    _programs()
    folder = Path(tempfile.mkdtemp(prefix="hanse-pg-", dir=_place()))
    cluster = Cluster(folder)
    try:
        cluster.start(model)
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
