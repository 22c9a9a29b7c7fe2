"""A port of a city in tests is nobody else's while its city is dead."""

from collections.abc import Iterator

import pytest

from connector.settings import load
from tests.testkit.listening import reserved_port


def test_bug_another_test_took_the_port_of_a_dead_city(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> nobody listens on the port that a test has, and chance shows it to another one; then the first is over
    << the other one gets the next; it is free again."""
    with reserved_port() as mine, reserved_port() as free:
        pass
    shown: Iterator[int] = iter((mine, mine, free, mine))
    monkeypatch.setattr(load, "free_port", lambda host: next(shown))
    with reserved_port() as first, reserved_port() as other:
        assert (first, other) == (mine, free)
    with reserved_port() as again:
        assert again == mine
