"""Groups: a county keeps one, towns agree and leave, and rules that name it follow at once."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connector.cli.main import main
from connector.dataspace.spaces import documents, news
from connector.dataspace.spaces.decision import grouping
from connector.dataspace.spaces.documents import RequestClaims
from connector.foundation.clock import FakeClock, SystemClock
from connector.foundation.errors import HanseError, Mistake, PeerError, Unavailable, Unknown
from tests.dataspace.spaces.conftest import COUNTY, COUNTY_KIND, PEOPLE, TOWN, VILLAGE, County, Start, joined
from tests.dataspace.spaces.grouped import ANNA, FOREST, begun, known, listed, wish
from tests.testkit.cities import City, Refused, Space
from tests.testkit.nasty import NastyPeer, Reply, nasty_peer


@pytest.fixture
async def village(start: Start) -> City:
    return await start("village", VILLAGE)


async def test_a_rule_that_names_a_group_follows_joining_and_leaving(county: County, town: City, village: City) -> None:
    """>> an offer for a group; a village is asked, agrees, has a contract and data, leaves << nothing before, all of it
    then, no data after; no process was started again."""
    await joined(town, TOWN, county)
    await joined(village, VILLAGE, county)
    group = await begun(county, town.did(TOWN))
    await known(county, town, village)
    offered = await town.publish(TOWN, visibility="eligible", slots={"until": "31.12.2099", "space": group})

    async def negotiated() -> dict[str, Any]:
        return await village.negotiate(VILLAGE, town.did(TOWN), offered["dataset"])

    with pytest.raises(Refused):
        await negotiated()
    await wish(town, TOWN, "group-add", group, village.did(VILLAGE))
    await known(county, town, village)
    assert group not in listed(county, village.did(VILLAGE)).groups, "asked is not in it"
    with pytest.raises(Refused):
        await negotiated()
    (standing,) = (await village.services.spaces.elsewhere.all(VILLAGE)).groups
    assert (standing.group, standing.state, standing.members) == (group, "asked", {})
    await wish(village, VILLAGE, "group-agree", group)
    await known(county, town, village)
    signed = await negotiated()
    assert signed["state"] == "FINALIZED"
    assert (await village.fetch(VILLAGE, signed["agreement"]))["state"] == "COMPLETED"
    await wish(village, VILLAGE, "group-leave", group)
    await known(county, town, village)
    with pytest.raises(Refused):
        await negotiated()
    assert (await village.fetch(VILLAGE, signed["agreement"]))["outcome"] == "refused"


async def test_the_list_says_since_and_until_for_later(space: Space, start: Start) -> None:
    """>> in a group for an hour, out, in again << what held at each instant can be asked of the newest list."""
    clock = FakeClock(SystemClock().now())
    space.clock = clock
    county, town = County(await start("county", COUNTY, COUNTY_KIND)), await start("town", TOWN)
    await county.found()
    await joined(town, TOWN, county)
    group, did = await begun(county), town.did(TOWN)
    groups, instants = county.city.services.spaces.groups, []
    for _ in range(2):
        await groups.ask(COUNTY, FOREST, did, ANNA)
        await wish(town, TOWN, "group-agree", group)
        instants.append(clock.now())
        clock.advance(3_600_000)
        await groups.remove(COUNTY, FOREST, did, ANNA)
        clock.advance(3_600_000)
    await known(county, town)
    anchor = town.services.trust.anchor
    for at in instants:
        assert group not in anchor.between(did, did, at - 1_000).groups
        assert group in anchor.between(did, did, at + 1_000).groups
        assert group not in anchor.between(did, did, at + 3_601_000).groups
    assert [one.group for one in listed(county, did).group_periods] == [group, group]
    assert listed(county, did).groups == (f"{county.city.root(COUNTY)}/space",), "for who reads no periods"


@pytest.mark.threat("T107")
async def test_only_the_keeper_fills_a_group_and_only_in_good_standing(
    county: County, town: City, village: City
) -> None:
    """>> another member, the keeper while suspended, once expelled, after another one keeps it << 403 or 401."""
    await joined(town, TOWN, county)
    await joined(village, VILLAGE, county)
    group = await begun(county, town.did(TOWN))
    await known(county, town, village)
    for act in ("group-add", "group-remove"):
        with pytest.raises(PeerError, match="not-keeper"):
            await wish(village, VILLAGE, act, group, village.did(VILLAGE))
    memberships, groups = county.city.services.spaces.memberships, county.city.services.spaces.groups
    await memberships.change(COUNTY, town.did(TOWN), "suspended", "Test", ANNA)
    with pytest.raises(PeerError, match="not-keeper"):
        await wish(town, TOWN, "group-add", group, village.did(VILLAGE))
    await memberships.change(COUNTY, town.did(TOWN), "active", "", ANNA)
    await wish(town, TOWN, "group-add", group, village.did(VILLAGE))
    await groups.put(COUNTY, FOREST, {"de": "Waldgemeinden"}, village.did(VILLAGE), ANNA)
    with pytest.raises(PeerError, match="not-keeper"):
        await wish(town, TOWN, "group-remove", group, village.did(VILLAGE))
    await memberships.change(COUNTY, town.did(TOWN), "expelled", "Test", ANNA)
    with pytest.raises(PeerError, match="not-listed"):
        await wish(town, TOWN, "group-add", group, village.did(VILLAGE))
    with pytest.raises(Unknown, match="no-member"):
        await groups.put(COUNTY, FOREST, {"de": "Waldgemeinden"}, town.did(TOWN), ANNA)


@pytest.mark.threat("T107")
async def test_nobody_is_named_that_did_not_agree(county: County, town: City) -> None:
    """>> agrees without being asked; asked, agrees while suspended; declines, agrees << refused, and on no list."""
    await joined(town, TOWN, county)
    group, groups = await begun(county), county.city.services.spaces.groups
    await county.issue()
    with pytest.raises(PeerError, match="group-not-asked"):
        await wish(town, TOWN, "group-agree", group)
    await groups.ask(COUNTY, FOREST, town.did(TOWN), ANNA)
    memberships = county.city.services.spaces.memberships
    await memberships.change(COUNTY, town.did(TOWN), "suspended", "Test", ANNA)
    with pytest.raises(PeerError, match="group-not-asked"):
        await wish(town, TOWN, "group-agree", group)
    await memberships.change(COUNTY, town.did(TOWN), "active", "", ANNA)
    await wish(town, TOWN, "group-leave", group)
    with pytest.raises(PeerError, match="group-not-asked"):
        await wish(town, TOWN, "group-agree", group)
    await county.issue()
    assert listed(county, town.did(TOWN)).group_periods == ()


@pytest.mark.threat("T107")
async def test_nobody_in_particular_is_taken_out(county: County, town: City) -> None:
    """>> a removal that names nobody: of the keeper, and of a person of the authority << members stay."""
    await joined(town, TOWN, county)
    group, groups = await begun(county, town.did(TOWN)), county.city.services.spaces.groups
    await known(county, town)
    await wish(town, TOWN, "group-add", group, town.did(TOWN))
    with pytest.raises(PeerError):
        await wish(town, TOWN, "group-remove", group)
    with pytest.raises(PeerError):
        await groups.remove(COUNTY, FOREST, "", ANNA)
    (filled,) = await groups.all(COUNTY)
    assert [(one.did, one.state) for one in filled.grouped] == [(town.did(TOWN), "member")]


@pytest.mark.threat("T107")
async def test_a_stranger_and_a_group_elsewhere(county: County, town: City) -> None:
    """>> a DID that is no member; a group of another space, or below no space << refused."""
    await joined(town, TOWN, county)
    group = await begun(county, town.did(TOWN))
    await known(county, town)
    with pytest.raises(PeerError, match="no-member"):
        await wish(town, TOWN, "group-add", group, "did:web:somebody.example")
    space = grouping.space_of(group)
    for elsewhere in (f"{space}/groups/anderer", "https://other.example/space/groups/wald", space, f"{space}/wald"):
        claims = RequestClaims(space=space, request="group-add", group=elsewhere, member=town.did(TOWN))
        with pytest.raises(PeerError, match="no-group"):
            await town.services.spaces.elsewhere.ask(TOWN, claims)
    with pytest.raises(Unknown, match="not-joined"):
        await wish(town, TOWN, "group-agree", "https://other.example/space/groups/wald")


@pytest.mark.threat("T107")
async def test_who_comes_back_to_the_space_is_in_none_of_its_groups(county: County, town: City) -> None:
    """>> in a group, leaves the space, is admitted anew << a member, in no group; the period has its end."""
    await joined(town, TOWN, county)
    group = await begun(county)
    await county.city.services.spaces.groups.ask(COUNTY, FOREST, town.did(TOWN), ANNA)
    await wish(town, TOWN, "group-agree", group)
    await county.issue()
    assert group in listed(county, town.did(TOWN)).groups
    await town.services.spaces.joining.leave(TOWN, grouping.space_of(group))
    await county.issue()
    await joined(town, TOWN, county)
    entry = listed(county, town.did(TOWN))
    assert group not in entry.groups
    (period,) = entry.group_periods
    assert period.valid_until is not None


async def test_an_ended_group_stays_ended(county: County) -> None:
    """>> the authority is in it at once; ended, begun again << nobody in it, its IRI is never another's."""
    group, groups, own = await begun(county), county.city.services.spaces.groups, county.city.did(COUNTY)
    await groups.ask(COUNTY, FOREST, own, ANNA)
    await county.issue()
    assert group in listed(county, own).groups
    assert [one.keeper for one in county.city.services.trust.anchor.current.groups] == [own]
    await groups.end(COUNTY, FOREST, ANNA)
    await county.issue()
    assert group not in listed(county, own).groups
    with pytest.raises(Mistake, match="group-ended"):
        await begun(county)
    with pytest.raises(Mistake, match="group-ended"):
        await groups.ask(COUNTY, FOREST, own, ANNA)
    with pytest.raises(HanseError):
        await groups.put(COUNTY, "Wald", {"de": "Wald"}, "", ANNA)


