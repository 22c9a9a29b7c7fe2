"""How many statements a negotiation takes: what is read twice, or written in two steps, costs each of them again.

At the door for peers each message costs two more, for its token and for the peer's account.
"""

import pytest

from connector.foundation.storage.database import PROCESS, WORKER
from connector.foundation.storage.postgres.tx import PostgresTx
from connector.foundation.storage.sqlite.tx import SqliteTx
from tests.testkit.towns import Towns

TOWN, VILLAGE = "musterstadt", "nachbardorf"
STEPS = ("asked", "requested", "agreed", "verified", "finalized")
TAKEN = {"sqlite": (5, 11, 11, 12, 8), "postgres": (5, 14, 12, 12, 9)}
"""By what was said, once what seldom changes has been read."""
BOOKED = {"sqlite": 8, "postgres": 11}
"""All four answers; how many come together is a matter of time."""


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> dict[object, list[str]]:
    """What each transaction of a participant asked of its database, in the order in which they began."""
    found: dict[object, list[str]] = {}

    def noting(cls):  # type: ignore[no-untyped-def]
        execute = cls._execute

        def noted(self, sql, values):  # type: ignore[no-untyped-def]
            if self.scope not in (PROCESS, WORKER):
                found.setdefault(self, []).append(" ".join(sql.split()))
            return execute(self, sql, values)

        return noted

    for cls in (SqliteTx, PostgresTx):
        monkeypatch.setattr(cls, "_execute", noting(cls))
    return found


@pytest.mark.on_both
async def test_a_negotiation(towns: Towns, ran: dict[object, list[str]]) -> None:
    """>> asked, requested, agreed, verified, finalized << as few as are known to be enough, and all answers booked."""
    made = await towns.publish(TOWN)
    await towns.ask(VILLAGE, TOWN, made)
    await towns.run()
    towns.late_acks = True
    ran.clear()
    await towns.ask(VILLAGE, TOWN, made)
    await towns.run()
    await towns.acks.booked()
    counts = [len(said) for said in ran.values()]
    steps = dict(zip(STEPS, counts, strict=False))
    assert steps == dict(zip(STEPS, TAKEN[towns.db.dialect], strict=True)), list(ran.values())
    assert sum(counts[len(STEPS) :]) <= BOOKED[towns.db.dialect], list(ran.values())[len(STEPS) :]
