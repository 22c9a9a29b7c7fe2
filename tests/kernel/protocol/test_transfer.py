"""The transfer table as transcripts: `>>` the peer says, `<<` we say, `ok` / `no` its answer to our last message."""

import msgspec
import pytest

from connector.kernel.protocol import messages as m
from connector.kernel.protocol import transfer
from connector.kernel.protocol.effects import Acked, Ask, CloseFlow, Illegal, Note, OpenFlow, Problem, Repair, Send
from connector.kernel.protocol.process import Role
from connector.kernel.protocol.transfer import Kind, State, Transfer

C, P = Role.CONSUMER, Role.PROVIDER


def play(role: Role, script: str, owner: Role = P) -> Transfer:
    """Plays one side; every message has its own id, made from its place in the script."""
    t = transfer.start(role, owner)
    for place, line in enumerate(script.split(",")):
        mark, *kind = line.split()
        if mark == ">>":
            t = transfer.received(t, Kind(kind[0]), f"in{place}", f"digest{place}").transfer
        elif mark == "<<":
            t = transfer.send(t, Kind(kind[0]), f"out{place}").transfer
        elif t.pending is not None:
            answer = transfer.acked if mark == "ok" else transfer.refused
            more = () if mark == "ok" else (Problem(400),)
            t = answer(t, t.pending.sent_id, *more).transfer
    return t


REACHED = [
    (P, ">> REQUEST, << START, ok, << TERMINATE, ok", "TERMINATED"),
    (P, ">> REQUEST, << START, ok, << COMPLETE, ok", "COMPLETED"),
    (P, ">> REQUEST, << START, ok, << SUSPEND, ok, << START, ok, << COMPLETE, ok", "COMPLETED"),
    (P, ">> REQUEST, << TERMINATE, ok", "TERMINATED"),
    (P, ">> REQUEST, << START, >> SUSPEND, >> TERMINATE", "TERMINATED"),
    (P, ">> REQUEST, << START, ok, >> SUSPEND, >> START, << START, ok", "STARTED"),
    (P, ">> REQUEST, << START, >> COMPLETE", "COMPLETED"),
    (C, "<< REQUEST, ok, >> START, >> SUSPEND, >> START, >> COMPLETE", "COMPLETED"),
    (C, "<< REQUEST, >> START, >> START, << COMPLETE, ok", "COMPLETED"),
    (C, "<< REQUEST, ok, >> START, << SUSPEND, ok, << START, ok, >> START, << COMPLETE, ok", "COMPLETED"),
    (C, "<< REQUEST, no", "TERMINATED"),
    (C, "<< REQUEST, << TERMINATE, ok, ok", "TERMINATED"),
]


@pytest.mark.parametrize(("role", "script", "state"), REACHED)
def test_what_is_legal(role: Role, script: str, state: str) -> None:
    """Every path comes to rest where it should, without doubt and with nothing left to say."""
    t = play(role, script)
    assert (t.state, t.pending, t.ending, t.doubt) == (State(state), None, None, False)


