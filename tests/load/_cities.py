"""Two cities as processes of their own on loopback, what they cost, and how a figure is printed.

Every load program drives real `hanse serve` processes through their management sockets and reads their CPU time and
memory from /proc; a figure is one JSON object on standard output, progress goes to standard error.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any

import aiohttp

from connector.cli.operate import dev
from connector.foundation.clock import SystemClock
from tests.testkit.cities import MUNICIPALITY, PURPOSE, ManagementApi, Space

QUICK = "--quick" in sys.argv[1:]
OURS = "--ours" in sys.argv[1:]
PROVIDER, CONSUMER = "musterstadt", "nachbardorf"
READY_S = 20.0
UNLIMITED = {
    "HANSE_QUOTA__PEER_HOUR_STARTS": "0",
    "HANSE_QUOTA__PEER_DAY_MIB": "0",
    "HANSE_QUOTA__OPERATOR_DAY_MIB": "0",
    "HANSE_QUOTA__PARTICIPANT_DAY_MIB": "0",
}
"""One peer does in minutes what quotas let it do in days; that they are counted costs what it costs everywhere."""
AS_SHIPPED = {"HANSE_TRUST__LIST_RELOAD_S": "45"}
"""Processes of tests look at the trust list each second, because people wait for them."""
PROGRAM = ["-c", "import sys; sys.modules['rich'] = None; from connector.cli.main import run; run()"]
"""As it is installed: without `rich`, which structlog loads where a developer has it."""


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def figure(
    name: str,
    value: float,
    unit: str,
    *,
    reference: float | None = None,
    ratio: float | None = None,
    spread: Sequence[float] = (),
    floor: str | None = None,
    goal: str | None = None,
) -> None:
    """`floor` and `goal` are '<= 45' or '>= 0.9' and speak of the ratio, or of the value if there is no ratio.

    Where there is a floor it judges, and the goal beyond it is only told. `spread`: all ratios.
    """
    judged = value if ratio is None else ratio
    line: dict[str, Any] = {
        "name": name,
        "value": round(value, 4),
        "unit": unit,
        "reference": None if reference is None else round(reference, 4),
        "ratio": None if ratio is None else round(ratio, 3),
        "floor": floor,
        "goal": goal,
        "met": _met(judged, floor or goal),
    }
    if spread:
        line |= {"pairs": len(spread), "least": round(min(spread), 3), "most": round(max(spread), 3)}
    print(json.dumps(line), flush=True)


def _met(value: float, goal: str | None) -> bool | None:
    if goal is None:
        return None
    sign, _, bound = goal.partition(" ")
    return value <= float(bound) if sign == "<=" else value >= float(bound)


class Process:
    """A running child, its CPU time in seconds and its memory in bytes as the kernel counts them."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def cpu(self) -> float:
        spent = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            spent += int((task / "schedstat").read_text().split()[0])
        return spent / 1e9

    def rss(self) -> int:
        return self._status("VmRSS")

    def peak(self) -> int:
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def _status(self, name: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise LookupError(name)


class City(Process):
    """One `hanse serve` with one participant."""

    def __init__(self, child: "subprocess.Popen[bytes]", folder: Path, slug: str, started_s: float) -> None:
        super().__init__(child.pid)
        self.child, self.folder, self.slug, self.started_s = child, folder, slug, started_s
        self.name = folder.name
        self.api = ManagementApi(folder / "api.sock")
        self.did = ""

    async def stop(self) -> None:
        await self.api.close()
        assert self.child.stdin is not None
        self.child.stdin.close()
        await asyncio.to_thread(self.child.wait)

    async def publish(self, content: bytes, name: str = "baeume.csv") -> str:
        base = f"/api/v1/participants/{self.slug}"
        source = await self.api.post(f"{base}/files?name={name}", data=content)
        return await self.offer(source["source"])

    async def offer(self, source: str) -> str:
        wish = {"title": "Bäume", "rule": "municipal-purpose", "slots": {"until": "31.12.2099"}, "source": source}
        made = await self.api.post(f"/api/v1/participants/{self.slug}/datasets", wish)
        return str(made["dataset"])

    async def negotiate(self, provider: str, dataset: str) -> dict[str, Any]:
        """Four messages: what is asked for is what was published."""
        base = f"/api/v1/participants/{self.slug}/negotiations"
        begun = await self.api.post(base, {"provider": provider, "dataset": dataset, "purpose": PURPOSE})
        return await self._ended(f"{base}/{begun['id']}")

    async def haggle(self, provider: str, dataset: str) -> dict[str, Any]:
        """Six messages: other terms are asked for, the published ones offered, and those accepted."""
        base = f"/api/v1/participants/{self.slug}/negotiations"
        wish = {
            "provider": provider,
            "dataset": dataset,
            "purpose": PURPOSE,
            "policy": {"permission": [{"action": "use"}]},
        }
        there = f"{base}/{(await self.api.post(base, wish))['id']}"
        offered = await self._ended(there)
        if offered["state"] != "OFFERED":
            return offered
        await self.api.post(f"{there}/accept", {"terms": offered["terms"]})
        return await self._ended(there)

    async def _ended(self, place: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.api.get(place, wait="30")
        return found

    async def fetch(self, agreement: str, wait: int = 60) -> dict[str, Any]:
        base = f"/api/v1/participants/{self.slug}/transfers"
        begun = await self.api.post(base, {"agreement": agreement})
        found: dict[str, Any] = await self.api.get(f"{base}/{begun['id']}", wait=str(wait))
        return found


def launch(
    folder: Path, roles: Sequence[str] = (), environ: Mapping[str, str] = MappingProxyType({})
) -> "subprocess.Popen[bytes]":
    """The process ends with its standard input, however we end; with all roles, if none is named."""
    chosen = [word for role in roles for word in ("--role", role)]
    command = [sys.executable, *PROGRAM, "serve", "--until-eof", "--data", str(folder), *chosen]
    quiet = subprocess.DEVNULL
    whole = {**os.environ, **UNLIMITED, **AS_SHIPPED, **environ}
    whole.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, env=whole)


async def answered(folder: Path, path: str = "/health/ready") -> None:
    """Returns with the first 200 on the management socket."""
    end = time.monotonic() + READY_S
    connector = aiohttp.UnixConnector(str(folder / "api.sock"))
    async with aiohttp.ClientSession("http://localhost", connector=connector) as session:
        while time.monotonic() < end:
            try:
                async with session.get(path) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.005)
    raise TimeoutError(str(folder))


