"""The provider's seal where its key lies elsewhere: a contract that is drawn up waits for it, and is then sent.

The errand signs what the transaction has stored, outside of any transaction. A crash between seal and booking seals
again, which changes nothing: only a booked seal is ever sent. Whoever keeps the key may be away or refuse until the
deadline; a person is told at the first failure, and after the deadline the negotiation ends with the reason.
"""

import msgspec
from msgspec.structs import replace

from connector.exchange.contracts import object_store, store
from connector.exchange.contracts.agreement.agreements import sealer
from connector.exchange.contracts.document import draft, sealing, second_seal
from connector.exchange.contracts.model import Agreement, EvidenceObject, NegotiationRow
from connector.exchange.contracts.negotiation.send import SEAL, by_us
from connector.exchange.contracts.negotiation.service import Contracts
from connector.foundation.clock import Clock
from connector.foundation.errors import HanseError, Mistake, Unavailable
from connector.foundation.language.reasons import because
from connector.foundation.settings.sections import Signers
from connector.foundation.storage import outbox
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.foundation.storage.work import Errand, ask_once
from connector.identity.participants.acting import NEGOTIATE
from connector.identity.participants.service import Participants
from connector.kernel.protocol import negotiation as kernel
from connector.kernel.protocol.negotiation import State
from connector.kernel.protocol.process import Role


class Drawn(msgspec.Struct, frozen=True):
    """A contract without its seal: the case, the agreement, and what the seal has to cover."""

    case: NegotiationRow
    agreement: Agreement
    references: tuple[sealing.Reference, ...]


class ProviderSealer:
    """Handler of the errand `seal`; the deadline counts from when the contract was drawn up."""

    def __init__(
        self, db: Database, clock: Clock, participants: Participants, contracts: Contracts, settings: Signers
    ) -> None:
        self._db, self._clock, self._participants, self._contracts = db, clock, participants, contracts
        self._deadline_ms = int(settings.deadline_s * 1000)

    async def seal(self, row: OutboxRow) -> None:
        """Raises Unavailable, or Mistake without a certificate, while there is still time."""
        hosted = await self._participants.get(row.participant)
        case_id = msgspec.json.decode(row.body, type=Errand).process
        drawn = await self._db.read(row.participant, _drawn, row.participant, case_id, hosted.participant.root)
        if drawn is None:
            await self._db.write(row.participant, _finish, row)
            return
        try:
            await self._db.read(row.participant, self._participants.require, row.participant, NEGOTIATE)
            me = sealer(hosted)
            iat = self._clock.now() // 1000
            jws = await sealing.seal(drawn.references, me.key, me.chain, iat)
        except (Unavailable, Mistake) as fault:
            if self._clock.now() - row.created_at >= self._deadline_ms:
                await self._db.write(row.participant, self._give_up, row, case_id)
                return
            await self._db.write(row.participant, _tell, row, case_id, fault)
            raise
        second = second_seal.made("provider", me, drawn.references, iat)
        await self._db.write(row.participant, self._book, row, drawn, jws, second)

    def _book(self, tx: Tx, row: OutboxRow, drawn: Drawn, jws: str, second: tuple[EvidenceObject, ...]) -> None:
        if not outbox.finish(tx, row):
            return
        found = _waiting(tx, row.participant, drawn.case.id, lock=True)
        if found is None or found[1].id != drawn.agreement.id:
            return
        case, agreement = found
        store.save_agreement(tx, replace(agreement, provider_jws=jws))
        self._contracts.agreements.keep(tx, case, second)
        self._contracts.sender.sealed(tx, case, dict(agreement.policy), jws)

    def _give_up(self, tx: Tx, row: OutboxRow, case_id: str) -> None:
        if not outbox.finish(tx, row):
            return
        found = _waiting(tx, row.participant, case_id, lock=True)
        if found is not None:
            self._contracts.sender.terminate(tx, found[0], "seal", because("contracts.seal-missing"))


def _drawn(tx: Tx, slug: str, case_id: str, root: str) -> Drawn | None:
    found = _waiting(tx, slug, case_id, lock=False)
    if found is None:
        return None
    case, agreement = found
    objects = object_store.objects(tx, slug, case_id).values()
    return Drawn(case, agreement, tuple(draft.refers_to(agreement.document, agreement.id, root, objects)))


def _waiting(tx: Tx, slug: str, case_id: str, *, lock: bool) -> tuple[NegotiationRow, Agreement] | None:
    """The case and its agreement if that still waits for our seal; None if it has ended or has its seal."""
    case = store.case(tx, slug, case_id, lock=lock)
    if case is None or case.agreement is None or case.kernel.role is not Role.PROVIDER:
        return None
    waits = case.kernel.state in (State.REQUESTED, State.ACCEPTED) and case.kernel.pending is None
    agreement = store.agreement(tx, slug, case.agreement)
    if not waits or kernel.terminating(case.kernel) or agreement is None:
        return None
    return (case, agreement) if agreement.provider_jws is None and agreement.state == "signed" else None


def _tell(tx: Tx, row: OutboxRow, case_id: str, fault: HanseError) -> None:
    if by_us(fault) and _waiting(tx, row.participant, case_id, lock=True) is not None:
        ask_once(tx, row.participant, case_id, SEAL, why=fault.code)


def _finish(tx: Tx, row: OutboxRow) -> None:
    outbox.finish(tx, row)
