"""Everything that one process is made of: plain constructor calls in dependency order.

Who knows whom is read here and nowhere else. What a test-only house has otherwise (who may call, how we call, what we
say next) are its methods to override; no setting reaches them.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Coroutine, Mapping, Sequence

import structlog
from aiohttp import web
from cryptography import x509

from connector import clock as clocks
from connector import settings as conf
from connector.api import catalogue as api_catalogue
from connector.api import contracts as api_contracts
from connector.api import duties as api_duties
from connector.api import operation as api_operation
from connector.api import participants as api_participants
from connector.api import routes as api_routes
from connector.api import trace as api_trace
from connector.api import transfers as api_transfers
from connector.api.waiting import Waiting
from connector.catalogue.service import Catalogue
from connector.catalogue.uploads import Uploads
from connector.clock import Clock
from connector.commit import REVIEW
from connector.contracts.course import Course, Deliberate
from connector.contracts.evidence import Evidence
from connector.contracts.moves import Moves
from connector.contracts.service import Contracts
from connector.contracts.signing_desk import SigningDesk
from connector.dataplane.door import Hall
from connector.dataplane.door import receive as receive_data
from connector.dataplane.gate import Gate
from connector.dataplane.sources.registered import Sources
from connector.dataplane.stream import serve as serve_data
from connector.dataplane.streams import Streams
from connector.delivery.circuit import Circuits
from connector.delivery.jobs import Jobs
from connector.delivery.messages import Messages
from connector.delivery.upkeep import Upkeep
from connector.delivery.worker import Handler, Worker
from connector.errors import HanseError, Unavailable
from connector.http import server
from connector.http.outbound import SafeClient
from connector.ids import new_uuid
from connector.participants.service import Participants
from connector.peer import auth, data, routes
from connector.peer.catalogue import CatalogueHandlers
from connector.peer.claims import Claims
from connector.peer.client import PeerClient
from connector.peer.evidence import EvidenceHandlers
from connector.peer.exchange import Exchange
from connector.peer.identity import IdentityHandlers
from connector.peer.negotiations import NegotiationHandlers
from connector.peer.problems import problems
from connector.peer.transfers import TransferHandlers
from connector.policy.extension import PLAIN, Extension
from connector.settings import Settings
from connector.storage import open_database
from connector.storage.database import PROCESS, Tx
from connector.telemetry import Metrics
from connector.transcript.service import Standing, Tracing
from connector.transfer.addresses import Reach
from connector.transfer.course import Course as TransferCourse
from connector.transfer.course import Dutiful
from connector.transfer.deeds import Deeds
from connector.transfer.enforcement import Enforcement
from connector.transfer.engine import judge, lists
from connector.transfer.moves import ADDRESS, EXPIRY
from connector.transfer.moves import Moves as TransferMoves
from connector.transfer.planes import LocalPlane
from connector.transfer.ports import Ports
from connector.transfer.pushing import Pusher
from connector.transfer.reports import Reports
from connector.transfer.rulings import Rulings
from connector.transfer.service import Transfers
from connector.transfer.worlds import Worlds
from connector.trust import pins
from connector.trust.anchors import Anchor, Entry
from connector.trust.development import DevelopmentSpace, entry
from connector.trust.did import Did
from connector.trust.jwk import Jwk
from connector.trust.listing import TOPIC, Listing, checked_url
from connector.trust.resolver import Resolver
from connector.trust.roots import authority_key, seal_cas
from connector.trust.vault import Vault

__all__ = ["House", "judge", "lists"]

log = structlog.get_logger("app")
KEPT_LIST_S = 2.0
"""How long a list that another replica has seen may stay unseen here when its signal got lost."""


class House:
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
        self.listing = Listing(
            self.db, self.anchor, self.http, settings.trust.list_file, checked_url(settings.trust.list_url, authority),
            lambda dids: self.upkeep.members_changed(dids),
        )  # fmt: skip
        self.resolver = Resolver(
            self.http,
            clock,
            local=self.participants.document,
            vouched=self.anchor.pinned,
            on_change=self._key_changed,
            remember=self._key_seen,
        )
        self.judge = judge(extension)
        self.catalogue = Catalogue(self.participants, self.judge, self.vault.derive("cursor"))
        self.contracts = Contracts(self.participants, self.catalogue, self.judge, self.negotiating)
        claims = Claims(self.anchor, self.resolver.on_hold)
        clock_state = clocks.state if self.db.dialect == "sqlite" else lambda: ""  # PostgreSQL has a clock of its own
        worlds = Worlds(self.participants, self.contracts.agreements, self.judge, claims, clock_state)
        self.rulings = Rulings(self.judge, worlds, self.contracts.agreements, lists().closure_of)
        self.transfers = Transfers(
            self.participants, self.contracts, self.rulings, self.vault, self.reach(), self.transferring
        )
        self.reports = Reports(self.contracts.agreements, self.transfers.moves, self.rulings)
        self.enforcement = Enforcement(self.contracts.agreements, self.transfers.moves, self.rulings)
        self.deeds = Deeds(
            self.participants, self.contracts.agreements, self.judge, worlds, self.rulings, self.enforcement
        )  # fmt: skip
        self.evidence = Evidence(self.db, clock, self.participants, lambda: self.anchor.jws)
        self.upkeep = Upkeep(
            self.db, clock, self.participants, self.evidence, self.enforcement, settings.worker.transcript_days
        )  # fmt: skip
        self.peer = self.client()
        self.streams = Streams(clock)
        self.plane = LocalPlane(
            self.db, self.reports, self.http, self.vault, settings.data.received, self.streams, settings.data.largest
        )
        self.uploads = Uploads(settings.data.files)
        self.sources = Sources(self.uploads.folder, self.http)
        self.ports = Ports(self.db, self.reports)
        self.gate = Gate(self.db, self.ports, clock)
        self.metrics = Metrics()
        self.circuits = Circuits(on_close=lambda: self.worker.wake())
        self.worker = self._worker(seal_roots)
        self.jobs = self._jobs()
        self.db.listen(TOPIC, lambda _: self._later(self._catch_up()))
        self.stopping = False
        self._beside: set[asyncio.Future[object]] = set()

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
        return Participants(self.db, self.vault, conf.public_url(self.settings), issue)

    def client(self) -> PeerClient:
        """How we call peers: with a fresh token of the participant."""
        return PeerClient(self.db, self.clock, self.http, self.participants, self.resolver, self.anchor)

    def gatekeeper(self) -> routes.Authenticate:
        """Who may call the public surface."""
        return auth.Gatekeeper(self.clock, self.resolver, self.anchor, self.participants.entered_root)

    def tls(self) -> ssl.SSLContext | None:
        """Of the public surface; None never outside tests."""
        return server.tls_server(self.settings.peer.tls_cert_file, self.settings.peer.tls_key_file)

    def negotiating(self, moves: Moves) -> Course:
        """What we say next in a negotiation."""
        return Deliberate(moves, self.catalogue, self.judge)

    def reach(self) -> Reach:
        """Which data addresses a peer may name."""
        return Reach(self.http.calls, self.settings.data.destinations)

    def transferring(self, moves: TransferMoves) -> TransferCourse:
        """What we do next in a transfer."""
        return Dutiful(moves, self.rulings)

    def handlers(self, messages: Messages, desk: SigningDesk) -> dict[str, Handler]:
        """Who does the work of which outbox row."""
        pusher = Pusher(self.db, self.clock, self.reports, self.gate, self.streams, self.sources, self.http, self.vault)
        return {
            "message": messages.send,
            "repair": messages.repair,
            "countersign": desk.countersign,
            "check-countersignature": desk.check_countersignature,
            "pull": self.plane.pull,
            "push": pusher.push,
        }

    def _worker(self, seal_roots: Sequence[x509.Certificate]) -> Worker:
        messages = Messages(self.db, self.clock, self.peer, self.circuits, self.vault, self.contracts, self.transfers)
        desk = SigningDesk(
            self.db, self.clock, self.participants, self.contracts, self.judge, self.peer.fetch, self._document,
            seal_roots, self._listed_seals,
        )  # fmt: skip
        return Worker(self.db, self.clock, self.handlers(messages, desk), self.me, self.settings.worker)

    def _jobs(self) -> Jobs:
        every = {
            "seal": (self.settings.worker.seal_every_s, self.upkeep.seal_logs),
            "forget": (60.0, self.upkeep.forget),
        }
        alone = {
            "trust-list": (self.settings.trust.list_reload_s, self._look_at_list),
            "kept-list": (KEPT_LIST_S, self.listing.catch_up),
        }
        fire = {
            EXPIRY: self.transfers.expire, ADDRESS: self.transfers.unaddressed, REVIEW: self.enforcement.review,
        }  # fmt: skip
        return Jobs(self.db, self.clock, self.me, fire, every, alone)

    async def _document(self, did: str) -> Mapping[str, object]:
        return (await self.resolver.document(did)).raw

    def _listed_seals(self, did: str) -> Sequence[str]:
        found = self.anchor.entry(did)
        return () if found is None else found.seal_certificates

    async def _look_at_list(self) -> None:
        await self.listing.reload()

    async def _catch_up(self) -> None:
        """On a signal; what fails is looked at again within `KEPT_LIST_S`."""
        try:
            await self.listing.catch_up()
        except HanseError as error:
            log.warning("trust.list", why=str(error))

    def _key_seen(self, did: Did, keys: Mapping[str, frozenset[str]]) -> None:
        self._later(self.db.write(PROCESS, pins.keep, did, keys))

    def _key_changed(self, did: Did, before: frozenset[str], now: frozenset[str]) -> None:
        """The peer is on hold; each participant's log says so."""
        log.error("trust.key-change", did=did, before=sorted(before), now=sorted(now))
        self._later(self.upkeep.key_changed(did, before, now))

    def _later(self, work: Coroutine[object, object, object]) -> None:
        """Books beside the request that found it; the task is held so that nobody collects it."""
        task = asyncio.ensure_future(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def accept_keys(self, did: str) -> None:
        """What an operator vouches for: the next document of this peer is taken as it is."""
        self.resolver.accept(did)
        await self.db.write(PROCESS, pins.forget, did)
        await self.upkeep.members_changed(frozenset((did,)))

    async def enlist(self) -> None:
        """In a development space our participants are members at once; elsewhere the authority decides."""
        if self.space is None:
            return
        hosted = await self.participants.all()

        def entries(valid_from: str) -> list[Entry]:
            return [
                entry(
                    did=one.participant.did, name=one.participant.name, operator=one.participant.operator,
                    kind=one.participant.kind, valid_from=valid_from, keys=one.keys,
                )
                for one in hosted
            ]  # fmt: skip

        await asyncio.to_thread(self.space.enlist, entries)
        await self.listing.reload()

    async def ready(self) -> Mapping[str, bool]:
        """What readiness asks: database, worker, jobs, and that we are not about to stop."""
        try:
            await self.db.read(PROCESS, _one)
            database = True
        except Unavailable:
            database = False
        return {
            "database": database,
            "worker": self.worker.alive(self.clock.now()),
            "jobs": self.jobs.alive(),
            "staying": not self.stopping,
        }

    def public(self) -> routes.Surface:
        """The surface for other connectors."""
        exchange = Exchange(self.db, self.circuits.heard)
        plane = serve_data(self.gate, self.streams, self.sources, self.ports, participant=data.slug_of)
        hall = Hall(place=self.plane.place, limit=self.settings.data.largest)
        door = receive_data(self.db, self.streams, self.ports, hall, participant=data.slug_of)
        table = [
            *IdentityHandlers(self.participants).routes(),
            *CatalogueHandlers(exchange, self.catalogue, self.clock).routes(),
            *NegotiationHandlers(exchange, self.contracts, self.anchor, self.clock).routes(),
            *TransferHandlers(exchange, self.transfers).routes(),
            *EvidenceHandlers(exchange, self.contracts, self.evidence.bundle, self.clock).routes(),
            *data.routes(plane, door),
        ]
        return routes.Surface(table, self.participants, self.gatekeeper(), exchange.refused)

    def application(self) -> web.Application:
        return routes.application(self.public(), problems)

    def management(self) -> tuple[list[api_routes.Handlers], api_operation.OperationHandlers]:
        """The handlers of the management surface."""
        waiting = Waiting(self.db)
        operation = api_operation.OperationHandlers(
            self.db, self.participants, self.metrics, self.ready, self.listing.reload, self.accept_keys
        )
        return [
            operation,
            api_participants.ParticipantHandlers(self.participants, self.enlist),
            api_catalogue.CatalogueHandlers(
                self.db, self.clock, self.participants, self.catalogue, self.uploads, self.judge, self.peer, self.anchor
            ),
            api_contracts.ContractHandlers(
                self.db,
                self.clock,
                self.participants,
                self.contracts,
                self.evidence,
                self.peer,
                self.anchor,
                waiting,
                self.judge,
            ),
            api_transfers.TransferHandlers(
                self.db, self.participants, self.contracts, self.transfers, self.plane, self.peer, waiting
            ),
            api_duties.DutyHandlers(self.db, self.participants, self.contracts, self.deeds, self.judge),
            api_trace.TraceHandlers(self._tracing()),
        ], operation

    def _tracing(self) -> Tracing:
        standing = Standing(
            blocked_until=self.circuits.blocked_until,
            on_hold=self.resolver.on_hold,
            listed=lambda did, now: (found := self.anchor.entry(did)) is not None and found.admitted(now),
            fresh=self.anchor.fresh,
        )
        return Tracing(
            self.db, self.clock, self.participants, self.contracts, self.transfers, standing, self.http, self.peer.root
        )


def _one(tx: Tx) -> None:
    tx.one("SELECT 1 AS one")
