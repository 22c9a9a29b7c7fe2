"""The transfer process of both sides as one table and six functions over frozen values.

Read `negotiation` first: the two peers, the one pending message, answers that belong to rows, the waiting TERMINATE and
repetition are the same here, under the same numbers (spec/protocol.md 4). This module adds what makes transfers harder,
and what a transfer controls: a flow of bytes.

*Why it is harder.* In a negotiation one side at a time has the word. In STARTED and SUSPENDED both sides may say nearly
everything: suspend, start again, complete, terminate. So any two messages can cross, and both senders believe that
theirs was first. `STEPS` has these rows for both roles. One more rule is in `step`: the owner of the data address, the
provider of a pull and the consumer of a push, may say START in STARTED. That hands out a fresh address and changes no
state; the table cannot say it, because it depends on who owns the address.

*Strength* (rule 7). Messages have an order: TERMINATE over COMPLETE over SUSPEND over START, in which the stronger one
lets less happen afterwards. While ours is unanswered, the peer's message is looked at in two places:

* It is legal in the state before ours. Then it was perhaps said without knowing ours: they cross. If it is weaker it
  is refused (`Illegal`, "weaker"), and the peer, for whom ours is the stronger one, takes ours. If it is as strong or
  stronger we take it and drop ours. Both sides so decide for the same one of two different messages.
* It is legal only in the state behind ours. Then it was said by somebody who has ours: it is the answer (rule 5).

A side whose TERMINATE waits refuses all but TERMINATE, as in negotiations; so the strongest needs no comparison.

*Doubt.* The order cannot tell everything apart. A message as strong as ours, or stronger, may have been said without
knowing ours; we take it, and the peer may stand elsewhere. A message that leads back to the state we come from may be a
late copy from before ours. A refusal says that the peer does not stand where we think, but not where it stands; perhaps
it took for weaker what was meant as our answer, as START after SUSPEND can look. In each of these cases the step is
made and `doubt` is set: this side no longer claims to know the peer's state. An end needs no doubt, but for that of a
refused TERMINATE.

*Repair.* A doubt is not argued about, it is asked. The effect `Repair` has the peer's state fetched by GET, but not
while a message of ours is unanswered, and not before every copy of our finished rows is off the wire: a late copy could
undo what was mended. `repaired` then compares. The same state: the doubt is over. The peer knows nothing of the
transfer: TERMINATED. The peer is at an end: we take that end. Both still run, but in different states: TERMINATE,
because nobody can say which of the two is meant, and a transfer that is ended can be asked for again. A side that has
ended by a refused TERMINATE stays TERMINATED, unless the peer says COMPLETED, which is what it refused for.

The exploration in the tests walks through all that two sides and a bad network can do: where two quiet sides differ one
of them is in doubt and no data flow, and once nothing is lost any more both come to one state.

*The flow.* Whether bytes may flow is no further state but a function of this one (`flowing`): at the provider from its
START on, since the consumer may come as soon as it has the address; at the consumer once it is STARTED. What opens a
flow counts when it is safe, what closes it counts at once: SUSPEND, COMPLETE and TERMINATE from the decision, whatever
the peer answers. `OpenFlow` and `CloseFlow` follow from the flow before and after a step, so no path can forget one,
and the caller carries them out in the transaction that saves the state.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from connector.kernel.protocol import messages as m
from connector.kernel.protocol.effects import (
    Acked,
    Ask,
    CloseFlow,
    Effect,
    Illegal,
    Note,
    OpenFlow,
    Problem,
    Repair,
    Send,
)
from connector.kernel.protocol.process import Memory, Role


class State(StrEnum):
    REQUESTED = "REQUESTED"
    STARTED = "STARTED"
    SUSPENDED = "SUSPENDED"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"


class Kind(StrEnum):
    REQUEST = "REQUEST"
    START = "START"
    SUSPEND = "SUSPEND"
    COMPLETE = "COMPLETE"
    TERMINATE = "TERMINATE"


TERMINAL = frozenset({State.COMPLETED, State.TERMINATED})

STEPS: Mapping[tuple[Role, State | None, Kind], State] = MappingProxyType(
    {
        (Role.CONSUMER, None, Kind.REQUEST): State.REQUESTED,
        (Role.PROVIDER, State.REQUESTED, Kind.START): State.STARTED,
    }
    | {(role, State.STARTED, Kind.SUSPEND): State.SUSPENDED for role in Role}
    | {(role, State.STARTED, Kind.COMPLETE): State.COMPLETED for role in Role}
    | {(role, State.SUSPENDED, Kind.START): State.STARTED for role in Role}
    | {(role, state, Kind.TERMINATE): State.TERMINATED for role in Role for state in State if state not in TERMINAL}
)
"""(who sends, state, message) -> next state. Besides, the owner of the data address may START in STARTED: `step`."""

STRENGTH: Mapping[Kind, int] = MappingProxyType({kind: rank for rank, kind in enumerate(Kind)})


class Pending(Struct, frozen=True):
    """A message of ours that the peer has not answered yet, and the id of its outbox row."""

    kind: Kind
    sent_id: str


class Transfer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One side of a transfer. `owner` serves the data address: the provider for pull, the consumer for push.

    `ending` is a decided TERMINATE that waits behind `pending`; `doubt` says that the peer's state must be asked for.
    """

    role: Role
    owner: Role = Role.PROVIDER
    state: State | None = None
    pending: Pending | None = None
    ending: Pending | None = None
    doubt: bool = False
    peer_pid: str | None = None
    memory: Memory = Memory()


