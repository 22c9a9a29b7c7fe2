"""A resolver before hosts that serve what a test puts there; holds that begin are noted."""

from typing import Any

import pytest

from connector.foundation.clock import FakeClock
from connector.identity.trust.did.resolver import Resolver
from tests.identity.trust.did.stage import Web, heard


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
def changes() -> list[tuple[str, frozenset[str], frozenset[str]]]:
    return []


@pytest.fixture
def resolver(web: Web, clock: FakeClock, changes: list[Any]) -> Resolver:
    return heard(Resolver(web, clock), changes)
