"""The system's diagram: every slice of one process, put together from the bottom up by plain calls.

Who knows whom is read here and nowhere else: a slice is given what lies below it, and nothing is handed in later. What
`ports` may be otherwise is in `app/ports.py`; what the slices do in the background, in `app/schedule.py`.
"""

import os
import socket

from msgspec import Struct

from connector.app.policy_engine import lists, policy_engine
from connector.app.ports import PRODUCTION, More, Ports
from connector.app.schedule import Schedule, schedule
from connector.continuity.offboarding import assemble as offboarding_slice
from connector.continuity.offboarding.assemble import OffboardingSlice
from connector.continuity.offboarding.delete import authority_of
from connector.continuity.privacy.jobs import RetentionJobs
from connector.data.approvals import assemble as approval_slice
from connector.data.approvals.assemble import ApprovalSlice
from connector.data.approvals.departed import Departures
from connector.data.approvals.rules import ApprovalRules
from connector.data.catalogue import assemble as catalogue_slice
from connector.data.catalogue.assemble import CatalogueSlice
from connector.data.catalogue.snapshots import assemble as public_slice
from connector.data.catalogue.snapshots.assemble import PublicSlice
from connector.data.drafts import assemble as draft_slice
from connector.data.drafts import store as draft_store
from connector.data.drafts.assemble import DraftSlice
from connector.data.federation import assemble as federation_slice
from connector.data.federation.assemble import FederationSlice
from connector.data.harvest import assemble as harvest_slice
from connector.data.harvest import waiting
from connector.data.harvest.assemble import HarvestSlice
from connector.data.harvest.supply import ImportedDatasets
from connector.dataspace.spaces import assemble as space_slice
from connector.dataspace.spaces.assemble import SpaceSlice
from connector.dataspace.spaces.keeping.departed import SpaceDepartures
from connector.dataspace.witness import assemble as witness_slice
from connector.dataspace.witness.assemble import WitnessSlice
from connector.exchange.contracts import assemble as contract_slice
from connector.exchange.contracts.assemble import ContractSlice
from connector.exchange.contracts.document.translation import Translations
from connector.exchange.contracts.evidence.certificates import Certificates
from connector.exchange.contracts.evidence.service import Evidence
from connector.exchange.delivery import assemble as delivery_slice
from connector.exchange.delivery.acks import Acks
from connector.exchange.delivery.circuit import Circuits
from connector.exchange.mandates import assemble as mandate_slice
from connector.exchange.mandates.assemble import MandateSlice
from connector.exchange.transfer import assemble as transfer_slice
from connector.exchange.transfer.assemble import TransferSlice
from connector.exchange.transfer.plane.assemble import DataPlane
from connector.foundation.clock import Clock
from connector.foundation.ids import new_uuid
from connector.foundation.settings import load as conf
from connector.foundation.settings.load import Settings
from connector.foundation.telemetry import Metrics
from connector.identity.accounts import assemble as account_slice
from connector.identity.accounts.assemble import AccountSlice
from connector.identity.accounts.directory import Directory
from connector.identity.infra import Infra
from connector.identity.participants.quota import Quotas, counted
from connector.identity.participants.service import Participants
from connector.identity.trust import assemble as trust_slice
from connector.identity.trust.assemble import TrustSlice
from connector.identity.trust.development.space import DevelopmentSpace
from connector.identity.trust.keys.vault import Vault
from connector.identity.trust.members.roster import CurrentMembers
from connector.identity.trust.signers.registry import SignerRegistry
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.extension import PLAIN, Extension
from connector.oversight.notifications import assemble as notification_slice
from connector.oversight.notifications.assemble import NotificationSlice
from connector.oversight.operation import assemble as operation_slice
from connector.oversight.operation.assemble import OperationSlice
from connector.surfaces.peer.addresses import Addresses
from connector.surfaces.peer.client.client import PeerClient
from connector.surfaces.peer.evidence.reconcile import asking
from connector.surfaces.peer.routes import Authenticate
from connector.surfaces.peer.tokens import SeenTokens
from connector.surfaces.requests.work import RequestWork, request_work


