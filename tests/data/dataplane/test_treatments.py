"""What is to be done to data on their way is understood to the last, or nothing leaves (spec/policy.md 2.4, 8.4)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.data.dataplane.gate import Decision
from connector.data.dataplane.treatments import (
    Aggregate,
    Anonymise,
    DropFields,
    Generalise,
    Pseudonymise,
    SuppressCells,
    Untouched,
    Watermark,
    plan,
    treatment,
)
from connector.foundation.errors import Refusal
from connector.kernel.policy.evaluation.duty_states import DURING
from connector.kernel.policy.odrl.model import Duty
from connector.kernel.policy.odrl.parse import parse

HANSE = "https://w3id.org/hanse/v1#"
K = f"{HANSE}kAnonymity"
FIELDS = f"{HANSE}fields"
METHOD = f"{HANSE}method"
LEVEL = f"{HANSE}aggregationLevel"
HASHED = f"{HANSE}hashing"


def duty(action: str, *constraints: tuple[str, str, object], **more: Any) -> Duty:
    found = [
        {"leftOperand": left, "operator": operator, "rightOperand": right} for left, operator, right in constraints
    ]
    written = {"action": action, **({"constraint": found} if found else {}), **more}
    [permission] = parse({"permission": [{"action": "use", "duty": [written]}]}).permissions
    return permission.duties[0]


@pytest.mark.parametrize(
    ("made", "understood"),
    [
        (duty(f"{HANSE}dropFields", (FIELDS, "isAllOf", ["name", "street"])), DropFields(("name", "street"))),
        (duty(f"{HANSE}dropFields", (FIELDS, "eq", "$.owner")), DropFields(("$.owner",))),
        (duty(f"{HANSE}pseudonymise", (FIELDS, "eq", "id")), Pseudonymise(("id",))),
        (duty(f"{HANSE}pseudonymise", (FIELDS, "eq", "id"), (METHOD, "eq", HASHED)), Pseudonymise(("id",), HASHED)),
        (duty(f"{HANSE}generalise"), Generalise()),
        (duty(f"{HANSE}generalise", (METHOD, "eq", HASHED)), Generalise((), HASHED)),
        (duty(f"{HANSE}aggregate", (LEVEL, "eq", f"{HANSE}district")), Aggregate(f"{HANSE}district")),
        (duty(f"{HANSE}suppressCells", (K, "gteq", "3")), SuppressCells(3)),
        (duty(f"{HANSE}suppressCells", (K, "gt", "3")), SuppressCells(4)),
        (duty(f"{HANSE}suppressCells", (K, "eq", "5")), SuppressCells(5)),
        (duty("odrl:anonymize", (K, "gteq", "10")), Anonymise("", 10)),
        (
            duty("odrl:anonymize", (METHOD, "eq", HASHED), (f"{HANSE}epsilon", "lteq", "0.5")),
            Anonymise(HASHED, None, 500_000),
        ),
        (duty("odrl:watermark"), Watermark()),
    ],
)
def test_a_duty_with_its_parameters_is_understood(made: Duty, understood: object) -> None:
    assert treatment(made) == understood


@pytest.mark.parametrize(
    "odd",
    [
        duty(f"{HANSE}dropFields"),
        duty(f"{HANSE}dropFields", (FIELDS, "isNoneOf", ["name"])),
        duty(f"{HANSE}dropFields", (FIELDS, "eq", "name"), (FIELDS, "eq", "street")),
        duty(f"{HANSE}dropFields", (FIELDS, "eq", "name"), (K, "gteq", "3")),
        duty(f"{HANSE}dropFields", (FIELDS, "eq", "name"), (f"{HANSE}unheardOf", "eq", "x")),
        duty(f"{HANSE}dropFields", (FIELDS, "eq", "name"), invented="x"),
        duty(f"{HANSE}suppressCells"),
        duty(f"{HANSE}suppressCells", (K, "gteq", "1")),
        duty(f"{HANSE}suppressCells", (K, "lteq", "3")),
        duty(f"{HANSE}suppressCells", (K, "gteq", "three")),
        duty(f"{HANSE}aggregate"),
        duty(f"{HANSE}aggregate", (LEVEL, "isAnyOf", [f"{HANSE}district", f"{HANSE}city"])),
        duty("odrl:anonymize"),
        duty("odrl:anonymize", (f"{HANSE}epsilon", "lteq", "0")),
        duty("odrl:watermark", (K, "gteq", "3")),
        duty("odrl:delete"),
        duty("odrl:aggregate", (LEVEL, "eq", f"{HANSE}district")),
        duty("https://example.org/invented"),
    ],
)
def test_anything_else_cannot_be_executed(odd: Duty) -> None:
    """An unknown, missing, doubled or senseless parameter, an unknown action, and another one of the same name."""
    assert treatment(odd) is None
    assert plan((duty("odrl:watermark"), odd)) is None


def test_every_action_that_is_due_while_data_flow_has_its_treatment() -> None:
    """The engine's class *during* and what a plane can be asked for are the same list."""
    given = {
        f"{HANSE}dropFields": (FIELDS, "eq", "x"),
        f"{HANSE}pseudonymise": (FIELDS, "eq", "x"),
        f"{HANSE}aggregate": (LEVEL, "eq", f"{HANSE}block"),
        f"{HANSE}suppressCells": (K, "gteq", "3"),
        "http://www.w3.org/ns/odrl/2/anonymize": (K, "gteq", "3"),
    }
    for action in DURING:
        assert treatment(duty(action, *([given[action]] if action in given else []))) is not None, action


