"""The connector under test: processes of `tests.conformance.under_test`, on loopback, gone with the run.

Nothing of the operator's own settings reaches them, least of all a production database: what they get is said here.
"""

import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from connector.foundation.errors import Mistake, Unavailable
from tests.conformance.children import child
from tests.conformance.official_kit import KIT_PORT, PORT, Address

START_S = 60.0
_MODULE = "tests.conformance.under_test"
_KEPT = ("HANSE_DATABASE__WORKER_URL", "HANSE_DATABASE__OWNER_URL")


def free(*ports: int) -> None:
    """Both addresses are fixed, so there is one run at a time."""
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise Mistake("conformance.port-taken", port=port) from None


class Subject(NamedTuple):
    """How many processes on which database; "" is a SQLite file in `home`, the connector's own folder."""

    home: Path
    replicas: int = 1
    database: str = ""

    @contextmanager
    def started(self, folder: Path, environ: Mapping[str, str]) -> Iterator[Address]:
        """Where it answers; `folder` gets `connector-N.log` and `transcript-N.jsonl`."""
        with ExitStack() as stack:
            own = self._environ(environ)
            places = [
                stack.enter_context(_process(self.home, folder, number, self._named(folder, number), own))
                for number in range(1, self.replicas + 1)
            ]
            yield places[0]

    def _environ(self, environ: Mapping[str, str]) -> dict[str, str]:
        kept = _KEPT if self.database else ()
        return {key: value for key, value in environ.items() if not key.startswith("HANSE_") or key in kept}

    def _named(self, folder: Path, number: int) -> list[str]:
        """The settings of one process, as arguments."""
        named = ["--database", self.database] if self.database else []
        if self.replicas > 1:
            named += ["--reuse-port", "--socket", str(folder / f"{number}.sock")]
        return named


@contextmanager
def _process(
    home: Path, folder: Path, number: int, named: Sequence[str], environ: Mapping[str, str]
) -> Iterator[Address]:
    log = folder / f"connector-{number}.log"
    command = [
        sys.executable,
        "-m",
        _MODULE,
        str(home / "house"),
        "--port",
        str(PORT),
        "--peer",
        f"http://localhost:{KIT_PORT}",
        "--transcript",
        str(folder / f"transcript-{number}.jsonl"),
        *named,
    ]
    with (
        log.open("w", encoding="utf-8") as stderr,
        child(command, environ=environ, stdout=subprocess.PIPE, stderr=stderr) as process,
    ):
        yield _address(process, log)
        if process.poll() is not None:
            raise Unavailable("conformance.connector-ended", log=_tail(log))


def _address(process: subprocess.Popen[str], log: Path) -> Address:
    """Its first line of JSON says that it answers, and where."""
    assert process.stdout is not None
    deadline = time.monotonic() + START_S
    while select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
        line = process.stdout.readline()
        if line.startswith("{"):
            said = json.loads(line)
            origin = f"http://localhost:{PORT}"
            triggers = (f"{origin}/tck/negotiations/requests", f"{origin}/tck/transfers/requests")
            return Address(said["did"], said["root"], said["base"], *triggers)
        if not line:
            break
    raise Unavailable("conformance.connector-ended", log=_tail(log))


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-4000:].strip()


class Message(NamedTuple):
    """One line of a transcript: what came in or went out, and how it was answered."""

    at: float
    direction: str
    method: str
    url: str
    status: int
    body: str
    answer: str


def messages(folder: Path) -> list[Message]:
    """What all processes noted, in order of time; a line that was cut off by an end is left out."""
    found = []
    for path in folder.glob("transcript-*.jsonl"):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                found.append(Message(**json.loads(line)))
            except (ValueError, TypeError):
                continue
    return sorted(found, key=lambda one: one.at)
