"""This process as a witness, for its operator: what the authority must list, which logs it knows, who has two pasts.

And the other way round: how our own logs stand with the witnesses of others.
"""

from collections.abc import Awaitable, Callable
from typing import ClassVar

from aiohttp import web

from connector.dataspace.witness import cosign
from connector.dataspace.witness.keys import WitnessKeys
from connector.foundation.clock import rfc3339
from connector.foundation.storage.database import PROCESS, Database
from connector.oversight.operation.witness_status import WitnessStatus
from connector.surfaces.api.routes import PREFIX, Route, get, post, problem_codes
from connector.surfaces.views.witness import RetiringView, RotatedView, SeenLogView, WitnessView, own_log
from connector.verify.formats.cosignature import vkey_of


class WitnessHandlers:
    def __init__(
        self, db: Database, keys: WitnessKeys, vouched: WitnessStatus, enlist: Callable[[], Awaitable[None]]
    ) -> None:
        """`enlist` brings new keys onto the trust list where that is ours to do."""
        self._db, self._keys, self._vouched, self._enlist = db, keys, vouched, enlist

    @problem_codes({400: ("witness.rotated",)})
    async def rotate(self, request: web.Request) -> RotatedView:
        """New keys; an error while those before the old ones still sign."""
        retires = await self._keys.rotate()
        await self._enlist()
        return RotatedView(keys=await self._keys.public(), until=rfc3339(retires))

    async def show(self, request: web.Request) -> WitnessView:
        """This process as a witness of other logs, and its own logs."""
        vkeys = await self._keys.vkeys()
        logs = await self._db.read(PROCESS, cosign.logs)
        return WitnessView(
            url=self._keys.url,
            keys=await self._keys.public(),
            vkeys=[vkey_of(key) for key, until in vkeys if until is None],
            retiring=[
                RetiringView(vkey=vkey_of(key), until=rfc3339(until)) for key, until in vkeys if until is not None
            ],
            logs=[SeenLogView(origin=one.origin, size=one.size, at=rfc3339(one.at)) for one in logs],
            alarms=list(await self._db.read(PROCESS, cosign.alarms)),
            own=[own_log(one) for one in await self._vouched.now()],
        )

    routes: ClassVar[tuple[Route, ...]] = (
        get(f"{PREFIX}/witness", show),
        post(f"{PREFIX}/witness/rotate", rotate),
    )
