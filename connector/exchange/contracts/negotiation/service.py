"""Use cases of negotiations: what we ask for, what a peer tells us, what an answer to our message means.

Each is one transaction: load, let the kernel decide, save, turn the effects into rows (spec/architecture.md 3.1). What
we say next is the business of `decide`, in the same transaction. Work that needs the network or a key elsewhere is an
errand and comes back as another transaction (`signing/countersign`).
"""

from collections.abc import Callable, Collection
from typing import Any

import msgspec
from msgspec.structs import replace

from connector.data.approvals.service import Approvals
from connector.data.catalogue.service import Catalogue
from connector.exchange.contracts import object_store, store
from connector.exchange.contracts.agreement import titles
from connector.exchange.contracts.agreement.agreements import PATIENCE_MS, Agreements
from connector.exchange.contracts.agreement.log_records import DECISION, TERMINATION
from connector.exchange.contracts.agreement.succession import NOBODY, Lines
from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.document import automatic_seal
from connector.exchange.contracts.document.described_data import NAME, Described, kept
from connector.exchange.contracts.document.described_data import read as read_described
from connector.exchange.contracts.document.render import NamesFor, itself
from connector.exchange.contracts.document.second_seal import SecondKeysFor, nobody
from connector.exchange.contracts.model import Agreement, NegotiationRow
from connector.exchange.contracts.negotiation.decide import DecideNegotiation, ReceivedMessage
from connector.exchange.contracts.negotiation.late_countersignature import LateCountersignatures
from connector.exchange.contracts.negotiation.send import NegotiationSender
from connector.exchange.contracts.partner import Partner
from connector.foundation.errors import Mistake, PeerError, Unknown
from connector.foundation.ids import new_id
from connector.foundation.language.reasons import Reason, because, from_the_wire, plain
from connector.foundation.settings.sections import Quota
from connector.foundation.storage.database import Tx
from connector.identity.participants.lifecycle import require_active
from connector.identity.participants.quota import Quotas
from connector.identity.participants.service import Participants
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.odrl.writing import with_members
from connector.kernel.protocol import messages as m
from connector.kernel.protocol import negotiation as kernel
from connector.kernel.protocol.effects import Illegal, Problem
from connector.kernel.protocol.negotiation import Kind, Negotiation, Step
from connector.kernel.protocol.process import Role

SHORTEST = 8
"""Hex digits of the terms' digest that a person has to name at least."""
QUOTA = 1000
"""Open negotiations that one peer may have with one participant (threat T36)."""


class Reply(msgspec.Struct, frozen=True):
    """What a handler answers: the negotiation as it stands now, and whether it is new."""

    case: NegotiationRow
    created: bool = False


