"""Puts the slice together: the crawler with its jobs, and what people ask of it."""

from typing import Protocol

from msgspec import Struct

from connector.data.federation.crawl import Fetch
from connector.data.federation.crawler import Crawler
from connector.data.federation.lists import Ask, ListExchange
from connector.data.federation.service import FederationService
from connector.identity.infra import Infra
from connector.identity.jobs.work import Work
from connector.identity.participants.service import Participants
from connector.identity.trust.did.did import Did
from connector.identity.trust.members.held_lists import HeldLists
from connector.identity.trust.members.trust_list import Anchor


class FederationSlice(Struct, frozen=True, kw_only=True):
    """`service` is for people, `crawler` goes by the clock, `lists` are compared beside it."""

    service: FederationService
    crawler: Crawler
    lists: ListExchange
    work: Work


class Asking(Fetch, Ask, Protocol):
    """What a crawl and a comparison of lists ask of a member."""


def assemble(infra: Infra, participants: Participants, anchor: Anchor, held: HeldLists, ask: Asking) -> FederationSlice:
    settings = infra.settings.federation
    lists = ListExchange(held, ask, lambda did: participants.document(Did(did)) is not None, infra.clock)
    crawler = Crawler(infra.db, infra.clock, participants, anchor, ask, infra.me, settings, infra.metrics, lists.look)

    return FederationSlice(
        service=FederationService(infra.db, crawler),
        crawler=crawler,
        lists=lists,
        work=Work(every={"crawl": (settings.look_s, crawler.look)}, rounds=(crawler,)),
    )
