"""Keys of a member or an applicant change: its authorities hear of it, by a signed request."""

import asyncio
from typing import Any

import pytest

from connector.foundation.clock import FakeClock, SystemClock
from connector.foundation.errors import Unavailable
from tests.dataspace.spaces.conftest import (
    COUNTY,
    COUNTY_KIND,
    PEOPLE,
    TOWN,
    County,
    Start,
    applied,
    joined,
)
from tests.testkit.cities import City, Space
from tests.testkit.patience import eventually_said


async def test_new_keys_reach_the_list_by_a_signed_request(county: County, town: City) -> None:
    """>> the key of tokens is stolen and replaced << the request is signed by the key of seals, and the list names the
    new one."""
    one = await joined(town, TOWN, county)
    await town.stop_jobs()
    await town.services.spaces.joining.work()
    hosted = await town.services.participants.get(TOWN)
    kid, now = hosted.signers["peer"].kid, town.services.infra.clock.now()
    hosted = await town.services.participants.revoke(TOWN, "peer", now - 60_000, "gestohlen", kid)
    await town.services.spaces.joining.tell_keys(hosted)
    await county.issue()
    listed = county.city.services.trust.anchor.entry(town.did(TOWN))
    assert listed is not None
    fresh = hosted.signers["peer"].kid.partition("#")[2]
    assert fresh in listed.keys
    assert kid.partition("#")[2] not in listed.keys
    (after,) = await town.services.spaces.joining.all(TOWN)
    assert (after.space, after.told != "") == (one.space, True)


async def test_other_keys_are_told_with_the_next_tick(county: County, town: City) -> None:
    """>> a key is exchanged << its authority has it at once, although nobody who waits would be asked for yet."""
    await joined(town, TOWN, county)
    joining = town.services.spaces.joining
    await town.stop_jobs()
    await joining.tick()
    await town.services.participants.rotate(TOWN, "peer")
    await joining.tick()
    key = (await town.services.participants.get(TOWN)).signers["peer"]
    said = {one.did: one.keys.keys for one in await county.city.services.spaces.memberships.all(COUNTY)}
    assert key.kid.rpartition("#")[2] in said[town.did(TOWN)]


@pytest.mark.threat("T105")
async def test_an_authority_that_fails_keeps_no_other_from_new_keys(county: County, town: City, start: Start) -> None:
    """>> a key is stolen; one of two authorities is away << the other one hears of it, and that one later."""
    other = County(await start("other", "nachbarkreis", COUNTY_KIND), "nachbarkreis")
    await other.found()
    await joined(town, TOWN, county)
    await joined(town, TOWN, other)
    await town.stop_jobs()
    joining = town.services.spaces.joining
    await joining.work()
    now, hosted = town.services.infra.clock.now(), await town.services.participants.get(TOWN)
    hosted = await town.services.participants.revoke(
        TOWN, "peer", now - 60_000, "gestohlen", hosted.signers["peer"].kid
    )
    told = {one.space: one.told for one in await joining.all(TOWN)}
    first = (await joining.all(TOWN))[0].space
    request = joining.request

    async def asked(of: Any, one: Any, said: Any) -> None:
        if one.space == first:
            raise Unavailable("http.unreachable")
        await request(of, one, said)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joining, "request", asked)
        with pytest.raises(Unavailable):
            await joining.tell_keys(hosted)
    assert {one.space for one in await joining.all(TOWN) if one.told != told[one.space]} == told.keys() - {first}
    await joining.tell_keys(hosted)
    assert all(one.told != told[one.space] for one in await joining.all(TOWN))


@pytest.mark.threat("T105")
@pytest.mark.parametrize("hanging", [0, 1])
async def test_bug_an_authority_that_hangs_kept_others_from_new_keys(
    hanging: int, county: County, town: City, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a key is exchanged; one of two authorities does not answer << the other one has it meanwhile."""
    other = County(await start("other", "nachbarkreis", COUNTY_KIND), "nachbarkreis")
    await other.found()
    for one in (county, other):
        await joined(town, TOWN, one)
    await town.stop_jobs()
    joining = town.services.spaces.joining
    await joining.work()
    told = {one.space: one.told for one in await joining.all(TOWN)}
    hangs, request = (await joining.all(TOWN))[hanging].space, joining.request

    async def asked(of: Any, one: Any, said: Any) -> None:
        if one.space == hangs:
            await asyncio.Event().wait()
        await request(of, one, said)

    monkeypatch.setattr(joining, "request", asked)
    await town.services.participants.rotate(TOWN, "peer")
    round_ = asyncio.create_task(joining.work())

    async def heard() -> bool:
        return {one.space for one in await joining.all(TOWN) if one.told != told[one.space]} == told.keys() - {hangs}

    await eventually_said(heard)
    round_.cancel()
    await asyncio.gather(round_, return_exceptions=True)


@pytest.mark.threat("T102")
async def test_an_applicant_whose_key_was_stolen_meanwhile_becomes_a_member_with_the_new_one(
    county: County, town: City
) -> None:
    """>> revoked between application and approval << it reads that it is a member, and the list names the new key."""
    one = await applied(town, TOWN, await county.invite(), county)
    hosted, now = await town.services.participants.get(TOWN), town.services.infra.clock.now()
    stolen = hosted.signers["peer"].kid
    hosted = await town.services.participants.revoke(TOWN, "peer", now - 60_000, "gestohlen", stolen)
    await county.admit(one)
    new, old = (kid.partition("#")[2] for kid in (hosted.signers["peer"].kid, stolen))

    async def listed() -> bool:
        """Told that it is a member, it tells its keys; a key that was just looked for in vain has to wait."""
        await town.services.spaces.joining.work()
        await county.issue()
        entry = county.city.services.trust.anchor.entry(town.did(TOWN))
        return entry is not None and new in entry.keys and old not in entry.keys

    await eventually_said(listed)


@pytest.mark.threat("T102")
async def test_who_lost_all_its_keys_comes_back_by_an_invitation(space: Space, start: Start) -> None:
    """>> no key that the list names is left << expelled and invited anew, as the page for authorities says; the people
    who decide see that the keys are not those that were known."""
    clock = FakeClock(SystemClock().now())
    space.clock = clock
    county, town = County(await start("county", COUNTY, COUNTY_KIND)), await start("town", TOWN)
    await county.found()
    await joined(town, TOWN, county)
    clock.advance(3_600_000)
    hosted = await town.services.participants.get(TOWN)
    revoke, since = town.services.participants.revoke, clock.now() - 60_000
    await revoke(TOWN, "peer", since, "verloren", hosted.signers["peer"].kid)
    await revoke(TOWN, "seal", since, "verloren", hosted.seal.kid)
    await county.city.services.spaces.memberships.change(COUNTY, town.did(TOWN), "expelled", "Test", PEOPLE[0])
    await county.issue()
    await town.services.trust.listing.reload()
    again = await applied(town, TOWN, await county.invite(), county)
    assert (again.state, again.reason) == ("pending", "")
    seen = await county.applications.get(COUNTY, again.application)
    assert [check.good for check in seen.checks if check.name == "keys"] == [False]
    await county.admit(again)
    assert (await town.services.spaces.joining.progress(TOWN, again.space)).state == "member"
