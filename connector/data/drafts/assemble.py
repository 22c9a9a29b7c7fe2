"""Puts the slice together: publications that are being prepared, and the reading of their files."""

from msgspec import Struct

from connector.data.approvals.assemble import ApprovalSlice
from connector.data.catalogue.assemble import CatalogueSlice
from connector.data.drafts.leftovers import SWEEP_S, Leftovers
from connector.data.drafts.sample import Samples
from connector.data.drafts.service import Drafts
from connector.identity.infra import Infra
from connector.identity.jobs.work import Work
from connector.identity.participants.service import Participants


class DraftSlice(Struct, frozen=True, kw_only=True):
    service: Drafts
    samples: Samples
    work: Work


def assemble(
    infra: Infra, participants: Participants, catalogue: CatalogueSlice, approvals: ApprovalSlice
) -> DraftSlice:
    service = Drafts(
        infra.db,
        participants,
        catalogue.service,
        catalogue.uploads,
        catalogue.sources,
        approvals.publications,
        approvals.service,
    )
    samples = Samples(infra.db, service, catalogue.service, catalogue.uploads)
    leftovers = Leftovers(infra.db, participants, catalogue.uploads)
    work = Work(rounds=(service,), every={"leftovers": (SWEEP_S, leftovers.sweep)})
    return DraftSlice(service=service, samples=samples, work=work)
