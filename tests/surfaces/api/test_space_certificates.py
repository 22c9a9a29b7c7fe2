"""Certificates and stolen keys over the management surface: >> what makes no sense << refused, and why."""

import asyncio

import pytest

from connector.cli.frame.client import Api, Problem
from tests.dataspace.spaces.conftest import COUNTY, COUNTY_KIND, PEOPLE, TOWN, UNLISTED, County
from tests.testkit.cities import MUNICIPALITY, Space

SEAL, NOON = "a" * 64, "2026-01-01T12:00:00Z"


@pytest.mark.threat("T152")
async def test_only_what_is_known_is_decided_by_who_may(space: Space) -> None:
    county = County(await space.city("county", {COUNTY: COUNTY_KIND, TOWN: MUNICIPALITY}, UNLISTED))
    await county.found()
    did, api = county.city.did(COUNTY), Api(county.city.settings.api.socket)
    cases = [
        (COUNTY, "approve", {"did": did, "sha256": SEAL, "who": PEOPLE[0]}, "spaces.no-certificate"),
        (COUNTY, "refuse", {"did": did, "sha256": SEAL, "who": PEOPLE[0]}, "spaces.no-certificate"),
        (COUNTY, "approve", {"did": "did:web:x", "sha256": SEAL, "who": PEOPLE[0]}, "spaces.no-member"),
        (COUNTY, "approve", {"did": did, "sha256": SEAL, "who": ""}, "spaces.who"),
        (COUNTY, "strike", {"did": did, "key": SEAL, "since": "", "who": PEOPLE[0]}, "spaces.strike-time"),
        (COUNTY, "strike", {"did": did, "key": SEAL, "since": NOON, "who": PEOPLE[0]}, "spaces.strike"),
        (COUNTY, "strike", {"did": did, "key": SEAL, "since": NOON, "who": ""}, "spaces.who"),
        (TOWN, "strike", {"did": did, "key": SEAL, "since": NOON, "who": PEOPLE[0]}, "spaces.none"),
    ]
    for slug, step, body, code in cases:
        with pytest.raises(Problem) as refused:
            await asyncio.to_thread(api.post, "participants", slug, "space", "certificates", step, body=body)
        assert refused.value.body["code"] == code, (step, body)
    shown = await asyncio.to_thread(api.get, "participants", COUNTY, "space", "certificates")
    assert shown == {"certificates": []}
