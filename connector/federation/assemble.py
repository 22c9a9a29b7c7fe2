"""Puts the slice together: the crawler with its jobs, and what people ask of it."""

from msgspec import Struct

from connector.federation.crawl import Fetch
from connector.federation.crawler import Crawler
from connector.federation.service import FederationService
from connector.infra import Infra
from connector.jobs.work import Work
from connector.participants.service import Participants
from connector.trust.members.trust_list import Anchor


class FederationSlice(Struct, frozen=True, kw_only=True):
    """`service` is for people, `crawler` goes by the clock."""

    service: FederationService
    crawler: Crawler
    work: Work


def assemble(infra: Infra, participants: Participants, anchor: Anchor, fetch: Fetch) -> FederationSlice:
    settings = infra.settings.federation
    crawler = Crawler(
        infra.db, infra.clock, participants, anchor, fetch, infra.me, settings, infra.metrics
    )  # fmt: skip

    return FederationSlice(
        service=FederationService(infra.db, crawler), crawler=crawler,
        work=Work(every={"crawl": (settings.look_s, crawler.look)}, rounds=(crawler,)),
    )  # fmt: skip
