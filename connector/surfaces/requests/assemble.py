"""Puts the slice together: searching, asking, and what became of that. What goes on by itself is in `work.py`."""

from msgspec import Struct

from connector.data.approvals.service import Approvals
from connector.data.catalogue.assemble import CatalogueSlice
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.transfer.plane.pull_errand import LocalPlane
from connector.exchange.transfer.service import Transfers
from connector.identity.infra import Infra
from connector.identity.trust.members.trust_list import Anchor
from connector.kernel.policy.engine import PolicyEngine
from connector.surfaces.requests.dataset import ForeignDatasets
from connector.surfaces.requests.peers import Peers
from connector.surfaces.requests.progress import Progress
from connector.surfaces.requests.search import Searches
from connector.surfaces.requests.service import Requests
from connector.surfaces.views.members import Members


class RequestSlice(Struct, frozen=True, kw_only=True):
    """`searches` find data of members, `datasets` show one, `service` asks for it, `progress` tells the rest."""

    searches: Searches
    service: Requests
    datasets: ForeignDatasets
    progress: Progress


def assemble(
    infra: Infra,
    catalogue: CatalogueSlice,
    contracts: Contracts,
    transfers: Transfers,
    approvals: Approvals,
    plane: LocalPlane,
    engine: PolicyEngine,
    *,
    peer: Peers,
    anchor: Anchor,
) -> RequestSlice:
    """`peer` asks other connectors; `anchor` says who belongs; `plane` has the files that came."""
    db, clock = infra.db, infra.clock
    service, members = Requests(db, clock, contracts, peer, anchor, engine), Members(anchor)
    return RequestSlice(
        searches=Searches(db, clock, catalogue.index, engine, peer, anchor),
        service=service,
        datasets=ForeignDatasets(db, clock, peer, service, catalogue.audiences, members, engine),
        progress=Progress(
            db, clock, contracts, transfers, approvals, service, members, engine, plane.file, plane.arrived
        ),
    )
