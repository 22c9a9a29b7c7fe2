"""The management surface of the city: handlers by plain constructor calls over the services; no rule stands here.

It is loaded with the first request that is not only a probe (decision 0110).
"""

from pathlib import Path

from connector.app.on_demand import on_demand
from connector.app.services import Services
from connector.continuity.privacy.subject_access import Persons
from connector.exchange.contracts.signing.review import Readings
from connector.exchange.trace.service import ProcessKnowledge, Tracing
from connector.foundation.settings.load import database_url, web_origin
from connector.foundation.storage import sqlite_path
from connector.surfaces.api import attention as api_attention
from connector.surfaces.api import audience as api_audience
from connector.surfaces.api import backup as api_backup
from connector.surfaces.api import catalogue as api_catalogue
from connector.surfaces.api import clock as api_clock
from connector.surfaces.api import contracts as api_contracts
from connector.surfaces.api import countersigning as api_countersigning
from connector.surfaces.api import datasets as api_datasets
from connector.surfaces.api import duties as api_duties
from connector.surfaces.api import federation as api_federation
from connector.surfaces.api import figures as api_figures
from connector.surfaces.api import find as api_find
from connector.surfaces.api import groups as api_groups
from connector.surfaces.api import harvest as api_harvest
from connector.surfaces.api import list_forks as api_list_forks
from connector.surfaces.api import mandates as api_mandates
from connector.surfaces.api import mergers as api_mergers
from connector.surfaces.api import moving as api_moving
from connector.surfaces.api import offboarding as api_offboarding
from connector.surfaces.api import openapi as api_openapi
from connector.surfaces.api import participants as api_participants
from connector.surfaces.api import partners as api_partners
from connector.surfaces.api import people as api_people
from connector.surfaces.api import persons as api_persons
from connector.surfaces.api import process as api_process
from connector.surfaces.api import records as api_records
from connector.surfaces.api import sources as api_sources
from connector.surfaces.api import space_certificates as api_certificates
from connector.surfaces.api import space_recovery as api_recovery
from connector.surfaces.api import spaces as api_spaces
from connector.surfaces.api import terminations as api_terminations
from connector.surfaces.api import trace as api_trace
from connector.surfaces.api import transfers as api_transfers
from connector.surfaces.api import witness as api_witness
from connector.surfaces.api.operation import OperationHandlers
from connector.surfaces.api.routes import Handlers
from connector.surfaces.api.wait import Waiting
from connector.surfaces.views.agreement import Agreements


def handlers(services: Services, operation: OperationHandlers) -> list[Handlers]:
    """The handlers of the management surface; `operation` are those that a process has from its start."""
    db, clock, engine, peer = services.infra.db, services.infra.clock, services.engine, services.peer
    participants, anchor, members = services.participants, services.trust.anchor, services.trust.members
    catalogue, contracts, transfers = services.catalogue, services.contracts, services.transfers
    waiting, agreements = Waiting(db), Agreements(contracts.service, anchor)
    readings = Readings(contracts.service.agreements, engine, members.name_of)
    offboarding, enrolment = services.offboarding, services.operation.enrolment
    later = on_demand(services)
    return [
        operation,
        api_participants.ParticipantHandlers(
            participants, enrolment.enlist, enrolment.enlist_soon, enrolment.catch_up, members.seal_certificates
        ),
        api_catalogue.CatalogueHandlers(
            db,
            clock,
            participants,
            catalogue.service,
            catalogue.audiences,
            catalogue.uploads,
            engine,
        ),
        api_sources.SourceHandlers(db, participants, catalogue.service, catalogue.sources),
        api_audience.AudienceHandlers(db, clock, participants, catalogue.service, catalogue.audiences, engine),
        api_harvest.HarvestHandlers(services.harvest, services.infra.db, services.approvals.imports),
        api_datasets.DatasetHandlers(db, participants, catalogue.service, contracts.service, anchor),
        api_figures.FigureHandlers(db, participants, later.figures),
        api_find.FindHandlers(participants, later.requests.searches),
        api_federation.FederationHandlers(clock, participants, services.federation.service, anchor),
        api_contracts.ContractHandlers(
            db,
            participants,
            contracts.service,
            services.evidence,
            later.requests.service,
            peer,
            anchor,
            waiting,
            engine,
            agreements,
        ),
        api_countersigning.CountersigningHandlers(db, participants, contracts.service, engine, readings, agreements),
        api_transfers.TransferHandlers(
            db, participants, contracts.service, transfers.service, services.plane.local, peer, waiting, anchor
        ),
        api_duties.DutyHandlers(db, participants, contracts.service, transfers.duties, engine, anchor),
        api_attention.AttentionHandlers(db, participants, contracts.service, anchor),
        api_terminations.TerminationHandlers(
            db,
            clock,
            participants,
            contracts.service,
            contracts.terminations,
            contracts.termination_delivery,
            peer,
            engine,
            anchor,
        ),
        api_clock.ClockHandlers(clock, services.schedule.watch, services.trust.skews),
        api_offboarding.OffboardingHandlers(offboarding.closing, offboarding.deletion, anchor),
        api_moving.MovingHandlers(later.moving),
        api_records.RecordHandlers(db, participants, contracts.service, services.retention, anchor),
        api_persons.PersonHandlers(
            Persons(db, services.retention.eraser, services.accounts.people.forgotten), participants
        ),
        api_people.PeopleHandlers(services.accounts, lambda: web_origin(services.infra.settings)),
        api_spaces.SpaceHandlers(clock, services.spaces, services.trust.anchor),
        api_mergers.MergerHandlers(clock, services.spaces, services.trust.anchor),
        api_certificates.CertificateHandlers(services.spaces),
        api_recovery.RecoveryHandlers(services.spaces),
        api_partners.PartnerHandlers(db, services.spaces.joining, later.partners),
        api_mandates.MandateHandlers(services.mandates.service, enrolment.enlist),
        api_groups.GroupHandlers(later.groups),
        api_trace.TraceHandlers(_tracing(services), anchor),
        api_backup.BackupHandlers(_file(services), services.infra.settings.data.keep_free),
        api_process.ProcessHandlers(db, services.infra.settings),
        api_list_forks.ListForkHandlers(db, services.trust.anchor, services.trust.spaces.tell),
        api_witness.WitnessHandlers(db, services.witness.keys, services.operation.status, enrolment.enlist),
        api_openapi.OpenApiHandlers(),
    ]


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
