"""The trust list at the door: never an older one, nothing new under a stale one, suspended members out at once."""

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from connector.foundation.clock import FakeClock, SystemClock
from tests.testkit.cities import MUNICIPALITY, PURPOSE, Refused, Space, data_space
from tests.testkit.nasty import NastyPeer, nasty_peer

ASK: dict[str, Any] = {
    "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"],
    "@type": "CatalogRequestMessage",
}
REQUEST = "/2025-1/catalog/request"
YEAR = 366 * 86_400_000


async def test_an_older_list_is_not_taken_back_even_after_a_restart(space: Space, nasty: NastyPeer) -> None:
    """>> the list from before a suspension put back << 400, and 401 for the suspended member; also after a restart."""
    place = space.folder / "trust" / "list.jws"
    async with space.running("it", {"musterstadt": MUNICIPALITY}) as it:
        older = place.read_text()
        await nasty.enlist(state="suspended")
        await space.reload(it)
        place.write_text(older)
        with pytest.raises(Refused) as refused:
            await space.reload(it)
        assert refused.value.status == 400
        assert (await nasty.post(it, "musterstadt", REQUEST, ASK)).status == 401
    async with space.running("it", {}) as it:
        assert (await nasty.post(it, "musterstadt", REQUEST, ASK)).status == 401


async def test_a_list_that_the_authority_did_not_sign_changes_nothing(space: Space, nasty: NastyPeer) -> None:
    """>> a higher version with a bent payload << refused, the old list stays in force."""
    it = await space.city("it", {"musterstadt": MUNICIPALITY})
    place = space.folder / "trust" / "list.jws"
    head, body, signature = place.read_text().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["version"] += 1
    bent = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    version = it.services.trust.anchor.version
    place.write_text(f"{head}.{bent}.{signature}")
    with pytest.raises(Refused):
        await space.reload(it)
    assert it.services.trust.anchor.version == version
    assert (await nasty.post(it, "musterstadt", REQUEST, ASK)).status == 200


async def test_under_a_stale_list_nothing_new_is_negotiated() -> None:
    """>> a year without a new list << members still read the catalogue, but get no contract and ask for none."""
    clock = FakeClock(SystemClock().now())
    with tempfile.TemporaryDirectory(prefix="h") as folder:
        async with data_space(Path(folder), clock) as space, nasty_peer(space) as nasty:
            it = await space.city("it", {"musterstadt": MUNICIPALITY, "nachbardorf": MUNICIPALITY})
            made = await it.publish("musterstadt")
            offer = await nasty.offer(it, "musterstadt", made["dataset"])
            clock.advance(YEAR)
            assert (await nasty.post(it, "musterstadt", REQUEST, ASK)).status == 200
            asked = nasty.contract_request(offer)
            reply = await nasty.post(it, "musterstadt", "/2025-1/negotiations/request", asked)
            assert reply.status == 400
            assert "Vertrauensliste" in reply.json["reason"][0]
            body = {"provider": it.did("musterstadt"), "dataset": made["dataset"], "purpose": PURPOSE}
            with pytest.raises(Refused) as refused:
                await it.api.post("/api/v1/participants/nachbardorf/negotiations", body)
            assert refused.value.status == 503
