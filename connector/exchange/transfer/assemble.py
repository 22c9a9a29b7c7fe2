"""Puts the slice together: transfers, decisions on access, duties and their enforcement, over contracts.

The data plane of this process, which moves the bytes, is put together above it (`exchange/transfer/plane/assemble.py`).
"""

from collections.abc import Callable

from msgspec import Struct

from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.transfer.addresses import Reach
from connector.exchange.transfer.decide import DecideTransfer, TransferDecider
from connector.exchange.transfer.decision.decisions import ClosureOf, TransferDecisions
from connector.exchange.transfer.decision.state_of_world import Claims, StatesOfWorld
from connector.exchange.transfer.duties import Duties
from connector.exchange.transfer.enforcement import Enforcement
from connector.exchange.transfer.plane.data_access import DataAccess
from connector.exchange.transfer.plane.reports import Reports
from connector.exchange.transfer.send import ADDRESS, ADDRESS_MS, EXPIRY, TransferSender
from connector.exchange.transfer.service import Transfers
from connector.foundation import clock as clocks
from connector.foundation.storage.work import REVIEW
from connector.identity.infra import Infra
from connector.identity.jobs.work import Work
from connector.identity.participants.quota import Quotas
from connector.identity.participants.service import Participants
from connector.kernel.policy.engine import PolicyEngine

Decide = Callable[[TransferSender, TransferDecisions], DecideTransfer]


class TransferSlice(Struct, frozen=True, kw_only=True):
    """`service` runs transfers; `enforcement` holds and releases what runs.

    `access` decides at each data access, and `reports` books what was moved.
    """

    service: Transfers
    decisions: TransferDecisions
    access: DataAccess
    reports: Reports
    enforcement: Enforcement
    duties: Duties
    work: Work


def assemble(
    infra: Infra,
    participants: Participants,
    contracts: Contracts,
    engine: PolicyEngine,
    *,
    claims: Claims,
    closure_of: ClosureOf,
    quotas: Quotas,
    decide: Decide = TransferDecider,
) -> TransferSlice:
    """`claims` says who belongs and with which attributes, `closure_of` what a concept list of earlier meant."""
    agreements = contracts.agreements
    clock_state = clocks.state if infra.db.dialect == "sqlite" else lambda: ""  # PostgreSQL has a clock of its own
    states = StatesOfWorld(participants, claims, clock_state)
    decisions = TransferDecisions(engine, states, agreements, closure_of)
    service = Transfers(
        participants,
        contracts,
        decisions,
        infra.vault,
        Reach(infra.http.calls, infra.settings.data.destinations),
        lambda sender: decide(sender, decisions),
        quotas,
    )
    enforcement = Enforcement(agreements, service.sender, decisions)
    return TransferSlice(
        service=service,
        decisions=decisions,
        access=DataAccess(agreements, service.sender, decisions),
        reports=Reports(agreements, service.sender),
        enforcement=enforcement,
        duties=Duties(participants, agreements, engine, states, decisions, enforcement),
        work=Work(
            timers={EXPIRY: service.expire, ADDRESS: service.unaddressed, REVIEW: enforcement.review},
            bounds={ADDRESS: ADDRESS_MS},
        ),
    )
