"""The contract negotiation of both sides as one table and five functions over frozen values.

Two programs that do not trust each other walk through one small graph of states, over a network that loses, doubles and
delays. Each keeps a copy of where they are. The Dataspace Protocol gives the graph, `STEPS`: who may say what in which
state, and where it leads. It does not say what a copy is worth while a message is on its way. That is this module, and
the rules are those of spec/protocol.md 4, with their numbers.

*What one side knows.* `state` is the last state that both are known to share. Beside it stands at most one message of
ours without an answer, `pending`, by its kind and the id of the outbox row that carries it. There are no states such as
"requesting": a side in OFFERED with a pending ACCEPT says all that ACCEPTING would. What a GET shows is the state
behind the pending message (`shown`), because the peer may act on the message before we read its answer. The table is
the same for both sides; `role` says which rows are ours to say and which are ours to hear.

*How a message of ours ends.* Three ways. The peer answers 2xx to that very row (`acked`): the state moves. The peer
refuses that row for good (`refused`): we are where we were, and a person is asked unless an end waits. Or the peer's
next message fits only behind ours (`received`): then ours has arrived, whatever became of its answer, and `Acked`
settles its row in the same transaction (rule 5). An answer belongs to a row and never to a kind of message (rule 1): a
late answer to the first REQUEST must not acknowledge the counter-offer that came after it. An answer to any other row
changes nothing.

*Why nothing is replaced.* While one is pending, nothing more is said (rule 2). A side that took back an AGREE to say
something else would leave the peer with either. The one exception is the end: TERMINATE may be decided at any time, for
a stop that has to wait for a stranger's answer is none. It closes data access from the decision on (`terminating`) and
waits in `ending` behind the pending message, as its row waits in the stream. When that message has its answer the
TERMINATE takes its turn; if the answer was an end, it is void.

*Crossing.* Both may speak at once. In one state at most one of the two has a word that leads on; the other has
TERMINATE alone. So what can cross is TERMINATE with anything, and it has to win on both sides. The one that hears it
judges it behind its own pending message and, if it has no place there, before it: either way the end is an end, and the
pending message is void. The one that decided it hears nothing else (rule 3); without that FINALIZE and TERMINATE would
cross and leave FINALIZED against TERMINATED. OFFER upon OFFER stays illegal (rule 4), though others take it: crossed by
an ACCEPT it would leave ACCEPTED against OFFERED.

*Repetition.* A sender that has lost an answer sends the same message again, so the same message has to get the same
answer (rule 6). What was accepted is remembered by a digest over the whole message, `@id` included: two counter-offers
that differ in nothing else are two. What was refused is not remembered, since a refusal may have come too early; it is
judged afresh. Without `@id` equal messages are one only until the state changes. VERIFY is the exception for Eclipse
EDC, which says it twice under two ids and ends the negotiation when the second is refused: said again before FINALIZE
has its answer it says nothing new.

*Ends.* FINALIZED and TERMINATED have no way on. A TERMINATE that the peer refuses ends the negotiation here all the
same, and so does a refused first message: closing is always safe, because whatever the peer still says about it is
refused. Nothing here has to be repaired, unlike in transfers: an exploration of all that two such sides and a bad
network can do finds no pair of ends that differ.

*What comes out.* Each function gives a `Step`: the negotiation after it, and effects as values (`effects`). The caller
saves both in one transaction. `Illegal` is the only way to say no and changes nothing.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from connector.kernel.protocol import messages as m
from connector.kernel.protocol.effects import Acked, Ask, Effect, Illegal, Note, Problem, Send, Sign
from connector.kernel.protocol.process import Memory, Role


class State(StrEnum):
    REQUESTED = "REQUESTED"
    OFFERED = "OFFERED"
    ACCEPTED = "ACCEPTED"
    AGREED = "AGREED"
    VERIFIED = "VERIFIED"
    FINALIZED = "FINALIZED"
    TERMINATED = "TERMINATED"


class Kind(StrEnum):
    REQUEST = "REQUEST"
    OFFER = "OFFER"
    ACCEPT = "ACCEPT"
    AGREE = "AGREE"
    VERIFY = "VERIFY"
    FINALIZE = "FINALIZE"
    TERMINATE = "TERMINATE"


TERMINAL = frozenset({State.FINALIZED, State.TERMINATED})
_C, _P = Role.CONSUMER, Role.PROVIDER

STEPS: Mapping[tuple[Role, State | None, Kind], State] = MappingProxyType(
    {
        (_C, None, Kind.REQUEST): State.REQUESTED,
        (_P, None, Kind.OFFER): State.OFFERED,
        (_P, State.REQUESTED, Kind.OFFER): State.OFFERED,
        (_P, State.REQUESTED, Kind.AGREE): State.AGREED,
        (_C, State.OFFERED, Kind.REQUEST): State.REQUESTED,
        (_C, State.OFFERED, Kind.ACCEPT): State.ACCEPTED,
        (_P, State.ACCEPTED, Kind.AGREE): State.AGREED,
        (_C, State.AGREED, Kind.VERIFY): State.VERIFIED,
        (_P, State.VERIFIED, Kind.FINALIZE): State.FINALIZED,
    }
    | {(role, state, Kind.TERMINATE): State.TERMINATED for role in Role for state in State if state not in TERMINAL}
)
"""(who sends, state, message) -> next state; whatever is missing is illegal."""

SIGNED = frozenset({Kind.AGREE, Kind.VERIFY})


class Pending(Struct, frozen=True):
    """A message of ours that the peer has not answered yet, and the id of its outbox row."""

    kind: Kind
    sent_id: str


class Negotiation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One side of a negotiation. `ending` is a decided TERMINATE that waits behind `pending` in the stream (rule 2)."""

    role: Role
    state: State | None = None
    pending: Pending | None = None
    ending: Pending | None = None
    peer_pid: str | None = None
    memory: Memory = Memory()


