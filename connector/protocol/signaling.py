"""Data Plane Signaling between control plane and data plane: the values for a plane in our process, and its flow table.

Upholds that the process id is the flow id, that an end is final, and that a plane never changes a transfer by failing
(spec/data-plane.md 1.2).
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from connector.protocol.messages import DataAddress


class State(StrEnum):
    PREPARING = "PREPARING"
    PREPARED = "PREPARED"
    STARTING = "STARTING"
    STARTED = "STARTED"
    SUSPENDED = "SUSPENDED"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"


class Call(StrEnum):
    """What happens to a flow: calls of the control plane, then what the plane itself finds."""

    PREPARE = "prepare"
    START = "start"
    STARTED = "started"
    SUSPEND = "suspend"
    RESUME = "resume"
    COMPLETED = "completed"
    TERMINATE = "terminate"
    READY = "ready"
    FINISHED = "finished"


class Direction(StrEnum):
    PULL = "pull"
    PUSH = "push"


TERMINAL = frozenset({State.COMPLETED, State.TERMINATED})

STEPS: Mapping[tuple[State | None, Call], State] = MappingProxyType(
    {
        (None, Call.PREPARE): State.PREPARED,
        (None, Call.START): State.STARTED,
        (State.PREPARING, Call.READY): State.PREPARED,
        (State.PREPARED, Call.STARTED): State.STARTED,
        (State.STARTING, Call.READY): State.STARTED,
        (State.STARTED, Call.STARTED): State.STARTED,
        (State.STARTED, Call.SUSPEND): State.SUSPENDED,
        (State.STARTED, Call.RESUME): State.STARTED,
        (State.STARTED, Call.COMPLETED): State.COMPLETED,
        (State.STARTED, Call.FINISHED): State.COMPLETED,
        (State.SUSPENDED, Call.SUSPEND): State.SUSPENDED,
        (State.SUSPENDED, Call.RESUME): State.STARTED,
        (State.COMPLETED, Call.COMPLETED): State.COMPLETED,
        (State.TERMINATED, Call.TERMINATE): State.TERMINATED,
    }
    | {(state, Call.TERMINATE): State.TERMINATED for state in State if state not in TERMINAL}
)
"""(state, what happens) -> next state; an equal state is a repetition without effect, a missing one a conflict.

A plane that needs time opens a flow in PREPARING or STARTING instead; ours never does.
"""


class Start(Struct, frozen=True, kw_only=True):
    """Open a flow. `participant` and `counterparty` are DIDs, `dataset` is its IRI, `source` where its bytes lie."""

    message_id: str
    process_id: str
    participant: str
    counterparty: str
    agreement: str
    dataset: str
    source: str
    profile: str
    address: DataAddress | None = None
    claims: Mapping[str, Any] = MappingProxyType({})


class Started(Struct, frozen=True):
    """The flow is open; `address` is there if this side owns it."""

    message_id: str
    process_id: str
    address: DataAddress | None = None


class Suspend(Struct, frozen=True):
    message_id: str
    process_id: str
    reason: str = ""


class Resume(Struct, frozen=True):
    message_id: str
    process_id: str
    address: DataAddress | None = None


class Terminate(Struct, frozen=True):
    """Has taken effect, open streams included, when it is answered."""

    message_id: str
    process_id: str
    reason: str = ""


class Completed(Struct, frozen=True):
    """All bytes of a finite flow have gone, or the peer says so."""

    message_id: str
    process_id: str


class Status(Struct, frozen=True):
    """How a flow stands; `error` changes no state and never reaches the peer."""

    message_id: str
    process_id: str
    state: State
    address: DataAddress | None = None
    error: str | None = None


Message = Start | Started | Suspend | Resume | Terminate | Completed | Status

_PROFILE = re.compile(r"(?:^|[-_+/:#.])(pull|push|PULL|PUSH)(?:-[A-Za-z]+)?$")


def direction(profile: str) -> Direction | None:
    """Who moves the bytes, by the names in use (`HttpData-PULL`, `…/http-push`, `dspace:s3+push`); None if unknown."""
    found = _PROFILE.search(profile)
    return Direction(found[1].lower()) if found else None
