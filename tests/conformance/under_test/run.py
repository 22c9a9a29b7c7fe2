"""Starts a connector under test and says where it is; it ends with the context."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from connector.app.process import running
from connector.cli.operate import dev
from connector.clock import Clock, SystemClock
from connector.settings.load import Settings, load
from tests.conformance.under_test import apart
from tests.conformance.under_test.dsp import NEGOTIATE, PATH, SLUG, TRANSFER, KitHouse, foreign
from tests.conformance.under_test.foreign import ForeignHouse
from tests.conformance.under_test.tape import Tape

H = TypeVar("H", bound=ForeignHouse)
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

    services: KitHouse
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
    build = partial(KitHouse, foreign(peer_root.rstrip("/"), Tape(tape)), delay_ms)
    async with started(folder, port, build, {SLUG}, environ) as made:
        origin = f"http://localhost:{port}"
        await made.settle(origin)
        yield UnderTest(made, origin)


@asynccontextmanager
async def started(
    folder: Path, port: int, build: Callable[[Settings, Clock], H], slugs: Collection[str],
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[H]:  # fmt: skip
    """A test-only house with a data space of its own below `folder`; `environ` as for a real start.

    Mistake if its database holds other participants than `slugs`, or real ones of these names.
    """
    settings = await asyncio.to_thread(_prepared, folder, port, slugs, environ or {})
    async with running(settings, build=build) as made:
        assert isinstance(made, ForeignHouse)
        yield made  # type: ignore[misc]


def _prepared(folder: Path, port: int, slugs: Collection[str], environ: Mapping[str, str]) -> Settings:
    space, data = folder / "space", folder / "data"
    apart.check(data, environ, slugs)
    dev.prepare(space, {}, SystemClock())
    data.mkdir(exist_ok=True)
    (data / "hanse.toml").write_text(_SETTINGS.format(space=space), encoding="utf-8")
    return load(data, {**environ, "HANSE_PEER__PORT": str(port)})
