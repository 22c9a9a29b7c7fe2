"""Use cases of negotiations: what we ask for, what a peer tells us, what an answer to our message means.

Each is one transaction: load, let the kernel decide, save, turn the effects into rows (architecture.md 3). Work that needs
the network (fetching what is to be signed) is an errand that comes back as another transaction (`signing_desk`).
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from connector.audit import store as audit
from connector.catalogue.service import Catalogue
from connector.commit import Outgoing, Process, commit, errand
from connector.contracts import compose, drafting, store
from connector.contracts.drafting import Sealer, rules_of
from connector.contracts.model import Agreement, Case, EvidenceObject
from connector.contracts.signing import digest
from connector.contracts.text import Party
from connector.errors import Mistake, PeerError, Unknown
from connector.ids import new_id
from connector.language import both
from connector.participants.service import Hosted, Participants
from connector.policy.judge import Judge, Seeker
from connector.policy.model import PolicyError
from connector.protocol import messages as m
from connector.protocol import negotiation as kernel
from connector.protocol.effects import Effect, Illegal, Problem
from connector.protocol.messages import HANSE
from connector.protocol.negotiation import Kind, Step
from connector.protocol.process import Role
from connector.storage.database import Tx

QUOTA = 1000
"""Open negotiations that one peer may have with one participant (threat T36)."""
AGREEMENT, DECISION, TERMINATION = "agreement", "decision", "termination"


class Partner(msgspec.Struct, frozen=True, kw_only=True):
    """A peer as the trust list names it, with the root that its DID document gives."""

    did: str
    name: str
    seeker: Seeker
    root: str


class Terms(msgspec.Struct, frozen=True):
    """Name of the agreed file and the SHA-256 that its bytes must have (None: a live source)."""

    name: str
    sha256: str | None


class Reply(msgspec.Struct, frozen=True):
    """What a handler answers: the negotiation as it stands now, and whether it is new."""

    case: Case
    created: bool = False


class Contracts:
    """Negotiations and agreements of all participants; every method names the participant."""

    def __init__(self, participants: Participants, catalogue: Catalogue, judge: Judge) -> None:
        self._participants, self._catalogue, self._judge = participants, catalogue, judge

    # What we want

    def request(
        self,
        tx: Tx,
        slug: str,
        partner: Partner,
        dataset: str,
        offer: dict[str, Any],
        purpose: str | None,
        action: str | None,
    ) -> Case:
        """As consumer: ask for an offer as it stands in the provider's catalogue."""
        hosted = self._participants.held(slug)
        policy = {**offer, "@type": "Offer", "target": dataset}
        self._digest(policy)
        step = kernel.send(kernel.start(Role.CONSUMER), Kind.REQUEST, new_id())
        case = Case(
            participant=slug, id=new_id(), counterparty=partner.did, address=f"{partner.root}/2025-1",
            kernel=step.negotiation, version=1, dataset=dataset, offer=str(offer["@id"]), policy=policy, purpose=purpose,
            action=action, agreement=None, reason=None, created_at=tx.now, changed_at=tx.now,
        )  # fmt: skip
        store.insert_case(tx, case)
        sent = _pending(case)
        message = compose.request(case, sent, policy, hosted.participant.base)
        self._commit(tx, case, step.effects, {sent: message})
        return case

    def terminate(self, tx: Tx, slug: str, case_id: str, code: str, reason: dict[str, list[str]]) -> Case:
        """End a negotiation in our name; raises Mistake if it has ended already."""
        case = store.case(tx, slug, case_id, lock=True)
        if case is None:
            raise Unknown("contracts.unknown", id=case_id)
        try:
            return self._terminate(tx, case, code, reason)
        except Illegal as illegal:
            raise Mistake("contracts.ended", state=case.shown) from illegal

    # What a peer tells us

    def receive_request(
        self, tx: Tx, slug: str, partner: Partner, message: m.ContractRequestMessage, digest_: str
    ) -> Reply:
        """A first request: taken if the offer may be seen, then agreed or terminated with the reason."""
        known = store.case_of_peer(tx, slug, partner.did, message.consumer_pid)
        if known is not None:
            return Reply(known)
        if store.open_cases(tx, slug, partner.did) >= QUOTA:
            raise PeerError("contracts.quota", limit=QUOTA)
        offer, dataset = self._catalogue.requested(tx, slug, partner.seeker, message.offer)
        step = kernel.received(kernel.start(Role.PROVIDER), Kind.REQUEST, message.id, digest_, message.consumer_pid)
        case = Case(
            participant=slug, id=new_id(), counterparty=partner.did, address=str(message.callback_address).rstrip("/"),
            kernel=step.negotiation, version=1, dataset=dataset.id, offer=offer.id, policy=message.offer,
            purpose=message.purpose, action=message.action, agreement=None, reason=None, created_at=tx.now, changed_at=tx.now,
        )  # fmt: skip
        store.insert_case(tx, case)
        self._commit(tx, case, step.effects)
        if self._digest(message.offer) != offer.digest:
            return Reply(self._terminate(tx, case, "policy", _sentences("contracts.other-policy")), created=True)
        decision = self._judge.decide(
            offer.policy, partner.seeker, "negotiation", tx.now, purpose=message.purpose, action=message.action
        )
        self._audit(tx, case, DECISION, {**self._judge.record(decision), "offer": offer.id})
        if not decision.permit:
            return Reply(self._terminate(tx, case, "policy", self._judge.reasons(decision)), created=True)
        return Reply(self._agree(tx, case, partner, offer, dataset), created=True)

    def receive(
        self, tx: Tx, slug: str, partner: Partner, case_id: str, message: msgspec.Struct, digest_: str
    ) -> Reply:
        """Any further message about a negotiation of ours with this peer."""
        case = self._case(tx, slug, partner.did, case_id)
        kind = kernel.kind_of(message)
        step = self._step(case, kind, message, digest_)
        if step.repeated:
            return Reply(case)
        case = replace(case, kernel=step.negotiation)
        match message:
            case m.ContractAgreementMessage():
                case = self._take_agreement(tx, case, message)
            case m.ContractAgreementVerificationMessage():
                self._take_countersignature(tx, case, message)
            case m.ContractNegotiationTerminationMessage():
                case = self._take_termination(tx, case, message)
            case m.ContractNegotiationEventMessage(event_type="FINALIZED"):
                self._finalize(tx, case)
            case _:
                raise PeerError("contracts.not-negotiable")
        store.save_case(tx, case)
        self._commit(tx, case, step.effects)
        return Reply(replace(case, version=case.version + 1))

    # What became of our messages

    def acked(self, tx: Tx, slug: str, case_id: str, sent_id: str, peer_pid: str | None) -> None:
        """The peer answered 2xx to this row."""
        case = store.case(tx, slug, case_id, lock=True)
        if case is None:
            return
        step = kernel.acked(case.kernel, sent_id, peer_pid)
        if step.negotiation == case.kernel:
            return
        case = replace(case, kernel=step.negotiation)
        if step.negotiation.state is kernel.State.FINALIZED:
            self._finalize(tx, case)
        store.save_case(tx, case)
        self._commit(tx, case, step.effects)

    def refused(
        self, tx: Tx, slug: str, case_id: str, sent_id: str, problem: Problem, reason: dict[str, list[str]]
    ) -> None:
        """The peer finally said no to this row."""
        case = store.case(tx, slug, case_id, lock=True)
        if case is None:
            return
        step = kernel.refused(case.kernel, sent_id, problem)
        if step.negotiation == case.kernel:
            return
        case = replace(case, kernel=step.negotiation, reason=reason or case.reason)
        store.save_case(tx, case)
        self._audit(tx, case, DECISION, {"refused": problem.status, "code": problem.code})
        self._commit(tx, case, step.effects)

    # Signatures: called by the signing desk

    def countersigned(
        self, tx: Tx, slug: str, case_id: str, seal: str | None, objects: tuple[EvidenceObject, ...]
    ) -> None:
        """Our own countersignature is made (None: the provider sealed nothing): book it and send the verification."""
        case = store.case(tx, slug, case_id, lock=True)
        if (
            case is None
            or case.agreement is None
            or case.kernel.state is not kernel.State.AGREED
            or case.kernel.pending
        ):
            return
        for item in objects:
            store.keep_object(tx, slug, case.id, case.counterparty, item)
        agreement = self.agreement(tx, slug, case.agreement)
        store.save_agreement(tx, replace(agreement, consumer_jws=seal))
        sent = new_id()
        step = kernel.send(case.kernel, Kind.VERIFY, sent)
        case = replace(case, kernel=step.negotiation)
        store.save_case(tx, case)
        self._commit(tx, case, step.effects, {sent: compose.verification(case, sent, seal)})

    def verified(
        self, tx: Tx, slug: str, case_id: str, seal: str | None, fault: str, objects: tuple[EvidenceObject, ...]
    ) -> None:
        """The partner's countersignature is checked (None: absent or invalid): finalize, or end if it is required."""
        case = store.case(tx, slug, case_id, lock=True)
        if (
            case is None
            or case.agreement is None
            or case.kernel.state is not kernel.State.VERIFIED
            or case.kernel.pending
        ):
            return
        for item in objects:
            store.keep_object(tx, slug, case.id, case.counterparty, item)
        agreement = self.agreement(tx, slug, case.agreement)
        if fault:
            self._audit(tx, case, DECISION, {"countersignature": "invalid", "fault": fault})
        if seal is None and self._catalogue.countersignature(tx, slug, case.offer) == "required":
            self._terminate(tx, case, "countersignature-missing", _sentences("contracts.countersignature-missing"))
            return
        store.save_agreement(tx, replace(agreement, consumer_jws=seal))
        self._send_finalized(tx, case, agreement, seal)

    def refuse_to_sign(self, tx: Tx, slug: str, case_id: str, code: str, reason: dict[str, list[str]]) -> None:
        """What we were to countersign is not what we asked for: say so and end it."""
        case = store.case(tx, slug, case_id, lock=True)
        if case is not None and not kernel.terminating(case.kernel) and case.kernel.state is kernel.State.AGREED:
            self._terminate(tx, case, code, reason)

    # Reading

    def agreement(self, tx: Tx, slug: str, agreement_id: str, counterparty: str | None = None) -> Agreement:
        """Raises Unknown."""
        found = store.agreement(tx, slug, agreement_id, counterparty)
        if found is None:
            raise Unknown("contracts.no-agreement", id=agreement_id[:200])
        return found

    def in_force(self, tx: Tx, slug: str, agreement_id: str, counterparty: str) -> Agreement:
        """The finalized agreement with this peer; raises Unknown. Expiry is the policy's word, not this one's."""
        found = self.agreement(tx, slug, agreement_id, counterparty)
        if found.state not in ("finalized", "one-sided"):
            raise Unknown("contracts.no-agreement", id=agreement_id[:200])
        return found

    def terms(self, tx: Tx, slug: str, agreement: Agreement) -> Terms:
        """What was agreed about the bytes, from the signed snapshot of the dataset."""
        snapshot = store.objects(tx, slug, agreement.negotiation).get(drafting.DATASET)
        body: Any = {} if snapshot is None else msgspec.json.decode(snapshot.body)
        of_bytes = body.get(f"{HANSE}versionOf") == "bytes"
        return Terms(
            name=str(body.get(f"{HANSE}fileName") or agreement.dataset.rsplit("/", 1)[-1]),
            sha256=str(body[f"{HANSE}version"]) if of_bytes else None,
        )

    def object_for(self, tx: Tx, slug: str, sha256: str, counterparty: str) -> EvidenceObject:
        """A signed object, only for the partner of a negotiation that refers to it; raises Unknown."""
        found = store.object_for_partner(tx, slug, sha256, counterparty)
        if found is None:
            raise Unknown("contracts.no-object")
        return found

    def all(self, tx: Tx, slug: str) -> list[Agreement]:
        """The newest 100 agreements."""
        return store.agreements(tx, slug)

    def text(self, tx: Tx, slug: str, agreement: Agreement) -> bytes:
        """The German contract text as signed; raises Unknown before it is here."""
        found = store.objects(tx, slug, agreement.negotiation).get(drafting.TEXT)
        if found is None:
            raise Unknown("contracts.no-object")
        return found.body

    def source(self, tx: Tx, slug: str, agreement: Agreement) -> str:
        """Which source the agreed bytes come from; raises Unknown if the dataset is gone."""
        return self._catalogue.source_of(tx, slug, agreement.dataset).id

    def get(self, tx: Tx, slug: str, case_id: str, counterparty: str | None = None) -> Case:
        case = store.case(tx, slug, case_id, counterparty)
        if case is None:
            raise Unknown("contracts.unknown", id=case_id[:200])
        return case

    # Steps inside a transaction

    def _case(self, tx: Tx, slug: str, did: str, case_id: str) -> Case:
        case = store.case(tx, slug, case_id, did, lock=True)
        if case is None:
            raise Unknown("contracts.unknown", id=case_id[:200])
        return case

    def _digest(self, policy: dict[str, Any]) -> str:
        """The digest of a peer's policy; PeerError names what is not valid in it."""
        try:
            return self._judge.digest(policy)
        except PolicyError as fault:
            raise PeerError("contracts.policy", pointer=fault.pointer or "/", why=fault.code) from fault

    def _step(self, case: Case, kind: Kind, message: Any, digest_: str) -> Step:
        ours, theirs = message.provider_pid, message.consumer_pid
        mine, peers = (ours, theirs) if case.kernel.role is Role.PROVIDER else (theirs, ours)
        if mine not in (None, case.id):
            raise PeerError("contracts.pid")
        try:
            return kernel.received(case.kernel, kind, message.id, digest_, peers)
        except Illegal as illegal:
            raise PeerError("contracts.illegal", kind=str(kind), state=case.shown, why=illegal.code) from illegal

    def _agree(self, tx: Tx, case: Case, partner: Partner, offer: Any, dataset: Any) -> Case:
        hosted = self._participants.held(case.participant)
        agreement_id = new_id()
        consumer = Party(partner.name, partner.did)
        draft = drafting.draft(case, agreement_id, offer, dataset, sealer(hosted), consumer, self._judge, tx.now)
        for item in draft.objects:
            store.keep_object(tx, case.participant, case.id, case.counterparty, item)
        store.insert_agreement(tx, self._new_agreement(tx, case, agreement_id, draft.document, draft.seal, draft.facts))
        sent = new_id()
        step = kernel.send(case.kernel, Kind.AGREE, sent)
        case = replace(case, kernel=step.negotiation, agreement=agreement_id)
        store.save_case(tx, case)
        case = replace(case, version=case.version + 1)
        self._commit(tx, case, step.effects, {sent: compose.agreement(case, sent, draft.plain, draft.seal)})
        return case

    def _new_agreement(
        self, tx: Tx, case: Case, agreement_id: str, document: bytes, seal: str | None, facts: dict[str, Any]
    ) -> Agreement:
        plain = msgspec.json.decode(document)
        return Agreement(
            participant=case.participant, id=agreement_id, negotiation=case.id, role=str(case.kernel.role),
            counterparty=case.counterparty, dataset=case.dataset, state="signed", document=document,
            digest=digest(document), provider_jws=seal, consumer_jws=None, facts=facts,
            expires_at=self._judge.expires_at(plain, self._judge.signed_at(plain)), created_at=tx.now, finalized_at=None,
        )  # fmt: skip

    def _take_agreement(self, tx: Tx, case: Case, message: m.ContractAgreementMessage) -> Case:
        """The agreement must be our request, between us and this peer (dataspace-protocol.md 1.3)."""
        plain = message.agreement
        me = self._participants.held(case.participant).participant.did
        parties = (plain["assigner"], plain["assignee"], plain["target"])
        same_deal = self._digest(plain) == self._judge.digest(case.policy)
        if parties != (case.counterparty, me, case.dataset) or not same_deal:
            raise PeerError("contracts.other-agreement")
        document = drafting.canonical_document(plain)
        seal = message.agreement_signature
        store.insert_agreement(tx, self._new_agreement(tx, case, str(plain["@id"]), document, seal, {}))
        case = replace(case, agreement=str(plain["@id"]))
        errand(tx, process(case), "countersign")
        return case

    def _take_countersignature(self, tx: Tx, case: Case, message: m.ContractAgreementVerificationMessage) -> None:
        errand(tx, process(case), "check-countersignature", seal=message.agreement_signature or "")

    def _take_termination(self, tx: Tx, case: Case, message: m.ContractNegotiationTerminationMessage) -> Case:
        reason = two_languages(message.reason)
        self._audit(tx, case, TERMINATION, {"by": "peer", "code": message.code or "", "reason": reason["de"]})
        return replace(self._close(tx, case), reason=reason)

    def _terminate(self, tx: Tx, case: Case, code: str, reason: dict[str, list[str]]) -> Case:
        sent = new_id()
        step = kernel.send(case.kernel, Kind.TERMINATE, sent)
        case = replace(self._close(tx, case), kernel=step.negotiation, reason=reason)
        store.save_case(tx, case)
        case = replace(case, version=case.version + 1)
        self._audit(tx, case, TERMINATION, {"by": "us", "code": code, "reason": reason["de"]})
        sentences = [" ".join(reason["de"]), " ".join(reason["en"])]
        self._commit(tx, case, step.effects, {sent: compose.termination(case, sent, code, sentences)})
        return case

    def _close(self, tx: Tx, case: Case) -> Case:
        """An agreement whose negotiation ends before it is final never comes into force."""
        agreement = None if case.agreement is None else store.agreement(tx, case.participant, case.agreement)
        if agreement is not None and agreement.state == "signed":
            store.save_agreement(tx, replace(agreement, state="terminated"))
        return case

    def _send_finalized(self, tx: Tx, case: Case, agreement: Agreement, seal: str | None) -> None:
        hosted = self._participants.held(case.participant)
        address = drafting.evidence_address(hosted.participant.root, agreement, seal)
        sent = new_id()
        step = kernel.send(case.kernel, Kind.FINALIZE, sent)
        case = replace(case, kernel=step.negotiation)
        store.save_case(tx, case)
        case = replace(case, version=case.version + 1)
        # From here on the peer may act on it: our own view must not lag behind the message (dataspace-protocol.md 1.6).
        self._finalize(tx, case)
        self._commit(tx, case, step.effects, {sent: compose.finalized(case, sent, address)})

    def _finalize(self, tx: Tx, case: Case) -> None:
        if case.agreement is None:
            return
        agreement = self.agreement(tx, case.participant, case.agreement)
        if agreement.state != "signed":
            return
        both_signed = agreement.provider_jws is not None and agreement.consumer_jws is not None
        state = "finalized" if both_signed else "one-sided"
        store.save_agreement(tx, replace(agreement, state=state, finalized_at=tx.now))
        self._audit(tx, case, AGREEMENT, self._agreement_record(tx, case, agreement))

    def _agreement_record(self, tx: Tx, case: Case, agreement: Agreement) -> dict[str, object]:
        """What the log commits to: agreement, both seals, both DID documents, our newest key event (contracts.md 16.2)."""
        documents = {name: item.sha256 for name, item in store.objects(tx, case.participant, case.id).items()}
        return {
            "agreement": agreement.digest,
            "providerJws": _hash(agreement.provider_jws),
            "consumerJws": _hash(agreement.consumer_jws),
            "providerDidDocument": documents.get("did-provider.json"),
            "consumerDidDocument": documents.get("did-consumer.json"),
            "keyHead": audit.key_head(tx, case.participant),
        }

    def _audit(self, tx: Tx, case: Case, type_: str, body: dict[str, object]) -> None:
        did = self._participants.held(case.participant).participant.did
        whole = {"negotiation": case.id, "counterparty": case.counterparty, "state": case.shown, **body}
        audit.append(tx, case.participant, type_, case.agreement, "system", whole, did=did)

    def _commit(
        self, tx: Tx, case: Case, effects: tuple[Effect, ...], messages: dict[str, Outgoing] | None = None
    ) -> None:
        commit(tx, process(case), effects, messages=messages)


