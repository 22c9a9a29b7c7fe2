"""Participants of one process share a database and nothing else (T18): after a random life nobody sees the other."""

import random
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest

from tests.testkit.cities import MUNICIPALITY, City, Refused, Space
from tests.testkit.nasty import NastyPeer

TOWNS = ("musterstadt", "nachbardorf", "seestadt")
STEPS = 30


class Life:
    """What each town did, as the town itself was told."""

    def __init__(self, city: City, seed: int) -> None:
        self.city, self.random = city, random.Random(seed)
        self.datasets: dict[str, set[str]] = {town: set() for town in TOWNS}
        self.negotiations: dict[str, set[str]] = {town: set() for town in TOWNS}
        self.agreements: dict[str, set[str]] = {town: set() for town in TOWNS}
        self.transfers: dict[str, set[str]] = {town: set() for town in TOWNS}

    async def step(self) -> None:
        await self.random.choice([self._publish, self._negotiate, self._negotiate, self._transfer])()

    async def _publish(self) -> None:
        town = self.random.choice(TOWNS)
        visibility = self.random.choice(["members", "eligible"])
        made = await self.city.publish(town, self.random.randbytes(20), visibility=visibility)
        self.datasets[town].add(made["dataset"])

    async def _negotiate(self) -> None:
        consumer, provider = self.random.sample(TOWNS, 2)
        if not self.datasets[provider]:
            return
        dataset = self.random.choice(sorted(self.datasets[provider]))
        purpose = {} if self.random.random() < 0.7 else {"purpose": "https://w3id.org/hanse/v1#nothing"}
        ended = await self.city.negotiate(consumer, self.city.did(provider), dataset, **purpose)
        self.negotiations[consumer].add(ended["id"])
        if ended["state"] == "FINALIZED":
            self.agreements[consumer].add(ended["agreement"])
            self.agreements[provider].add(ended["agreement"])

    async def _transfer(self) -> None:
        consumer = self.random.choice(TOWNS)
        if self.agreements[consumer]:
            agreement = self.random.choice(sorted(self.agreements[consumer]))
            with suppress(Refused):  # the town is the provider of that one
                self.transfers[consumer].add((await self.city.fetch(consumer, agreement))["id"])


async def listed(city: City, town: str, what: str, name: str) -> set[str]:
    """The ids that a town's own list shows."""
    found = await city.api.get(f"/api/v1/participants/{town}/{what}")
    return {entry[name] for entry in found[what]}


async def absent(city: City, path: str) -> None:
    with pytest.raises(Refused) as refused:
        await city.api.get(path)
    assert refused.value.status == 404, path


async def nobody_sees_the_other(life: Life) -> None:
    """Lists hold exactly one's own; what belongs to others is not found under one's own name."""
    for town in TOWNS:
        assert await listed(life.city, town, "datasets", "dataset") == life.datasets[town]
        assert await listed(life.city, town, "agreements", "agreement") == life.agreements[town]
        base = f"/api/v1/participants/{town}"
        for other in set(TOWNS) - {town}:
            for id_ in life.negotiations[other] - life.negotiations[town]:
                await absent(life.city, f"{base}/negotiations/{id_}")
            for id_ in life.transfers[other] - life.transfers[town]:
                await absent(life.city, f"{base}/transfers/{id_}")
            for id_ in life.agreements[other] - life.agreements[town]:
                for rest in ("", "/text", "/evidence"):
                    await absent(life.city, f"{base}/agreements/{id_.removeprefix('urn:uuid:')}{rest}")


async def nor_do_peers(life: Life, nasty: NastyPeer) -> None:
    """The catalogue of a town holds its own datasets only, and its process ids answer under no other root."""
    ask: dict[str, Any] = nasty.message("CatalogRequestMessage")
    for town in TOWNS:
        reply = await nasty.post(life.city, town, "/2025-1/catalog/request", ask)
        assert {entry["@id"] for entry in reply.json.get("dataset", [])} == life.datasets[town]
        for other in set(TOWNS) - {town}:
            me = life.city.services.participants.held(other)
            did = me.participant.did
            claims: dict[str, Any] = {"iss": did, "sub": did, "signer": me.signers["peer"]}
            for id_ in life.negotiations[other]:
                assert (await nasty.get(life.city, town, f"/2025-1/negotiations/{id_}", **claims)).status == 404


@pytest.mark.threat("T18")
@pytest.mark.parametrize("database", [pytest.param("sqlite", marks=pytest.mark.long), "postgres"])
async def test_after_a_random_life_nobody_sees_the_other(
    space: Space, nasty: NastyPeer, database: str, request: pytest.FixtureRequest
) -> None:
    """>> thirty random steps of three towns in one process << each sees its own, and every foreign id is unknown."""
    if database == "sqlite":
        city = await space.city("it", dict.fromkeys(TOWNS, MUNICIPALITY))
        await lived(city, nasty, seed=1)
        return
    cluster: ModuleType = request.getfixturevalue("cluster")
    with cluster.database() as urls:
        environ = {"HANSE_DATABASE__URL": urls.app, "HANSE_DATABASE__WORKER_URL": urls.worker}
        async with space.running("it", dict.fromkeys(TOWNS, MUNICIPALITY), environ) as city:
            await lived(city, nasty, seed=2)


async def lived(city: City, nasty: NastyPeer, seed: int) -> None:
    life = Life(city, seed)
    for _ in range(STEPS):
        await life.step()
    assert any(life.agreements.values())
    assert any(life.transfers.values())
    await nobody_sees_the_other(life)
    await nor_do_peers(life, nasty)
