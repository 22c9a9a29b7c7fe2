"""Who takes a partner's place, by the trust list: in a city of its own, for the partner's is gone then."""

from typing import Any

import pytest

from connector.foundation.clock import rfc3339
from connector.identity.trust.members.trust_list import Predecessor
from connector.verify.bundle import verify_bundle
from tests.testkit.cities import City, Space
from tests.testkit.nasty import NastyPeer

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"


@pytest.mark.threat("T47")
async def test_a_successor_is_one_by_the_trust_list_alone(
    it: City, made: dict[str, Any], nasty: NastyPeer, space: Space
) -> None:
    """>> a member asks under another's agreement << 404; the authority names it as successor << 201, and the log."""
    signed = await it.negotiate(CONSUMER, it.did(PROVIDER), made["dataset"])
    assert signed["state"] == "FINALIZED", signed
    agreement, path = str(signed["agreement"]), f"/api/v1/participants/{PROVIDER}/agreements/{signed['agreement'][9:]}"
    asked = nasty.message(
        "TransferRequestMessage",
        agreementId=agreement,
        consumerPid="urn:uuid:1",
        format="HttpData-PULL",
        callbackAddress=nasty.base,
    )
    refused = await nasty.post(it, PROVIDER, "/2025-1/transfers/request", asked)
    assert refused.status == 404
    since = rfc3339(space.clock.now())
    await nasty.enlist(succeeds=(Predecessor(it.did(CONSUMER), since),))
    await space.reload(it)
    taken = await nasty.post(it, PROVIDER, "/2025-1/transfers/request", {**asked, "@id": "urn:uuid:again"})
    assert taken.status == 201, taken.body
    [succession] = (await it.api.get(f"{path}/life"))["successions"]
    assert succession == {
        "predecessor": it.did(CONSUMER),
        "successor": nasty.did,
        "since": since,
    }
    report = verify_bundle(await it.api.get(f"{path}/evidence"), space.roots, "de")
    assert report.holds_apart_from_time, report.reason
