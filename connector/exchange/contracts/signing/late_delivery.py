"""Late countersignatures where they need the network: made and handed in as consumer, checked as provider.

The same checks as in the verification message. What is made is stored before it leaves, so that a crash hands in the
same one again; what was handed in twice is taken once (spec/contracts.md 3.2, 3.6).
"""

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from connector.exchange.contracts import object_store, store
from connector.exchange.contracts.document import draft, sealing, second_seal
from connector.exchange.contracts.model import Agreement, EvidenceObject, NegotiationRow
from connector.exchange.contracts.negotiation.send import SEAL, by_us
from connector.exchange.contracts.negotiation.service import Contracts
from connector.exchange.contracts.signing.check import MustRead, Refused, Sealable, Second
from connector.exchange.contracts.signing.countersign import Countersigner, finish
from connector.exchange.contracts.signing.gather import Partners, Task
from connector.exchange.contracts.signing.progress import UNREACHED
from connector.foundation.errors import HanseError, Mistake, PeerError, Unavailable
from connector.foundation.http import strict
from connector.foundation.http.outbound import Answer
from connector.foundation.storage import outbox
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.foundation.storage.work import Errand, ask_once
from connector.identity.participants.lifecycle import require_not_deleting
from connector.identity.participants.service import Hosted, Participants
from connector.verify.formats import key_binding

TRIES_4XX = 4
PATIENCE_MS = 3 * 86_400_000
"""After that a person is told that the provider has not been reached; it goes on being tried."""
_WAITING = frozenset({401, 408, 425, 429})
_SETTLED = frozenset({409, 410})
_ANSWER_LIMIT = 65_536


class Post(Protocol):
    async def __call__(self, slug: str, did: str, url: str, seal: bytes, second: str = "") -> Answer:
        """Posts a compact JWS in the name of a participant; raises Unavailable, or PeerError for no usable address.

        `second` is the SHA-256 (hex) of the second seal that the partner may fetch; whoever does not know the header
        overlooks it.
        """


