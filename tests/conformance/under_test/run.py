"""Starts a connector under test and says where it is; it ends with the context."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from connector.app.ports import Ports
from connector.app.process import running
from connector.app.services import Services
from connector.cli.operate import dev
from connector.foundation.clock import SystemClock
from connector.foundation.settings.load import Settings, load
from tests.conformance.under_test import apart
from tests.conformance.under_test.dsp import NEGOTIATE, PATH, SLUG, TRANSFER, foreign, ports, settle
from tests.conformance.under_test.tape import Tape

_SETTINGS = """\
[trust]
seal_ca_files = ["{space}/trust/roots.pem"]
authority_key_file = "{space}/trust/roots.pem"
list_file = "{space}/trust/list.jws"

[development]
folder = "{space}/certs"

[worker]
sweep_s = 0.1

[log]
level = "warning"
"""


class UnderTest(NamedTuple):
    """Where the official kit finds what it asks for (spec/protocol.md 6.2)."""

    services: Services
    origin: str

    @property
    def root(self) -> str:
        return f"{self.origin}{PATH}"

    @property
    def base(self) -> str:
        return f"{self.root}/2025-1"

    @property
    def did(self) -> str:
        return self.services.participants.held(SLUG).participant.did

    @property
    def negotiation_trigger(self) -> str:
        return f"{self.origin}{NEGOTIATE}"

    @property
    def transfer_trigger(self) -> str:
        return f"{self.origin}{TRANSFER}"


@asynccontextmanager
async def services(
    folder: Path,
    port: int,
    peer_root: str,
    *,
    delay_ms: int = 300,
    tape: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[UnderTest]:
    """The connector under the official kit, on loopback; two with the same `port` and PostgreSQL are replicas."""
    kit = ports(foreign(peer_root.rstrip("/"), Tape(tape)), delay_ms)
    async with started(folder, port, kit, {SLUG}, environ) as made:
        origin = f"http://localhost:{port}"
        await settle(made, origin)
        yield UnderTest(made, origin)


@asynccontextmanager
async def started(
    folder: Path, port: int, ports: Ports, slugs: Collection[str], environ: Mapping[str, str] | None = None
) -> AsyncIterator[Services]:
    """A connector with these ports and a data space of its own below `folder`; `environ` as for a real start.

    Mistake if its database holds other participants than `slugs`, or real ones of these names.
    """
    settings = await asyncio.to_thread(_prepared, folder, port, slugs, environ or {})
    async with running(settings, ports=ports) as made:
        yield made


def _prepared(folder: Path, port: int, slugs: Collection[str], environ: Mapping[str, str]) -> Settings:
    space, data = folder / "space", folder / "data"
    apart.check(data, environ, slugs)
    dev.prepare(space, {}, SystemClock())
    data.mkdir(exist_ok=True)
    (data / "hanse.toml").write_text(_SETTINGS.format(space=space), encoding="utf-8")
    return load(data, {**environ, "HANSE_PEER__PORT": str(port)})
