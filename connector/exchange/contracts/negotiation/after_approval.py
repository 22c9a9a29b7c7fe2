"""What follows when people have decided about a negotiation: handler of the errand that an approval leaves behind.

The negotiation is looked at anew under its lock: what has gone on or ended meanwhile is left alone, and of what was
published otherwise meanwhile nothing is agreed. No is a termination with the reason, and so is time that ran out.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

import msgspec
from msgspec.structs import replace

from connector.data.approvals.model import ApprovalRow
from connector.data.approvals.service import TermsBack
from connector.exchange.contracts import store
from connector.exchange.contracts.model import NegotiationRow
from connector.exchange.contracts.negotiation.late_countersignature import AT_ONCE, rests
from connector.exchange.contracts.negotiation.send import NegotiationSender
from connector.exchange.contracts.negotiation.who_agreed import by
from connector.exchange.contracts.partner import Partner
from connector.foundation.errors import HanseError, Mistake, PeerError
from connector.foundation.language import both
from connector.foundation.language.reasons import Reason, because
from connector.foundation.storage import outbox
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.nested import nested
from connector.foundation.storage.outbox import OutboxRow
from connector.foundation.storage.work import Errand
from connector.kernel.protocol.effects import Illegal
from connector.kernel.protocol.negotiation import State
from connector.kernel.protocol.process import Role

PartnerOf = Callable[[str, str], Awaitable[Partner]]


@runtime_checkable
class Agrees(Protocol):
    """Whoever decides what to say: asked once more, now that people have agreed."""

    def approved(self, tx: Tx, case: NegotiationRow, partner: Partner) -> NegotiationRow: ...


class AfterApproval:
    """`partner` looks a peer up, over the network."""

    def __init__(self, db: Database, sender: NegotiationSender, decide: Agrees, partner: PartnerOf) -> None:
        self._db, self._sender, self._decide, self._partner = db, sender, decide, partner

    async def decided(self, row: OutboxRow) -> None:
        """Books what follows once; Unavailable lets it wait."""
        errand = msgspec.json.decode(row.body, type=Errand)
        held, case = await self._db.read(row.participant, self._load, row.participant, errand)
        partner: Partner | PeerError | None = None
        if held.ballot.state == "approved" and case is not None and case.kernel.role is Role.PROVIDER:
            try:
                partner = await self._partner(row.participant, case.counterparty)
            except PeerError as gone:  # no member any more: nothing is concluded with it
                partner = gone
        await self._db.write(row.participant, self._book, row, errand, partner)

    def _load(self, tx: Tx, slug: str, errand: Errand) -> tuple[ApprovalRow, NegotiationRow | None]:
        return self._sender.approvals.get(tx, slug, errand.facts["approval"]), store.case(tx, slug, errand.process)

    def _book(self, tx: Tx, row: OutboxRow, errand: Errand, partner: Partner | PeerError | None) -> None:
        if not outbox.finish(tx, row):
            return
        held = self._sender.approvals.get(tx, row.participant, errand.facts["approval"])
        case = store.case(tx, row.participant, errand.process, lock=True)
        if case is None or not _waits(case) or self._sender.agreements.deal(case.policy) != held.terms:
            return
        failed = partner if isinstance(partner, PeerError) else nested(tx, self._follow, case, held, partner)
        if isinstance(failed, HanseError):  # what was agreed to cannot be said any more
            self._sender.terminate(tx, case, "approval", because(failed.code, **failed.facts))

    def _follow(self, tx: Tx, case: NegotiationRow, held: ApprovalRow, partner: Partner | None) -> None:
        try:
            self._said(tx, case, held, partner)
        except Illegal as illegal:
            raise Mistake("contracts.ended", state=case.shown) from illegal

    def _said(self, tx: Tx, case: NegotiationRow, held: ApprovalRow, partner: Partner | None) -> None:
        match held.ballot.state:
            case "approved" if partner is not None:
                self._decide.approved(tx, case, partner)
            case "approved" if self._sender.approvals.in_force(tx, held).id != held.id:
                self._sender.ask(tx, case, "approval")
            case "approved":
                self._taken(tx, replace(case, approval=by(held, case)))
            case "countered":
                back = msgspec.json.decode(held.terms_back or "", type=TermsBack)
                say = self._sender.offer if case.kernel.role is Role.PROVIDER else self._sender.counter
                say(tx, case, back.policy)
            case _:
                self._sender.terminate(tx, case, f"approval-{held.code or 'expired'}", reason_of(held))

    def _taken(self, tx: Tx, case: NegotiationRow) -> None:
        """As consumer: the offer, or the contract that only waits for our seal."""
        if case.kernel.state is State.AGREED:
            self._sender.errand(tx, store.save_case(tx, case), AT_ONCE)
            return
        if not self._sender.agreements.worded(case.policy):
            raise Mistake("contracts.unworded")
        self._sender.accept(tx, case)


def reason_of(held: ApprovalRow) -> Reason:
    """What the partner is told: the code in words, and what the person wrote."""
    german, english = both(f"approvals.reason.{held.code or 'expired'}")
    own = [held.reason] if held.reason else []
    return {"de": [german, *own], "en": [english, *own]}


def _waits(case: NegotiationRow) -> bool:
    """Whether it still stands where people were asked."""
    asked = (State.REQUESTED, State.ACCEPTED) if case.kernel.role is Role.PROVIDER else (State.OFFERED, State.AGREED)
    return any(rests(case.kernel, state) for state in asked)
