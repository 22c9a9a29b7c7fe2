"""Fewer collections are still enough of them."""

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest
from aiohttp import connector

from connector.app import memory
from connector.foundation.http.late_roots import LateRoots


@pytest.fixture
def as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


class Ring:
    """Garbage that only a collection finds, and how many of it lie about."""

    lying = 0

    def __init__(self) -> None:
        self.self = self
        Ring.lying += 1

    def __del__(self) -> None:
        Ring.lying -= 1


@pytest.mark.usefixtures("as_it_was")
def test_cycles_do_not_gather() -> None:
    """>> a hundred thousand objects in circles of one, in a process that has started << hardly more of them than new
    objects are allowed before the youngest are looked through: from Python 3.12 on that waits for the next call."""
    memory.starting()
    memory.started()
    most = 0
    for _ in range(100_000):
        Ring()
        most = max(most, Ring.lying)
    assert 0 < most < 1.1 * memory.THRESHOLDS[0]


@pytest.mark.usefixtures("as_it_was")
def test_what_is_there_at_the_start_is_not_walked_again() -> None:
    """>> the process has started << what it holds is beyond every collection; what comes later is not."""
    memory.started()
    assert gc.get_freeze_count() > 10_000
    later = [[]]
    assert any(one is later for one in gc.get_objects())


@pytest.mark.usefixtures("as_it_was")
def test_roots_that_nobody_uses_are_not_held() -> None:
    """>> the process begins << neither context that aiohttp made for itself holds a root of the system."""
    memory.starting()
    made = connector._SSL_CONTEXT_VERIFIED, connector._SSL_CONTEXT_UNVERIFIED
    assert all(isinstance(one, LateRoots) for one in made)


def test_a_server_loads_no_other_command() -> None:
    """>> the parser of `hanse serve` << neither the demonstration nor any other command is loaded for it."""
    program = (
        "import json, sys; from connector.cli import main; main.parser('en', only_serve=True).parse_args(['serve']);"
        "print([name for name in sys.modules if name.startswith('connector.cli.demo')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
