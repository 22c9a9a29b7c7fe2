"""A town with stewards, data protection and an import that waits for them."""

from typing import Any

from connector.data.approvals import store
from connector.data.approvals.model import ApprovalRow, ApprovalRule, Voter
from connector.data.harvest import waiting
from connector.data.harvest.model import Report
from connector.data.harvest.service import Harvest
from connector.foundation.storage.database import acting
from tests.data.harvest.imports import harvest, served, taken
from tests.testkit.towns import Towns

TOWN = "musterstadt"
ANNA, BERTA = Voter("p-aaaaaa", frozenset({"steward"})), Voter("p-bbbbbb", frozenset({"steward"}))
CARL, PAULA = Voter("p-cccccc", frozenset({"protection"})), Voter("p-999999", frozenset({"publisher"}))
SOURCE = "portal.ttl"


class Town:
    """A town with people and an import; `way` is its service on this replica."""

    def __init__(self, towns: Towns) -> None:
        self.towns, self.way = towns, harvest(towns.db, people=towns.imports)

    async def ruled(self, **rule: Any) -> None:
        base: dict[str, Any] = {"subject": "publication", "template": "", "people": "none", "protection": False}
        one = ApprovalRule(**{**base, "days": 14, **rule})
        await self.towns.db.write(TOWN, store.put_rule, TOWN, one, "p-dddddd")

    async def takes(
        self, content: bytes, by: Voter | None = ANNA, way: Harvest | None = None, name: str = SOURCE
    ) -> Report:
        with acting({} if by is None else {TOWN: by.who}):
            return await taken(way or self.way, content, name)

    async def chooses(self, *, wait: bool, by: Voter = ANNA, steward: bool = True) -> ApprovalRow | None:
        imports = self.towns.imports
        with acting({TOWN: by.who}):
            if wait:
                return await self.towns.db.write(TOWN, imports.wait, TOWN, SOURCE)
            return await self.towns.db.write(TOWN, imports.let_go, TOWN, SOURCE, steward=steward)

    async def again(self, by: Voter) -> str:
        with acting({TOWN: by.who}):
            return await self.towns.db.write(TOWN, self.towns.imports.again, TOWN, SOURCE)

    async def yes(self, approval: str, who: Voter) -> ApprovalRow:
        row, _ = await self.towns.db.write(TOWN, self.towns.publications.yes, TOWN, approval, who)
        return row

    async def no(self, approval: str, who: Voter) -> None:
        await self.towns.db.write(TOWN, self.towns.approvals.no, TOWN, approval, who, "data", "")

    async def approval(self, approval: str) -> ApprovalRow:
        return await self.towns.db.read(TOWN, self.towns.approvals.get, TOWN, approval)

    async def open(self) -> list[ApprovalRow]:
        return await self.towns.db.read(TOWN, self.towns.approvals.waiting, TOWN)

    async def waiting(self) -> set[str]:
        found = await self.towns.db.read(TOWN, waiting.shown, TOWN, SOURCE)
        return {one.iri.rpartition("/")[2] for one in found}

    async def served(self) -> dict[str, bytes]:
        return {name: one.triples for name, one in (await served(self.way, self.towns.db)).items()}
