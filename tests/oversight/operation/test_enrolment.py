"""In a development space the trust list follows our keys, also if the process died between the two."""

import asyncio

import pytest
from msgspec.structs import replace

from connector.foundation.clock import rfc3339
from connector.identity.trust.members.trust_list import Entry
from connector.oversight.operation import enrolment
from tests.testkit.cities import MUNICIPALITY, City, Space

TOWN, DAY = "musterstadt", 86_400_000
pytestmark = pytest.mark.threat("T57")


def listed(city: City) -> Entry:
    entry = city.services.trust.anchor.entry(city.did(TOWN))
    assert entry is not None
    return entry


def unlisted(city: City) -> list[str]:
    """Keys in use that the list does not name as peers and witnesses look for them."""
    entry = listed(city)
    named = {*entry.keys, *(key["kid"] for key in entry.log_keys)}
    hosted = city.services.participants.held(TOWN)
    thumbs = [(one.purpose, one.kid.partition("#")[2]) for one in hosted.keys if one.state == "active"]
    return [purpose for purpose, thumb in thumbs if purpose in ("peer", "seal", "log") and thumb not in named]


async def told(space: Space, city: City, entry: Entry) -> None:
    """What the authority says of the town by its own hand."""
    assert city.services.space is not None
    await asyncio.to_thread(city.services.space.enlist, lambda begin: [entry])
    await city.services.trust.listing.reload()


async def test_keys_changed_by_a_process_that_died_are_listed_at_the_next_start(space: Space) -> None:
    """Past bug: >> rotate, revoke, then death before the list is written << unlisted; started again << listed."""
    async with space.running("town", {TOWN: MUNICIPALITY}) as town:
        assert unlisted(town) == []
        before = town.services.trust.anchor.version
    async with space.running("town", {}) as town:
        assert town.services.trust.anchor.version == before, "nothing to tell: no new list at each start"
        await told(space, town, replace(listed(town), groups=("urn:group:1",)))
        first, stolen = listed(town), town.services.participants.held(TOWN).seal.kid.partition("#")[2]
        await asyncio.sleep(0.002)
        await town.services.participants.revoke(TOWN, "seal", space.clock.now() - 1, "Rechner gestohlen")
        for purpose in ("peer", "log"):
            await town.services.participants.rotate(TOWN, purpose)
        assert set(unlisted(town)) == {"peer", "log", "seal"}
    async with space.running("town", {}) as town:
        assert unlisted(town) == []
        now = listed(town)
        assert (now.groups, now.valid_from) == (first.groups, first.valid_from)
        assert stolen in first.keys
        assert stolen not in now.keys
        version = town.services.trust.anchor.version
    async with space.running("town", {}) as town:
        assert town.services.trust.anchor.version == version


async def test_who_was_added_by_a_process_that_died_is_listed_at_the_next_start(space: Space) -> None:
    async with space.running("town", {}) as town:
        await town.services.participants.add(TOWN, "Musterstadt", MUNICIPALITY, "", None)
        assert town.services.trust.anchor.entry(town.did(TOWN)) is None
    async with space.running("town", {}) as town:
        assert listed(town).admitted(space.clock.now())
        assert [one.operator for one in town.services.trust.anchor.current.witnesses] == ["Musterstadt"]


async def test_a_start_admits_nobody_again_whose_membership_has_ended(space: Space) -> None:
    """>> struck off, then a key changes and the process dies << started again: the list stays as it is."""
    async with space.running("town", {TOWN: MUNICIPALITY}) as town:
        await told(space, town, replace(listed(town), valid_until=rfc3339(space.clock.now() - DAY)))
        version = town.services.trust.anchor.version
        await town.services.participants.rotate(TOWN, "log")
    async with space.running("town", {}) as town:
        assert (town.services.trust.anchor.version, unlisted(town)) == (version, ["log"])


async def test_a_list_that_cannot_be_written_stops_no_start(space: Space) -> None:
    async with space.running("town", {TOWN: MUNICIPALITY}) as town:
        await town.services.participants.rotate(TOWN, "log")
    place = space.folder / "trust" / "authority.jwk.enc"
    place.rename(place.with_name("away"))
    async with space.running("town", {}) as town:
        assert unlisted(town) == ["log"]
    place.with_name("away").rename(place)
    async with space.running("town", {}) as town:
        assert unlisted(town) == []


async def test_towns_that_are_added_at_once_share_lists(space: Space) -> None:
    """>> twelve at the same time << all are listed, by far fewer lists than towns."""
    city = await space.city("town", {TOWN: MUNICIPALITY})
    before = city.services.trust.anchor.version
    names = [f"dorf{number}" for number in range(12)]
    adding = (city.api.post("/api/v1/participants", {"slug": one, "name": one, "kind": MUNICIPALITY}) for one in names)
    made = await asyncio.gather(*adding)
    assert all(city.services.trust.anchor.entry(one["did"]) is not None for one in made)
    assert city.services.trust.anchor.version - before <= 6


async def test_everybody_who_waits_for_a_list_that_cannot_be_written_hears_of_it(space: Space) -> None:
    city = await space.city("town", {TOWN: MUNICIPALITY})
    listing, folder = city.services.operation.enrolment, space.folder / "trust"
    folder.rename(folder.with_name("away"))
    try:
        told = await asyncio.gather(*(listing.enlist(TOWN) for _ in range(3)), return_exceptions=True)
    finally:
        folder.with_name("away").rename(folder)
    assert [type(one) for one in told] == [FileNotFoundError] * 3
    await listing.enlist(TOWN)
    assert unlisted(city) == []


async def test_newcomers_to_a_large_list_share_one_a_second(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    """>> a list that counts as large; five more, one after the other << no list is written for them until somebody
    wants to see it; then one names all five."""
    monkeypatch.setattr(enrolment, "LARGE", 1)
    monkeypatch.setattr(enrolment, "PAUSE_S", 3600.0)
    city = await space.city("town", {TOWN: MUNICIPALITY})
    await city.api.post("/api/v1/trust/reload")
    before, names = city.services.trust.anchor.version, [f"dorf{number}" for number in range(5)]
    made = [
        await city.api.post("/api/v1/participants", {"slug": one, "name": one, "kind": MUNICIPALITY}) for one in names
    ]
    assert city.services.trust.anchor.version == before
    await city.api.post("/api/v1/trust/reload")
    assert city.services.trust.anchor.version == before + 1
    assert all(city.services.trust.anchor.entry(one["did"]) is not None for one in made)
    await city.services.participants.rotate(TOWN, "peer")
    await city.services.operation.enrolment.enlist(TOWN)
    assert unlisted(city) == [], "who changes a key waits for the list"


async def test_who_waits_for_a_list_is_on_it_when_the_process_ends(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrolment, "LARGE", 0)
    monkeypatch.setattr(enrolment, "PAUSE_S", 3600.0)
    async with space.running("town", {TOWN: MUNICIPALITY}) as town:
        did = town.did(TOWN)
        assert town.services.trust.anchor.entry(did) is None
    async with space.running("other", {}) as other:
        assert other.services.trust.anchor.entry(did) is not None
