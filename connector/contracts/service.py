"""Use cases of negotiations: what we ask for, what a peer tells us, what an answer to our message means.

Each is one transaction: load, let the kernel decide, save, turn the effects into rows (architecture.md 3). Work that
needs the network (fetching what is to be signed) is an errand and comes back as another transaction (`signing_desk`).
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from connector.catalogue.model import Dataset, Offer
from connector.catalogue.service import Catalogue
from connector.commit import Outgoing, Process, commit, errand
from connector.contracts import compose, drafting, store
from connector.contracts.agreements import Agreements
from connector.contracts.model import Agreement, Case, EvidenceObject
from connector.contracts.partner import Partner
from connector.contracts.records import DECISION, TERMINATION, record
from connector.errors import Mistake, PeerError, Unknown
from connector.ids import new_id
from connector.participants.service import Participants
from connector.policy.judge import Judge
from connector.protocol import messages as m
from connector.protocol import negotiation as kernel
from connector.protocol.effects import Effect, Illegal, Problem
from connector.protocol.negotiation import Kind, Step
from connector.protocol.process import Role
from connector.reasons import Reason, because, from_the_wire, on_the_wire
from connector.storage.database import Tx

QUOTA = 1000
"""Open negotiations that one peer may have with one participant (threat T36)."""


class Reply(msgspec.Struct, frozen=True):
    """What a handler answers: the negotiation as it stands now, and whether it is new."""

    case: Case
    created: bool = False


class Contracts:
    """Negotiations and agreements of all participants; every method names the participant."""

    def __init__(self, participants: Participants, catalogue: Catalogue, judge: Judge) -> None:
        self._participants, self._catalogue, self._judge = participants, catalogue, judge
        self.agreements = Agreements(participants, catalogue, judge)

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
        self.agreements.deal(policy)
        step = kernel.send(kernel.start(Role.CONSUMER), Kind.REQUEST, new_id())
        case = Case(
            participant=slug, id=new_id(), counterparty=partner.did, address=f"{partner.root}/2025-1",
            kernel=step.negotiation, version=1, dataset=dataset, offer=str(offer["@id"]), policy=policy,
            purpose=purpose, action=action, agreement=None, reason=None, created_at=tx.now, changed_at=tx.now,
        )  # fmt: skip
        store.insert_case(tx, case)
        sent = _pending(case)
        message = compose.request(case, sent, policy, hosted.participant.base)
        self._commit(tx, case, step.effects, {sent: message})
        return case

    def terminate(self, tx: Tx, slug: str, case_id: str, code: str, reason: Reason) -> Case:
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
            purpose=message.purpose, action=message.action, agreement=None, reason=None, created_at=tx.now,
            changed_at=tx.now,
        )  # fmt: skip
        store.insert_case(tx, case)
        self._commit(tx, case, step.effects)
        if self.agreements.deal(message.offer) != offer.digest:
            return Reply(self._terminate(tx, case, "policy", because("contracts.other-policy")), created=True)
        decision = self._judge.decide(
            offer.policy, partner.seeker, "negotiation", tx.now, purpose=message.purpose, action=message.action
        )
        self._record(tx, case, DECISION, {**self._judge.record(decision), "offer": offer.id})
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
                self.agreements.finalize(tx, case)
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
            self.agreements.finalize(tx, case)
        elif step.negotiation.state is kernel.State.TERMINATED:
            self.agreements.close(tx, case)
        store.save_case(tx, case)
        self._commit(tx, case, step.effects)

    def refused(self, tx: Tx, slug: str, case_id: str, sent_id: str, problem: Problem, reason: Reason) -> None:
        """The peer finally said no to this row."""
        case = store.case(tx, slug, case_id, lock=True)
        if case is None:
            return
        step = kernel.refused(case.kernel, sent_id, problem)
        if step.negotiation == case.kernel:
            return
        case = replace(case, kernel=step.negotiation, reason=reason or case.reason)
        if step.negotiation.state is kernel.State.TERMINATED:
            self.agreements.close(tx, case)
        store.save_case(tx, case)
        self._record(tx, case, DECISION, {"refused": problem.status, "code": problem.code})
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
        self.agreements.keep(tx, case, objects)
        agreement = self.agreements.get(tx, slug, case.agreement)
        self.agreements.countersigned(tx, agreement, seal)
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
        self.agreements.keep(tx, case, objects)
        agreement = self.agreements.get(tx, slug, case.agreement)
        if fault:
            self._record(tx, case, DECISION, {"countersignature": "invalid", "fault": fault})
        if seal is None and self._catalogue.countersignature(tx, slug, case.offer) == "required":
            self._terminate(tx, case, "countersignature-missing", because("contracts.countersignature-missing"))
            return
        self.agreements.countersigned(tx, agreement, seal)
        self._send_finalized(tx, case, agreement, seal)

    def refuse_to_sign(self, tx: Tx, slug: str, case_id: str, code: str, reason: Reason) -> None:
        """What we were to countersign is not what we asked for: say so and end it."""
        case = store.case(tx, slug, case_id, lock=True)
        if case is not None and not kernel.terminating(case.kernel) and case.kernel.state is kernel.State.AGREED:
            self._terminate(tx, case, code, reason)

    # Reading

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

    def _step(self, case: Case, kind: Kind, message: Any, digest_: str) -> Step:
        ours, theirs = message.provider_pid, message.consumer_pid
        mine, peers = (ours, theirs) if case.kernel.role is Role.PROVIDER else (theirs, ours)
        if mine not in (None, case.id):
            raise PeerError("contracts.pid")
        try:
            return kernel.received(case.kernel, kind, message.id, digest_, peers)
        except Illegal as illegal:
            raise PeerError("contracts.illegal", kind=str(kind), state=case.shown, why=illegal.code) from illegal

    def _agree(self, tx: Tx, case: Case, partner: Partner, offer: Offer, dataset: Dataset) -> Case:
        agreement_id, sent = new_id(), new_id()
        draft = self.agreements.draw_up(tx, case, agreement_id, partner, offer, dataset)
        step = kernel.send(case.kernel, Kind.AGREE, sent)
        case = replace(case, kernel=step.negotiation, agreement=agreement_id)
        store.save_case(tx, case)
        case = replace(case, version=case.version + 1)
        self._commit(tx, case, step.effects, {sent: compose.agreement(case, sent, draft.plain, draft.seal)})
        return case

    def _take_agreement(self, tx: Tx, case: Case, message: m.ContractAgreementMessage) -> Case:
        case = replace(case, agreement=self.agreements.take(tx, case, message))
        errand(tx, process(case), "countersign")
        return case

    def _take_countersignature(self, tx: Tx, case: Case, message: m.ContractAgreementVerificationMessage) -> None:
        errand(tx, process(case), "check-countersignature", seal=message.agreement_signature or "")

    def _take_termination(self, tx: Tx, case: Case, message: m.ContractNegotiationTerminationMessage) -> Case:
        reason = from_the_wire(message.reason)
        self.agreements.close(tx, case)
        self._record(tx, case, TERMINATION, {"by": "peer", "code": message.code or "", "reason": reason["de"]})
        return replace(case, reason=reason)

    def _terminate(self, tx: Tx, case: Case, code: str, reason: Reason) -> Case:
        sent = new_id()
        step = kernel.send(case.kernel, Kind.TERMINATE, sent)
        self.agreements.close(tx, case)
        case = replace(case, kernel=step.negotiation, reason=reason)
        store.save_case(tx, case)
        case = replace(case, version=case.version + 1)
        self._record(tx, case, TERMINATION, {"by": "us", "code": code, "reason": reason["de"]})
        message = compose.termination(case, sent, code, on_the_wire(reason))
        self._commit(tx, case, step.effects, {sent: message})
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
        self.agreements.finalize(tx, case)
        self._commit(tx, case, step.effects, {sent: compose.finalized(case, sent, address)})

    def _record(self, tx: Tx, case: Case, type_: str, body: dict[str, object]) -> None:
        record(tx, self._participants.held(case.participant).participant.did, case, type_, body)

    def _commit(
        self, tx: Tx, case: Case, effects: tuple[Effect, ...], messages: dict[str, Outgoing] | None = None
    ) -> None:
        commit(tx, process(case), effects, messages=messages)


def process(case: Case) -> Process:
    return Process(participant=case.participant, noun="negotiation", id=case.id, to=case.counterparty)


def _pending(case: Case) -> str:
    assert case.kernel.pending is not None
    return case.kernel.pending.sent_id
