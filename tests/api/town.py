"""A town on a port whose management surface has something of everything: for tests that walk through the routes."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from tests.cities.sharing import free_port
from tests.harvest.imports import WORDS, catalogue, ended
from tests.testkit.cities import MUNICIPALITY, City, Space

TOKEN = "a-token-that-is-long-enough-to-be-one"
PROVIDER, CONSUMER = "musterstadt", "nachbardorf"


class Town(NamedTuple):
    """One process with a contract between two participants of its own; `ids` are the ids of each noun."""

    city: City
    url: str
    ids: dict[str, list[str]]

    def values(self, path: str, name: str) -> list[str]:
        """What a place in this path may be called, what is there first; the provider has decisions, datasets."""
        if name == "id":
            return [*self.ids.get(re.findall(r"/(\w+)/\{id\}", path)[0], []), "nothing"]
        values = self.ids[name]
        return values[1:] if name == "p" and re.search("/decisions/|/datasets/", path) else values


async def _imported(city: City) -> str:
    """A run that is over, with a dataset that waits and a rule that was used."""
    service = city.services.harvest.service
    content = catalogue("a", licence=WORDS, more=':a dct:language "Deutsch" .')
    run = await service.start(CONSUMER, content, name="portal.ttl", media_type=None, source=None)
    await ended(service, run, CONSUMER)
    return run


@asynccontextmanager
async def running_town(space: Space) -> AsyncIterator[Town]:
    port = free_port()
    environ = {"HANSE_API__PORT": str(port), "HANSE_API__TOKEN": TOKEN}
    towns = {PROVIDER: MUNICIPALITY, CONSUMER: MUNICIPALITY}
    async with space.running("it", towns, environ) as city:
        made = await city.publish(PROVIDER)
        signed = await city.negotiate(CONSUMER, city.did(PROVIDER), made["dataset"])
        received = await city.fetch(CONSUMER, signed["agreement"])
        base = f"/api/v1/participants/{CONSUMER}"
        hold = await city.api.post(f"{base}/holds", {"role": "legal", "ground": "Klage"})
        decided = await city.api.get(f"{base.replace(CONSUMER, PROVIDER)}/transfers")
        (theirs,) = decided["transfers"]
        decisions = await city.api.get(f"{base.replace(CONSUMER, PROVIDER)}/transfers/{theirs['id']}/decisions")
        run = await _imported(city)
        yield Town(city, f"http://127.0.0.1:{port}", {
            "p": [CONSUMER, PROVIDER, "nowhere"],
            "agreements": [signed["agreement"]],
            "negotiations": [signed["id"]],
            "transfers": [received["id"], theirs["id"]],
            "holds": [hold["id"]],
            "decisions": [decisions["decisions"][0]["id"]],
            "uuid": [made["dataset"].rsplit("/", 1)[-1], "nothing"],
            "purpose": ["peer", "seal", "log", "nothing"],
            "pseudonym": ["p-7f3a91", "nothing"],
            "run": [run, "nothing"],
            "pid": [signed["id"], received["id"], "nothing"],
        })  # fmt: skip
