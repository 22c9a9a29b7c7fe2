"""`hanse space recovery`, `recover`: what members hold is shown, and taken back by a person who read it."""

import asyncio
import io

import pytest
from msgspec.structs import replace

from connector.cli.main import main
from connector.dataspace.spaces import group_store, member_store
from connector.dataspace.spaces.documents import RequestClaims
from connector.identity.trust.members.trust_list import TrustList, read_list
from tests.cli.playback import Terminal
from tests.dataspace.spaces.backups import Backup
from tests.dataspace.spaces.conftest import COUNTY, COUNTY_KIND, PEOPLE, RULES, TOWN, UNLISTED, County, joined
from tests.testkit.cities import MUNICIPALITY, City, Space

pytestmark = pytest.mark.threat("T151")
ANNA, OTHER = PEOPLE[0], "nachbarkreis"
SEAL = "c" * 64


@pytest.fixture
async def county(space: Space) -> County:
    """In its process is another authority, whose members it is going to recognise."""
    made = County(await space.city("county", {COUNTY: COUNTY_KIND, OTHER: COUNTY_KIND}, UNLISTED))
    await made.found()
    await made.city.stop_jobs()
    await made.authority.create(OTHER, "Datenraum Nachbarkreis", RULES)
    await made.issue()
    return made


@pytest.fixture
async def town(space: Space) -> City:
    return await space.city("town", {TOWN: MUNICIPALITY}, UNLISTED)


async def typed(county: County, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What a person reads."""
    capsys.readouterr()
    given = ["space", *words, "--as", COUNTY, "--data", str(county.city.settings.folder), "--lang", "en"]
    assert await asyncio.to_thread(main, given, {"LANG": "en"}) == code
    out = capsys.readouterr()
    return out.out + out.err


async def served(county: County, slug: str) -> TrustList | None:
    said = await county.authority.description(slug)
    jws = await county.issuer.newest(said.authority)
    return None if jws is None else read_list(jws, said.key)


async def rows(county: County) -> object:
    """Who is in which group, whom the space recognises, and the keys of members."""
    db = county.city.services.infra.db
    members = await db.read(COUNTY, member_store.members, COUNTY)
    return (
        [(one.name, one.label, one.ended_at is None) for one in await db.read(COUNTY, group_store.groups, COUNTY)],
        [(one.name, one.did, one.until is None) for one in await db.read(COUNTY, group_store.grouped, COUNTY)],
        [one.authority for one in await db.read(COUNTY, member_store.recognised, COUNTY)],
        {one.did: (one.keys.seal_certificates, one.keys.log_keys, one.keys.keys) for one in members},
    )


async def test_groups_recognitions_and_keys_are_taken_back_by_a_person_who_read_it(
    county: County, town: City, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a backup; then a group is made and joined, another ends, a space is recognised, and people agree to a seal
    certificate; the backup is put back, twice << `recovery` says what is lost and what to type; a wrong number is
    refused, a no and a script change nothing; a yes takes all of it back; the other authority of the process serves its
    list all the time."""
    spaces, one = county.city.services.spaces, await joined(town, TOWN, county)
    own, did = county.city.did(COUNTY), town.did(TOWN)
    await town.stop_jobs()
    assert "knows every list" in await typed(county, capsys, "recovery")
    await spaces.groups.put(COUNTY, "see", {"de": "See"}, "", ANNA)
    await county.issue()
    backup = await Backup(county).made()
    await spaces.groups.put(COUNTY, "wald", {"de": "Wald"}, "", ANNA)
    await spaces.groups.ask(COUNTY, "wald", own, ANNA)
    await spaces.groups.end(COUNTY, "see", ANNA)
    await spaces.memberships.recognise(COUNTY, await county.authority.description(OTHER), (), ANNA)
    joining, hosted = town.services.spaces.joining, await town.services.participants.get(TOWN)
    keys = replace(await joining._own_keys(hosted), seal_certificates=(SEAL,))
    await joining.request(hosted, one, RequestClaims(space=one.space, request="keys", keys=keys))
    for login in PEOPLE[:2]:
        await spaces.certificates.approve(COUNTY, did, SEAL, login)
    await county.issue()
    await town.services.trust.listing.reload()
    lost, newest = await rows(county), await served(county, COUNTY)
    assert newest is not None
    for _ in range(2):
        await backup.put_back()
        assert await rows(county) != lost
        await county.issuer.work()
        assert await served(county, COUNTY) is None
        assert await served(county, OTHER) is not None
    told = await typed(county, capsys, "recovery")
    for said in (f"--list {newest.version}", f"({did}): other keys", f"({own}): ", "this one recognises"):
        assert said in told
    recover = ("recover", "--who", ANNA, "--list")
    await typed(county, capsys, *recover, str(newest.version - 1), "--yes", code=1)
    monkeypatch.setattr("sys.stdin", Terminal("no\n"))
    await typed(county, capsys, *recover, str(newest.version))
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    await typed(county, capsys, *recover, str(newest.version), code=2)
    assert await served(county, COUNTY) is None
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    assert "Done. The next list has a number from" in await typed(county, capsys, *recover, str(newest.version))
    assert await rows(county) == lost
    await county.issue()
    after = await served(county, COUNTY)
    assert after is not None
    assert after.version > newest.version
    assert (after.groups, after.recognised) == (newest.groups, newest.recognised)
    assert [replace(each, group_periods=()) for each in after.participants] == [
        replace(each, group_periods=()) for each in newest.participants
    ]
