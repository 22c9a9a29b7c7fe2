"""Everything that one process is made of: plain constructor calls in dependency order.

Who knows whom is read here and nowhere else. What a test-only house has otherwise (who may call, how we call, what we
say next) are its methods to override; no setting reaches them.
"""

import os
import socket
import ssl
from collections.abc import Sequence

import structlog
from aiohttp import web
from cryptography import x509
from yarl import URL

from connector import clock as clocks
from connector.app.policy_engine import judge, lists
from connector.catalogue.service import Catalogue
from connector.catalogue.uploads import SWEEP_S, Bounds, Uploads
from connector.clock import Clock
from connector.contracts.agreement import ending
from connector.contracts.agreement.succession import Successions
from connector.contracts.document import second_seal
from connector.contracts.document.second_seal import SELDOM_MS
from connector.contracts.document.translation import Translations
from connector.contracts.evidence.certificates import Certificates
from connector.contracts.evidence.service import Evidence
from connector.contracts.negotiation.decide import DecideNegotiation, NegotiationDecider
from connector.contracts.negotiation.send import NegotiationSender
from connector.contracts.negotiation.service import Contracts
from connector.contracts.signing.countersign import Countersigner
from connector.contracts.signing.late_delivery import LateDelivery
from connector.contracts.signing.provider_seal import ProviderSealer
from connector.contracts.termination import statement
from connector.contracts.termination.delivery import TerminationDelivery
from connector.dataplane.gate import Gate
from connector.dataplane.receive.inbound import Inbound
from connector.dataplane.receive.inbound import receive as receive_data
from connector.dataplane.serve.stream import serve as serve_data
from connector.dataplane.sources.registered import Sources
from connector.dataplane.streams import Streams
from connector.delivery.circuit import Circuits
from connector.delivery.messages import Messages
from connector.delivery.worker import Worker
from connector.http import server
from connector.http.outbound import SafeClient
from connector.ids import new_uuid
from connector.jobs.background import Background
from connector.jobs.clock_watch import ClockWatch
from connector.jobs.scheduler import Jobs
from connector.jobs.work import Handler
from connector.offboarding.delete import authority_of, desks
from connector.operation import witness_status
from connector.operation.enrolment import Enrolment
from connector.operation.maintenance import Maintenance
from connector.operation.monitoring import Monitoring
from connector.operation.readiness import Readiness
from connector.operation.trust_changes import TrustChanges
from connector.participants.quota import Quotas
from connector.participants.service import Participants
from connector.peer import auth, data, routes
from connector.peer.addresses import Addresses
from connector.peer.claims import Claims
from connector.peer.client.client import PeerClient
from connector.peer.dsp.catalogue import CatalogueHandlers
from connector.peer.dsp.exchange import Exchange
from connector.peer.dsp.negotiations import NegotiationHandlers
from connector.peer.dsp.transfers import TransferHandlers
from connector.peer.evidence.log import LogHandlers
from connector.peer.evidence.objects import EvidenceHandlers
from connector.peer.evidence.reconcile import ReconcileHandlers, asking
from connector.peer.evidence.terminations import TerminationHandlers
from connector.peer.evidence.witness import WitnessHandlers
from connector.peer.identity import IdentityHandlers
from connector.peer.problems import problems
from connector.policy.extension import PLAIN, Extension
from connector.privacy.jobs import RetentionJobs
from connector.settings import load as conf
from connector.settings.load import Settings
from connector.storage import open_database
from connector.storage.effects import COUNTERSIGN, REVIEW
from connector.storage.probe import Probe
from connector.telemetry import Metrics
from connector.transfer.addresses import Reach
from connector.transfer.decide import DecideTransfer as TransferCourse
from connector.transfer.decide import TransferDecider
from connector.transfer.decision.decisions import TransferDecisions
from connector.transfer.decision.state_of_world import StatesOfWorld
from connector.transfer.duties import Duties
from connector.transfer.enforcement import Enforcement
from connector.transfer.plane.ports import Ports
from connector.transfer.plane.pull_errand import LocalPlane
from connector.transfer.plane.push_errand import Pusher
from connector.transfer.plane.reports import Reports
from connector.transfer.send import ADDRESS, ADDRESS_MS, EXPIRY
from connector.transfer.send import TransferSender as TransferMoves
from connector.transfer.service import Transfers
from connector.trust.clock_skew import Skews
from connector.trust.development.space import DevelopmentSpace
from connector.trust.did.resolver import Resolver
from connector.trust.keys.jwk import Jwk
from connector.trust.keys.vault import Vault
from connector.trust.members.members import Members
from connector.trust.members.roots import authority_key, seal_cas
from connector.trust.members.source import TrustListSource, checked_url
from connector.trust.members.trust_list import Anchor
from connector.trust.signers.registry import SignerRegistry
from connector.witness.ask import Witnesses
from connector.witness.keys import WitnessKeys
from connector.witness.timestamp_job import LOOK_S, TimestampJob

