"""All that can happen to two peers: no negotiation ends in two ways, no transfer stays apart, no data flows meanwhile.

Two decisions a side beside the first message; three with HANSE_LONG=1. Each start is a state that both sides agree on.
"""

import os
from collections.abc import Callable

import pytest

from connector.protocol import negotiation, transfer
from connector.protocol.process import Role
from tests.protocol.explore import Joint, Kernel, World

LONG = os.environ.get("HANSE_LONG") == "1"
DECISIONS = 3 if LONG else 2

NEGOTIATION = Kernel(
    tuple(negotiation.Kind),
    negotiation.send,
    negotiation.acked,
    negotiation.refused,
    negotiation.received,
    negotiation.shown,
)
TRANSFER = Kernel(
    tuple(transfer.Kind),
    transfer.send,
    transfer.acked,
    transfer.refused,
    transfer.received,
    transfer.shown,
    transfer.repaired,
)
OPEN_STATES = {
    negotiation: [state for state in negotiation.State if state not in negotiation.TERMINAL],
    transfer: [state for state in transfer.State if state not in transfer.TERMINAL],
}

Start = Callable[[World, int], Joint]


def first_message(side: int) -> Start:
    """A negotiation whose first message that side has just decided: 0 the consumer, 1 the provider."""
    kind = (negotiation.Kind.REQUEST, negotiation.Kind.OFFER)[side]
    peers = (negotiation.start(Role.CONSUMER), negotiation.start(Role.PROVIDER))
    return lambda world, left: world.decided(world.begin(peers, left), side, kind)


def negotiating(state: negotiation.State) -> Start:
    peers = tuple(negotiation.Negotiation(role=role, state=state) for role in Role)
    return lambda world, left: world.begin(peers, left)


def requesting(owner: Role) -> Start:
    peers = (transfer.start(Role.CONSUMER, owner), transfer.start(Role.PROVIDER, owner))
    return lambda world, left: world.decided(world.begin(peers, left), 0, transfer.Kind.REQUEST)


def transferring(owner: Role, state: transfer.State) -> Start:
    peers = tuple(transfer.Transfer(role=role, owner=owner, state=state) for role in Role)
    flows = (state is transfer.State.STARTED,) * 2
    return lambda world, left: world.begin(peers, left, flows)


NEGOTIATIONS = {"consumer asks": first_message(0), "provider offers": first_message(1)} | {
    f"both {state}": negotiating(state) for state in OPEN_STATES[negotiation]
}
TRANSFERS = {f"{owner} owns, asked": requesting(owner) for owner in Role} | {
    f"{owner} owns, both {state}": transferring(owner, state) for owner in Role for state in OPEN_STATES[transfer]
}


def agrees(world: World, joint: Joint) -> None:
    """Two sides with nothing unanswered are in the same state, and so are two ends."""
    consumer, provider = world.pair(joint)
    quiet = consumer.pending is None and provider.pending is None
    ended = {consumer.state, provider.state} <= negotiation.TERMINAL
    if quiet or ended:
        assert consumer.state == provider.state, world.trace(joint)


def agrees_or_doubts(world: World, joint: Joint) -> None:
    """Two quiet sides that differ know that they may, and let no data flow."""
    consumer, provider = world.pair(joint)
    if consumer.pending is None and provider.pending is None and consumer.state != provider.state:
        assert consumer.doubt or provider.doubt, world.trace(joint)
        assert joint.flows != (True, True), world.trace(joint)
    assert joint.flows == (transfer.flowing(consumer), transfer.flowing(provider)), world.trace(joint)


def settling(check: Callable[[World, Joint], None]) -> Callable[[World, Joint], None]:
    """The check, and that both sides come together once nothing is lost any more."""

    def visit(world: World, joint: Joint) -> None:
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


@pytest.mark.threat("T33")
@pytest.mark.parametrize("start", TRANSFERS.values(), ids=TRANSFERS.keys())
def test_every_transfer_that_parts_is_repaired(start: Start) -> None:
    """And the effects on the data flow always add up to what the states say."""
    world = World(TRANSFER)
    number = world.explore([start(world, DECISIONS)], settling(agrees_or_doubts))
    print(f"{number} joint states, {len(world.values)} states of one side")
    assert number > 1000


@pytest.mark.parametrize("state", OPEN_STATES[transfer])
def test_one_decision_each_parts_only_start_and_suspend(state: transfer.State) -> None:
    """Without any repair the strength order leaves one pair: START against SUSPEND."""
    for owner in Role:
        world = World(TRANSFER, repair=False)
        assert parted(world, transferring(owner, state), 1) <= {("STARTED", "SUSPENDED"), ("SUSPENDED", "STARTED")}


def parted(world: World, start: Start, decisions: int) -> set[tuple[str, str]]:
    """The pairs of states in which two quiet sides can rest."""
    found: set[tuple[str, str]] = set()

    def visit(world: World, joint: Joint) -> None:
        consumer, provider = world.pair(joint)
        if consumer.pending is None and provider.pending is None and consumer.state != provider.state:
            found.add((str(consumer.state), str(provider.state)))

    world.explore([start(world, decisions)], visit)
    return found
