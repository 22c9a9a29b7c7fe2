"""Decides our next message after each change of a negotiation's state: the one place where Hanse negotiates.

Asked in the transaction that brought the negotiation there; seals are checked and made in it, too, as far as nothing
has to be fetched for that (decision 0083). A provider decides by the policy as it is published now,
agrees to terms that are provably no wider (decision 0024), and answers a request for others once, with its own; a
consumer accepts what it asked for and asks a person about anything else (decision 0012).
"""

from typing import Protocol, assert_never

import msgspec
from msgspec.structs import replace

from connector.data.approvals.service import Asked
from connector.data.catalogue.model import Dataset, Offer
from connector.data.catalogue.service import Catalogue
from connector.exchange.contracts import store
from connector.exchange.contracts.agreement.log_records import DECISION
from connector.exchange.contracts.document import automatic_seal, draft, second_seal
from connector.exchange.contracts.model import Agreement, NegotiationRow
from connector.exchange.contracts.negotiation.late_countersignature import AT_ONCE
from connector.exchange.contracts.negotiation.send import NegotiationSender
from connector.exchange.contracts.negotiation.who_agreed import by
from connector.exchange.contracts.partner import Partner
from connector.exchange.effects import SETTLING_MS
from connector.foundation.errors import Unknown
from connector.foundation.language.reasons import Reason, because
from connector.foundation.storage.database import Tx
from connector.kernel.dialects.policies import edc
from connector.kernel.policy.conflict.model import Narrowing
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.odrl.model import PolicyError
from connector.kernel.policy.odrl.names import member
from connector.kernel.protocol import messages as m
from connector.kernel.protocol.negotiation import State
from connector.kernel.protocol.process import Role

CHECK = "check-countersignature"
"""Errand of the provider: check what the consumer says is its seal."""


class ReceivedMessage(msgspec.Struct, frozen=True):
    """What the peer just said: who it is, the message, and the case before it (None: it is the first message).

    `published` and `agreement` are what taking the message has read or saved already in this transaction, `terms` is
    the digest of the case's if that was asked for.
    """

    partner: Partner
    message: msgspec.Struct
    before: NegotiationRow | None = None
    published: tuple[Offer, Dataset] | None = None
    agreement: Agreement | None = None
    terms: str = ""


class DecideNegotiation(Protocol):
    def after(self, tx: Tx, case: NegotiationRow, turn: ReceivedMessage | None) -> NegotiationRow:
        """The negotiation reached `case.kernel.state`, by the peer's word, or (no `turn`) by its answer to ours.

        A `case` with another version in what comes back is saved; else whoever asked saves what came back.
        """


class SealsAtOnce(Protocol):
    """Whoever checks and makes seals in the transaction that took the message (`signing/countersign`).

    None: something has to be fetched, or a key lies elsewhere; nothing is booked, and an errand has to do it.
    """

    def countersign(self, tx: Tx, case: NegotiationRow, agreement: Agreement | None) -> NegotiationRow | None:
        """As consumer in AGREED: our countersignature under what the provider sealed."""

    def check_countersignature(
        self, tx: Tx, case: NegotiationRow, agreement: Agreement | None, claimed: str
    ) -> NegotiationRow | None:
        """As provider in VERIFIED: what the consumer says is its seal; empty if it gave none."""


