"""What was agreed: made by the provider, taken over by the consumer, in force once both have finalized.

An agreement outlives its negotiation; transfers, evidence and people ask here, never the negotiation.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from connector.catalogue.model import Dataset, Offer
from connector.catalogue.service import Catalogue
from connector.commit import review
from connector.contracts import drafting, records, store
from connector.contracts.drafting import Draft, Sealer
from connector.contracts.model import Agreement, Case, EvidenceObject
from connector.contracts.partner import Partner
from connector.contracts.signing import digest
from connector.contracts.text import Party
from connector.errors import Mistake, PeerError, Unknown
from connector.participants.service import Hosted, Participants
from connector.policy.judge import Judge
from connector.policy.model import PolicyError
from connector.protocol import messages as m
from connector.protocol.messages import HANSE
from connector.protocol.negotiation import State
from connector.storage.database import Tx


class Terms(msgspec.Struct, frozen=True):
    """Name of the agreed file, the SHA-256 and the number of its bytes (None: a live source), type and version."""

    name: str
    sha256: str | None
    bytes: int | None = None
    media_type: str = ""
    version: str = ""


class Agreements:
    """Agreements of all participants; every method names the participant, itself or by its case."""

    def __init__(self, participants: Participants, catalogue: Catalogue, judge: Judge) -> None:
        self._participants, self._catalogue, self._judge = participants, catalogue, judge

    # Reading

    def get(self, tx: Tx, slug: str, agreement_id: str, counterparty: str | None = None) -> Agreement:
        """Raises Unknown."""
        found = store.agreement(tx, slug, agreement_id, counterparty)
        if found is None:
            raise Unknown("contracts.no-agreement", id=agreement_id[:200])
        return found

    def named(self, tx: Tx, slug: str, name: str) -> Agreement:
        """By its id, or by the UUID of one of ours; raises Unknown. Ids that others gave need not be IRIs."""
        return store.agreement(tx, slug, name) or self.get(tx, slug, f"urn:uuid:{name}")

    def in_force(self, tx: Tx, slug: str, agreement_id: str, counterparty: str) -> Agreement:
        """The finalized agreement with this peer; raises Unknown. Expiry is the policy's word, not this one's."""
        found = self.get(tx, slug, agreement_id, counterparty)
        if found.state not in ("finalized", "one-sided"):
            raise Unknown("contracts.no-agreement", id=agreement_id[:200])
        return found

    def all(self, tx: Tx, slug: str) -> list[Agreement]:
        """The newest 100 agreements."""
        return store.agreements(tx, slug)

    def terms(self, tx: Tx, slug: str, agreement: Agreement) -> Terms:
        """What was agreed about the bytes, from the signed snapshot of the dataset."""
        snapshot = store.objects(tx, slug, agreement.negotiation, drafting.DATASET).get(drafting.DATASET)
        body: Any = {} if snapshot is None else msgspec.json.decode(snapshot.body)
        of_bytes = body.get(f"{HANSE}versionOf") == "bytes"
        size = str(body.get("dcat:byteSize", ""))
        return Terms(
            name=str(body.get(f"{HANSE}fileName") or agreement.dataset.rsplit("/", 1)[-1]),
            sha256=str(body[f"{HANSE}version"]) if of_bytes else None,
            bytes=int(size) if of_bytes and size.isascii() and size.isdigit() and len(size) < 16 else None,
            media_type=str(body.get("dcat:mediaType", "")),
            version=str(body.get(f"{HANSE}version", "")),
        )

    def vocabulary(self, tx: Tx, agreement: Agreement) -> str:
        """The digest of the concept lists that both sides signed; empty before that is here, or if it names none."""
        found = store.objects(tx, agreement.participant, agreement.negotiation, drafting.PROFILE).get(drafting.PROFILE)
        return "" if found is None else str(msgspec.json.decode(found.body).get("vocabulary", ""))

    def text(self, tx: Tx, slug: str, agreement: Agreement) -> bytes:
        """The German contract text as signed; raises Unknown before it is here."""
        found = store.objects(tx, slug, agreement.negotiation).get(drafting.TEXT)
        if found is None:
            raise Unknown("contracts.no-object")
        return found.body

    def source(self, tx: Tx, slug: str, agreement: Agreement) -> str:
        """Which source the agreed bytes come from; raises Unknown if the dataset is gone."""
        return self._catalogue.source_of(tx, slug, agreement.dataset).id

    def accessed(self, tx: Tx, agreement: Agreement) -> bool:
        """As provider: it is used now; True for the first time only."""
        return store.first_access(tx, agreement.participant, agreement.id)

    def object_for(self, tx: Tx, slug: str, sha256: str, counterparty: str) -> EvidenceObject:
        """A signed object, only for the partner of a negotiation that refers to it; raises Unknown."""
        found = store.object_for_partner(tx, slug, sha256, counterparty)
        if found is None:
            raise Unknown("contracts.no-object")
        return found

    # Steps of a negotiation, inside its transaction

    def deal(self, policy: dict[str, Any]) -> str:
        """The digest of a peer's policy; PeerError names what is not valid in it."""
        try:
            return self._judge.digest(policy)
        except PolicyError as fault:
            raise PeerError("contracts.policy", pointer=fault.pointer or "/", why=fault.code) from fault

    def worded(self, policy: dict[str, Any]) -> bool:
        """Whether all of a policy can be said in sentences."""
        return bool(self._judge.clauses(policy, "de"))

    def draw_up(self, tx: Tx, case: Case, agreement_id: str, partner: Partner, offer: Offer, dataset: Dataset) -> Draft:
        """As provider: write and seal the contract, and keep what the seal refers to."""
        hosted = self._participants.held(case.participant)
        consumer = Party(partner.name, partner.did)
        draft = drafting.draft(case, agreement_id, offer, dataset, sealer(hosted), consumer, self._judge, tx.now)
        self.keep(tx, case, draft.objects)
        self._insert(tx, case, agreement_id, draft.document, draft.seal, draft.facts)
        return draft

    def take(self, tx: Tx, case: Case, message: m.ContractAgreementMessage) -> str:
        """As consumer: the id, if it is our request between us and this peer (dataspace-protocol.md 1.3)."""
        plain = message.agreement
        me = self._participants.held(case.participant).participant.did
        parties = (plain["assigner"], plain["assignee"], plain["target"])
        same_deal = self.deal(plain) == self._judge.digest(case.policy)
        if parties != (case.counterparty, me, case.dataset) or not same_deal:
            raise PeerError("contracts.other-agreement")
        document = drafting.canonical_document(plain)
        self._insert(tx, case, str(plain["@id"]), document, message.agreement_signature, {})
        return str(plain["@id"])

    def keep(self, tx: Tx, case: Case, objects: tuple[EvidenceObject, ...]) -> None:
        """What signatures refer to, for this partner alone."""
        for item in objects:
            store.keep_object(tx, case.participant, case.id, case.counterparty, item)

    def countersigned(self, tx: Tx, agreement: Agreement, seal: str | None) -> None:
        store.save_agreement(tx, replace(agreement, consumer_jws=seal))

    def finalize(self, tx: Tx, case: Case) -> None:
        """In force from now on; nothing happens if it is already, or never came about."""
        if case.agreement is None:
            return
        agreement = self.get(tx, case.participant, case.agreement)
        if agreement.state != "signed":
            return
        both_signed = agreement.provider_jws is not None and agreement.consumer_jws is not None
        state = "finalized" if both_signed else "one-sided"
        store.save_agreement(tx, replace(agreement, state=state, finalized_at=tx.now))
        did = self._participants.held(case.participant).participant.did
        records.record(tx, did, case, records.AGREEMENT, records.of_agreement(tx, case, agreement))

    def close(self, tx: Tx, case: Case) -> None:
        """An agreement whose negotiation ends before it is final never comes into force.

        Ours counts as final while FINALIZED is on its way; a termination that comes first takes that back.
        """
        agreement = None if case.agreement is None else store.agreement(tx, case.participant, case.agreement)
        if agreement is None or agreement.state == "terminated":
            return
        if agreement.state == "signed" or case.kernel.state is State.TERMINATED:
            store.save_agreement(tx, replace(agreement, state="terminated"))
            review(tx, agreement.participant, agreement.id, tx.now)

    def _insert(
        self, tx: Tx, case: Case, agreement_id: str, document: bytes, seal: str | None, facts: dict[str, Any]
    ) -> None:
        plain = msgspec.json.decode(document)
        agreement = Agreement(
            participant=case.participant, id=agreement_id, negotiation=case.id, role=str(case.kernel.role),
            counterparty=case.counterparty, dataset=case.dataset, state="signed", document=document,
            digest=digest(document), provider_jws=seal, consumer_jws=None, facts=facts,
            expires_at=self._judge.expires_at(plain, self._judge.signed_at(plain)), created_at=tx.now,
            finalized_at=None,
        )  # fmt: skip
        if not store.insert_agreement(tx, agreement):
            raise PeerError("contracts.agreement-taken", id=agreement_id[:200])


def sealer(hosted: Hosted) -> Sealer:
    """The participant as signer; raises Mistake if its seal key has no certificate yet."""
    if not hosted.chain:
        raise Mistake("contracts.no-certificate", slug=hosted.participant.id)
    party = Party(hosted.participant.name, hosted.participant.did)
    return Sealer(party=party, root=hosted.participant.root, key=hosted.signers["seal"], chain=hosted.chain)
