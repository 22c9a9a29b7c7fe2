"""One deadline for a whole body: bytes that have come earn time, words about them and single bytes do not."""

import asyncio

import pytest

from connector.foundation.errors import PeerError
from connector.foundation.http import incoming
from connector.foundation.http.deadline import Deadline
from connector.foundation.http.incoming import BodyTime
from connector.foundation.http.refusals import TooSlow


class Clock:
    now = 0.0

    def time(self) -> float:
        return self.now


@pytest.mark.threat("T15")
@pytest.mark.threat("T141")
async def test_bug_a_byte_in_each_pause_kept_a_body_open_for_ever() -> None:
    """>> a byte now and then, each well within the time of a piece << ended as the time of the whole is over."""

    async def drip() -> bytes:
        await asyncio.sleep(0.01)
        return b"x"

    time = BodyTime(0.1)

    async def whole() -> None:
        for _ in range(1_000):
            await time.piece(drip)

    with pytest.raises(TooSlow, match=r"http\.body-slow"):
        await whole()
    assert 0 < time.size < 1_000


@pytest.mark.threat("T141")
async def test_what_has_come_earns_time_and_no_pause_is_longer_than_the_first() -> None:
    """>> nothing; 5 MB in a minute; 500 kB in all that time << half a minute; as much again; until 40 s."""
    time, clock = BodyTime(), Clock()
    time._loop, time._ends = clock, incoming.BODY_S  # type: ignore[assignment]
    assert time._until() == 30
    clock.now, time.size = 60.0, 5_000_000
    assert (time._until(), time._ends + time.size / incoming.BODY_RATE) == (90, 130)
    clock.now, time.size = 39.0, 500_000
    assert time._until() == 40


async def test_what_breaks_or_is_cancelled_is_not_slow() -> None:
    """>> the connection breaks; a time-out of somebody else within << the sender's error; that time-out."""

    async def broken() -> bytes:
        raise ConnectionResetError

    async def other() -> bytes:
        raise TimeoutError

    with pytest.raises(PeerError, match=r"http\.body-broken"):
        await BodyTime().piece(broken)
    with pytest.raises(TimeoutError):
        await BodyTime().piece(other)


async def test_the_whole_begins_when_the_body_is_here() -> None:
    """>> a body that takes longer than the whole may, then a handler that does << the first is none; the second is."""
    whole = Deadline(0.05)
    with whole.within() as timer:
        timer.rest()
        await asyncio.sleep(0.1)
        timer.anew()
        assert not timer.expired()

    async def too_long() -> None:
        with whole.within() as timer:
            timer.rest()
            timer.anew()
            await asyncio.sleep(10)

    with pytest.raises(TimeoutError):
        await too_long()
