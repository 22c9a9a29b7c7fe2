"""Puts the slice together: transfers, decisions on access, duties and their enforcement, over contracts.

The data plane of this process, which moves the bytes, is put together above it (`transfer/plane/assemble.py`).
"""

from collections.abc import Callable

from msgspec import Struct

from connector import clock as clocks
from connector.contracts.negotiation.service import Contracts
from connector.infra import Infra
from connector.jobs.work import Work
from connector.participants.quota import Quotas
from connector.participants.service import Participants
from connector.policy.engine import PolicyEngine
from connector.storage.work import REVIEW
from connector.transfer.addresses import Reach
from connector.transfer.decide import DecideTransfer, TransferDecider
from connector.transfer.decision.decisions import ClosureOf, TransferDecisions
from connector.transfer.decision.state_of_world import Claims, StatesOfWorld
from connector.transfer.duties import Duties
from connector.transfer.enforcement import Enforcement
from connector.transfer.plane.reports import Reports
from connector.transfer.send import ADDRESS, ADDRESS_MS, EXPIRY, TransferSender
from connector.transfer.service import Transfers

Decide = Callable[[TransferSender, TransferDecisions], DecideTransfer]


class TransferSlice(Struct, frozen=True, kw_only=True):
    """`service` runs transfers; `reports` answers the data plane; `enforcement` holds and releases what runs."""

    service: Transfers
    decisions: TransferDecisions
    reports: Reports
    enforcement: Enforcement
    duties: Duties
    work: Work


def assemble(
    infra: Infra, participants: Participants, contracts: Contracts, engine: PolicyEngine, *, claims: Claims,
    closure_of: ClosureOf, quotas: Quotas, decide: Decide = TransferDecider,
) -> TransferSlice:  # fmt: skip
    """`claims` says who belongs and with which attributes, `closure_of` what a concept list of earlier meant."""
    agreements = contracts.agreements
    clock_state = clocks.state if infra.db.dialect == "sqlite" else lambda: ""  # PostgreSQL has a clock of its own
    states = StatesOfWorld(participants, claims, clock_state)
    decisions = TransferDecisions(engine, states, agreements, closure_of)
    service = Transfers(
        participants, contracts, decisions, infra.vault, Reach(infra.http.calls, infra.settings.data.destinations),
        lambda sender: decide(sender, decisions), quotas,
    )  # fmt: skip
    enforcement = Enforcement(agreements, service.sender, decisions)
    return TransferSlice(
        service=service,
        decisions=decisions,
        reports=Reports(agreements, service.sender, decisions),
        enforcement=enforcement,
        duties=Duties(participants, agreements, engine, states, decisions, enforcement),
        work=Work(
            timers={EXPIRY: service.expire, ADDRESS: service.unaddressed, REVIEW: enforcement.review},
            bounds={ADDRESS: ADDRESS_MS},
        ),
    )