class Contracts:
    """Negotiations and agreements of all participants; every method names the participant."""

    def __init__(
        self,
        participants: Participants,
        catalogue: Catalogue,
        engine: PolicyEngine,
        decide: Callable[[NegotiationSender], DecideNegotiation],
        lines: Lines = NOBODY,
        patience_ms: int = PATIENCE_MS,
        second_keys: SecondKeysFor = nobody,
        name_of: NamesFor = itself,
        quotas: Quotas | None = None,
        *,
        approvals: Approvals,
    ) -> None:
        """`name_of` is what the trust list calls a DID: so contracts name the parties."""
        self._participants, self._catalogue = participants, catalogue
        self._quotas = quotas or Quotas(Quota())
        self.agreements = Agreements(participants, catalogue, engine, lines, patience_ms, second_keys, name_of)
        self.sender = NegotiationSender(participants, self.agreements, approvals)
        self.countersigning = LateCountersignatures(self.agreements, self.sender)
        self.approvals, self.decide = approvals, decide(self.sender)
        self.named: dict[str, str] = {}
        """Pids that peers named in answers which are not booked yet (decision 0084), by our own: they hold already."""

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
        approval: Approval | None = None,
        replaces: str | None = None,
        described: Described | None = None,
        title: str = "",
    ) -> NegotiationRow:
        """As consumer: ask for an offer as it stands in the provider's catalogue; `approval`: of whoever asks.

        `replaces` is the id or UUID of an agreement of ours about the same data that the new one takes the place of.
        `described` is how the catalogue describes the dataset; without it a person has to read the contract before it
        is sealed.
        """
        require_active(tx, slug)
        policy = {**offer, "@type": "Offer", "target": dataset}
        self.agreements.deal(policy)
        case = _opened(
            tx,
            slug,
            partner,
            kernel.start(Role.CONSUMER),
            dataset,
            policy,
            purpose=purpose,
            action=action,
            title=title,
        )
        old = None if replaces is None else self.agreements.to_replace(tx, slug, replaces, partner.did, dataset)
        by = None if approval is None else approval.said_by(tx.actor)
        case = self.sender.request(tx, replace(case, approval=by, replaces=old))
        self.agreements.keep(tx, case, () if described is None else kept(described))
        return case

    def propose(self, tx: Tx, slug: str, partner: Partner, offer_id: str) -> NegotiationRow:
        """As provider: offer a published dataset to a member who has not asked; raises Unknown for no such offer."""
        require_active(tx, slug)
        offer, dataset = self._catalogue.published(tx, slug, partner.requester, offer_id)
        case = _opened(
            tx,
            slug,
            partner,
            kernel.start(Role.PROVIDER),
            offer.dataset,
            offer.for_message(),
            proposed=True,
            title=dataset.title,
        )
        return self.sender.propose(tx, case)

    def accept(
        self, tx: Tx, slug: str, case_id: str, terms: str, *, unworded: bool = False, approval: Approval | None = None
    ) -> NegotiationRow:
        """As consumer: take the offer that lies before us; raises Mistake if none does.

        `terms` begins the digest of what the person has read. What cannot be said in full sentences is taken only
        `unworded`. `approval` says who the person is. Mistake too where one person may not decide that alone.
        """

        def said(tx: Tx, case: NegotiationRow) -> NegotiationRow:
            self.approvals.rules.require_alone(tx, slug, "offer", "")
            if len(terms) < SHORTEST or not self.agreements.deal(case.policy).startswith(terms):
                raise Mistake("contracts.other-terms")
            if not unworded and not self.agreements.worded(case.policy):
                raise Mistake("contracts.unworded")
            return self.sender.accept(
                tx, case if approval is None else replace(case, approval=approval.said_by(tx.actor))
            )

        return self._decided(tx, slug, case_id, said)

    def looked_at(self, tx: Tx, slug: str, case_id: str, described: Described) -> Described | None:
        """As consumer: how the data of an offer that nobody asked for are described, as of the first look at it.

        What is kept here is what people are shown, and what the contract may then say of the data unread.
        """
        case = self._own(tx, slug, case_id)
        if case.kernel.role is Role.CONSUMER and case.proposed and case.kernel.state is kernel.State.OFFERED:
            self.agreements.keep(tx, case, kept(described))
        return self.described(tx, case)

    def described(self, tx: Tx, case: NegotiationRow) -> Described | None:
        """How the catalogue described the data when somebody of ours looked; None if nobody has."""
        found = object_store.objects(tx, case.participant, case.id, NAME)
        return read_described(found.get(NAME))

    def counter(self, tx: Tx, slug: str, case_id: str, policy: dict[str, Any]) -> NegotiationRow:
        """As consumer: answer an offer with other terms on the same dataset; raises Mistake if none lies before us."""

        def said(tx: Tx, case: NegotiationRow) -> NegotiationRow:
            self.approvals.rules.require_alone(tx, slug, "offer", "")
            given = {"@id": policy.get("@id", case.offer), "@type": "Offer", "target": case.dataset}
            terms = with_members(policy, given)
            self.agreements.deal(terms)
            return self.sender.counter(tx, case, terms)

        return self._decided(tx, slug, case_id, said)

    def terminate(self, tx: Tx, slug: str, case_id: str, code: str, reason: Reason) -> NegotiationRow:
        """End a negotiation in our name; raises Mistake if it has ended already."""
        case = self._own(tx, slug, case_id)
        try:
            return self.sender.terminate(tx, case, code, reason)
        except Illegal as illegal:
            raise Mistake("contracts.ended", state=case.shown) from illegal

    def after_move(self, tx: Tx, slug: str) -> int:
        """The participant has come here from another provider: what nobody can seal under its new DID ends with a
        reason, and its partners may ask anew. How many ended.

        What is in force stays so, and so does what both have sealed: nothing but FINALIZED is missing there.
        """
        ended = 0
        for case_id in store.unsettled(tx, slug):
            case = self._own(tx, slug, case_id)
            agreement = None if case.agreement is None else store.agreement(tx, slug, case.agreement)
            sealed = case.kernel.role is Role.CONSUMER and case.kernel.state is kernel.State.VERIFIED
            over = case.kernel.state in kernel.TERMINAL or kernel.terminating(case.kernel)
            if not over and not sealed and not (agreement is not None and agreement.concluded):
                self.sender.terminate(tx, case, "moved", because("succession.ended"))
                ended += 1
        return ended

    # What a peer tells us

    def receive_request(
        self, tx: Tx, slug: str, partner: Partner, message: m.ContractRequestMessage, digest_: str
    ) -> Reply:
        """A first request: taken if the offer may be seen, then agreed, answered with our terms, or terminated."""
        known, unsettled = self._begun(tx, slug, Role.PROVIDER, partner.did, message.consumer_pid)
        if known is not None:
            return Reply(known)
        require_active(tx, slug)
        self._within_quota(tx, slug, partner, unsettled)
        offer, dataset = self._catalogue.requested(tx, slug, partner.requester, message.offer)
        terms = self.agreements.deal(message.offer)
        _named(message)
        step = kernel.received(kernel.start(Role.PROVIDER), Kind.REQUEST, message.id, digest_, message.consumer_pid)
        case = _opened(
            tx,
            slug,
            partner,
            step.negotiation,
            dataset.id,
            with_members(message.offer, {"@id": offer.id}),
            purpose=message.purpose,
            action=message.action,
            address=str(message.callback_address),
            title=dataset.title,
        )
        old = self.agreements.replaceable(tx, slug, message.replaces, partner.did, dataset.id)
        turn = ReceivedMessage(partner, message, published=(offer, dataset), terms=terms)
        return self._taken_up(tx, replace(case, replaces=old), step, turn)

    def receive_offer(
        self, tx: Tx, slug: str, partner: Partner, message: m.ContractOfferMessage, digest_: str
    ) -> Reply:
        """A first offer that nobody asked for: it is kept, and a person decides."""
        known, unsettled = self._begun(tx, slug, Role.CONSUMER, partner.did, message.provider_pid)
        if known is not None:
            return Reply(known)
        require_active(tx, slug)
        self._within_quota(tx, slug, partner, unsettled)
        self.agreements.deal(message.offer)
        step = kernel.received(kernel.start(Role.CONSUMER), Kind.OFFER, message.id, digest_, message.provider_pid)
        case = _opened(
            tx,
            slug,
            partner,
            step.negotiation,
            str(message.offer["target"]),
            message.offer,
            address=str(message.callback_address),
            proposed=True,
        )
        return self._taken_up(tx, case, step, ReceivedMessage(partner, message))

    def receive(
        self, tx: Tx, slug: str, partner: Partner, case_id: str, message: msgspec.Struct, digest_: str
    ) -> Reply:
        """Any further message about a negotiation of ours with this peer."""
        before, agreement = self._with_agreement(tx, slug, case_id, partner.did)
        step = _step(before, kernel.kind_of(message), message, digest_, self.named.get(case_id))
        if step.repeated:
            return Reply(before)
        if _goes_on_with(before, partner, message):
            before = store.follow(tx, before, partner.did)
        if isinstance(message, m.ContractRequestMessage | m.ContractOfferMessage):
            self._quotas.begin(tx, slug, partner.did)
        case = replace(before, kernel=step.negotiation, standing=None)
        match message:
            case m.ContractRequestMessage() | m.ContractOfferMessage():
                case = self._take_terms(case, message)
            case m.ContractAgreementMessage():
                agreement = self.agreements.take(tx, case, message)
                case = replace(case, agreement=agreement.id)
            case m.ContractNegotiationTerminationMessage():
                case = self._take_termination(tx, case, message)
            case m.ContractNegotiationEventMessage(event_type="FINALIZED", evidence=evidence):
                self.agreements.finalize(tx, case, agreement, evidence or "")
            case _:
                pass
        case = replace(case, states=store.gone_through(case))
        self.sender.commit(tx, case, step.effects)
        after = self.decide.after(tx, case, ReceivedMessage(partner, message, before, agreement=agreement))
        return Reply(after if after.version != before.version else store.save_case(tx, after))

    # What became of our messages

    def hold(self, tx: Tx, slug: str, case_ids: Collection[str]) -> None:
        """Nobody else changes these until the unit ends; first of all, before their rows in the outbox are touched."""
        store.hold(tx, slug, case_ids)

    def acked(self, tx: Tx, slug: str, case_id: str, sent_id: str, peer_pid: str | None) -> None:
        """The peer answered 2xx to this row; the caller holds the negotiation."""
        found = store.case_with_agreement(tx, slug, case_id, held=True)
        if found is None:
            return
        case, agreement = found
        step = kernel.acked(case.kernel, sent_id, peer_pid)
        if step.negotiation == case.kernel:
            return
        case = replace(case, kernel=step.negotiation, standing=None)
        if step.negotiation.state is kernel.State.FINALIZED:
            self.agreements.finalize(tx, case, agreement)
        elif step.negotiation.state is kernel.State.TERMINATED:
            self.agreements.close(tx, case)
        case = store.save_case(tx, case)
        self.sender.commit(tx, case, step.effects)
        self.decide.after(tx, case, None)

    def refused(self, tx: Tx, slug: str, case_id: str, sent_id: str, problem: Problem, reason: Reason) -> None:
        """The peer finally said no to this row."""
        case = store.case(tx, slug, case_id, lock=True)
        if case is None:
            return
        said, step = case.kernel.pending, kernel.refused(case.kernel, sent_id, problem)
        if step.negotiation == case.kernel:
            return
        case = replace(
            case,
            kernel=step.negotiation,
            reason=reason or case.reason,
            policy=case.standing or case.policy,
            standing=None,
        )
        if step.negotiation.state is kernel.State.TERMINATED:
            self.agreements.close(tx, case)
        elif said is not None and said.kind is Kind.FINALIZE:
            self.agreements.take_back(tx, case)
        store.save_case(tx, case)
        self.sender.record(tx, case, DECISION, {"refused": problem.status, "code": problem.code})
        self.sender.commit(tx, case, step.effects)

    # Reading

    def get(self, tx: Tx, slug: str, case_id: str, counterparty: str | None = None) -> NegotiationRow:
        among = None if counterparty is None else self.agreements.names(tx, counterparty)
        case = store.case(tx, slug, case_id, among)
        if case is None:
            raise Unknown("contracts.unknown", id=case_id[:200])
        return case

    def all(self, tx: Tx, slug: str) -> list[NegotiationRow]:
        """The 100 negotiations that changed last."""
        return titles.named(tx, slug, store.cases(tx, slug))

    def one(self, tx: Tx, slug: str, case_id: str) -> NegotiationRow:
        """As `all` has it: for people."""
        return titles.named(tx, slug, [self.get(tx, slug, case_id)])[0]

    def shown(self, tx: Tx, slug: str, case_id: str) -> tuple[NegotiationRow, Described | None]:
        """As `one` and `described`, in one statement."""
        found = store.case_with_object(tx, slug, case_id, NAME)
        if found is None:
            raise Unknown("contracts.unknown", id=case_id[:200])
        return titles.named(tx, slug, [found[0]])[0], read_described(found[1])

    def titles(self, tx: Tx, slug: str, agreements: Collection[str]) -> dict[str, str]:
        """What these agreements are about, in words, by their ids; empty where nobody told."""
        return titles.titles(tx, slug, agreements)

    # Steps inside a transaction

    def _own(self, tx: Tx, slug: str, case_id: str, did: str | None = None) -> NegotiationRow:
        among = None if did is None else self.agreements.names(tx, did)
        case = store.case(tx, slug, case_id, among, lock=True)
        if case is None:
            raise Unknown("contracts.unknown", id=case_id[:200])
        return case

    def _with_agreement(self, tx: Tx, slug: str, case_id: str, did: str) -> tuple[NegotiationRow, Agreement | None]:
        """As `_own`, and the agreement that came of it."""
        found = store.case_with_agreement(tx, slug, case_id, self.agreements.names(tx, did))
        if found is None:
            raise Unknown("contracts.unknown", id=case_id[:200])
        return found

    def _begun(self, tx: Tx, slug: str, role: Role, did: str, pid: str) -> store.Begun:
        """What this peer has begun, under its own DID or as it was called when it began; counted are its own."""
        own, *former = self.agreements.names(tx, did)
        found = store.begun(tx, slug, role, own, pid)
        if found.case is not None or not former:
            return found
        earlier = (store.begun(tx, slug, role, name, pid).case for name in former)
        return found._replace(case=next((one for one in earlier if one is not None), None))

    def _within_quota(self, tx: Tx, slug: str, partner: Partner, unsettled: int) -> None:
        if unsettled >= QUOTA:
            raise PeerError("contracts.quota", limit=QUOTA)
        self._quotas.begin(tx, slug, partner.did)

    def _taken_up(self, tx: Tx, case: NegotiationRow, step: Step, turn: ReceivedMessage) -> Reply:
        """Saved once, as it stands after our own word."""
        case = replace(case, states=store.gone_through(case))
        self.sender.commit(tx, case, step.effects)
        after = self.decide.after(tx, case, turn)
        return Reply(after if after.stored is not None else store.save_case(tx, after), created=True)

    def _decided(
        self, tx: Tx, slug: str, case_id: str, move: Callable[[Tx, NegotiationRow], NegotiationRow]
    ) -> NegotiationRow:
        case = self._own(tx, slug, case_id)
        if case.kernel.role is not Role.CONSUMER:
            raise Mistake("contracts.no-offer-here", state=case.shown)
        try:
            return move(tx, case)
        except Illegal as illegal:
            raise Mistake("contracts.no-offer-here", state=case.shown) from illegal

    def _take_terms(
        self, case: NegotiationRow, message: m.ContractRequestMessage | m.ContractOfferMessage
    ) -> NegotiationRow:
        """Other terms for the same dataset. A consumer's own id for them changes nothing about what is published."""
        if message.offer["target"] != case.dataset:
            raise PeerError("catalogue.other-target")
        self.agreements.deal(message.offer)
        if isinstance(message, m.ContractOfferMessage):
            return replace(case, policy=message.offer, offer=str(message.offer["@id"]))
        _named(message)
        policy = with_members(message.offer, {"@id": case.offer})
        return replace(
            case, policy=policy, purpose=message.purpose or case.purpose, action=message.action or case.action
        )

    def _take_termination(
        self, tx: Tx, case: NegotiationRow, message: m.ContractNegotiationTerminationMessage
    ) -> NegotiationRow:
        reason, code = from_the_wire(message.reason), plain(message.code or "", 200)
        self.agreements.close(tx, case)
        self.approvals.went_on(tx, case.participant, case.id)
        self.sender.record(tx, case, TERMINATION, {"by": "peer", "code": code, "reason": reason["de"]})
        return replace(case, reason=reason)


