"""Puts the slice together: searching, asking, and the delivery that follows."""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from connector.catalogue.search.find import Index
from connector.contracts.negotiation.service import Contracts
from connector.infra import Infra
from connector.jobs.work import Work
from connector.participants.service import Participants
from connector.policy.engine import PolicyEngine
from connector.requests.delivery import FirstDelivery
from connector.requests.links import SWEEP_S, Links
from connector.requests.peers import Peers
from connector.requests.search import Searches
from connector.requests.service import Requests
from connector.transfer.service import Transfers
from connector.trust.members.trust_list import Anchor


class RequestSlice(Struct, frozen=True, kw_only=True):
    """`searches` find data of members, `service` asks for them, `links` lead programs to what was received."""

    searches: Searches
    service: Requests
    links: Links
    work: Work


def assemble(
    infra: Infra, participants: Participants, index: Index, contracts: Contracts, transfers: Transfers,
    judge: PolicyEngine, *, peer: Peers, anchor: Anchor, file_of: Callable[[str, str], Path | None],
) -> RequestSlice:  # fmt: skip
    """`peer` asks other connectors; `anchor` says who belongs; `file_of` where the file of a transfer lies."""
    db, clock = infra.db, infra.clock
    links = Links(db, clock, participants, contracts, transfers, file_of)
    first = FirstDelivery(db, clock, contracts, transfers, peer)
    return RequestSlice(
        searches=Searches(db, clock, index, judge, peer, anchor),
        service=Requests(db, clock, contracts, peer, anchor, judge),
        links=links,
        work=Work(handlers=first.work.handlers, every={"links": (SWEEP_S, links.sweep)}),
    )
