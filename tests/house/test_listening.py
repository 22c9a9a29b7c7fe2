"""A port of a city in tests is nobody else's while its city is dead."""

import socket
from collections.abc import Iterator

import pytest

from connector.foundation.settings import load
from tests.testkit import listening
from tests.testkit.listening import reserved_port


def test_bug_another_test_took_the_port_of_a_dead_city(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> nobody listens on the port that a test has, and chance shows it to another one; then the first is over
    << the other one gets the next; it is free again."""
    with reserved_port() as mine, reserved_port() as free:
        pass
    shown: Iterator[int] = iter((mine, mine, free, mine))
    monkeypatch.setattr(listening, "_chosen", lambda: next(shown))
    with reserved_port() as first, reserved_port() as other:
        assert (first, other) == (mine, free)
    with reserved_port() as again:
        assert again == mine


def test_a_port_that_somebody_listens_on_is_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    with reserved_port() as busy, reserved_port() as free:
        pass
    shown = iter((busy, free))
    monkeypatch.setattr(listening, "_chosen", lambda: next(shown))
    with socket.create_server(("127.0.0.1", busy)), reserved_port() as found:
        assert found == free


def test_bug_a_desk_took_the_port_of_a_city_that_was_about_to_start() -> None:
    """<< what the product chooses by itself, which asks for no lock, lies where no city of a test listens."""
    assert not set(load._LISTENING) & set(listening.PORTS)
    assert load.free_port("127.0.0.1") not in listening.PORTS
