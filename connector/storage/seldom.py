"""What seldom changes is read once, and not by each unit (decision 0119).

The connection that writes keeps such a value until a row of a table changes that it may have been read from: its own
changes the database tells it, those of any other connection or program show before it writes again
(`sqlite/kept.py`). PostgreSQL keeps nothing: there every replica writes.
"""

from collections.abc import Callable, Hashable
from typing import Final, Protocol, TypeVar

T = TypeVar("T")
H = TypeVar("H", bound=Hashable)

TABLES: Final = ("participant", "key", "approval", "approval_rule", "dataset", "offer")
"""Whoever reads another table must not be asked through `once`."""


class Kept(Protocol):
    """Values of one connection, as they are committed; only for units that write."""

    def value(self, key: Hashable, read: Callable[[], T]) -> T:
        """What `read` found the last time under this key, or finds now."""


class Keeping(Protocol):
    """Of a transaction: what is kept for it."""

    @property
    def kept(self) -> Kept | None:
        """None: everything is read."""


Unit = TypeVar("Unit", bound=Keeping)


def once(tx: Unit, read: Callable[[Unit, str], T], name: str) -> T:
    """`read(tx, name)`, from memory where nothing has changed. It reads nothing but `TABLES`, and neither clock nor
    scope; the value is everybody's, so nobody changes it."""
    if tx.kept is None:
        return read(tx, name)
    return tx.kept.value((read, name), lambda: read(tx, name))
