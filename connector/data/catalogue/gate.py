"""Whether something may be published by whoever asks, or more people have to agree first: a port, asked at each door.

The approvals above implement it. Without them nothing stands in the way.
"""

from collections.abc import Iterable
from typing import Protocol

from connector.foundation.storage.database import Tx


class PublicationGate(Protocol):
    """Raises Mistake where one person alone may not publish under one of these rule templates, or what may be about
    persons (`personal`)."""

    def require(self, tx: Tx, slug: str, templates: Iterable[str], *, personal: bool = False) -> None: ...


class NoGate:
    """Whoever may publish does."""

    def require(self, tx: Tx, slug: str, templates: Iterable[str], *, personal: bool = False) -> None:
        return
