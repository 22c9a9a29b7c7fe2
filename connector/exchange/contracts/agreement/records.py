"""The records of agreements in the log: one with each change of what both sides have sealed (spec/records.md 1.3).

What a record names stays as it was when it was written; what can be judged only later stands in a further one.
"""

from collections.abc import Mapping

from connector.exchange.contracts import object_store, store
from connector.exchange.contracts.agreement import log_records
from connector.exchange.contracts.document import draft, sealing, second_seal
from connector.exchange.contracts.document.second_seal import SecondKeys, SecondKeysFor
from connector.exchange.contracts.model import Agreement, EvidenceObject, NegotiationRow
from connector.foundation.errors import Unknown
from connector.foundation.storage.database import Tx
from connector.foundation.storage.work import timer
from connector.identity.audit import store as audit
from connector.identity.participants.lifecycle import require_not_deleting
from connector.identity.participants.service import Hosted, Participants


class AgreementRecords:
    """Of all participants; `second_keys` are what the trust list in force names for second seals."""

    def __init__(self, participants: Participants, second_keys: SecondKeysFor) -> None:
        self._participants, self._second_keys = participants, second_keys
        self._documents: dict[str, tuple[object, EvidenceObject]] = {}

    def add(
        self, tx: Tx, case: NegotiationRow, agreement: Agreement, kept: Mapping[str, EvidenceObject] | None = None
    ) -> None:
        """One more record of an agreement, in the transaction that changes it; `kept` as in `Agreements.finalized`.

        Names our DID document as it is now: a negotiation may wait for days, and keys change meanwhile.

        Once a record names our seal as provider, its document stays: a key withdrawn since then is in no later one.
        """
        hosted = self._participants.held(case.participant)
        current = self._document(hosted, f"did-{agreement.role}.json")
        named = log_records.named(tx, case) if kept is None else log_records.named_of(kept)
        known = named.get(current.name)
        heads = audit.heads(tx, case.participant, agreement.id)
        logged = heads.agreement is not None  # nothing is asked of the log where it has nothing about the agreement
        sealed = logged and agreement.role == "provider" and log_records.committed(tx, agreement)
        sealed = sealed or agreement.own_did != hosted.participant.did  # the document of that time stays with its seal
        if not sealed and known is not None and known.sha256 != current.sha256:
            object_store.take_object(tx, case.participant, case.id, case.counterparty, current)
            named = {**named, current.name: current}
        body, seconds = log_records.of_agreement(agreement, self._by(hosted), named, heads.key_head)
        log_records.record(tx, hosted.participant.did, case, log_records.AGREEMENT, body, heads=heads)
        if seconds.waits:
            timer(tx, case.participant, second_seal.DUE, case.id, tx.now + second_seal.OFTEN_MS)

    def second_sealed(self, tx: Tx, slug: str, case_id: str) -> None:
        """The timer of a second seal that no record names yet, because the list did not name its key."""
        try:
            require_not_deleting(tx, slug)
        except Unknown:
            return
        case = store.case(tx, slug, case_id, lock=True)
        agreement = None if case is None or case.agreement is None else store.agreement(tx, slug, case.agreement)
        if agreement is None or not agreement.concluded:
            return
        hosted = self._participants.held(slug)
        waits = log_records.further(tx, hosted.participant.did, agreement, self._by(hosted))
        age = tx.now - (agreement.finalized_at or 0)
        if waits and age < second_seal.PATIENCE_MS:
            pause = min(max(age, second_seal.OFTEN_MS), second_seal.SELDOM_MS)
            timer(tx, slug, second_seal.DUE, case_id, tx.now + pause)

    def _by(self, hosted: Hosted) -> SecondKeys:
        """A list that a neighbour joined says nothing of keys here."""
        return lambda did: self._second_keys(did, hosted.participant.did)

    def _document(self, hosted: Hosted, name: str) -> EvidenceObject:
        key = f"{hosted.participant.id} {name}"
        kept = self._documents.get(key)
        if kept is None or kept[0] is not hosted.document:
            body = sealing.canonical(dict(hosted.document))
            made = draft.evidence_object(name, "application/did+json", body)
            kept = self._documents[key] = (hosted.document, made)
        return kept[1]
