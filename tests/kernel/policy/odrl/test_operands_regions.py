"""Where a requester sits, by the beginning of its regional key: each operator, each level, seats inside and outside."""

from typing import Any

import pytest
from msgspec.structs import replace

from connector.identity.trust.members.claims import regional_keys
from connector.kernel.policy.odrl.names import COMPARISONS, MEMBERSHIP
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Fact
from tests.kernel.policy.asking import TOWN
from tests.kernel.policy.cases import H, atom
from tests.kernel.policy.deciding import decide

SEATS = {
    "state": "050000000000",
    "county": "055150000000",
    "town": "055150004004",
    "next county": "055540000000",
    "next town": "055540004004",
    "other state": "091840000000",
}
LIES_IN = {
    "05": {"state", "county", "town", "next county", "next town"},
    "055": {"county", "town", "next county", "next town"},
    "05515": {"county", "town"},
    "05554": {"next county", "next town"},
    "055150004": {"town"},
    "055150004004": {"town"},
    "055150000000": {"county"},
    "09": {"other state"},
}
"""Who sits in the area of this key, itself included; the whole key of a county is its seat alone."""
AREAS = [(key,) for key in LIES_IN] + [("05515", "09"), ("055150004004", "05554"), ("05", "05515")]


def holds(operator: str, areas: tuple[str, ...], seat: str, kind: str = "permission") -> bool:
    """Whether one who sits there may use the data, if that permits (or forbids) it."""
    facts = {H + "regionalKey": Fact(regional_keys(SEATS[seat]), "verified-credential")} if seat else {}
    rule = {"action": "use", "constraint": [atom(H + "regionalKey", operator, [*areas])]}
    free: dict[str, Any] = {"permission": [{"action": "use"}], "odrl:conflict": {"@id": "odrl:prohibit"}}
    document = {**free, kind: [rule]}
    return decide(parse(document), replace(TOWN, facts=facts), "access").permit


@pytest.mark.parametrize("areas", AREAS, ids=" ".join)
def test_bug_a_prohibition_for_all_outside_of_a_county_met_the_county_itself(areas: tuple[str, ...]) -> None:
    """>> each seat, one area or two << `isAnyOf` holds for a county and its towns, `isNoneOf` for all others, in
    permissions and prohibitions; no other operator means anything, which permits nothing."""
    inside = {seat for area in areas for seat in LIES_IN[area]}
    for seat in SEATS:
        assert holds("isAnyOf", areas, seat) is (seat in inside)
        assert holds("isNoneOf", areas, seat) is (seat not in inside)
        assert holds("isAnyOf", areas, seat, "prohibition") is (seat not in inside)
        assert holds("isNoneOf", areas, seat, "prohibition") is (seat in inside)
        for operator in (COMPARISONS | MEMBERSHIP) - {"isAnyOf", "isNoneOf"}:
            assert not holds(operator, areas, seat)
            assert not holds(operator, areas, seat, "prohibition")


@pytest.mark.parametrize("operator", ["isAnyOf", "isNoneOf"])
@pytest.mark.parametrize("kind", ["permission", "prohibition"])
def test_a_seat_that_nobody_states_and_half_a_key_open_nothing(operator: str, kind: str) -> None:
    """>> no regional key; an area that is none, alone and beside one << refused, but to those for whom the area that is
    understood has settled it."""
    assert not holds(operator, ("05515",), "", kind)
    assert not any(holds(operator, ("0551",), seat, kind) for seat in SEATS)
    settled = LIES_IN["05515"] if (operator == "isAnyOf") is (kind == "permission") else set()
    for areas in (("05515", "0551"), ("0551", "05515")):
        assert {seat for seat in SEATS if holds(operator, areas, seat, kind)} == settled
