"""Work on signatures that needs the network: fetch what is to be signed, check it, then book the result.

The consumer seals by itself only what it would have written itself (`sealable`); anything else a person reads first.
The provider finalizes only after it has checked the countersignature (spec/contracts.md 3.1, 3.4).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from cryptography import x509

from connector.clock import Clock, rfc3339
from connector.contracts import approval as approvals
from connector.contracts import store
from connector.contracts.agreement.agreements import PATIENCE_MS, STRAY_MS, sealer
from connector.contracts.agreement.log_records import DECISION
from connector.contracts.document import described_data, draft, own_rendering, sealing, second_seal
from connector.contracts.document.own_rendering import Known, Objection, Own, Unsigned
from connector.contracts.document.render import Names
from connector.contracts.document.second_seal import SecondKeys
from connector.contracts.model import Agreement, EvidenceObject, NegotiationRow
from connector.contracts.negotiation.late_countersignature import rests
from connector.contracts.negotiation.send import SEAL, by_us
from connector.contracts.negotiation.service import Contracts
from connector.errors import HanseError, Mistake, PeerError, Unavailable
from connector.language.reasons import Reason, because, explained
from connector.participants.service import Hosted, Participants
from connector.policy.engine import PolicyEngine
from connector.protocol.negotiation import State
from connector.protocol.process import Role
from connector.storage import outbox
from connector.storage.database import Database, Tx
from connector.storage.effects import Errand, ask_once
from connector.storage.outbox import OutboxRow
from connector.verify.checks import log_times
from connector.verify.checks.trusted_time import SKEW_S, written
from connector.verify.formats import chain, jades, key_binding
from connector.verify.formats.faults import Fault

Fetch = Callable[[Hosted, str, str], Awaitable[bytes]]
"""(who asks, the peer's DID, address) -> bytes; raises Unavailable, or PeerError for what the peer does not give."""
Document = Callable[[str], Awaitable[Mapping[str, Any]]]
MOST_DOCUMENTS = 10_000
LONGEST = 16_384
"""Bytes of an agreement whose text and profile are written here before the seal is checked: nobody makes us put a
thousand clauses into words in vain."""
_SIDES = {name: side for side, name in draft.APPROVAL.items()}
_TYPES = {
    draft.TEXT: "text/html",
    draft.PROFILE: "application/json",
    draft.DATASET: "application/ld+json",
    **dict.fromkeys(draft.APPROVAL.values(), "application/json"),
}


class Unclear(Unsigned):
    """It is not what we would have written: a person has to read `objects` (decisions 0027 and 0045)."""

    objects: tuple[EvidenceObject, ...] = ()


class Countersigner:
    """Handlers of the errands `countersign` and `check-countersignature`."""

    def __init__(
        self, db: Database, clock: Clock, participants: Participants, contracts: Contracts, judge: PolicyEngine,
        fetch: Fetch, document: Document, roots: Sequence[x509.Certificate], listed: Callable[[str], Sequence[str]],
        second_keys: SecondKeys = second_seal.nobody, name_of: Names = str,
    ) -> None:  # fmt: skip
        """`listed`, `second_keys` and `name_of`: the seal certificates, keys for second seals and names by the trust
        list as it is now."""
        self._db, self._clock, self._participants, self._contracts = db, clock, participants, contracts
        self._judge, self._fetch, self._document = judge, fetch, document
        self._roots, self._listed, self._second_keys = roots, listed, second_keys
        self._documents, self._name_of = _Documents(), name_of

    async def countersign(self, row: OutboxRow) -> None:
        """As consumer in AGREED: fetch references 2 to 5, check the provider's seal, sign, send the verification."""
        hosted, case, agreement = await self.load(row)
        if agreement is None:
            await self._db.write(row.participant, _finish, row)
            return
        try:
            seal, objects = await self.countersignature(hosted, case, agreement, was_read(row))
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
                approval, covered, objects = await self.holds(hosted, case, agreement, claimed)
                objects += [approval, *await self.second(case, "consumer", covered, jades.read(claimed).iat)]
                seal = claimed
            except (Fault, PeerError) as found:
                fault = found.code
        await self._db.write(row.participant, self._book_verified, row, case.id, seal, fault, tuple(objects))

    async def load(self, row: OutboxRow) -> tuple[Hosted, NegotiationRow, Agreement | None]:
        """What an errand of a negotiation is about."""
        hosted = await self._participants.get(row.participant)
        errand = msgspec.json.decode(row.body, type=Errand)
        case, agreement = await self._db.read(row.participant, self._read, row.participant, errand.process)
        return hosted, case, agreement

    def _read(self, tx: Tx, slug: str, case_id: str) -> tuple[NegotiationRow, Agreement | None]:
        case = self._contracts.get(tx, slug, case_id)
        return case, None if case.agreement is None else self._contracts.agreements.get(tx, slug, case.agreement)

    async def documents(self, hosted: Hosted, case: NegotiationRow) -> list[EvidenceObject]:
        """Both DID documents as they are now; may raise Unavailable."""
        consumer = case.kernel.role is Role.CONSUMER
        return self._documents.both(hosted, await self._document(case.counterparty), consumer=consumer)

    async def countersignature(
        self, hosted: Hosted, case: NegotiationRow, agreement: Agreement, read: str | None = None
    ) -> tuple[str | None, list[EvidenceObject]]:
        """Our countersignature and what to keep with it; None if the provider sealed nothing.

        `read` is the digest of what a person has read (`sealable.digest`). Raises Fault or PeerError, of these Unclear
        unless we would have written the same, or a person has read just that.
        """
        theirs = await self._document(case.counterparty)
        documents = self._documents.both(hosted, theirs, consumer=True)
        if agreement.provider_jws is None:
            return None, documents
        seal = jades.read(agreement.provider_jws)
        root = key_binding.root_of(case.counterparty)
        known = await self._known(hosted, case, agreement)
        own = Own(known, self._judge) if len(agreement.document) <= LONGEST else None
        fetched = await self._references(hosted, case, seal, root, own)
        bodies = {agreement.id: agreement.document, **{par: item.body for par, item in fetched.items()}}
        self._check(agreement.provider_jws, bodies, case.counterparty, theirs)
        _dated(seal, self._judge.signed_at(agreement.policy) // 1000)
        objects = {item.name: item for item in fetched.values()}
        sealed = _expected(agreement, objects, root, root, objects[draft.APPROVAL["provider"]])
        _exactly(seal, sealed, case.created_at, self._clock.now())
        own_rendering.wordless(seal, self._roots)
        if (against := self._against(known, own, objects, read)) is not None:
            doubt = Unclear(against)
            doubt.objects = (*fetched.values(), *documents)
            raise doubt
        me = sealer(hosted)
        now = self._clock.now()
        mine = draft.approval(me.party.did, "consumer", case.offer, rfc3339(now), case.approval)
        covered = _expected(agreement, objects, root, me.root, mine, provider_jws=agreement.provider_jws)
        made = await sealing.seal(covered, me.key, me.chain, now // 1000)
        second = second_seal.made("consumer", me, covered, now // 1000)
        theirs_second = await self.second(case, "provider", sealed, seal.iat)
        return made, [*fetched.values(), mine, *second, *theirs_second, *documents]

    async def _known(self, hosted: Hosted, case: NegotiationRow, agreement: Agreement) -> Known:
        slug = case.participant
        kept = await self._db.read(slug, store.objects, slug, case.id, described_data.NAME)
        shown = described_data.read(kept.get(described_data.NAME))
        return own_rendering.known(hosted, case, agreement, shown, self._name_of)

    def _against(
        self, known: Known, own: Own | None, objects: Mapping[str, EvidenceObject], read: str | None
    ) -> str | None:
        """Why this is not to be sealed now, as a catalogue key; None: it is. Unsigned for what nobody need read."""
        theirs = {
            own_rendering.AGREEMENT: known.agreement.document,
            **{name: one.body for name, one in objects.items()},
        }
        own_rendering.subject(known.agreement, theirs)
        if read is not None:
            return None if read == own_rendering.digest(theirs) else "contracts.other-text-read"
        found: list[Objection] = own_rendering.objections(own or Own(known, self._judge), known, theirs, self._judge)
        return found[0].code if found else None

    async def _references(
        self, hosted: Hosted, case: NegotiationRow, seal: jades.Seal, root: str, own: Own | None
    ) -> dict[str, EvidenceObject]:
        """References 2 to 5 by address; each lies below the provider's root and has the hash that its address says."""
        if len(seal.pars) != 5 or case.agreement != seal.pars[0]:
            raise Fault("seal-form", what="pars")
        names = (draft.TEXT, draft.PROFILE, draft.DATASET, draft.APPROVAL["provider"])
        wanted = dict(zip(seal.pars[1:], names, strict=True))
        return await self._objects(hosted, case, root, wanted, () if own is None else own.likely(PATIENCE_MS))

    async def _objects(
        self, hosted: Hosted, case: NegotiationRow, root: str, wanted: Mapping[str, str], likely: Iterable[bytes]
    ) -> dict[str, EvidenceObject]:
        """The objects at these addresses (values: their names), those that we do not have fetched side by side.

        `likely` is what we would have written ourselves: what of it has a hash asked for is the document itself.
        """
        prefix, slug = f"{root}/evidence/objects/", hosted.participant.id
        hashes = {par: par.removeprefix(prefix) for par in wanted}
        if not all(par.startswith(prefix) and len(sha256) == 64 for par, sha256 in hashes.items()):
            raise Unsigned("contracts.object-address")
        known = _found(likely, frozenset(hashes.values()))
        asked = tuple(sha256 for sha256 in hashes.values() if sha256 not in known)
        if asked:
            known |= await self._db.read(slug, store.known_bodies, slug, asked)
        missing = [par for par, sha256 in hashes.items() if sha256 not in known]
        bodies = {par: known[sha256] for par, sha256 in hashes.items() if sha256 in known}
        fetched = await asyncio.gather(*(self._fetch(hosted, case.counterparty, par) for par in missing))
        bodies |= zip(missing, fetched, strict=True)
        for par, name in wanted.items():
            if sealing.digest(bodies[par]) != hashes[par]:
                raise Unsigned("contracts.object-hash", name=name)
            if name in _SIDES:
                approvals.check(bodies[par], _SIDES[name])
        return {
            par: EvidenceObject(name=name, sha256=hashes[par], media_type=_TYPES[name], body=bodies[par])
            for par, name in wanted.items()
        }

    async def second(
        self, case: NegotiationRow, role: second_seal.Side, covered: Sequence[sealing.Reference], iat: int
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

    def _not_second(self, tx: Tx, case: NegotiationRow, role: second_seal.Side, fault: str) -> None:
        store.case(tx, case.participant, case.id, lock=True)
        if second_seal.refuse(tx, case, role):
            self._contracts.sender.record(tx, case, DECISION, {"secondSeal": "invalid", "of": role, "fault": fault})

    async def holds(
        self, hosted: Hosted, case: NegotiationRow, agreement: Agreement, claimed: str
    ) -> tuple[EvidenceObject, list[sealing.Reference], list[EvidenceObject]]:
        """The consumer's approval, all that its countersignature covers, and both DID documents, of which the
        consumer's is the one that it was judged by; raises Fault, PeerError or Unavailable."""
        seal = jades.read(claimed)
        slug = hosted.participant.id
        kept = await self._db.read(slug, store.objects, slug, case.id)
        if len(seal.pars) != 6 or agreement.provider_jws is None:
            raise Fault("seal-form", what="pars")
        theirs = await self._document(case.counterparty)
        theirs_approval = {seal.pars[4]: draft.APPROVAL["consumer"]}
        their_root = key_binding.root_of(case.counterparty)
        usual = draft.approval(case.counterparty, "consumer", case.offer, rfc3339(seal.iat * 1000))
        found = await self._objects(hosted, case, their_root, theirs_approval, (usual.body,))
        approval = found[seal.pars[4]]
        if not approvals.as_ours(approval.body, case.counterparty, "consumer", case.offer, rfc3339(seal.iat * 1000)):
            raise Unsigned("contracts.approval")
        root = hosted.participant.root
        expected = _expected(agreement, kept, root, their_root, approval, provider_jws=agreement.provider_jws)
        _exactly(seal, expected, case.created_at, self._clock.now())
        own_rendering.wordless(seal, self._roots)
        bodies = {one.par: one.body for one in expected}
        self._check(claimed, bodies, case.counterparty, theirs)
        return approval, expected, self._documents.both(hosted, theirs, consumer=False)

    def _check(self, jws: str, bodies: Mapping[str, bytes], did: str, document: Mapping[str, Any]) -> None:
        """It holds when it says that it was made, and now: nobody else saw it earlier, so an auditor asks for both."""
        seal = jades.check(jws, bodies, did=did, document=document, roots=self._roots, listed=self._listed(did))
        chain.check(seal.chain, self._roots, at=self._clock.now() // 1000)

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
) -> list[sealing.Reference]:
    """What a seal must refer to, in the order and with the media types that every verifier asks for."""
    return sealing.references(
        agreement.document,
        agreement.id,
        provider_root=root,
        signer_root=signer_root,
        text=objects[draft.TEXT].body,
        profile=objects[draft.PROFILE].body,
        dataset=objects[draft.DATASET].body,
        approval=approval.body,
        provider_jws=provider_jws,
    )


def _exactly(seal: jades.Seal, expected: Sequence[sealing.Reference], begin: int, now: int) -> None:
    """Over other objects or from another time it would hold here, not in the bundle: its signer could disown it."""
    if not (begin - STRAY_MS) // 1000 <= seal.iat <= now // 1000 + SKEW_S:
        raise Fault("time-order", claimed=written(seal.iat), at=written(now // 1000))
    if [(one.par, one.cty) for one in expected] != list(zip(seal.pars, seal.ctys, strict=True)):
        raise Fault("seal-references")


def _dated(seal: jades.Seal, said: int) -> None:
    """The agreement bears about the date (seconds) of the seal over it, as every verifier asks."""
    if not -log_times.WAITS_S <= said - seal.iat <= log_times.STRAY_S:
        raise Fault("time-order", claimed=written(seal.iat), at=written(said))


def _found(likely: Iterable[bytes], wanted: frozenset[str]) -> dict[str, bytes]:
    """What of it was asked for, by SHA-256; the rest is not written once all is there."""
    found: dict[str, bytes] = {}
    for body in likely:
        if (sha256 := sealing.digest(body)) in wanted:
            found[sha256] = body
            if len(found) == len(wanted):
                break
    return found


def was_read(row: OutboxRow) -> str | None:
    """The digest of what a person has read, if one ordered this."""
    facts = msgspec.json.decode(row.body, type=Errand).facts
    return facts.get("read", "") if "person" in facts else None


class _Documents:
    """DID documents as evidence; each is made canonical and hashed once while the resolver keeps the document."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], tuple[Mapping[str, Any], EvidenceObject]] = {}

    def both(self, hosted: Hosted, theirs: Mapping[str, Any], *, consumer: bool) -> list[EvidenceObject]:
        """Both documents as they are now: the agreement record names their digests (spec/contracts.md 5.1)."""
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
            made = draft.evidence_object(name, "application/did+json", sealing.canonical(dict(document)))
            kept = self._made[key] = (document, made)
        return kept[1]


def _explained(fault: Fault | PeerError) -> Reason:
    if isinstance(fault, HanseError):
        return explained(fault)
    return because("contracts.seal-invalid", code=fault.code)
