"""The negotiation table as transcripts: `>>` the peer says, `<<` we say, `ok` / `no` its answer to our last message."""

import msgspec
import pytest

from connector.kernel.protocol import messages as m
from connector.kernel.protocol import negotiation
from connector.kernel.protocol.effects import Acked, Ask, Illegal, Note, Problem, Send, Sign
from connector.kernel.protocol.negotiation import STEPS, TERMINAL, Kind, Negotiation, Pending, State
from connector.kernel.protocol.process import Role

C, P = Role.CONSUMER, Role.PROVIDER


def play(role: Role, script: str) -> Negotiation:
    """Plays one side; every message has its own id, made from its place in the script."""
    n = negotiation.start(role)
    for place, line in enumerate(script.split(",")):
        mark, *kind = line.split()
        if mark == ">>":
            n = negotiation.received(n, Kind(kind[0]), f"in{place}", f"digest{place}").negotiation
        elif mark == "<<":
            n = negotiation.send(n, Kind(kind[0]), f"out{place}").negotiation
        elif n.pending is not None:
            answer = negotiation.acked if mark == "ok" else negotiation.refused
            more = () if mark == "ok" else (Problem(400),)
            n = answer(n, n.pending.sent_id, *more).negotiation
    return n


REACHED = [
    (P, ">> REQUEST", "REQUESTED"),
    (P, ">> REQUEST, << OFFER, ok, >> REQUEST, << TERMINATE, ok", "TERMINATED"),
    (P, ">> REQUEST, << OFFER, ok, >> ACCEPT, << AGREE, ok, >> VERIFY, << FINALIZE, ok", "FINALIZED"),
    (P, ">> REQUEST, << OFFER, >> ACCEPT, << AGREE, >> VERIFY, << FINALIZE, ok", "FINALIZED"),
    (P, ">> REQUEST, << AGREE, ok, >> TERMINATE", "TERMINATED"),
    (P, "<< OFFER, ok, >> ACCEPT, << AGREE, ok, >> VERIFY, << FINALIZE, ok", "FINALIZED"),
    (P, ">> REQUEST, << OFFER, no", "REQUESTED"),
    (C, "<< REQUEST, ok, >> OFFER, << ACCEPT, ok, >> AGREE, << VERIFY, ok, >> FINALIZE", "FINALIZED"),
    (C, "<< REQUEST, >> OFFER, << REQUEST, >> AGREE, << VERIFY, >> FINALIZE", "FINALIZED"),
    (C, ">> OFFER, << ACCEPT, ok", "ACCEPTED"),
    (C, "<< REQUEST, no", "TERMINATED"),
    (C, "<< REQUEST, << TERMINATE, ok, ok", "TERMINATED"),
    (C, "<< REQUEST, << TERMINATE, no", "TERMINATED"),
    (C, "<< REQUEST, ok, >> AGREE, << VERIFY, << TERMINATE, no, ok", "TERMINATED"),
    (P, ">> REQUEST, << AGREE, >> VERIFY, << FINALIZE, << TERMINATE, ok", "FINALIZED"),
    (P, ">> REQUEST, << TERMINATE, no", "TERMINATED"),
]


@pytest.mark.parametrize(("role", "script", "state"), REACHED)
def test_what_is_legal(role: Role, script: str, state: str) -> None:
    """Every path comes to rest where it should, with nothing left to say."""
    n = play(role, script)
    assert (n.state, n.pending, n.ending) == (State(state), None, None)


