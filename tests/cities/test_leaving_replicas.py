"""A participant leaves on two replicas on PostgreSQL, of which the one that does the work is killed each time."""

import asyncio
import contextlib
from typing import Any

import aiohttp
import pytest

from tests.cities.replicas import Provider, provider, publish, village
from tests.testkit.cities import City
from tests.testkit.pair import VILLAGE
from tests.testkit.patience import PATIENCE_S
from tests.testkit.processes import Process

__all__ = ["provider", "village"]
TOWN = "musterstadt"
BASE = f"/api/v1/participants/{TOWN}"


async def until(process: Process, state: str) -> dict[str, Any]:
    """How it stands at this replica, once it has come to `state` and nobody waits for a message any more."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found: dict[str, Any] = await process.api.get(f"{BASE}/leaving")
            if found["state"] == state and not found["waiting"]:
                return found
            await asyncio.sleep(0.2)


async def killed(process: Process, path: str, body: dict[str, object]) -> None:
    """Asks, and the process is killed before it has answered, or just after."""
    asking = asyncio.ensure_future(process.api.post(path, body))
    await asyncio.sleep(0.05)
    await process.kill()
    with contextlib.suppress(aiohttp.ClientError):
        await asking


@pytest.mark.long
async def test_whoever_dies_the_other_goes_on(provider: Provider, village: City) -> None:
    """>> close at a, kill a << b closes it; >> delete at b, kill b << a deletes it, and serves it no more."""
    did, dataset = await publish(provider, b"a;b\n1;2\n")
    agreement = (await village.negotiate(VILLAGE, did, dataset))["agreement"]
    assert agreement
    root = did.removeprefix("did:web:").replace(":", "/").replace("%3A", ":")
    await killed(provider.a, f"{BASE}/close", {"reason": "Fusion."})
    if (await provider.b.api.get(f"{BASE}/leaving"))["state"] == "active":
        await provider.b.api.post(f"{BASE}/close", {"reason": "Fusion."})  # it died before it had begun
    await until(provider.b, "closed")
    life = await village.api.get(f"/api/v1/participants/{VILLAGE}/agreements/{agreement[9:]}/life")
    assert life["state"] == "ended"
    await provider.a.start()
    assert (await until(provider.a, "closed"))["contracts"] == 0
    page = await provider.b.api.get(f"{BASE}/leaving/evidence")
    assert [one["agreement"] for one in page["agreements"]] == [agreement]
    await provider.a.api.post(
        f"{BASE}/leaving/evidence",
        {"agreement": agreement, "sha256": "0" * 64, "records": page["agreements"][0]["records"]},
    )
    await killed(provider.b, f"{BASE}/delete", {"despite_retention": True})
    if (await provider.a.api.get(f"{BASE}/leaving"))["state"] == "closed":
        await provider.a.api.post(f"{BASE}/delete", {"despite_retention": True})
    await until(provider.a, "deleted")
    assert (await provider.a.api.get("/api/v1/participants"))["participants"] == []
    assert (await village.services.infra.http.get(f"https://{root}/did.json")).status == 404
    left = provider.rows("SELECT count(*) AS n FROM audit_entry")
    assert left == [{"n": 0}]
    assert [row["state"] for row in provider.rows("SELECT state FROM participant")] == ["deleted"]
