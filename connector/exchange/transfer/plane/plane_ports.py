"""What the data plane in this process asks and reports, each call in a transaction of its own."""

from collections.abc import Callable

from connector.data.dataplane.gate import Access, Decision
from connector.data.dataplane.receive.inbound import Expected
from connector.exchange.transfer.plane.data_access import DataAccess
from connector.exchange.transfer.plane.reports import Reports
from connector.foundation.errors import HanseError
from connector.foundation.language.reasons import explained
from connector.foundation.storage.database import Database, Tx


class PlanePorts:
    """Implements the plane's three ports: `Entitled`, `Ledger` and `Intake`."""

    def __init__(self, db: Database, access: DataAccess, reports: Reports) -> None:
        self._db, self._access, self._reports = db, access, reports

    async def __call__(self, participant: str, flow: str, request: Access, now: int) -> Decision:
        return await self._db.write(participant, self._access.entitled, participant, flow, request)

    async def delivered(self, participant: str, flow: str, bytes: int, complete: bool, broken: str | None) -> None:
        await self._db.write(participant, self._reports.delivered, participant, flow, bytes, complete, broken)

    async def wanted(self, participant: str, flow: str) -> Expected | None:
        return await self._db.read(participant, self._reports.wanted, participant, flow)

    async def received(
        self, participant: str, flow: str, bytes: int, sha256: str, settle: Callable[[Tx], None]
    ) -> bool:
        def unit(tx: Tx) -> bool:
            booked = self._reports.received(tx, participant, flow, bytes, sha256)
            if booked:
                settle(tx)
            return booked

        return await self._db.write(participant, unit)

    async def broken(self, participant: str, flow: str, error: HanseError) -> None:
        await self._db.write(participant, self._reports.failed, participant, flow, "broken", explained(error))
