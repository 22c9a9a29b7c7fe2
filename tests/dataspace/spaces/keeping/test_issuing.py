"""Versions of a list: batched, signed once, read by every verifier, whatever dies on the way and whoever is faster."""

import asyncio
import json
from typing import Any

import pytest

from connector.dataspace.spaces import documents, store
from connector.dataspace.spaces.model import DAY_MS, Member, Rules
from connector.dataspace.spaces.store import Version
from connector.foundation.clock import FakeClock, SystemClock
from connector.foundation.errors import Mistake, Unavailable
from connector.identity.trust.members.roots import roots_pem
from connector.identity.trust.members.trust_list import read_list
from connector.verify.checks import anchors
from connector.verify.formats import trustlist
from tests.dataspace.spaces.conftest import COUNTY, PEOPLE, TOWN, UNLISTED, County, joined
from tests.testkit.cities import City, Refused, Space


async def versions(county: County) -> list[Version]:
    return await county.city.services.infra.db.read(COUNTY, store.versions, COUNTY)


async def suspend(county: County, did: str, state: Any = "suspended") -> Member:
    return await county.city.services.spaces.memberships.change(COUNTY, did, state, "Test", PEOPLE[0])


async def listed(county: County) -> Any:
    space = await county.city.services.infra.db.read(COUNTY, store.space, COUNTY)
    newest = await county.city.services.infra.db.read(COUNTY, store.newest_version, COUNTY, signed=True)
    assert space is not None
    assert newest is not None
    return read_list(newest.jws, space.jwk)


async def test_every_verifier_reads_it(county: County, town: City) -> None:
    """The offline verifier, with the roots that the space's key makes."""
    await joined(town, TOWN, county)
    said = await county.authority.description(COUNTY)
    newest = await county.city.services.infra.db.read(COUNTY, store.newest_version, COUNTY, signed=True)
    assert newest is not None
    given = anchors.parse(roots_pem([], said.key).encode(), None)
    parsed = trustlist.proven(newest.jws.encode(), given.authority)
    assert set(parsed.members) == {county.city.did(COUNTY), town.did(TOWN)}


async def test_many_changes_are_one_version(county: County, town: City) -> None:
    await joined(town, TOWN, county)
    await county.city.stop_jobs()  # which would make one between two changes
    before = (await versions(county))[0].version
    for state in ("suspended", "active", "suspended"):
        await suspend(county, town.did(TOWN), state)
    await county.issue()
    await county.issue()
    assert (await versions(county))[0].version == before + 1


@pytest.mark.threat("T103")
async def test_what_dies_between_writing_and_signing_signs_the_same_bytes(
    county: County, town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the keeper of the key is away for a while << nothing unsigned is shown; later the version that was written."""
    await joined(town, TOWN, county)
    await county.city.stop_jobs()
    before = (await versions(county))[0]

    async def away(body: bytes, key: object, typ: str) -> str:
        raise Unavailable("signers.away")

    await suspend(county, town.did(TOWN))
    with monkeypatch.context() as patch:
        patch.setattr(documents, "signed", away)
        for _ in range(2):
            await county.issue()
        await suspend(county, town.did(TOWN), "active")
        await county.issue()
    assert (await versions(county))[0] == before
    waiting = await county.city.services.infra.db.read(COUNTY, store.newest_version, COUNTY, signed=False)
    assert waiting is not None
    await county.issuer.work()
    signed = (await versions(county))[0]
    assert (signed.version, signed.sha256) == (before.version + 1, waiting.sha256)
    await county.issue()
    assert (await listed(county)).version == before.version + 2


@pytest.mark.threat("T103")
async def test_two_replicas_make_one_version(county: County, town: City) -> None:
    await joined(town, TOWN, county)
    await county.city.stop_jobs()
    await suspend(county, town.did(TOWN))
    before = (await versions(county))[0].version
    hosted = await county.city.services.participants.get(COUNTY)
    await asyncio.gather(*(county.issuer.issue(hosted) for _ in range(4)))
    assert [one.version for one in await versions(county)] == list(range(before + 1, 0, -1))


@pytest.mark.threat("T103")
async def test_versions_stand_in_the_log_of_the_authority(county: County) -> None:
    newest = (await versions(county))[0]
    rows = await county.city.services.infra.db.read(
        COUNTY, lambda tx: tx.all("SELECT record FROM audit_entry WHERE type = 'space' ORDER BY id")
    )
    bodies = [json.loads(row["record"])["body"] for row in rows]
    assert {"event": "list", "version": newest.version, "claims": newest.sha256}.items() <= bodies[-1].items()


async def test_it_is_made_anew_at_half_of_its_life_and_terms_renew_themselves(space: Space) -> None:
    """>> two months in steps of three days << always fresh, the member renewed; where people renew, it ends."""
    clock = FakeClock(SystemClock().now())
    space.clock = clock
    county = County(await space.city("county", {COUNTY: "https://w3id.org/hanse/v1#county"}, UNLISTED))
    await county.found(Rules(term_days=30, renew_days=10, list_days=6))
    town = await space.city("town", {TOWN: "https://w3id.org/hanse/v1#municipality"}, UNLISTED)
    await joined(town, TOWN, county)
    for version in range((await listed(county)).version + 1, (await listed(county)).version + 21):
        clock.advance(3 * DAY_MS)
        await county.issue()
        assert (await listed(county)).version >= version
        assert (await listed(county)).next_update > (await listed(county)).issued
        assert county.city.services.trust.anchor.fresh(clock.now())
    assert county.city.services.trust.anchor.between(county.city.did(COUNTY), town.did(TOWN), clock.now())
    await county.authority.change_rules(COUNTY, Rules(term_days=30, renewal="people", list_days=6))
    for _ in range(14):
        clock.advance(3 * DAY_MS)
        await county.issue()
    (member,) = [one for one in await county.city.services.spaces.memberships.all(COUNTY) if one.did == town.did(TOWN)]
    assert member.state == "ended"


async def test_what_the_list_says_is_in_force_at_once(county: County, town: City) -> None:
    """>> suspended, resumed, expelled << data are refused, given, refused for good; each with the next version."""
    made = await county.city.publish(COUNTY)
    await joined(town, TOWN, county)
    agreed = await town.negotiate(TOWN, county.city.did(COUNTY), made["dataset"])
    assert (await town.fetch(TOWN, agreed["agreement"]))["state"] == "COMPLETED"
    claims = county.city.services.trust.anchor
    for state, belongs in (("suspended", False), ("active", True), ("expelled", False)):
        await suspend(county, town.did(TOWN), state)
        await county.issue()
        found = claims.belonging(county.city.did(COUNTY), town.did(TOWN), county.city.services.infra.clock.now())
        assert bool(found) is belongs
        if not belongs:
            await town.services.trust.listing.reload()
            with pytest.raises(Refused):
                await town.fetch(TOWN, agreed["agreement"])
    with pytest.raises(Mistake):
        await suspend(county, town.did(TOWN), "active")