PROVIDER = ">> REQUEST, << START, ok"
CONSUMER = "<< REQUEST, ok, >> START"
REFUSED = {
    "TP:03-01 completion in REQUESTED": (P, ">> REQUEST", "COMPLETE"),
    "TP:03-02 suspension in REQUESTED": (P, ">> REQUEST", "SUSPEND"),
    "TP:03-03 completion in SUSPENDED": (P, f"{PROVIDER}, >> SUSPEND", "COMPLETE"),
    "TP:03-04 start in TERMINATED": (P, f"{PROVIDER}, >> TERMINATE", "START"),
    "TP:03-05 suspension in TERMINATED": (P, f"{PROVIDER}, >> TERMINATE", "SUSPEND"),
    "TP:03-06 completion in TERMINATED": (P, f"{PROVIDER}, >> TERMINATE", "COMPLETE"),
    "TP_C:03-01 completion in REQUESTED": (C, "<< REQUEST, ok", "COMPLETE"),
    "TP_C:03-02 suspension in REQUESTED": (C, "<< REQUEST, ok", "SUSPEND"),
    "TP_C:03-03 completion in SUSPENDED": (C, f"{CONSUMER}, >> SUSPEND", "COMPLETE"),
    "TP_C:03-04 start in TERMINATED": (C, f"{CONSUMER}, >> TERMINATE", "START"),
    "TP_C:03-05 suspension in TERMINATED": (C, f"{CONSUMER}, >> TERMINATE", "SUSPEND"),
    "TP_C:03-06 completion in TERMINATED": (C, f"{CONSUMER}, >> TERMINATE", "COMPLETE"),
    "a start by the consumer of a pull": (P, PROVIDER, "START"),
    "a start while we suspend": (C, f"{CONSUMER}, << SUSPEND", "START"),
    "a suspension while we complete": (C, f"{CONSUMER}, << COMPLETE", "SUSPEND"),
    "a completion while we terminate": (C, f"{CONSUMER}, << TERMINATE", "COMPLETE"),
}


