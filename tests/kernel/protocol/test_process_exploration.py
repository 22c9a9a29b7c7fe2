"""All that can happen to two peers: no negotiation ends in two ways, no transfer stays apart, no data flows meanwhile.

Two decisions a side beside the first message; three where it is `long`, and everywhere with HANSE_WHOLE=1. Each start
is a state that both sides agree on.
"""

from collections.abc import Callable

import pytest

from connector.kernel.protocol import transfer
from connector.kernel.protocol.process import Role
from tests.fuzz.effort import whole
from tests.kernel.protocol.explorations import (
    NEGOTIATION,
    NEGOTIATIONS,
    OPEN_STATES,
    TRANSFER,
    Start,
    agrees,
    agrees_or_doubts,
    parted,
    transferring,
)
from tests.kernel.protocol.explore import Joint, World

DECISIONS = whole(2, 3)


def requesting(owner: Role) -> Start:
    peers = (transfer.start(Role.CONSUMER, owner), transfer.start(Role.PROVIDER, owner))
    return lambda world, left: world.decided(world.begin(peers, left), 0, transfer.Kind.REQUEST)


TRANSFERS = {f"{owner} owns, asked": requesting(owner) for owner in Role} | {
    f"{owner} owns, both {state}": transferring(owner, state) for owner in Role for state in OPEN_STATES[transfer]
}


def settling(check: Callable[[World, Joint], None]) -> Callable[[World, Joint], None]:
    """The check, and that both sides come together once nothing is lost any more: of kernels and flows alone."""
    seen = set[tuple[object, object]]()

    def visit(world: World, joint: Joint) -> None:
        if (joint.peers, joint.flows) not in seen:
            seen.add((joint.peers, joint.flows))
            check(world, joint)
            assert world.settled(joint), world.trace(joint)

    return visit


@pytest.mark.threat("T33")
@pytest.mark.parametrize("start", NEGOTIATIONS.values(), ids=NEGOTIATIONS.keys())
def test_no_negotiation_ends_in_two_ways(start: Start) -> None:
    """However messages and answers are lost, doubled, late or crossing."""
    world = World(NEGOTIATION)
    number = world.explore([start(world, DECISIONS + 1)], settling(agrees))
    print(f"{number} joint states, {len(world.values)} states of one side")
    assert number > 40


LARGE = {"consumer owns, both SUSPENDED"}
"""With three decisions in the long run; the others go through as many states and have them where a person asks."""


@pytest.mark.threat("T33")
@pytest.mark.parametrize(
    ("start", "decisions"),
    [
        pytest.param(start, 3, id=name, marks=pytest.mark.long)
        if name in LARGE
        else pytest.param(start, DECISIONS, id=name)
        for name, start in TRANSFERS.items()
    ],
)
def test_every_transfer_that_parts_is_repaired(start: Start, decisions: int) -> None:
    """And the effects on the data flow always add up to what the states say."""
    world = World(TRANSFER)
    number = world.explore([start(world, decisions)], settling(agrees_or_doubts))
    print(f"{number} joint states, {len(world.values)} states of one side")
    assert number > 1000


@pytest.mark.parametrize("state", OPEN_STATES[transfer])
def test_one_decision_each_parts_only_start_and_suspend(state: transfer.State) -> None:
    """Without any repair the strength order leaves one pair: START against SUSPEND."""
    for owner in Role:
        world = World(TRANSFER, repair=False)
        assert parted(world, transferring(owner, state), 1) <= {("STARTED", "SUSPENDED"), ("SUSPENDED", "STARTED")}
