"""From an invitation to the first catalogue: nothing before two people agreed, all of it without a restart."""

import contextlib
import json
import re
import threading
from typing import Any

import msgspec
import pytest

from connector.clock import FakeClock, SystemClock, rfc3339
from connector.errors import Mistake, PeerError, Unavailable
from connector.mandates.model import Wish
from connector.spaces import documents
from connector.spaces.joining import parse_link
from connector.spaces.model import DAY_MS
from connector.trust.keys.jwk import encode
from connector.trust.keys.signing import SoftwareKey
from connector.trust.members import space_lists
from connector.trust.members.anchors import URN
from connector.trust.members.list_reader import ListReader
from connector.trust.members.roots import roots_pem
from connector.trust.members.trust_list import TrustList
from connector.verify.bundle import verify_bundle
from connector.verify.report import Verdict
from tests.mandates.entrusting import YEAR_MS
from tests.spaces.conftest import (
    COUNTY,
    COUNTY_KIND,
    PEOPLE,
    TOWN,
    UNLISTED,
    VILLAGE,
    County,
    Start,
    applied,
    joined,
)
from tests.testkit.cities import MUNICIPALITY, City, Refused, Space
from tests.testkit.nasty import nasty_peer
from tests.testkit.patience import eventually_said


async def test_a_town_at_another_provider_joins_and_has_a_contract(county: County, town: City, space: Space) -> None:
    """>> invited, applied, checked, approved by two << a member, and a contract with its county, whose evidence holds
    against the key of the space."""
    made = await county.city.publish(COUNTY)
    one = await applied(town, TOWN, await county.invite(), county)
    assert one.state == "pending"
    await county.admit(one)
    one = await town.services.spaces.joining.progress(TOWN, one.space)
    assert one.state == "member"
    await county.city.services.trust.listing.reload()
    negotiated = await town.negotiate(TOWN, county.city.did(COUNTY), made["dataset"])
    assert negotiated["state"] == "FINALIZED"
    said = await county.authority.description(COUNTY)
    (seal_ca,) = re.findall(rb"-----BEGIN CERTIFICATE.+?END CERTIFICATE-----\n", space.roots, re.DOTALL)
    roots = roots_pem([seal_ca.decode()], said.key).encode()
    for city, slug in ((town, TOWN), (county.city, COUNTY)):
        await city.services.operation.maintenance.seal_logs()
        found = await city.api.get(f"/api/v1/participants/{slug}/agreements/{negotiated['agreement']}/evidence")
        report = verify_bundle(found, roots, "en")
        # Both operators are parties here: nobody independent can vouch for the time.
        assert [one.name for one in report.checks if one.verdict is not Verdict.PASSED] == ["time"]


async def test_only_the_fingerprint_that_was_read_out_is_believed(county: County, town: City) -> None:
    invited = await county.invite()
    with pytest.raises(Mistake) as wrong:
        await town.services.spaces.joining.apply(TOWN, invited.link, "0000 1111")
    assert wrong.value.code == "spaces.fingerprint"
    assert await town.services.spaces.joining.all(TOWN) == []


@pytest.mark.parametrize(
    "link",
    ["", "https://kreis.de/kreis/space", "http://kreis.de/space#" + "a" * 43, "https://kreis.de/space#short",
     "https://kreis.de/space?x#" + "a" * 43],
)  # fmt: skip
def test_what_is_no_link(link: str) -> None:
    with pytest.raises(Mistake):
        parse_link(link)