class NegotiationDecider:
    """What a real connector says next: everything that needs no person happens at once."""

    def __init__(
        self, sender: NegotiationSender, catalogue: Catalogue, engine: PolicyEngine, seals: SealsAtOnce
    ) -> None:
        self._sender, self._catalogue, self._engine, self._seals = sender, catalogue, engine, seals

    def after(self, tx: Tx, case: NegotiationRow, turn: ReceivedMessage | None) -> NegotiationRow:
        state = case.kernel.state
        if turn is None or state is None:
            return case
        if case.kernel.role is Role.PROVIDER:
            return self._provides(tx, case, turn, state)
        return self._consumes(tx, case, turn, state)

    def _provides(self, tx: Tx, case: NegotiationRow, turn: ReceivedMessage, state: State) -> NegotiationRow:
        match state:
            case State.REQUESTED | State.ACCEPTED:
                return self._decide(tx, case, turn.partner, first=turn.before is None, turn=turn)
            case State.VERIFIED:
                assert isinstance(turn.message, m.ContractAgreementVerificationMessage)
                seal = turn.message.agreement_signature or ""
                second = second_seal.claimed("consumer", turn.message.second_signature)
                self._sender.agreements.keep(tx, case, second)
                done = self._seals.check_countersignature(tx, case, turn.agreement, seal)
                if done is not None:
                    return done
                self._sender.errand(tx, case, CHECK, seal=seal)
            case State.OFFERED | State.AGREED | State.FINALIZED | State.TERMINATED:
                pass  # the next word is the consumer's, or none
            case _:
                assert_never(state)
        return case

    def _consumes(self, tx: Tx, case: NegotiationRow, turn: ReceivedMessage, state: State) -> NegotiationRow:
        match state:
            case State.OFFERED:
                return self._offered(tx, case, turn)
            case State.AGREED:
                return self._agreed(tx, case, turn.agreement)
            case State.REQUESTED | State.ACCEPTED | State.VERIFIED | State.FINALIZED | State.TERMINATED:
                pass  # the next word is the provider's, or none
            case _:
                assert_never(state)
        return case

    def _agreed(self, tx: Tx, case: NegotiationRow, agreement: Agreement | None) -> NegotiationRow:
        """What we asked for is sealed by the other side: our own seal waits for those who have to agree to it.

        The agreement says the terms of the case; else it would not have been taken.
        """
        terms = self._engine.digest(case.policy if agreement is None else agreement.document)
        if self._sender.may_seal(tx, case, terms):
            done = self._seals.countersign(tx, case, agreement)
            if done is not None:
                return done
            self._sender.errand(tx, case, AT_ONCE)
        return case

    def _decide(
        self, tx: Tx, case: NegotiationRow, partner: Partner, *, first: bool, turn: ReceivedMessage | None = None
    ) -> NegotiationRow:
        """By the offer as it is published now; a request for other terms gets ours, but only once."""
        try:
            offer, dataset = (turn and turn.published) or self._catalogue.published(
                tx, case.participant, partner.requester, case.offer
            )
        except Unknown:
            return self._sender.terminate(tx, case, "offer", because("contracts.offer-gone"))
        plan = self._engine.plan(offer.policy)
        decision = self._engine.decide(
            plan, partner.requester, "negotiation", tx.now, purpose=case.purpose, action=case.action
        )
        asked = (turn and turn.terms) or self._sender.agreements.deal(case.policy)
        # Computed now: the digest kept with an offer is that of the operands that were known when it was published.
        current = plan.deal
        known = asked == current or asked == self._engine.digest(edc.echo(offer.policy))
        published = known and self._unchanged(case, offer)
        narrowing = None if published or not decision.permit else self._narrowing(tx, case, partner, offer)
        case = replace(case, deferred=decision.deferred)
        record = {**self._engine.record(decision), "deferred": list(decision.deferred), "offer": offer.id}
        self._sender.record(tx, case, DECISION, {**record, **_told(narrowing)})
        if not decision.permit:
            due_at = tx.now + SETTLING_MS if first else None
            return self._sender.terminate(tx, case, "policy", self._engine.reasons(decision), due_at=due_at)
        if published:
            terms = case.policy if asked == current else offer.for_message()
            if not self._sender.agreements.worded(terms):  # a plug-in may have gone since it was published
                return self._sender.terminate(tx, case, "policy", because("contracts.not-understood"))
            return self._agree(tx, replace(case, policy=terms), partner, offer, dataset, current)
        if narrowing is not None and narrowing.compatible:
            return self._agree(tx, case, partner, offer, dataset, asked)
        if first:
            return self._sender.offer(tx, case, offer.for_message())
        return self._sender.terminate(tx, case, "policy", _because_of(narrowing))

    def approved(self, tx: Tx, case: NegotiationRow, partner: Partner) -> NegotiationRow:
        """Those who had to agree have; decided once more, by what is published and permitted now."""
        return self._decide(tx, case, partner, first=False)

    def _agree(
        self, tx: Tx, case: NegotiationRow, partner: Partner, offer: Offer, dataset: Dataset, terms: str
    ) -> NegotiationRow:
        """At once, or once all who have to agree have: until then the negotiation waits. `terms` is the digest of the
        case's."""
        held = self._sender.approvals.contract(
            tx,
            case.participant,
            Asked(
                subject="contract",
                title=dataset.title,
                dataset=dataset.id,
                template=str(offer.template.get("id", "")),
                process=case.id,
                counterparty=case.counterparty,
                terms=terms,
                personal=dataset.personal,
                dataset_version=dataset.version,
            ),
        )
        if held is not None and held.ballot.state != "approved":
            self._sender.ask(tx, case, "approval")
            return store.save_case(tx, case)
        return self._sender.agree(
            tx, case if held is None else replace(case, approval=by(held, case)), partner, offer, dataset
        )

    def _unchanged(self, case: NegotiationRow, offer: Offer) -> bool:
        """Whether we may seal the terms as they were written to us: the digest is blind to identifiers and classes, in
        which words could stand that nobody has read (threat T65)."""
        rules = draft.rules_of(case.policy)
        return rules == draft.rules_of(offer.policy) or not automatic_seal.unsaid(rules)

    def _narrowing(self, tx: Tx, case: NegotiationRow, partner: Partner, offer: Offer) -> Narrowing:
        """Whether the asked terms are within the offer, can be said completely, and permit something to this peer.

        They are looked at as the rules of the agreement that they would become.
        """
        try:
            terms = {**draft.rules_of(case.policy), "@type": "Agreement"}
            found = self._engine.narrower(offer.policy, terms)
            if not found.compatible:
                return found
            decision = self._engine.decide(
                terms, partner.requester, "negotiation", tx.now, purpose=case.purpose, action=case.action
            )
            plain = not any(NAMES & {member(name)} for name in case.policy if name not in NAMES)
            plain = plain and not automatic_seal.unsaid(terms)
        except PolicyError as fault:
            return Narrowing("unknown", "term", fault.pointer or "/")
        if not plain or not self._sender.agreements.worded(terms):
            return Narrowing("unknown", "term", "/")
        return found if decision.permit else Narrowing("unknown", "refused", "", self._engine.reasons(decision))

    def _offered(self, tx: Tx, case: NegotiationRow, turn: ReceivedMessage) -> NegotiationRow:
        """What we asked for ourselves is accepted; whatever else is offered is for a person to read."""
        deal = self._sender.agreements.deal
        if turn.before is not None and deal(case.policy) == deal(turn.before.policy):
            return self._sender.accept(tx, case)
        self._sender.ask(tx, case, "offered" if turn.before is not None else "proposed")
        asked = Asked(
            subject="offer",
            title=case.title,
            dataset=case.dataset,
            process=case.id,
            counterparty=case.counterparty,
            terms=deal(case.policy),
        )
        self._sender.approvals.contract(tx, case.participant, asked)
        return case


NAMES = frozenset({"target", "assigner", "assignee", "timestamp", "@id", "uid", "@context"})
"""Members of a deal, in whatever spelling: only we write them into an agreement."""


def _told(narrowing: Narrowing | None) -> dict[str, object]:
    """What the record of a decision says about other terms than the published ones."""
    if narrowing is None:
        return {}
    return {"terms": {"verdict": narrowing.verdict, "ground": narrowing.ground, "pointer": narrowing.pointer}}


def _because_of(narrowing: Narrowing | None) -> Reason:
    """Other terms, and which clause makes them wider."""
    said = because("contracts.other-policy")
    more = {} if narrowing is None else narrowing.reasons
    return {lang: [*sentences, *more.get(lang, [])] for lang, sentences in said.items()}