__all__ = ["Services", "judge", "lists"]

log = structlog.get_logger("app")
KEPT_LIST_S = 2.0
"""How long a list that another replica has seen may stay unseen here when its signal got lost."""


class Services:
    """Everything that one process is made of."""

    def __init__(self, settings: Settings, clock: Clock, extension: Extension = PLAIN) -> None:
        self.settings, self.clock = settings, clock
        self.me = f"{socket.gethostname()}:{os.getpid()}:{new_uuid()[:8]}"
        self.db = open_database(
            conf.database_url(settings), worker_url=settings.database.worker_url.reveal(), clock=clock
        )
        self.vault = Vault(conf.master_key(settings))
        seal_roots, authority = seal_cas(settings.trust.seal_ca_files), authority_key(settings.trust.authority_key_file)
        space = settings.development.folder
        self.space = None if space is None else DevelopmentSpace(space, clock)
        self.http = self.outbound()
        self.participants = self.directory()
        self.anchor = self.members(authority)
        self.known = Members(self.anchor, clock)
        self.listing = TrustListSource(
            self.db, self.anchor, self.http, settings.trust.list_file, checked_url(settings.trust.list_url, authority),
        )  # fmt: skip
        self.resolver = Resolver(
            self.http,
            clock,
            local=self.participants.document,
            vouched=self.anchor.pinned,
        )
        self.skews, self.addresses = Skews(clock), Addresses(self.http, clock, self.known.operator_of)
        self.judge = judge(extension)
        self.metrics = Metrics()
        self.watch = ClockWatch(self.db, clock, self.metrics, {ADDRESS: ADDRESS_MS, second_seal.DUE: SELDOM_MS})
        self.quotas = Quotas(settings.quota, self.known.operator_of, clock, self._over_quota)
        self.catalogue = Catalogue(self.participants, self.judge, self.vault.derive("cursor"))
        self.contracts = Contracts(
            self.participants, self.catalogue, self.judge, self.negotiating, self.anchor,
            settings.contracts.countersign_days * 86_400_000, self.known.second_seal_keys, self.known.name_of,
            self.quotas,
        )  # fmt: skip
        claims = Claims(self.anchor, self.resolver.on_hold)
        clock_state = clocks.state if self.db.dialect == "sqlite" else lambda: ""  # PostgreSQL has a clock of its own
        states = StatesOfWorld(self.participants, self.contracts.agreements, self.judge, claims, clock_state)
        self.decisions = TransferDecisions(self.judge, states, self.contracts.agreements, lists().closure_of)
        self.transfers = Transfers(
            self.participants, self.contracts, self.decisions, self.vault, self.reach(), self.transferring, self.quotas
        )
        self.reports = Reports(self.contracts.agreements, self.transfers.sender, self.decisions)
        self.enforcement = Enforcement(self.contracts.agreements, self.transfers.sender, self.decisions)
        self.duties = Duties(
            self.participants, self.contracts.agreements, self.judge, states, self.decisions, self.enforcement
        )  # fmt: skip
        self.monitoring = Monitoring(self.db, clock, self.participants, self.metrics, settings.peer.tls_cert_file)
        self.witness_keys = WitnessKeys(self.db, self.vault, f"{conf.public_url(settings)}/witness")
        self.enrolment = Enrolment(
            self.space, self.participants, self.listing, self.anchor, self.witness_keys, settings.witness.operator
        )  # fmt: skip
        self.witnesses = Witnesses(
            self.db, clock, self.participants, self.anchor, self.http, settings.witness, self.witness_keys.name,
            settings.folder / "log", self.metrics,
        )  # fmt: skip
        self.vouched = witness_status.WitnessStatus(
            self.db, clock, self.participants, self.anchor, self.metrics, self.witness_keys.name
        )  # fmt: skip
        translations = Translations(self.judge, self.known.name_of)
        self.certificates = Certificates.of(settings, clock, seal_roots)
        self.evidence = Evidence(
            self.db, clock, self.participants, lambda: self.anchor.jws, self.witnesses, translations, self.certificates
        )  # fmt: skip
        self.maintenance = Maintenance(
            self.db, clock, self.participants, self.evidence, self.enforcement, settings.worker.transcript_days,
            self.anchor.fresh,
        )  # fmt: skip
        self.timestamps = TimestampJob.of(settings, self.db, self.participants)
        self.peer = self.client()
        self.keeping = RetentionJobs(
            self.db, clock, self.participants, self.contracts.agreements, settings.retention, asking(self.peer),
            self.known.log_keys, self.anchor.fresh,
        )  # fmt: skip
        self.terminations = statement.Terminations(self.participants, self.contracts.agreements)
        self.termination_delivery = TerminationDelivery(
            self.db,
            clock,
            self.participants,
            self.terminations,
            self.peer,
            self.peer.document,
            seal_roots,
            self.known.seal_certificates,
        )
        self.leaving, self.deleting = desks(
            self.db, clock, self.participants, (self.contracts, self.terminations, self.transfers, self.catalogue),
            self.vault, (settings.data.files, settings.data.received, settings.folder / "log"),
            authority_of(self.space, self.anchor, self.listing, clock), self.keeping.unexpired,
        )  # fmt: skip
        self.successions = Successions(self.db, clock, self.participants, self.anchor)
        self.streams = Streams(clock)
        self.plane = LocalPlane(
            self.db, self.reports, self.http, self.vault, settings.data.received, self.streams, settings.data.largest,
            settings.data.keep_free,
        )  # fmt: skip
        data = settings.data
        bounds = Bounds(largest=data.upload_largest, all=data.upload_quota, free=data.keep_free)
        self.uploads = Uploads(data.files, bounds)
        self.sources = Sources(self.uploads.folder, self.http)
        self.ports = Ports(self.db, self.reports)
        self.gate = Gate(self.db, self.ports, clock)
        self.circuits = Circuits()
        self.worker = self._worker(seal_roots)
        self.circuits.listen(self.worker.wake)
        self.background = (
            Background("seal", self.maintenance.seal_logs),
            Background("cosign", self.witnesses.look),
            *self.deleting.slow,
        )
        self.jobs = self._jobs()
        self.changes = TrustChanges(self.db, self.resolver, self.listing, self.maintenance)
        self.readiness = Readiness(self.db, self.worker, self.jobs, self.watch, Probe(self.db, clock, settings.folder))

    # What a test-only house may have otherwise

    def outbound(self) -> SafeClient:
        """The one way out of the process."""
        settings = self.settings
        return SafeClient(
            allow=settings.outbound.allow, ca_files=settings.trust.ca_files, total_s=settings.outbound.total_s,
            stall_s=settings.outbound.stall_s, proxy=settings.outbound.proxy or None,
        )  # fmt: skip

    def members(self, authority: Jwk) -> Anchor:
        """Who belongs to the data space."""
        return Anchor(authority)

    def directory(self) -> Participants:
        issue = None if self.space is None else self.space.seal
        signers, url = self.settings.signers, conf.public_url(self.settings)
        return Participants(self.db, self.vault, url, issue, SignerRegistry.of(signers, self.http), pq=signers.pq)

    def client(self) -> PeerClient:
        """How we call peers: with a fresh token of the participant."""
        return PeerClient(
            self.db, self.clock, self.http, self.participants, self.resolver, self.anchor, self.skews, self.addresses
        )  # fmt: skip

    def gatekeeper(self) -> routes.Authenticate:
        """Who may call the public surface."""
        return auth.Gatekeeper(self.clock, self.resolver, self.anchor, self.participants.entered_root, self.skews)

    def tls(self) -> ssl.SSLContext | None:
        """Of the public surface; None never outside tests."""
        return server.tls_server(self.settings.peer.tls_cert_file, self.settings.peer.tls_key_file)

    def negotiating(self, sender: NegotiationSender) -> DecideNegotiation:
        """What we say next in a negotiation."""
        return NegotiationDecider(sender, self.catalogue, self.judge)

    def reach(self) -> Reach:
        """Which data addresses a peer may name."""
        return Reach(self.http.calls, self.settings.data.destinations)

    def transferring(self, sender: TransferMoves) -> TransferCourse:
        """What we do next in a transfer."""
        return TransferDecider(sender, self.decisions)

    def handlers(self, messages: Messages, desk: Countersigner) -> dict[str, Handler]:
        """Who does the work of which outbox row."""
        pusher = Pusher(self.db, self.clock, self.reports, self.gate, self.streams, self.sources, self.http, self.vault)
        return {
            "message": messages.send,
            "repair": messages.repair,
            "seal": ProviderSealer(self.db, self.clock, self.participants, self.contracts, self.settings.signers).seal,
            "countersign": desk.countersign,
            "check-countersignature": desk.check_countersignature,
            "countersign-late": self.late_delivery.countersign,
            "hand-in": self.late_delivery.hand_in,
            "pull": self.plane.pull,
            "push": pusher.push,
            **self.keeping.handlers(),
            statement.DELIVER: self.termination_delivery.deliver,
        }

    def _worker(self, seal_roots: Sequence[x509.Certificate]) -> Worker:
        messages = Messages(self.db, self.clock, self.peer, self.circuits, self.vault, self.contracts, self.transfers)
        desk = Countersigner(
            self.db, self.clock, self.participants, self.contracts, self.judge, self.peer.fetch, self.peer.document,
            seal_roots, self.known.seal_certificates, self.known.second_seal_keys, self.known.name_of,
        )  # fmt: skip
        self.late_delivery = LateDelivery(
            self.db, self.participants, self.contracts, desk, self.peer.hand_in, self.peer.fetch
        )
        work, settings = self.handlers(messages, desk), self.settings.worker
        return Worker(self.db, self.clock, work, self.me, settings, self.watch.doubt, self.monitoring.failed)

    def _jobs(self) -> Jobs:
        seal, cosign, *_ = self.background
        every = {
            "seal": (self.settings.worker.seal_every_s, seal.begin),
            "forget": (60.0, self.maintenance.forget),
            **self.keeping.jobs(),
            "cosign": (self.settings.witness.look_s, cosign.begin),
            "succession": (60.0, self.successions.book),
            **self.deleting.jobs(),
        }
        if self.timestamps is not None:
            every["timestamps"] = (LOOK_S, self.timestamps.begin)
        alone = {
            "trust-list": (self.settings.trust.list_reload_s, self._look_at_list),
            "kept-list": (KEPT_LIST_S, self.listing.catch_up),
            **self.deleting.alone(),
            "vouched": (witness_status.LOOK_S, self.vouched.look),
            "uploads": (SWEEP_S, self.uploads.sweep),  # without a lease, which a process that was killed still holds
        }
        fire = {
            EXPIRY: self.transfers.expire, ADDRESS: self.transfers.unaddressed, REVIEW: self.enforcement.review,
            COUNTERSIGN: self.contracts.countersigning.deadline,
            ending.DUE: self.terminations.due, second_seal.DUE: self.contracts.agreements.second_sealed,
        }  # fmt: skip
        return Jobs(self.db, self.clock, self.me, fire, every, alone, self.watch)

    def _over_quota(self, name: str) -> None:
        self.metrics.count("hanse_quota_refused_total", "Messages refused over a quota of their sender.", quota=name)

    async def _look_at_list(self) -> None:
        await self.listing.reload()

    def public(self) -> routes.Surface:
        """The surface for other connectors."""
        exchange = Exchange(self.db, self.circuits.heard, self.addresses.prove)
        plane = serve_data(self.gate, self.streams, self.sources, self.ports, participant=data.slug_of)
        inbound = Inbound(place=self.plane.place, limit=self.settings.data.largest, free=self.settings.data.keep_free)
        door = receive_data(self.db, self.streams, self.ports, inbound, participant=data.slug_of)
        table = [
            *IdentityHandlers(self.participants).routes(),
            *ReconcileHandlers(exchange, self.contracts, self.clock).routes(),
            *LogHandlers(self.db, self.clock).routes(),
            *CatalogueHandlers(exchange, self.catalogue, self.clock).routes(),
            *NegotiationHandlers(exchange, self.contracts, self.anchor, self.clock).routes(),
            *TransferHandlers(exchange, self.transfers).routes(),
            *EvidenceHandlers(
                exchange, self.contracts, self.evidence.bundle, self.late_delivery.receive, self.clock
            ).routes(),
            *TerminationHandlers(exchange, self.terminations, self.termination_delivery.judge, self.clock).routes(),
            *data.routes(plane, door),
        ]
        return routes.Surface(table, self.participants, self.gatekeeper(), exchange.refused)

    def application(self) -> web.Application:
        told, beside = self.maintenance.log_misbehaved, self.settings.folder / "witness"
        door = WitnessHandlers(self.db, self.clock, self.anchor, self.witness_keys, told, self.metrics, beside)
        return routes.application(self.public(), problems, door.routes(URL(self.witness_keys.url).path))
