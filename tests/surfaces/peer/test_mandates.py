"""The door of mandates gives nothing away but what somebody knows the digest of, and not without end (T108)."""

import pytest

from connector.verify.checks.mandate import address
from tests.testkit.cities import City
from tests.testkit.nasty import NastyPeer


@pytest.mark.threat("T108")
@pytest.mark.usefixtures("standing")
async def test_guessing_is_paced(it: City, nasty: NastyPeer) -> None:
    """>> forty digests, and what is none << nothing there, then too many."""
    root = it.root("musterstadt")
    found = [(await nasty.call("GET", address(root, f"{at:064x}"))).status for at in range(40)]
    assert found[:30] == [404] * 30
    assert found[30:] == [429] * 10
    assert (await nasty.call("GET", f"{root}/mandates/")).status == 404
