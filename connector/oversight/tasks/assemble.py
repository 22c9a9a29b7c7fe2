"""Puts the slice together: those slices that know of tasks, each with how it says them."""

from collections.abc import Iterator

from connector.data.approvals import decide
from connector.data.approvals.model import Voter
from connector.data.approvals.service import Approvals
from connector.data.drafts.service import Drafts
from connector.data.harvest.supply import asked
from connector.dataspace.spaces import news, recovery_store, store
from connector.dataspace.spaces.keeping import overview
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.transfer.duties import Duties
from connector.foundation.storage.database import Tx
from connector.oversight.tasks.model import Task, Viewer
from connector.oversight.tasks.service import Supplier, Tasks

ENDS_MS = 30 * 86_400_000
"""So long before its end a membership of ours is a task."""


def assemble(contracts: Contracts, duties: Duties, waiting: Approvals, begun: Drafts) -> Tasks:
    return Tasks(contracts, duties, (imports, approvals(waiting), drafts(begun), spaces))


def drafts(service: Drafts) -> Supplier:
    """What was begun and neither published nor handed on; sample data wait for nobody."""

    def supply(tx: Tx, slug: str, viewer: Viewer) -> Iterator[Task]:
        for one in service.open_ones(tx, slug):
            if one.state != "submitted" and not one.sample:
                yield Task(kind="draft", subject=one.id, title=one.said.title or one.name, since=one.changed_at)

    return supply


def approvals(service: Approvals) -> Supplier:
    """What the viewer can agree to now, in the part that is hers; changes of a rule, too."""

    def supply(tx: Tx, slug: str, viewer: Viewer) -> Iterator[Task]:
        voter = Voter(viewer.pseudonym, viewer.roles)
        for row in service.waiting_for(tx, slug, voter):
            part = decide.part_for(row.ballot, voter)
            yield Task(
                kind="protection" if part == "protection" else "approval",
                subject=row.id,
                title=row.title,
                partner=row.counterparty,
                since=row.asked_at,
                due=row.due_at,
                process=row.process,
            )
        for one in service.rules.pending(tx, slug):
            said = {one.proposal.proposed_by, one.proposal.admin, one.proposal.officer}
            if viewer.pseudonym not in said and one.missing & viewer.roles:
                yield Task(kind="rule-waits", subject=one.proposal.id, since=one.proposal.proposed_at)

    return supply


def spaces(tx: Tx, slug: str, viewer: Viewer) -> Iterator[Task]:
    """Applications, mergers and certificates to which the viewer has not said yes yet, members to be renewed by people,
    groups that ask for us, our own ends, and lists that stand still after a restore."""
    for one in overview.waiting(tx, slug):
        if one.missing and not one.agreed(viewer.pseudonym):
            yield Task(
                kind="admission-second" if one.votes else "admission",
                subject=one.id,
                title=one.name,
                since=one.asked_at,
                due=one.due_at,
            )
    for merger in overview.mergers(tx, slug):
        if merger.missing and not merger.agreed(viewer.pseudonym):
            yield Task(
                kind="merger-second" if merger.votes else "merger",
                subject=merger.did,
                title=merger.name,
                partner=merger.into,
                since=merger.asked_at,
                due=merger.due_at,
            )
    for seal in overview.seals(tx, slug):  # those of one member are one task
        if seal.missing and not seal.agreed(viewer.pseudonym):
            yield Task(
                kind="seal-second" if seal.votes else "seal", subject=seal.did, title=seal.name, since=seal.asked_at
            )
    space, lost = store.space(tx, slug), recovery_store.open_since(tx, slug)
    if space is not None and lost is not None:
        yield Task(kind="list-lost", subject=space.space, title=space.name, since=lost)
    if space is not None and space.rules.renewal == "people":
        soon = overview.ending(space, overview.members(tx, slug), tx.now)
        if soon:
            yield Task(
                kind="renewals", subject=space.space, title=space.name, since=0, due=soon[0].until, count=len(soon)
            )
    for group in news.asked(tx, slug):
        yield Task(kind="group-asked", subject=group.group, title=news.label(group), since=group.at)
    for end in news.ending(tx, slug, tx.now + ENDS_MS):
        yield Task(kind="membership-ends", subject=end.space, title=end.name, since=0, due=end.until)


def imports(tx: Tx, slug: str, viewer: Viewer) -> Iterator[Task]:
    """One task for each imported catalogue with questions that only people can answer."""
    for source, questions in asked(tx, slug):
        yield Task(kind="import", subject=source.id, title=source.location, since=source.imported_at, count=questions)