def _opened(
    tx: Tx,
    slug: str,
    partner: Partner,
    state: Negotiation,
    dataset: str,
    policy: dict[str, Any],
    *,
    purpose: str | None = None,
    action: str | None = None,
    address: str = "",
    proposed: bool = False,
    title: str = "",
) -> NegotiationRow:
    """The case as it begins, whoever began it; nothing is saved here.

    `address` is the peer's callback, else its base as its version document says.
    """
    return NegotiationRow(
        participant=slug,
        id=new_id(),
        counterparty=partner.did,
        address=(address or partner.base).rstrip("/"),
        kernel=state,
        version=1,
        dataset=dataset,
        offer=str(policy["@id"]),
        policy=policy,
        purpose=purpose,
        action=action,
        agreement=None,
        reason=None,
        created_at=tx.now,
        changed_at=tx.now,
        proposed=proposed,
        title=title,
        asked=False,
    )


def _goes_on_with(case: NegotiationRow, partner: Partner, message: msgspec.Struct) -> bool:
    """Whether the successor of a peer goes on in its own name: what is agreed from here on names whoever acts. An
    agreement that was drawn up before is the predecessor's."""
    drawn = isinstance(message, m.ContractAgreementMessage) and message.agreement.get("assigner") != partner.did
    return case.counterparty != partner.did and case.agreement is None and not drawn


def _named(message: m.ContractRequestMessage) -> None:
    """What the data are wanted for stands in the text that we seal: a sentence in its place would be sealed unread."""
    if not automatic_seal.named(message.purpose):
        raise PeerError("contracts.purpose")


def _step(case: NegotiationRow, kind: Kind, message: Any, digest_: str, named: str | None) -> Step:
    ours, theirs = message.provider_pid, message.consumer_pid
    mine, peers = (ours, theirs) if case.kernel.role is Role.PROVIDER else (theirs, ours)
    if mine != case.id:
        raise PeerError("contracts.pid")
    try:
        known = replace(case.kernel, peer_pid=case.kernel.peer_pid or named)
        return kernel.received(known, kind, message.id, digest_, peers)
    except Illegal as illegal:
        raise PeerError("contracts.illegal", kind=str(kind), state=case.shown, why=illegal.code) from illegal