async def test_the_authority_agrees_to_a_group_that_a_member_keeps(county: County, town: City) -> None:
    await joined(town, TOWN, county)
    group, own = await begun(county, town.did(TOWN)), county.city.did(COUNTY)
    await known(county, town)
    await wish(town, TOWN, "group-add", group, own)
    (mine,) = (await town.services.spaces.elsewhere.all(TOWN)).groups
    assert mine.members == {own: "asked"}
    await wish(county.city, COUNTY, "group-agree", group)
    await county.issue()
    assert group in listed(county, own).groups


async def test_who_is_asked_is_told_without_looking(county: County, town: City) -> None:
    """>> asked into two groups; the job looks, twice at once; one is agreed to, one withdrawn << known once each, gone
    with the answer or the next look; an authority that is away changes nothing."""
    one = await joined(town, TOWN, county)
    await town.stop_jobs()
    elsewhere, groups, did = town.services.spaces.elsewhere, county.city.services.spaces.groups, town.did(TOWN)
    iris = [await begun(county, name=name) for name in ("wald", "see")]

    async def looked() -> list[str]:
        elsewhere._begun = None
        await asyncio.gather(elsewhere.work(), elsewhere._next(TOWN, one.space))
        return await asked()

    async def asked() -> list[str]:
        return [found.group for found in await town.services.infra.db.read(TOWN, news.asked, TOWN)]

    assert await looked() == []
    for name in ("wald", "see"):
        await groups.ask(COUNTY, name, did, ANNA)
    assert await looked() == sorted(iris)
    log = await town.services.infra.db.read(
        TOWN, lambda tx: tx.all("SELECT record FROM audit_entry WHERE type = 'space' ORDER BY id")
    )
    told = [row["record"] for row in log if json.loads(row["record"])["body"]["event"] == "asked"]
    assert [json.loads(row)["body"]["group"] for row in told] == sorted(iris)
    await wish(town, TOWN, "group-agree", iris[0])
    assert await asked() == [iris[1]]
    county.city.services.spaces.groups.standing = broken  # type: ignore[assignment,method-assign]
    assert await looked() == [iris[1]]
    assert [(away.space, found) for away in (await elsewhere.all(TOWN)).away for found in (1,)] == [(one.space, 1)]
    del county.city.services.spaces.groups.standing
    await groups.remove(COUNTY, "see", did, ANNA)
    assert await looked() == []


