"""Legal succession: who stands in an agreement in the place of its counterparty, such as after a merger of towns.

Only the authority says so, in the trust list (spec/contracts.md 6.4). Documents and seals of the predecessor stay as
they are; that somebody else acts under them is a record of its own in the log of each agreement.
"""

from collections.abc import Sequence
from typing import Protocol

from connector.exchange.contracts import store
from connector.exchange.contracts.agreement import termination_store
from connector.exchange.contracts.agreement.termination_store import Succession
from connector.exchange.contracts.model import Agreement
from connector.foundation.clock import Clock, rfc3339
from connector.foundation.storage.database import Database, Tx, long
from connector.identity.audit import store as audit
from connector.identity.participants.service import Participants

SUCCESSION = "succession"
"""Type of audit entries."""
PORTION = 100
"""Agreements booked in one transaction."""


class Line(Protocol):
    """What the trust list says of who follows whom, at an instant (ms)."""

    def successor(self, did: str, now: int) -> str | None:
        """The last in the line of those who have taken its place; None if nobody has."""

    def since(self, did: str, now: int) -> int | None:
        """From when on `successor` answers for `did` (ms)."""

    def predecessors(self, did: str, now: int) -> Sequence[str]:
        """All whose place it has taken."""

    def succeeded(self, now: int) -> Sequence[str]:
        """All whose place somebody has taken."""


class Lines(Protocol):
    """What the trust lists say of it, each participant by those of its own spaces."""

    def line_for(self, own: str = "") -> Line:
        """For a participant (a DID); without one, by all lists."""


class Nobody:
    """A data space in which nobody succeeds anybody."""

    def line_for(self, own: str = "") -> Line:
        return self

    def successor(self, did: str, now: int) -> str | None:
        return None

    def since(self, did: str, now: int) -> int | None:
        return None

    def predecessors(self, did: str, now: int) -> Sequence[str]:
        return ()

    def succeeded(self, now: int) -> Sequence[str]:
        return ()


NOBODY = Nobody()


class Successions:
    """Books what the trust list says in every log that it concerns; what is used earlier is booked then."""

    def __init__(self, db: Database, clock: Clock, participants: Participants, lines: Lines) -> None:
        self._db, self._clock, self._participants, self._lines = db, clock, participants, lines

    async def book(self) -> None:
        """All participants and all successions that have begun; nothing is booked twice."""
        for hosted in await self._participants.all():
            slug, own = hosted.participant.id, hosted.participant.did
            for did in self._lines.line_for(own).succeeded(self._clock.now()):
                while await self._db.write(slug, self._portion, slug, did) == PORTION:
                    pass

    @long
    def _portion(self, tx: Tx, slug: str, did: str) -> int:
        own = self._participants.held(slug).participant.did
        line = self._lines.line_for(own)
        heir = line.successor(did, tx.now)
        names = [] if heir is None else termination_store.unbooked(tx, slug, did, heir, PORTION)
        for name in names:
            agreement = store.agreement(tx, slug, name)
            if agreement is not None:
                book(tx, line, agreement, own)
        return len(names)


def after(line: Line, agreement: Agreement, did: str, now: int) -> bool:
    """Whether `did` is the other party of the agreement, itself or as its successor. The one place that says so."""
    return agreement.counterparty in names(line, did, now)


def names(line: Line, did: str, now: int) -> tuple[str, ...]:
    """Every DID under which rows of ours may know that peer: its own, and those whose place it has taken."""
    return (did, *line.predecessors(did, now))


def acting(line: Line, did: str, now: int) -> str:
    """Who acts for that DID now: whoever has taken its place, else itself."""
    return line.successor(did, now) or did


def book(tx: Tx, line: Line, agreement: Agreement, did: str) -> None:
    """Logs for this agreement, once, who has taken its counterparty's place; `did` is the participant's."""
    heir = line.successor(agreement.counterparty, tx.now)
    if heir is None or not agreement.concluded:
        return
    since = line.since(agreement.counterparty, tx.now) or tx.now
    found = Succession(
        agreement=agreement.id, predecessor=agreement.counterparty, successor=heir, since=since, booked_at=tx.now
    )
    if termination_store.insert_succession(tx, agreement.participant, found):
        body = {
            "agreement": agreement.digest,
            "predecessor": agreement.counterparty,
            "successor": heir,
            "since": rfc3339(since),
        }
        audit.append(tx, agreement.participant, SUCCESSION, agreement.id, "authority", body, did=did)
