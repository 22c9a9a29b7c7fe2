"""A backup of a space's rows, put back by hand: what a copy of a whole machine is, of which nothing says so."""

from typing import Any

from connector.foundation.storage.database import PROCESS
from tests.dataspace.spaces.conftest import COUNTY, County


class Backup:
    """The rows of a space as they were on that day, put back by hand: nothing says that they were."""

    TABLES = (
        "space_recovery",
        "space",
        "space_version",
        "space_member",
        "space_group",
        "space_grouped",
        "space_recognised",
    )

    def __init__(self, *counties: County) -> None:
        self._counties, self._rows = counties, dict[str, Any]()

    async def made(self) -> "Backup":
        def read(tx: Any) -> dict[str, Any]:
            return {one: tx.all(f"SELECT * FROM {one}") for one in self.TABLES}

        self._rows = await self._counties[0].city.services.infra.db.read(COUNTY, read)
        return self

    async def put_back(self) -> None:
        """With the memory of the processes, as after a start."""

        def write(tx: Any) -> None:
            for one in self.TABLES:
                tx.run(f"DELETE FROM {one}")
                for row in self._rows[one]:
                    names = list(row.keys())
                    places = ", ".join(f":{name}" for name in names)
                    tx.run(f"INSERT INTO {one} ({', '.join(names)}) VALUES ({places})", **{n: row[n] for n in names})

        db = self._counties[0].city.services.infra.db
        await db.write(COUNTY, write)
        await db.write(PROCESS, lambda tx: tx.run("DELETE FROM space_list"))
        for county in self._counties:
            anchors = county.city.services.trust.anchor
            anchors._joined.clear()
            anchors._forget()
            county.city.services.spaces.recovery._looked.clear()
            county.issuer._seen.clear()
