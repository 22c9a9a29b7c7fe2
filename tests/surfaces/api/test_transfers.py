"""Transfers over the management surface: both ways, listed, suspended, resumed and ended; what cannot be is said."""

from typing import Any

import pytest

from tests.testkit.cities import MUNICIPALITY, City, Refused, Space

BASE = "/api/v1/participants/nachbardorf/transfers"


async def refused(call: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as refusal:
        await call
    return refusal.value.status, refusal.value.problem["code"]


@pytest.fixture
async def city(space: Space) -> City:
    return await space.city("it", {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY})


async def agreed(city: City) -> str:
    made = await city.publish("musterstadt")
    signed = await city.negotiate("nachbardorf", city.did("musterstadt"), made["dataset"])
    assert signed["state"] == "FINALIZED"
    return str(signed["agreement"])


async def ended(city: City, wish: dict[str, str]) -> dict[str, Any]:
    started = await city.api.post(BASE, wish)
    found: dict[str, Any] = await city.api.get(f"{BASE}/{started['id']}", wait="60")
    return found


async def test_fetched_and_sent_are_the_same_file(city: City) -> None:
    """>> pull (also unsaid) and push << COMPLETED, received, the same content to download."""
    agreement = await agreed(city)
    for wish in ({}, {"mode": "pull"}, {"mode": "push"}):
        found = await ended(city, {"agreement": agreement, **wish})
        assert (found["state"], found["outcome"]) == ("COMPLETED", "received")
        assert found["format"] == f"HttpData-{wish.get('mode', 'pull').upper()}"
        assert await city.api.get(f"{BASE}/{found['id']}/content") == b"a;b\n1;2\n"
    assert await refused(city.api.post(BASE, {"agreement": agreement, "mode": "carry"})) == (400, "api.body")


async def test_the_list_has_the_newest_first(city: City) -> None:
    """>> list, list of an agreement, list before one << newest first, of both roles; a bare UUID will do."""
    first, second = await agreed(city), await agreed(city)
    made = [(await ended(city, {"agreement": one}))["id"] for one in (first, second, first)]

    async def listed(slug: str = "nachbardorf", **query: str) -> list[str]:
        found = await city.api.get(f"/api/v1/participants/{slug}/transfers", **query)
        return [one["id"] for one in found["transfers"]]

    assert await listed() == made[::-1]
    assert await listed(agreement=first) == [made[2], made[0]]
    assert await listed(agreement=second.removeprefix("urn:uuid:")) == [made[1]]
    assert await listed(before=made[1]) == [made[0]]
    assert await listed(before="urn:uuid:0") == []
    theirs = await city.api.get("/api/v1/participants/musterstadt/transfers")
    assert [one["role"] for one in theirs["transfers"]] == ["provider"] * 3
    assert not set(await listed("musterstadt")) & set(made)
    assert await refused(listed(agreement="urn:uuid:0")) == (404, "contracts.no-agreement")


async def test_what_has_ended_cannot_rest(city: City) -> None:
    """>> suspend, resume << 400 in words; >> terminate << nothing changes; an unknown one << 404."""
    found = await ended(city, {"agreement": await agreed(city)})
    place = f"{BASE}/{found['id'].removeprefix('urn:uuid:')}"
    assert await refused(city.api.post(f"{place}/suspend")) == (400, "transfer.not-now")
    assert await refused(city.api.post(f"{place}/resume")) == (400, "transfer.not-now")
    assert (await city.api.post(f"{place}/terminate", {"reason": "Schluss"}))["state"] == "COMPLETED"
    for what in ("suspend", "resume", "terminate"):
        assert await refused(city.api.post(f"{BASE}/urn:uuid:0/{what}")) == (404, "transfer.unknown")
        assert await refused(city.api.post(f"{place}/{what}", {"reason": 7})) == (400, "api.body")


async def test_a_reason_reaches_the_other_side_as_plain_text(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> terminate with a sentence that would steer a terminal << refused; with a line break << one line there."""

    async def nothing(row: object) -> None:
        pass

    monkeypatch.setitem(city.services.schedule.worker._handlers, "pull", nothing)
    started = await city.api.post(BASE, {"agreement": await agreed(city)})
    with pytest.raises(Refused) as refused:
        await city.api.post(f"{BASE}/{started['id']}/terminate", {"reason": "Schluss\x1b[2J\njetzt"})
    assert refused.value.status == 400
    said = await city.api.post(f"{BASE}/{started['id']}/terminate", {"reason": "Schluss\njetzt"})
    assert said["reason"]["de"] == "Schluss jetzt"
