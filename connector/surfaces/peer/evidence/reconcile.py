"""`POST /evidence/reconcile`: our records of agreements with whoever asks, each with its proof (spec/records.md 6.1).

Only agreements between the two, and of these only what both must know; about any other the answer says nothing at all,
whether it exists or not (threat T52).
"""

import msgspec
import structlog
from aiohttp import web

from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.reconciliation.ask import ANSWER_LIMIT, Ask
from connector.exchange.reconciliation.compare import SHARED
from connector.exchange.reconciliation.partner_log import MOST_AGREEMENTS, Part, Question, Reply
from connector.exchange.reconciliation.proven_records import Shown, Window
from connector.foundation.clock import Clock
from connector.foundation.errors import PeerError, Unknown
from connector.foundation.http import limits
from connector.foundation.http.outbound import Answer
from connector.foundation.http.pace import Pace
from connector.foundation.storage.database import Tx
from connector.surfaces.peer.client.client import PeerClient
from connector.surfaces.peer.dsp.exchange import Exchange
from connector.surfaces.peer.routes import Call, Route
from connector.verify.formats import base64url

log = structlog.get_logger("records")
LIMIT = 65_536
assert MOST_AGREEMENTS * 600 < LIMIT


def asking(peer: PeerClient) -> Ask:
    """How a partner's door is called: below its root, with a fresh token."""

    async def ask(slug: str, did: str, question: bytes) -> Answer:
        root = await peer.root(slug, did)
        return await peer.post(slug, did, f"{root}/evidence/reconcile", question, limit=ANSWER_LIMIT)

    return ask


class ReconcileHandlers:
    """Proofs walk through the tree: twenty at once per peer, then one a second."""

    def __init__(self, exchange: Exchange, contracts: Contracts, clock: Clock) -> None:
        self._exchange, self._contracts = exchange, contracts
        self._pace = Pace(clock, burst=20, per_s=1)

    def routes(self) -> list[Route]:
        return [Route("POST", "/evidence/reconcile", self.reconcile)]

    async def reconcile(self, call: Call) -> web.StreamResponse:
        value = await limits.read_json(call.request, limit=LIMIT)
        try:
            question = msgspec.convert(value, Question)
        except msgspec.ValidationError as fault:
            raise PeerError("records.question", problem=str(fault)[:200]) from fault
        shared = await self._exchange.within(call, self._shared, call.participant.id, call.peer.did, question)
        self._pace.spend((call.participant.id, call.peer.did))
        reply = await self._exchange.reading(call, _shown, call.participant.id, question, shared)
        return web.Response(body=reply, content_type="application/json")

    def _shared(self, tx: Tx, slug: str, did: str, question: Question) -> frozenset[str]:
        """The agreements among these that are between us and this peer."""
        found = set[str]()
        for wanted in question.agreements:
            try:
                found.add(self._contracts.agreements.get(tx, slug, wanted.agreement, did).id)
            except Unknown:
                continue
        return frozenset(found)


def _shown(tx: Tx, slug: str, question: Question, shared: frozenset[str]) -> bytes:
    """The answer as JSON: the lines are canonical already and stand in it as they are."""
    window = Window(tx, slug)
    seen = question.seen
    known = seen is not None and window.note is not None and window.note.startswith(f"{seen.origin}\n")
    if seen is not None and known and seen.size > window.size:  # a word without proof: told, and nothing is done
        log.warning("records.partner-knows-more", participant=slug, theirs=seen.size, ours=window.size)
    proof = window.consistency(seen.size) if seen is not None and known else []
    wanted = {one.agreement: one.after for one in question.agreements if one.agreement in shared}
    parts = [_part(name, window.page(name, SHARED, after)) for name, after in wanted.items()]
    return msgspec.json.encode(
        Reply(1, window.note, tuple(base64url.encode_padded(one) for one in proof), tuple(parts))
    )


def _part(name: str, shown: Shown) -> Part:
    lines = tuple(msgspec.json.decode(line) for line in shown.lines)
    return Part(name, lines, shown.more, shown.waiting)
