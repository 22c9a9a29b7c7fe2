"""What goes on for those who asked, whoever looks: the delivery they ordered, and links that lead to what came.

Everything else of asking is loaded with the first who asks (`assemble.py`).
"""

from msgspec import Struct

from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.transfer.plane.pull_errand import LocalPlane
from connector.exchange.transfer.service import Transfers
from connector.identity.infra import Infra
from connector.identity.jobs.work import Work
from connector.identity.participants.service import Participants
from connector.surfaces.requests.delivery import FirstDelivery
from connector.surfaces.requests.links import SWEEP_S, Links
from connector.surfaces.requests.peers import Peers


class RequestWork(Struct, frozen=True, kw_only=True):
    """`links` lead programs to what was received."""

    links: Links
    work: Work


def request_work(
    infra: Infra,
    participants: Participants,
    contracts: Contracts,
    transfers: Transfers,
    plane: LocalPlane,
    peer: Peers,
) -> RequestWork:
    """`plane` has the files that came."""
    db, clock = infra.db, infra.clock
    links = Links(db, clock, participants, contracts, transfers, plane.file)
    first = FirstDelivery(db, clock, contracts, transfers, peer)
    work = Work(handlers=first.work.handlers, every={"links": (SWEEP_S, links.sweep)})
    return RequestWork(links=links, work=work)
