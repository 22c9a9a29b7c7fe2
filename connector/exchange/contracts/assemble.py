"""Puts the slice together: negotiations and agreements, their seals, their ends, over what lies below."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from cryptography import x509
from msgspec import Struct

from connector.data.approvals.service import DECIDED, Approvals
from connector.data.catalogue.service import Catalogue
from connector.exchange.contracts.agreement import ending
from connector.exchange.contracts.agreement.succession import Lines, Successions
from connector.exchange.contracts.document import second_seal
from connector.exchange.contracts.negotiation.after_approval import AfterApproval, Agrees
from connector.exchange.contracts.negotiation.decide import CHECK, DecideNegotiation, NegotiationDecider, SealsAtOnce
from connector.exchange.contracts.negotiation.late_countersignature import AT_ONCE, HAND_IN, LATE
from connector.exchange.contracts.negotiation.send import NegotiationSender
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.contracts.partner import Partner
from connector.exchange.contracts.signing.countersign import AtOnce, Countersigner
from connector.exchange.contracts.signing.gather import Gatherer, Members, Partners
from connector.exchange.contracts.signing.late_delivery import LateDelivery
from connector.exchange.contracts.signing.provider_seal import ProviderSealer
from connector.exchange.contracts.termination import statement
from connector.exchange.contracts.termination.delivery import TerminationDelivery
from connector.exchange.contracts.termination.statement import Terminations
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.database import Database
from connector.foundation.storage.work import COUNTERSIGN
from connector.identity.infra import Infra
from connector.identity.jobs.work import Handler, Work
from connector.identity.participants.quota import Quotas
from connector.identity.participants.service import Participants
from connector.kernel.policy.engine import PolicyEngine

SUCCESSION_S = 60.0
Decide = Callable[[NegotiationSender, Catalogue, PolicyEngine, SealsAtOnce], DecideNegotiation]


class Peer(Partners, Protocol):
    """How contracts call other connectors, in the name of a participant."""

    async def post(self, slug: str, did: str, url: str, body: bytes) -> Answer: ...
    async def partner(self, slug: str, did: str) -> Partner: ...
    async def root(self, slug: str, did: str) -> str: ...
    async def hand_in(self, slug: str, did: str, url: str, seal: bytes, second: str = "") -> Answer: ...


class ContractSlice(Struct, frozen=True, kw_only=True):
    """`service` negotiates and keeps agreements; the others do what needs the network, a key, or time."""

    service: Contracts
    late_delivery: LateDelivery
    terminations: Terminations
    termination_delivery: TerminationDelivery
    work: Work


def assemble(
    infra: Infra,
    participants: Participants,
    catalogue: Catalogue,
    engine: PolicyEngine,
    *,
    members: Members,
    lines: Lines,
    seal_roots: Sequence[x509.Certificate],
    peer: Peer,
    quotas: Quotas,
    approvals: Approvals,
    decide: Decide = NegotiationDecider,
) -> ContractSlice:
    """`lines` say who follows whom, `seal_roots` are the authorities of seal certificates."""
    db, clock, settings = infra.db, infra.clock, infra.settings
    gatherer = Gatherer(db, participants, engine, peer, members, seal_roots)
    service = Contracts(
        participants,
        catalogue,
        engine,
        lambda sender: decide(sender, catalogue, engine, AtOnce(gatherer, sender)),
        lines,
        settings.contracts.countersign_days * 86_400_000,
        members.second_seal_keys,
        members.name_of,
        quotas,
        approvals=approvals,
    )
    countersigner = Countersigner(db, clock, gatherer, service.sender)
    late = LateDelivery(db, participants, service, countersigner, peer.hand_in, peer)
    terminations = Terminations(participants, service.agreements)
    delivery = TerminationDelivery(
        db, clock, participants, terminations, peer, peer.document, seal_roots, members.seal_certificates
    )
    work = Work(
        handlers={
            "seal": ProviderSealer(db, clock, participants, service, settings.signers).seal,
            AT_ONCE: countersigner.countersign,
            CHECK: countersigner.check_countersignature,
            LATE: late.countersign,
            HAND_IN: late.hand_in,
            statement.DELIVER: delivery.deliver,
            **_after_approval(db, service, peer),
        },
        timers={
            COUNTERSIGN: service.countersigning.deadline,
            ending.DUE: terminations.due,
            second_seal.DUE: service.agreements.records.second_sealed,
        },
        bounds={second_seal.DUE: second_seal.SELDOM_MS},
        every={"succession": (SUCCESSION_S, Successions(db, clock, participants, lines).book)},
    )
    return ContractSlice(
        service=service, late_delivery=late, terminations=terminations, termination_delivery=delivery, work=work
    )


def _after_approval(db: Database, service: Contracts, peer: Peer) -> Mapping[str, Handler]:
    """Only where somebody decides by what is published: a script in its place asks nobody."""
    decide = service.decide
    if not isinstance(decide, Agrees):
        return {}
    return {DECIDED: AfterApproval(db, service.sender, decide, peer.partner).decided}