@pytest.mark.parametrize(("role", "script", "kind"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(role: Role, script: str, kind: str) -> None:
    """The kernel says no and, being pure, has changed nothing."""
    t = play(role, script)
    with pytest.raises(Illegal) as refusal:
        transfer.received(t, Kind(kind), "new", "new digest")
    assert refusal.value.state == t.state


def test_the_table_is_all_that_is_legal() -> None:
    """For every owner, role, state and message `send` and `received` agree with STEPS and the owner's new address."""
    for owner in Role:
        for role in Role:
            for state in State:
                for kind in Kind:
                    ours = Transfer(role=role, owner=owner, state=state)
                    theirs = Transfer(role=role.other, owner=owner, state=state)
                    renewal = kind is Kind.START and state is State.STARTED and role is owner
                    target = State.STARTED if renewal else transfer.STEPS.get((role, state, kind))
                    assert transfer.step(ours, role, state, kind) is target
                    if target is None:
                        with pytest.raises(Illegal):
                            transfer.send(ours, kind, "x")
                        with pytest.raises(Illegal):
                            transfer.received(theirs, kind, "x", "x")
                    else:
                        assert transfer.shown(transfer.send(ours, kind, "x").transfer) is target
                        assert transfer.received(theirs, kind, "x", "x").transfer.state is target


def test_the_provider_opens_before_it_says_so() -> None:
    """The consumer may come as soon as it hears START, and finds a closed door as soon as SUSPEND is decided."""
    step = transfer.send(play(P, ">> REQUEST"), Kind.START, "row")
    assert step.effects == (OpenFlow(), Send("START", "row"), Note("START.decided"))
    assert transfer.acked(step.transfer, "row").effects == (Note("START.acked"),)
    no = transfer.refused(step.transfer, "row", Problem(400))
    assert no.effects == (CloseFlow("START"), Note("START.refused", "400"), Repair(), Ask("refused"))
    step = transfer.send(play(P, PROVIDER), Kind.SUSPEND, "row")
    assert step.effects[0] == CloseFlow("SUSPEND")


def test_the_consumer_opens_when_told() -> None:
    """Its own START only asks; a refused SUSPEND opens again."""
    step = transfer.received(play(C, "<< REQUEST"), Kind.START, "id", "digest")
    assert step.effects == (Acked("out0"), OpenFlow(), Note("START.received"))
    asked = transfer.send(play(C, f"{CONSUMER}, >> SUSPEND"), Kind.START, "row")
    assert OpenFlow() not in asked.effects
    no = transfer.refused(transfer.send(step.transfer, Kind.SUSPEND, "row").transfer, "row", Problem(409))
    assert no.effects[0] == OpenFlow()


def test_a_decided_end_closes_at_once() -> None:
    """The TERMINATE waits behind an unanswered START, the data does not."""
    step = transfer.send(play(P, ">> REQUEST, << START"), Kind.TERMINATE, "end")
    assert step.effects[0] == CloseFlow("TERMINATE")
    assert transfer.shown(step.transfer) is State.STARTED
    assert not transfer.flowing(step.transfer)


def test_a_crossing_is_doubted() -> None:
    """Our START may still arrive after the peer's SUSPEND, so the peer is asked."""
    step = transfer.received(play(P, f"{PROVIDER}, << START"), Kind.SUSPEND, "id", "digest")
    assert step.effects == (Acked("out3"), CloseFlow("SUSPEND"), Note("SUSPEND.received"), Repair())
    assert step.transfer.doubt


DOUBTING = play(P, f"{PROVIDER}, << SUSPEND, no")


@pytest.mark.parametrize(
    ("peer", "state", "says"),
    [
        (State.STARTED, State.STARTED, None),
        (State.SUSPENDED, State.STARTED, Kind.TERMINATE),
        (State.REQUESTED, State.STARTED, Kind.TERMINATE),
        (State.COMPLETED, State.COMPLETED, None),
        (State.TERMINATED, State.TERMINATED, None),
        (None, State.TERMINATED, None),
    ],
)
def test_repair(peer: State | None, state: State, says: Kind | None) -> None:
    """Equal: sure again. Ended over there: ended here. Anything else: TERMINATE."""
    t = transfer.repaired(DOUBTING, peer, "end").transfer
    assert (t.state, t.pending and t.pending.kind, t.doubt) == (state, says, False)


def test_repair_waits_for_answers() -> None:
    """While a message of ours is unanswered the peer's state proves nothing; without a doubt nothing happens."""
    waiting = transfer.send(DOUBTING, Kind.COMPLETE, "row").transfer
    assert transfer.repaired(waiting, State.SUSPENDED, "end") == (waiting, (Repair(),), False)
    sure = play(P, PROVIDER)
    assert transfer.repaired(sure, State.SUSPENDED, "end") == (sure, (), False)


def test_a_refused_termination_asks_how_it_ended() -> None:
    """The peer had completed: both are COMPLETED; whatever else it says, ours is TERMINATED."""
    t = play(P, f"{PROVIDER}, << TERMINATE, no")
    assert (t.state, t.doubt) == (State.TERMINATED, True)
    assert transfer.repaired(t, State.COMPLETED, "x").transfer.state is State.COMPLETED
    for peer in (State.STARTED, State.TERMINATED, None):
        assert transfer.repaired(t, peer, "x").transfer.state is State.TERMINATED


def test_an_answer_belongs_to_one_row() -> None:
    """Rule 1: a late ack or refusal of an older row changes nothing."""
    t = play(P, f"{PROVIDER}, << SUSPEND")
    assert transfer.acked(t, "out1") == (t, (), False)
    assert transfer.refused(t, "out1", Problem(409)) == (t, (), False)


def test_pids_are_adopted_and_then_fixed() -> None:
    """From the answer to the first request; a message with another pid is refused."""
    t = transfer.acked(play(C, "<< REQUEST"), "out0", "theirs").transfer
    assert t.peer_pid == "theirs"
    with pytest.raises(Illegal, match="pid"):
        transfer.received(t, Kind.START, "id", "digest", "other")


def test_it_survives_its_column() -> None:
    """Stored as JSON text and read back it is the same value."""
    for owner in Role:
        for t in (play(P, f"{PROVIDER}, << SUSPEND, << TERMINATE", owner), DOUBTING, transfer.start(C, owner)):
            assert msgspec.json.decode(msgspec.json.encode(t), type=Transfer) == t


def test_messages_have_kinds() -> None:
    """One class, one kind."""
    message = m.TransferSuspensionMessage(provider_pid="p", consumer_pid="c")
    assert transfer.kind_of(message) is Kind.SUSPEND
