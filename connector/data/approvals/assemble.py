"""Puts the slice together: rules that say who has to agree, approvals, and drafts of publications."""

from msgspec import Struct

from connector.data.approvals.imports import ImportApprovals
from connector.data.approvals.model import Directory
from connector.data.approvals.publications import PublicationApprovals
from connector.data.approvals.rules import ApprovalRules
from connector.data.approvals.service import DUE, Approvals
from connector.data.approvals.widening import Widening
from connector.data.catalogue.service import Catalogue
from connector.identity.jobs.work import Work
from connector.identity.participants.service import Participants


class ApprovalSlice(Struct, frozen=True, kw_only=True):
    service: Approvals
    publications: PublicationApprovals
    widening: Widening
    imports: ImportApprovals
    work: Work


def assemble(
    participants: Participants, catalogue: Catalogue, rules: ApprovalRules, people: Directory
) -> ApprovalSlice:
    service = Approvals(participants, rules, people)
    imports = ImportApprovals(participants, service)
    publications = PublicationApprovals(participants, catalogue, service, imports)
    return ApprovalSlice(
        service=service,
        publications=publications,
        widening=Widening(catalogue, publications, rules),
        imports=imports,
        work=Work(timers={DUE: service.due}),
    )
