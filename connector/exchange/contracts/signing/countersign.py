"""The seals of a contract, each in four steps: gather, check, seal, book (spec/contracts.md 3.1, 3.4).

What is needed from database, partner and trust list is gathered (`gather`); the check is a pure function of that
(`check`); then the key seals; `book` writes the outcome. All of it happens in the transaction that took the message
(`AtOnce`). Only where the partner has to be asked for something, or the key lies elsewhere, the message leaves an
errand behind, which walks the same steps outside of any transaction and books in one of its own (decision 0083).
"""

from connector.exchange.contracts import store
from connector.exchange.contracts.agreement.agreements import sealer
from connector.exchange.contracts.document import sealing, second_seal
from connector.exchange.contracts.document.draft import Sealer
from connector.exchange.contracts.model import Agreement, EvidenceObject, NegotiationRow
from connector.exchange.contracts.negotiation.late_countersignature import rests
from connector.exchange.contracts.negotiation.send import SEAL, NegotiationSender, by_us
from connector.exchange.contracts.signing import check
from connector.exchange.contracts.signing.book import Countersigned, Judged, SealBooking
from connector.exchange.contracts.signing.check import MustRead, Refused, Sealable, Unsealed, ValidCountersignature
from connector.exchange.contracts.signing.gather import Gatherer, Task
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, Mistake, Unavailable
from connector.foundation.storage import outbox
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.foundation.storage.work import ask_once
from connector.identity.participants.service import Hosted
from connector.identity.trust.keys.signing import SoftwareKey
from connector.kernel.protocol.negotiation import State


class AtOnce:
    """Both sides inside the transaction that took the message. None: it is left to an errand, and nothing is booked."""

    def __init__(self, gatherer: Gatherer, sender: NegotiationSender) -> None:
        self._gatherer, self._booking = gatherer, SealBooking(sender)

    def countersign(self, tx: Tx, case: NegotiationRow, agreement: Agreement | None) -> NegotiationRow | None:
        """As consumer in AGREED."""
        task = self._gatherer.task(tx, case, {}, agreement)
        me = None if task is None else _certified(task.hosted)
        if task is None or me is None or not isinstance(me.key, SoftwareKey):
            return None
        found = self._gatherer.contract_at_hand(tx, task)
        if found is None:
            return None
        verdict = check.contract(found, tx.now)
        if not isinstance(verdict, Sealable):
            return self._booking.contract(tx, case, task.agreement, _unsigned(verdict))
        self._gatherer.require(tx, task)
        seal = sealing.sign(verdict.covered, me.key, me.chain, verdict.iat)
        made = Countersigned(seal, _kept_with(me, verdict), verdict.second_fault)
        return self._booking.contract(tx, case, task.agreement, made)

    def check_countersignature(
        self, tx: Tx, case: NegotiationRow, agreement: Agreement | None, claimed: str
    ) -> NegotiationRow | None:
        """As provider in VERIFIED; `claimed` is empty where the consumer sealed nothing."""
        task = self._gatherer.task(tx, case, {}, agreement)
        documents = None if task is None else self._gatherer.documents_at_hand(task)
        if task is None or documents is None:
            return None
        verdict = None
        if claimed:
            found = self._gatherer.countersignature_at_hand(tx, task, claimed)
            if found is None:
                return None
            verdict = check.countersignature(found, tx.now)
        judged = _judged(task, claimed, verdict, documents)
        return self._booking.countersignature(tx, case, task.agreement, judged, task.kept)


