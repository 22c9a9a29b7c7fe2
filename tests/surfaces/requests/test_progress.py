"""How a request stands, for every state that negotiation and delivery can have together."""

from itertools import product
from typing import Any, get_args

import msgspec
import pytest

from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.transfer.model import PULL, Outcome, TransferRow, owner
from connector.kernel.protocol import negotiation, transfer
from connector.kernel.protocol.process import Role
from connector.surfaces.requests.progress import ENDS, ORDER, Stage, done, stage_of

STATES = [str(state) for state in negotiation.State]
OUTCOMES: list[Outcome | None] = [None, *get_args(Outcome)]


def row(state: str, states: tuple[str, ...] = ()) -> NegotiationRow:
    kernel = msgspec.structs.replace(negotiation.start(Role.CONSUMER), state=negotiation.State[state])
    facts: Any = dict.fromkeys(
        name for name in NegotiationRow.__struct_fields__ if name not in ("kernel", "states", "policy")
    )
    return NegotiationRow(**{**facts, "kernel": kernel, "policy": {}, "states": states})


def fetched(outcome: Outcome | None) -> TransferRow:
    facts: Any = dict.fromkeys(TransferRow.__struct_fields__)
    return TransferRow(**{**facts, "kernel": transfer.start(Role.CONSUMER, owner(PULL)), "outcome": outcome})


@pytest.mark.parametrize("approval", [False, True])
def test_every_state_is_said_in_a_word_and_ends_only_where_nothing_follows(approval: bool) -> None:
    """>> each state of the negotiation with each outcome of the delivery << one stage; at rest as it should be."""
    for state, outcome in product(STATES, [*OUTCOMES, "none"]):
        delivery = None if outcome == "none" else fetched(outcome)  # type: ignore[arg-type]
        found = stage_of(row(state), delivery, approval=approval)
        assert found in get_args(Stage)
        assert (found == "refused") == (state == "TERMINATED")
        if state == "FINALIZED" and delivery is None and not approval:
            assert found == "signed"
            assert found not in ENDS
        if state != "TERMINATED" and outcome == "received":
            assert found == "ready"


@pytest.mark.parametrize(
    ("state", "states", "outcome", "expected"),
    [
        ("REQUESTED", ("REQUESTED",), None, 1),
        ("AGREED", ("REQUESTED", "AGREED"), None, 2),
        ("VERIFIED", ("REQUESTED", "AGREED", "VERIFIED"), None, 3),
        ("FINALIZED", ("REQUESTED", "AGREED", "VERIFIED", "FINALIZED"), None, 3),
        ("FINALIZED", ("REQUESTED", "AGREED", "VERIFIED", "FINALIZED"), "received", 4),
        ("TERMINATED", ("REQUESTED", "TERMINATED"), None, 1),
        ("TERMINATED", ("REQUESTED", "AGREED", "TERMINATED"), None, 2),
        ("FINALIZED", ("FINALIZED",), "broken", 3),
    ],
)
def test_steps_that_were_taken_stay_taken(
    state: str, states: tuple[str, ...], outcome: Outcome | None, expected: int
) -> None:
    assert done(row(state, states), None if outcome is None else fetched(outcome)) == expected
    assert len(ORDER) == 4
