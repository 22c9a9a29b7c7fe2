"""What every protocol handler does: read the message strictly, run one transaction that begins with the token's id.

A refusal rolls back to the savepoint just after the token was remembered, so that a refused request cannot be replayed.
"""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import msgspec
from aiohttp import web

from connector.contracts.partner import Partner
from connector.errors import HanseError, PeerError
from connector.http import limits
from connector.http.address import under_root
from connector.peer.auth import Caller, remember
from connector.peer.problems import PIDS
from connector.peer.routes import Call
from connector.protocol import codec
from connector.protocol.shape import Malformed
from connector.storage.database import Database, Tx
from connector.storage.nested import nested

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound=msgspec.Struct)


class Exchange:
    """Transactions of authenticated requests. `heard` learns that a peer is alive (its circuit closes)."""

    def __init__(self, db: Database, heard: Callable[[str, str], None]) -> None:
        self._db, self._heard = db, heard

    async def within(self, call: Call, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kw: P.kwargs) -> T:
        """Runs `fn(tx, ...)` after the token's id is remembered; raises what it raises."""

        def unit(tx: Tx) -> T | HanseError:
            remember(tx, call.participant.id, call.peer)
            return nested(tx, fn, *args, **kw)

        result = await self._db.write(call.participant.id, unit)
        self._heard(call.participant.id, call.peer.did)
        if isinstance(result, HanseError):
            raise result
        return result


async def message(call: Call, cls: type[M]) -> tuple[M, str]:
    """The message in the body and its digest; PeerError names the JSON pointer of what is wrong."""
    value = await limits.read_json(call.request)
    if isinstance(value, dict):
        pids = {name: value.get(name) for name in ("providerPid", "consumerPid")}
        call.request[PIDS] = {name: pid for name, pid in pids.items() if isinstance(pid, str)}
    try:
        return codec.decode(cls, value), codec.digest(value)
    except Malformed as fault:
        raise PeerError("peer.message", type=cls.__name__, pointer=fault.pointer or "/", why=fault.code) from fault


def partner(caller: Caller, callback: str | None = None) -> Partner:
    """The caller as partner of a process. Its callback must lie below the root of its own DID document (threat T01)."""
    root = caller.root
    if callback is not None and root is None:
        raise PeerError("peer.no-address", did=caller.did)
    if callback is not None and root is not None and not under_root(callback, root):
        raise PeerError("peer.callback")
    return Partner(did=caller.did, name=caller.entry.name, seeker=caller.seeker, root=root or "")


def answer(body: msgspec.Struct, status: int = 200) -> web.Response:
    return web.Response(status=status, body=codec.encode(body), content_type="application/json")
