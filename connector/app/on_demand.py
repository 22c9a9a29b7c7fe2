"""What a process is made of only as soon as somebody asks: figures, tasks, partners, requests and moves.

Nothing here works by itself: it is loaded with the management surface or the desk, whichever is asked first, and both
have the same (decision 0118).
"""

from weakref import WeakKeyDictionary

from msgspec import Struct

from connector.app.policy_engine import lists
from connector.app.services import Services
from connector.continuity.moving import assemble as moving_slice
from connector.continuity.moving.assemble import MovingSlice
from connector.oversight.figures.service import Figures
from connector.oversight.partners.groups import PartnerGroups
from connector.oversight.partners.service import Partners
from connector.oversight.tasks import assemble as task_slice
from connector.oversight.tasks.service import Tasks
from connector.surfaces.requests import assemble as request_slice
from connector.surfaces.requests.assemble import RequestSlice


class OnDemand(Struct, frozen=True, kw_only=True):
    figures: Figures
    tasks: Tasks
    partners: Partners
    groups: PartnerGroups
    requests: RequestSlice
    moving: MovingSlice


_made: "WeakKeyDictionary[Services, OnDemand]" = WeakKeyDictionary()


def on_demand(services: Services) -> OnDemand:
    """The same for all who ask a process."""
    found = _made.get(services)
    if found is None:
        found = _made[services] = _build(services)
    return found


def _build(services: Services) -> OnDemand:
    infra, participants, engine = services.infra, services.participants, services.engine
    contracts, transfers, catalogue = services.contracts.service, services.transfers, services.catalogue
    approvals, trust = services.approvals.service, services.trust
    return OnDemand(
        figures=Figures(participants, contracts.agreements, engine, lists().closure_of, trust.anchor),
        tasks=task_slice.assemble(contracts, transfers.duties, approvals, services.drafts.service),
        partners=Partners(infra.clock, participants, contracts, engine, catalogue.index, trust, services.circuits),
        groups=PartnerGroups(infra.db, participants, transfers.enforcement, services.approvals.widening),
        requests=request_slice.assemble(
            infra,
            catalogue,
            contracts,
            transfers.service,
            approvals,
            services.plane.local,
            engine,
            peer=services.peer,
            anchor=trust.anchor,
        ),
        moving=moving_slice.assemble(
            infra, participants, trust.resolver, services.evidence.seal_log, contracts, transfers.service
        ),
    )