class Services(Struct, frozen=True, kw_only=True, eq=False, weakref=True):
    """Everything that one process is made of from its start, in the order in which it is put together; what it is made
    of beside that once somebody asks is in `app/on_demand.py`."""

    infra: Infra
    engine: PolicyEngine
    space: DevelopmentSpace | None
    participants: Participants
    accounts: AccountSlice
    trust: TrustSlice
    quotas: Quotas
    addresses: Addresses
    peer: PeerClient
    authenticate: Authenticate
    seen: SeenTokens
    witness: WitnessSlice
    catalogue: CatalogueSlice
    federation: FederationSlice
    public: PublicSlice
    harvest: HarvestSlice
    approvals: ApprovalSlice
    drafts: DraftSlice
    spaces: SpaceSlice
    contracts: ContractSlice
    mandates: MandateSlice
    evidence: Evidence
    transfers: TransferSlice
    plane: DataPlane
    circuits: Circuits
    retention: RetentionJobs
    operation: OperationSlice
    notifications: NotificationSlice
    offboarding: OffboardingSlice
    requests: RequestWork
    more: More
    schedule: Schedule


def build(settings: Settings, clock: Clock, extension: Extension = PLAIN, ports: Ports = PRODUCTION) -> Services:
    """Opens and starts nothing; `extension` is what plug-ins bring."""
    infra, engine = _infra(settings, clock, ports), policy_engine(extension)
    signers = SignerRegistry.of(settings.signers, infra.http)

    # Who we are, whom we believe, and how we speak to others
    space = None if (folder := settings.development.folder) is None else DevelopmentSpace(folder, clock)
    listing = space if space is not None and space.made(settings.trust.list_file) else None
    participants = _participants(infra, space, signers)
    accounts = account_slice.assemble(
        infra,
        participants,
        Departures(participants, draft_store.forget_author, waiting.forget_author),
        SpaceDepartures(participants),
    )
    trust = trust_slice.assemble(settings.trust, infra.db, clock, infra.http, participants.document, ports.anchor)
    members, anchor = trust.members, trust.anchor

    def operator(slug: str, did: str) -> str:
        return members.operator_of(did, participants.held(slug).participant.did)

    quotas = Quotas(settings.quota, operator, clock, counted(infra.metrics))
    addresses = Addresses(infra.http, clock, members.vouched)
    peer = ports.peer(infra, participants, trust, addresses)
    claims = CurrentMembers(anchor, trust.resolver.on_hold, participants.groups)

    # From publishing to evidence
    witness = witness_slice.assemble(infra, participants, anchor)
    rules = ApprovalRules(participants, Directory())
    catalogue = catalogue_slice.assemble(
        infra, participants, engine, ImportedDatasets(), claims, rules, ports.kinds(settings)
    )
    federation = federation_slice.assemble(infra, participants, anchor, trust.held, peer)
    public = public_slice.assemble(infra, participants, catalogue.service.public, [ImportedDatasets()])
    approvals = approval_slice.assemble(participants, catalogue.service, rules, Directory())
    harvest = harvest_slice.assemble(infra, participants, approvals.imports)
    spaces = space_slice.assemble(infra, participants, trust, Directory(), signers, witness.keys, approvals.widening)
    federation.lists.listen(spaces.alarms.unshown)
    drafts = draft_slice.assemble(infra, participants, catalogue, approvals)
    contracts = contract_slice.assemble(
        infra,
        participants,
        catalogue.service,
        engine,
        members=members,
        lines=anchor,
        seal_roots=trust.seal_roots,
        peer=peer,
        quotas=quotas,
        approvals=approvals.service,
        decide=ports.negotiating,
    )
    mandates = mandate_slice.assemble(infra, participants)
    evidence = _evidence(infra, participants, engine, trust, witness)
    transfers = transfer_slice.assemble(
        infra,
        participants,
        contracts.service,
        engine,
        claims=claims,
        closure_of=lists().closure_of,
        quotas=quotas,
        decide=ports.transferring,
    )
    plane = ports.plane(infra, transfers.access, transfers.reports, catalogue.sources)
    circuits, acks = Circuits(), Acks(infra.db, clock)
    delivery = delivery_slice.assemble(infra, participants, peer, circuits, acks, contracts.service, transfers.service)

    # What becomes of it in time, and what operators see
    retention = _retention(infra, participants, contracts, trust, peer)
    operation = operation_slice.assemble(
        infra,
        participants,
        trust,
        listing,
        witness_keys=witness.keys,
        evidence=evidence,
        enforcement=transfers.enforcement,
    )
    notifications = notification_slice.assemble(
        infra,
        participants,
        approvals.service,
        contracts.service,
        transfers.duties,
        members.name_of,
        lambda: conf.web_origin(settings),
    )
    offboarding = offboarding_slice.assemble(
        infra,
        participants,
        contracts.service,
        contracts.terminations,
        transfers.service,
        catalogue.service,
        folders=(settings.data.files, settings.data.received, settings.folder / "log"),
        struck=authority_of(listing, anchor.home or anchor, trust.listing, clock),
        periods=retention.unexpired,
    )
    requests = request_work(infra, participants, contracts.service, transfers.service, plane.local, peer)
    more = ports.more(infra, catalogue, contracts, transfers)
    works = (
        accounts.work,
        operation.work,
        retention.work(),
        witness.work,
        catalogue.work,
        public.work,
        harvest.work,
        federation.work,
        approvals.work,
        drafts.work,
        spaces.work,
        contracts.work,
        mandates.work,
        transfers.work,
        plane.work,
        delivery,
        offboarding.work,
        requests.work,
        notifications.work,
        more.work,
    )
    return Services(
        infra=infra,
        engine=engine,
        space=space,
        participants=participants,
        accounts=accounts,
        trust=trust,
        quotas=quotas,
        addresses=addresses,
        peer=peer,
        authenticate=ports.authenticate(infra, participants, trust),
        seen=SeenTokens(infra.db, clock),
        witness=witness,
        catalogue=catalogue,
        public=public,
        harvest=harvest,
        federation=federation,
        approvals=approvals,
        drafts=drafts,
        spaces=spaces,
        contracts=contracts,
        mandates=mandates,
        evidence=evidence,
        transfers=transfers,
        plane=plane,
        circuits=circuits,
        retention=retention,
        operation=operation,
        notifications=notifications,
        offboarding=offboarding,
        requests=requests,
        more=more,
        schedule=schedule(infra, works, circuits, acks, operation.monitoring.failed),
    )


