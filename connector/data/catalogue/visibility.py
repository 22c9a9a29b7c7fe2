"""Who may see an offer: every member, or only those whom its policy permits in the phase `catalog`.

What a peer may not see is not there for it: neither on a page, nor by its name, nor in a count (threat T24).
"""

from collections.abc import Mapping

import msgspec

from connector.data.catalogue.model import Offer, Terms
from connector.kernel.policy.engine import PolicyEngine, Requester


def may_see(engine: PolicyEngine, requester: Requester, offer: Offer, now: int) -> bool:
    """Whether this peer may see an offer of ours now (ms)."""
    return offer.visibility == "members" or _permitted(engine, requester, offer.policy, now)


class Viewer:
    """The same for many offers at one moment; each policy is judged once, however many datasets are under it."""

    def __init__(self, engine: PolicyEngine, requester: Requester, now: int) -> None:
        self._engine, self._requester, self._now = engine, requester, now
        self._decided: dict[str, bool] = {}

    def visible(self, offers: tuple[Terms, ...]) -> tuple[Terms, ...]:
        """Those that the peer may see, in their order."""
        return tuple(offer for offer in offers if offer.visibility == "members" or self._decide(offer))

    def _decide(self, offer: Terms) -> bool:
        if offer.digest not in self._decided:
            policy = msgspec.json.decode(offer.policy)
            self._decided[offer.digest] = _permitted(self._engine, self._requester, policy, self._now)
        return self._decided[offer.digest]


def _permitted(engine: PolicyEngine, requester: Requester, policy: Mapping[str, object], now: int) -> bool:
    return engine.permits(policy, requester, "catalog", now)