class Cities:
    """The data space of a program: processes are started in it by name and end with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        dev.prepare(folder / "space", {}, SystemClock())
        self.space = Space(folder / "space", SystemClock())
        self._running: list[City] = []
        self._dids: dict[tuple[str, str], str] = {}

    async def start(
        self,
        name: str,
        slug: str,
        kind: str,
        roles: Sequence[str] = (),
        environ: Mapping[str, str] = MappingProxyType({}),
    ) -> City:
        folder = self.space.prepared(name)
        begun = time.monotonic()
        child = launch(folder, roles, environ)
        await answered(folder)
        city = City(child, folder, slug, time.monotonic() - begun)
        self._running.append(city)
        if (name, slug) in self._dids:  # asking would load what an idle server has not
            city.did = self._dids[name, slug]
            return city
        known = (await city.api.get("/api/v1/participants"))["participants"]
        mine = [one for one in known if one["slug"] == slug]
        made = (
            mine[0]
            if mine
            else await city.api.post("/api/v1/participants", {"slug": slug, "name": slug.title(), "kind": kind})
        )
        city.did = self._dids[name, slug] = str(made["did"])
        return city

    async def pair(self, name: str = "") -> tuple[City, City]:
        """A city that publishes and one that asks, each knowing of the other."""
        provider = await self.start(f"{name}p", f"{PROVIDER}{name}", MUNICIPALITY)
        consumer = await self.start(f"{name}c", f"{CONSUMER}{name}", MUNICIPALITY)
        for city in self._running:
            await city.api.post("/api/v1/trust/reload")
        return provider, consumer

    async def stop(self, *cities: City) -> None:
        for city in cities:
            self._running.remove(city)
            await city.stop()

    async def close(self) -> None:
        await self.stop(*list(self._running))


@asynccontextmanager
async def cities() -> AsyncIterator[Cities]:
    """On the disk of the temporary folder; Unix sockets want short paths."""
    with tempfile.TemporaryDirectory(prefix="h") as folder:
        made = Cities(Path(folder))
        async with AsyncExitStack() as stack:
            stack.push_async_callback(made.close)
            yield made


def run(program: Callable[[], Awaitable[None]]) -> None:
    """The load generator runs on uvloop as the servers do."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_whole(program))


async def _whole(program: Callable[[], Awaitable[None]]) -> None:
    await program()


def middle(values: Sequence[float]) -> float:
    return float(median(values))
