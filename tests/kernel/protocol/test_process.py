"""Repetitions (rule 6): accepted ones get the same answer, refused ones are judged afresh."""

import pytest

from connector.kernel.protocol import codec, negotiation, transfer
from connector.kernel.protocol.effects import Illegal
from connector.kernel.protocol.process import REMEMBERED, Memory, Role

OFFER = {"@type": "Offer", "@id": "urn:o", "target": "urn:d", "permission": [{"action": "use"}]}


def counter_offer(message_id: str) -> dict[str, object]:
    """A counter-offer as plain JSON; two of them differ in their `@id` only."""
    return {"@id": message_id, "@type": "ContractRequestMessage", "providerPid": "p", "offer": OFFER}


def test_a_second_counter_offer_is_no_repetition() -> None:
    """CN:03-04: it differs from the first in its `@id` alone and must be refused, not acknowledged."""
    n = negotiation.Negotiation(role=Role.PROVIDER, state=negotiation.State.OFFERED)
    first, second = (codec.digest(counter_offer(name)) for name in ("urn:1", "urn:2"))
    n = negotiation.received(n, negotiation.Kind.REQUEST, "urn:1", first).negotiation
    again = negotiation.received(n, negotiation.Kind.REQUEST, "urn:1", first)
    assert again == (n, (), True)
    with pytest.raises(Illegal):
        negotiation.received(n, negotiation.Kind.REQUEST, "urn:2", second)


def test_a_refused_message_is_judged_afresh() -> None:
    """The peer repeats what got a 400 with the same `@id`; once it fits, it is taken."""
    n = negotiation.Negotiation(role=Role.CONSUMER, state=negotiation.State.OFFERED)
    with pytest.raises(Illegal):
        negotiation.received(n, negotiation.Kind.AGREE, "urn:a", "digest")
    n = negotiation.send(n, negotiation.Kind.ACCEPT, "row").negotiation
    step = negotiation.received(n, negotiation.Kind.AGREE, "urn:a", "digest")
    assert (step.negotiation.state, step.repeated) == (negotiation.State.AGREED, False)


def test_the_same_id_with_another_body_is_another_message() -> None:
    """The digest decides, not the `@id` alone."""
    n = negotiation.received(negotiation.start(Role.PROVIDER), negotiation.Kind.REQUEST, "urn:1", "one").negotiation
    with pytest.raises(Illegal):
        negotiation.received(n, negotiation.Kind.REQUEST, "urn:1", "two")


def test_without_an_id_equal_messages_may_be_new() -> None:
    """Suspend, start, suspend with two byte-identical suspensions: the second is taken, its echo is a repetition."""
    t = transfer.Transfer(role=Role.PROVIDER, state=transfer.State.STARTED)
    t = transfer.received(t, transfer.Kind.SUSPEND, None, "suspension").transfer
    assert transfer.received(t, transfer.Kind.SUSPEND, None, "suspension").repeated
    t = transfer.received(t, transfer.Kind.START, None, "start").transfer
    step = transfer.received(t, transfer.Kind.SUSPEND, None, "suspension")
    assert (step.repeated, step.transfer.state) == (False, transfer.State.SUSPENDED)


def test_our_own_move_ends_a_nameless_repetition() -> None:
    """After our START the identical suspension is a new one, also before the peer's ack."""
    t = transfer.Transfer(role=Role.PROVIDER, state=transfer.State.STARTED)
    t = transfer.received(t, transfer.Kind.SUSPEND, None, "suspension").transfer
    t = transfer.send(t, transfer.Kind.START, "row").transfer
    step = transfer.received(t, transfer.Kind.SUSPEND, None, "suspension")
    assert (step.repeated, step.transfer.state) == (False, transfer.State.SUSPENDED)


def test_an_old_message_with_an_id_stays_known() -> None:
    """A late copy of the first request is no counter-offer."""
    n = negotiation.received(negotiation.start(Role.PROVIDER), negotiation.Kind.REQUEST, "urn:1", "one").negotiation
    n = negotiation.acked(negotiation.send(n, negotiation.Kind.OFFER, "row").negotiation, "row").negotiation
    assert negotiation.received(n, negotiation.Kind.REQUEST, "urn:1", "one") == (n, (), True)


def test_memory_is_bounded() -> None:
    """A transfer that renews its token for years does not grow its row."""
    memory = Memory()
    for number in range(1000):
        memory = memory.accepted("id", str(number))
    assert len(memory.heard) == REMEMBERED
    assert memory.knows("id", "999")
    assert not memory.knows(None, "999")