REFUSED = {
    "CN:03-01 termination after FINALIZED": (P, ">> REQUEST, << AGREE, ok, >> VERIFY, << FINALIZE, ok", "TERMINATE"),
    "CN:03-02 verification in OFFERED": (P, ">> REQUEST, << OFFER, ok", "VERIFY"),
    "CN:03-03 verification in ACCEPTED": (P, ">> REQUEST, << OFFER, ok, >> ACCEPT", "VERIFY"),
    "CN:03-04 second counter-offer": (P, ">> REQUEST, << OFFER, ok, >> REQUEST", "REQUEST"),
    "CN_C:03-01 FINALIZED in REQUESTED": (C, "<< REQUEST, ok", "FINALIZE"),
    "CN_C:03-02 agreement in OFFERED": (C, "<< REQUEST, ok, >> OFFER", "AGREE"),
    "CN_C:03-03 FINALIZED in OFFERED": (C, "<< REQUEST, ok, >> OFFER", "FINALIZE"),
    "CN_C:03-04 FINALIZED in ACCEPTED": (C, "<< REQUEST, ok, >> OFFER, << ACCEPT, ok", "FINALIZE"),
    "CN_C:03-05 second offer in ACCEPTED": (C, "<< REQUEST, ok, >> OFFER, << ACCEPT, ok", "OFFER"),
    "CN_C:03-06 FINALIZED in AGREED": (C, "<< REQUEST, ok, >> OFFER, << ACCEPT, ok, >> AGREE", "FINALIZE"),
    "FINALIZED from a consumer": (P, ">> REQUEST, << AGREE, ok, >> VERIFY", "FINALIZE"),
    "ACCEPTED from a provider": (C, "<< REQUEST, ok, >> OFFER", "ACCEPT"),
    "an offer upon an offer": (C, "<< REQUEST, ok, >> OFFER", "OFFER"),
    "FINALIZED while we terminate": (C, "<< REQUEST, ok, >> AGREE, << VERIFY, ok, << TERMINATE", "FINALIZE"),
    "FINALIZED while TERMINATE waits": (C, "<< REQUEST, ok, >> AGREE, << VERIFY, << TERMINATE", "FINALIZE"),
}


