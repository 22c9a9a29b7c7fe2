"""The management surface for stolen keys: times and reasons are checked, the request names the DID."""

import pytest
from aiohttp.test_utils import TestClient, TestServer

from connector.api import routes
from connector.api.participants import ParticipantHandlers
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
