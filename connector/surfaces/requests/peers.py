"""What a person here asks of other connectors; `peer.client` does it."""

from collections.abc import Sequence
from typing import Any, Protocol

from connector.exchange.contracts.partner import Partner


class Listed(Protocol):
    """A peer's catalogue; not `complete` if there is more than we read."""

    @property
    def datasets(self) -> list[dict[str, Any]]: ...
    @property
    def complete(self) -> bool: ...


class Peers(Protocol):
    async def partner(self, slug: str, did: str) -> Partner:
        """A member of the data space with the root of its connector."""

    async def catalogue(self, slug: str, did: str, words: Sequence[str] = ()) -> Listed:
        """All datasets that the peer shows us; only those with these words, if it knows our filter."""

    async def dataset(self, slug: str, did: str, dataset: str) -> dict[str, Any]:
        """One dataset with the offers that we may see."""
