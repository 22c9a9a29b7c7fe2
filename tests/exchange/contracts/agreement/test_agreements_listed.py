"""What is over and what is not are two lists, from which no contract is left out."""

import pytest

from connector.foundation.storage.database import Tx
from tests.testkit.towns import Towns

VILLAGE = "nachbardorf"


@pytest.mark.on_both
async def test_a_contract_changes_the_list_when_its_day_is_past(towns: Towns) -> None:
    """>> in force; then its day is past << in the one list; in the other."""
    one = await towns.concluded(VILLAGE, "musterstadt")

    def listed(tx: Tx, over: bool) -> list[str]:
        found = towns.contracts.agreements.listed(tx, VILLAGE, over=over, limit=10)
        return [each.id for each in found]

    async def lists() -> list[list[str]]:
        return [await towns.db.read(VILLAGE, listed, over) for over in (False, True)]

    assert await lists() == [[one.id], []]
    await towns.db.write(VILLAGE, lambda tx: tx.run("UPDATE agreement SET expires_at = :now", now=tx.now))
    assert await lists() == [[], [one.id]]
