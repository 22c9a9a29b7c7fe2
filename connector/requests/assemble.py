"""Puts the slice together: searching, asking, and the delivery that follows."""

from msgspec import Struct

from connector.catalogue.search.find import Index
from connector.contracts.negotiation.service import Contracts
from connector.infra import Infra
from connector.jobs.work import Work
from connector.policy.engine import PolicyEngine
from connector.requests.delivery import FirstDelivery
from connector.requests.peers import Peers
from connector.requests.search import Searches
from connector.requests.service import Requests
from connector.transfer.service import Transfers
from connector.trust.members.trust_list import Anchor


class RequestSlice(Struct, frozen=True, kw_only=True):
    """`searches` find data of members, `service` asks for them."""

    searches: Searches
    service: Requests
    work: Work


def assemble(
    infra: Infra, index: Index, contracts: Contracts, transfers: Transfers, judge: PolicyEngine, *, peer: Peers,
    anchor: Anchor,
) -> RequestSlice:  # fmt: skip
    """`peer` asks other connectors; `anchor` says who belongs."""
    db, clock = infra.db, infra.clock
    return RequestSlice(
        searches=Searches(db, clock, index, judge, peer, anchor),
        service=Requests(db, clock, contracts, peer, anchor, judge),
        work=FirstDelivery(db, clock, contracts, transfers, peer).work,
    )
