"""What rules may look at of a member: its seat by its regional key, from its state down to itself."""

import pytest

from connector.identity.trust.members.claims import requester
from connector.kernel.policy.odrl.names import HANSE
from connector.kernel.policy.odrl.state_of_world import Fact
from tests.identity.trust.members.lists import NOW, entry

KEY = HANSE + "regionalKey"


def seat(ars: str | None) -> Fact | None:
    return dict(requester(entry("a", NOW, ars=ars)).facts).get(KEY)


def test_a_seat_lies_in_all_that_its_regional_key_begins_with() -> None:
    """>> a municipality of the county 05515  << state, district, county, association and itself, as the list says."""
    whole = frozenset({"05", "055", "05515", "055150000", "055150000000"})
    assert seat("055150000000") == Fact(whole, "verified-credential")
    found = seat("091840113113")
    assert found is not None
    assert "09184" in found.value  # type: ignore[operator]
    assert "0918" not in found.value  # type: ignore[operator]


@pytest.mark.parametrize("ars", [None, "", "05515", "0551500000000", "05515000000x", "٠٥٥١٥٠٠٠٠٠٠٠", "05 515000000"])
def test_what_is_no_regional_key_says_nothing_of_a_seat(ars: str | None) -> None:
    """>> too short, too long, other signs, digits of other scripts  << unknown, which no rule takes for inside."""
    assert seat(ars) is None
