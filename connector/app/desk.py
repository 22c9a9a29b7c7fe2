"""What the desk is made of: its pages by plain constructor calls over the services, and what all of them stand on."""

import hmac
from hashlib import sha256

from aiohttp import web
from msgspec.structs import replace

from connector.app.on_demand import OnDemand, on_demand
from connector.app.services import Services
from connector.exchange.contracts.signing.review import Readings
from connector.foundation.settings.load import master_key, web_origin
from connector.foundation.settings.own_texts import own_texts
from connector.identity.accounts.directory import Directory
from connector.identity.trust.members.roots import authority_pem
from connector.kernel.policy.odrl.names import HANSE
from connector.oversight.operation.overview import Observer
from connector.surfaces.views.agreement import Agreements
from connector.surfaces.views.members import Members
from connector.surfaces.views.termination import Lives
from connector.surfaces.web import assets, routes
from connector.surfaces.web.account.account import AccountHandlers
from connector.surfaces.web.account.sign_in import SignInHandlers
from connector.surfaces.web.administration.handlers import AdministrationPages
from connector.surfaces.web.approvals.handlers import ApprovalPages
from connector.surfaces.web.beginning.handlers import BeginningPages
from connector.surfaces.web.call import Desk
from connector.surfaces.web.contracts.checking import Checking
from connector.surfaces.web.contracts.handlers import ContractPages
from connector.surfaces.web.contracts.steps import ContractSteps
from connector.surfaces.web.datasets.handlers import DatasetHandlers
from connector.surfaces.web.deliveries.handlers import DeliveryPages
from connector.surfaces.web.figures.handlers import FigurePages
from connector.surfaces.web.find.handlers import FindPages
from connector.surfaces.web.frame.handlers import FrameHandlers
from connector.surfaces.web.imports.handlers import ImportPages
from connector.surfaces.web.network.handlers import NetworkPages
from connector.surfaces.web.notifications.handlers import NotificationPages
from connector.surfaces.web.partners.handlers import PartnerPages
from connector.surfaces.web.people.handlers import PeopleHandlers, TokenHandlers
from connector.surfaces.web.publish.handlers import PublishHandlers
from connector.surfaces.web.publish.terms import Rules
from connector.surfaces.web.requests.handlers import RequestPages
from connector.surfaces.web.sent_forms import SentForms
from connector.surfaces.web.session import Cookies
from connector.surfaces.web.spaces.applications import ApplicationPages
from connector.surfaces.web.spaces.certificates import CertificatePages
from connector.surfaces.web.spaces.groups import GroupPages
from connector.surfaces.web.spaces.joining import JoinPages
from connector.surfaces.web.spaces.keeping import SpacePages
from connector.surfaces.web.spaces.mergers import MergerPages
from connector.surfaces.web.spaces.recovery import RecoveryPages
from connector.surfaces.web.today.handlers import TodayPages

PUBLIC_BODIES = frozenset(
    HANSE + name
    for name in (
        "municipality",
        "county",
        "intermunicipalAssociation",
        "stateAuthority",
        "federalAuthority",
        "statisticsOffice",
    )
)
"""Kinds whose pages may call themselves an official website."""


def pages(services: Services) -> list[routes.Handlers]:
    """The handlers of every page."""
    db, anchor, accounts = services.infra.db, services.trust.anchor, services.accounts
    later = on_demand(services)
    return [
        FrameHandlers(),
        *_sharing(services),
        SignInHandlers(accounts),
        AccountHandlers(accounts),
        PeopleHandlers(accounts),
        TokenHandlers(accounts),
        TodayPages(db, later.tasks, anchor),
        FigurePages(db, later.figures, anchor),
        ApprovalPages(
            db,
            services.approvals,
            services.catalogue.service,
            services.contracts.service,
            services.engine,
            anchor,
            Directory(),
            services.drafts.service,
        ),
        BeginningPages(
            db,
            services.participants,
            services.accounts.people,
            services.catalogue.service,
            services.drafts.samples,
            anchor,
        ),
        AdministrationPages(
            db,
            services.participants,
            services.accounts.people,
            _observer(services),
            services.operation.enrolment.enlist,
        ),
        PartnerPages(db, later.partners, services.engine, anchor),
        NetworkPages(db, later.partners, anchor),
        JoinPages(db, services.spaces, anchor, later.partners),
        GroupPages(services.spaces, Members(anchor)),
        SpacePages(db, services.spaces, Directory()),
        MergerPages(db, services.spaces),
        CertificatePages(db, services.spaces),
        RecoveryPages(db, services.spaces),
        ApplicationPages(db, services.spaces, Directory(), Members(anchor)),
        *_contracts(services, later),
        NotificationPages(
            db,
            services.notifications.service,
            services.notifications.mailboxes,
            sending=bool(services.infra.settings.mail.host),
        ),
        *_finding(services, later),
    ]


