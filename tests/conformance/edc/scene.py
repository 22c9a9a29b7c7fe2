"""What a scenario plays with, and how it says that something is otherwise than it should be."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from tests.conformance.edc.hanse import Hanse
from tests.conformance.edc.management import Management, Peer
from tests.conformance.edc.site import Site

TREES = "trees"
"""The asset that both EDCs offer."""
PAGES = 120
"""Further assets of the first EDC: three of its pages of 50."""


class Scene(NamedTuple):
    """`edc` is quick and has a data plane; `slow` is as shipped, without one: the site pulls for it.

    `hanse` is reached directly, `detour` over the slow line. `datasets` are those of Hanse by the name of their rule.
    """

    edc: Management
    slow: Management
    hanse: Hanse
    detour: Hanse
    site: Site
    datasets: Mapping[str, str]


Scenario = Callable[[Scene], Awaitable[None]]


class Otherwise(Exception):
    """`found` is not what was `expected`."""

    def __init__(self, expected: object, found: object) -> None:
        super().__init__(expected, found)
        self.expected, self.found = expected, found


class Defective(Exception):
    """A defect of the other program that our own record of messages proves; the scenario is played once more.

    `told` says it in short, `key` names the sentence about it.
    """

    told, key = "", ""


class Forgotten(Defective):
    """The other program lost what both had agreed."""

    told, key = "FINALIZED ≠ VERIFIED (verified twice)", "forgotten"


class Doubled(Defective):
    """The other program drew up two agreements in one negotiation, and ended it because we took the first alone."""

    told, key = "FINALIZED ≠ TERMINATED (agreed twice)", "doubled"


def same(found: object, expected: object) -> None:
    """Raises Otherwise."""
    if found != expected:
        raise Otherwise(expected, found)


def holds(found: bool, expected: str) -> None:
    if not found:
        raise Otherwise(expected, "–")


def peer(management: Management) -> Peer:
    return Peer(management.edc.name, management.edc.base)
