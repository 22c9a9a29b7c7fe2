"""A list is never longer than its readers take, however much its members say within their own bounds."""

import base64
import json
import os
from contextlib import suppress

import pytest
from msgspec.structs import replace

from connector.dataspace.spaces import documents, member_store, store
from connector.dataspace.spaces.decision import member_keys, membership, next_list
from connector.dataspace.spaces.documents import RequestClaims
from connector.dataspace.spaces.keeping import listing
from connector.dataspace.spaces.model import Keys, Member
from connector.foundation.errors import Mistake, PeerError
from connector.foundation.storage.database import Tx
from connector.identity.trust.keys.signing import SoftwareKey
from connector.identity.trust.members.list_reader import ListReader
from connector.identity.trust.members.pin import URN
from connector.identity.trust.members.trust_list import LIMIT, NODES, TYP, SecondKey, TrustList
from connector.verify.formats import trustlist
from tests.cities.moves import moved
from tests.dataspace.spaces.conftest import COUNTY, PEOPLE, TOWN, UNLISTED, VILLAGE, County, Start, applied, joined
from tests.testkit.cities import MUNICIPALITY, City, Space

EMPTY = TrustList(
    version=1, issued="2026-01-01T00:00:00Z", next_update="2026-02-01T00:00:00Z", authority="urn:a", name="n"
)


def random(size: int) -> str:
    return base64.urlsafe_b64encode(os.urandom(size)).decode().rstrip("=")


def second(number: int) -> dict[str, str]:
    return {"kty": "AKP", "alg": "ML-DSA-44", "kid": str(number), "pub": random(1_312)}


def member(number: int) -> Member:
    """With as many keys as one member may have."""
    keys = Keys(log_keys=tuple(second(at) for at in range(36)))
    made = Member(
        participant=COUNTY,
        did=f"did:web:m{number}.example",
        name=f"M {number}",
        operator="RZ",
        kind="urn:k",
        ars="",
        admin_level="",
        keys=keys,
        succeeds=(),
        state="active",
        since=1,
        until=None,
        suspended_since=None,
        reason="",
        application="",
        changed_at=1,
        version=0,
    )
    next_list.require_listable(made, 1)
    return made


@pytest.mark.threat("T123")
async def test_the_longest_list_is_read_and_no_longer_one_is_made() -> None:
    """>> as long as may be, and one byte more << read by members and by the offline verifier; refused."""
    key, bare = SoftwareKey.generate("peer", ""), len(listing.claims_of(EMPTY))
    longest = listing.claims_of(replace(EMPTY, name="n" * (listing.MOST_CLAIMS - bare + 1)))
    listing.require_readable(longest)
    jws = await documents.signed(longest.encode(), key, TYP)
    assert LIMIT - 512 < len(jws) <= LIMIT
    assert ListReader(key.public_jwk).read(jws).version == 1
    assert trustlist.parse(jws.encode()).version == 1
    for longer, reserve in ((longest + " ", 0), (longest, 1)):
        with pytest.raises(Mistake, match="list-full"):
            listing.require_readable(longer, reserve)


@pytest.mark.threat("T123")
async def test_a_list_of_too_many_values_is_refused_as_its_readers_refuse_it() -> None:
    """>> short, with as many values as may be, and with one more."""
    key = SoftwareKey.generate("peer", "")
    bare = json.loads(listing.claims_of(EMPTY))
    for more, read in ((0, True), (1, False)):
        claims = json.dumps({**bare, "issuers": [], "x": [0] * (NODES - len(bare) - 3 + 1 + more)})
        jws = await documents.signed(claims.encode(), key, TYP)
        if read:
            listing.require_readable(claims)
            assert ListReader(key.public_jwk).read(jws).version == 1
            continue
        with pytest.raises(Mistake, match="list-full"):
            listing.require_readable(claims)
        with pytest.raises(PeerError, match="token-form"):
            ListReader(key.public_jwk).read(jws)