def process(case: Case) -> Process:
    return Process(participant=case.participant, noun="negotiation", id=case.id, to=case.counterparty)


def sealer(hosted: Hosted) -> Sealer:
    """The participant as signer; raises Mistake if its seal key has no certificate yet."""
    if not hosted.chain:
        raise Mistake("contracts.no-certificate", slug=hosted.participant.id)
    party = Party(hosted.participant.name, hosted.participant.did)
    return Sealer(party=party, root=hosted.participant.root, key=hosted.signers["seal"], chain=hosted.chain)


def two_languages(reason: list[Any] | None) -> dict[str, list[str]]:
    """A peer's `reason`: ours come as German and English, others as they come; bounded, strings only."""
    texts = [str(item)[:2000] for item in (reason or []) if isinstance(item, str)][:4]
    if not texts:
        return _sentences("contracts.no-reason")
    return {"de": [texts[0]], "en": [texts[-1] if len(texts) == 2 else texts[0]]}


def _sentences(code: str, **facts: object) -> dict[str, list[str]]:
    german, english = both(f"error.{code}", **facts)
    return {"de": [german], "en": [english]}


def _hash(seal: str | None) -> str | None:
    return None if seal is None else digest(seal.encode("ascii"))


def _pending(case: Case) -> str:
    assert case.kernel.pending is not None
    return case.kernel.pending.sent_id