@pytest.mark.threat("T104")
@pytest.mark.parametrize("member", ["space", "did", "authority", "key", "list"])
async def test_a_description_has_to_be_of_one_piece(county: County, town: City, space: Space, member: str) -> None:
    """>> a false authority that shows the space of another as its own, in one member << refused, nothing is sent."""
    said = msgspec.to_builtins(await county.authority.description(COUNTY))
    async with nasty_peer(space, kind=None) as false:
        place = f"{false.root}/space"
        key = SoftwareKey.generate("peer", "").public_jwk
        own = {"space": place, "did": false.did, "authority": URN + key["kid"], "key": key, "list": f"{place}/list"}
        bent = {**said, **own, member: said[member]}
        false.answers["/space"] = lambda got: (200, json.dumps(bent).encode())
        with pytest.raises(PeerError):
            await town.services.spaces.joining.apply(TOWN, f"{place}#{'a' * 43}", "0")
        assert [one.method for one in false.inbox] == ["GET"]


@pytest.mark.threat("T104")
async def test_whoever_bends_the_link_does_not_get_the_code(county: County, town: City, space: Space) -> None:
    """>> a link that leads to a false authority of one piece << its fingerprint is not the one that was read out."""
    invited = await county.invite()
    told = await county.authority.description(COUNTY)
    async with nasty_peer(space, kind=None) as false:
        key, place = SoftwareKey.generate("peer", "").public_jwk, f"{false.root}/space"
        own = {
            "space": place, "did": false.did, "authority": URN + key["kid"], "key": key, "list": f"{place}/list",
            "name": told.name, "rules": {},
        }  # fmt: skip
        false.answers["/space"] = lambda got: (200, json.dumps(own).encode())
        with pytest.raises(Mistake) as refused:
            await town.services.spaces.joining.apply(TOWN, f"{place}#{invited.code}", told.fingerprint)
        assert refused.value.code == "spaces.fingerprint"
        assert invited.code not in repr(false.inbox)


async def test_documents_that_no_application_could_hold_are_refused_before_it(county: County, town: City) -> None:
    """>> two documents of 70 kB << said, and nothing is begun; 131 kB << the authority takes them."""
    invited, told = await county.invite(), await county.authority.description(COUNTY)
    joining = town.services.spaces.joining
    for sizes, fits in (((70_000, 70_000), False), ((documents.MOST_ATTACHED,), True)):
        brought = [
            documents.Document(name=f"{at}", media_type="text/plain", content=encode(b"x" * size))
            for at, size in enumerate(sizes)
        ]
        if fits:
            assert (await joining.apply(TOWN, invited.link, told.fingerprint, brought)).state == "pending"
        else:
            with pytest.raises(Mistake) as refused:
                await joining.apply(TOWN, invited.link, told.fingerprint, brought)
            assert (refused.value.code, list(await joining.all(TOWN))) == ("spaces.large", [])


async def test_an_application_goes_on_after_a_crash(county: County, space: Space) -> None:
    """>> the authority does not answer, then the process dies << started again, the job hands it in; the code is sealed
    meanwhile and gone afterwards."""
    invited = await county.invite()
    told = await county.authority.description(COUNTY)
    async with space.running("town", {TOWN: MUNICIPALITY}, UNLISTED) as town:
        joining = town.services.spaces.joining
        joining._hand_in = away  # type: ignore[assignment,method-assign]
        assert (await joining.apply(TOWN, invited.link, told.fingerprint)).state == "applying"
        rows = await town.services.infra.db.read(TOWN, lambda tx: tx.all("SELECT * FROM joined_space"))
        assert invited.code not in repr(rows)
    async with space.running("town", {}, UNLISTED) as town:
        await town.services.spaces.joining.work()
        (one,) = await town.services.spaces.joining.all(TOWN)
        assert one.state == "pending"
        rows = await town.services.infra.db.read(TOWN, lambda tx: tx.all("SELECT code FROM joined_space"))
        assert rows[0]["code"] is None


async def test_while_nobody_acts_for_a_town_its_application_waits(county: County, town: City) -> None:
    """>> the mandate is withdrawn, then it applies, and asks << applying; itself again << pending."""
    mandates = f"/api/v1/participants/{TOWN}/mandates"
    wish = {
        "agent": "did:web:it.example",
        "name": "IT",
        "until": rfc3339(SystemClock().now() + DAY_MS),
        "contract": "1",
    }
    await town.api.post(mandates, wish)
    await town.api.post(f"{mandates}/withdraw")
    one = await applied(town, TOWN, await county.invite(), county)
    assert one.state == "applying"
    await town.api.post(f"{mandates}/withdraw", {"own": True})
    assert (await town.services.spaces.joining.progress(TOWN, one.space)).state == "pending"


