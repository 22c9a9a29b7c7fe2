"""A provider begins, a person decides: over real sockets, by the commands that a steward types."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from connector.cli.main import main
from connector.surfaces.peer.client.client import PeerClient
from connector.verify.bundle import verify_bundle
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.patience import PATIENCE_S

TOWN, VILLAGE = "musterstadt", "nachbardorf"


async def hanse(city: City, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """Runs a command against the city and gives what it printed."""
    argv = ["--data", str(city.settings.folder), *words]
    assert await asyncio.to_thread(main, argv, {"LANG": "de_DE.UTF-8"}) == code
    return capsys.readouterr().out


async def settled(city: City, slug: str, negotiation: str, state: str) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found: dict[str, Any] = await city.api.get(f"/api/v1/participants/{slug}/negotiations/{negotiation}")
            if found["state"] == state:
                return found
            await asyncio.sleep(0.02)


async def waiting(city: City, slug: str) -> str:
    """The negotiation that waits for a person."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = (await city.api.get(f"/api/v1/participants/{slug}/negotiations"))["negotiations"]
            if found and found[0]["state"] == "OFFERED":
                return str(found[0]["id"])
            await asyncio.sleep(0.02)


@pytest.fixture
async def two(space: Space) -> tuple[City, City]:
    town = await space.city("town", {TOWN: MUNICIPALITY})
    village = await space.city("village", {VILLAGE: MUNICIPALITY})
    await space.reload(town, village)
    return town, village


async def test_a_proposal_is_read_and_accepted(
    space: Space, two: tuple[City, City], capsys: pytest.CaptureFixture[str]
) -> None:
    """>> propose << the terms in words >> accept << signed by both, evidence PASSED."""
    town, village = two
    made = await town.publish(TOWN)
    said = await hanse(town, capsys, "propose", made["offer"], "--as", TOWN, "--to", village.did(VILLAGE))
    assert "hanse negotiations" in said
    case = await waiting(village, VILLAGE)
    shown = await hanse(village, capsys, "negotiations", "--as", VILLAGE)
    hint = re.search(rf"hanse accept {case} --as {VILLAGE} --terms ([0-9a-f]{{12}}) ", shown)
    assert hint is not None
    assert made["clauses"][0]["text"]["de"] in shown
    await hanse(village, capsys, "accept", case, "--as", VILLAGE, "--terms", "000000000000", code=1)
    await hanse(village, capsys, "accept", case, "--as", VILLAGE, "--terms", hint[1])
    ended = await settled(village, VILLAGE, case, "FINALIZED")
    assert ended["states"] == ["OFFERED", "ACCEPTED", "AGREED", "VERIFIED", "FINALIZED"]
    uuid = ended["agreement"].removeprefix("urn:uuid:")
    bundle = await village.api.get(f"/api/v1/participants/{VILLAGE}/agreements/{uuid}/evidence")
    assert verify_bundle(bundle, space.roots, "de").holds_apart_from_time


async def test_a_proposal_is_declined_with_a_reason(two: tuple[City, City], capsys: pytest.CaptureFixture[str]) -> None:
    """>> propose << decline: the provider reads why; to accept it afterwards is refused in words."""
    town, village = two
    made = await town.publish(TOWN)
    await hanse(town, capsys, "propose", made["offer"], "--as", TOWN, "--to", village.did(VILLAGE))
    case = await waiting(village, VILLAGE)
    await hanse(village, capsys, "decline", case, "--as", VILLAGE, "--reason", "Brauchen wir nicht.")
    await settled(village, VILLAGE, case, "TERMINATED")
    theirs = (await town.api.get(f"/api/v1/participants/{TOWN}/negotiations"))["negotiations"][0]
    ended = await settled(town, TOWN, theirs["id"], "TERMINATED")
    assert ended["reason"]["de"] == "Brauchen wir nicht."
    await hanse(village, capsys, "accept", case, "--as", VILLAGE, "--terms", ended["terms"], code=1)


async def test_a_counter_offer_of_the_same_terms_is_agreed(
    two: tuple[City, City], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """>> propose << counter with the published policy from a file >> signed."""
    town, village = two
    made = await town.publish(TOWN)
    await hanse(town, capsys, "propose", made["offer"], "--as", TOWN, "--to", village.did(VILLAGE))
    case = await waiting(village, VILLAGE)
    policy = await village.services.peer.dataset(VILLAGE, town.did(TOWN), made["dataset"])
    (tmp_path / "terms.json").write_text(json.dumps(policy["hasPolicy"][0]), encoding="utf-8")
    await hanse(village, capsys, "counter", case, "--as", VILLAGE, "--policy", str(tmp_path / "terms.json"))
    await settled(village, VILLAGE, case, "FINALIZED")
    (tmp_path / "terms.json").write_text("{", encoding="utf-8")
    await hanse(village, capsys, "counter", case, "--as", VILLAGE, "--policy", str(tmp_path / "terms.json"), code=1)


async def test_an_honest_contract_takes_no_request_for_its_references(
    two: tuple[City, City], monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the same dataset asked for twice << nothing is fetched: the village writes down what the town has sealed."""
    town, village = two
    dataset = (await town.publish(TOWN))["dataset"]
    asked: list[str] = []
    get = PeerClient.get

    async def counted(self: PeerClient, slug: str, did: str, url: str, *rest: Any, **more: Any) -> Any:
        asked.extend([url] if "/evidence/objects/" in url else [])
        return await get(self, slug, did, url, *rest, **more)

    monkeypatch.setattr(PeerClient, "get", counted)
    for _ in range(2):
        found = await village.negotiate(VILLAGE, town.did(TOWN), dataset)
        assert found["state"] == "FINALIZED"
        agreements = village.services.contracts.service.agreements
        agreement = await village.services.infra.db.read(VILLAGE, agreements.get, VILLAGE, found["agreement"])
        assert agreement.provider_jws
        assert agreement.consumer_jws
    assert asked == []
