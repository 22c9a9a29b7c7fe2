"""All that a check of a seal needs from the database, the partner and the trust list, as one value.

What we wrote ourselves or have kept is never asked for. What a seal refers to lies below its party's root, under an
address that says its hash (spec/contracts.md 1.3); whether it has that hash is the check's question. It is gathered in
one way, inside a transaction: the one that took the message if all is at hand (decision 0083), else that of an errand,
which may ask the partner first.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec
from cryptography import x509

from connector.exchange.contracts import object_store, store
from connector.exchange.contracts.agreement.agreements import PATIENCE_MS
from connector.exchange.contracts.document import automatic_seal, described_data, draft, sealing, second_seal
from connector.exchange.contracts.document.automatic_seal import Own, Unsigned
from connector.exchange.contracts.model import Agreement, EvidenceObject, NegotiationRow
from connector.exchange.contracts.signing.check import (
    ReceivedCountersignature,
    Refused,
    SealedContract,
    Trust,
    Unsealed,
    refused,
)
from connector.foundation.clock import rfc3339
from connector.foundation.errors import PeerError, Unknown
from connector.foundation.storage.database import Database, Tx
from connector.foundation.storage.outbox import OutboxRow
from connector.foundation.storage.work import Errand
from connector.identity.participants.acting import NEGOTIATE
from connector.identity.participants.service import Hosted, Participants
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.protocol.process import Role
from connector.verify.formats import jades, key_binding
from connector.verify.formats.faults import Fault

T = TypeVar("T")
MOST_DOCUMENTS = 10_000
LONGEST = 16_384
"""Bytes of an agreement whose text and profile are written here before the seal is checked: nobody makes us put a
thousand clauses into words in vain."""
_TYPES = {
    draft.TEXT: "text/html",
    draft.PROFILE: "application/json",
    draft.DATASET: "application/ld+json",
    **dict.fromkeys(draft.APPROVAL.values(), "application/json"),
}


class Task(NamedTuple):
    """What an errand of a negotiation is about; `kept` are the objects of the negotiation by name."""

    hosted: Hosted
    case: NegotiationRow
    agreement: Agreement
    kept: Mapping[str, EvidenceObject]
    facts: Mapping[str, str]

    @property
    def read(self) -> str | None:
        """The digest of what a person has read, if one ordered this."""
        return self.facts.get("read", "") if "person" in self.facts else None

    def claim(self, side: second_seal.Side) -> EvidenceObject | None:
        """What that side gave as its second seal, and nobody has refused."""
        return self.kept.get(second_seal.CLAIMED + second_seal.NAMES[side])


class Have(NamedTuple):
    """What came from the partner: its DID document, and objects by the SHA-256 that they should have."""

    document: Mapping[str, Any]
    fetched: Mapping[str, bytes]


class Missing(NamedTuple):
    """What of it is not here and has to be fetched first: addresses by SHA-256."""

    addresses: Mapping[str, str]


class Partners(Protocol):
    """How other connectors are asked. `document` raises Unavailable or PeerError, `known_document` never calls anybody:
    None if the document is not here, or not to be used any more."""

    async def document(self, did: str, own: str = "") -> Mapping[str, object]: ...
    def known_document(self, did: str) -> Mapping[str, object] | None: ...
    async def fetch(self, hosted: Hosted, did: str, url: str) -> bytes: ...


class Members(Protocol):
    """What the trust list says of a DID now."""

    def name_of(self, did: str, own: str = "") -> str: ...
    def seal_certificates(self, did: str, own: str = "") -> Sequence[str]: ...
    def second_seal_keys(self, did: str, own: str = "") -> Sequence[Mapping[str, str]]: ...


class Gatherer:
    """`roots` are the authorities of seal certificates."""

    def __init__(
        self,
        db: Database,
        participants: Participants,
        engine: PolicyEngine,
        partners: Partners,
        members: Members,
        roots: Sequence[x509.Certificate],
    ) -> None:
        self._db, self._participants, self._engine = db, participants, engine
        self._partners, self._members, self._roots = partners, members, roots
        self._documents = _Documents()

    # Where the partner may be asked

    async def load(self, row: OutboxRow) -> Task | None:
        """None if the negotiation has no agreement."""
        errand = msgspec.json.decode(row.body, type=Errand)
        await self._participants.get(row.participant)
        return await self._db.read(row.participant, self._load, row.participant, errand)

    def _load(self, tx: Tx, slug: str, errand: Errand) -> Task | None:
        case = store.case(tx, slug, errand.process)
        if case is None:
            raise Unknown("contracts.unknown", id=errand.process)
        return self.task(tx, case, errand.facts)

    async def contract(self, task: Task, read: str | None) -> SealedContract | Unsealed | Refused:
        """As consumer: what the provider sealed; Refused if it cannot be gathered, and never will. Raises Unavailable.

        `read` is the digest of what a person has read; None if nobody had to.
        """
        return await self._fetching(task, lambda tx, have: self._contract(tx, task, read, have))

    async def countersignature(self, task: Task, claimed: str) -> ReceivedCountersignature | Refused:
        """As provider: what the consumer says is its seal; else as `contract`."""
        return await self._fetching(task, lambda tx, have: self._countersignature(tx, task, claimed, have))

    async def ask(self, task: Task) -> None:
        """As `require`, outside of a transaction."""
        await self._db.read(task.hosted.participant.id, self.require, task)

    def require(self, tx: Tx, task: Task) -> None:
        """Raises Unavailable unless somebody may seal for us now (spec/mandates.md 4)."""
        self._participants.require(tx, task.hosted.participant.id, NEGOTIATE)

    async def documents(self, task: Task) -> tuple[EvidenceObject, ...]:
        """Both DID documents as they are now; may raise Unavailable."""
        return self._documents.both(task, await self._partners.document(task.case.counterparty, self._own(task.case)))

    async def _fetching(self, task: Task, gather: Callable[[Tx, Have], T | Missing]) -> T | Refused:
        """Gathers, and once more with what was missing."""
        slug = task.hosted.participant.id
        try:
            have = Have(await self._partners.document(task.case.counterparty, self._own(task.case)), {})
            found = await self._db.read(slug, gather, have)
            if isinstance(found, Missing):
                have = have._replace(fetched=await self._fetched(task, found))
                found = await self._db.read(slug, gather, have)
        except (Fault, PeerError) as fault:
            return refused(fault)
        assert not isinstance(found, Missing), "all that was asked for is here"
        return found

    async def _fetched(self, task: Task, missing: Missing) -> dict[str, bytes]:
        """Side by side, by the SHA-256 that they should have."""
        did = task.case.counterparty
        asked = (self._partners.fetch(task.hosted, did, address) for address in missing.addresses.values())
        return dict(zip(missing.addresses, await asyncio.gather(*asked), strict=True))

    # Inside the transaction that took the message, where nobody is asked

    def task(
        self, tx: Tx, case: NegotiationRow, facts: Mapping[str, str], agreement: Agreement | None = None
    ) -> Task | None:
        """None if the negotiation has no agreement; `agreement` is given where this transaction has just saved it."""
        if agreement is None and case.agreement is not None:
            agreement = store.agreement(tx, case.participant, case.agreement)
        if agreement is None:
            return None
        kept = object_store.objects(tx, case.participant, case.id)
        return Task(self._participants.held(case.participant), case, agreement, kept, facts)

    def contract_at_hand(self, tx: Tx, task: Task) -> SealedContract | Unsealed | Refused | None:
        """As `contract` for what nobody had to read; None: something has to be fetched, or it is too long."""
        if len(task.agreement.document) > LONGEST:
            return None
        return self._at_hand(task, lambda have: self._contract(tx, task, None, have))

    def countersignature_at_hand(self, tx: Tx, task: Task, claimed: str) -> ReceivedCountersignature | Refused | None:
        """As `countersignature`; None: something has to be fetched."""
        return self._at_hand(task, lambda have: self._countersignature(tx, task, claimed, have))

    def documents_at_hand(self, task: Task) -> tuple[EvidenceObject, ...] | None:
        """As `documents`."""
        theirs = self._partners.known_document(task.case.counterparty)
        return None if theirs is None else self._documents.both(task, theirs)

    def _at_hand(self, task: Task, gather: Callable[[Have], T | Missing]) -> T | Refused | None:
        document = self._partners.known_document(task.case.counterparty)
        if document is None:
            return None
        try:
            found = gather(Have(document, {}))
        except (Fault, PeerError) as fault:
            return refused(fault)
        return None if isinstance(found, Missing) else found

    # The one way of gathering

    def _contract(self, tx: Tx, task: Task, read: str | None, have: Have) -> SealedContract | Unsealed | Missing:
        hosted, case, agreement = task.hosted, task.case, task.agreement
        documents = self._documents.both(task, have.document)
        if agreement.own_did != hosted.participant.did:
            raise PeerError("succession.ended")  # it names us as we were, in whose name nobody seals any more
        if agreement.provider_jws is None:
            return Unsealed(documents)
        seal = jades.read(agreement.provider_jws)
        if len(seal.pars) != 5 or case.agreement != seal.pars[0]:
            raise Fault("seal-form", what="pars")
        shown = described_data.read(task.kept.get(described_data.NAME))
        own = Own(automatic_seal.known(hosted, case, agreement, shown, self._members.name_of), self._engine)
        predicted = own.predicted(PATIENCE_MS) if len(agreement.document) <= LONGEST else ()
        names = (draft.TEXT, draft.PROFILE, draft.DATASET, draft.APPROVAL["provider"])
        objects = _objects(tx, task, dict(zip(names, seal.pars[1:], strict=True)), predicted, have.fetched)
        if isinstance(objects, Missing):
            return objects
        acted = automatic_seal.with_agent(own.known, objects[draft.APPROVAL["provider"]].body)
        own = own if acted is own.known or acted.acts is None else Own(acted, self._engine)
        return SealedContract(
            own,
            agreement.provider_jws,
            seal,
            objects,
            task.claim("provider"),
            documents,
            self._trust(case, have.document),
            hosted.participant.root,
            read,
        )

    def _countersignature(self, tx: Tx, task: Task, claimed: str, have: Have) -> ReceivedCountersignature | Missing:
        case, seal = task.case, jades.read(claimed)
        if len(seal.pars) != 6 or task.agreement.provider_jws is None:
            raise Fault("seal-form", what="pars")
        usual = draft.approval(case.counterparty, "consumer", case.offer, rfc3339(seal.iat * 1000))
        wanted = {draft.APPROVAL["consumer"]: seal.pars[4]}
        approval = _objects(tx, task, wanted, (usual.body,), have.fetched)
        if isinstance(approval, Missing):
            return approval
        return ReceivedCountersignature(
            case,
            task.agreement,
            claimed,
            seal,
            {**task.kept, **approval},
            self._documents.both(task, have.document),
            self._trust(case, have.document),
            key_binding.root_of(task.agreement.own_did),
        )

    def _own(self, case: NegotiationRow) -> str:
        return self._participants.held(case.participant).participant.did

    def _trust(self, case: NegotiationRow, document: Mapping[str, Any]) -> Trust:
        """By the lists that count for the participant: what others of the process joined takes no seal from it."""
        own, did = self._own(case), case.counterparty
        listed = self._members.seal_certificates(did, own)
        return Trust(did, document, self._roots, listed, self._members.second_seal_keys(did, own))


def _objects(
    tx: Tx, task: Task, addresses: Mapping[str, str], predicted: Iterable[bytes], fetched: Mapping[str, bytes]
) -> dict[str, EvidenceObject] | Missing:
    """The partner's objects by name (`addresses` are by name, too), unless some are not here.

    `predicted` is what we would have written ourselves: what of it has a hash asked for is the document itself.
    """
    root = key_binding.root_of(task.case.counterparty)
    hashes = {name: _hash_below(root, address) for name, address in addresses.items()}
    bodies = {**fetched, **_found(predicted, frozenset(hashes.values()))}
    asked = tuple(sha256 for sha256 in hashes.values() if sha256 not in bodies)
    if asked:
        bodies |= object_store.known_bodies(tx, task.case.participant, asked)
    missing = {sha256: addresses[name] for name, sha256 in hashes.items() if sha256 not in bodies}
    if missing:
        return Missing(missing)
    return {
        name: EvidenceObject(name=name, sha256=sha256, media_type=_TYPES[name], body=bodies[sha256])
        for name, sha256 in hashes.items()
    }


def _hash_below(root: str, address: str) -> str:
    prefix = f"{root}/evidence/objects/"
    sha256 = address.removeprefix(prefix)
    if not address.startswith(prefix) or len(sha256) != 64:
        raise Unsigned("contracts.object-address")
    return sha256


def _found(predicted: Iterable[bytes], wanted: frozenset[str]) -> dict[str, bytes]:
    """What of it was asked for, by SHA-256; the rest is not written once all is there."""
    found: dict[str, bytes] = {}
    for body in predicted:
        if (sha256 := sealing.digest(body)) in wanted:
            found[sha256] = body
            if len(found) == len(wanted):
                break
    return found


class _Documents:
    """DID documents as evidence; each is made canonical and hashed once while the resolver keeps the document."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], tuple[Mapping[str, Any], EvidenceObject]] = {}

    def both(self, task: Task, theirs: Mapping[str, Any]) -> tuple[EvidenceObject, ...]:
        """Both documents as they are now: the agreement record names their digests (spec/contracts.md 5.1)."""
        mine, other = "did-provider.json", "did-consumer.json"
        if task.case.kernel.role is Role.CONSUMER:
            mine, other = other, mine
        return self._object(mine, task.hosted.document), self._object(other, theirs)

    def _object(self, name: str, document: Mapping[str, Any]) -> EvidenceObject:
        key = (str(document["id"]), name)
        kept = self._made.get(key)
        if kept is None or kept[0] is not document:
            if len(self._made) >= MOST_DOCUMENTS:
                self._made.clear()
            made = draft.evidence_object(name, "application/did+json", sealing.canonical(dict(document)))
            kept = self._made[key] = (document, made)
        return kept[1]
