"""`kill -9` between any two steps: after a restart the exchange ends by itself, with no contract lost or doubled."""

import random
import sqlite3
import threading
from itertools import count, product

import pytest

from connector.foundation.storage import upgrade
from tests.fuzz.effort import whole
from tests.testkit import crash
from tests.testkit.cities import Space
from tests.testkit.pair import revived, two
from tests.testkit.processes import Process

SOME = (("provider", "before", "push", 4), ("consumer", "after", "pull", 4))
"""Each side, each moment and each mode once, at every fourth step."""
ALL = product(("provider", "consumer"), ("before", "after"), ("pull", "push"), [whole(2, 1)])
CLOSE = 4
"""Below this stride an exchange is walked once as a whole, and its transfers apart."""


async def killed_at_every_step(
    program: tuple[str, ...], side: str, when: str, mode: str, stride: int, space: Space
) -> int:
    """How many steps there are, and one more; at each `stride`-th of them the process died, and the exchange ended.

    A contract comes about in the same steps, whoever opens the connection for the data. Where steps are close, they
    are walked once, with `pull`: `push` then walks transfers, all under one contract.
    """
    programs = {"town": program} if side == "provider" else {"village": program}
    async with two(space, **programs) as pair:
        victim = pair.provider if side == "provider" else pair.consumer
        signed = await pair.agreed() if mode == "push" and stride < CLOSE else None
        for step in count(1, stride):
            assert await victim.say(f"{when} {step}") == "armed"
            async with revived(victim) as codes:
                await pair.exchange(mode, signed)
            if not codes:
                return step
            assert codes == [-9], f"step {step}"
    raise AssertionError("it never ended")


@pytest.mark.parametrize(
    ("side", "when", "mode", "stride"), [*SOME, *(pytest.param(*one, marks=pytest.mark.long) for one in ALL)]
)
async def test_killed_at_every_step_the_exchange_still_ends_with_one_contract(
    side: str, when: str, mode: str, stride: int, space: Space
) -> None:
    """For every commit of an exchange: the process dies just before it, or after it and before anybody hears of it."""
    steps = await killed_at_every_step(crash.PROGRAM, side, when, mode, stride, space)
    assert steps > (4 if mode == "push" and stride < CLOSE else 10)


POWER_SOME = (("provider", "during", "pull", 10), ("consumer", "after", "push", 10))
POWER_ALL = product(("provider", "consumer"), ("during", "after"), ("pull", "push"), [whole(3, 1)])


@pytest.mark.threat("T99")
@pytest.mark.parametrize(
    ("side", "when", "mode", "stride"),
    [*POWER_SOME, *(pytest.param(*one, marks=pytest.mark.long) for one in POWER_ALL)],
)
async def test_the_power_goes_at_every_step_and_the_exchange_still_ends(
    side: str, when: str, mode: str, stride: int, space: Space
) -> None:
    """For every commit: the disk forgets what was not synced, before anybody hears of it or while it works."""
    steps = await killed_at_every_step(crash.POWER, side, when, mode, stride, space)
    assert steps >= (3 if mode == "push" and stride < CLOSE else 5), "commits that come together share a sync"


@pytest.mark.long
@pytest.mark.parametrize("seeds", [range(whole(5, 10)), range(10, whole(15, 20))], ids=["first", "second"])
async def test_both_sides_die_in_one_exchange(seeds: range, space: Space) -> None:
    """Each at a step of its own, so that repetitions meet a peer that has forgotten nothing but its answers."""
    async with two(space, crash.PROGRAM, crash.PROGRAM) as pair:
        for seed in seeds:
            dice = random.Random(seed)
            for process in (pair.provider, pair.consumer):
                await process.say(f"{dice.choice(('before', 'after'))} {dice.randint(1, 10)}")
            async with revived(pair.provider) as provider, revived(pair.consumer) as consumer:
                await pair.exchange()
            assert provider + consumer, f"seed {seed}"


async def test_a_reading_outlives_the_moment_in_which_the_power_goes(space: Space) -> None:
    """>> the file is torn while it is read, and whole a moment later << the rows.

    Bug: on a busy machine whoever looked just then found a database that was no database.
    """
    process = Process(space.prepared("town"))
    file = process.folder / "hanse.db"
    upgrade(f"sqlite://{file}")
    whole = file.read_bytes()
    file.write_bytes(whole[:100] + bytes(len(whole) - 100))
    with pytest.raises(sqlite3.DatabaseError, match="malformed"):
        process._rows("SELECT id FROM outbox", ())
    later = threading.Timer(0.3, file.write_bytes, [whole])
    later.start()
    assert process.rows("SELECT id FROM outbox") == []
    later.join()
    await process.close()
