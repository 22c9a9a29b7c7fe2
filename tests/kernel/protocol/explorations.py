"""What is explored of negotiations and transfers: how they start, and what must hold of both sides in the end."""

from collections.abc import Callable

from connector.kernel.protocol import negotiation, transfer
from connector.kernel.protocol.process import Role
from tests.kernel.protocol.explore import Joint, Kernel, World

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


def transferring(owner: Role, state: transfer.State) -> Start:
    peers = tuple(transfer.Transfer(role=role, owner=owner, state=state) for role in Role)
    flows = (state is transfer.State.STARTED,) * 2
    return lambda world, left: world.begin(peers, left, flows)


NEGOTIATIONS = {"consumer asks": first_message(0), "provider offers": first_message(1)} | {
    f"both {state}": negotiating(state) for state in OPEN_STATES[negotiation]
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


def parted(world: World, start: Start, decisions: int) -> set[tuple[str, str]]:
    """The pairs of states in which two quiet sides can rest."""
    found: set[tuple[str, str]] = set()

    def visit(world: World, joint: Joint) -> None:
        consumer, provider = world.pair(joint)
        if consumer.pending is None and provider.pending is None and consumer.state != provider.state:
            found.add((str(consumer.state), str(provider.state)))

    world.explore([start(world, decisions)], visit)
    return found
