"""This process as a witness, for its operator: what the authority must list, which logs it knows, who has two pasts.

And the other way round: how our own logs stand with the witnesses of others.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

from connector.api import body
from connector.clock import rfc3339
from connector.operation.witness_status import Log, WitnessStatus
from connector.storage.database import PROCESS, Database
from connector.verify.formats.cosignature import vkey_of
from connector.witness import cosign
from connector.witness.keys import WitnessKeys


class WitnessHandlers:
    def __init__(
        self, db: Database, keys: WitnessKeys, vouched: WitnessStatus, enlist: Callable[[], Awaitable[None]]
    ) -> None:
        """`enlist` brings new keys onto the trust list where that is ours to do."""
        self._db, self._keys, self._vouched, self._enlist = db, keys, vouched, enlist

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/api/v1/witness", self.show), web.post("/api/v1/witness/rotate", self.rotate)]

    async def rotate(self, request: web.Request) -> web.StreamResponse:
        """New keys, and until when (RFC 3339) the old ones sign beside them; 400 while those before them still do."""
        retires = await self._keys.rotate()
        await self._enlist()
        return body.answer({"keys": await self._keys.public(), "until": rfc3339(retires)})

    async def show(self, request: web.Request) -> web.StreamResponse:
        """`keys` for the trust list, `vkeys` for a policy file (C2SP tlog-policy), `alarms` with both checkpoints.

        `retiring`: former keys, which count for nothing after `until`.
        `own`: our logs, `state` as in `delivery.vouched`, `vouched` what the quorum has seen (null: nothing yet),
        `alone`: partners with contracts whose time nobody independent can vouch for,
        `restored` when and why the log last got a new origin (`by`: the witness that knew more, or `own`).
        """
        vkeys = await self._keys.vkeys()
        logs = await self._db.read(PROCESS, cosign.logs)
        alarms = await self._db.read(PROCESS, cosign.alarms)
        return body.answer(
            {
                "url": self._keys.url,
                "keys": await self._keys.public(),
                "vkeys": [vkey_of(key) for key, until in vkeys if until is None],
                "retiring": [
                    {"vkey": vkey_of(key), "until": rfc3339(until)} for key, until in vkeys if until is not None
                ],
                "logs": [{"origin": one.origin, "size": one.size, "at": rfc3339(one.at)} for one in logs],
                "alarms": [
                    {"origin": one.origin, "kind": one.kind, "held": one.held, "offered": one.offered} for one in alarms
                ],
                "own": [_own(one) for one in await self._vouched.now()],
            }
        )


def _own(one: Log) -> dict[str, object]:
    seen, origin = one.progress, one.progress.origin
    return {
        "participant": one.participant,
        "origin": one.origin,
        "state": one.state,
        "size": seen.size,
        "at": rfc3339(seen.sealed_at) if seen.size else None,
        "vouched": None if seen.quorum_at is None else {"size": seen.quorum, "at": rfc3339(seen.quorum_at)},
        "witnesses": [{"name": said.name, "size": said.size, "at": rfc3339(said.at)} for said in seen.said],
        "alone": list(one.alone),
        "restored": None
        if origin is None
        else {"at": rfc3339(origin.at), "size": origin.size, "known": origin.known, "by": origin.witness},
    }
