"""What a process answers: the public surface for other connectors, and the management surface of the city.

Handlers by plain constructor calls over the services; no rule stands here.
"""

from pathlib import Path

from yarl import URL

from connector.api import attention as api_attention
from connector.api import audience as api_audience
from connector.api import backup as api_backup
from connector.api import catalogue as api_catalogue
from connector.api import clock as api_clock
from connector.api import contracts as api_contracts
from connector.api import countersigning as api_countersigning
from connector.api import datasets as api_datasets
from connector.api import duties as api_duties
from connector.api import federation as api_federation
from connector.api import find as api_find
from connector.api import groups as api_groups
from connector.api import harvest as api_harvest
from connector.api import mandates as api_mandates
from connector.api import moving as api_moving
from connector.api import offboarding as api_offboarding
from connector.api import openapi as api_openapi
from connector.api import operation as api_operation
from connector.api import participants as api_participants
from connector.api import people as api_people
from connector.api import persons as api_persons
from connector.api import process as api_process
from connector.api import records as api_records
from connector.api import routes as api_routes
from connector.api import spaces as api_spaces
from connector.api import terminations as api_terminations
from connector.api import trace as api_trace
from connector.api import transfers as api_transfers
from connector.api import witness as api_witness
from connector.api.wait import Waiting
from connector.app.services import Services
from connector.contracts.signing.review import Readings
from connector.dataplane.receive.inbound import Inbound
from connector.dataplane.receive.inbound import receive as receive_data
from connector.dataplane.serve.stream import serve as serve_data
from connector.http.one_handler import OneHandler
from connector.peer import data, routes
from connector.peer.dsp.catalogue import CatalogueHandlers
from connector.peer.dsp.exchange import Exchange
from connector.peer.dsp.negotiations import NegotiationHandlers
from connector.peer.dsp.transfers import TransferHandlers
from connector.peer.evidence.log import LogHandlers
from connector.peer.evidence.objects import EvidenceHandlers
from connector.peer.evidence.reconcile import ReconcileHandlers
from connector.peer.evidence.terminations import TerminationHandlers
from connector.peer.evidence.witness import WitnessHandlers
from connector.peer.identity import IdentityHandlers
from connector.peer.inventory import InventoryHandlers
from connector.peer.mandates import MandateHandlers
from connector.peer.problems import problems
from connector.peer.public.answers import Answers
from connector.peer.public.catalogue import PublicHandlers
from connector.peer.public.downloads import Downloads
from connector.peer.spaces import SpaceHandlers
from connector.privacy.subject_access import Persons
from connector.settings.load import database_url, web_origin
from connector.settings.own_texts import own_texts
from connector.storage import sqlite_path
from connector.trace.service import ProcessKnowledge, Tracing
from connector.views.agreement import Agreements


def public(services: Services) -> routes.Surface:
    """The surface for other connectors."""
    exchange = Exchange(services.infra.db, services.circuits.heard, services.addresses.prove)
    return routes.Surface(
        peer_routes(services, exchange), services.participants, services.authenticate, exchange.refused,
        services.infra.clock, lambda did, now: services.trust.anchor.line_for(did).successor(did, now),
    )  # fmt: skip


def peer_routes(services: Services, exchange: Exchange) -> list[routes.Route]:
    """Every door below a participant's root; those that are not `public` want a member."""
    infra, plane, contracts = services.infra, services.plane, services.contracts
    db, clock = infra.db, infra.clock
    outgoing = serve_data(
        plane.gate, plane.streams, plane.sources, plane.ports, participant=data.slug_of, flow=data.flow_of
    )
    limits = infra.settings.data
    sending = Answers()
    inbound = Inbound(place=plane.local.place, limit=limits.largest, free=limits.keep_free)
    incoming = receive_data(db, plane.streams, plane.ports, inbound, participant=data.slug_of, flow=data.flow_of)
    spaces = services.spaces
    return [
        *IdentityHandlers(services.participants).routes(),
        *ReconcileHandlers(exchange, contracts.service, clock).routes(),
        *LogHandlers(db, clock).routes(),
        *CatalogueHandlers(exchange, services.catalogue.service, clock).routes(),
        *InventoryHandlers(exchange, services.catalogue.service, clock).routes(),
        *NegotiationHandlers(exchange, contracts.service, services.trust.anchor, clock).routes(),
        *TransferHandlers(exchange, services.transfers.service).routes(),
        *EvidenceHandlers(
            exchange, contracts.service, services.evidence.bundle, contracts.late_delivery.receive, clock
        ).routes(),
        *TerminationHandlers(exchange, contracts.terminations, contracts.termination_delivery.judge, clock).routes(),
        *data.routes(outgoing, incoming),
        *SpaceHandlers(db, clock, spaces, services.trust.resolver).routes(),
        *MandateHandlers(services.mandates.service, clock).routes(),
        *PublicHandlers(
            db, clock, services.public.snapshots, services.public.records, sending, own_texts(infra.settings.web)
        ).routes(),
        *Downloads(db, clock, services.public.records, plane.sources, sending).routes(),
    ]


