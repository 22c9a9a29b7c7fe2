"""The contract negotiation of both sides as one table and five functions over frozen values.

Upholds the rules of architecture 3: an answer belongs to one sent row (1), an unanswered message is never replaced (2),
a decided TERMINATE refuses all but TERMINATE (3), no offer upon an offer (4), a fitting message is an answer (5),
accepted repetitions get the same answer (6), a second VERIFY also under another `@id`: it says nothing new, and Eclipse
EDC sends one now and then and ends the negotiation if it is refused. States and legal steps: dataspace-protocol 1.5.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from connector.protocol import messages as m
from connector.protocol.effects import Acked, Ask, Effect, Illegal, Note, Problem, Send, Sign
from connector.protocol.process import Memory, Role


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
