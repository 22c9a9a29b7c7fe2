"""Work on statements of an end that needs the network or a key: seal ours, deliver it, judge the partner's seal.

A crash before the statement is booked leaves nothing; after it the errand delivers it, again and again while the
partner is away. A partner without our own routes hears of the end by the termination of its transfers alone.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol
from urllib.parse import quote

import msgspec
from cryptography import x509

from connector.exchange.contracts.agreement.agreements import sealer
from connector.exchange.contracts.agreement.termination_store import Answer as Answered
from connector.exchange.contracts.agreement.termination_store import Termination
from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.model import Agreement
from connector.exchange.contracts.termination import statement
from connector.exchange.contracts.termination.statement import SealedStatement, StatementVerifier, Terminations
from connector.foundation.clock import Clock
from connector.foundation.errors import PeerError, Unavailable
from connector.foundation.http.outbound import Answer
from connector.foundation.language.reasons import Reason
from connector.foundation.storage import outbox
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.foundation.storage.work import Errand
from connector.identity.participants.service import Participants
from connector.verify.formats import jades


class Document(Protocol):
    """The DID document of a peer, as a participant of ours (`own`, a DID) may go by it."""

    async def __call__(self, did: str, own: str = "") -> Mapping[str, object]: ...


SERVICE = "EvidenceService"
TRIES = 4
"""How often a 4xx is believed to pass: the partner may not have booked yet that the agreement is final."""
_WAITING = frozenset({401, 408, 425, 429})
PATIENCE_MS = 3 * 86_400_000
"""After that a person is told that the partner has not been reached."""
_NO_ROUTE = frozenset({404, 405, 501})


class Post(Protocol):
    """Whoever can send to a peer in the name of a participant, and knows its root."""

    async def post(self, slug: str, did: str, url: str, body: bytes) -> Answer: ...
    async def root(self, slug: str, did: str) -> str: ...


class TerminationDelivery:
    """Handler of the errand `deliver-ending`; `listed` are the seal certificates of a DID by the lists that
    count for the participant, which it gets by its DID."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        participants: Participants,
        terminations: Terminations,
        peer: Post,
        document: Document,
        roots: Sequence[x509.Certificate],
        listed: Callable[[str, str], Sequence[str]],
    ) -> None:
        self._db, self._clock, self._participants, self.terminations = db, clock, participants, terminations
        self._peer, self._document, self._roots, self._listed = peer, document, roots, listed
        self._noes: dict[int, int] = {}
        """How often a row was answered 4xx; a restart counts anew."""

    async def end(self, slug: str, name: str, reason: Reason, notice: int | None) -> tuple[Agreement, Termination]:
        """States in our name that an agreement ends, at once or at `notice` (ms); raises Unknown or Mistake."""
        hosted = await self._participants.get(slug)
        agreement, body = await self._db.read(slug, self.terminations.draft, slug, name, reason, notice)
        me = sealer(hosted)
        references = statement.references(agreement.document, agreement.id, me.root, body)
        jws = await sealing.seal(references, me.key, me.chain, self._clock.now() // 1000)
        document = sealing.canonical(hosted.document)
        booked = await self._db.write(slug, self.terminations.declare, slug, agreement.id, body, jws, document)
        return await self._db.read(slug, self._current, slug, agreement.id, booked)

    async def judge(self, slug: str, caller: str, told: SealedStatement) -> StatementVerifier:
        """How a statement by that peer is judged: its document is fetched before the transaction that books it.

        What was sealed before the peer took another's place is judged as that one's.
        """
        names = await self._db.read(slug, self.terminations.names, caller)
        signer = jades.read(told.jws).did
        did, own = signer if signer in names else caller, self._participants.held(slug).participant.did
        document = await self._document(did, own)

        def judged(agreement: bytes, iri: str, told: SealedStatement) -> None:
            def seal(expected: Sequence[sealing.Reference]) -> None:
                bodies = {one.par: one.body for one in expected}
                jades.check(
                    told.jws, bodies, did=did, document=document, roots=self._roots, listed=self._listed(did, own)
                )

            statement.check_seal(agreement, iri, told, seal, did)

        return StatementVerifier(sealing.canonical(dict(document)), judged)

    async def deliver(self, row: OutboxRow) -> None:
        errand = msgspec.json.decode(row.body, type=Errand)
        agreement, stated = await self._db.read(
            row.participant, self.terminations.ours, row.participant, errand.facts["agreement"]
        )
        if stated is None:
            await self._db.write(row.participant, outbox.finish, row)
            return
        did = await self._db.read(row.participant, self.terminations.receiver, row.participant, agreement.id)
        try:
            answer = await self._delivered(row, agreement, stated, did)
        except Unavailable:
            if self._clock.now() - row.created_at > PATIENCE_MS:
                await self._db.write(row.participant, self.terminations.waits, row.participant, agreement.id)
            raise
        self._noes.pop(row.id, None)
        await self._db.write(row.participant, self._answered, row, agreement.id, stated.sha256, answer)

    async def _delivered(self, row: OutboxRow, agreement: Agreement, stated: Termination, did: str) -> Answered:
        if not await self._has_route(did):
            return "not-possible"
        try:
            root = await self._peer.root(row.participant, did)
            url = f"{root}/evidence/{quote(agreement.uuid, safe='')}/termination"
            body = {"statement": json.loads(stated.statement), "jws": stated.jws}
            answer = await self._peer.post(row.participant, did, url, json.dumps(body, ensure_ascii=False).encode())
        except PeerError as error:
            raise Unavailable("delivery.peer-broken", why=error.code) from error
        if 200 <= answer.status < 300:
            return "delivered"
        if (answer.status >= 500 and answer.status not in _NO_ROUTE) or answer.status in _WAITING:
            raise Unavailable("delivery.peer-busy", status=answer.status)
        self._noes[row.id] = self._noes.get(row.id, 0) + 1
        if self._noes[row.id] < TRIES:
            raise Unavailable("delivery.peer-busy", status=answer.status)
        return "not-possible" if answer.status in _NO_ROUTE else "refused"

    async def _has_route(self, did: str) -> bool:
        """Whether its DID document announces our routes; a document that cannot be had leaves it open."""
        try:
            services = (await self._document(did)).get("service")
        except PeerError as error:
            raise Unavailable("delivery.peer-broken", why=error.code) from error
        entries = services if isinstance(services, list) else []
        kinds = [entry.get("type") for entry in entries if isinstance(entry, dict)]
        return any(kind == SERVICE or (isinstance(kind, list) and SERVICE in kind) for kind in kinds)

    def _answered(self, tx: Tx, row: OutboxRow, agreement_id: str, sha256: str, answer: Answered) -> None:
        if outbox.finish(tx, row):
            self.terminations.answered(tx, row.participant, agreement_id, sha256, answer)

    def _current(self, tx: Tx, slug: str, agreement_id: str, booked: Termination) -> tuple[Agreement, Termination]:
        agreement, stated = self.terminations.ours(tx, slug, agreement_id)
        return agreement, stated or booked
