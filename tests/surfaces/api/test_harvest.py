"""Imports over the management surface, with a key that may publish."""

import pytest

from tests.data.approvals.addresses import Client, Walk
from tests.data.approvals.doors import TOWN, Rule, World
from tests.data.harvest.imports import catalogue
from tests.testkit.towns import Towns

pytestmark = pytest.mark.threat("T165")


async def test_a_key_chooses_that_more_waits_and_asks_for_less(towns: Towns, aiohttp_client: Client) -> None:
    """>> a run that chooses to wait; the choice that less waits << it waits for a steward at the desk, asked once; the
    sources say which, and what waits where; a run may not choose the other, a source that is not there is unknown."""
    w = World(towns, Rule())
    await w.begin()
    walk = Walk(w)
    await walk.begin(aiohttp_client)
    wait, upload = {"?": "?name=third.ttl&new_records=wait"}, "POST P/imports"
    assert await walk.sends((upload, wait, catalogue("fresh"))) == ""
    listed = {one["source"]: one for one in (await walk.gets("imports"))["sources"]}
    third = listed["third.ttl"]
    assert (third["new_records"], third["waiting"], third["published"]) == ("wait", 1, 0)
    assert {one["new_records"] for name, one in listed.items() if name != "third.ttl"} == {"publish"}
    (row,) = await towns.db.read(TOWN, towns.approvals.waiting, TOWN)
    assert third["approval"] == row.id
    less = {"source": "third.ttl", "new_records": "publish"}
    for _ in range(2):
        assert await walk.sends(("POST P/imports/choice", {}, less)) == ""
    asked = [one.id for one in await towns.db.read(TOWN, towns.approvals.waiting, TOWN) if one.id != row.id]
    assert len(asked) == 1
    assert (await walk.gets("imports"))["sources"] == list(listed.values())
    assert await walk.sends(("POST P/imports/choice", {}, {**less, "source": "nowhere"})) == "harvest.no-source"
    assert await walk.sends((upload, {"?": "?name=x.ttl&new_records=publish"}, b"x")) == "harvest.new-records"
    assert not [one for one in await w.seen() if one[1] == "https://town.example/fresh"]
