"""What a negotiation and a transfer have in common: the two roles, and the memory of messages already accepted.

Upholds rule 6 of the kernel: only accepted messages are remembered, refused ones are judged afresh
(spec/protocol.md 4.6).
"""

from enum import StrEnum

from msgspec import Struct

# A copy that is still under way is younger than this many accepted messages: a stream sends one row at a time.
REMEMBERED = 32
RESTS = frozenset({"FINALIZED", "COMPLETED", "TERMINATED", "OFFERED"})
"""States in which somebody may stop waiting: the ends, and an offer that a person has to read."""


class Role(StrEnum):
    CONSUMER = "consumer"
    PROVIDER = "provider"

    @property
    def other(self) -> "Role":
        return Role.PROVIDER if self is Role.CONSUMER else Role.CONSUMER


class Memory(Struct, frozen=True, omit_defaults=True):
    """Digests of accepted messages: `heard` of those with an `@id`; `last` of one without, until the state changes."""

    heard: tuple[str, ...] = ()
    last: str | None = None

    def knows(self, message_id: str | None, digest: str) -> bool:
        """Whether this message was accepted before and deserves the same answer again."""
        return digest == self.last if message_id is None else digest in self.heard

    def accepted(self, message_id: str | None, digest: str) -> "Memory":
        if message_id is None:
            return Memory(self.heard, digest)
        return Memory((*self.heard, digest)[-REMEMBERED:], None)

    def moved(self) -> "Memory":
        """The state has changed: an equal message without `@id` is a new one from here on."""
        return self if self.last is None else Memory(self.heard, None)
