"""What the management surface of a process answers: its handlers, by plain constructor calls over the house."""

from pathlib import Path

from connector.api import attention as api_attention
from connector.api import backup as api_backup
from connector.api import catalogue as api_catalogue
from connector.api import clock as api_clock
from connector.api import contracts as api_contracts
from connector.api import countersigning as api_countersigning
from connector.api import duties as api_duties
from connector.api import offboarding as api_offboarding
from connector.api import openapi as api_openapi
from connector.api import operation as api_operation
from connector.api import participants as api_participants
from connector.api import persons as api_persons
from connector.api import process as api_process
from connector.api import records as api_records
from connector.api import routes as api_routes
from connector.api import terminations as api_terminations
from connector.api import trace as api_trace
from connector.api import transfers as api_transfers
from connector.api import witness as api_witness
from connector.api.wait import Waiting
from connector.app.services import Services
from connector.contracts.signing.review import Readings
from connector.privacy.subject_access import Persons
from connector.settings.load import database_url
from connector.storage import sqlite_path
from connector.trace.service import ProcessKnowledge, Tracing
from connector.views.agreement import Agreements


def management(services: Services) -> tuple[list[api_routes.Handlers], api_operation.OperationHandlers]:
    """The handlers of the management surface."""
    waiting, agreements = Waiting(services.db), Agreements(services.contracts, services.anchor)
    operation = api_operation.OperationHandlers(
        services.db,
        services.participants,
        services.metrics,
        services.ready,
        services.listing.reload,
        services.accept_keys,
        services.monitoring.look,
    )
    return [
        operation,
        api_participants.ParticipantHandlers(
            services.participants, services.enrolment.enlist, services.enrolment.catch_up, services.listed_seals
        ),
        api_catalogue.CatalogueHandlers(
            services.db,
            services.clock,
            services.participants,
            services.catalogue,
            services.uploads,
            services.judge,
            services.peer,
            services.anchor,
        ),
        api_contracts.ContractHandlers(
            services.db,
            services.clock,
            services.participants,
            services.contracts,
            services.evidence,
            services.peer,
            services.anchor,
            waiting,
            services.judge,
            agreements,
        ),
        api_countersigning.CountersigningHandlers(
            services.db,
            services.participants,
            services.contracts,
            services.judge,
            Readings(services.contracts.agreements, services.judge, services.name_of),
            agreements,
        ),
        api_transfers.TransferHandlers(
            services.db,
            services.participants,
            services.contracts,
            services.transfers,
            services.plane,
            services.peer,
            waiting,
            services.anchor,
        ),
        api_duties.DutyHandlers(
            services.db, services.participants, services.contracts, services.duties, services.judge, services.anchor
        ),
        api_attention.AttentionHandlers(services.db, services.participants, services.contracts, services.anchor),
        api_terminations.TerminationHandlers(
            services.db,
            services.clock,
            services.participants,
            services.contracts,
            services.terminations,
            services.termination_delivery,
            services.peer,
            services.judge,
            services.anchor,
        ),
        api_clock.ClockHandlers(services.clock, services.watch, services.skews),
        api_offboarding.OffboardingHandlers(services.leaving, services.deleting),
        api_records.RecordHandlers(
            services.db, services.participants, services.contracts, services.keeping, services.anchor
        ),
        api_persons.PersonHandlers(Persons(services.db, services.keeping.eraser), services.participants),
        api_trace.TraceHandlers(_tracing(services), services.anchor),
        api_backup.BackupHandlers(_file(services)),
        api_process.ProcessHandlers(services.db, services.settings),
        api_witness.WitnessHandlers(services.db, services.witness_keys, services.vouched, services.enrolment.enlist),
        api_openapi.OpenApiHandlers(),
    ], operation


def _file(services: Services) -> Path | None:
    """Of the database, where that is one file."""
    url = database_url(services.settings)
    return sqlite_path(url) if services.db.dialect == "sqlite" else None


def _tracing(services: Services) -> Tracing:
    standing = ProcessKnowledge(
        blocked_until=services.blocked_until,
        on_hold=services.resolver.on_hold,
        listed=lambda did, now: (found := services.anchor.entry(did)) is not None and found.admitted(now),
        fresh=services.anchor.fresh,
    )
    return Tracing(
        services.db,
        services.clock,
        services.participants,
        services.contracts,
        services.transfers,
        standing,
        services.http,
        services.peer.root,
    )