@pytest.mark.threat("T123")
async def test_members_with_very_many_keys_fill_a_list_and_break_none(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> members with 64 KiB of keys each, and an eighth of the room << admitted until the list is full; it is read,
    also when all have ended."""
    for name in ("MOST_CLAIMS", "RESERVE"):
        monkeypatch.setattr(listing, name, getattr(listing, name) // 8)
    db = county.city.services.infra.db

    def add(tx: Tx, numbers: range, *, asks: bool) -> None:
        for number in numbers:
            member_store.put_member(tx, member(number))
            store.changed(tx, COUNTY)
        if asks:
            listing.require_room(tx, COUNTY)

    def end(tx: Tx) -> None:
        for one in member_store.members(tx, COUNTY):
            if one.name.startswith("M "):
                member_store.put_member(tx, membership.step(one, "suspended", tx.now))
                store.changed(tx, COUNTY)

    await db.write(COUNTY, lambda tx: add(tx, range(7), asks=False))
    await county.issue()
    number = 7
    with suppress(Mistake):
        while number < 20:
            await db.write(COUNTY, lambda tx, at=number: add(tx, range(at, at + 1), asks=True))
            number += 1
    assert 8 < number < 12, number
    for unit in (None, end):
        if unit is not None:
            await db.write(COUNTY, unit)
        await county.issue()
        newest = await db.read(COUNTY, store.newest_version, COUNTY, signed=True)
        assert newest is not None
        assert LIMIT // 8 * 3 // 4 < len(newest.jws) <= LIMIT // 8
        known = county.city.services.trust.anchor.current
        assert (known.version, len(known.participants)) == (newest.version, number + 1)


@pytest.mark.threat("T123")
async def test_a_full_list_takes_nobody_in_and_lets_everybody_go(
    county: County, town: City, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> no room left: a second yes, a group, one that is agreed to, another space, many more keys; other keys instead
    of stolen ones, an end << refused, with nothing changed; taken, and in the next list."""
    one = await joined(town, TOWN, county)
    village = await start("village", VILLAGE)
    waiting = await applied(village, VILLAGE, await county.invite(), county)
    groups = county.city.services.spaces.groups
    wald = (await groups.put(COUNTY, "wald", {"de": "Wald"}, "", PEOPLE[0])).iri
    await groups.ask(COUNTY, "wald", town.did(TOWN), PEOPLE[0])
    await county.issue()
    newest = await county.city.services.infra.db.read(COUNTY, store.newest_version, COUNTY, signed=True)
    assert newest is not None
    monkeypatch.setattr(listing, "MOST_CLAIMS", len(newest.claims.encode()) + listing.RESERVE)
    with pytest.raises(Mistake, match="list-full"):
        await county.admit(waiting)
    with pytest.raises(Mistake, match="list-full"):
        await groups.ask(COUNTY, "wald", county.city.did(COUNTY), PEOPLE[0])
    with pytest.raises(Mistake, match="list-full"):
        await groups.put(COUNTY, "see", {"de": "See"}, "", PEOPLE[0])
    memberships, joining = county.city.services.spaces.memberships, town.services.spaces.joining
    key = SoftwareKey.generate("peer", "").public_jwk
    elsewhere = replace(await county.authority.description(COUNTY), authority=f"{URN}{key['kid']}", key=key)
    with pytest.raises(Mistake, match="list-full"):
        await memberships.recognise(COUNTY, elsewhere, (), PEOPLE[0])
    hosted = await town.services.participants.get(TOWN)
    former = tuple(SecondKey({"kty": "AKP", "alg": "ML-DSA-44", "pub": f"{at:0400}"}) for at in range(40))
    many = replace(await joining._own_keys(hosted), former_seal_keys_pq=former)
    with monkeypatch.context() as few:
        few.setattr(member_keys, "FEW_BYTES", 2_048)
        for said in (
            RequestClaims(space=one.space, request="group-agree", group=wald),
            RequestClaims(space=one.space, request="keys", keys=many),
        ):
            with pytest.raises(PeerError, match="list-full"):
                await joining.request(hosted, one, said)
    assert (await village.services.spaces.joining.progress(VILLAGE, waiting.space)).state == "pending"
    await town.services.participants.rotate(TOWN, "peer")
    await joining.tell_keys(await town.services.participants.get(TOWN))
    await county.issue()
    entry = county.city.services.trust.anchor.entry(town.did(TOWN))
    fresh = (await town.services.participants.get(TOWN)).signers["peer"].kid.rpartition("#")[2]
    assert entry is not None
    assert fresh in entry.keys
    await memberships.change(COUNTY, town.did(TOWN), "expelled", "Test", PEOPLE[0])
    await county.issue()
    entry = county.city.services.trust.anchor.entry(town.did(TOWN))
    assert entry is not None
    assert entry.valid_until is not None


@pytest.mark.threat("T123")
async def test_a_member_that_moves_with_more_than_the_list_can_say_stays(
    county: County, town: City, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> the new entry is the one too many << refused, and the old one is a member as before; with room << moved."""
    await joined(town, TOWN, county)
    await county.issue()
    newest = await county.city.services.infra.db.read(COUNTY, store.newest_version, COUNTY, signed=True)
    assert newest is not None
    async with space.running("new", {VILLAGE: MUNICIPALITY}, UNLISTED) as new:
        _, statement = await moved(town, new, TOWN)
        joining, hosted = new.services.spaces.joining, await new.services.participants.get(TOWN)
        one, keys = (await joining.all(TOWN))[0], await joining._own_keys(hosted)
        claims = RequestClaims(space=one.space, request="move", statement=statement, keys=keys)
        with monkeypatch.context() as full:
            full.setattr(listing, "MOST_CLAIMS", len(newest.claims.encode()) + listing.RESERVE)
            with pytest.raises(PeerError, match="list-full"):
                await joining.request(hosted, one, claims)
        found = {each.did: each.state for each in await county.city.services.spaces.memberships.all(COUNTY)}
        assert (found[town.did(TOWN)], new.did(TOWN) in found) == ("active", False)
        await joining.request(hosted, one, claims)
        found = {each.did: each.state for each in await county.city.services.spaces.memberships.all(COUNTY)}
        assert (found[town.did(TOWN)], found[new.did(TOWN)]) == ("left", "active")


@pytest.mark.threat("T123")
async def test_no_version_is_made_that_its_readers_would_refuse(
    county: County, town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """>> a change that nobody asked room for makes the list too long << no version, the one before stands; with room
    << made."""
    await joined(town, TOWN, county)
    db, hosted = county.city.services.infra.db, await county.city.services.participants.get(COUNTY)
    before = await db.read(COUNTY, store.newest_version, COUNTY, signed=False)
    assert before is not None
    with monkeypatch.context() as full:
        full.setattr(listing, "MOST_CLAIMS", len(before.claims) // 2)
        await county.city.services.spaces.memberships.change(COUNTY, town.did(TOWN), "suspended", "Test", PEOPLE[0])
        with pytest.raises(Mistake, match="list-full"):
            await county.issuer.issue(hosted)
        assert await db.read(COUNTY, store.newest_version, COUNTY, signed=False) == before
    await county.issue()
    after = await db.read(COUNTY, store.newest_version, COUNTY, signed=True)
    assert after is not None
    assert after.version == before.version + 1


def test_former_keys_of_one_member_are_bounded_like_its_keys() -> None:
    """>> more former keys for second seals than 64 KiB << those that count longest."""
    former = tuple(SecondKey(second(at), valid_until=f"2027-01-{at % 28 + 1:02}T00:00:00Z") for at in range(60))
    kept = next_list._bounded(replace(next_list.entry_of(member(1)), former_seal_keys_pq=former)).former_seal_keys_pq
    assert former[: len(kept)] == kept
    assert 30 < len(kept) < 40
