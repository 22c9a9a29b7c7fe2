"""A mandate as its principal keeps it: what was sealed, whether it is in force, and what was sealed at its end."""

from typing import Literal, NamedTuple

import msgspec

MandateState = Literal["in-force", "replaced", "withdrawn", "expired"]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody is to be entrusted with: `agent` by DID, until when (ms, not included), by which contract."""

    agent: str
    name: str
    actions: tuple[str, ...]
    until: int
    contract: str


class MandateRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `mandate`. `statement` are canonical bytes as text; `withdrawal` is empty before there is one, and its
    seal until it is made. Times in milliseconds."""

    participant: str
    sha256: str
    agent: str
    name: str
    statement: str
    seal: str
    state: MandateState
    given_at: int
    until: int
    ended_at: int | None = None
    withdrawal: str = ""
    withdrawal_seal: str = ""

    @property
    def said(self) -> dict[str, object]:
        """The statement as a value."""
        found: dict[str, object] = msgspec.json.decode(self.statement)
        return found


class Given(NamedTuple):
    """A mandate that was given now; `code` is shown once, and kept by the town alone."""

    mandate: MandateRow
    code: str
