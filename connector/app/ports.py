"""The replaceable dependencies of a process, with their production defaults: what a test entry point may exchange.

Each port is a function with what we do in production as its default. `running` takes them as an argument; no setting,
no environment and no command line reaches them.
"""

import ssl
from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web
from msgspec import Struct

from connector.data.catalogue.assemble import CatalogueSlice
from connector.data.sources.kind import Kind
from connector.data.sources.kinds import STANDARD, Sources
from connector.exchange.contracts import assemble as contracts
from connector.exchange.contracts.assemble import ContractSlice
from connector.exchange.contracts.negotiation.decide import NegotiationDecider
from connector.exchange.transfer import assemble as transfers
from connector.exchange.transfer.assemble import TransferSlice
from connector.exchange.transfer.decide import TransferDecider
from connector.exchange.transfer.plane import assemble as plane
from connector.exchange.transfer.plane.assemble import DataPlane
from connector.exchange.transfer.plane.data_access import DataAccess
from connector.exchange.transfer.plane.reports import Reports
from connector.foundation.clock import Clock
from connector.foundation.http import server
from connector.foundation.http.limits import Middleware
from connector.foundation.http.outbound import SafeClient
from connector.foundation.settings.load import Settings, database_url
from connector.foundation.storage import open_database
from connector.foundation.storage.database import Database
from connector.identity.infra import Infra
from connector.identity.jobs.work import Work
from connector.identity.participants.service import Participants
from connector.identity.trust.assemble import TrustSlice
from connector.identity.trust.keys.jwk import Jwk
from connector.identity.trust.members.trust_list import Anchor
from connector.surfaces.peer.addresses import Addresses
from connector.surfaces.peer.auth import Gatekeeper
from connector.surfaces.peer.client.client import PeerClient
from connector.surfaces.peer.routes import Authenticate


class More(Struct, frozen=True):
    """What a test has in its process besides the slices: work, and routes on the public socket."""

    work: Work = Work()
    routes: Sequence[web.RouteDef] = ()
    middlewares: Sequence[Middleware] = ()


def database(settings: Settings, clock: Clock) -> Database:
    """The one that the settings name, not yet started."""
    return open_database(database_url(settings), worker_url=settings.database.worker_url.reveal(), clock=clock)


def outbound(settings: Settings) -> SafeClient:
    """The one way out of the process."""
    out = settings.outbound
    return SafeClient(
        allow=out.allow,
        ca_files=settings.trust.ca_files,
        total_s=out.total_s,
        stall_s=out.stall_s,
        proxy=out.proxy or None,
    )


def tls(settings: Settings) -> ssl.SSLContext | None:
    """Of the public surface; None never outside tests."""
    return server.tls_server(settings.peer.tls_cert_file, settings.peer.tls_key_file)


def peer(infra: Infra, participants: Participants, trust: TrustSlice, addresses: Addresses) -> PeerClient:
    """How we call other connectors: with a fresh token of the participant."""
    return PeerClient(
        infra.db, infra.clock, infra.http, participants, trust.resolver, trust.anchor, trust.skews, addresses
    )


def gatekeeper(infra: Infra, participants: Participants, trust: TrustSlice) -> Authenticate:
    """Who may call the public surface."""
    return Gatekeeper(
        infra.clock, trust.resolver, trust.anchor, participants.entered_root, trust.skews, participants.groups
    )


def kinds(settings: Settings) -> Sequence[Kind[Any]]:
    """Of sources: all that this connector knows, whatever is set."""
    return STANDARD


def nothing_more(infra: Infra, catalogue: CatalogueSlice, contracts: ContractSlice, transfers: TransferSlice) -> More:
    """The slices are all there is."""
    return More()


class Ports(Struct, frozen=True, kw_only=True):
    """`anchor` says who belongs, `negotiating` and `transferring` what we do next, `kinds` which sources there are,
    `plane` how bytes move, `more` what a test has besides."""

    database: Callable[[Settings, Clock], Database] = database
    outbound: Callable[[Settings], SafeClient] = outbound
    tls: Callable[[Settings], ssl.SSLContext | None] = tls
    anchor: Callable[[Jwk], Anchor] = Anchor
    peer: Callable[[Infra, Participants, TrustSlice, Addresses], PeerClient] = peer
    authenticate: Callable[[Infra, Participants, TrustSlice], Authenticate] = gatekeeper
    negotiating: contracts.Decide = NegotiationDecider
    transferring: transfers.Decide = TransferDecider
    kinds: Callable[[Settings], Sequence[Kind[Any]]] = kinds
    plane: Callable[[Infra, DataAccess, Reports, Sources], DataPlane] = plane.assemble
    more: Callable[[Infra, CatalogueSlice, ContractSlice, TransferSlice], More] = nothing_more


PRODUCTION = Ports()
