"""Whom the policy names for all its rules, beside whom a rule names itself (IM 2.7.1; decision 0148)."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.kernel.policy.containment.narrow import narrower
from connector.kernel.policy.evaluation.digest import digest
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import PHASES, Closure, Policy, PolicyError
from connector.kernel.policy.odrl.names import ODRL as O
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import World

A, B, C = "did:web:a.example", "did:web:b.example", "did:web:c.example"
NOBODY, NOTHING = "did:web:nobody.example", "https://example.org/nothing"
X, Y = "https://example.org/x", "https://example.org/y"
TOWNS = "https://example.org/towns"
MEMBERS: dict[str, Any] = {"@type": "PartyCollection", "odrl:source": TOWNS}
COUNTED = {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": "3"}


def world(who: str, target: str = X, **more: Any) -> World:
    return World(now=1_795_500_000_000, participant=who, target=target, action=O + "use", uses={"": 1}, **more)


def permitted(policy: Policy, asking: World) -> tuple[bool, ...]:
    program = compile(policy)
    found = tuple(program.verdict(asking, phase).permit for phase in PHASES)
    assert found == tuple(program.examine(asking, phase).permit for phase in PHASES)
    return found


def policy(**more: Any) -> Policy:
    return parse({"@type": "Set", "odrl:conflict": "odrl:prohibit", "permission": [{"action": "use"}], **more})


SIDES = [("assignee", A, B, NOBODY), ("target", X, Y, NOTHING)]


@pytest.mark.threat("T134")
@pytest.mark.parametrize(("side", "ours", "other", "nothing"), SIDES)
def test_bug_a_prohibition_with_a_name_of_its_own_spared_the_one_of_the_policy(
    side: str, ours: str, other: str, nothing: str
) -> None:
    """>> a policy of A, and a prohibition that names B << A is forbidden, as where the policy names one more.

    The information model replicates the names of the policy into each of its rules. With one name A was permitted.
    """
    against = {"prohibition": [{"action": "use", side: other}]}
    assert any(permitted(policy(**{side: ours}), world(A)))
    for names in (ours, [ours], [ours, nothing], [nothing, ours], {"@id": ours}):
        assert not any(permitted(policy(**{side: names}, **against), world(A)))


@pytest.mark.threat("T134")
@pytest.mark.parametrize(("side", "ours", "other", "nothing"), SIDES)
def test_bug_a_permission_with_a_name_of_its_own_was_wider_than_a_list_of_the_policy(
    side: str, ours: str, other: str, nothing: str
) -> None:
    """>> a policy of A (and C), and a permission that names B << B, whom the policy leaves out, gets nothing."""
    asked = world(B) if side == "assignee" else world(A, Y)
    for names in (ours, [ours, nothing]):
        own = {side: names, "permission": [{"action": "use", side: other}]}
        assert not any(permitted(policy(**own), asked))
        assert not any(permitted(policy(**own), world(A)))
        both = {side: names, "permission": [{"action": "use", side: [other, ours]}]}
        assert any(permitted(policy(**both), world(A)))
        assert not any(permitted(policy(**both), asked))


def test_a_permission_for_members_and_a_policy_for_two_of_them_is_for_those() -> None:
    """>> a permission for the members of a collection, a policy of A, or of A and C << A, if it is a member."""
    for names in (A, [A, C]):
        found = policy(assignee=names, permission=[{"action": "use", "assignee": MEMBERS}])
        assert any(permitted(found, world(A, parties=frozenset({TOWNS}))))
        assert not any(permitted(found, world(A)))
        assert not any(permitted(found, world(B, parties=frozenset({TOWNS}))))


@pytest.mark.threat("T134")
@pytest.mark.parametrize("kind", ["Offer", "Request"])
def test_a_prohibition_of_an_offer_that_names_somebody_is_for_whoever_agrees(kind: str) -> None:
    """>> an offer that forbids to B, asked by A; the agreement of A in the same words << both refuse.

    The agreement names A for all its rules, so nobody concludes a contract that then permits nothing.
    """
    rules = {"permission": [{"action": "use"}], "prohibition": [{"action": "use", "assignee": B}]}
    offer = parse({"@type": kind, "odrl:conflict": "odrl:prohibit", **rules})
    agreement = parse({"@type": "Agreement", "odrl:conflict": "odrl:prohibit", "assignee": A, "target": X, **rules})
    assert not any(permitted(offer, world(A)))
    assert not any(permitted(agreement, world(A)))
    assert digest(offer) == digest(agreement)


def test_a_rule_of_an_agreement_still_names_no_target() -> None:
    for kind in ("permission", "prohibition"):
        rules = {"permission": [{"action": "use"}], kind: [{"action": "use", "target": Y}]}
        with pytest.raises(PolicyError, match=r"policy\.rule-target"):
            parse({"@type": "Agreement", "assignee": A, "target": X, **rules})


def test_what_a_permission_is_for_counts_in_its_digest_and_in_comparisons() -> None:
    """>> the policy names one more << another deal; terms without its list are wider than those with it."""

    def own(names: Any) -> Policy:
        return policy(assignee=names, permission=[{"action": "use", "assignee": [A, B]}])

    assert len({digest(own([A, C])), digest(own([B, C])), digest(own([C, A]))}) == 2
    assert narrower(own([A, C]), own([A, C]), Closure()).verdict == "compatible"
    wider = policy(permission=[{"action": "use", "assignee": [A, B]}])
    assert narrower(own([A, C]), wider, Closure()).verdict == "conflict"
    assert narrower(wider, own([A, C]), Closure()).verdict == "compatible"


# ---- one name and several


WHO = st.sampled_from([A, B, {"@id": B}, MEMBERS, [A, B], [B, MEMBERS], {**MEMBERS, "refinement": [COUNTED]}])
WHAT = st.sampled_from([X, Y, [X, Y]])
RULE = st.fixed_dictionaries(
    {"action": st.sampled_from(["use", "odrl:print"])},
    optional={"assignee": WHO, "target": WHAT, "constraint": st.just([COUNTED])},
)
RULES = st.fixed_dictionaries(
    {"permission": st.lists(RULE, min_size=1, max_size=2), "prohibition": st.lists(RULE, max_size=2)},
    optional={"odrl:conflict": st.sampled_from(["perm", "odrl:prohibit", "invalid"])},
)
WORLDS = [
    world(who, target, parties=parties)
    for who, target, parties in product((A, B, C), (X, Y), (frozenset[str](), frozenset({TOWNS})))
]


@pytest.mark.threat("T134")
@settings(max_examples=150, deadline=None)
@given(rules=RULES, kind=st.sampled_from(["Set", "Offer"]), assignee=st.booleans(), target=st.booleans())
def test_one_name_of_the_policy_and_the_same_beside_another_one_decide_alike(
    rules: dict[str, Any], kind: str, assignee: bool, target: bool
) -> None:
    """>> any rules under one assignee or target, and under that one and one that nobody is << the same answers."""
    one = ({"assignee": A} if assignee else {}) | ({"target": X} if target else {})
    two = ({"assignee": [A, NOBODY]} if assignee else {}) | ({"target": [X, NOTHING]} if target else {})
    single, several = parse({"@type": kind, **one, **rules}), parse({"@type": kind, **two, **rules})
    for asked in WORLDS:
        assert permitted(single, asked) == permitted(several, asked)
