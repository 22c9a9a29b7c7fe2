"""What a process answers from its start on: other connectors on the public surface, machines that ask how it is.

Handlers by plain constructor calls over the services; no rule stands here.
"""

from collections.abc import Callable, Mapping

from yarl import URL

from connector.app.services import Services
from connector.data.dataplane.receive.inbound import Inbound
from connector.data.dataplane.receive.inbound import receive as receive_data
from connector.data.dataplane.serve.stream import serve as serve_data
from connector.foundation.http.one_handler import OneHandler
from connector.foundation.settings.own_texts import own_texts
from connector.surfaces.api.operation import OperationHandlers
from connector.surfaces.peer import data, routes
from connector.surfaces.peer.dsp.catalogue import CatalogueHandlers
from connector.surfaces.peer.dsp.exchange import Exchange
from connector.surfaces.peer.dsp.negotiations import NegotiationHandlers
from connector.surfaces.peer.dsp.transfers import TransferHandlers
from connector.surfaces.peer.evidence.log import LogHandlers
from connector.surfaces.peer.evidence.objects import EvidenceHandlers
from connector.surfaces.peer.evidence.reconcile import ReconcileHandlers
from connector.surfaces.peer.evidence.terminations import TerminationHandlers
from connector.surfaces.peer.evidence.witness import WitnessHandlers
from connector.surfaces.peer.identity import IdentityHandlers
from connector.surfaces.peer.inventory import InventoryHandlers
from connector.surfaces.peer.lists import ListHandlers
from connector.surfaces.peer.mandates import MandateHandlers
from connector.surfaces.peer.problems import problems
from connector.surfaces.peer.public import routes as public_routes
from connector.surfaces.peer.spaces import SpaceHandlers


def public(services: Services) -> routes.Surface:
    """The surface for other connectors."""
    clock, anchor = services.infra.clock, services.trust.anchor
    exchange = Exchange(
        services.infra.db,
        services.seen,
        services.circuits.heard,
        lambda own, did: anchor.between(own, did, clock.now()),
        services.addresses.prove,
    )
    return routes.Surface(
        peer_routes(services, exchange),
        services.participants,
        services.authenticate,
        exchange.refused,
        services.infra.clock,
        lambda did, now: services.trust.anchor.line_for(did).successor(did, now),
    )


def peer_routes(services: Services, exchange: Exchange) -> list[routes.Route]:
    """Every door below a participant's root; those that are not `public` want a member."""
    infra, plane, contracts = services.infra, services.plane, services.contracts
    db, clock = infra.db, infra.clock
    outgoing = serve_data(
        plane.gate, plane.streams, plane.sources, plane.ports, participant=data.slug_of, flow=data.flow_of
    )
    limits = infra.settings.data
    inbound = Inbound(place=plane.local.place, limit=limits.largest, free=limits.keep_free)
    incoming = receive_data(db, plane.streams, plane.ports, inbound, participant=data.slug_of, flow=data.flow_of)
    spaces = services.spaces
    return [
        *IdentityHandlers(services.participants).routes(),
        *ReconcileHandlers(exchange, contracts.service, clock).routes(),
        *LogHandlers(db, clock).routes(),
        *CatalogueHandlers(exchange, services.catalogue.service, clock).routes(),
        *InventoryHandlers(exchange, services.catalogue.service, clock).routes(),
        *ListHandlers(exchange, services.trust.held, clock).routes(),
        *NegotiationHandlers(exchange, contracts.service, services.trust.anchor, clock).routes(),
        *TransferHandlers(exchange, services.transfers.service).routes(),
        *EvidenceHandlers(
            exchange, contracts.service, services.evidence.bundle, contracts.late_delivery.receive, clock
        ).routes(),
        *TerminationHandlers(exchange, contracts.terminations, contracts.termination_delivery.judge, clock).routes(),
        *data.routes(outgoing, incoming),
        *SpaceHandlers(db, clock, spaces, services.trust.resolver, services.trust.anchor).routes(),
        *MandateHandlers(services.mandates.service, clock).routes(),
        *public_routes.routes(_open(services)),
    ]


def _open(services: Services) -> Callable[[], public_routes.Open]:
    """What is open to everybody; the operator's own texts are read here, at the start."""
    infra, published, texts = services.infra, services.public, own_texts(services.infra.settings.web)

    def load() -> public_routes.Open:
        from connector.surfaces.peer.public.answers import Answers
        from connector.surfaces.peer.public.catalogue import PublicHandlers
        from connector.surfaces.peer.public.downloads import Downloads

        sending, records = Answers(), published.records
        return public_routes.Open(
            PublicHandlers(infra.db, infra.clock, published.snapshots, records, sending, texts),
            Downloads(infra.db, infra.clock, records, services.plane.sources, sending),
        )

    return load


def peer_port(services: Services) -> OneHandler:
    """The public socket: the surface, the witness's door, and what a test entry point has besides."""
    infra, witness = services.infra, services.witness
    told, folder = services.operation.maintenance.log_misbehaved, infra.settings.folder / "witness"

    async def document(did: str) -> Mapping[str, object]:
        return (await services.trust.resolver.document(did)).raw

    door = WitnessHandlers(
        infra.db, infra.clock, services.trust.anchor, witness.keys, told, infra.metrics, folder, document
    )
    more = [*door.routes(URL(witness.keys.url).path), *services.more.routes]
    handler = routes.handler(public(services), problems, more, services.more.middlewares)
    return OneHandler(handler, infra.metrics, "peer")


def operation(services: Services) -> OperationHandlers:
    """What a machine asks a process from its start on: health and metrics, and what else is there for operators."""
    found, infra = services.operation, services.infra
    return OperationHandlers(
        infra.db,
        services.participants,
        infra.metrics,
        services.schedule.readiness.look,
        found.enrolment.reload,
        found.changes.accept_keys,
        found.look,
    )
