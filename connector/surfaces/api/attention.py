"""What of a participant's contracts and evidence may need somebody soon, for `hanse doctor`: facts, and no verdict."""

from collections.abc import Mapping
from typing import ClassVar

from aiohttp import web
from cryptography import x509

from connector.dataspace.spaces.news import news
from connector.exchange.contracts.evidence import attention
from connector.exchange.contracts.negotiation.service import Contracts
from connector.foundation.clock import rfc3339
from connector.foundation.storage.database import Database, Tx
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.members.trust_list import Anchor
from connector.oversight.tasks.service import deadlines
from connector.surfaces.api.routes import PARTICIPANT, Route, get
from connector.surfaces.views.fields import time
from connector.surfaces.views.members import Members
from connector.surfaces.views.operation import (
    AttentionView,
    CountersignByView,
    FalseListView,
    LogWaitsView,
    QuotaView,
    UndeliveredView,
)

ALARM_MS = 30 * 86_400_000
"""So long a list that was not believed is told of."""


class AttentionHandlers:
    def __init__(self, db: Database, participants: Participants, contracts: Contracts, anchor: Anchor) -> None:
        self._db, self._participants, self._contracts, self._anchor = db, participants, contracts, anchor
        self._members = Members(anchor)

    async def show(self, request: web.Request) -> AttentionView:
        """What may need somebody soon, and peers that may begin nothing new for now."""
        hosted = await self._participants.get(request.match_info["p"])
        return await self._db.read(hosted.participant.id, self._of, hosted)

    routes: ClassVar[tuple[Route, ...]] = (get(f"{PARTICIPANT}/attention", show),)

    def _of(self, tx: Tx, hosted: Hosted) -> AttentionView:
        slug = hosted.participant.id
        terminations, vouched = attention.terminations(tx, slug), attention.vouched(tx, slug)
        return AttentionView(
            seal_until=_ends(hosted),
            log_key_listed=self._listed(hosted),
            log=LogWaitsView(unstamped_since=time(vouched.unstamped_since), untimed_since=time(vouched.untimed_since)),
            seals_missing=attention.seals_missing(tx, slug),
            over_quota=[QuotaView(**one) for one in attention.over_quota(tx, slug)],
            endings=UndeliveredView(
                waiting=terminations.waiting, oldest=time(terminations.oldest), refused=terminations.refused
            ),
            countersign=self._countersign(tx, slug),
            false_lists=_false_lists(tx, slug),
        )

    def _countersign(self, tx: Tx, slug: str) -> list[CountersignByView]:
        waiting = deadlines(tx, self._contracts.agreements, slug)
        titles = self._contracts.titles(tx, slug, [one.agreement.id for one in waiting])
        return [
            CountersignByView(
                agreement=one.agreement.id,
                counterparty=one.agreement.counterparty,
                partner=self._members.name(one.agreement.counterparty),
                title=titles.get(one.agreement.id, ""),
                until=rfc3339(one.until),
                step=one.step,
            )
            for one in waiting
        ]

    def _listed(self, hosted: Hosted) -> bool | None:
        entry, signer = self._anchor.entry(hosted.participant.did), hosted.signers.get("log")
        if entry is None or signer is None:
            return None
        return any(_same(signer.public_jwk, key) for key in entry.log_keys)


def _false_lists(tx: Tx, slug: str) -> list[FalseListView]:
    """What was put into the log of the participant as an alarm, once for each list."""
    _, _, lists, _ = news(tx, slug, tx.now - ALARM_MS)
    return [
        FalseListView(space=one.space, name=one.name, code=one.code, member=one.member, at=time(one.at))
        for one in lists
    ]


def _same(ours: Mapping[str, object], theirs: Mapping[str, object]) -> bool:
    return all(ours.get(name) == theirs.get(name) for name in ("kty", "crv", "x", "y"))


def _ends(hosted: Hosted) -> str | None:
    if not hosted.chain:
        return None
    ends = x509.load_der_x509_certificate(hosted.chain[0]).not_valid_after_utc
    return rfc3339(int(ends.timestamp() * 1000))
