"""The work of all slices side by side: everything once."""

import pytest

from connector.foundation.errors import Defect
from connector.foundation.storage.database import Database
from connector.foundation.storage.outbox import OutboxRow
from connector.identity.jobs.work import SELDOM_S, Work, for_replicas, together


async def handle(row: OutboxRow) -> None:
    return None


async def do() -> None:
    return None


def test_the_work_of_the_slices_lies_side_by_side() -> None:
    """>> two slices with kinds and jobs of their own << all of them."""
    one = Work(handlers={"seal": handle}, every={"seal": (1.0, do)})
    other = Work(handlers={"pull": handle}, bounds={"address": 10})
    work = together([one, other])
    assert (set(work.handlers), set(work.every), dict(work.bounds)) == ({"seal", "pull"}, {"seal"}, {"address": 10})


@pytest.mark.parametrize("table", ["handlers", "timers", "bounds", "every", "alone"])
def test_what_two_slices_claim_is_a_defect(table: str) -> None:
    """>> one name in two slices << the process is not put together."""
    with pytest.raises(Defect, match=r"jobs\.twice"):
        together([Work(**{table: {"same": handle}}), Work(**{table: {"same": handle}})])


async def test_what_only_a_replica_can_have_done_is_seldom_looked_for_without_one(any_db: Database) -> None:
    assert for_replicas(any_db, 2.0) == (2.0 if any_db.dialect == "postgres" else SELDOM_S)
