"""The public log as a stranger reads it: no token, no more than is signed, and not faster than the pace."""

from types import SimpleNamespace
from typing import Any

import pytest

from connector.foundation.clock import FakeClock
from connector.foundation.errors import Unknown
from connector.foundation.http.refusals import TooMany
from connector.foundation.storage import Database
from connector.surfaces.peer.evidence.log import LogHandlers
from tests.testkit.cities import MUNICIPALITY, Space


@pytest.mark.threat("T50")
async def test_reading_is_paced_per_address(sqlite_db: Database) -> None:
    """>> more requests at once than a bucket holds << 429 for the rest, whatever they ask for; others are served."""
    clock = FakeClock()
    handlers = LogHandlers(sqlite_db, clock)

    def call(remote: str) -> Any:
        params = {"epoch": "0", "level": "0", "place": "000.p/1"}
        return SimpleNamespace(
            request=SimpleNamespace(remote=remote), participant=SimpleNamespace(id="musterstadt"), params=params
        )

    for number in range(200):
        with pytest.raises(Unknown):
            await (handlers.tile if number % 2 else handlers.checkpoint)(call("192.0.2.1"))
    for refused in (handlers.tile, handlers.checkpoint):
        with pytest.raises(TooMany):
            await refused(call("192.0.2.1"))
    with pytest.raises(Unknown):
        await handlers.tile(call("192.0.2.2"))
    clock.advance(20)
    with pytest.raises(Unknown):
        await handlers.tile(call("192.0.2.1"))


@pytest.mark.threat("T50")
async def test_the_log_is_only_read(space: Space) -> None:
    """Other methods are refused, and so is a log of a participant that does not exist."""
    city = await space.city("town", {"musterstadt": MUNICIPALITY})
    root = city.root("musterstadt")
    assert (await city.services.infra.http.post(f"{root}/log/0/checkpoint", b"")).status == 405
    assert (await city.services.infra.http.get(f"{root}dorf/log/0/checkpoint")).status == 404