class Step(NamedTuple):
    """The state after a decision, what must follow, and whether the message was an accepted repetition."""

    transfer: Transfer
    effects: tuple[Effect, ...] = ()
    repeated: bool = False


def start(role: Role, owner: Role = Role.PROVIDER, peer_pid: str | None = None) -> Transfer:
    """A transfer before its first message."""
    return Transfer(role=role, owner=owner, peer_pid=peer_pid)


def terminating(t: Transfer) -> bool:
    """Whether we have decided to terminate and the peer has not answered yet."""
    return t.ending is not None or (t.pending is not None and t.pending.kind is Kind.TERMINATE)


def step(t: Transfer, sender: Role, state: State | None, kind: Kind) -> State | None:
    """The state after a message in `state`; None if it is illegal there."""
    if (state, kind, sender) == (State.STARTED, Kind.START, t.owner):
        return State.STARTED
    return STEPS.get((sender, state, kind))


def shown(t: Transfer) -> State | None:
    """The state that a GET shows: an unanswered message counts as answered. None before the first message."""
    return t.state if t.pending is None else step(t, t.role, t.state, t.pending.kind)


def settled(t: Transfer) -> bool:
    """At an end, and the peer knows: an unanswered TERMINATE or COMPLETE is not settled."""
    return t.state in TERMINAL


def flowing(t: Transfer) -> bool:
    """Whether this side lets data flow: the provider from its START on, the consumer once it is STARTED.

    Whatever ends or suspends counts from the decision, not from the answer.
    """
    if terminating(t):
        return False
    if t.pending is None:
        return t.state is State.STARTED
    opened = t.role is Role.PROVIDER or t.state is State.STARTED
    return opened and t.pending.kind is Kind.START


def send(t: Transfer, kind: Kind, sent_id: str) -> Step:
    """We want to say something; raises Illegal if we may not say it now."""
    if terminating(t):
        raise Illegal("terminating", t.state)
    decided = Pending(kind, sent_id)
    if t.pending is not None:
        if kind is not Kind.TERMINATE:
            raise Illegal("unanswered", t.state)
        after = replace(t, ending=decided)
    elif step(t, t.role, t.state, kind) is None:
        raise Illegal("state", t.state)
    else:
        after = replace(t, pending=decided, memory=t.memory.moved())
    return Step(after, (*_flow(t, after, kind), Send(kind, sent_id), Note(f"{kind}.decided")))


def acked(t: Transfer, sent_id: str, peer_pid: str | None = None) -> Step:
    """The peer answered 2xx to *that* row (and named its pid, if it is new); late answers change nothing."""
    if t.pending is None or t.pending.sent_id != sent_id:
        return Step(t)
    known = replace(t, peer_pid=t.peer_pid or peer_pid)
    after, dropped = _settled(known, shown(t))
    return Step(after, (*dropped, *_flow(t, after, t.pending.kind), Note(f"{t.pending.kind}.acked")))


def refused(t: Transfer, sent_id: str, problem: Problem) -> Step:
    """The peer finally answered 4xx to *that* row: back to the state before it, and ask for the peer's state.

    A refused TERMINATE and a refused first message end the transfer on our side: closing is always safe. The peer
    refuses a TERMINATE because it has ended already; the repair finds out how.
    """
    if t.pending is None or t.pending.sent_id != sent_id:
        return Step(t)
    kind = t.pending.kind
    note = Note(f"{kind}.refused", f"{problem.status} {problem.code}".rstrip())
    if t.state is None:
        after, dropped = _settled(t, State.TERMINATED)
        return Step(after, (*dropped, *_flow(t, after, kind), note))
    if kind is Kind.TERMINATE:
        after = replace(_settled(t, State.TERMINATED)[0], doubt=True)
        return Step(after, (note, Repair()))
    after, _ = _settled(replace(t, doubt=True), t.state)
    return Step(after, (*_flow(t, after, kind), note, Repair(), Ask("refused")))


