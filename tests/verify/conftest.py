"""One honest case for all tests of a module that change only its bundle."""

import pytest

from connector.verify.checks import archive
from tests.verify.forge import Case


@pytest.fixture(scope="module")
def case() -> Case:
    """One honest case for tests that change only its bundle."""
    return Case()


@pytest.fixture(scope="module")
def members(case: Case) -> dict[str, bytes]:
    """Its members."""
    return dict(archive.members(case.bundle()))
