"""Puts the slice together: those slices that know of tasks, each with how it says them."""

from collections.abc import Iterator

from connector.contracts.negotiation.service import Contracts
from connector.harvest.service import Harvest
from connector.storage.database import Tx
from connector.tasks.model import Task, Viewer
from connector.tasks.service import Supplier, Tasks
from connector.transfer.duties import Duties


def assemble(contracts: Contracts, duties: Duties, harvest: Harvest, more: tuple[Supplier, ...] = ()) -> Tasks:
    return Tasks(contracts, duties, (imports(harvest), *more))


def imports(harvest: Harvest) -> Supplier:
    """One task for each imported catalogue with questions that only people can answer."""

    def supply(tx: Tx, slug: str, viewer: Viewer) -> Iterator[Task]:
        for source, questions in harvest.asked(tx, slug):
            yield Task(
                kind="import", subject=source.id, title=source.location, since=source.imported_at, count=questions
            )  # fmt: skip

    return supply
