"""From an invitation to the first catalogue: nothing before two people agreed, all of it without a restart."""

import asyncio
import json
import re
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from connector.dataspace.spaces import documents, joined_store
from connector.dataspace.spaces.documents import Receipt
from connector.dataspace.spaces.joining.joining import parse_link
from connector.dataspace.spaces.model import DAY_MS, Joined, OwnMerger
from connector.foundation.clock import FakeClock, SystemClock, rfc3339
from connector.foundation.errors import Mistake, PeerError, Unavailable
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.at_rest import AtRest
from connector.foundation.storage.database import Tx
from connector.identity.participants.service import Hosted
from connector.identity.trust.keys.jwk import encode
from connector.identity.trust.keys.signing import SoftwareKey
from connector.identity.trust.members.pin import URN
from connector.identity.trust.members.roots import roots_pem
from connector.identity.trust.members.trust_list import millis
from connector.verify.bundle import verify_bundle
from connector.verify.report import Verdict
from tests.dataspace.spaces.conftest import (
    COUNTY,
    COUNTY_KIND,
    PEOPLE,
    TOWN,
    UNLISTED,
    County,
    Start,
    applied,
    joined,
)
from tests.dataspace.spaces.mergers import claim, together
from tests.testkit.cities import MUNICIPALITY, City, Space
from tests.testkit.nasty import nasty_peer
from tests.testkit.patience import PATIENCE_S, eventually


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
    assert (negotiated["state"], negotiated["spaces"]) == ("FINALIZED", ["Datenraum Musterkreis"])
    fetched = await town.fetch(TOWN, negotiated["agreement"])
    assert (fetched["state"], fetched["spaces"]) == ("COMPLETED", ["Datenraum Musterkreis"])
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
    [
        "",
        "https://kreis.de/kreis/space",
        "http://kreis.de/space#" + "a" * 43,
        "https://kreis.de/space#short",
        "https://kreis.de/space?x#" + "a" * 43,
    ],
)
def test_what_is_no_link(link: str) -> None:
    with pytest.raises(Mistake):
        parse_link(link)


@pytest.mark.threat("T104")
async def test_a_description_has_to_be_of_one_piece(county: County, town: City, space: Space) -> None:
    """>> a false authority that shows the space of another as its own, in one member << refused, nothing is sent."""
    said = msgspec.to_builtins(await county.authority.description(COUNTY))
    async with nasty_peer(space, kind=None) as false:
        place = f"{false.root}/space"
        key = SoftwareKey.generate("peer", "").public_jwk
        own = {"space": place, "did": false.did, "authority": URN + key["kid"], "key": key, "list": f"{place}/list"}
        for number, member in enumerate(own, 1):
            bent = {**said, **own, member: said[member]}
            false.answers["/space"] = lambda got, shown=bent: (200, json.dumps(shown).encode())
            with pytest.raises(PeerError):
                await town.services.spaces.joining.apply(TOWN, f"{place}#{'a' * 43}", "0")
            assert [one.method for one in false.inbox] == ["GET"] * number, member


@pytest.mark.threat("T104")
async def test_whoever_bends_the_link_does_not_get_the_code(county: County, town: City, space: Space) -> None:
    """>> a link that leads to a false authority of one piece << its fingerprint is not the one that was read out."""
    invited = await county.invite()
    told = await county.authority.description(COUNTY)
    async with nasty_peer(space, kind=None) as false:
        key, place = SoftwareKey.generate("peer", "").public_jwk, f"{false.root}/space"
        own = {
            "space": place,
            "did": false.did,
            "authority": URN + key["kid"],
            "key": key,
            "list": f"{place}/list",
            "name": told.name,
            "rules": {},
        }
        false.answers["/space"] = lambda got: (200, json.dumps(own).encode())
        with pytest.raises(Mistake) as refused:
            await town.services.spaces.joining.apply(TOWN, f"{place}#{invited.code}", told.fingerprint)
        assert refused.value.code == "spaces.fingerprint"
        assert invited.code not in repr(false.inbox)


@pytest.mark.threat("T103")
async def test_a_space_that_shows_another_key_than_it_had_is_not_joined_again(county: County, town: City) -> None:
    """>> an application was refused, the same space is kept with another key now << refused before its code is sent,
    though its fingerprint was read out."""
    one = await applied(town, TOWN, await county.invite(), county)
    await county.applications.refuse(COUNTY, one.application, "nein", PEOPLE[0])
    await town.services.spaces.joining.progress(TOWN, one.space)

    def had_another(tx: Tx) -> None:
        tx.run("UPDATE joined_space SET authority = :other", other=f"{URN}{'x' * 43}")

    await town.services.infra.db.write(TOWN, had_another)
    with pytest.raises(Mistake) as refused:
        await applied(town, TOWN, await county.invite(), county)
    assert refused.value.code == "spaces.other-key"
    assert [found.state for found in await county.applications.all(COUNTY)] == ["refused"]


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


