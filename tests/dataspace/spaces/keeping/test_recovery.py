"""An authority that comes back from a backup: it asks its members, takes back what they hold, goes on above it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from connector.dataspace.spaces import member_store, recovery_store, store
from connector.dataspace.spaces.decision.taking_back import A_SECOND
from connector.dataspace.spaces.keeping.held_lists import Answers
from connector.dataspace.spaces.keeping.recovery import Found
from connector.foundation.errors import Mistake, Unavailable
from connector.foundation.storage.database import PROCESS
from connector.identity.trust.members import pins
from connector.identity.trust.members.list_reader import ListReader
from connector.identity.trust.members.trust_list import Anchor
from tests.cities.sharing import replicas
from tests.dataspace.spaces.backups import Backup
from tests.dataspace.spaces.conftest import COUNTY, COUNTY_KIND, PEOPLE, TOWN, UNLISTED, VILLAGE, County, Start, joined
from tests.identity.trust.members.keepers import Keeper
from tests.identity.trust.members.lists import NOW, entry
from tests.postgres import Cluster
from tests.testkit.cities import MUNICIPALITY, City, Refused, Space

pytestmark = pytest.mark.threat("T151")
BASE = f"/api/v1/participants/{COUNTY}/space/recovery"
HOUR_MS = 3_600_000


async def state(county: County) -> Found:
    return await county.city.services.spaces.recovery.state(COUNTY)


async def suspend(county: County, did: str, wanted: Any = "suspended") -> None:
    await county.city.services.spaces.memberships.change(COUNTY, did, wanted, "Test", PEOPLE[0])


async def newest(county: County) -> int:
    found = await county.city.services.infra.db.read(COUNTY, store.newest_version, COUNTY, signed=True)
    return 0 if found is None else found.version


async def members(county: County) -> dict[str, str]:
    found = await county.city.services.infra.db.read(COUNTY, member_store.members, COUNTY)
    return {one.did: one.state for one in found}


async def hosted(county: County) -> Any:
    return await county.city.services.participants.get(COUNTY)


async def alarms(city: City, slug: str) -> int:
    rows = await city.services.infra.db.read(
        slug, lambda tx: tx.all("SELECT id FROM audit_entry WHERE type = 'alarm' ORDER BY id")
    )
    return len(rows)


async def test_bug_suspensions_and_admissions_are_taken_back_after_a_restore(
    county: County, town: City, start: Start
) -> None:
    """>> a backup, then a village is admitted and the town suspended; the backup is put back << no list is served or
    made, nothing is changed; a person reads who it is about and agrees: all of it is there, above the newest number,
    and members take the next list without an alarm."""
    await joined(town, TOWN, county)
    await county.city.stop_jobs()
    backup = await Backup(county).made()
    village = await start("village", VILLAGE)
    await joined(village, VILLAGE, county)
    await suspend(county, town.did(TOWN))
    groups = county.city.services.spaces.groups
    await groups.put(COUNTY, "wald", {"de": "Wald"}, "", PEOPLE[0])
    await groups.ask(COUNTY, "wald", county.city.did(COUNTY), PEOPLE[0])
    await county.issue()
    await town.services.trust.listing.reload()
    before, lost = await newest(county), await members(county)
    await backup.put_back()
    own = await newest(county)
    assert not await county.issuer.issue(await hosted(county))
    found = await state(county)
    assert found.recovery is not None
    assert (found.recovery.state, found.recovery.own, found.recovery.found) == ("found", own, before)
    assert {(one.did, one.what) for one in found.changes} >= {
        (town.did(TOWN), "suspended"),
        (village.did(VILLAGE), "new"),
    }
    with pytest.raises(Unavailable, match=r"spaces\.restored"):
        await suspend(county, town.did(TOWN))
    said = await county.authority.description(COUNTY)
    assert (await town.services.infra.http.get(said.list, limit=1 << 20)).status == 503
    recovery = county.city.services.spaces.recovery
    recovery._looked.clear()  # it dies, and is started again
    assert not await county.issuer.issue(await hosted(county))
    with pytest.raises(Mistake, match="recovery-changed"):
        await recovery.settle(COUNTY, before - 1, PEOPLE[0])
    await recovery.settle(COUNTY, before, PEOPLE[0])
    with pytest.raises(Mistake, match="not-restored"):
        await recovery.settle(COUNTY, before, PEOPLE[0])
    assert await members(county) == lost
    (group,) = await groups.all(COUNTY)
    assert [(one.did, one.state) for one in group.grouped] == [(county.city.did(COUNTY), "member")]
    recovery._looked.clear()  # it dies before the list is made
    await county.issue()
    assert await newest(county) > before
    for city, slug in ((town, TOWN), (village, VILLAGE)):
        await city.services.trust.listing.reload()
        listed = city.services.trust.anchor.entry(city.did(slug))
        assert listed is not None
        assert listed.state == ("suspended" if slug == TOWN else "active")
        assert await alarms(city, slug) == 0


async def test_bug_an_authority_whose_own_list_is_configured_noticed_no_restore(county: County, town: City) -> None:
    """>> the process of the authority goes by its list as the configured one, too; a town is suspended, and a copy of
    the day before is put back << the list that the town holds is found, and nothing goes on before a person agrees."""
    await joined(town, TOWN, county)
    await county.city.stop_jobs()
    backup = await Backup(county).made()
    await suspend(county, town.did(TOWN))
    await county.issue()
    await town.services.trust.listing.reload()
    before = await newest(county)
    await backup.put_back()
    anchors = county.city.services.trust.anchor
    key = dict(anchors.joined[0].jwk)
    anchors.home, anchors.authority_jwk = Anchor(key), key
    listing = county.city.services.trust.listing
    listing._anchor, listing._reader = anchors, ListReader(key)
    anchors.pin(anchors.joined)
    assert not await county.issuer.issue(await hosted(county))
    found = await state(county)
    assert found.recovery is not None
    assert (found.recovery.state, found.recovery.found) == ("found", before)
    listed = anchors.home.entry(town.did(TOWN))
    assert listed is not None
    assert listed.state == "suspended"
    await county.city.services.spaces.recovery.settle(COUNTY, before, PEOPLE[0])
    assert (await members(county))[town.did(TOWN)] == "suspended"


async def test_bug_a_number_that_was_out_is_never_given_again(county: County) -> None:
    """>> a database that says that it was put back, again and again, and nobody knows of a newer list << none is
    served until a person says so, over the API; then each number is one that no list ever had."""
    await county.city.stop_jobs()
    db, api = county.city.services.infra.db, county.city.api
    assert (await api.get(BASE))["state"] == "none"
    backup, issued = await Backup(county).made(), [await newest(county)]
    for _ in range(3):
        await backup.put_back()
        await db.write(COUNTY, recovery_store.put_back)
        assert not await county.issuer.issue(await hosted(county))
        shown = await api.get(BASE)
        assert (shown["state"], shown["own"], shown["found"]) == ("asking", issued[0], 0)
        with pytest.raises(Refused) as refused:
            await api.post(BASE, {"version": 1, "who": PEOPLE[0]})
        assert refused.value.problem["code"] == "spaces.recovery-changed"
        assert (await api.post(BASE, {"version": 0, "who": PEOPLE[0]}))["state"] == "settled"
        await county.issue()
        issued.append(await newest(county))
        for row in backup._rows["space"]:
            row["created_at"] -= HOUR_MS  # time goes by
    assert issued == sorted(set(issued))
    assert issued[3] - issued[2] >= A_SECOND * HOUR_MS // 1000


async def test_who_does_not_answer_may_hold_a_newer_list(county: County, town: City) -> None:
    """>> a member cannot be reached << a person has to say that it goes on all the same."""
    await joined(town, TOWN, county)
    await county.city.stop_jobs()
    await county.city.services.infra.db.write(COUNTY, recovery_store.put_back)
    recovery = county.city.services.spaces.recovery

    async def deaf(*_: object) -> Answers:
        return Answers(version=1, asked={town.did(TOWN)}, away=(town.did(TOWN),))

    asked, recovery._held.ask = recovery._held.ask, deaf  # type: ignore[method-assign]
    await recovery.look(await hosted(county))
    with pytest.raises(Mistake, match="recovery-away"):
        await recovery.settle(COUNTY, 0, PEOPLE[0])
    recovery._held.ask = asked  # type: ignore[method-assign]
    await recovery.work()
    found = (await state(county)).recovery
    assert found is not None
    assert (found.state, found.asked.away, found.asked.answered) == ("asking", (), 1)
    await recovery.settle(COUNTY, 0, PEOPLE[0])


async def test_a_member_shows_the_newest_list_that_it_holds(county: County, start: Start) -> None:
    """>> anybody asks for a list beyond a number << it, where there is one; nothing of a key that is not known, and
    nothing at the root of a neighbour that has not joined that space, or has asked to and is not named."""
    town = await start("town", TOWN, nachbar=MUNICIPALITY)
    await joined(town, TOWN, county)
    said = await county.authority.description(COUNTY)
    key, root, http = said.authority.rpartition(":")[2], town.root(TOWN), town.services.infra.http
    version = town.services.trust.anchor.list_of(said.authority).version  # type: ignore[union-attr]
    statuses = [
        (await http.get(f"{root}/space/held/{path}", limit=1 << 20)).status
        for path in (f"{key}/0", f"{key}/{version}", f"{key}/{2**53 - 1}", "x/0", f"{key}/-1", f"{key}/{2**53}")
    ]
    assert statuses == [200, 204, 204, 204, 404, 404]
    neighbour, listing = f"{town.root('nachbar')}/space/held/{key}/0", town.services.trust.listing
    assert (await http.get(neighbour, limit=1 << 20)).status == 204
    pin = replace(town.services.trust.anchor.joined[0], members=frozenset())
    await town.services.infra.db.write(PROCESS, pins.pin, town.did("nachbar"), pin)
    await listing.catch_up()
    assert (await http.get(neighbour, limit=1 << 20)).status == 204


@pytest.mark.threat("T166")
async def test_bug_whoever_named_an_authority_as_keeper_of_another_space_stopped_its_lists(
    county: County, tmp_path: Path
) -> None:
    """>> a participant that moved here brings a space of another key that names this authority as its keeper, with a
    list numbered 999999; and names this authority's key as kept by somebody else << neither is a newer list of ours:
    lists are made, the process finds its own, and what is wrong with the other one is no alarm here."""
    db, here = county.city.services.infra.db, await hosted(county)
    authority, false = (await county.authority.description(COUNTY)).authority, Keeper(tmp_path, "false")
    jws, tenant = false.says(entry("town", NOW), version=999_999), frozenset({"did:web:tenant.de"})
    await db.write(PROCESS, pins.pin, *tenant, replace(false.pin, did=here.participant.did, members=tenant))
    await db.write(PROCESS, pins.keep, false.key.id, 999_999, jws)
    own = next(one for one in county.city.services.trust.anchor.joined if one.authority == authority)
    await db.write(PROCESS, pins.pin, *tenant, replace(own, did="did:web:tenant.de", members=tenant))
    await county.city.services.trust.listing.catch_up()
    assert county.city.services.trust.anchor.version_of(false.key.id) == 999_999
    assert await county.city.services.spaces.recovery.settled(here) is True
    assert (await state(county)).recovery is None
    before = await alarms(county.city, COUNTY)
    for pin, more in ((replace(false.pin, did=here.participant.did), 0), (own, 1)):
        await county.city.services.spaces.alarms.raised(pin, "trust.list-rollback", 0)
        assert await alarms(county.city, COUNTY) == before + more
    found = await county.issuer.newest(authority)
    assert found == county.city.services.trust.anchor.list_of(authority).jws  # type: ignore[union-attr]


async def test_two_replicas_recover_once(cluster: Cluster, space: Space, town: City) -> None:
    """>> both processes of an authority on one PostgreSQL look and settle at once << one of them does; neither serves
    a list before, and both go by the one that follows."""
    async with replicas(cluster, space, {COUNTY: COUNTY_KIND}, UNLISTED) as (one, two):
        county, other = County(one), County(two)
        await county.found()
        await joined(town, TOWN, county)
        for each in (one, two, town):  # else the member may look while the backup is put back below a running process
            await each.stop_jobs()
        backup = await Backup(county, other).made()
        await suspend(county, town.did(TOWN))
        await county.issue()
        await town.services.trust.listing.reload()
        before = await newest(county)
        await backup.put_back()
        await asyncio.gather(*(each.issuer.work() for each in (county, other)))
        assert await newest(county) < before
        said = await county.authority.description(COUNTY)
        assert [await each.issuer.newest(said.authority) for each in (county, other)] == [None, None]
        settling = (each.city.services.spaces.recovery.settle(COUNTY, before, PEOPLE[0]) for each in (county, other))
        done = await asyncio.gather(*settling, return_exceptions=True)
        assert sorted(type(one).__name__ for one in done) == ["Mistake", "Recovery"]
        await asyncio.gather(county.issuer.work(), other.issuer.work())
        await town.services.trust.listing.reload()
        listed = town.services.trust.anchor.list_of(said.authority)
        assert listed is not None
        assert listed.version == await newest(other) > before
        assert (await members(other))[town.did(TOWN)] == "suspended"
        assert await alarms(town, TOWN) == 0
