"""A town becomes part of another one: it works at that one's provider, both say so, and the list says it to all."""

import asyncio
import inspect
import re
from typing import Any

import pytest

from connector.app.on_demand import on_demand
from connector.dataspace.spaces.keeping import listing
from connector.dataspace.spaces.keeping.authority import SpaceAuthority
from connector.dataspace.spaces.model import Space as SpaceRow
from connector.foundation.errors import PeerError
from connector.foundation.storage.database import Tx
from connector.identity.trust.members.roots import roots_pem
from connector.verify.bundle import verify_bundle
from connector.verify.report import Report
from tests.cities.sharing import replicas
from tests.dataspace.spaces.conftest import COUNTY, COUNTY_KIND, PEOPLE, UNLISTED, County, Start, all_joined, joined
from tests.dataspace.spaces.mergers import (
    DAY,
    PART,
    PARTNER,
    WHOLE,
    approve,
    carried,
    claim,
    listed,
    merged,
    say,
)
from tests.postgres import Cluster
from tests.testkit.cities import MUNICIPALITY, City, Refused, Space
from tests.testkit.patience import eventually


@pytest.fixture
async def part(start: Start) -> City:
    return await start("towns", PART, **{WHOLE: MUNICIPALITY})


@pytest.fixture
async def whole(part: City) -> City:
    """At the part's provider: what an authority is told does not hang on it."""
    return part


@pytest.fixture
async def partner(start: Start) -> City:
    return await start("partner", PARTNER)


async def bundle(city: City, slug: str, agreement: str) -> bytes:
    uuid = agreement.removeprefix("urn:uuid:")
    found: bytes = await city.api.get(f"/api/v1/participants/{slug}/agreements/{uuid}/evidence")
    return found


async def roots_of(county: County, space: Space) -> bytes:
    """What an auditor has: the CA of seals, and the key of the space."""
    said = await county.authority.description(COUNTY)
    (seal_ca,) = re.findall(rb"-----BEGIN CERTIFICATE.+?END CERTIFICATE-----\n", space.roots, re.DOTALL)
    return roots_pem([seal_ca.decode()], said.key).encode()


def judged(data: bytes, roots: bytes, beside: bytes | None = None) -> Report:
    report = verify_bundle(data, roots, "en", beside=beside)
    assert report.holds_apart_from_time, [one.sentence for one in report.checks if one.code]
    return report


async def test_a_town_that_became_part_of_its_partner_goes_on_there(
    county: County, start: Start, partner: City, space: Space
) -> None:
    """>> contracts of part, whole and partner in all directions; the part moves to the whole's provider, both say that
    they are one, two people agree << data under each contract; the bundles of all, made before and after, hold and say
    of whom the part is part; the whole's own contract is as it was."""
    part, whole = await start("part", PART), await start("whole", WHOLE)
    cities = (part, whole, partner, county.city)
    for city, slug in ((part, PART), (whole, WHOLE), (partner, PARTNER)):
        await joined(city, slug, county)
    await listed(county, *cities)
    made = {slug: await city.publish(slug) for city, slug in ((part, PART), (whole, WHOLE), (partner, PARTNER))}

    async def agreed(consumer: City, taker: str, provider: City, giver: str) -> str:
        found = await consumer.negotiate(taker, provider.did(giver), made[giver]["dataset"])
        assert found["state"] == "FINALIZED"
        return str(found["agreement"])

    contracts = {
        (PARTNER, PART): await agreed(partner, PARTNER, part, PART),
        (PART, PARTNER): await agreed(part, PART, partner, PARTNER),
        (WHOLE, PART): await agreed(whole, WHOLE, part, PART),
        (PART, WHOLE): await agreed(part, PART, whole, WHOLE),
        (PARTNER, WHOLE): await agreed(partner, PARTNER, whole, WHOLE),
    }
    roots, where = await roots_of(county, space), {PART: part, WHOLE: whole, PARTNER: partner}
    before = [await bundle(where[side], side, one) for sides, one in contracts.items() for side in sides]
    await older(space, *cities)
    old = await carried(part, whole, county, part, partner, county.city)
    where[PART] = whole
    await merged(whole, county)
    await listed(county, *cities)
    for (taker, _), agreement in contracts.items():
        received = await where[taker].fetch(taker, agreement)
        assert (received["state"], received["outcome"]) == ("COMPLETED", "received"), (taker, received)
    new, into = whole.did(PART), whole.did(WHOLE)
    for sides, agreement in contracts.items():
        both = [await bundle(where[side], side, agreement) for side in sides]
        for data, other in (both, both[::-1]):
            said: Any = judged(data, roots, beside=other).stated.get("merger")
            if PART not in sides:
                assert said is None
                continue
            role = "consumer" if sides[0] == PART else "provider"
            assert said[role] == {"did": new, "into": into, "name": "Musterstadt", "since": "2025-12-31T23:00:00Z"}
    for data in before:
        judged(data, roots)
    assert partner.services.trust.anchor.line_for(partner.did(PARTNER)).successor(old, space.clock.now()) == new
    for city, slug in ((partner, PARTNER), (whole, WHOLE)):
        found = await city.services.infra.db.read(slug, on_demand(city.services).partners.all, slug)
        (one,) = [each for each in found if each.entry.name == "Musterdorf"]
        assert (one.entry.did, one.gives, one.gets) == (new, 1, 1)
        assert one.whole is not None
        assert (one.whole.did, one.whole.name) == (into, "Musterstadt")
    uuid = contracts[PARTNER, PART].removeprefix("urn:uuid:")
    life = await partner.api.get(f"/api/v1/participants/{PARTNER}/agreements/{uuid}/life")
    assert life["part_of"] == {"did": into, "name": "Musterstadt", "since": DAY}
    life = await whole.api.get(f"/api/v1/participants/{PART}/agreements/{uuid}/life")
    assert life["part_of"] is None


