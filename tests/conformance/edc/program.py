"""Eclipse EDC as a program: what is resolved, how it is told where it is, when it is ready, how it ends.

It would outlive a killed parent, so a shell beside it ends it when our end of its standard input closes.
"""

import re
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from connector.foundation.errors import Unavailable
from tests.conformance import maven
from tests.conformance.children import child
from tests.conformance.maven import Artifact

KEY = "conformance"
START_S = 60.0
LOOPS_MS = 50
"""How long its loops wait when they have nothing to do; its own tests set this, as shipped it is 1 000 ms."""
_MAIN = "org.eclipse.edc.boot.system.runtime.BaseRuntime"
_GROUP = "org.eclipse.edc"
_WITHOUT = ("org.eclipse.jetty.websocket:jetty-websocket", f"{_GROUP}:edr-cache-api")
"""Named by its own lists of artefacts, but not published as jars."""
_PORTS = ("http", "management", "protocol", "control", "version")
_READY = re.compile(r"Runtime \S+ ready")
_BROKEN = re.compile(r"SEVERE .*?(?=\x1b|$)", re.MULTILINE)
_SHELL = 'exec 3<&0; "$@" </dev/null 3<&- & edc=$!; { cat <&3 >/dev/null; kill $edc; } & exec 3<&-; wait $edc'


class Release(NamedTuple):
    """`name` is what people read; `whole` has a data plane of its own, `bare` only a control plane."""

    name: str

    @property
    def bare(self) -> tuple[Artifact, ...]:
        return (self._pom("controlplane-base-bom"), Artifact(_GROUP, "iam-mock", self.name, without=_WITHOUT))

    @property
    def whole(self) -> tuple[Artifact, ...]:
        return (*self.bare, self._pom("dataplane-base-bom"))

    def _pom(self, name: str) -> Artifact:
        return Artifact(_GROUP, name, self.name, "pom", _WITHOUT)


RELEASES = (Release("0.18.0"), Release("0.15.1"))
"""Best first; newer ones than the second are not in every registry."""


class Programs(NamedTuple):
    """What runs: Java, and the folders of the two builds."""

    java: str
    release: str
    whole: Path
    bare: Path


def resolved(environ: Mapping[str, str], cache: Path) -> Programs:
    """Raises Unavailable, which means skipped, if Java, Maven or EDC is not to be had."""
    java, mvn = maven.java(environ), maven.maven(environ)
    reasons = []
    for release in RELEASES:
        try:
            whole = maven.resolve("edc", release.whole, cache=cache, mvn=mvn)
            bare = maven.resolve("edc-control-plane", release.bare, cache=cache, mvn=mvn)
        except Unavailable as error:
            reasons.append(f"EDC {release.name}: {error.facts['reason']}")
            continue
        return Programs(java, release.name, whole, bare)
    raise Unavailable("conformance.unresolved", reason="; ".join(reasons))


class Edc(NamedTuple):
    """One that runs: `name` is its participant id."""

    name: str
    folder: Path
    ports: Mapping[str, int]

    @property
    def root(self) -> str:
        return f"http://localhost:{self.ports['protocol']}/protocol"

    @property
    def base(self) -> str:
        return f"{self.root}/2025-1"

    @property
    def management(self) -> str:
        return f"http://localhost:{self.ports['management']}/management/v3"

    @property
    def control(self) -> str:
        return f"http://localhost:{self.ports['control']}/control"


def told(edc: Edc, loops_ms: int | None, batch: int | None = None) -> dict[str, str]:
    """Its properties; None leaves its loops, and how much each takes at once, as shipped."""
    found = {
        "edc.participant.id": edc.name,
        "edc.participant.context.id": edc.name,
        "edc.hostname": "localhost",
        "edc.dsp.callback.address": edc.root,
        "edc.api.auth.key": KEY,
        # Nobody pulls from its own data plane, which offers that without an endpoint; it only asks for the names.
        "edc.transfer.proxy.token.signer.privatekey.alias": "none",
        "edc.transfer.proxy.token.verifier.publickey.alias": "none",
    }
    for name, port in edc.ports.items():
        prefix = "web.http" if name == "http" else f"web.http.{name}"
        path = "/api" if name == "http" else f"/{name}"
        found |= {f"{prefix}.port": str(port), f"{prefix}.path": path}
    if loops_ms is not None:
        for loop in ("negotiation", "negotiation.consumer", "negotiation.provider", "transfer", "dataplane"):
            found[f"edc.{loop}.state-machine.iteration-wait-millis"] = str(loops_ms)
            if batch is not None:
                found[f"edc.{loop}.state-machine.batch-size"] = str(batch)
    return found


@contextmanager
def started(
    java: str, jars: Path, folder: Path, name: str, loops_ms: int | None = LOOPS_MS, batch: int | None = None
) -> Iterator[Edc]:
    """Ready when the context begins; `folder` gets `NAME.log`."""
    edc = Edc(name, folder, dict(zip(_PORTS, free_ports(len(_PORTS)), strict=True)))
    settings = folder / f"{name}.properties"
    settings.write_text(
        "".join(f"{key}={value}\n" for key, value in told(edc, loops_ms, batch).items()), encoding="ascii"
    )
    command = ["sh", "-c", _SHELL, "edc", java, f"-Dedc.fs.config={settings}", "-cp", f"{jars}/*", _MAIN]
    log = folder / f"{name}.log"
    with log.open("w", encoding="utf-8") as handle, child(command, cwd=folder, stdout=handle, stderr=handle) as process:
        deadline = time.monotonic() + START_S
        while not _READY.search(said := log.read_text(encoding="utf-8", errors="replace")):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Unavailable("conformance.edc-ended", log=_reason(said))
            time.sleep(0.05)
        yield edc


def free_ports(count: int) -> list[int]:
    """Ports that nobody held a moment ago, all at once so that they differ."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _reason(said: str) -> str:
    """What it calls severe, else its last words."""
    return "\n".join(_BROKEN.findall(said)[:5]) or said[-2000:].strip()
