"""Our own side: the connector for tests among EDCs as a process, and its management surface."""

import io
import json
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from connector.foundation.errors import Unavailable
from tests.conformance.children import child
from tests.conformance.edc.management import Peer
from tests.conformance.edc.program import Edc

SLUG = "musterstadt"
START_S = 60.0
_MODULE = "tests.conformance.under_test.edc"


class Running(NamedTuple):
    """`at`: participant -> its DID and its DSP base, as the process says itself."""

    at: Mapping[str, Mapping[str, str]]
    socket: Path
    pid: int


class Refused(Exception):
    """The management surface said no."""

    def __init__(self, status: int, problem: Any) -> None:
        super().__init__(status, problem)
        self.status, self.problem = status, problem


@contextmanager
def started(
    folder: Path, port: int, peers: Mapping[str, Edc], environ: Mapping[str, str], also: Mapping[str, str], sink: str
) -> Iterator[Running]:
    """`also`: more participants with their roots; `sink`: below which EDCs may have data sent.

    `folder` gets `connector.log` and `transcript-1.jsonl`.
    """
    log = folder / "connector.log"
    named = [word for name, edc in peers.items() for word in ("--peer", f"{name}={edc.root}")]
    named += [word for slug, root in also.items() for word in ("--also", f"{slug}={root}")]
    command = [
        sys.executable,
        "-m",
        _MODULE,
        str(folder / "house"),
        "--port",
        str(port),
        *named,
        "--destination",
        sink,
        "--transcript",
        str(folder / "transcript-1.jsonl"),
    ]
    with (
        log.open("w", encoding="utf-8") as stderr,
        child(command, environ=environ, stdout=subprocess.PIPE, stderr=stderr) as process,
    ):
        yield Running(_first_line(process, log), folder / "house/data/api.sock", process.pid)


def _first_line(process: "subprocess.Popen[str]", log: Path) -> dict[str, dict[str, str]]:
    assert process.stdout is not None
    deadline = time.monotonic() + START_S
    while select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
        line = process.stdout.readline()
        if line.startswith("{"):
            found: dict[str, dict[str, str]] = json.loads(line)
            return found
        if not line:
            break
    tail = log.read_text(encoding="utf-8", errors="replace")[-4000:].strip()
    raise Unavailable("conformance.connector-ended", log=tail)


class Hanse:
    """The management surface for one of its participants."""

    def __init__(self, running: Running, slug: str = SLUG) -> None:
        # Shorter than the 5 s after which the server closes idle connections.
        connector = aiohttp.UnixConnector(str(running.socket), keepalive_timeout=4.0)
        self._session = aiohttp.ClientSession("http://localhost", connector=connector)
        self.did, self.base, self._slug = running.at[slug]["did"], running.at[slug]["base"], slug

    @property
    def peer(self) -> Peer:
        """As EDC addresses it."""
        return Peer(self.did, self.base)

    async def close(self) -> None:
        await self._session.close()

    async def call(self, method: str, path: str, body: object = None, **query: str) -> Any:
        """Raises Refused."""
        url = f"/api/v1/participants/{self._slug}{path}"
        sent = body if isinstance(body, bytes) else None
        document = None if isinstance(body, bytes) else body
        data = None if sent is None else io.BytesIO(sent)
        async with self._session.request(method, url, params=query, json=document, data=data) as answer:
            if answer.status >= 400:
                raise Refused(answer.status, await answer.json(content_type=None))
            return await answer.json() if answer.content_type == "application/json" else await answer.read()

    async def publish(self, content: bytes, rule: str, slots: Mapping[str, str], title: str = "Bäume") -> str:
        """The id of a new dataset under this rule template."""
        source = await self.call("POST", "/files", content, name="baeume.csv")
        wish = {"title": title, "rule": rule, "slots": dict(slots), "source": source["source"]}
        return str((await self.call("POST", "/datasets", wish))["dataset"])

    async def negotiate(self, provider: str, dataset: str) -> str:
        return str((await self.call("POST", "/negotiations", {"provider": provider, "dataset": dataset}))["id"])

    async def negotiation(self, negotiation: str, wait_s: int = 20) -> dict[str, Any]:
        """As it stands, at once or when it has ended."""
        found: dict[str, Any] = await self.call("GET", f"/negotiations/{negotiation}", wait=str(wait_s))
        return found

    async def negotiations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.call("GET", "/negotiations"))["negotiations"]
        return found

    async def end_negotiation(self, negotiation: str, reason: str) -> None:
        await self.call("POST", f"/negotiations/{negotiation}/terminate", {"reason": reason})

    async def transfer(self, agreement: str, **wish: Any) -> str:
        return str((await self.call("POST", "/transfers", {"agreement": agreement, **wish}))["id"])

    async def suspend(self, transfer: str) -> None:
        await self.call("POST", f"/transfers/{transfer}/suspend", {})

    async def resume(self, transfer: str) -> None:
        await self.call("POST", f"/transfers/{transfer}/resume", {})

    async def end_transfer(self, transfer: str, reason: str) -> None:
        await self.call("POST", f"/transfers/{transfer}/terminate", {"reason": reason})

    async def find(self, provider: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.call("GET", "/find", **{"from": provider})
        return found

    async def process(self, transfer: str, wait_s: int = 20) -> dict[str, Any]:
        found: dict[str, Any] = await self.call("GET", f"/transfers/{transfer}", wait=str(wait_s))
        return found
