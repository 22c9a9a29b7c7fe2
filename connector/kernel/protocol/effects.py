"""What must follow a decision of the kernel, as values; the service turns them into rows of the same transaction.

The kernel never acts. `Illegal` is its only way to say no and changes no state (spec/protocol.md 2.4).
"""

from msgspec import Struct


class Send(Struct, frozen=True):
    """Put a message of `kind` into the process's outbox stream under the id `sent_id`."""

    kind: str
    sent_id: str


class Acked(Struct, frozen=True):
    """The outbox row `sent_id` is settled without an HTTP answer: set its `done_at` in this transaction.

    Either the peer's next message proves that it arrived (rule 5), or a crossing message made it void.
    """

    sent_id: str


class Sign(Struct, frozen=True):
    """The message of the `Send` that follows must carry our signature."""


class Note(Struct, frozen=True):
    """Write an audit entry; `detail` is a machine code, never a sentence."""

    event: str
    detail: str = ""


class Ask(Struct, frozen=True):
    """Put a question to the steward; `question` is the key of its text."""

    question: str


class Wake(Struct, frozen=True):
    """Set a timer; `at` in milliseconds since the epoch."""

    at: int


class OpenFlow(Struct, frozen=True):
    """Data may flow from now on."""


class CloseFlow(Struct, frozen=True):
    """Cut the data flow at once; `reason` is the message kind that ended it."""

    reason: str


class Repair(Struct, frozen=True):
    """GET the peer's state and hand it to `transfer.repaired`.

    Not before every copy of our finished rows is off the wire (one request timeout): a late copy could undo the repair.
    """


Effect = Send | Acked | Sign | Note | Ask | Wake | OpenFlow | CloseFlow | Repair


class Problem(Struct, frozen=True):
    """Why a peer refused a message: HTTP status and the `code` of its error body, if it had one."""

    status: int
    code: str = ""


class Illegal(Exception):
    """The message does not fit; nothing has changed. `code`: state, terminating, unanswered, weaker or pid."""

    def __init__(self, code: str, state: str | None) -> None:
        super().__init__(code, state)
        self.code = code
        self.state = state