def received(t: Transfer, kind: Kind, message_id: str | None, digest: str, peer_pid: str | None = None) -> Step:
    """The peer said something; raises Illegal if it does not fit. `digest` covers the whole message with its `@id`."""
    if t.memory.knows(message_id, digest):
        return Step(t, repeated=True)
    if t.peer_pid is not None and peer_pid is not None and peer_pid != t.peer_pid:
        raise Illegal("pid", t.state)
    if terminating(t) and kind is not Kind.TERMINATE:
        raise Illegal("terminating", t.state)
    state, crossed = _reached(t, kind)
    after = replace(
        t,
        state=state,
        pending=None,
        ending=None,
        doubt=state not in TERMINAL and (t.doubt or crossed),
        peer_pid=t.peer_pid or peer_pid,
        memory=t.memory.accepted(message_id, digest),
    )
    done = tuple(Acked(row.sent_id) for row in (t.pending, t.ending) if row is not None)
    repair: tuple[Effect, ...] = (Repair(),) if crossed and after.doubt else ()
    return Step(after, (*done, *_flow(t, after, kind), Note(f"{kind}.received"), *repair))


def repaired(t: Transfer, peer_state: State | None, sent_id: str) -> Step:
    """The peer's GET showed `peer_state` (None: it knows nothing of this transfer); a difference ends the transfer.

    `sent_id` is for the TERMINATE that may follow. While a message of ours is unanswered the doubt stays.
    """
    if not t.doubt:
        return Step(t)
    if t.pending is not None:
        return Step(t, (Repair(),))
    sure = replace(t, doubt=False)
    if peer_state is t.state or (t.state is State.TERMINATED and peer_state is not State.COMPLETED):
        return Step(sure)
    differs = Note("repaired", f"{t.state} {peer_state}")
    if peer_state is not None and peer_state not in TERMINAL:
        ended = send(sure, Kind.TERMINATE, sent_id)
        return Step(ended.transfer, (*ended.effects, differs))
    after = replace(sure, state=peer_state or State.TERMINATED, memory=t.memory.moved())
    return Step(after, (*_flow(t, after, Kind.TERMINATE), differs))


def _reached(t: Transfer, kind: Kind) -> tuple[State, bool]:
    """The state that the peer's message leads to, and whether it may have crossed an unanswered one of ours.

    It may also if it leads back to where we were: then it can be a late copy from before ours, and no answer to it.
    """
    here = step(t, t.role.other, t.state, kind)
    if t.pending is None:
        if here is None:
            raise Illegal("state", t.state)
        return here, False
    if here is not None:
        if STRENGTH[kind] < STRENGTH[t.pending.kind]:
            raise Illegal("weaker", t.state)
        return here, True
    beyond = step(t, t.role.other, shown(t), kind)
    if beyond is None:
        raise Illegal("state", t.state)
    return beyond, beyond is t.state


def _settled(t: Transfer, state: State | None) -> tuple[Transfer, tuple[Effect, ...]]:
    """The unanswered message has its answer: a waiting TERMINATE takes its turn, or is void in a final state."""
    final = state in TERMINAL
    dropped = (Acked(t.ending.sent_id),) if final and t.ending is not None else ()
    turn = None if final else t.ending
    doubt = t.doubt and not final
    return replace(t, state=state, pending=turn, ending=None, doubt=doubt, memory=t.memory.moved()), dropped


def _flow(before: Transfer, after: Transfer, cause: Kind) -> tuple[Effect, ...]:
    """Effects on the data flow follow from the two states alone, so no path can forget one."""
    if flowing(before) == flowing(after):
        return ()
    return (OpenFlow(),) if flowing(after) else (CloseFlow(cause),)


KIND_OF: Mapping[type, Kind] = MappingProxyType(
    {
        m.TransferRequestMessage: Kind.REQUEST,
        m.TransferStartMessage: Kind.START,
        m.TransferSuspensionMessage: Kind.SUSPEND,
        m.TransferCompletionMessage: Kind.COMPLETE,
        m.TransferTerminationMessage: Kind.TERMINATE,
    }
)


def kind_of(message: object) -> Kind:
    """What a message does. KeyError for messages that belong to no transfer."""
    return KIND_OF[type(message)]
