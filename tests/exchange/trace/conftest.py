"""The protocol browser over two towns without sockets."""

import pytest

from connector.exchange.trace.service import ProcessKnowledge, Tracing
from connector.foundation.errors import Unavailable
from connector.foundation.http.outbound import Answer
from tests.testkit.towns import Towns


class Nowhere:
    """A client whose every call fails: what only reads needs none."""

    async def get(self, url: str, *, limit: int | None = None, total_s: float | None = None) -> Answer:
        raise Unavailable("http.unreachable", host="localhost")


async def root(slug: str, did: str) -> str:
    return f"https://localhost:18443/{did.rpartition(':')[2]}"


@pytest.fixture
def tracing(towns: Towns) -> Tracing:
    standing = ProcessKnowledge(
        blocked_until=lambda slug, did, now: towns.circuits.next_trial(slug, did, towns.clock.steady(), now),
        on_hold=lambda did, own: False,
        listed=lambda did, now: did in towns.requesters,
        fresh=lambda now: True,
    )
    return Tracing(
        towns.db, towns.clock, towns.participants, towns.contracts, towns.transfers, standing, Nowhere(), root
    )
