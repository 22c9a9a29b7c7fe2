"""Where the demonstration lives: the folder of its CAs, data folders beside it, and a server process on each.

A server holds the reading end of a pipe as its standard input. Whatever ends the driver, `kill -9` included, closes
that pipe, and the server ends too.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from connector.cli.frame.call import unusable
from connector.cli.frame.client import Api, Problem
from connector.cli.operate import dev
from connector.foundation.clock import SystemClock
from connector.foundation.errors import HanseError, Mistake, Unavailable
from connector.foundation.settings.load import FILE, SOCKET_LIMIT

PROVIDER, FIRM, SPACE, RESULTS = "it", "stadtwerke", "space", "results"
COUNTY, CENTRE = "kreis", "zentrum"
EXCHANGE: Mapping[str, bool] = {PROVIDER: True, FIRM: True}
"""Folders of servers, and whether the list of members is configured there."""
FEDERATION: Mapping[str, bool] = {COUNTY: False, PROVIDER: False, CENTRE: False}
"""Three operators that share no list: who belongs, the space alone says."""
LOG = "server.log"
_START_S, _STOP_S = 60.0, 15.0
_LONGEST = SOCKET_LIMIT - len(f"/{FIRM}/api.sock")
_LISTED = """\
authority_key_file = "../space/trust/roots.pem"
list_file = "../space/trust/list.jws"
"""
_SETTINGS = """\
[trust]
ca_files = ["../space/certs/dev-ca.pem"]
seal_ca_files = ["../space/trust/roots.pem"]
{listed}
[peer]
tls_cert_file = "../space/certs/server.pem"
tls_key_file = "../space/certs/server.key"

[outbound]
allow = ["127.0.0.0/8", "::1/128"]

[development]
folder = "../space/certs"

[log]
level = "warning"
format = "text"
"""


class Server:
    """A running server on a data folder."""

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]") -> None:
        self.folder, self._process = folder, process
        self.api = Api(folder / "api.sock")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def url(self) -> str:
        """Where other participants reach it."""
        return f"https://localhost:{(self.folder / 'port').read_text(encoding='ascii').strip()}"

    def alive(self) -> bool:
        return self._process.poll() is None

    def wait_until_ready(self) -> None:
        """Raises Unavailable if the server ends first or takes too long."""
        until = time.monotonic() + _START_S
        while self.alive() and time.monotonic() < until:
            try:
                return self.api.health("ready")
            except (HanseError, Problem):
                time.sleep(0.05)
        raise Unavailable("demo.no-start", folder=self.folder)

    def last_words(self, count: int = 12) -> list[str]:
        """The end of its log."""
        return (self.folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()[-count:]

    def stop(self) -> None:
        """Ask it to end, and see to it that it does."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Place:
    """The base folder of one demonstration; `folders` are those of its servers, in the order of their start."""

    def __init__(self, base: Path, folders: Mapping[str, bool]) -> None:
        self.base, self.folders, self.servers = base, folders, dict[str, Server]()
        self.leave_results = False

    @property
    def ca(self) -> Path:
        return self.base / SPACE / "certs" / "dev-ca.pem"

    @property
    def results(self) -> Path:
        """What the exchange leaves for people to look at."""
        return self.base / RESULTS

    @property
    def roots(self) -> Path:
        """What an auditor trusts; lies with the results but comes from the authority, not from a bundle."""
        return self.results / "roots.pem"

    def prepare(self) -> None:
        """The CAs and all data folders; what is there already stays."""
        if len(os.fsencode(self.base)) > _LONGEST:
            raise Mistake("demo.long-path", path=self.base, limit=_LONGEST)
        self._require_same_kind()
        try:
            self._make()
        except OSError as problem:  # a full disk shows only here and there
            raise unusable(self.base, problem) from problem

    def _make(self) -> None:
        self.base.mkdir(mode=0o700, parents=True, exist_ok=True)
        dev.prepare(self.base / SPACE, {}, SystemClock())
        for name, listed in self.folders.items():
            folder = self.base / name
            folder.mkdir(mode=0o700, exist_ok=True)
            if not (folder / FILE).exists():
                settings = _SETTINGS.format(listed=_LISTED if listed else "")
                (folder / FILE).write_text(settings, encoding="utf-8")
        self.results.mkdir(exist_ok=True)
        shutil.copyfile(self.base / SPACE / "trust" / "roots.pem", self.roots)

    def _require_same_kind(self) -> None:
        """The two demonstrations keep a folder of one name, in which others are believed; raises Mistake."""
        for name, listed in self.folders.items():
            settings = self.base / name / FILE
            if settings.exists() and (_LISTED in settings.read_text(encoding="utf-8")) is not listed:
                raise Mistake("demo.other-kept", path=self.base)

    def serve(self, stack: ExitStack, environ: Mapping[str, str]) -> None:
        """Start the servers and wait for them; the stack stops them."""
        for name in self.folders:
            self.servers[name] = _started(self.base / name, environ)
            stack.callback(self.servers[name].stop)
        for server in self.servers.values():
            server.wait_until_ready()

    def clear(self) -> None:
        """Delete databases, keys and logs, and the results too unless they are to be left."""
        for name in (*self.folders, SPACE):
            shutil.rmtree(self.base / name, ignore_errors=True)
        if not self.leave_results:
            shutil.rmtree(self.base, ignore_errors=True)


def _started(folder: Path, environ: Mapping[str, str]) -> Server:
    """In a session of its own, so that Ctrl-C reaches the driver alone, which then ends its servers in order."""
    command = [sys.executable, "-P", "-m", "connector.cli.main", "serve", "--data", str(folder), "--until-eof"]
    clean = {name: value for name, value in environ.items() if not name.startswith("HANSE_")}
    with (folder / LOG).open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=clean, start_new_session=True
        )
    return Server(folder, process)


@contextmanager
def place(keep: Path | None, folders: Mapping[str, bool] = EXCHANGE) -> Iterator[Place]:
    """The folder to keep, or a temporary one that is cleared in the end."""
    if keep is not None:
        yield Place(keep.absolute(), folders)
        return
    usual = tempfile.gettempdir()
    here = Place(Path(tempfile.mkdtemp(prefix="hanse-", dir=usual if len(usual) < _LONGEST // 2 else "/tmp")), folders)  # noqa: S108
    try:
        yield here
    finally:
        here.clear()
