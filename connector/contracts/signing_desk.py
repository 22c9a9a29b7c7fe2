"""Work on signatures that needs the network: fetch what is to be signed, check it, then book the result.

The consumer countersigns only what it has fetched, hashed and understood: its own sentences must be those of the text.
The provider finalizes only after it has checked the countersignature (contracts.md 5, 9, 10).
"""

import asyncio
import html
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from cryptography import x509

from connector.clock import Clock, rfc3339
from connector.commit import Errand, ask_once
from connector.contracts import drafting, likely, second_seal, signing, store
from connector.contracts.agreements import STRAY_MS, sealer
from connector.contracts.approval import check as check_approval
from connector.contracts.countersigning import rests
from connector.contracts.model import Agreement, Case, EvidenceObject
from connector.contracts.moves import SEAL, by_us
from connector.contracts.records import DECISION
from connector.contracts.second_seal import SecondKeys
from connector.contracts.service import Contracts
from connector.contracts.text import said_badge
from connector.errors import HanseError, Mistake, PeerError, Unavailable
from connector.http import strict
from connector.participants.service import Hosted, Participants
from connector.policy.judge import Judge
from connector.protocol.messages import HANSE
from connector.protocol.negotiation import State
from connector.protocol.process import Role
from connector.reasons import Reason, because, explained
from connector.storage import outbox
from connector.storage.database import Database, Tx
from connector.storage.outbox import OutboxRow
from connector.verify import jades, owner
from connector.verify.faults import Fault
from connector.verify.trusted import SKEW_S, written

Fetch = Callable[[Hosted, str, str], Awaitable[bytes]]
"""(who asks, the peer's DID, address) -> bytes; raises Unavailable, or PeerError for what the peer does not give."""
Document = Callable[[str], Awaitable[Mapping[str, Any]]]
OBJECT_LIMIT = 524_288
MOST_DOCUMENTS = 10_000
_ROW = re.compile(r"<tr><td>(.*?)</td><td>(.*?)</td></tr>", re.DOTALL)
"""A clause in the text and how it is secured; the parties' rows begin with a heading cell."""
_PINNED = ("bytes", "description")
"""What the version in a snapshot may be the hash of."""
_SIDES = {name: side for side, name in drafting.APPROVAL.items()}
_TYPES = {
    drafting.TEXT: "text/html",
    drafting.PROFILE: "application/json",
    drafting.DATASET: "application/ld+json",
    **dict.fromkeys(drafting.APPROVAL.values(), "application/json"),
}


class Unsigned(PeerError):
    """What lies before us is not what we asked for; `code` is the catalogue key of the reason."""


class Unclear(Unsigned):
    """It is not in our words: a person has to read `objects` (decision 0027)."""

    objects: tuple[EvidenceObject, ...] = ()


