"""Puts together what the operator's process does for itself: maintenance, monitoring, enrolment, changes in trust."""

from msgspec import Struct

from connector.dataspace.witness.keys import WitnessKeys
from connector.exchange.contracts.evidence.service import Evidence
from connector.exchange.transfer.enforcement import Enforcement
from connector.identity.infra import Infra
from connector.identity.jobs.background import Background
from connector.identity.jobs.work import Work, for_replicas
from connector.identity.participants.service import Participants
from connector.identity.trust.assemble import TrustSlice
from connector.identity.trust.development.space import DevelopmentSpace
from connector.oversight.operation.enrolment import Enrolment
from connector.oversight.operation.maintenance import Maintenance
from connector.oversight.operation.monitoring import Monitoring
from connector.oversight.operation.trust_changes import TrustChanges
from connector.oversight.operation.witness_status import WitnessStatus

FORGET_S = 60.0
KEPT_LIST_S = 2.0
"""How long a list that another replica has seen may stay unseen here when its signal got lost."""


class OperationSlice(Struct, frozen=True, kw_only=True):
    """`status` says how our logs stand with their witnesses, `changes` acts on news of the trust list and of keys."""

    maintenance: Maintenance
    monitoring: Monitoring
    enrolment: Enrolment
    status: WitnessStatus
    changes: TrustChanges
    work: Work

    async def look(self) -> None:
        """Reads the figures that a scrape is to show."""
        await self.monitoring.look()
        await self.status.look_lately()


def assemble(
    infra: Infra,
    participants: Participants,
    trust: TrustSlice,
    space: DevelopmentSpace | None,
    *,
    witness_keys: WitnessKeys,
    evidence: Evidence,
    enforcement: Enforcement,
) -> OperationSlice:
    """`space` is the development space that this process may enrol in, if any."""
    db, clock, settings, metrics = infra.db, infra.clock, infra.settings, infra.metrics
    maintenance = Maintenance(
        db, clock, participants, evidence, enforcement, settings.worker.transcript_days, trust.anchor.fresh
    )
    status = WitnessStatus(db, clock, participants, trust.anchor, metrics, witness_keys.name)
    seal = Background("seal", maintenance.seal_logs)
    enrolment = Enrolment(
        space, participants, trust.listing, trust.anchor.home or trust.anchor, witness_keys, settings.witness.operator
    )
    work = Work(
        every={"seal": (settings.worker.seal_every_s, seal.begin), "forget": (FORGET_S, maintenance.forget)},
        alone={
            "trust-list": (settings.trust.list_reload_s, trust.listing.reload),
            "kept-list": (for_replicas(db, KEPT_LIST_S), trust.listing.catch_up),
        },
        rounds=(seal, enrolment),
    )
    return OperationSlice(
        maintenance=maintenance,
        monitoring=Monitoring(db, clock, participants, metrics, settings.peer.tls_cert_file),
        enrolment=enrolment,
        status=status,
        changes=TrustChanges(db, trust.resolver, trust.listing, maintenance),
        work=work,
    )
