"""Over the management surface: which templates are offered, who could use what, and what nobody could use yet."""

import pytest

from tests.testkit.cities import COMPANY, MUNICIPALITY, Refused, Space

TOWN, NEIGHBOUR, FIRM = "musterstadt", "nachbardorf", "datenfirma"
BASE = f"/api/v1/participants/{TOWN}"


async def test_what_could_be_used_by_whom_is_known_before_it_is_published(space: Space) -> None:
    """>> templates, a rule, the offer made of it << the same answer; >> a rule that nobody could use << refused."""
    it = await space.city("it", {TOWN: MUNICIPALITY, NEIGHBOUR: MUNICIPALITY, FIRM: COMPANY})
    offered = {one["id"]: one["offered"] for one in (await it.api.get(f"{BASE}/templates"))["templates"]}
    assert offered["municipalities-only"]
    assert not offered["disaster"]

    rule = {"rule": "municipal-purpose", "slots": {"until": "31.12.2099"}}
    found = await it.api.post(f"{BASE}/audience", rule)
    assert found["text"]["de"] == "1 Kommune, 0 Firmen"
    assert [one["name"] for one in found["kinds"][0]["members"]] == ["Nachbardorf"]
    assert [one["permit"] for one in found["examples"]] == [True, False, False]

    made = await it.publish(TOWN)
    assert made["audience"]["de"] == "1 Kommune, 0 Firmen"
    again = await it.api.post(f"{BASE}/audience", {"offer": made["offer"]})
    assert again["text"] == found["text"]

    with pytest.raises(Refused) as unknown:
        await it.api.post(f"{BASE}/audience", {"offer": f"{made['offer']}0"})
    assert unknown.value.problem["code"] == "catalogue.no-offer"
    assert (await it.api.post(f"{BASE}/audience", {"rule": "disaster"}))["count"] == 0
    with pytest.raises(Refused) as alone:  # its light is red, so a draft goes to data protection, and says why it fails
        await it.api.post(f"{BASE}/datasets/{made['dataset'].rpartition('/')[2]}/offers", {"rule": "disaster"})
    assert alone.value.problem["code"] == "approvals.needed-publication"
