"""What seldom changes is read once, and not by each unit (decision 0119).

The connection that writes keeps such a value until a row of a table changes that it may have been read from: its own
changes the database tells it, those of any other connection or program show before it writes again
(`sqlite/kept.py`). PostgreSQL keeps nothing: there every replica writes.
"""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

TABLES: Final = ("participant", "key", "approval", "approval_rule", "dataset", "offer")
"""Whoever reads another table must not be asked through `once` or `once_if_small`."""


class Kept(Protocol):
    """Values of one connection, as they are committed; only for units that write."""

    def value(self, key: Hashable, read: Callable[[], T], *, small: bool) -> T:
        """What `read` found the last time under this key, or finds now."""


class Keeping(Protocol):
    """Of a transaction: what is kept for it."""

    @property
    def kept(self) -> Kept | None:
        """None: everything is read."""


Unit = TypeVar("Unit", bound=Keeping)


def once(tx: Unit, read: Callable[Concatenate[Unit, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
    """`read(tx, ...)`, from memory where nothing has changed: for a value of a participant, which is short.

    It reads nothing but `TABLES`, and neither clock nor scope; the value is everybody's, so nobody changes it.
    """
    return _kept(tx, partial(read, tx, *args, **kw), (read, args, tuple(kw.items())), small=False)


def once_if_small(tx: Unit, read: Callable[Concatenate[Unit, P], T], /, *args: P.args, **kw: P.kwargs) -> T:
    """The same for values that are as many and as long as somebody likes: few are kept, only small ones, and nothing
    of what is not there."""
    return _kept(tx, partial(read, tx, *args, **kw), (read, args, tuple(kw.items())), small=True)


def _kept(tx: Keeping, read: Callable[[], T], key: Hashable, *, small: bool) -> T:
    return read() if tx.kept is None else tx.kept.value(key, read, small=small)