async def away(*args: object) -> object:
    raise Unavailable("http.unreachable")


async def test_the_job_brings_the_news_and_the_list(county: County, town: City) -> None:
    one = await applied(town, TOWN, await county.invite(), county)
    await county.admit(one)
    await town.services.spaces.joining.work()
    (one,) = await town.services.spaces.joining.all(TOWN)
    assert one.state == "member"
    now = town.services.infra.clock.now()
    assert town.services.trust.anchor.between(town.did(TOWN), county.city.did(COUNTY), now).name


async def test_new_keys_reach_the_list_by_a_signed_request(county: County, town: City) -> None:
    """>> the key of tokens is stolen and replaced << the request is signed by the key of seals, and the list names the
    new one."""
    one = await joined(town, TOWN, county)
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


async def test_who_leaves_is_out_with_the_next_list(county: County, town: City) -> None:
    one = await joined(town, TOWN, county)
    assert (await town.services.spaces.joining.leave(TOWN, one.space)).state == "left"
    await county.issue()
    now = county.city.services.infra.clock.now()
    assert not county.city.services.trust.anchor.belonging(county.city.did(COUNTY), town.did(TOWN), now)
    assert (await town.services.spaces.joining.leave(TOWN, one.space)).state == "left"


async def test_a_hint_has_the_list_looked_at_sooner(county: County, town: City) -> None:
    """>> a new version << the authority tells its members, who have it before their next look."""
    await joined(town, TOWN, county)
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


async def test_who_was_expelled_knows_it_and_comes_back_by_a_new_invitation(space: Space, start: Start) -> None:
    """>> expelled, told by the list << `ended`; invited again: applies anew, and is a member with the next list."""
    clock = FakeClock(SystemClock().now())
    space.clock = clock
    county, town = County(await start("county", COUNTY, COUNTY_KIND)), await start("town", TOWN)
    await county.found()
    await joined(town, TOWN, county)
    clock.advance(3_600_000)
    await county.city.services.spaces.memberships.change(COUNTY, town.did(TOWN), "expelled", "Test", PEOPLE[0])
    await county.issue()
    await town.services.trust.listing.reload()
    await town.services.spaces.joining.work()
    assert [one.state for one in await town.services.spaces.joining.all(TOWN)] == ["ended"]
    again = await applied(town, TOWN, await county.invite(), county)
    assert again.state == "pending"
    await county.admit(again)
    for _ in range(2):  # the list of before is the newest that is known yet
        await town.services.spaces.joining.work()
    await town.services.trust.listing.reload()
    clock.advance(3_600_000)
    await town.services.spaces.joining.work()
    assert [one.state for one in await town.services.spaces.joining.all(TOWN)] == ["member"]
    assert town.services.trust.anchor.between(town.did(TOWN), county.city.did(COUNTY), clock.now())


async def test_an_applicant_takes_back_what_it_asked_for(county: County, town: City) -> None:
    """>> left while people still look at it << nobody can approve it any more, and it may apply anew."""
    one = await applied(town, TOWN, await county.invite(), county)
    assert (await town.services.spaces.joining.leave(TOWN, one.space)).state == "left"
    assert (await county.applications.get(COUNTY, one.application)).state == "withdrawn"
    with pytest.raises(Mistake):
        await county.admit(one)
    assert (await applied(town, TOWN, await county.invite(), county)).state == "pending"