@pytest.mark.parametrize(("role", "script", "kind"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(role: Role, script: str, kind: str) -> None:
    """The kernel says no and, being pure, has changed nothing."""
    n = play(role, script)
    with pytest.raises(Illegal) as refusal:
        negotiation.received(n, Kind(kind), "new", "new digest")
    assert refusal.value.code in {"state", "terminating"}
    assert refusal.value.state == n.state


@pytest.mark.threat("T33")
def test_the_table_is_all_that_is_legal() -> None:
    """For every role, state and message: `send` and `received` follow STEPS; a second VERIFY alone changes nothing."""
    for role in Role:
        for state in State:
            for kind in Kind:
                ours = Negotiation(role=role, state=state)
                theirs = Negotiation(role=role.other, state=state)
                target = STEPS.get((role, state, kind))
                if target is None:
                    with pytest.raises(Illegal):
                        negotiation.send(ours, kind, "x")
                    if (role, state, kind) == (C, State.VERIFIED, Kind.VERIFY):
                        assert negotiation.received(theirs, kind, "x", "x") == (theirs, (), True)
                        continue
                    with pytest.raises(Illegal):
                        negotiation.received(theirs, kind, "x", "x")
                else:
                    assert negotiation.shown(negotiation.send(ours, kind, "x").negotiation) is target
                    assert negotiation.received(theirs, kind, "x", "x").negotiation.state is target
    assert not [step for step in STEPS if step[1] in TERMINAL]


def test_an_unanswered_message_is_not_replaced() -> None:
    """Rule 2: a second word waits for the answer; TERMINATE may be decided and queues behind."""
    n = play(P, ">> REQUEST, << OFFER")
    with pytest.raises(Illegal, match="unanswered"):
        negotiation.send(n, Kind.AGREE, "x")
    step = negotiation.send(n, Kind.TERMINATE, "end")
    assert (step.negotiation.pending, step.negotiation.ending) == (n.pending, Pending(Kind.TERMINATE, "end"))
    with pytest.raises(Illegal, match="terminating"):
        negotiation.send(step.negotiation, Kind.TERMINATE, "again")


def test_edc_verifies_twice_under_another_id_and_is_not_refused() -> None:
    """Seen with EDC 0.15.1 about once in a hundred: refused, it ended a negotiation that both sides had agreed."""
    for script in (">> REQUEST, << AGREE, ok, >> VERIFY", ">> REQUEST, << AGREE, ok, >> VERIFY, << FINALIZE"):
        n = play(P, script)
        assert negotiation.received(n, Kind.VERIFY, "another id", "another digest") == (n, (), True)
    over = play(P, ">> REQUEST, << AGREE, ok, >> VERIFY, << FINALIZE, ok")
    with pytest.raises(Illegal, match="state"):
        negotiation.received(over, Kind.VERIFY, "another id", "another digest")
    ending = play(P, ">> REQUEST, << AGREE, ok, >> VERIFY, << TERMINATE")
    with pytest.raises(Illegal, match="terminating"):
        negotiation.received(ending, Kind.VERIFY, "another id", "another digest")


def test_an_answer_belongs_to_one_row() -> None:
    """Rule 1: a late ack or refusal of an older row changes nothing."""
    n = play(C, "<< REQUEST, ok, >> OFFER, << REQUEST")
    assert negotiation.acked(n, "out0").negotiation == n
    assert negotiation.refused(n, "out0", Problem(409)).negotiation == n


def test_the_next_message_settles_our_row() -> None:
    """Rule 5: the offer proves that the request arrived; the peer's pid is adopted from it."""
    n = negotiation.send(negotiation.start(C), Kind.REQUEST, "row").negotiation
    step = negotiation.received(n, Kind.OFFER, "id", "digest", "urn:uuid:theirs")
    assert step.effects == (Acked("row"), Note("OFFER.received"))
    assert (step.negotiation.state, step.negotiation.peer_pid) == (State.OFFERED, "urn:uuid:theirs")
    with pytest.raises(Illegal, match="pid"):
        negotiation.received(step.negotiation, Kind.TERMINATE, "id2", "digest2", "urn:uuid:other")


def test_a_termination_voids_what_we_had_to_say() -> None:
    """Both rows are settled, the waiting TERMINATE too."""
    n = play(P, ">> REQUEST, << OFFER, << TERMINATE")
    step = negotiation.received(n, Kind.TERMINATE, "id", "digest")
    assert step.effects[:2] == (Acked("out1"), Acked("out2"))
    assert step.negotiation.state is State.TERMINATED


def test_what_must_follow() -> None:
    """Agreement and verification are signed; a refusal goes to the steward unless we are terminating anyway."""
    n = play(P, ">> REQUEST")
    step = negotiation.send(n, Kind.AGREE, "row")
    assert step.effects == (Sign(), Send("AGREE", "row"), Note("AGREE.decided"))
    no = negotiation.refused(step.negotiation, "row", Problem(400, "99"))
    assert no.effects == (Note("AGREE.refused", "400 99"), Ask("refused"))
    ending = negotiation.send(step.negotiation, Kind.TERMINATE, "end").negotiation
    no = negotiation.refused(ending, "row", Problem(400))
    assert no.effects == (Note("AGREE.refused", "400"),)
    assert no.negotiation.pending == Pending(Kind.TERMINATE, "end")


def test_a_finalized_negotiation_lets_no_termination_out() -> None:
    """The peer took FINALIZED: the waiting TERMINATE is void and its row is settled."""
    n = play(P, ">> REQUEST, << AGREE, ok, >> VERIFY, << FINALIZE, << TERMINATE")
    assert n.pending is not None
    step = negotiation.acked(n, n.pending.sent_id)
    assert step.effects == (Acked("out5"), Note("FINALIZE.acked"))
    assert (step.negotiation.state, step.negotiation.ending) == (State.FINALIZED, None)


def test_it_survives_its_column() -> None:
    """Stored as JSON text and read back it is the same value."""
    for role, script, _ in REACHED:
        n = play(role, script)
        assert msgspec.json.decode(msgspec.json.encode(n), type=Negotiation) == n
    n = play(P, ">> REQUEST, << OFFER, << TERMINATE")
    assert msgspec.json.decode(msgspec.json.encode(n), type=Negotiation) == n


def test_messages_have_kinds() -> None:
    """The event message says in `eventType` what it does."""
    accepted = m.ContractNegotiationEventMessage(provider_pid="p", consumer_pid="c", event_type="ACCEPTED")
    finalized = m.ContractNegotiationEventMessage(provider_pid="p", consumer_pid="c", event_type="FINALIZED")
    ended = m.ContractNegotiationTerminationMessage(provider_pid="p", consumer_pid="c")
    kinds = [negotiation.kind_of(message) for message in (accepted, finalized, ended)]
    assert kinds == [Kind.ACCEPT, Kind.FINALIZE, Kind.TERMINATE]
    with pytest.raises(KeyError):
        negotiation.kind_of(m.CatalogRequestMessage())
