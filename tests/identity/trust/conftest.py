"""Keys, a clock and development certificates for the tests of trust."""

import pytest

from connector.foundation.clock import FakeClock, SystemClock
from connector.identity.trust.development import dev_ca
from connector.identity.trust.keys.signing import SoftwareKey, Vault


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def vault() -> Vault:
    return Vault(bytes(range(32)))


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> dev_ca.DevelopmentCerts:
    return dev_ca.create(tmp_path_factory.mktemp("data"), SystemClock())


@pytest.fixture(scope="session")
def town() -> str:
    return "did:web:localhost%3A18443:musterstadt"


@pytest.fixture(scope="session")
def peer_key(town: str) -> SoftwareKey:
    return SoftwareKey.generate("peer", town)
