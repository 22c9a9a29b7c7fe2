"""Jobs for one replica, on both databases."""

import asyncio

from connector.foundation.storage import PROCESS, Database, lease


async def test_one_owner_at_a_time(any_db: Database) -> None:
    """Taken by one, refused to the other, renewed with the same fence, given back, taken with a higher one."""
    fence = await any_db.write(PROCESS, lease.take, "seal", "a", 60_000)
    assert fence == 1
    assert await any_db.write(PROCESS, lease.take, "seal", "b", 60_000) is None
    assert await any_db.write(PROCESS, lease.take, "seal", "a", 60_000) == 1
    assert await any_db.write(PROCESS, lease.holds, "seal", "a", 1)
    assert await any_db.write(PROCESS, lease.release, "seal", "a", 1)
    assert not await any_db.write(PROCESS, lease.holds, "seal", "a", 1)
    assert await any_db.write(PROCESS, lease.take, "seal", "b", 60_000) == 2
    assert not await any_db.write(PROCESS, lease.release, "seal", "a", 1)


async def test_an_expired_lease_gets_a_new_fence(any_db: Database) -> None:
    """Even its old owner cannot pretend to have held it all the time."""
    assert await any_db.write(PROCESS, lease.take, "seal", "a", 0) == 1
    assert not await any_db.write(PROCESS, lease.holds, "seal", "a", 1)
    assert await any_db.write(PROCESS, lease.take, "seal", "a", 60_000) == 2
    assert await any_db.write(PROCESS, lease.take, "crawl", "b", 60_000) == 1


async def test_a_race_has_one_winner(any_db: Database) -> None:
    """Twenty replicas ask at once."""
    fences = await asyncio.gather(*(any_db.write(PROCESS, lease.take, "seal", f"r{n}", 60_000) for n in range(20)))
    assert [fence for fence in fences if fence is not None] == [1]
