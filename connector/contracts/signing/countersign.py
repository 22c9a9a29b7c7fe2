"""Errands about the seals of a contract, each in four steps: gather, check, seal, book.

What needs the network or the database is gathered first (`gather`); the check is a pure function of that (`check`);
then the key seals; one transaction books the outcome (spec/contracts.md 3.1, 3.4).
"""

from collections.abc import Callable, Sequence

from cryptography import x509

from connector.clock import Clock
from connector.contracts import store
from connector.contracts.agreement.agreements import sealer
from connector.contracts.document import sealing, second_seal
from connector.contracts.document.render import Names
from connector.contracts.document.second_seal import SecondKeys
from connector.contracts.model import EvidenceObject
from connector.contracts.negotiation.late_countersignature import rests
from connector.contracts.negotiation.send import SEAL, by_us
from connector.contracts.negotiation.service import Contracts
from connector.contracts.signing import check
from connector.contracts.signing.check import MustRead, Refused, Sealable, Unsealed, ValidCountersignature
from connector.contracts.signing.gather import Document, Fetch, Gatherer, Task
from connector.errors import HanseError, Mistake, Unavailable
from connector.language.reasons import Reason
from connector.participants.service import Participants
from connector.policy.engine import PolicyEngine
from connector.protocol.negotiation import State
from connector.storage import outbox
from connector.storage.database import Database, Tx
from connector.storage.effects import ask_once
from connector.storage.outbox import OutboxRow


class Countersigner:
    """Handlers of the errands `countersign` and `check-countersignature`."""

    def __init__(
        self, db: Database, clock: Clock, participants: Participants, contracts: Contracts, judge: PolicyEngine,
        fetch: Fetch, document: Document, roots: Sequence[x509.Certificate], listed: Callable[[str], Sequence[str]],
        second_keys: SecondKeys = second_seal.nobody, name_of: Names = str,
    ) -> None:  # fmt: skip
        self._db, self._clock, self._contracts = db, clock, contracts
        self.gatherer = Gatherer(
            db, participants, contracts, judge, fetch, document, roots, listed, second_keys, name_of
        )  # fmt: skip

    async def countersign(self, row: OutboxRow) -> None:
        """As consumer in AGREED: what we may seal is sealed and sent; else a person is asked, or it ends."""
        task = await self.gatherer.load(row)
        if task is None:
            await self._db.write(row.participant, finish, row)
            return
        match await self.contract(task, task.read):
            case Sealable() as sealable:
                try:
                    seal, objects = await self.seal(task, sealable)
                except (Unavailable, Mistake) as fault:
                    if by_us(fault):
                        await self._db.write(row.participant, _book_unsealed, row, task, fault)
                    raise
                await self._db.write(row.participant, self._book, row, task, seal, objects, sealable.second_fault)
            case Unsealed(documents):
                await self._db.write(row.participant, self._book, row, task, None, documents, "")
            case MustRead() as doubt:
                await self._db.write(row.participant, self._book_unread, row, task, doubt)
            case Refused(reason=reason):
                await self._db.write(row.participant, self._book_refused, row, task, reason)

    async def check_countersignature(self, row: OutboxRow) -> None:
        """As provider in VERIFIED: an invalid seal of the consumer counts as missing, and is recorded."""
        task = await self.gatherer.load(row)
        if task is None:
            await self._db.write(row.participant, finish, row)
            return
        claimed = task.facts.get("seal", "")
        verdict = await self.countersignature(task, claimed) if claimed else None
        if isinstance(verdict, ValidCountersignature):
            second = verdict.second(task.claim("consumer"))
            objects = (*verdict.objects, *second.objects)
            await self._db.write(row.participant, self._book_checked, row, task, claimed, "", objects, second.fault)
            return
        documents = await self.gatherer.documents(task)
        fault = "" if verdict is None else verdict.code
        await self._db.write(row.participant, self._book_checked, row, task, None, fault, documents, "")

    async def contract(self, task: Task, read: str | None) -> Sealable | MustRead | Unsealed | Refused:
        """What to do about the provider's seal, gathered and checked; `read` as in `SealedContract`. Raises
        Unavailable."""
        return check.contract(await self.gatherer.contract(task, read), self._clock.now())

    async def countersignature(self, task: Task, claimed: str) -> ValidCountersignature | Refused:
        """Whether what the consumer handed in is its seal, gathered and checked. Raises Unavailable."""
        return check.countersignature(await self.gatherer.countersignature(task, claimed), self._clock.now())

    async def seal(self, task: Task, sealable: Sealable) -> tuple[str, tuple[EvidenceObject, ...]]:
        """Our countersignature, and what is kept with it. Raises Unavailable, or Mistake without a certificate."""
        me = sealer(task.hosted)
        seal = await sealing.seal(sealable.covered, me.key, me.chain, sealable.iat)
        return seal, (*sealable.objects, *second_seal.made("consumer", me, sealable.covered, sealable.iat))

    def _book(
        self, tx: Tx, row: OutboxRow, task: Task, seal: str | None, objects: tuple[EvidenceObject, ...],
        second_fault: str,
    ) -> None:  # fmt: skip
        if outbox.finish(tx, row):
            self._contracts.countersigning.second_invalid(tx, task.case, "provider", second_fault)
            self._contracts.countersigned(tx, row.participant, task.case.id, seal, objects)

    def _book_unread(self, tx: Tx, row: OutboxRow, task: Task, doubt: MustRead) -> None:
        if outbox.finish(tx, row):
            self._contracts.countersigning.unclear(tx, row.participant, task.case.id, doubt.code, doubt.objects)

    def _book_refused(self, tx: Tx, row: OutboxRow, task: Task, reason: Reason) -> None:
        if outbox.finish(tx, row):
            self._contracts.refuse_to_sign(tx, row.participant, task.case.id, "contract", reason)

    def _book_checked(
        self, tx: Tx, row: OutboxRow, task: Task, seal: str | None, fault: str, objects: tuple[EvidenceObject, ...],
        second_fault: str,
    ) -> None:  # fmt: skip
        if outbox.finish(tx, row):
            self._contracts.countersigning.second_invalid(tx, task.case, "consumer", second_fault)
            self._contracts.verified(tx, row.participant, task.case.id, seal, fault, objects)


def _book_unsealed(tx: Tx, row: OutboxRow, task: Task, fault: HanseError) -> None:
    """Our own seal cannot be made: a person is told once, and it is tried again."""
    case = store.case(tx, row.participant, task.case.id, lock=True)
    if case is not None and rests(case.kernel, State.AGREED):
        ask_once(tx, row.participant, case.id, SEAL, why=fault.code)


def finish(tx: Tx, row: OutboxRow) -> None:
    """For an errand about which there is nothing to do any more."""
    outbox.finish(tx, row)