class SigningDesk:
    """Handlers of the errands `countersign` and `check-countersignature`."""

    def __init__(
        self, db: Database, clock: Clock, participants: Participants, contracts: Contracts, judge: Judge,
        fetch: Fetch, document: Document, roots: Sequence[x509.Certificate], listed: Callable[[str], Sequence[str]],
        second_keys: SecondKeys = second_seal.nobody, guesses: likely.Guesses | None = None,
    ) -> None:  # fmt: skip
        """`listed` and `second_keys`: the seal certificates and keys for second seals that the trust list names now."""
        self._db, self._clock, self._participants, self._contracts = db, clock, participants, contracts
        self._judge, self._fetch, self._document = judge, fetch, document
        self._roots, self._listed, self._second_keys = roots, listed, second_keys
        self._documents, self._guesses = _Documents(), guesses

    async def countersign(self, row: OutboxRow) -> None:
        """As consumer in AGREED: fetch references 2 to 5, check the provider's seal, sign, send the verification."""
        hosted, case, agreement = await self.load(row)
        if agreement is None:
            await self._db.write(row.participant, _finish, row)
            return
        insisted = "person" in msgspec.json.decode(row.body, type=Errand).facts
        try:
            seal, objects = await self.countersignature(hosted, case, agreement, insisted=insisted)
        except Unclear as doubt:
            await self._db.write(row.participant, self._unclear, row, case.id, doubt)
            return
        except (Fault, PeerError) as fault:
            await self._db.write(row.participant, self._refuse, row, case.id, _explained(fault))
            return
        except (Unavailable, Mistake) as fault:
            if by_us(fault):
                await self._db.write(row.participant, self._unsealed, row, case.id, fault)
            raise
        await self._db.write(row.participant, self._book_countersigned, row, case.id, seal, tuple(objects))

    async def check_countersignature(self, row: OutboxRow) -> None:
        """As provider in VERIFIED: check the consumer's seal; an invalid one counts as missing and is recorded."""
        hosted, case, agreement = await self.load(row)
        claimed = msgspec.json.decode(row.body, type=Errand).facts.get("seal", "")
        if agreement is None:
            await self._db.write(row.participant, _finish, row)
            return
        seal: str | None = None
        fault = ""
        objects = await self.documents(hosted, case)
        if claimed:
            try:
                approval, covered = await self.holds(hosted, case, agreement, claimed)
                objects += [approval, *await self.second(case, "consumer", covered, jades.read(claimed).iat)]
                seal = claimed
            except (Fault, PeerError) as found:
                fault = found.code
        await self._db.write(row.participant, self._book_verified, row, case.id, seal, fault, tuple(objects))

    async def load(self, row: OutboxRow) -> tuple[Hosted, Case, Agreement | None]:
        """What an errand of a negotiation is about."""
        hosted = await self._participants.get(row.participant)
        errand = msgspec.json.decode(row.body, type=Errand)
        case, agreement = await self._db.read(row.participant, self._read, row.participant, errand.process)
        return hosted, case, agreement

    def _read(self, tx: Tx, slug: str, case_id: str) -> tuple[Case, Agreement | None]:
        case = self._contracts.get(tx, slug, case_id)
        return case, None if case.agreement is None else self._contracts.agreements.get(tx, slug, case.agreement)

    async def documents(self, hosted: Hosted, case: Case) -> list[EvidenceObject]:
        """Both DID documents as they are now; may raise Unavailable."""
        consumer = case.kernel.role is Role.CONSUMER
        return self._documents.both(hosted, await self._document(case.counterparty), consumer=consumer)

    async def countersignature(
        self, hosted: Hosted, case: Case, agreement: Agreement, *, insisted: bool = False
    ) -> tuple[str | None, list[EvidenceObject]]:
        """Our countersignature and what to keep with it; None if the provider sealed nothing.

        Raises Fault or PeerError, of these Unclear unless a person has read the text and `insisted`.
        """
        theirs = await self._document(case.counterparty)
        documents = self._documents.both(hosted, theirs, consumer=True)
        if agreement.provider_jws is None:
            return None, documents
        seal = jades.read(agreement.provider_jws)
        root = owner.root_of(case.counterparty)
        fetched = await self._references(hosted, case, agreement, seal, root)
        bodies = {agreement.id: agreement.document, **{par: item.body for par, item in fetched.items()}}
        jades.check(
            agreement.provider_jws, bodies, did=case.counterparty, document=theirs, roots=self._roots,
            listed=self._listed(case.counterparty),
        )  # fmt: skip
        objects = {item.name: item for item in fetched.values()}
        sealed = _expected(agreement, objects, root, root, objects[drafting.APPROVAL["provider"]])
        _exactly(seal, sealed, case.created_at, self._clock.now())
        try:
            self._understood(agreement, objects)
        except Unclear as doubt:
            if not insisted:
                doubt.objects = (*fetched.values(), *documents)
                raise
        me = sealer(hosted)
        now = self._clock.now()
        mine = drafting.approval(me.party.did, "consumer", case.offer, rfc3339(now), case.approval)
        covered = _expected(agreement, objects, root, me.root, mine, provider_jws=agreement.provider_jws)
        made = await signing.seal(covered, me.key, me.chain, now // 1000)
        second = second_seal.made("consumer", me, covered, now // 1000)
        theirs_second = await self.second(case, "provider", sealed, seal.iat)
        return made, [*fetched.values(), mine, *second, *theirs_second, *documents]

    async def _references(
        self, hosted: Hosted, case: Case, agreement: Agreement, seal: jades.Seal, root: str
    ) -> dict[str, EvidenceObject]:
        """References 2 to 5 by address; each lies below the provider's root and has the hash that its address says."""
        if len(seal.pars) != 5 or case.agreement != seal.pars[0]:
            raise Fault("seal-form", what="pars")
        names = (drafting.TEXT, drafting.PROFILE, drafting.DATASET, drafting.APPROVAL["provider"])
        approval = drafting.approval(case.counterparty, "provider", case.offer, agreement.policy["timestamp"])
        guess = None if self._guesses is None else self._guesses.by_consumer(hosted, case, agreement)
        return await self._objects(hosted, case, root, dict(zip(seal.pars[1:], names, strict=True)), approval, guess)

    async def _objects(
        self, hosted: Hosted, case: Case, root: str, wanted: Mapping[str, str], approval: EvidenceObject,
        guess: likely.Guess | None = None,
    ) -> dict[str, EvidenceObject]:  # fmt: skip
        """The objects at these addresses (values: their names), those that we do not have fetched side by side.

        `approval` is what the other side's says if no person gave it: its bytes then have the hash asked for, as those
        have that `guess` finds.
        """
        prefix, slug = f"{root}/evidence/objects/", hosted.participant.id
        hashes = {par: par.removeprefix(prefix) for par in wanted}
        if not all(par.startswith(prefix) and len(sha256) == 64 for par, sha256 in hashes.items()):
            raise Unsigned("contracts.object-address")
        asked = tuple(sha256 for sha256 in hashes.values() if sha256 != approval.sha256)
        known = {approval.sha256: approval.body}
        if asked:
            known |= await self._db.read(slug, store.known_bodies, slug, asked)
        if guess is not None:
            known |= guess({name: hashes[par] for par, name in wanted.items()}, known)
        missing = [par for par, sha256 in hashes.items() if sha256 not in known]
        bodies = {par: known[sha256] for par, sha256 in hashes.items() if sha256 in known}
        fetched = await asyncio.gather(*(self._fetch(hosted, case.counterparty, par) for par in missing))
        bodies |= zip(missing, fetched, strict=True)
        for par, name in wanted.items():
            if signing.digest(bodies[par]) != hashes[par]:
                raise Unsigned("contracts.object-hash", name=name)
            if name in _SIDES:
                check_approval(bodies[par], _SIDES[name])
        return {
            par: EvidenceObject(name=name, sha256=hashes[par], media_type=_TYPES[name], body=bodies[par])
            for par, name in wanted.items()
        }

    def _understood(self, agreement: Agreement, objects: Mapping[str, EvidenceObject]) -> None:
        """Our own sentences, in order and with their badges, must be those of the profile and of the text.

        Two releases may word a clause differently, so a person may read the text instead; parties, dataset and version
        are never a matter of wording.
        """
        version = _pinned(agreement, objects[drafting.DATASET].body)
        text = objects[drafting.TEXT].body.decode("utf-8", "replace")
        plain = html.unescape(text)
        if not all(part in plain for part in (agreement.id, agreement.counterparty, agreement.dataset, version)):
            raise Unsigned("contracts.other-facts")
        try:
            profile: Any = strict.loads(objects[drafting.PROFILE].body, limit=OBJECT_LIMIT)
            theirs = [(item["de"], item["badge"]) for item in profile["badges"]]
        except (PeerError, KeyError, TypeError) as cause:
            raise Unsigned("contracts.profile") from cause
        if profile.get("replaces") not in (None, agreement.replaces):
            raise Unsigned("endings.other-replaced")
        ours = self._judge.clauses(agreement.policy, "de")
        if not ours:
            raise Unclear("contracts.not-understood")
        shown = [(html.unescape(sentence), html.unescape(badge)) for sentence, badge in _ROW.findall(text)]
        if theirs != ours or shown != [(sentence, said_badge(badge, "de")) for sentence, badge in ours]:
            raise Unclear("contracts.other-text")

    async def second(
        self, case: Case, role: second_seal.Side, covered: Sequence[signing.Reference], iat: int
    ) -> tuple[EvidenceObject, ...]:
        """The partner's second seal if it gave one that may hold; one that does not is recorded, and delays nothing.

        `covered` and `iat` (seconds) are those of its first one.
        """
        slug = case.participant
        claim = await self._db.read(slug, second_seal.claim, slug, case.id, role)
        if claim is None:
            return ()
        try:
            second_seal.check(claim.body, covered, case.counterparty, iat, self._second_keys(case.counterparty))
        except Fault as fault:
            await self._db.write(slug, self._not_second, case, role, fault.code)
            return ()
        return (second_seal.taken(claim, role),)

    def _not_second(self, tx: Tx, case: Case, role: second_seal.Side, fault: str) -> None:
        store.case(tx, case.participant, case.id, lock=True)
        if second_seal.refuse(tx, case, role):
            self._contracts.moves.record(tx, case, DECISION, {"secondSeal": "invalid", "of": role, "fault": fault})

    async def holds(
        self, hosted: Hosted, case: Case, agreement: Agreement, claimed: str
    ) -> tuple[EvidenceObject, list[signing.Reference]]:
        """The consumer's approval and all that its countersignature covers; raises Fault, PeerError or Unavailable."""
        seal = jades.read(claimed)
        slug = hosted.participant.id
        kept = await self._db.read(slug, store.objects, slug, case.id)
        if len(seal.pars) != 6 or agreement.provider_jws is None:
            raise Fault("seal-form", what="pars")
        theirs = await self._document(case.counterparty)
        theirs_approval = {seal.pars[4]: drafting.APPROVAL["consumer"]}
        their_root = owner.root_of(case.counterparty)
        usual = drafting.approval(case.counterparty, "consumer", case.offer, rfc3339(seal.iat * 1000))
        found = await self._objects(hosted, case, their_root, theirs_approval, usual)
        approval = found[seal.pars[4]]
        root = hosted.participant.root
        expected = _expected(agreement, kept, root, their_root, approval, provider_jws=agreement.provider_jws)
        _exactly(seal, expected, case.created_at, self._clock.now())
        bodies = {one.par: one.body for one in expected}
        jades.check(
            claimed, bodies, did=case.counterparty, document=theirs, roots=self._roots,
            listed=self._listed(case.counterparty),
        )  # fmt: skip
        return approval, expected

    def _unclear(self, tx: Tx, row: OutboxRow, case_id: str, doubt: Unclear) -> None:
        if outbox.finish(tx, row):
            self._contracts.countersigning.unclear(tx, row.participant, case_id, doubt.code, doubt.objects)

    def _unsealed(self, tx: Tx, row: OutboxRow, case_id: str, fault: HanseError) -> None:
        """Our own seal cannot be made: a person is told once, and it is tried again."""
        case = store.case(tx, row.participant, case_id, lock=True)
        if case is not None and rests(case.kernel, State.AGREED):
            ask_once(tx, row.participant, case_id, SEAL, why=fault.code)

    def _refuse(self, tx: Tx, row: OutboxRow, case_id: str, reason: Reason) -> None:
        if outbox.finish(tx, row):
            self._contracts.refuse_to_sign(tx, row.participant, case_id, "contract", reason)

    def _book_countersigned(
        self, tx: Tx, row: OutboxRow, case_id: str, seal: str | None, objects: tuple[EvidenceObject, ...]
    ) -> None:
        if outbox.finish(tx, row):
            self._contracts.countersigned(tx, row.participant, case_id, seal, objects)

    def _book_verified(
        self, tx: Tx, row: OutboxRow, case_id: str, seal: str | None, fault: str, objects: tuple[EvidenceObject, ...]
    ) -> None:
        if outbox.finish(tx, row):
            self._contracts.verified(tx, row.participant, case_id, seal, fault, objects)


def _finish(tx: Tx, row: OutboxRow) -> None:
    outbox.finish(tx, row)


def _expected(
    agreement: Agreement,
    objects: Mapping[str, EvidenceObject],
    root: str,
    signer_root: str,
    approval: EvidenceObject,
    provider_jws: str | None = None,
) -> list[signing.Reference]:
    """What a seal must refer to, in the order and with the media types that every verifier asks for."""
    return signing.references(
        agreement.document,
        agreement.id,
        provider_root=root,
        signer_root=signer_root,
        text=objects[drafting.TEXT].body,
        profile=objects[drafting.PROFILE].body,
        dataset=objects[drafting.DATASET].body,
        approval=approval.body,
        provider_jws=provider_jws,
    )


def _exactly(seal: jades.Seal, expected: Sequence[signing.Reference], begin: int, now: int) -> None:
    """Over other objects or from another time it would hold here, not in the bundle: its signer could disown it."""
    if not (begin - STRAY_MS) // 1000 <= seal.iat <= now // 1000 + SKEW_S:
        raise Fault("time-order", claimed=written(seal.iat), at=written(now // 1000))
    if [(one.par, one.cty) for one in expected] != list(zip(seal.pars, seal.ctys, strict=True)):
        raise Fault("seal-references")


def _pinned(agreement: Agreement, snapshot: bytes) -> str:
    """The version that the snapshot of the agreed dataset pins; Unsigned if it is no such snapshot."""
    try:
        body: Any = strict.loads(snapshot, limit=OBJECT_LIMIT)
        dataset, version, kind = (body[name] for name in ("@id", f"{HANSE}version", f"{HANSE}versionOf"))
    except (PeerError, KeyError, TypeError) as cause:
        raise Unsigned("contracts.snapshot") from cause
    if dataset != agreement.dataset or kind not in _PINNED or not isinstance(version, str) or not version:
        raise Unsigned("contracts.snapshot")
    return version


class _Documents:
    """DID documents as evidence; each is made canonical and hashed once while the resolver keeps the document."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], tuple[Mapping[str, Any], EvidenceObject]] = {}

    def both(self, hosted: Hosted, theirs: Mapping[str, Any], *, consumer: bool) -> list[EvidenceObject]:
        """Both documents as they are now: the agreement record names their digests (contracts.md 14)."""
        mine, other = (
            ("did-consumer.json", "did-provider.json") if consumer else ("did-provider.json", "did-consumer.json")
        )
        return [self._object(mine, hosted.document), self._object(other, theirs)]

    def _object(self, name: str, document: Mapping[str, Any]) -> EvidenceObject:
        key = (str(document["id"]), name)
        kept = self._made.get(key)
        if kept is None or kept[0] is not document:
            if len(self._made) >= MOST_DOCUMENTS:
                self._made.clear()
            made = drafting.evidence_object(name, "application/did+json", signing.canonical(dict(document)))
            kept = self._made[key] = (document, made)
        return kept[1]


def _explained(fault: Fault | PeerError) -> Reason:
    if isinstance(fault, HanseError):
        return explained(fault)
    return because("contracts.seal-invalid", code=fault.code)
