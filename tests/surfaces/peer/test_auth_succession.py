"""Whose place another has taken by the trust list is refused at every door, though the list names it still."""

from typing import Any

import pytest

from connector.identity.participants.succession import Gone
from connector.identity.trust.members.trust_list import Predecessor
from tests.testkit.cities import MUNICIPALITY, Space
from tests.testkit.nasty import NastyPeer, nasty_peer

ASK: dict[str, Any] = {
    "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
    "@type": "CatalogRequestMessage",
}
REQUEST = "/2025-1/catalog/request"
LONG_AGO, LATER = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
pytestmark = pytest.mark.threat("T118")


async def test_the_old_provider_is_refused_from_the_day_on(space: Space, nasty: NastyPeer) -> None:
    """>> a member; another succeeds it some day; since long ago << taken, taken, 401; the successor is taken.

    >> the list from before that put back << refused as a rollback, and 401 as before.
    """
    place = space.folder / "trust" / "list.jws"
    it = await space.city("it", {"musterstadt": MUNICIPALITY})
    async with nasty_peer(space) as heir:
        for since, status in ((LATER, 200), (LONG_AGO, 401)):
            before = place.read_text()
            await heir.enlist(succeeds=(Predecessor(did=nasty.did, since=since),))
            await space.reload(it)
            assert (await nasty.post(it, "musterstadt", REQUEST, ASK)).status == status
            assert (await heir.post(it, "musterstadt", REQUEST, ASK)).status == 200
        place.write_text(before)
        assert (await nasty.post(it, "musterstadt", REQUEST, ASK)).status == 401
        assert (await nasty.post(it, "musterstadt", REQUEST, ASK, iss=heir.did, sub=heir.did)).status == 401


@pytest.mark.threat("T110")
async def test_a_town_from_a_backup_of_before_its_move_serves_nobody(space: Space, nasty: NastyPeer) -> None:
    """>> its row says that it works here, the list that another has taken its place << 410 with that one, at every
    door but its DID document; nothing is booked, and it signs no token either."""
    it = await space.city("it", {"musterstadt": MUNICIPALITY})
    async with nasty_peer(space) as heir:
        await heir.enlist(succeeds=(Predecessor(did=it.did("musterstadt"), since=LONG_AGO),))
        await space.reload(it)
        for who in (nasty, heir):
            reply = await who.post(it, "musterstadt", REQUEST, ASK)
            assert (reply.status, heir.did in reply.body.decode()) == (410, True)
        assert (await nasty.call("GET", it.root("musterstadt") + "/did.json")).status == 200
        with pytest.raises(Gone):
            await it.services.peer._token("musterstadt", nasty.did)