async def broken(*args: object) -> object:
    raise Unavailable("http.unreachable", host="kreis.example", reason="")


async def test_a_keeper_that_was_asked_agrees_by_adding_itself(county: County, town: City) -> None:
    """>> the authority asks the keeper, who then adds itself, twice << in it, once."""
    await joined(town, TOWN, county)
    group, did = await begun(county, town.did(TOWN)), town.did(TOWN)
    groups = county.city.services.spaces.groups
    await known(county, town)
    await groups.ask(COUNTY, FOREST, did, ANNA)
    for _ in range(2):
        await wish(town, TOWN, "group-add", group, did)
    (filled,) = await groups.all(COUNTY)
    assert [(one.did, one.state) for one in filled.grouped] == [(did, "member")]


@pytest.mark.threat("T107")
async def test_a_space_has_no_more_in_groups_than_a_list_can_say(
    county: County, town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> one more than fits into a list that everybody can read; a request beside which much is said << refused."""
    monkeypatch.setattr("connector.dataspace.spaces.keeping.groups.MOST_GROUPED", 1)
    await joined(town, TOWN, county)
    group, groups = await begun(county), county.city.services.spaces.groups
    await groups.ask(COUNTY, FOREST, county.city.did(COUNTY), ANNA)
    with pytest.raises(Mistake):
        await groups.ask(COUNTY, FOREST, town.did(TOWN), ANNA)
    await known(county, town)
    space = grouping.space_of(group)
    padded = RequestClaims(space=space, request="group-leave", group=group, statement="x" * 7_900, member="x" * 500)
    monkeypatch.setattr("connector.dataspace.spaces.keeping.memberships.BARE_BYTES", 8_000)
    with pytest.raises(PeerError) as refused:
        await town.services.spaces.elsewhere.ask(TOWN, padded)
    assert refused.value.code == "spaces.statement"


@pytest.fixture
async def nasty(space: Space) -> AsyncIterator[NastyPeer]:
    async with nasty_peer(space, kind=None) as peer:
        yield peer


async def post(county: County, nasty: NastyPeer, door: str, typ: str, **said: Any) -> Reply:
    token = nasty.token(county.city.did(COUNTY), typ=typ, space=f"{county.city.root(COUNTY)}/space", **said)
    url = f"{county.city.root(COUNTY)}/space/{door}"
    return await nasty.call("POST", url, token.encode(), Content_Type=documents.MEDIA)


@pytest.mark.threat("T107")
async def test_an_older_word_of_the_keeper_does_not_undo_a_newer_one(county: County, nasty: NastyPeer) -> None:
    """>> removes, then an addition that was signed before arrives << refused; the same request again is the same."""
    invited, own = await county.invite(), county.city.did(COUNTY)
    keys = {"keys": [nasty.signer.kid.partition("#")[2]]}
    asked = await post(
        county,
        nasty,
        "applications",
        documents.APPLICATION,
        code=invited.code,
        name="N",
        operator="N",
        kind="urn:k",
        ars="",
        keys=keys,
        documents=[],
    )
    for login in PEOPLE[:2]:
        await county.applications.note(COUNTY, asked.json["id"], "letter", good=True, note="", login=login)
        await county.applications.approve(COUNTY, asked.json["id"], login)
    group, now = await begun(county, nasty.did), county.city.services.infra.clock.now() // 1000

    async def said(request: str, iat: int, jti: str) -> int:
        reply = await post(
            county, nasty, "requests", documents.REQUEST, request=request, group=group, member=own, iat=iat, jti=jti
        )
        return reply.status

    assert await said("group-add", now - 120, "a" * 20) == 204
    assert await said("group-add", now - 120, "a" * 20) == 204
    assert await said("group-remove", now - 60, "b" * 20) == 204
    assert await said("group-add", now - 90, "c" * 20) == 400
    (found,) = await county.city.services.spaces.groups.all(COUNTY)
    assert [one.state for one in found.grouped] == ["ended"]
    bare = await nasty.call("GET", f"{county.city.root(COUNTY)}/space/groups")
    assert bare.status == 401


async def test_the_commands(county: County, town: City, capsys: pytest.CaptureFixture[str]) -> None:
    """>> create, add, agree, list, remove, end << as said."""
    await joined(town, TOWN, county)

    async def hanse(city: City, *words: str, code: int = 0) -> Any:
        capsys.readouterr()
        given = [*words, "--json", "--data", str(city.settings.folder)]
        assert await asyncio.to_thread(main, given, {"LANG": "en"}) == code
        return json.loads(capsys.readouterr().out.splitlines()[-1]) if code == 0 else None

    own, ours = ("--as", COUNTY), ("--as", COUNTY, "--who", ANNA)
    words = ("space", "group")
    made = await hanse(county.city, *words, "create", FOREST, "--label", "Wald", "--label-en", "Forest", *ours)
    assert made["label"] == {"de": "Wald", "en": "Forest"}
    await hanse(county.city, *words, "create", FOREST, "--label", "Wald", *own, code=1)  # nobody is named
    await hanse(county.city, *words, "add", FOREST, town.did(TOWN), *ours)
    found = await hanse(town, *words, "joined", "--as", TOWN)
    assert [one["state"] for one in found["groups"]] == ["asked"]
    await hanse(town, *words, "agree", made["group"], "--as", TOWN)
    await hanse(town, *words, "agree", FOREST, "--as", TOWN, code=1)
    found = await hanse(county.city, *words, "list", *own)
    assert [one["state"] for one in found["groups"][0]["members"]] == ["member"]
    await hanse(town, *words, "leave", made["group"], "--as", TOWN)
    await hanse(county.city, *words, "remove", FOREST, town.did(TOWN), *ours)
    ended = await hanse(county.city, *words, "end", FOREST, "--yes", *ours)
    assert ended["ended"]
