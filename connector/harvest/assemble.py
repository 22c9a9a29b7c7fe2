"""Puts the slice together: foreign catalogues that participants take in."""

from msgspec import Struct

from connector.harvest.fetch import Fetcher
from connector.harvest.service import Harvest
from connector.infra import Infra
from connector.jobs.work import Work
from connector.metadata.lists.updates import known_lists
from connector.participants.service import Participants


class HarvestSlice(Struct, frozen=True, kw_only=True):
    """`service` takes in, asks and gives what may be served; its rounds end with the process."""

    service: Harvest
    work: Work


def assemble(infra: Infra, participants: Participants) -> HarvestSlice:
    folder = infra.settings.folder
    service = Harvest(infra.db, participants, Fetcher(infra.http), lambda: known_lists(folder))
    return HarvestSlice(service=service, work=Work(rounds=(service,)))
