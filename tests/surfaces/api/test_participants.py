"""The management surface for stolen keys: times and reasons are checked, the request names the DID."""

import pytest
from aiohttp.test_utils import TestClient, TestServer

from connector.surfaces.api import routes
from connector.surfaces.api.participants import ParticipantHandlers
from tests.testkit.towns import Towns

PLACE = "/api/v1/participants/musterstadt/keys/seal/revoke"


async def nothing(slug: str) -> None:
    """No development space."""


@pytest.mark.parametrize("since", ["2026-11-20", "gestern", "2026-11-20T10:00:00", "9999-12-31T23:59:59-23:59", ""])
async def test_a_time_that_is_none(towns: Towns, since: str) -> None:
    application = routes.application(
        [ParticipantHandlers(towns.participants, nothing, nothing, nothing, lambda did: ())]
    )
    async with TestClient(TestServer(application)) as client:
        before = (await towns.participants.get("musterstadt")).seal.kid
        answer = await client.post(PLACE, json={"from": since, "reason": "weg"})
        assert answer.status == 400, await answer.text()
        for wrong in ({"from": "2026-11-20T10:00:00Z"}, {"from": "2026-11-20T10:00:00Z", "reason": "x" * 501}):
            assert (await client.post(PLACE, json=wrong)).status == 400
        asked = await client.post("/api/v1/participants/musterstadt/seal/request", json={})
        assert (await asked.json())["request"].startswith("-----BEGIN CERTIFICATE REQUEST")
        assert (await towns.participants.get("musterstadt")).seal.kid == before


@pytest.mark.threat("T148")
async def test_whoever_is_added_is_told_with_those_who_look_so(towns: Towns) -> None:
    """>> a name in Cyrillic capitals that looks like a town here, one like nobody's << told by each answer about it, of
    both."""
    application = routes.application(
        [ParticipantHandlers(towns.participants, nothing, nothing, nothing, lambda did: ())]
    )
    place = "/api/v1/participants"
    async with TestClient(TestServer(application)) as client:
        names = {one.participant.id: one.participant.name for one in await towns.participants.everyone()}
        look = names["musterstadt"].upper().translate(str.maketrans("MTA", "\u041c\u0422\u0410"))
        for slug, name, others in (("double", look, ["musterstadt"]), ("other", "Sonstwo", [])):
            answer = await client.post(place, json={"slug": slug, "name": name, "kind": "municipality"})
            assert answer.status == 201, await answer.text()
            assert [one["slug"] for one in (await answer.json())["alike"]] == others
        told = {one["slug"]: one["alike"] for one in (await (await client.get(place)).json())["participants"]}
        assert told["musterstadt"] == [{"slug": "double", "name": look}]
        assert (told["double"], told["other"]) == ([{"slug": "musterstadt", "name": names["musterstadt"]}], [])
        assert (await (await client.get(f"{place}/musterstadt")).json())["alike"] == told["musterstadt"]