def peer_port(services: Services) -> OneHandler:
    """The public socket: the surface, the witness's door, and what a test entry point has besides."""
    infra, witness = services.infra, services.witness
    told, folder = services.operation.maintenance.log_misbehaved, infra.settings.folder / "witness"
    door = WitnessHandlers(infra.db, infra.clock, services.trust.anchor, witness.keys, told, infra.metrics, folder)
    more = [*door.routes(URL(witness.keys.url).path), *services.more.routes]
    handler = routes.handler(public(services), problems, more, services.more.middlewares)
    return OneHandler(handler, infra.metrics, "peer")


def management(services: Services) -> tuple[list[api_routes.Handlers], api_operation.OperationHandlers]:
    """The handlers of the management surface."""
    db, clock, judge, peer = services.infra.db, services.infra.clock, services.judge, services.peer
    participants, anchor, members = services.participants, services.trust.anchor, services.trust.members
    catalogue, contracts, transfers = services.catalogue, services.contracts, services.transfers
    waiting, agreements = Waiting(db), Agreements(contracts.service, anchor)
    operation, readings = _operation(services), Readings(contracts.service.agreements, judge, members.name_of)
    offboarding, enrolment = services.offboarding, services.operation.enrolment
    return [
        operation,
        api_participants.ParticipantHandlers(
            participants, enrolment.enlist, enrolment.enlist_soon, enrolment.catch_up, members.seal_certificates
        ),
        api_catalogue.CatalogueHandlers(
            db, clock, participants, catalogue.service, catalogue.audiences, catalogue.uploads, judge
        ),
        api_audience.AudienceHandlers(db, clock, participants, catalogue.service, catalogue.audiences, judge),
        api_harvest.HarvestHandlers(services.harvest),
        api_datasets.DatasetHandlers(db, participants, catalogue.service, contracts.service, anchor),
        api_find.FindHandlers(participants, services.requests.searches),
        api_federation.FederationHandlers(clock, participants, services.federation.service, anchor),
        api_contracts.ContractHandlers(
            db, participants, contracts.service, services.evidence, services.requests.service, peer, anchor, waiting,
            judge, agreements,
        ),
        api_countersigning.CountersigningHandlers(db, participants, contracts.service, judge, readings, agreements),
        api_transfers.TransferHandlers(
            db, participants, contracts.service, transfers.service, services.plane.local, peer, waiting, anchor
        ),
        api_duties.DutyHandlers(db, participants, contracts.service, transfers.duties, judge, anchor),
        api_attention.AttentionHandlers(db, participants, contracts.service, anchor),
        api_terminations.TerminationHandlers(
            db, clock, participants, contracts.service, contracts.terminations, contracts.termination_delivery, peer,
            judge, anchor,
        ),
        api_clock.ClockHandlers(clock, services.schedule.watch, services.trust.skews),
        api_offboarding.OffboardingHandlers(offboarding.closing, offboarding.deletion, anchor),
        api_moving.MovingHandlers(services.moving),
        api_records.RecordHandlers(db, participants, contracts.service, services.retention, anchor),
        api_persons.PersonHandlers(Persons(db, services.retention.eraser), participants),
        api_people.PeopleHandlers(services.accounts, lambda: web_origin(services.infra.settings)),
        api_spaces.SpaceHandlers(clock, services.spaces),
        api_mandates.MandateHandlers(services.mandates.service, enrolment.enlist),
        api_groups.GroupHandlers(services.groups),
        api_trace.TraceHandlers(_tracing(services), anchor),
        api_backup.BackupHandlers(_file(services)),
        api_process.ProcessHandlers(db, services.infra.settings),
        api_witness.WitnessHandlers(db, services.witness.keys, services.operation.status, enrolment.enlist),
        api_openapi.OpenApiHandlers(),
    ], operation  # fmt: skip


def _operation(services: Services) -> api_operation.OperationHandlers:
    operation, infra = services.operation, services.infra
    return api_operation.OperationHandlers(
        infra.db, services.participants, infra.metrics, services.schedule.readiness.look, operation.enrolment.reload,
        operation.changes.accept_keys, operation.look, services.figures,
    )  # fmt: skip


def _file(services: Services) -> Path | None:
    """Of the database, where that is one file."""
    url = database_url(services.infra.settings)
    return sqlite_path(url) if services.infra.db.dialect == "sqlite" else None


def _tracing(services: Services) -> Tracing:
    circuits, clock = services.circuits, services.infra.clock
    standing = ProcessKnowledge(
        blocked_until=lambda slug, did, now: circuits.next_trial(slug, did, clock.steady(), now),
        on_hold=services.trust.resolver.on_hold,
        listed=services.trust.members.admitted,
        fresh=lambda now: not services.trust.anchor.stale(now),
    )
    return Tracing(
        services.infra.db,
        services.infra.clock,
        services.participants,
        services.contracts.service,
        services.transfers.service,
        standing,
        services.infra.http,
        services.peer.root,
    )
