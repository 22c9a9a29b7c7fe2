"""A part of a unit that may fail while the rest stays: rolled back to its savepoint, its signals forgotten.

Only for errors of ours: a vanished transaction (full disk) and a Conflict concern the whole unit and pass through.
"""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from connector.foundation.errors import HanseError
from connector.foundation.storage.database import NeedsSavepoint, Tx

P = ParamSpec("P")
T = TypeVar("T")


def nested(tx: Tx, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kw: P.kwargs) -> T | HanseError:
    """The value of `fn`, or the PeerError, Refusal or Mistake that it raised, as a value: what came before stays."""
    if not tx.careful:
        return _boldly(tx, fn, *args, **kw)
    before = len(tx.signals)
    tx.run("SAVEPOINT nested")
    try:
        value = fn(tx, *args, **kw)
    except HanseError as error:
        if error.status >= 500:
            raise
        tx.run("ROLLBACK TO SAVEPOINT nested")
        tx.run("RELEASE SAVEPOINT nested")
        del tx.signals[before:]
        tx.standing = None  # a lock that was taken in this part is gone with it
        return error
    tx.run("RELEASE SAVEPOINT nested")
    return value


def _boldly(tx: Tx, fn: Callable[Concatenate[Tx, P], T], /, *args: P.args, **kw: P.kwargs) -> T | HanseError:
    """Without a savepoint: an error before anything was written needs none, and that is the usual case."""
    signals, changes = len(tx.signals), tx.changes()
    try:
        return fn(tx, *args, **kw)
    except HanseError as error:
        if error.status >= 500:
            raise
        if tx.changes() != changes:
            raise NeedsSavepoint from error
        del tx.signals[signals:]
        return error