async def test_an_authority_that_answers_two_of_five_hears_each_of_them_in_turn(county: County, space: Space) -> None:
    """>> five towns of one provider wait, and the authority answers its address twice a round << each was heard after
    three rounds; before, the first two by name were heard for ever, and an admitted third never heard of it."""
    slugs = [f"town-{at}" for at in range(5)]
    space.clock = FakeClock(SystemClock().now())
    async with space.running("many", dict.fromkeys(slugs, MUNICIPALITY), UNLISTED) as many:
        joining = many.services.spaces.joining
        await many.stop_jobs()
        await joining.work()
        for slug in slugs:
            await applied(many, slug, await county.invite(slug.title()), county)
        heard, asked, left = list[str](), joining._asked, 0

        async def sparing(hosted: Hosted, one: Joined) -> Receipt:
            nonlocal left
            if not left:
                raise Unavailable("peer.busy", status=429)
            left -= 1
            heard.append(one.participant)
            return await asked(hosted, one)

        joining._asked = sparing  # type: ignore[method-assign]
        for _ in range(3):
            left = 2
            await joining.work()
        assert set(heard) == set(slugs)


@pytest.mark.parametrize("hanging", [0, 1])
async def test_bug_an_authority_that_hangs_kept_all_others_from_being_asked(
    hanging: int, county: County, start: Start, town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a town waits at two authorities, one of which does not answer << the other one is asked meanwhile; before, one
    after the other, each for ten seconds, whoever had asked for it."""
    other = County(await start("other", "nachbarkreis", COUNTY_KIND), "nachbarkreis")
    await other.found()
    for one in (county, other):
        await applied(town, TOWN, await one.invite(), one)
    joining, heard = town.services.spaces.joining, asyncio.Event()
    hangs = (await joining.all(TOWN))[hanging].space

    async def asked(hosted: Hosted, one: Joined) -> Receipt:
        if one.space == hangs:
            await asyncio.Event().wait()
        heard.set()
        raise Unavailable("http.unreachable")

    await town.stop_jobs()
    monkeypatch.setattr(joining, "_asked", asked)
    round_ = asyncio.create_task(joining.work())
    async with asyncio.timeout(PATIENCE_S):
        await heard.wait()
    round_.cancel()
    await asyncio.gather(round_, return_exceptions=True)


async def test_an_authority_that_is_slow_hears_in_each_round_as_many_as_have_room(
    county: County, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> five towns wait at an authority that takes nine seconds for each << three are heard in a round, and in the
    next one first those that were not."""
    slugs = [f"town-{at}" for at in range(5)]
    async with space.running("many", dict.fromkeys(slugs, MUNICIPALITY), UNLISTED) as many:
        joining, clock, heard = many.services.spaces.joining, FakeClock(), list[str]()
        for slug in slugs:
            await applied(many, slug, await county.invite(slug.title()), county)
        await many.stop_jobs()
        monkeypatch.setattr(joining, "_clock", clock)
        joining._looked = clock.steady()
        joining._heard.clear()

        async def slowly(hosted: Hosted, one: Joined) -> Receipt:
            clock.advance(9_000)
            heard.append(one.participant)
            raise Unavailable("http.too-slow")

        monkeypatch.setattr(joining, "_asked", slowly)
        await joining.work()
        assert joining._open >= {*slugs} - {*heard}
        await joining.work()
        assert [sorted(heard[:3]), sorted(heard[3:5]), len(heard)] == [slugs[:3], slugs[3:], 6]


async def test_who_waits_for_a_decision_is_heard_in_turn_and_holds_up_nobody(county: County, space: Space) -> None:
    """>> four towns of one provider wait for what becomes of a merger, and the authority answers its address twice a
    round; one of them it never answers, whatever it asks << each of the others was heard after three rounds; before,
    the first two by name were heard for ever."""
    slugs = ["town-0", "town-1", "town-2", "town-3"]
    space.clock = FakeClock(SystemClock().now())
    many = await together(space, county, "whole", *slugs)
    for slug in slugs:
        await claim(many, slug, member=many.did(slug), into=many.did("whole"))
        await many.services.infra.db.write(slug, waits, many.did(slug), many.did("whole"))
    joining, heard, left = many.services.spaces.joining, list[str](), 0
    await many.stop_jobs()
    await joining.work()
    joining._heard.clear()
    read = joining.read

    async def sparing(hosted: Hosted, one: Joined, path: str, limit: int = 65_536) -> Answer:
        nonlocal left
        if not left:
            return Answer(429, {}, b"")
        left -= 1
        heard.append(one.participant)
        return await read(hosted, one, path, limit) if one.participant != "town-0" else Answer(500, {}, b"")

    joining.read = sparing  # type: ignore[method-assign]
    for _ in range(3):
        left = 2
        joining._open.update(slugs)  # as once a minute, which never comes here
        await joining.work()
    assert heard == [*slugs, *slugs[:2]]


async def test_bug_who_is_laid_to_rest_in_a_round_kept_all_others_from_asking(
    county: County, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> two towns wait for a decision; a list says something new of the second, which is laid to rest just then
    << the first has asked."""
    slugs = ["town-0", "town-1"]
    many = await together(space, county, "whole", *slugs)
    joining, asked = many.services.spaces.joining, list[str]()
    await many.stop_jobs()
    for slug in slugs:
        await claim(many, slug, member=many.did(slug), into=many.did("whole"))
        await many.services.infra.db.write(slug, waits, many.did(slug), many.did("whole"))
    read, standing = joining.read, joining._standing

    async def noting(hosted: Hosted, one: Joined, path: str, limit: int = 65_536) -> Answer:
        asked.append(one.participant)
        return await read(hosted, one, path, limit)

    async def resting(hosted: Hosted, one: Joined) -> Joined:
        if one.participant == "town-1":
            raise AtRest("moving.at-rest")
        return await standing(hosted, one)

    monkeypatch.setattr(joining, "read", noting)
    monkeypatch.setattr(joining, "_standing", resting)
    joining._open.update(slugs)
    await joining.work()
    assert asked == ["town-0"]


async def test_bug_who_applied_while_the_job_looked_asked_only_a_minute_later(
    county: County, town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a round has read that a town waits for nothing, and goes on when it has applied; admitted; the next round << a
    member; before, it was asked for no more until every participant was looked at."""
    joining, db, seen, applies = town.services.spaces.joining, town.services.infra.db, asyncio.Event(), asyncio.Event()
    await town.stop_jobs()
    read, joining._looked = db.read, None

    async def slow(scope: str, fn: Any, /, *args: Any) -> Any:
        found = await read(scope, fn, *args)
        if fn is joined_store.all_joined and not seen.is_set():
            seen.set()
            await applies.wait()
        return found

    monkeypatch.setattr(db, "read", slow)
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        group.create_task(joining.work())
        await seen.wait()
        one = await applied(town, TOWN, await county.invite(), county)
        applies.set()
    await county.admit(one)
    await joining.work()
    assert [one.state for one in await joining.all(TOWN)] == ["member"]


async def test_who_works_here_no_more_is_not_remembered(county: County) -> None:
    joining = county.city.services.spaces.joining
    await county.city.stop_jobs()
    joining._open.add("gone")
    joining._heard["gone", "https://kreis.example/space"] = 1
    joining._looked = None
    await joining.work()
    assert "gone" not in joining._open
    assert not joining._heard


def waits(tx: Tx, did: str, whole: str) -> None:
    """Its word is said, and nothing decided."""
    (one,) = joined_store.all_joined(tx, did.rpartition(":")[2])
    joined_store.put(tx, replace(one, mergers={did: OwnMerger(into=whole, since=millis("2026-01-01T00:00:00Z"))}), None)


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
        await town.stop_jobs()
        town.services.spaces.joining._looked = None  # as with the first round
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


async def test_a_process_without_any_space_has_nothing_to_ask_for(space: Space, start: Start) -> None:
    """>> no space, an application, a membership; the process starts anew while it waits << nothing to do but a look
    each minute; then a round each second, and with the first look after the start."""
    clock = FakeClock(SystemClock().now())
    space.clock = clock
    county = County(await start("county", COUNTY, COUNTY_KIND))
    await county.found()
    async with space.running("town", {TOWN: MUNICIPALITY}, UNLISTED) as town:
        joining, wanted = town.services.spaces.joining, town.services.spaces.work.wanted
        await town.stop_jobs()
        await joining.work()
        clock.advance(60_000)  # the process may have had its own first look by now
        assert joining.wanted()
        assert [name for name, one in wanted.items() if one()] == []
        clock.advance(60_000)
        assert joining.wanted()
        assert not joining.wanted()
        await applied(town, TOWN, await county.invite(), county)
        assert [name for name, one in wanted.items() if one()] == ["space-join"]
    async with space.running("town", {}, UNLISTED) as town:
        joining, wanted = town.services.spaces.joining, town.services.spaces.work.wanted
        await eventually(joining.wanted)  # the job may be just at its first look
        await town.stop_jobs()
        await joining.work()
        assert joining.wanted()
        (one,) = await joining.all(TOWN)
        await county.admit(one)
        await joining.work()
        await town.services.trust.spaces.catch_up()
        assert [name for name, one in wanted.items() if one()] == [
            "space-lists",
            "space-join",
            "space-groups",
            "space-recovery",
        ]


async def test_the_job_brings_the_news_and_the_list(county: County, town: City) -> None:
    one = await applied(town, TOWN, await county.invite(), county)
    await town.stop_jobs()
    await county.admit(one)
    await town.services.spaces.joining.work()
    (one,) = await town.services.spaces.joining.all(TOWN)
    assert one.state == "member"
    now = town.services.infra.clock.now()
    assert town.services.trust.anchor.between(town.did(TOWN), county.city.did(COUNTY), now).name


async def test_who_was_expelled_knows_it_and_comes_back_by_a_new_invitation(space: Space, start: Start) -> None:
    """>> expelled, told by the list << `ended`; invited again: applies anew, and is a member with the next list."""
    clock = FakeClock(SystemClock().now())
    space.clock = clock
    county, town = County(await start("county", COUNTY, COUNTY_KIND)), await start("town", TOWN)
    await county.found()
    await joined(town, TOWN, county)
    await town.stop_jobs()
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