class Step(NamedTuple):
    """The state after a decision, what must follow, and whether the message was an accepted repetition."""

    negotiation: Negotiation
    effects: tuple[Effect, ...] = ()
    repeated: bool = False


def start(role: Role, peer_pid: str | None = None) -> Negotiation:
    """A negotiation before its first message."""
    return Negotiation(role=role, peer_pid=peer_pid)


def terminating(n: Negotiation) -> bool:
    """Whether we have decided to terminate and the peer has not answered yet: data access is closed."""
    return n.ending is not None or (n.pending is not None and n.pending.kind is Kind.TERMINATE)


def shown(n: Negotiation) -> State | None:
    """The state that a GET shows: an unanswered message counts as answered. None before the first message."""
    return n.state if n.pending is None else STEPS[n.role, n.state, n.pending.kind]


def settled(n: Negotiation) -> bool:
    """At an end, and the peer knows: an unanswered TERMINATE or FINALIZE is not settled."""
    return n.state in TERMINAL


def send(n: Negotiation, kind: Kind, sent_id: str) -> Step:
    """We want to say something; raises Illegal if we may not say it now."""
    if terminating(n):
        raise Illegal("terminating", n.state)
    decided = Pending(kind, sent_id)
    if n.pending is not None:
        if kind is not Kind.TERMINATE:
            raise Illegal("unanswered", n.state)
        after = replace(n, ending=decided)
    elif (n.role, n.state, kind) not in STEPS:
        raise Illegal("state", n.state)
    else:
        after = replace(n, pending=decided, memory=n.memory.moved())
    return Step(after, _sending(kind, sent_id))


def acked(n: Negotiation, sent_id: str, peer_pid: str | None = None) -> Step:
    """The peer answered 2xx to *that* row (and named its pid, if it is new); late answers change nothing."""
    if n.pending is None or n.pending.sent_id != sent_id:
        return Step(n)
    known = replace(n, peer_pid=n.peer_pid or peer_pid)
    after, dropped = _settled(known, STEPS[n.role, n.state, n.pending.kind])
    return Step(after, (*dropped, Note(f"{n.pending.kind}.acked")))