@settings(max_examples=60, deadline=None)
@given(
    action=st.sampled_from(sorted(DURING)),
    constraints=st.lists(
        st.tuples(
            st.sampled_from([K, FIELDS, METHOD, LEVEL, f"{HANSE}epsilon", "odrl:purpose"]),
            st.sampled_from(["eq", "gteq", "lt", "isAnyOf", "isNoneOf", "invented"]),
            st.sampled_from(["3", "x", "", "0.1", "urn:x:y", "-5"]),
        ),
        max_size=4,
    ),
)
def test_reading_never_fails_and_never_guesses(action: str, constraints: list[tuple[str, str, str]]) -> None:
    """Whatever stands there: a treatment all of whose parameters were given, or none."""
    found = treatment(duty(action, *constraints))
    if isinstance(found, SuppressCells):
        assert found.k > 1
    if isinstance(found, (DropFields, Pseudonymise)):
        assert found.fields


def test_a_plane_that_changes_nothing_lets_nothing_out_that_is_to_be_changed() -> None:
    assert Untouched().able(())
    assert not Untouched().able((Watermark(),))
    with pytest.raises(Refusal, match=r"dataplane\.void"):
        Untouched().treated(None, None, (Watermark(),))  # type: ignore[arg-type]


@pytest.mark.threat("T42")
async def test_not_one_byte_leaves_under_a_void_decision(plane) -> None:
    """>> GET, permitted on condition that fields are dropped, at a plane that drops none << 403, no byte, no range."""
    plane.contract.decision = Decision(permit=True, during=(DropFields(("name",)),))
    for asked in ({}, {"Range": "bytes=0-9"}):
        status, _, body = await plane.get(**asked)
        assert status == 403
        assert b"dataplane.void" in body
        assert plane.data[:10] not in body
    assert plane.book.lines == []


@pytest.mark.threat("T42")
async def test_an_executor_that_gives_up_at_the_last_moment_lets_nothing_out(plane) -> None:
    """>> GET; the plane said that it can, then cannot << 403 before the first byte."""

    class Late(Untouched):
        def able(self, treatments) -> bool:
            return True

    plane.gate._executor = Late()
    plane.contract.decision = Decision(permit=True, during=(Watermark(),))
    status, _, body = await plane.get()
    assert (status, b"dataplane.void" in body) == (403, True)
    assert plane.book.lines == []