def _finding(services: Services, later: OnDemand) -> list[routes.Handlers]:
    """Data of others, from the search to the file."""
    db, members, requests = services.infra.db, Members(services.trust.anchor), later.requests
    contracts, transfers, plane = services.contracts.service, services.transfers.service, services.plane.local
    return [
        FindPages(db, services.infra.clock, requests.searches, requests.datasets, services.catalogue.service, members),
        RequestPages(db, requests.service, requests.progress, contracts, members),
        DeliveryPages(db, contracts, transfers, services.requests.links, plane, services.peer, members),
    ]


def _sharing(services: Services) -> list[routes.Handlers]:
    """What is published, and how."""
    db, anchor, drafts = services.infra.db, services.trust.anchor, services.drafts.service
    rules = Rules(services.infra.clock, services.engine, services.catalogue.audiences, anchor)
    return [
        PublishHandlers(db, drafts, services.catalogue.sources, rules, services.catalogue.index, anchor),
        DatasetHandlers(
            db,
            services.catalogue.service,
            drafts,
            services.approvals.publications,
            services.contracts.service,
            services.engine,
            anchor,
            rules,
        ),
        ImportPages(db, services.approvals.imports),
    ]


def _contracts(services: Services, later: OnDemand) -> list[routes.Handlers]:
    db, clock, anchor, engine = services.infra.db, services.infra.clock, services.trust.anchor, services.engine
    contracts, transfers = services.contracts, services.transfers
    agreements, settings = Agreements(contracts.service, anchor), services.infra.settings.trust

    def anchors() -> bytes:
        """What this process trusts itself, as it lies there now."""
        places = dict.fromkeys((settings.authority_key_file, *settings.seal_ca_files))
        own = [place.read_bytes() for place in places if anchor.home is not None or place.is_file()]
        return b"\n".join([*own, *(authority_pem(pin.jwk).encode() for pin in anchor.joined)])

    return [
        ContractPages(
            db,
            contracts.service,
            transfers.service,
            transfers.duties,
            services.approvals.service,
            services.evidence,
            engine,
            agreements,
            Lives(contracts.service, contracts.terminations, anchor),
            Directory(),
            Checking(anchors, lambda: (anchor.jws or "").encode("ascii")),
        ),
        ContractSteps(
            db,
            clock,
            services.participants,
            contracts.service,
            contracts.termination_delivery,
            later.requests.service,
            engine,
            Readings(contracts.service.agreements, engine, services.trust.members.name_of),
            agreements,
        ),
    ]


def _observer(services: Services) -> Observer:
    return Observer(
        services.infra.db,
        services.participants,
        services.trust.anchor,
        services.operation.monitoring,
        services.schedule.readiness.look,
        services.schedule.watch,
    )


def desk(services: Services) -> Desk:
    infra, settings = services.infra, services.infra.settings
    origin = web_origin(settings)

    def official(did: str) -> bool:
        """By the word of the trust list that is in force, not of the participant."""
        now = infra.clock.now()
        entry = services.trust.anchor.entry(did)
        return entry is not None and entry.admitted(now) and entry.kind in PUBLIC_BODIES

    return Desk(
        clock=infra.clock,
        participants=services.participants,
        sessions=services.accounts.sessions,
        cookies=Cookies(origin),
        origin=origin,
        key=hmac.digest(master_key(settings), b"hanse/desk/forms", sha256),
        official=official,
        in_words=Members(services.trust.anchor).in_words,
        sent=SentForms(infra.db),
        assets=assets.load(),
        texts=own_texts(settings.web),
    )


def application(services: Services) -> web.Application:
    """What answers on the desk's own socket; raises Defect for a page without a role."""
    handlers = pages(services)
    return routes.application(replace(desk(services), paths=routes.paths(handlers)), handlers)
