"""Waits double from 200 ms to five minutes, jittered, never nothing."""

from connector.exchange.delivery import backoff


def test_the_ceiling_doubles_and_stops() -> None:
    assert [backoff.ceiling(attempts) for attempts in range(4)] == [200, 400, 800, 1600]
    assert backoff.ceiling(11) == backoff.ceiling(1000) == backoff.LONGEST_MS


def test_a_wait_lies_between_a_tenth_and_the_ceiling() -> None:
    """And two waits are not the same: the peers of a provider that comes back do not storm it."""
    waits = [backoff.wait(5) for _ in range(200)]
    assert min(waits) >= backoff.ceiling(5) // 10
    assert max(waits) <= backoff.ceiling(5)
    assert len(set(waits)) > 50
