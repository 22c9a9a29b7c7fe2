"""What every process of the tests would make anew is made before they are forked from this one (decision 0133).

Only for tests that have loaded what it belongs to; and a cluster with the first test that asks for one, because many
runs have none.
"""

import fcntl
import gc
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path


def make() -> None:
    """What cannot be made fails the tests that need it, not all of them before the first.

    Garbage is looked for in what was made here as little as in what was collected.
    """
    for loaded, work in _WORKS.items():
        if loaded in sys.modules:
            with suppress(Exception):
                work()
    gc.freeze()


def _templates() -> None:
    """Those of the desk, compiled: no page waits for its own."""
    from connector.surfaces.web import render

    environment = render._environment()
    for name in environment.list_templates():
        environment.get_template(name)


def _empty_town() -> None:
    """What a town, with a socket or without, reads first."""
    from tests.testkit import cities

    cities.migrated_bytes()
    import_module("tests.testkit.first_use")


def _characters() -> None:
    """The table of all characters that Hypothesis makes for the first text: in a fresh clone it takes a second."""
    from hypothesis import strategies

    strategies.text().validate()


def _forks() -> None:
    """The process that forks those of the product: loading the product takes it a second."""
    from tests.testkit import processes

    processes.share()


_WORKS: dict[str, Callable[[], object]] = {
    "hypothesis.strategies": _characters,
    "tests.testkit.cities": _empty_town,
    "tests.surfaces.web.browsing": _templates,
    "tests.testkit.processes": _forks,
}
"""By the module of the tests that brings the need."""


def cluster(shared: Path) -> Path:
    """The folder of a stopped PostgreSQL cluster with roles and schema: the first process that asks makes it."""
    from tests import postgres

    place = shared / "postgres"
    with (shared / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            with postgres.running_cluster() as made:
                made.stop()
                subprocess.run(["cp", "-a", made.folder, shared / "postgres.new"], check=True)
            (shared / "postgres.new").rename(place)
    return place
