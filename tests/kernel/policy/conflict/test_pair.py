"""Two policies side by side: equal, narrower, wider; what one permits and the other forbids; whether both can hold."""

from typing import Any

import pytest
from hypothesis import given, settings

from connector.kernel.policy.conflict.pair import pair
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import Closure, Policy
from connector.kernel.policy.odrl.parse import parse
from tests.fuzz.effort import amount
from tests.kernel.policy import small
from tests.kernel.policy.cases import H, atom

TOWN = atom(H + "participantKind", "eq", small.KINDS[0])
COUNTY = atom(H + "participantKind", "eq", small.KINDS[1])
PROHIBIT = {"odrl:conflict": {"@id": "odrl:prohibit"}}


def policy(*constraints: object, **more: Any) -> Policy:
    return parse({"permission": [{"action": "use", "constraint": list(constraints)}], **PROHIBIT, **more})


FREE, ONE = policy(), policy(TOWN)
NO_PASSING = policy(prohibition=[{"action": "odrl:distribute"}])
PASSING = parse({"permission": [{"action": "odrl:distribute"}], **PROHIBIT})
NO_TOWNS = policy(prohibition=[{"action": "use", "constraint": [TOWN]}])


@pytest.mark.parametrize(
    ("first", "second", "relation", "compatible"),
    [
        (ONE, ONE, "equal", True),
        (FREE, ONE, "narrower", True),
        (ONE, FREE, "wider", True),
        (FREE, NO_PASSING, "narrower", True),
        (NO_PASSING, PASSING, "different", False),
        (ONE, NO_TOWNS, "different", False),
        (policy(TOWN, COUNTY), FREE, "wider", False),
        (
            policy(atom("odrl:dateTime", "lt", "2027-01-01")),
            policy(atom("odrl:dateTime", "gteq", "2027-01-01")),
            "different",
            False,
        ),
    ],
)
def test_how_two_policies_stand_to_each_other(first: Policy, second: Policy, relation: str, compatible: bool) -> None:
    """The relation is of the second to the first; whether both can be in force does not depend on the order."""
    found = pair(first, second, small.CLOSURE)
    assert (found.relation, found.compatible) == (relation, compatible)
    assert pair(second, first, small.CLOSURE).compatible is compatible


def test_the_clash_names_permission_and_prohibition() -> None:
    """>> towns may, and towns may not  << both rules, and whose they are."""
    found = pair(ONE, NO_TOWNS, small.CLOSURE)
    (clash,) = found.clashes
    assert (clash.permission, clash.prohibition) == (ONE.permissions[0], NO_TOWNS.prohibitions[0])
    assert clash.first
    (turned,) = pair(NO_TOWNS, ONE, small.CLOSURE).clashes
    assert not turned.first


@settings(max_examples=amount(30, 100), deadline=None)
@given(first=small.POLICIES, second=small.POLICIES)
def test_the_order_changes_nothing_but_the_sides(first: Any, second: Any) -> None:
    """Random pairs: narrower turns into wider, and whether both can hold stays."""
    one, other = pair(first, second, small.CLOSURE), pair(second, first, small.CLOSURE)
    turned = {"narrower": "wider", "wider": "narrower"}
    assert other.relation == turned.get(one.relation, one.relation)
    assert other.compatible == one.compatible


@settings(max_examples=amount(15, 40), deadline=None)
@given(first=small.POLICIES, second=small.POLICIES)
def test_no_request_is_permitted_by_two_that_exclude_each_other(first: Any, second: Any) -> None:
    """Random pairs, every request of the small world: what both permit is never said to be impossible."""
    found = pair(first, second, small.CLOSURE)
    programs = compile(first), compile(second)
    met = any(all(one.verdict(world, "access").permit for one in programs) for world in small.worlds())
    assert not met or found.together is not False


@pytest.mark.parametrize(
    "odd",
    [
        {"permission": [{"action": "ex:dance"}]},
        {
            "permission": [
                {"action": "use", "constraint": [{"leftOperand": "partner", "operator": "eq", "rightOperand": "x"}]}
            ]
        },
        {"permission": [{"action": "use", "duty": [{"action": "ex:dance"}]}]},
        {"permission": [{"action": "use"}], "profile": "https://other.example/profile"},
        {"permission": [{"action": "use"}], "odrl:inheritFrom": "urn:parent"},
    ],
)
def test_bug_two_policies_that_nobody_understands_could_be_in_force_together(odd: dict[str, object]) -> None:
    """>> an action, operand, duty, profile or parent that nobody knows; beside the same, and beside a plain use
    << it cannot be told whether both can hold; of two that are understood it can."""
    plain = parse({"permission": [{"action": "use"}]})
    for other in (parse(odd), plain):
        assert pair(parse(odd), other, Closure()).compatible is None
        assert pair(other, parse(odd), Closure()).compatible is None
    assert pair(plain, plain, Closure()).compatible is True
