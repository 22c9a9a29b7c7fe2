"""What becomes of a data access follows from values alone: an agreement as it stands now, and a state of the world."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from connector.data.dataplane.treatments import Watermark
from connector.exchange.contracts.agreement.agreements import Terms
from connector.exchange.contracts.model import Agreement
from connector.exchange.transfer.decision.agreement_now import AgreementNow
from connector.exchange.transfer.decision.question import (
    PermittedAccess,
    Question,
    RefusedAccess,
    decide_access,
    earliest,
)
from connector.kernel.policy.evaluation.decision import Counter
from connector.kernel.policy.evaluation.program import compile
from connector.kernel.policy.odrl.model import Closure, Phase
from connector.kernel.policy.odrl.names import HANSE, ODRL
from connector.kernel.policy.odrl.parse import parse
from connector.kernel.policy.odrl.state_of_world import Fact, World

NOW, DAY = 1_795_000_000_000, 86_400_000
TOWN = World(
    now=NOW,
    participant="did:web:town",
    facts={HANSE + "participantKind": Fact(frozenset({HANSE + "municipality"}), "verified-credential")},
    uses={"": 1},
    closure=Closure({HANSE + kind: frozenset({HANSE + kind}) for kind in ("municipality", "company")}),
)
USE = {"action": "use"}
SUSPEND = {"action": HANSE + "suspendAccess"}
MARK = "odrl:watermark"


def only(left: str, operator: str, right: object) -> dict[str, Any]:
    return {"action": "use", "constraint": [{"leftOperand": left, "operator": operator, "rightOperand": right}]}


TOWNS = only(HANSE + "participantKind", "eq", HANSE + "municipality")
TWICE = only("odrl:count", "lteq", "2")
UNTIL_TOMORROW = only("odrl:dateTime", "lt", "2026-11-19T11:06:40Z")  # NOW + a day
OVERDUE = {
    "action": "odrl:delete",
    "constraint": [{"leftOperand": HANSE + "dueBy", "operator": "lt", "rightOperand": "2026-11-17T00:00:00Z"}],
    "odrl:consequence": [SUSPEND],
}


def agreement(members: dict[str, Any], expires_at: int | None = None) -> AgreementNow:
    """Of the two towns, with this policy."""
    document = {"odrl:conflict": "odrl:prohibit", **members}
    row = Agreement(
        participant="city",
        id="urn:uuid:a",
        negotiation="n",
        role="provider",
        counterparty="did:web:town",
        dataset="urn:d",
        state="finalized",
        document=json.dumps(document).encode(),
        digest="",
        provider_jws=None,
        consumer_jws=None,
        facts={},
        expires_at=expires_at,
        created_at=NOW,
        finalized_at=NOW,
    )
    return AgreementNow(
        now=NOW,
        row=row,
        document=document,
        program=compile(parse(document)),
        signed_at=NOW,
        vocabulary="",
        closure=Closure(),
        terms=Terms("a.csv", None),
        root="https://city.example",
        consumer="did:web:town",
    )


def question(
    members: dict[str, Any],
    world: World = TOWN,
    *,
    phase: Phase = "access",
    member: bool = True,
    until: int | None = None,
    expires_at: int | None = None,
) -> Question:
    return Question(agreement=agreement(members, expires_at), world=world, phase=phase, member=member, until=until)


COMPANY = replace(TOWN, facts={HANSE + "participantKind": Fact(frozenset({HANSE + "company"}), "verified-credential")})
MARKING = replace(TOWN, can=frozenset({ODRL + "watermark"}))
MARKED = {"action": "use", "duty": [{"action": MARK}]}


@pytest.mark.parametrize(
    ("members", "world", "member", "permit"),
    [
        ({"permission": [USE]}, TOWN, True, True),
        ({"permission": [USE]}, TOWN, False, False),
        ({"permission": [TOWNS]}, TOWN, True, True),
        ({"permission": [TOWNS]}, COMPANY, True, False),
        ({"permission": [TWICE]}, replace(TOWN, uses={"": 2}), True, True),
        ({"permission": [TWICE]}, replace(TOWN, uses={"": 3}), True, False),
        ({"permission": [UNTIL_TOMORROW]}, replace(TOWN, now=NOW + DAY - 1), True, True),
        ({"permission": [UNTIL_TOMORROW]}, replace(TOWN, now=NOW + DAY), True, False),
        ({"permission": [USE], "obligation": [OVERDUE]}, TOWN, True, False),
        ({"permission": [MARKED]}, MARKING, True, True),
        ({"permission": [MARKED]}, TOWN, True, False),
        ({"permission": []}, TOWN, True, False),
    ],
    ids=[
        "anybody",
        "no-member",
        "towns",
        "a-company",
        "second-use",
        "third-use",
        "in-time",
        "too-late",
        "a-duty-not-done",
        "marked",
        "nobody-marks",
        "nothing",
    ],
)
def test_an_access_is_permitted_or_refused(members: dict[str, Any], world: World, member: bool, permit: bool) -> None:
    """>> a policy, who asks and when << the same answer for a first access, a further one, and by all reasons."""
    asked = question(members, world, member=member)
    first, further = decide_access(asked, True), decide_access(asked, False)
    assert isinstance(first, PermittedAccess) is isinstance(further, PermittedAccess) is permit
    assert asked.permits() is asked.examine().permit is permit


def test_only_the_first_access_of_a_flow_counts() -> None:
    """>> a limit of uses, twice << counters for the first access, nothing to record for the next."""
    first, further = (decide_access(question({"permission": [TWICE]}), which) for which in (True, False))
    assert isinstance(first, PermittedAccess)
    assert isinstance(further, PermittedAccess)
    assert first.use is not None
    assert first.use.decision.counters == (Counter("count", ""),)
    assert further.use is None


@pytest.mark.parametrize("first", [True, False])
def test_every_refusal_has_its_reasons(first: bool) -> None:
    """>> a company where only towns may << the tree says which clause, and bytes would be held by the policy."""
    refused = decide_access(question({"permission": [TOWNS]}, COMPANY), first)
    assert isinstance(refused, RefusedAccess)
    assert refused.decision.decision.tree.children[0].state == "no"
    assert refused.decision.held == "policy"


def test_a_duty_that_was_not_done_holds() -> None:
    refused = decide_access(question({"permission": [USE], "obligation": [OVERDUE]}), True)
    assert isinstance(refused, RefusedAccess)
    assert refused.decision.held == "duty"


def test_what_is_to_be_done_to_the_data_goes_along() -> None:
    """>> a watermark, with a plane that makes one << permitted on that condition."""
    permitted = decide_access(question({"permission": [MARKED]}, MARKING), True)
    assert isinstance(permitted, PermittedAccess)
    assert permitted.treatments == (Watermark(),)


def test_a_treatment_that_is_not_understood_voids_the_permission() -> None:
    """>> fields to drop that nobody names << refused, although the policy permits it."""
    drop = {"action": "use", "duty": [{"action": HANSE + "dropFields"}]}
    world = replace(TOWN, can=frozenset({HANSE + "dropFields"}))
    refused = decide_access(question({"permission": [drop]}, world), True)
    assert isinstance(refused, RefusedAccess)
    assert refused.decision.permit


LATER = only("odrl:dateTime", "lt", "2026-11-20T11:06:40Z")  # NOW + two days


@pytest.mark.parametrize(
    ("permissions", "until", "expires_at", "ends_at"),
    [
        ([USE], None, None, None),
        ([UNTIL_TOMORROW], None, None, NOW + DAY),
        ([UNTIL_TOMORROW, LATER], None, None, NOW + 2 * DAY),
        ([UNTIL_TOMORROW, USE], None, None, None),
        ([UNTIL_TOMORROW], NOW + 5, None, NOW + 5),
        ([UNTIL_TOMORROW], NOW + 5, NOW + 4, NOW + 4),
        ([USE], None, NOW + 4, NOW + 4),
    ],
)
def test_a_permission_ends_with_the_first_edge_that_refuses(
    permissions: list[dict[str, Any]], until: int | None, expires_at: int | None, ends_at: int | None
) -> None:
    """>> edges ahead, a membership that ends, an agreement that runs out << the first at which time alone refuses."""
    asked = question({"permission": permissions}, until=until, expires_at=expires_at)
    permitted = decide_access(asked, False)
    assert isinstance(permitted, PermittedAccess)
    assert permitted.ends_at == ends_at


def test_the_next_change_looks_at_a_membership_only_while_it_lasts() -> None:
    """>> a membership that ends << the answer may change then; of whoever is no member nothing ends."""
    assert question({"permission": [UNTIL_TOMORROW]}, until=NOW + 5).next_change() == NOW + 5
    asked = question({"permission": [UNTIL_TOMORROW]}, member=False, until=NOW + 5)
    assert asked.next_change() == NOW + DAY


def test_before_the_access_some_clauses_are_left_open() -> None:
    """>> a use too many, at the request << permitted for now: counters are a matter of the access."""
    spent = replace(TOWN, uses={"": 3})
    assert question({"permission": [TWICE]}, spent, phase="transfer").permits()
    assert not question({"permission": [TWICE]}, spent).permits()


def test_the_earliest_of_no_ends_is_none() -> None:
    assert earliest(None, 3, 2) == 2
    assert earliest(None) is earliest() is None
