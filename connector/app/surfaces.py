"""What the management surface of a process answers: its handlers, by plain constructor calls over the house."""

from pathlib import Path

from connector.api import attention as api_attention
from connector.api import backup as api_backup
from connector.api import catalogue as api_catalogue
from connector.api import clock as api_clock
from connector.api import contracts as api_contracts
from connector.api import countersigning as api_countersigning
from connector.api import duties as api_duties
from connector.api import endings as api_endings
from connector.api import leaving as api_leaving
from connector.api import operation as api_operation
from connector.api import participants as api_participants
from connector.api import process as api_process
from connector.api import records as api_records
from connector.api import routes as api_routes
from connector.api import trace as api_trace
from connector.api import transfers as api_transfers
from connector.api import witness as api_witness
from connector.api.shown import Agreements
from connector.api.waiting import Waiting
from connector.app.services import House
from connector.contracts.signing.review import Readings
from connector.settings.load import database_url
from connector.storage import sqlite_path
from connector.trace.service import Standing, Tracing


def management(house: House) -> tuple[list[api_routes.Handlers], api_operation.OperationHandlers]:
    """The handlers of the management surface."""
    waiting, agreements = Waiting(house.db), Agreements(house.contracts, house.anchor)
    operation = api_operation.OperationHandlers(
        house.db,
        house.participants,
        house.metrics,
        house.ready,
        house.listing.reload,
        house.accept_keys,
        house.watching.look,
    )
    return [
        operation,
        api_participants.ParticipantHandlers(
            house.participants, house.enlisting.enlist, house.enlisting.catch_up, house.listed_seals
        ),
        api_catalogue.CatalogueHandlers(
            house.db,
            house.clock,
            house.participants,
            house.catalogue,
            house.uploads,
            house.judge,
            house.peer,
            house.anchor,
        ),
        api_contracts.ContractHandlers(
            house.db,
            house.clock,
            house.participants,
            house.contracts,
            house.evidence,
            house.peer,
            house.anchor,
            waiting,
            house.judge,
            agreements,
        ),
        api_countersigning.CountersigningHandlers(
            house.db,
            house.participants,
            house.contracts,
            house.judge,
            Readings(house.contracts.agreements, house.judge, house.name_of),
            agreements,
        ),
        api_transfers.TransferHandlers(
            house.db,
            house.participants,
            house.contracts,
            house.transfers,
            house.plane,
            house.peer,
            waiting,
            house.anchor,
        ),
        api_duties.DutyHandlers(house.db, house.participants, house.contracts, house.deeds, house.judge),
        api_attention.AttentionHandlers(house.db, house.participants, house.contracts, house.anchor),
        api_endings.EndingHandlers(
            house.db,
            house.clock,
            house.participants,
            house.contracts,
            house.endings,
            house.ending_desk,
            house.peer,
            house.judge,
            house.anchor,
        ),
        api_clock.ClockHandlers(house.clock, house.watch, house.skews),
        api_leaving.LeavingHandlers(house.leaving, house.deleting),
        api_records.RecordHandlers(house.db, house.participants, house.contracts, house.keeping),
        api_trace.TraceHandlers(_tracing(house)),
        api_backup.BackupHandlers(_file(house)),
        api_process.ProcessHandlers(house.db, house.settings),
        api_witness.WitnessHandlers(house.db, house.witness_keys, house.vouched, house.enlisting.enlist),
    ], operation


def _file(house: House) -> Path | None:
    """Of the database, where that is one file."""
    url = database_url(house.settings)
    return sqlite_path(url) if house.db.dialect == "sqlite" else None


def _tracing(house: House) -> Tracing:
    standing = Standing(
        blocked_until=house.blocked_until,
        on_hold=house.resolver.on_hold,
        listed=lambda did, now: (found := house.anchor.entry(did)) is not None and found.admitted(now),
        fresh=house.anchor.fresh,
    )
    return Tracing(
        house.db,
        house.clock,
        house.participants,
        house.contracts,
        house.transfers,
        standing,
        house.http,
        house.peer.root,
    )
