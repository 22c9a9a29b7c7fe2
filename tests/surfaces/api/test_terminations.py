"""What a stranger shows as an offer is looked at before it is compared with a contract of ours."""

from types import SimpleNamespace
from typing import Any

import pytest

from connector.app.policy_engine import policy_engine
from connector.exchange.contracts.agreement.agreements import Agreements
from connector.foundation.errors import PeerError
from connector.surfaces.api.terminations import TerminationHandlers


class Shown:
    """A provider whose catalogue has this offer."""

    def __init__(self, offer: dict[str, Any]) -> None:
        self.offer = offer

    async def dataset(self, *_: str) -> dict[str, Any]:
        return {"hasPolicy": [self.offer]}


async def test_an_offer_that_is_no_policy_is_said_and_is_no_defect_of_ours() -> None:
    """>> compare with an offer whose rules are a number << the place in it, as the peer's mistake."""
    own: Any = policy_engine()
    agreements = Agreements(None, None, own)  # type: ignore[arg-type]
    contracts: Any = SimpleNamespace(agreements=agreements)
    peers: Any = Shown({"@id": "urn:offer", "@type": "Offer", "permission": 7})
    nothing: Any = None
    handlers = TerminationHandlers(nothing, nothing, nothing, contracts, nothing, nothing, peers, own, nothing)
    ours: Any = SimpleNamespace(role="consumer", counterparty="did:web:b.example", dataset="urn:dataset")
    with pytest.raises(PeerError, match=r"contracts\.policy"):
        await handlers._offered("a", ours, "urn:offer")