async def test_an_applicant_under_a_mandate_takes_back_what_it_asked_for(county: County, town: City) -> None:
    """>> a mandate since it applied, so that its provider's key alone signs tokens << the town's seal says it."""
    one = await applied(town, TOWN, await county.invite(), county)
    until = town.services.infra.clock.now() + YEAR_MS
    wish = Wish(agent="did:web:it.example", name="IT", actions=("negotiate",), until=until, contract="1")
    await town.services.mandates.service.give(TOWN, wish)
    assert (await town.services.spaces.joining.leave(TOWN, one.space)).state == "left"
    assert (await county.applications.get(COUNTY, one.application)).state == "withdrawn"


@pytest.mark.threat("T30")
async def test_a_no_that_decides_nothing_ends_no_application(
    county: County, town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> refused by codes of a passing trouble, while it is handed in and after << it waits, says why, and goes on."""
    joining = town.services.spaces.joining
    link = (await county.invite()).link
    told = await county.authority.description(COUNTY)
    troubles = ["trust.did-key", "trust.token-signature", "peer.nothing-here", "spaces.no-application"]

    async def troubled(*_: object) -> Any:
        raise PeerError(trouble)

    for trouble in troubles[:3]:
        with monkeypatch.context() as broken:
            broken.setattr(joining, "_hand_in", troubled)
            one = await joining.apply(TOWN, link, told.fingerprint)
        assert (one.state, one.reason) == ("applying", trouble)
    one = await joining.apply(TOWN, link, told.fingerprint)
    assert (one.state, one.reason) == ("pending", "")
    for trouble in troubles:
        with monkeypatch.context() as broken:
            broken.setattr(joining, "_asked", troubled)
            one = await joining.progress(TOWN, one.space)
        assert (one.state, one.reason) == ("pending", trouble)
    one = await joining.progress(TOWN, one.space)
    assert (one.state, one.reason) == ("pending", "")


async def test_other_keys_are_told_with_the_next_tick(county: County, town: City) -> None:
    """>> a key is exchanged << its authority has it at once, although nobody who waits would be asked for yet."""
    await joined(town, TOWN, county)
    joining = town.services.spaces.joining
    await joining.tick()
    await town.services.participants.rotate(TOWN, "peer")
    await joining.tick()
    key = (await town.services.participants.get(TOWN)).signers["peer"]
    said = {one.did: one.keys.keys for one in await county.city.services.spaces.memberships.all(COUNTY)}
    assert key.kid.rpartition("#")[2] in said[town.did(TOWN)]


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


async def test_who_leaves_while_it_is_admitted_is_out(
    county: County, town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the second yes comes between the look and the withdrawal << a member that left."""
    one = await applied(town, TOWN, await county.invite(), county)
    applications = county.applications
    waiting = applications.waiting

    async def meanwhile(slug: str, did: str) -> bool:
        found = await waiting(slug, did)
        await county.admit(one)
        return found

    monkeypatch.setattr(applications, "waiting", meanwhile)
    await town.services.spaces.joining.leave(TOWN, one.space)
    states = {one.did: one.state for one in await county.city.services.spaces.memberships.all(COUNTY)}
    assert states[town.did(TOWN)] == "left"


@pytest.mark.threat("T105")
async def test_an_authority_that_fails_keeps_no_other_from_new_keys(county: County, town: City, start: Start) -> None:
    """>> a key is stolen; one of two authorities is away << the other one hears of it, and that one later."""
    other = County(await start("other", "nachbarkreis", COUNTY_KIND), "nachbarkreis")
    await other.found()
    await joined(town, TOWN, county)
    await joined(town, TOWN, other)
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


def older(tx: Any) -> None:
    """A copy of the day before is restored: its newest version never was."""
    tx.run("DELETE FROM space_version WHERE version = (SELECT max(version) FROM space_version)")


async def alarms(city: City) -> list[str]:
    rows = await city.services.infra.db.read(
        TOWN, lambda tx: tx.all("SELECT record FROM audit_entry WHERE type = 'alarm' ORDER BY id")
    )
    return [json.loads(row["record"])["body"]["event"] for row in rows]
