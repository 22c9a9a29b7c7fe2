"""Each rule is needed and the exploration can see it: with the rule switched off, it finds two sides that part."""

from collections.abc import Callable
from dataclasses import replace as changed
from typing import Any

import pytest
from msgspec.structs import replace

from connector.kernel.protocol import negotiation, transfer
from connector.kernel.protocol.effects import Illegal
from connector.kernel.protocol.negotiation import Kind, Negotiation, State
from connector.kernel.protocol.process import Memory, Role
from tests.kernel.protocol.explorations import (
    NEGOTIATION,
    NEGOTIATIONS,
    TRANSFER,
    agrees,
    agrees_or_doubts,
    parted,
    transferring,
)
from tests.kernel.protocol.explore import Kernel, World


def any_ack_will_do(n: Negotiation, sent_id: str) -> Any:
    return negotiation.acked(n, n.pending.sent_id if n.pending else sent_id)


def terminate_replaces(n: Negotiation, kind: Kind, sent_id: str) -> Any:
    return negotiation.send(replace(n, pending=None) if kind is Kind.TERMINATE and n.state else n, kind, sent_id)


def terminate_listens(n: Negotiation, kind: Kind, *message: Any) -> Any:
    """Whoever has decided to terminate still takes what fits."""
    if not negotiation.terminating(n) or kind is Kind.TERMINATE:
        return negotiation.received(n, kind, *message)
    step = negotiation.received(replace(n, pending=None, ending=None), kind, *message)
    return step._replace(negotiation=replace(step.negotiation, pending=n.pending, ending=n.ending))


def only_http_answers(n: Negotiation, kind: Kind, *message: Any) -> Any:
    """The peer's next message is no proof that ours arrived."""
    if n.pending is not None and (n.role.other, n.state, kind) not in negotiation.STEPS:
        raise Illegal("state", n.state)
    return negotiation.received(n, kind, *message)


def forgetful(n: Negotiation, *message: Any) -> Any:
    return negotiation.received(replace(n, memory=Memory()), *message)


def remembers_refusals(n: Negotiation, kind: Kind, message_id: str, digest: str) -> Any:
    """A refused message counts as known, so its retry gets a yes."""
    try:
        return negotiation.received(n, kind, message_id, digest)
    except Illegal:
        if n.state is None or "refused" + digest in n.memory.heard:
            return negotiation.Step(n, (), True)
        return negotiation.Step(replace(n, memory=n.memory.accepted("", "refused" + digest)))


MUTANTS: dict[str, dict[str, Callable[..., Any]]] = {
    "1 an ack belongs to one row": {"acked": any_ack_will_do},
    "2 nothing unanswered is replaced": {"send": terminate_replaces},
    "3 terminating refuses the rest": {"received": terminate_listens},
    "5 a fitting message is an answer": {"received": only_http_answers},
    "6 repetitions are recognised": {"received": forgetful},
    "6 refusals are not remembered": {"received": remembers_refusals},
}


def explored(kernel: Kernel, decisions: int = 3) -> None:
    for start in NEGOTIATIONS.values():
        world = World(kernel)
        world.explore([start(world, decisions)], agrees)


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS.keys())
def test_a_negotiation_without_the_rule_parts(mutant: dict[str, Callable[..., Any]]) -> None:
    """The same exploration that passes in test_exploration fails."""
    with pytest.raises(AssertionError, match=r"consumer|provider"):
        explored(changed(NEGOTIATION, **mutant))


def test_an_offer_upon_an_offer_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 4: with OFFERED -> OFFERED one side is ACCEPTED and the other OFFERED."""
    extra = {(Role.PROVIDER, State.OFFERED, Kind.OFFER): State.OFFERED}
    monkeypatch.setattr(negotiation, "STEPS", dict(negotiation.STEPS) | extra)
    with pytest.raises(AssertionError, match="decides OFFER"):
        explored(NEGOTIATION)


def test_without_strength_two_ends_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 7: provider suspends, consumer completes, and they rest COMPLETED against SUSPENDED."""
    monkeypatch.setattr(transfer, "STRENGTH", dict.fromkeys(transfer.Kind, 0))
    start = transferring(Role.PROVIDER, transfer.State.STARTED)
    assert ("SUSPENDED", "COMPLETED") in parted(World(TRANSFER, repair=False), start, 1)


def never_doubts(name: str) -> Callable[..., Any]:
    def mutant(*args: Any) -> Any:
        step = getattr(transfer, name)(*args)
        return step._replace(transfer=replace(step.transfer, doubt=False))

    return mutant


def doubts_crossings_only(t: transfer.Transfer, kind: transfer.Kind, *message: Any) -> Any:
    """A message that leads back to where we were is taken for an answer without further question."""
    step = transfer.received(t, kind, *message)
    back = t.pending is not None and transfer.step(t, t.role.other, t.state, kind) is None
    return step._replace(transfer=replace(step.transfer, doubt=t.doubt)) if back else step


@pytest.mark.parametrize(
    "mutant",
    [{"refused": never_doubts("refused")}, {"received": never_doubts("received")}, {"received": doubts_crossings_only}],
    ids=["after a refusal", "after a crossing", "after a way back"],
)
def test_without_doubt_a_transfer_stays_parted(mutant: dict[str, Callable[..., Any]]) -> None:
    """Rule 7: START against SUSPEND needs the repair, after refusals and after crossings."""
    world = World(changed(TRANSFER, **mutant))
    with pytest.raises(AssertionError, match=r"consumer|provider"):
        world.explore([transferring(Role.CONSUMER, transfer.State.STARTED)(world, 2)], agrees_or_doubts)
