"""A member moves to another operator: the list says so once the member and its new DID have said it."""

import pytest
from msgspec.structs import replace

from connector.dataspace.spaces import member_store
from connector.dataspace.spaces.decision import grouping
from connector.dataspace.spaces.documents import RequestClaims
from connector.foundation.errors import PeerError
from connector.foundation.storage.database import Tx
from connector.identity.participants import handover
from tests.cities.moves import moved
from tests.dataspace.spaces.conftest import COUNTY, PEOPLE, TOWN, UNLISTED, County, joined
from tests.testkit.cities import MUNICIPALITY, City, Space

STRANGER = "fremdstadt"


@pytest.mark.threat("T115")
async def test_the_list_follows_a_member_that_moves(county: County, town: City, space: Space) -> None:
    """>> a member moves that keeps a group, is in it, and has a contract for it << its new process tells the authority:
    the old entry has left, the new one stands in its place, under the new operator, in the group and its keeper, and
    has data; the same again changes nothing. A stranger with the statement gets nowhere, and an operator that hides
    something in its name neither."""
    await joined(town, TOWN, county)
    old, groups = town.did(TOWN), county.city.services.spaces.groups
    group = (await groups.put(COUNTY, "wald", {"de": "Wald"}, old, PEOPLE[0])).iri
    said = RequestClaims(space=grouping.space_of(group), request="group-add", group=group, member=old)
    await county.issue()
    await town.services.trust.listing.reload()
    await town.services.spaces.elsewhere.ask(TOWN, said)
    await groups.ask(COUNTY, "wald", county.city.did(COUNTY), PEOPLE[0])
    await county.issue()
    await town.services.trust.listing.reload()
    made = await county.city.publish(COUNTY, slots={"until": "31.12.2099", "space": group})
    agreed = await town.negotiate(TOWN, county.city.did(COUNTY), made["dataset"])
    async with space.running("new", {STRANGER: MUNICIPALITY}, UNLISTED) as new:
        _, statement = await moved(town, new, TOWN)
        joining, now = new.services.spaces.joining, new.services.infra.clock.now()
        one = (await joining.all(TOWN))[0]
        stranger = await new.services.participants.get(STRANGER)
        claims = RequestClaims(space=one.space, request="move", statement=statement)
        for said in (claims, RequestClaims(space=one.space, request="move", statement="a.b.c")):
            with pytest.raises(PeerError):
                await joining.request(stranger, one, said)
        assert [one.did for one in await county.city.services.spaces.memberships.all(COUNTY)].count(old) == 1
        hosted = await new.services.participants.get(TOWN)
        keys = await joining._own_keys(hosted)
        for hidden in ("Kom\u200bIT", "\u2800"):
            with pytest.raises(PeerError, match=r"participants\.name"):
                await joining.request(hosted, one, replace(claims, keys=keys, operator=hidden))
        await joining.tell_keys(hosted)
        await county.issue()
        await new.services.trust.listing.reload()
        found = {one.did: one for one in await county.city.services.spaces.memberships.all(COUNTY)}
        after = found[new.did(TOWN)]
        assert (found[old].state, after.state, after.succeeds[0][0]) == ("left", "active", old)
        assert (after.name, after.operator) == (found[old].name, stranger.participant.operator)
        assert (await joining.all(TOWN))[0].moved == ""
        (filled,) = await groups.all(COUNTY)
        states = {each.did: each.state for each in filled.grouped}
        assert (filled.group.keeper, states[old], states[new.did(TOWN)]) == (new.did(TOWN), "ended", "member")
        await joining.request(hosted, one, replace(claims, keys=keys))
        assert len(await county.city.services.spaces.memberships.all(COUNTY)) == len(found)
        anchor = new.services.trust.anchor
        assert anchor.line_for().successor(old, now + 60_000) == new.did(TOWN)
        fetched = await new.fetch(TOWN, agreed["agreement"])
        assert fetched["state"] == "COMPLETED"


@pytest.mark.threat("T115")
async def test_who_is_no_member_any_more_does_not_come_back_by_a_move(county: County, town: City, space: Space) -> None:
    """>> a member moves, and its former place says besides that it stays, that it goes elsewhere, or that another one
    goes << none of them is the word for a move; >> it is expelled, and the right word arrives << refused, no member;
    >> it is one again, and the new DID another member << refused, both as they were."""
    await joined(town, TOWN, county)
    old, memberships = town.did(TOWN), county.city.services.spaces.memberships
    before = await town.services.participants.get(TOWN)
    async with space.running("new", {STRANGER: MUNICIPALITY}, UNLISTED) as new:
        _, statement = await moved(town, new, TOWN)
        joining, hosted = new.services.spaces.joining, await new.services.participants.get(TOWN)
        one, keys = (await joining.all(TOWN))[0], await joining._own_keys(hosted)
        key = before.signers["peer"]
        right = handover.read(statement, key.public_jwk)
        other = new.did(STRANGER)
        bent = (replace(right, word="stays"), replace(right, to=other), replace(right, origin=other))

        async def refused(word: str) -> None:
            claims = RequestClaims(space=one.space, request="move", statement=word, keys=keys)
            with pytest.raises(PeerError):
                await joining.request(hosted, one, claims)

        for said in bent:
            await refused(handover.signed(said, key))
        assert {each.did: each.state for each in await memberships.all(COUNTY)}[old] == "active"
        await memberships.change(COUNTY, old, "expelled", "Test", PEOPLE[0])
        await refused(statement)
        assert {each.did: each.state for each in await memberships.all(COUNTY)}[old] == "expelled"
        assert new.did(TOWN) not in {each.did for each in await memberships.all(COUNTY)}

        def both(tx: Tx) -> None:
            found = member_store.member(tx, COUNTY, old)
            assert found is not None
            member_store.put_member(tx, replace(found, state="active"))
            member_store.put_member(tx, replace(found, did=new.did(TOWN), name="Other", state="active", version=0))

        await county.city.stop_jobs()  # which would see that the term of the expelled one is over
        await county.city.services.infra.db.write(COUNTY, both)
        await refused(statement)
        found = {each.did: each for each in await memberships.all(COUNTY)}
        assert (found[old].state, found[new.did(TOWN)].name) == ("active", "Other")