class Countersigner:
    """Handlers of the errands `countersign` and `check-countersignature`."""

    def __init__(self, db: Database, clock: Clock, gatherer: Gatherer, sender: NegotiationSender) -> None:
        self._db, self._clock = db, clock
        self.gatherer, self._booking = gatherer, SealBooking(sender)

    async def countersign(self, row: OutboxRow) -> None:
        """As consumer in AGREED: what we may seal is sealed and sent; else a person is asked, or it ends."""
        task = await self.gatherer.load(row)
        if task is None:
            await self._db.write(row.participant, finish, row)
            return
        verdict = await self.contract(task, task.read)
        if not isinstance(verdict, Sealable):
            await self._db.write(row.participant, self._book, row, task, _unsigned(verdict))
            return
        try:
            made = Countersigned(*await self.seal(task, verdict), verdict.second_fault)
        except (Unavailable, Mistake) as fault:
            if by_us(fault):
                await self._db.write(row.participant, _book_unsealed, row, task, fault)
            raise
        await self._db.write(row.participant, self._book, row, task, made)

    async def check_countersignature(self, row: OutboxRow) -> None:
        """As provider in VERIFIED: an invalid seal of the consumer counts as missing, and is recorded."""
        task = await self.gatherer.load(row)
        if task is None:
            await self._db.write(row.participant, finish, row)
            return
        claimed = task.facts.get("seal", "")
        verdict = await self.countersignature(task, claimed) if claimed else None
        documents = () if isinstance(verdict, ValidCountersignature) else await self.gatherer.documents(task)
        found = _judged(task, claimed, verdict, documents)
        await self._db.write(row.participant, self._book_judged, row, task, found)

    async def contract(self, task: Task, read: str | None) -> Sealable | MustRead | Unsealed | Refused:
        """What to do about the provider's seal, gathered and checked; `read` as in `SealedContract`. Raises
        Unavailable."""
        return check.contract(await self.gatherer.contract(task, read), self._clock.now())

    async def countersignature(self, task: Task, claimed: str) -> ValidCountersignature | Refused:
        """Whether what the consumer handed in is its seal, gathered and checked. Raises Unavailable."""
        return check.countersignature(await self.gatherer.countersignature(task, claimed), self._clock.now())

    async def seal(self, task: Task, sealable: Sealable) -> tuple[str, tuple[EvidenceObject, ...]]:
        """Our countersignature, and what is kept with it. Raises Unavailable, or Mistake without a certificate."""
        await self.gatherer.ask(task)
        me = sealer(task.hosted)
        seal = await sealing.seal(sealable.covered, me.key, me.chain, sealable.iat)
        return seal, _kept_with(me, sealable)

    def _book(self, tx: Tx, row: OutboxRow, task: Task, found: Countersigned | MustRead | Refused) -> None:
        waiting = _finished(tx, row, task)
        if waiting is not None:
            self._booking.contract(tx, *waiting, found)

    def _book_judged(self, tx: Tx, row: OutboxRow, task: Task, found: Judged) -> None:
        waiting = _finished(tx, row, task)
        if waiting is not None:
            self._booking.countersignature(tx, *waiting, found)


def _certified(hosted: Hosted) -> Sealer | None:
    """The participant as signer; None while its seal key has no certificate: then an errand tells a person."""
    try:
        return sealer(hosted)
    except Mistake:
        return None


def _kept_with(me: Sealer, sealable: Sealable) -> tuple[EvidenceObject, ...]:
    """What our countersignature covers, and our second seal beside it."""
    return (*sealable.objects, *second_seal.made("consumer", me, sealable.covered, sealable.iat))


def _unsigned(verdict: MustRead | Unsealed | Refused) -> Countersigned | MustRead | Refused:
    """Where the provider sealed nothing there is nothing to countersign, and the contract proceeds."""
    return Countersigned(None, verdict.documents) if isinstance(verdict, Unsealed) else verdict


def _judged(
    task: Task, claimed: str, verdict: ValidCountersignature | Refused | None, documents: tuple[EvidenceObject, ...]
) -> Judged:
    """What an invalid seal, or none (`verdict` None), leaves behind are both DID documents."""
    if isinstance(verdict, ValidCountersignature):
        second = verdict.second(task.claim("consumer"))
        return Judged(claimed, "", (*verdict.objects, *second.objects), second.fault)
    return Judged(None, "" if verdict is None else verdict.code, documents)


def _finished(tx: Tx, row: OutboxRow, task: Task) -> tuple[NegotiationRow, Agreement] | None:
    """The negotiation and its agreement as they are now, under the lock; None if the errand is done otherwise."""
    if not outbox.finish(tx, row):
        return None
    case = store.case(tx, row.participant, task.case.id, lock=True)
    agreement = store.agreement(tx, row.participant, task.agreement.id)
    if case is None or agreement is None or case.agreement != agreement.id:
        return None
    return case, agreement


def _book_unsealed(tx: Tx, row: OutboxRow, task: Task, fault: HanseError) -> None:
    """Our own seal cannot be made: a person is told once, and it is tried again."""
    case = store.case(tx, row.participant, task.case.id, lock=True)
    if case is not None and rests(case.kernel, State.AGREED):
        ask_once(tx, row.participant, case.id, SEAL, why=fault.code)


def finish(tx: Tx, row: OutboxRow) -> None:
    """For an errand about which there is nothing to do any more."""
    outbox.finish(tx, row)