def refused(n: Negotiation, sent_id: str, problem: Problem) -> Step:
    """The peer finally answered 4xx to *that* row: back to the state before it, and on to a waiting TERMINATE.

    A refused TERMINATE and a refused first message end the negotiation on our side: closing is always safe.
    """
    if n.pending is None or n.pending.sent_id != sent_id:
        return Step(n)
    note = Note(f"{n.pending.kind}.refused", f"{problem.status} {problem.code}".rstrip())
    if n.pending.kind is Kind.TERMINATE or n.state is None:
        after, dropped = _settled(n, State.TERMINATED)
        return Step(after, (*dropped, note))
    after, _ = _settled(n, n.state)
    return Step(after, (note,) if terminating(after) else (note, Ask("refused")))


def received(n: Negotiation, kind: Kind, message_id: str | None, digest: str, peer_pid: str | None = None) -> Step:
    """The peer said something; raises Illegal if it does not fit. `digest` covers the whole message with its `@id`."""
    if n.memory.knows(message_id, digest):
        return Step(n, repeated=True)
    if n.peer_pid is not None and peer_pid is not None and peer_pid != n.peer_pid:
        raise Illegal("pid", n.state)
    if terminating(n) and kind is not Kind.TERMINATE:
        raise Illegal("terminating", n.state)
    if kind is Kind.VERIFY and (n.role, n.state) == (Role.PROVIDER, State.VERIFIED):
        return Step(n, repeated=True)
    state = _reached(n, kind)
    after = replace(
        n,
        state=state,
        pending=None,
        ending=None,
        peer_pid=n.peer_pid or peer_pid,
        memory=n.memory.accepted(message_id, digest),
    )
    done = tuple(Acked(row.sent_id) for row in (n.pending, n.ending) if row is not None)
    return Step(after, (*done, Note(f"{kind}.received")))


def _reached(n: Negotiation, kind: Kind) -> State:
    """The state that the peer's message leads to, first judged after our unanswered one (rule 5), then before it."""
    for state in (shown(n), n.state) if kind is Kind.TERMINATE or n.pending is None else (shown(n),):
        if (n.role.other, state, kind) in STEPS:
            return STEPS[n.role.other, state, kind]
    raise Illegal("state", n.state)


def _settled(n: Negotiation, state: State) -> tuple[Negotiation, tuple[Effect, ...]]:
    """The unanswered message has its answer: a waiting TERMINATE takes its turn, or is void in a final state."""
    final = state in TERMINAL
    dropped = (Acked(n.ending.sent_id),) if final and n.ending is not None else ()
    turn = None if final else n.ending
    return replace(n, state=state, pending=turn, ending=None, memory=n.memory.moved()), dropped


def _sending(kind: Kind, sent_id: str) -> tuple[Effect, ...]:
    signing: tuple[Effect, ...] = (Sign(),) if kind in SIGNED else ()
    return (*signing, Send(kind, sent_id), Note(f"{kind}.decided"))


KIND_OF: Mapping[type, Kind] = MappingProxyType(
    {
        m.ContractRequestMessage: Kind.REQUEST,
        m.ContractOfferMessage: Kind.OFFER,
        m.ContractAgreementMessage: Kind.AGREE,
        m.ContractAgreementVerificationMessage: Kind.VERIFY,
        m.ContractNegotiationTerminationMessage: Kind.TERMINATE,
    }
)
_EVENTS = {"ACCEPTED": Kind.ACCEPT, "FINALIZED": Kind.FINALIZE}


def kind_of(message: object) -> Kind:
    """What a message does; the event message says it in `eventType`. KeyError for other messages."""
    if isinstance(message, m.ContractNegotiationEventMessage):
        return _EVENTS[message.event_type]
    return KIND_OF[type(message)]
