"""All that a check of a seal needs from the database, the partner and the trust list, as one value.

What we wrote ourselves or have kept is never asked for. What a seal refers to lies below its party's root, under an
address that says its hash (spec/contracts.md 1.3); whether it has that hash is the check's question.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from cryptography import x509

from connector.clock import rfc3339
from connector.contracts import store
from connector.contracts.agreement.agreements import PATIENCE_MS
from connector.contracts.document import described_data, draft, sealed_unasked, sealing, second_seal
from connector.contracts.document.render import Names
from connector.contracts.document.sealed_unasked import Own, Unsigned
from connector.contracts.document.second_seal import SecondKeys
from connector.contracts.model import Agreement, EvidenceObject, NegotiationRow
from connector.contracts.negotiation.service import Contracts
from connector.contracts.signing.check import (
    ReceivedCountersignature,
    Refused,
    SealedContract,
    Trust,
    Unsealed,
    refused,
)
from connector.errors import PeerError
from connector.participants.service import Hosted, Participants
from connector.policy.engine import PolicyEngine
from connector.protocol.process import Role
from connector.storage.database import Database, Tx
from connector.storage.effects import Errand
from connector.storage.outbox import OutboxRow
from connector.verify.formats import jades, key_binding
from connector.verify.formats.faults import Fault

Fetch = Callable[[Hosted, str, str], Awaitable[bytes]]
"""(who asks, the peer's DID, address) -> bytes; raises Unavailable, or PeerError for what the peer does not give."""
Document = Callable[[str], Awaitable[Mapping[str, Any]]]
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


class Gatherer:
    """`listed`, `second_keys` and `name_of`: the seal certificates, keys for second seals and names by the trust list
    as it is now."""

    def __init__(
        self, db: Database, participants: Participants, contracts: Contracts, judge: PolicyEngine, fetch: Fetch,
        document: Document, roots: Sequence[x509.Certificate], listed: Callable[[str], Sequence[str]],
        second_keys: SecondKeys, name_of: Names,
    ) -> None:  # fmt: skip
        self._db, self._participants, self._contracts, self._judge = db, participants, contracts, judge
        self._fetch, self._document = fetch, document
        self._roots, self._listed, self._second_keys, self._name_of = roots, listed, second_keys, name_of
        self._documents = _Documents()

    async def load(self, row: OutboxRow) -> Task | None:
        """None if the negotiation has no agreement."""
        errand = msgspec.json.decode(row.body, type=Errand)
        hosted = await self._participants.get(row.participant)
        return await self._db.read(row.participant, self._load, hosted, errand)

    def _load(self, tx: Tx, hosted: Hosted, errand: Errand) -> Task | None:
        slug = hosted.participant.id
        case = self._contracts.get(tx, slug, errand.process)
        if case.agreement is None:
            return None
        agreement = self._contracts.agreements.get(tx, slug, case.agreement)
        return Task(hosted, case, agreement, store.objects(tx, slug, case.id), errand.facts)

    async def contract(self, task: Task, read: str | None) -> SealedContract | Unsealed | Refused:
        """As consumer: what the provider sealed; Refused if it cannot be gathered, and never will. Raises Unavailable.

        `read` is the digest of what a person has read; None if nobody had to.
        """
        try:
            return await self._contract(task, read)
        except (Fault, PeerError) as fault:
            return refused(fault)

    async def _contract(self, task: Task, read: str | None) -> SealedContract | Unsealed:
        hosted, case, agreement = task.hosted, task.case, task.agreement
        document = await self._document(case.counterparty)
        documents = self._documents.both(task, document)
        if agreement.provider_jws is None:
            return Unsealed(documents)
        seal = jades.read(agreement.provider_jws)
        if len(seal.pars) != 5 or case.agreement != seal.pars[0]:
            raise Fault("seal-form", what="pars")
        shown = described_data.read(task.kept.get(described_data.NAME))
        own = Own(sealed_unasked.known(hosted, case, agreement, shown, self._name_of), self._judge)
        predicted = own.predicted(PATIENCE_MS) if len(agreement.document) <= LONGEST else ()
        names = (draft.TEXT, draft.PROFILE, draft.DATASET, draft.APPROVAL["provider"])
        objects = await self._objects(task, dict(zip(names, seal.pars[1:], strict=True)), predicted)
        return SealedContract(
            own, agreement.provider_jws, seal, objects, task.claim("provider"), documents,
            self._trust(case.counterparty, document), hosted.participant.root, read,
        )  # fmt: skip

    async def countersignature(self, task: Task, claimed: str) -> ReceivedCountersignature | Refused:
        """As provider: what the consumer says is its seal; else as `contract`."""
        try:
            return await self._countersignature(task, claimed)
        except (Fault, PeerError) as fault:
            return refused(fault)

    async def _countersignature(self, task: Task, claimed: str) -> ReceivedCountersignature:
        case, seal = task.case, jades.read(claimed)
        if len(seal.pars) != 6 or task.agreement.provider_jws is None:
            raise Fault("seal-form", what="pars")
        document = await self._document(case.counterparty)
        usual = draft.approval(case.counterparty, "consumer", case.offer, rfc3339(seal.iat * 1000))
        approval = await self._objects(task, {draft.APPROVAL["consumer"]: seal.pars[4]}, (usual.body,))
        return ReceivedCountersignature(
            case, task.agreement, claimed, seal, {**task.kept, **approval},
            self._documents.both(task, document), self._trust(case.counterparty, document),
            task.hosted.participant.root,
        )  # fmt: skip

    async def documents(self, task: Task) -> tuple[EvidenceObject, ...]:
        """Both DID documents as they are now; may raise Unavailable."""
        return self._documents.both(task, await self._document(task.case.counterparty))

    def _trust(self, did: str, document: Mapping[str, Any]) -> Trust:
        return Trust(did, document, self._roots, self._listed(did), self._second_keys(did))

    async def _objects(
        self, task: Task, addresses: Mapping[str, str], predicted: Iterable[bytes]
    ) -> dict[str, EvidenceObject]:
        """The partner's objects by name (`addresses` are by name, too), those that we do not have fetched side by side.

        `predicted` is what we would have written ourselves: what of it has a hash asked for is the document itself.
        """
        slug, did = task.hosted.participant.id, task.case.counterparty
        root = key_binding.root_of(did)
        hashes = {name: _hash_below(root, address) for name, address in addresses.items()}
        bodies = _found(predicted, frozenset(hashes.values()))
        asked = tuple(sha256 for sha256 in hashes.values() if sha256 not in bodies)
        if asked:
            bodies |= await self._db.read(slug, store.known_bodies, slug, asked)
        missing = [name for name, sha256 in hashes.items() if sha256 not in bodies]
        fetched = await asyncio.gather(*(self._fetch(task.hosted, did, addresses[name]) for name in missing))
        bodies |= {hashes[name]: body for name, body in zip(missing, fetched, strict=True)}
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
