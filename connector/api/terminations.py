"""The life of an agreement over the management surface: its end, who succeeded whom, old and new side by side."""

from collections.abc import Mapping
from contextlib import suppress

import msgspec
from aiohttp import web

from connector.api import body
from connector.api.members import Members
from connector.api.peers import Peers
from connector.clock import Clock, rfc3339
from connector.contracts.agreement import termination_store
from connector.contracts.agreement.termination_store import Succession, Termination
from connector.contracts.document import clause_diff
from connector.contracts.model import Agreement
from connector.contracts.negotiation.service import Contracts
from connector.contracts.signing.progress import Progress, progress
from connector.contracts.termination import statement
from connector.contracts.termination.delivery import TerminationDelivery
from connector.contracts.termination.statement import Terminations
from connector.errors import Mistake, Unknown
from connector.participants.service import Participants
from connector.policy.engine import PolicyEngine
from connector.storage.database import Database, Tx
from connector.trust.members.trust_list import Anchor


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why the agreement ends; `reason_en` if the reason is at hand in English too.

    `notice`: the last day on which it is in force (31.03.2027 or 2027-03-31), or an instant; without it the end is now.
    """

    reason: str
    reason_en: str | None = None
    notice: str | None = None


class TerminationHandlers:
    def __init__(
        self, db: Database, clock: Clock, participants: Participants, contracts: Contracts, terminations: Terminations,
        desk: TerminationDelivery, peers: Peers, judge: PolicyEngine, anchor: Anchor,
    ) -> None:  # fmt: skip
        self._db, self._clock, self._participants, self._contracts = db, clock, participants, contracts
        self._terminations, self._desk, self._peers, self._judge = terminations, desk, peers, judge
        self._members = Members(anchor)

    def routes(self) -> list[web.RouteDef]:
        base = "/api/v1/participants/{p}/agreements/{id}"
        return [
            web.post(f"{base}/end", self.end),
            web.get(f"{base}/life", self.life),
            web.get(f"{base}/comparison", self.comparison),
        ]

    async def end(self, request: web.Request) -> web.StreamResponse:
        """States that it ends, sealed in the participant's name: 201 with the same as `life`."""
        slug, name = await self._slug(request), request.match_info["id"]
        wish = await body.read(request, Wish)
        notice = None if wish.notice is None else statement.day_of_notice(wish.notice, self._clock.now())
        reason = {"de": [wish.reason], "en": [wish.reason_en or wish.reason]}
        await self._desk.end(slug, name, reason, notice)
        return body.answer(await self._db.read(slug, self._life, slug, name), 201)

    async def life(self, request: web.Request) -> web.StreamResponse:
        """Statements of either side with how the delivery of ours went, when it ended, who stands in for whom, what it
        took the place of and what has taken its own, and how far the consumer's seal has got.
        """
        slug, name = await self._slug(request), request.match_info["id"]
        return body.answer(await self._db.read(slug, self._life, slug, name))

    async def comparison(self, request: web.Request) -> web.StreamResponse:
        """Its clauses beside those of `?with=`: another agreement, a negotiation, or an offer on the same dataset.

        Not `complete` if one of the two cannot be said in sentences.
        """
        slug, name = await self._slug(request), request.match_info["id"]
        other = request.query.get("with", "")
        agreement, policy = await self._db.read(slug, self._pair, slug, name, other)
        if policy is None:
            policy = await self._offered(slug, agreement, other)
        old, new = (clause_diff.clauses(self._judge, one) for one in (agreement.policy, policy))
        rows = clause_diff.compare(old, new)
        return body.answer({"agreement": agreement.id, "with": other, "complete": bool(old and new), "rows": rows})

    def _pair(self, tx: Tx, slug: str, name: str, other: str) -> tuple[Agreement, Mapping[str, object] | None]:
        """The agreement, and the terms of the other one if that is ours already."""
        agreements = self._contracts.agreements
        agreement = agreements.named(tx, slug, name)
        with suppress(Unknown):
            return agreement, agreements.named(tx, slug, other).policy
        with suppress(Unknown):
            return agreement, self._contracts.get(tx, slug, other if ":" in other else f"urn:uuid:{other}").policy
        return agreement, None

    async def _offered(self, slug: str, agreement: Agreement, offer: str) -> Mapping[str, object]:
        """An offer as the provider shows it now; raises Mistake if it shows no such offer on this dataset."""
        entry = {} if agreement.role == "provider" else await self._peers.dataset(
            slug, agreement.counterparty, agreement.dataset
        )  # fmt: skip
        for one in entry.get("hasPolicy", ()):
            if one["@id"] == offer:
                found = {**one, "target": agreement.dataset}
                self._contracts.agreements.deal(found)  # a stranger wrote it; what is not valid is said, not our defect
                return found
        raise Mistake("endings.nothing-to-compare", other=offer[:200])

    async def _slug(self, request: web.Request) -> str:
        return (await self._participants.get(request.match_info["p"])).participant.id

    def _life(self, tx: Tx, slug: str, name: str) -> dict[str, object]:
        agreement, stated = self._terminations.of(tx, slug, name)
        shown = _shown(agreement, stated, self._terminations.successions(tx, agreement))
        old = None if agreement.replaces is None else termination_store.by_digest(tx, slug, agreement.replaces)
        new = termination_store.successor(tx, slug, agreement.digest)
        return {
            **shown, "partner": self._members.name(agreement.counterparty),
            "title": self._contracts.titles(tx, slug, [agreement.id])[agreement.id],
            "predecessor": None if old is None else _neighbour(old),
            "successor": None if new is None else _neighbour(new),
            "countersigning": _progress(progress(tx, self._contracts.agreements, agreement)),
        }  # fmt: skip


def _neighbour(agreement: Agreement) -> dict[str, object]:
    """An agreement before or after this one: since when it has been in force, and until when it was."""
    since, ended = (None if at is None else rfc3339(at) for at in (agreement.finalized_at, agreement.ended_at))
    return {"agreement": agreement.id, "digest": agreement.digest, "since": since, "ended": ended}


def _progress(found: Progress) -> dict[str, object]:
    return {"step": found.step, "until": None if found.until is None else rfc3339(found.until)}


def _shown(agreement: Agreement, stated: list[Termination], successions: list[Succession]) -> dict[str, object]:
    return {
        "agreement": agreement.id, "state": agreement.state, "counterparty": agreement.counterparty,
        "dataset": agreement.dataset,
        "expires": None if agreement.expires_at is None else rfc3339(agreement.expires_at // 1000 * 1000),
        "ended": None if agreement.ended_at is None else rfc3339(agreement.ended_at), "replaces": agreement.replaces,
        "endings": [
            {
                "by": one.side, "ours": one.answer != "theirs", "at": rfc3339(one.at), "answer": one.answer,
                "notice": None if one.notice is None else rfc3339(one.notice), "effective": rfc3339(one.effective),
                "reason": {lang: " ".join(said) for lang, said in statement.reason_of(one).items()},
                "statement": one.sha256,
            }
            for one in stated
        ],
        "successions": [
            {"predecessor": one.predecessor, "successor": one.successor, "since": rfc3339(one.since)}
            for one in successions
        ],
    }  # fmt: skip