def _infra(settings: Settings, clock: Clock, ports: Ports) -> Infra:
    return Infra(
        settings=settings,
        clock=clock,
        db=ports.database(settings, clock),
        http=ports.outbound(settings),
        vault=Vault(conf.master_key(settings)),
        metrics=Metrics(),
        me=f"{socket.gethostname()}:{os.getpid()}:{new_uuid()[:8]}",
    )


def _participants(infra: Infra, space: DevelopmentSpace | None, registry: SignerRegistry) -> Participants:
    """In a development space their seal certificates are issued at once."""
    issue = None if space is None else space.seal
    return Participants(
        infra.db, infra.vault, conf.public_url(infra.settings), issue, registry, pq=infra.settings.signers.pq
    )


def _evidence(
    infra: Infra, participants: Participants, engine: PolicyEngine, trust: TrustSlice, witness: WitnessSlice
) -> Evidence:
    """The list in force and the word of witnesses go into every bundle."""
    return Evidence(
        infra.db,
        infra.clock,
        participants,
        trust.anchor.jws_for,
        witness.witnesses,
        Translations(engine, trust.members.name_of),
        Certificates.of(infra.settings, infra.clock, trust.seal_roots),
    )


def _retention(
    infra: Infra, participants: Participants, contracts: ContractSlice, trust: TrustSlice, peer: PeerClient
) -> RetentionJobs:
    """Nothing is erased while the list says that the clock may be wrong."""
    return RetentionJobs(
        infra.db,
        infra.clock,
        participants,
        contracts.service.agreements,
        infra.settings.retention,
        asking(peer),
        trust.members.log_keys,
        trust.anchor.fresh,
    )