class LateDelivery:
    """Handlers of the errands `countersign-late` and `hand-in`, and of what peers hand in."""

    def __init__(
        self,
        db: Database,
        participants: Participants,
        contracts: Contracts,
        desk: Countersigner,
        post: Post,
        partners: Partners,
    ) -> None:
        self._db, self._participants, self._contracts, self._desk = db, participants, contracts, desk
        self._post, self._partners = post, partners

    async def receive(self, slug: str, case: NegotiationRow, agreement: Agreement, seal: str, second: str = "") -> None:
        """As provider: check and book what the consumer handed in. Raises PeerError if it does not hold, Settled if
        something else was faster, Unavailable if it cannot be checked now. What is wrong with its `second` seal (what
        the header says) is recorded, and stops nothing."""
        kept = await self._db.read(slug, object_store.objects, slug, case.id)
        task = Task(await self._participants.get(slug), case, agreement, kept, {})
        rules = self._contracts.countersigning
        verdict = await self._desk.countersignature(task, seal)
        if isinstance(verdict, Refused):
            await self._db.write(slug, rules.invalid, slug, case, verdict.code)
            raise PeerError("contracts.countersignature-invalid", why=verdict.code)
        await self._claim(task.hosted, case, second)
        claim = await self._db.read(slug, second_seal.claim, slug, case.id, "consumer")
        fits = second or (claim and second_seal.fits(claim.body, verdict.covered, case.counterparty, verdict.iat))
        theirs = verdict.second(claim) if fits else Second()
        if theirs.fault:
            await self._db.write(slug, rules.second_invalid, case, "consumer", theirs.fault)
        objects = (*verdict.objects, *theirs.objects)
        await self._db.write(slug, rules.arrived, slug, agreement.id, case.counterparty, seal, objects)

    async def _claim(self, hosted: Hosted, case: NegotiationRow, second: str) -> None:
        """What lies under that digest takes the place of the second seal that came with another countersignature."""
        if not second:
            return
        found = second  # what is no digest is judged as it stands: it is no seal either
        if second_seal.DIGEST.fullmatch(second):
            try:
                url = f"{key_binding.root_of(case.counterparty)}/evidence/objects/{second}"
                body = await self._partners.fetch(hosted, case.counterparty, url)
            except PeerError:
                body = b""
            found = body.decode("ascii", "replace") if sealing.digest(body) == second else ""
        (claimed,) = second_seal.claimed("consumer", found)
        await self._db.write(case.participant, _keep_claim, case, claimed)

    async def countersign(self, row: OutboxRow) -> None:
        """As consumer: sign what a person has read, and keep it for handing in."""
        task = await self._desk.gatherer.load(row)
        if task is None or not self._contracts.countersigning.lacks(task.case, task.agreement):
            await self._db.write(row.participant, finish, row)
            return
        verdict = await self._desk.contract(task, task.read or "")
        if isinstance(verdict, MustRead | Refused):
            await self._db.write(row.participant, self._not_made, row, task.case, verdict.code)
            return
        assert isinstance(verdict, Sealable), "only what the provider sealed is ordered"
        try:
            seal, objects = await self._desk.seal(task, verdict)
        except (Unavailable, Mistake) as fault:
            if by_us(fault):
                await self._db.write(row.participant, _unsealed, row, task, fault)
            raise
        named = {one.name: one for one in objects}
        await self._db.write(row.participant, self._made, row, task.case, seal, named, verdict.second_fault)

    async def hand_in(self, row: OutboxRow) -> None:
        """As consumer: give it to the provider until that has said yes or no for good; after days a person is told."""
        try:
            await self._hand_in(row)
        except Unavailable:
            await self._db.write(row.participant, _unreached, row)
            raise

    async def _hand_in(self, row: OutboxRow) -> None:
        task = await self._desk.gatherer.load(row)
        if task is None:
            await self._db.write(row.participant, finish, row)
            return
        case, agreement, facts = task.case, task.agreement, task.facts
        root = key_binding.root_of(case.counterparty)
        url = f"{root}/evidence/{quote(agreement.uuid, safe='')}/countersignature"
        try:
            second = [facts["second"]] if "second" in facts else []
            answer = await self._post(row.participant, case.counterparty, url, facts["seal"].encode("ascii"), *second)
        except PeerError as fault:
            await self._db.write(row.participant, self._declined, row, case, 0, fault.code)
            return
        if 200 <= answer.status < 300:
            # The provider's stays the one by which its seal was judged: it may have shown another one since.
            now = await self._desk.gatherer.documents(task)
            documents = tuple(one for one in now if one.name != "did-provider.json")
            await self._db.write(row.participant, self._accepted, row, case.id, facts, documents)
            return
        final = 400 <= answer.status < 500 and answer.status not in _WAITING
        if not final or (answer.status not in _SETTLED and row.attempts < TRIES_4XX):
            raise Unavailable("peer.busy", status=answer.status)
        await self._db.write(row.participant, self._declined, row, case, answer.status, _code(answer))

    def _made(
        self,
        tx: Tx,
        row: OutboxRow,
        case: NegotiationRow,
        seal: str,
        objects: dict[str, EvidenceObject],
        second_fault: str,
    ) -> None:
        if outbox.finish(tx, row):
            self._contracts.countersigning.second_invalid(tx, case, "provider", second_fault)
            theirs = objects.get(second_seal.NAMES["provider"])
            if theirs is not None:
                object_store.keep_object(tx, case.participant, case.id, case.counterparty, theirs)
            ours = objects.get(second_seal.NAMES["consumer"])
            self._contracts.countersigning.made(tx, case, seal, objects[draft.APPROVAL["consumer"]], ours)

    def _not_made(self, tx: Tx, row: OutboxRow, case: NegotiationRow, fault: str) -> None:
        if outbox.finish(tx, row):
            self._contracts.countersigning.not_made(tx, case, fault)

    def _accepted(
        self, tx: Tx, row: OutboxRow, case_id: str, facts: Mapping[str, str], documents: tuple[EvidenceObject, ...]
    ) -> None:
        if outbox.finish(tx, row):
            self._contracts.countersigning.accepted(
                tx, row.participant, case_id, facts["seal"], facts["approval"], documents, facts.get("second", "")
            )

    def _declined(self, tx: Tx, row: OutboxRow, case: NegotiationRow, status: int, code: str) -> None:
        if outbox.finish(tx, row):
            self._contracts.countersigning.declined(tx, case, status, code)


def _keep_claim(tx: Tx, case: NegotiationRow, claimed: EvidenceObject) -> None:
    require_not_deleting(tx, case.participant)
    object_store.take_object(tx, case.participant, case.id, case.counterparty, claimed)


def _unreached(tx: Tx, row: OutboxRow) -> None:
    process = msgspec.json.decode(row.body, type=Errand).process
    if tx.now - row.created_at > PATIENCE_MS and store.case(tx, row.participant, process, lock=True) is not None:
        ask_once(tx, row.participant, process, UNREACHED)


def _unsealed(tx: Tx, row: OutboxRow, task: Task, fault: HanseError) -> None:
    """Our own seal cannot be made: a person is told once, and it is tried again."""
    if store.case(tx, row.participant, task.case.id, lock=True) is not None:
        ask_once(tx, row.participant, task.case.id, SEAL, why=fault.code)


def _code(answer: Answer) -> str:
    """What the provider calls its reason; empty if it says none that can be read."""
    try:
        said: Any = strict.loads(answer.body, limit=_ANSWER_LIMIT)
    except PeerError:
        return ""
    code = said.get("code") if isinstance(said, dict) else None
    return code if isinstance(code, str) else ""
