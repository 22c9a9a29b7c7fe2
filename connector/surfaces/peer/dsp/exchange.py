"""What every protocol handler does: read the message strictly, run one transaction that begins with the token's id.

A refusal rolls back to the savepoint just after the token was remembered, so that a refused request cannot be replayed.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Concatenate, Final, ParamSpec, TypeVar

import msgspec
import structlog
from aiohttp import web

from connector.exchange.contracts.partner import Partner
from connector.exchange.trace import recorder
from connector.foundation.errors import HanseError, PeerError, Unauthenticated
from connector.foundation.http import limits
from connector.foundation.http.address import under_root
from connector.foundation.http.whole import Whole
from connector.foundation.storage import at_rest
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.nested import nested
from connector.foundation.storage.work import ask_once
from connector.identity.participants import lifecycle, quota
from connector.kernel.protocol import codec
from connector.kernel.protocol.shape import LONGEST_ID, Malformed
from connector.surfaces.peer.auth import Caller
from connector.surfaces.peer.problems import PIDS
from connector.surfaces.peer.routes import Call
from connector.surfaces.peer.tokens import SeenTokens

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound=msgspec.Struct)
Belongs = Callable[[str, str], object]
"""(DID of ours, DID of a peer): raises Unauthenticated if they share no space now."""
BOOKED = web.RequestKey("booked", bool)
"""Set once the request's own transaction has told of it."""
READ: Final = web.RequestKey("read", object)
"""What the body says, once it was read."""
_PROCESS = re.compile("/2025-1/(?:negotiations|transfers)/")
_KEPT = re.compile("/2025-1/(?:negotiations|transfers)/|/evidence/[^/]+/")
"""Doors at which something is left here; what a catalogue is asked is not, nor is what a comparison of records asks."""

log = structlog.get_logger("peer")


class Exchange:
    """Transactions of authenticated requests. `heard` learns that a peer is alive (its circuit closes)."""

    def __init__(
        self,
        db: Database,
        tokens: SeenTokens,
        heard: Callable[[str, str], None],
        belongs: Belongs,
        prove: Callable[[str, str], Awaitable[None]] | None = None,
    ) -> None:
        """`prove` raises unless the root of that DID says itself that it is the DID's (decision 0050)."""
        self._db, self._tokens, self._heard, self._prove = db, tokens, heard, prove
        self._belongs = belongs

    async def within(self, call: Call, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kw: P.kwargs) -> T:
        """Runs `fn(tx, ...)` after the token's id is remembered; raises what it raises.

        Raises Unknown, and keeps nothing, once the participant is being deleted; Unauthenticated once the peer belongs
        no more: it was asked at the head, and a body may take half a minute and more (threat T140).
        """
        self._belongs(call.participant.did, call.peer.did)
        heard, use = _message_of(call), await self._tokens.claim(call.participant.id, call.peer)

        @at_rest.holds_open
        def unit(tx: Tx) -> T | HanseError:
            lifecycle.require_not_deleting(tx, call.participant.id)
            use.remember(tx)
            with quota.Account(tx) as account:
                if heard is None:
                    found = nested(tx, fn, *args, **kw)
                else:
                    found = recorder.hearing(tx, call.participant.id, heard, fn, *args, **kw)
                _reckon(tx, call, found, account)
            return found

        with use:
            result = await self._db.write(call.participant.id, unit)
        call.request[BOOKED] = True
        self._heard(call.participant.id, call.peer.did)
        if isinstance(result, HanseError):
            raise result
        return result

    async def beginner(self, call: Call, callback: str) -> Partner:
        """The caller as partner of what it begins, at an address that is its own: our answers go there."""
        found = partner(call.peer, callback)
        if self._prove is not None and not call.peer.entered:
            await self._prove(call.peer.did, found.root)
        return found

    async def reading(self, call: Call, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kw: P.kwargs) -> T:
        """What a request whose token is remembered already looks up further."""
        return await self._db.read(call.participant.id, fn, *args, **kw)

    async def refused(self, call: Call, error: HanseError) -> None:
        """Books a message that was refused before its transaction; the token's id first, so that it counts once."""
        heard = _message_of(call)
        known = BOOKED in call.request or isinstance(error, Unauthenticated) or error.status >= 500
        if heard is None or known:
            return

        @at_rest.holds_open
        def unit(tx: Tx) -> None:
            lifecycle.require_not_deleting(tx, call.participant.id)
            use.remember(tx)
            recorder.refused(tx, call.participant.id, heard, error)

        try:
            use = await self._tokens.claim(call.participant.id, call.peer)
            with use:
                await self._db.write(call.participant.id, unit)
        except HanseError as lost:  # the peer gets the answer that it was to get
            log.info("peer.not-booked", participant=call.participant.id, why=lost.code)


def _reckon(tx: Tx, call: Call, found: object, account: quota.Account) -> None:
    """What the message left here goes on its sender's account, all at once; of a used-up quota a person is told once.

    What a refused one had counted is undone with all else that it did.
    """
    slug, did = call.participant.id, call.peer.did
    if isinstance(found, quota.OverQuota):
        ask_once(tx, slug, did, "quota", quota=found.quota, limit=str(found.limit))
    elif not isinstance(found, HanseError):
        if call.request.method == "POST" and _KEPT.search(call.request.path):
            quota.message(tx, slug, did, len(call.request.get(limits.body_read, b"")))
        account.book()


def _message_of(call: Call) -> recorder.Heard | None:
    """The protocol message that this request brings; None for other requests."""
    if call.caller is None or call.request.method != "POST" or _PROCESS.search(call.request.path) is None:
        return None
    body, value = call.request.get(limits.body_read, b""), call.request.get(READ)
    pid = call.params.get("pid", "")
    return recorder.Heard(did=call.peer.did, pid=pid, body=body, value=value, before=call.peer.before)


async def message(call: Call, cls: type[M]) -> tuple[M, str]:
    """The message in the body and its digest, which is that of the body as it came.

    The plain form takes one strict reading and one conversion. Anything else takes the slow path (decision 0013), which
    reads it or raises a PeerError that names every place with a sentence.
    """
    value = call.request[READ] = await limits.read_json(call.request)
    call.request[PIDS] = _pids(value.get if isinstance(value, dict) else {}.get)
    try:
        return codec.decode(cls, value), codec.digest(value)
    except Malformed:
        told = await _foreign(call, cls, value)
    call.request[PIDS] = _pids(codec.plain(told).get)
    return told, codec.digest(value)


async def _foreign(call: Call, cls: type[M], value: object) -> M:
    size = len(call.request.get(limits.body_read, b""))
    return await call.foreign.read((call.participant.id, call.peer.did), cls, value, size)


def _pids(get: Callable[[str], object]) -> dict[str, str]:
    """What an error can say of the process that a message is about."""
    named = {name: get(name) for name in ("providerPid", "consumerPid")}
    return {name: pid for name, pid in named.items() if isinstance(pid, str) and len(pid) <= LONGEST_ID}


def partner(caller: Caller, callback: str | None = None) -> Partner:
    """The caller as partner of a process. Its callback must lie below its root (threat T01)."""
    root = caller.root
    if callback is not None and root is None:
        raise PeerError("peer.no-address", did=caller.did)
    if callback is not None and root is not None and not under_root(callback, root):
        raise PeerError("peer.callback")
    return Partner(did=caller.did, name=caller.entry.name, requester=caller.requester, root=root or "")


def answer(body: msgspec.Struct, status: int = 200) -> web.Response:
    return Whole(codec.encode(body), status)
