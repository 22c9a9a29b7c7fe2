"""This process as a witness, for its operator: what the authority must list, which logs it knows, who has two pasts."""

from aiohttp import web

from connector.api import body
from connector.audit import witnessing
from connector.audit.witness_keys import WitnessKeys
from connector.clock import rfc3339
from connector.storage.database import PROCESS, Database
from connector.verify.witness import vkey_of


class WitnessHandlers:
    def __init__(self, db: Database, keys: WitnessKeys) -> None:
        self._db, self._keys = db, keys

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/api/v1/witness", self.show)]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """`keys` for the trust list, `vkeys` for a policy file (C2SP tlog-policy), `alarms` with both checkpoints."""
        logs = await self._db.read(PROCESS, witnessing.logs)
        alarms = await self._db.read(PROCESS, witnessing.alarms)
        return body.answer(
            {
                "url": self._keys.url,
                "keys": await self._keys.public(),
                "vkeys": [vkey_of(key) for key in await self._keys.vkeys()],
                "logs": [{"origin": one.origin, "size": one.size, "at": rfc3339(one.at)} for one in logs],
                "alarms": [
                    {"origin": one.origin, "kind": one.kind, "held": one.held, "offered": one.offered} for one in alarms
                ],
            }
        )
