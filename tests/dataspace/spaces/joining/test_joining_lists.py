"""Lists of the spaces that were joined: what they bring, whom they know, and what is not believed of them."""

import contextlib
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from connector.dataspace.spaces.keeping import hints
from connector.dataspace.spaces.model import DAY_MS
from connector.foundation.errors import PeerError
from connector.identity.trust.members import space_lists
from connector.identity.trust.members.list_reader import ListReader
from connector.identity.trust.members.trust_list import TrustList
from tests.dataspace.spaces.conftest import (
    COUNTY,
    COUNTY_KIND,
    PEOPLE,
    TOWN,
    VILLAGE,
    County,
    Start,
    joined,
)
from tests.identity.trust.members.keepers import Keeper
from tests.testkit.cities import City, Refused
from tests.testkit.patience import PATIENCE_S


async def test_a_hint_has_the_list_looked_at_sooner(
    county: County, town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a new version << the authority tells its members, who have it before their next look."""
    await joined(town, TOWN, county)
    for city in (county.city, town):
        await city.stop_jobs()
    monkeypatch.setattr(hints, "TOTAL_S", PATIENCE_S)
    await county.invitations.invite(COUNTY, "Noch einer")
    await county.city.services.spaces.memberships.change(COUNTY, town.did(TOWN), "suspended", "Test", PEOPLE[0])
    await county.issue()
    await county.city.services.spaces.hints.work()
    await town.services.spaces.hints.work()
    listed = town.services.trust.anchor.entry(town.did(TOWN))
    assert listed is not None
    assert listed.state == "suspended"


async def test_two_authorities_recognise_each_other(county: County, town: City, start: Start) -> None:
    """>> a village in another space << a stranger; once both authorities recognise each other, a contract."""
    other = County(await start("other", "nachbarkreis", COUNTY_KIND), "nachbarkreis")
    theirs = await other.found()
    village = await start("village", VILLAGE)
    made = await village.publish(VILLAGE)
    await joined(town, TOWN, county)
    await joined(village, VILLAGE, other)
    with pytest.raises(Refused):
        await town.negotiate(TOWN, village.did(VILLAGE), made["dataset"])
    ours = await county.authority.description(COUNTY)
    await county.city.services.spaces.memberships.recognise(COUNTY, theirs, (), PEOPLE[0])
    await other.city.services.spaces.memberships.recognise("nachbarkreis", ours, (), PEOPLE[0])
    await county.issue()
    await other.issue()
    for city in (town, village):
        for _ in range(2):  # the list that recognises, then the recognised one
            await city.services.trust.listing.reload()
    negotiated = await town.negotiate(TOWN, village.did(VILLAGE), made["dataset"])
    assert negotiated["state"] == "FINALIZED"


async def test_an_offer_for_one_space_is_nobodys_in_another(county: County, town: City, start: Start) -> None:
    """>> a town in two spaces offers data for one of them << its county has a contract, a village of the other does not
    see them; without that both would."""
    other = County(await start("other", "nachbarkreis", COUNTY_KIND), "nachbarkreis")
    await other.found()
    village = await start("village", VILLAGE)
    ours = await joined(town, TOWN, county)
    await joined(town, TOWN, other)
    await joined(village, VILLAGE, other)
    for city in (county.city, town):
        await city.services.trust.listing.reload()
    wish = {"until": "31.12.2099", "space": ours.space}
    made = await town.publish(TOWN, visibility="eligible", slots=wish)
    with pytest.raises(Refused):
        await village.negotiate(VILLAGE, town.did(TOWN), made["dataset"])
    negotiated = await county.city.negotiate(COUNTY, town.did(TOWN), made["dataset"])
    assert negotiated["state"] == "FINALIZED"
    open_to_both = await town.publish(TOWN, name="b.csv", title="Beide")
    assert (await village.negotiate(VILLAGE, town.did(TOWN), open_to_both["dataset"]))["state"] == "FINALIZED"
    with pytest.raises(Refused):
        await town.publish(TOWN, name="c.csv", slots={"until": "31.12.2099", "space": "kreis"})


async def test_who_belongs_to_nothing_is_not_told_of_a_list_that_expired(county: County, town: City) -> None:
    """>> a negotiation and the pages of a process that has no list at all << that there is none."""
    made = await county.city.publish(COUNTY)
    with pytest.raises(Refused) as refused:
        await town.negotiate(TOWN, county.city.did(COUNTY), made["dataset"])
    assert refused.value.problem["code"] == "api.no-list"
    anchor = town.services.trust.anchor
    assert not anchor.stale(town.services.infra.clock.now())
    await joined(town, TOWN, county)
    assert anchor.stale(town.services.infra.clock.now() + 30 * DAY_MS)


@pytest.mark.threat("T18")
async def test_a_large_list_of_a_joined_space_holds_up_nobody(
    county: County, town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the authority that one participant joined serves a list of megabytes << read on a thread."""
    threads, read = [], ListReader.read

    def noted(reader: ListReader, jws: str) -> TrustList:
        threads.append(threading.current_thread())
        return read(reader, jws)

    monkeypatch.setattr(space_lists, "LARGE", 1_000)
    monkeypatch.setattr(ListReader, "read", noted)
    await joined(town, TOWN, county)
    assert threads
    assert threading.main_thread() not in threads


@pytest.mark.threat("T103")
async def test_a_list_that_is_rolled_back_or_forked_is_an_alarm_once(county: County, town: City) -> None:
    """>> the authority's database is brought back to an older day and goes on from there << the list that was known
    stays in force, also after it was read anew; the log of the member says so, each once."""
    await joined(town, TOWN, county)
    memberships, listing = county.city.services.spaces.memberships, town.services.trust.listing
    await memberships.change(COUNTY, town.did(TOWN), "suspended", "Test", PEOPLE[0])
    await county.issue()
    await listing.reload()
    await county.careless()
    await county.city.services.infra.db.write(COUNTY, older)
    for _ in range(2):
        await listing.reload()
    assert await alarms(town) == ["trust.list-rollback"]
    await memberships.change(COUNTY, town.did(TOWN), "active", "Test", PEOPLE[0])
    with contextlib.suppress(PeerError):  # the county itself knows better
        await county.issue()
    for _ in range(2):
        await listing.reload()
    assert await alarms(town) == ["trust.list-rollback", "trust.list-fork"]
    listed = town.services.trust.anchor.entry(town.did(TOWN))
    assert listed is not None
    assert listed.state == "suspended"


@pytest.mark.threat("T163")
async def test_bug_another_authority_that_names_our_space_raised_its_alarms_and_silenced_them(
    county: County, town: City, tmp_path: Path
) -> None:
    """>> somebody recognises a second key for the space that a town joined, whose holder shows older and forked lists
    << the town is told nothing of its space; once its own authority does so it is told of each."""
    one = await joined(town, TOWN, county)
    raised = town.services.spaces.alarms.raised
    own = next(pin for pin in town.services.trust.anchor.joined if pin.space == one.space)
    for code, since in (("trust.list-rollback", 0), ("trust.list-fork", 1)):
        await raised(replace(Keeper(tmp_path / code, "false").pin, space=one.space), code, since)
    assert await alarms(town) == []
    for code, since in (("trust.list-rollback", 0), ("trust.list-fork", 1)):
        await raised(own, code, since)
    assert await alarms(town) == ["trust.list-rollback", "trust.list-fork"]


def older(tx: Any) -> None:
    """A copy of the day before is restored: its newest version never was."""
    tx.run("DELETE FROM space_version WHERE version = (SELECT max(version) FROM space_version)")


async def alarms(city: City) -> list[str]:
    rows = await city.services.infra.db.read(
        TOWN, lambda tx: tx.all("SELECT record FROM audit_entry WHERE type = 'alarm' ORDER BY id")
    )
    return [json.loads(row["record"])["body"]["event"] for row in rows]
