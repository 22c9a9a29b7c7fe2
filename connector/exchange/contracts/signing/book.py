"""Books what became of a seal: the last of the four steps, in the transaction that took the message or an errand's.

Nothing is checked here but whether the negotiation still waits for it (spec/contracts.md 3.1, 3.4, 3.5).
"""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec.structs import replace

from connector.exchange.contracts.agreement.log_records import DECISION
from connector.exchange.contracts.model import Agreement, EvidenceObject, NegotiationRow
from connector.exchange.contracts.negotiation.late_countersignature import LateCountersignatures, rests
from connector.exchange.contracts.negotiation.send import NegotiationSender
from connector.exchange.contracts.signing.check import MustRead, Refused
from connector.exchange.effects import SETTLING_MS
from connector.foundation.storage.database import Tx
from connector.foundation.storage.work import ask
from connector.kernel.protocol.negotiation import State


class Countersigned(NamedTuple):
    """As consumer: our countersignature (None: the provider sealed nothing), and what is kept with it.

    `second_fault` says what is wrong with the provider's second seal; empty if it gave none, or a good one.
    """

    seal: str | None
    objects: tuple[EvidenceObject, ...]
    second_fault: str = ""


class Judged(NamedTuple):
    """As provider: the consumer's countersignature (None: absent or invalid) and what is kept with it.

    `fault` says what is wrong with one that is invalid, `second_fault` the same of its second seal.
    """

    seal: str | None
    fault: str
    objects: tuple[EvidenceObject, ...]
    second_fault: str = ""


class SealBooking:
    """Every method takes the case under its lock and gives it back as it is saved now."""

    def __init__(self, sender: NegotiationSender) -> None:
        self._sender, self._agreements = sender, sender.agreements
        self._late = LateCountersignatures(sender.agreements, sender)

    def contract(
        self, tx: Tx, case: NegotiationRow, agreement: Agreement, found: Countersigned | MustRead | Refused
    ) -> NegotiationRow:
        """As consumer in AGREED: the verification goes out, a person is asked, or it ends with the reason."""
        if isinstance(found, Countersigned):
            self._late.second_invalid(tx, case, "provider", found.second_fault)
        if not rests(case.kernel, State.AGREED):
            return case
        match found:
            case Countersigned(seal, objects):
                self._agreements.keep(tx, case, objects)
                self._agreements.countersigned(tx, agreement, seal)
                return self._sender.verify(tx, case, seal, due_at=_settled(tx) if seal is None else None)
            case MustRead(code, objects):
                self._agreements.keep(tx, case, objects)
                self._sender.record(tx, case, DECISION, {"countersignature": "asked", "fault": code})
                ask(tx, case.participant, case.id, "countersign", fault=code)
                return case
            case Refused(reason=reason):
                return self._sender.terminate(tx, case, "contract", reason)

    def countersignature(
        self,
        tx: Tx,
        case: NegotiationRow,
        agreement: Agreement,
        found: Judged,
        kept: Mapping[str, EvidenceObject] | None = None,
    ) -> NegotiationRow:
        """As provider in VERIFIED: finalize, unless a countersignature is required and none is good.

        Then FINALIZED is withheld until a late one comes or the deadline passes (`late_countersignature`). `kept` are
        the objects of the negotiation by name, where this transaction has read them.
        """
        self._late.second_invalid(tx, case, "consumer", found.second_fault)
        if not rests(case.kernel, State.VERIFIED):
            return case
        self._agreements.keep(tx, case, found.objects)
        if found.fault:
            self._sender.record(tx, case, DECISION, {"countersignature": "invalid", "fault": found.fault})
        if found.seal is None and self._agreements.demand(tx, agreement).setting == "required":
            return case
        unsealed = found.seal is None and not found.fault
        if kept is not None:  # an object that has a name keeps it
            kept = {**{one.name: one for one in found.objects}, **kept}
        return self._sender.finalize(
            tx, case, replace(agreement, consumer_jws=found.seal), due_at=_settled(tx) if unsealed else None, kept=kept
        )


def _settled(tx: Tx) -> int:
    """When our word may leave to a peer that has sealed nothing: Eclipse EDC may read it before our answer, says 409,
    and then sends its own message once more as another one. A peer that seals saves before it sends."""
    return tx.now + SETTLING_MS