async def older(space: Space, *cities: City) -> None:
    """All logs have a state that is older than whatever comes now: times in evidence are whole seconds."""
    for city in cities:
        await city.services.operation.maintenance.seal_logs()
    sealed = space.clock.now() // 1000
    await eventually(lambda: space.clock.now() // 1000 > sealed)


async def both_members(county: County, one: City, two: City) -> None:
    """Two that share a space, without a move."""
    if one is two:
        await all_joined(one, (PART, WHOLE), county)
    else:
        await joined(one, PART, county)
        await joined(two, WHOLE, county)
    await listed(county, *dict.fromkeys((one, two)), county.city)


async def mergers(county: County) -> list[dict[str, Any]]:
    found = await county.city.api.get(f"/api/v1/participants/{COUNTY}/space/mergers")
    return list(found["mergers"])


@pytest.mark.threat("T122")
async def test_both_have_to_say_it_and_two_people_have_to_agree(county: County, part: City, whole: City) -> None:
    """>> people agree before the whole has said so; it says another day; the same day; one person, twice; another one
    << refused, refused, taken, not in the list yet; then it is, once."""
    await both_members(county, part, whole)
    did, into = part.did(PART), whole.did(WHOLE)
    with pytest.raises(Refused) as unsaid:
        await say(whole, WHOLE, county, member=did)
    assert unsaid.value.problem["code"] == "spaces.merger-unsaid"
    for _ in range(2):
        await say(part, PART, county, into=into)
    with pytest.raises(Refused) as alone:
        await approve(county, did)
    assert alone.value.problem["code"] == "spaces.merger-unagreed"
    with pytest.raises(Refused) as other:
        await say(whole, WHOLE, county, member=did, day="2026-01-02")
    assert other.value.problem["code"] == "spaces.merger-unsaid"
    for _ in range(2):
        await say(whole, WHOLE, county, member=did)
    (one,) = await approve(county, did, PEOPLE[0], PEOPLE[0])
    assert (one["state"], one["missing"], one["since"], one["into_name"]) == ("said", 1, DAY, "Musterstadt")
    await listed(county, whole)
    assert whole.services.trust.anchor.entries[did].merged_into is None
    (one,) = await approve(county, did, PEOPLE[1])
    assert (one["state"], one["missing"]) == ("approved", 0)
    await listed(county, whole)
    said = whole.services.trust.anchor.entries[did].merged_into
    assert said is not None
    assert (said.did, said.since) == (into, "2025-12-31T23:00:00Z")
    with pytest.raises(Refused) as late:
        await approve(county, did, PEOPLE[2])
    assert late.value.problem["code"] == "spaces.merger-approved"


@pytest.mark.threat("T122")
async def test_nobody_speaks_for_somebody_else(county: County, part: City, whole: City, partner: City) -> None:
    """>> a partner says that the part belongs to the whole, that it takes the part in, that the whole is part of the
    part << refused each time, and nothing is there for anybody to decide."""
    await both_members(county, part, whole)
    await joined(partner, PARTNER, county)
    await listed(county, partner)
    did, into, other = part.did(PART), whole.did(WHOLE), partner.did(PARTNER)
    for member, taker in ((did, into), (did, other), (into, did)):
        with pytest.raises(PeerError, match=r"spaces\.(statement|merger-unsaid)"):
            await claim(partner, PARTNER, member=member, into=taker)
    assert await mergers(county) == []
    await say(part, PART, county, into=into)
    with pytest.raises(PeerError, match="statement"):
        await claim(partner, PARTNER, member=did, into=into)
    assert [one["state"] for one in await mergers(county)] == ["asked"]
    with pytest.raises(Refused) as whose:
        await say(partner, PARTNER, county, member=did, into=into)
    assert whose.value.problem["code"] == "spaces.merger-whose"


@pytest.mark.threat("T122")
async def test_what_cannot_be_is_refused(county: County, part: City, whole: City) -> None:
    """>> into a stranger, itself, somebody who is suspended; from a later day on; on no day << refused."""
    await both_members(county, part, whole)
    did, into = part.did(PART), whole.did(WHOLE)
    memberships = county.city.services.spaces.memberships
    wrong = (
        ({"into": "did:web:niemand.example"}, "merger-state"),
        ({"into": into, "since": "2999-01-01T00:00:00Z"}, "merger-early"),
        ({"into": did}, "merger-circle"),
        ({"into": into, "since": "heute"}, "statement"),
    )
    for said, code in wrong:
        with pytest.raises(PeerError, match=code):
            await claim(part, PART, member=did, **said)
    await memberships.change(COUNTY, into, "suspended", "Test", PEOPLE[0])
    with pytest.raises(PeerError, match="merger-state"):
        await claim(part, PART, member=did, into=into)
    await memberships.change(COUNTY, into, "active", "", PEOPLE[0])
    with pytest.raises(Refused) as day:
        await say(part, PART, county, into=into, day="31.2.2026")
    assert day.value.problem["code"] == "spaces.merger-day"
    assert await mergers(county) == []


@pytest.mark.threat("T122")
async def test_nobody_is_part_of_itself_by_way_of_others(county: County, part: City, whole: City) -> None:
    """>> the part is part of the whole; the whole says to be part of the part, and the part that it took that in
    << refused, also if both were asked for before either was decided."""
    await both_members(county, part, whole)
    did, into = part.did(PART), whole.did(WHOLE)
    await say(part, PART, county, into=into)
    await say(whole, WHOLE, county, into=did)
    await say(whole, WHOLE, county, member=did)
    await say(part, PART, county, member=into)
    await approve(county, did)
    with pytest.raises(Refused) as circle:
        await approve(county, into)
    assert circle.value.problem["code"] == "spaces.merger-circle"
    await county.issue()
    assert county.city.services.trust.anchor.entries[into].merged_into is None


async def test_who_was_suspended_since_is_not_taken_in(county: County, part: City, whole: City) -> None:
    """>> both have said it; the whole is suspended, one agrees; active again, two agree << refused; in the list."""
    await both_members(county, part, whole)
    did, into = part.did(PART), whole.did(WHOLE)
    memberships = county.city.services.spaces.memberships
    await say(part, PART, county, into=into)
    await say(whole, WHOLE, county, member=did)
    await memberships.change(COUNTY, into, "suspended", "Test", PEOPLE[0])
    with pytest.raises(Refused) as suspended:
        await approve(county, did)
    assert suspended.value.problem["code"] == "spaces.merger-state"
    await memberships.change(COUNTY, into, "active", "", PEOPLE[0])
    assert [one["state"] for one in await approve(county, did)] == ["approved"]


async def test_one_no_ends_it_and_another_day_begins_anew(county: County, part: City, whole: City) -> None:
    """>> refused with a reason; said anew with another day << nothing of the first counts, the whole's word either."""
    await both_members(county, part, whole)
    did, into = part.did(PART), whole.did(WHOLE)
    await say(part, PART, county, into=into)
    await say(whole, WHOLE, county, member=did)
    await approve(county, did, PEOPLE[0])
    body = {"did": did, "reason": "Kein Beschluss.", "who": PEOPLE[1]}
    found = await county.city.api.post(f"/api/v1/participants/{COUNTY}/space/mergers/refuse", body)
    assert [(one["state"], one["reason"]) for one in found["mergers"]] == [("refused", "Kein Beschluss.")]
    with pytest.raises(Refused) as over:
        await say(whole, WHOLE, county, member=did)
    assert over.value.problem["code"] == "spaces.merger-unsaid"
    await say(part, PART, county, into=into, day="2026-02-01")
    assert [(one["state"], one["missing"], one["since"]) for one in await mergers(county)] == [
        ("asked", 2, "2026-02-01")
    ]
    await say(whole, WHOLE, county, member=did, day="2026-02-01")
    assert [one["state"] for one in await approve(county, did)] == ["approved"]
    with pytest.raises(Refused) as already:
        await say(part, PART, county, into=into, day="2026-03-01")
    assert already.value.problem["code"] == "spaces.merged-already"


async def test_a_town_does_not_stay_a_municipality_as_part_of_a_county(
    county: County, part: City, start: Start
) -> None:
    """>> a contract for municipalities alone; the town that has it becomes part of a county << no data any more, and
    the rule says so again when the list does: nobody knows its kind."""
    whole = await start("whole", WHOLE, COUNTY_KIND)
    await both_members(county, part, whole)
    made = await county.city.publish(COUNTY, rule="municipalities-only", slots={"kinds": "municipality"})
    signed = await part.negotiate(PART, county.city.did(COUNTY), made["dataset"])
    assert (await part.fetch(PART, signed["agreement"]))["state"] == "COMPLETED"
    did = part.did(PART)
    await say(part, PART, county, into=whole.did(WHOLE))
    await say(whole, WHOLE, county, member=did)
    await approve(county, did)
    await listed(county, part, county.city)
    assert (await part.fetch(PART, signed["agreement"]))["outcome"] == "refused"


async def test_what_is_true_moves_along_and_what_is_only_asked_for_does_not(
    county: County, part: City, whole: City, space: Space
) -> None:
    """>> a part moves again, and so does its whole << both new DIDs; the list leads from one to the other. What a town
    had only asked for, its new place asks for anew."""
    await both_members(county, part, whole)
    await say(part, PART, county, into=whole.did(WHOLE))
    async with space.running("third", {}, dict(UNLISTED)) as third:
        await carried(part, third, county, whole, county.city)
        assert [one["state"] for one in await mergers(county)] == ["lapsed"]
        await say(third, PART, county, into=whole.did(WHOLE))
        await say(whole, WHOLE, county, member=third.did(PART))
        await approve(county, third.did(PART))
        old = await carried(whole, third, county, county.city, slug=WHOLE)
        anchor, own = county.city.services.trust.anchor, county.city.did(COUNTY)
        merged_into = anchor.entries[third.did(PART)].merged_into
        assert merged_into is not None
        assert merged_into.did == old
        found = anchor.whole(own, third.did(PART), space.clock.now() + 1)
        assert found is not None
        assert found[0] == third.did(WHOLE)


@pytest.mark.parametrize("ending", [(WHOLE,), pytest.param((PART, WHOLE), marks=pytest.mark.long)])
async def test_nobody_waits_for_a_whole_whose_term_is_over(
    county: County, part: City, whole: City, ending: tuple[str, ...]
) -> None:
    """>> both say it; the term of the whole ends, or of both, the whole first << a list without them, and the
    part's word has lapsed."""
    await both_members(county, part, whole)
    dids = {PART: part.did(PART), WHOLE: whole.did(WHOLE)}
    await say(part, PART, county, into=dids[WHOLE])
    await say(whole, WHOLE, county, member=dids[PART])

    def end(tx: Tx) -> None:
        for earlier, slug in enumerate(ending):
            statement = "UPDATE space_member SET until = :until WHERE participant = :participant AND did = :did"
            tx.run(statement, participant=COUNTY, did=dids[slug], until=tx.now - earlier)

    await county.city.services.infra.db.write(COUNTY, end)
    await county.issue()
    members = {one.did: one for one in await county.city.services.spaces.memberships.all(COUNTY)}
    assert {slug for slug, did in dids.items() if members[did].state == "ended"} == set(ending)
    said = members[dids[PART]].merger
    assert said is not None
    assert said.lapsed


async def test_a_move_waits_for_who_says_to_be_part_of_the_mover(
    county: County, part: City, whole: City, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the whole moves, the part says to be part of it << both hold the row of the space before that of a member:
    what was said meanwhile at another replica would else wait for thirty days, and nobody be told."""
    await both_members(county, part, whole)
    authority, held, locked = county.city.services.spaces.authority, SpaceAuthority.held, set[str]()

    def noting(tx: Tx, slug: str, *, lock: bool = False) -> SpaceRow:
        if lock:
            locked.add(inspect.stack(0)[1].function)
        return held(authority, tx, slug, lock=lock)

    monkeypatch.setattr(authority, "held", noting)
    async with space.running("third", {}, dict(UNLISTED)) as third:
        await carried(whole, third, county, part, county.city, slug=WHOLE)
        await say(part, PART, county, into=third.did(WHOLE))
    assert locked >= {"_move", "_receive_listed"}  # how often is not said: the mover's job may tell its move as well


@pytest.mark.threat("T122")
async def test_two_replicas_of_an_authority_decide_once(cluster: Cluster, space: Space, start: Start) -> None:
    """>> two processes on one PostgreSQL: each of two towns says to be part of the other, and takes it in; of the two
    people one agrees to both at one, the other at each to one at once << one merger, in either's list, no circle."""
    async with replicas(cluster, space, {COUNTY: COUNTY_KIND}, UNLISTED) as (one, two):
        county, other = County(one), County(two)
        await county.found()
        towns = await start("towns", PART, **{WHOLE: MUNICIPALITY})
        for slug in (PART, WHOLE):
            await joined(towns, slug, county)
        await two.services.participants.get(COUNTY)
        await listed(county, towns, two)
        did, into = towns.did(PART), towns.did(WHOLE)
        for _ in range(2):
            await asyncio.gather(say(towns, PART, county, into=into), say(towns, WHOLE, county, into=did))
        await asyncio.gather(say(towns, PART, county, member=into), say(towns, WHOLE, county, member=did))
        for each in (did, into):
            await approve(county, each, PEOPLE[0])
        told = await asyncio.gather(
            approve(county, did, PEOPLE[1]), approve(other, into, PEOPLE[1]), return_exceptions=True
        )
        assert [one.problem["code"] for one in told if isinstance(one, Refused)] == ["spaces.merger-circle"]
        await asyncio.gather(county.issue(), other.issue())
        await asyncio.gather(*(each.services.trust.listing.reload() for each in (one, two)))
        for city in (one, two):
            entries = city.services.trust.anchor.entries
            assert [entries[each].merged_into is not None for each in (did, into)].count(True) == 1
        assert sorted(each["state"] for each in await mergers(other)) == ["approved", "said"]


@pytest.mark.threat("T122")
async def test_a_list_that_would_be_too_large_to_read_says_no_more(
    county: County, part: City, whole: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the last yes, and no list with one word more could be read << refused, and undecided as before."""
    await both_members(county, part, whole)
    did = part.did(PART)
    await say(part, PART, county, into=whole.did(WHOLE))
    await say(whole, WHOLE, county, member=did)
    await approve(county, did, PEOPLE[0])
    monkeypatch.setattr(listing, "MOST_CLAIMS", listing.RESERVE + 100)
    with pytest.raises(Refused) as full:
        await approve(county, did, PEOPLE[1])
    assert full.value.problem["code"] == "spaces.list-full"
    assert [(one["state"], one["missing"]) for one in await mergers(county)] == [("said", 1)]
