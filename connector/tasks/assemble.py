"""Puts the slice together: those slices that know of tasks, each with how it says them."""

from collections.abc import Iterator

from connector.approvals import decide
from connector.approvals.model import Voter
from connector.approvals.service import Approvals
from connector.contracts.negotiation.service import Contracts
from connector.drafts.service import Drafts
from connector.harvest.supply import asked
from connector.storage.database import Tx
from connector.tasks.model import Task, Viewer
from connector.tasks.service import Supplier, Tasks
from connector.transfer.duties import Duties


def assemble(contracts: Contracts, duties: Duties, waiting: Approvals, begun: Drafts) -> Tasks:
    return Tasks(contracts, duties, (imports, approvals(waiting), drafts(begun)))


def drafts(service: Drafts) -> Supplier:
    """What was begun and neither published nor handed on; sample data wait for nobody."""

    def supply(tx: Tx, slug: str, viewer: Viewer) -> Iterator[Task]:
        for one in service.open_ones(tx, slug):
            if one.state != "submitted" and not one.sample:
                yield Task(kind="draft", subject=one.id, title=one.said.title or one.name, since=one.changed_at)

    return supply


def approvals(service: Approvals) -> Supplier:
    """What the viewer can agree to now, in the part that is hers."""

    def supply(tx: Tx, slug: str, viewer: Viewer) -> Iterator[Task]:
        voter = Voter(viewer.pseudonym, viewer.roles)
        for row in service.waiting_for(tx, slug, voter):
            part = decide.part_for(row.ballot, voter)
            yield Task(
                kind="protection" if part == "protection" else "approval", subject=row.id, title=row.title,
                partner=row.counterparty, since=row.asked_at, due=row.due_at, process=row.process,
            )  # fmt: skip

    return supply


def imports(tx: Tx, slug: str, viewer: Viewer) -> Iterator[Task]:
    """One task for each imported catalogue with questions that only people can answer."""
    for source, questions in asked(tx, slug):
        yield Task(kind="import", subject=source.id, title=source.location, since=source.imported_at, count=questions)
