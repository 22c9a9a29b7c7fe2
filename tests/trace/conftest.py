"""The protocol browser over two towns without sockets."""

from collections.abc import Callable

import pytest

from connector.errors import Unavailable
from connector.http.outbound import Answer
from connector.trace.service import ProcessKnowledge, Tracing
from tests.testkit.towns import Towns


class Nowhere:
    """A client whose every call fails: what only reads needs none."""

    async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer:
        raise Unavailable("http.unreachable", host="localhost")


async def root(slug: str, did: str) -> str:
    return f"https://localhost:18443/{did.rpartition(':')[2]}"


def _blocked_until(towns: Towns) -> Callable[[str, str, int], int]:
    """Circuits go by the clock that never jumps; people read the time."""

    def until(slug: str, did: str, now: int) -> int:
        found = towns.circuits.blocked_until(slug, did, towns.clock.steady())
        return found and now + found - towns.clock.steady()

    return until


@pytest.fixture
def tracing(towns: Towns) -> Tracing:
    standing = ProcessKnowledge(
        blocked_until=_blocked_until(towns),
        on_hold=lambda did: False,
        listed=lambda did, now: did in towns.requesters,
        fresh=lambda now: True,
    )
    return Tracing(
        towns.db, towns.clock, towns.participants, towns.contracts, towns.transfers, standing, Nowhere(), root
    )
