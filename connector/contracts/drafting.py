"""The provider writes the contract: the agreement, the German text, what the seal refers to, and the seal itself.

Everything is a function of the values given, so a repeated transaction writes the same contract but for ids and times.
The agreement is the consumer's offer verbatim (threat T22); only parties, target, id and time are added.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from connector.catalogue.model import Dataset, Offer
from connector.clock import rfc3339
from connector.contracts import approval as approvals
from connector.contracts import signing
from connector.contracts.approval import Approval
from connector.contracts.model import Agreement, Case, EvidenceObject
from connector.contracts.text import ContractFacts, Party, render
from connector.policy.judge import Judge
from connector.trust.keys import SoftwareKey
from connector.trust.signers.port import SealKey

_DEAL = frozenset({"@id", "@type", "@context", "target", "assigner", "assignee", "timestamp"})
TEXT, PROFILE, DATASET = "text-de.html", "profile.json", "dataset.jsonld"
APPROVAL = {"provider": "approval-provider.json", "consumer": "approval-consumer.json"}


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A contract as the provider sealed it; `seal` None: its key lies elsewhere and is asked after the transaction."""

    document: bytes
    plain: dict[str, Any]
    seal: str | None
    objects: tuple[EvidenceObject, ...]
    facts: dict[str, Any]


class Sealer(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever signs: the party, its root, its seal key and the certificate chain (DER, leaf first).

    `second` is its key for second seals (ML-DSA-44), if it has one.
    """

    party: Party
    root: str
    key: SealKey
    chain: tuple[bytes, ...]
    second: SoftwareKey | None = None


def rules_of(offer: dict[str, Any]) -> dict[str, Any]:
    """The part of an offer or agreement that is the deal itself."""
    return {name: value for name, value in offer.items() if name not in _DEAL}


def agreement_document(case: Case, agreement_id: str, provider: str, at: int) -> dict[str, Any]:
    return {
        "@id": agreement_id,
        "@type": "Agreement",
        **rules_of(case.policy),
        "target": case.dataset,
        "assigner": provider,
        "assignee": case.counterparty,
        "timestamp": rfc3339(at),
    }


def evidence_object(name: str, media_type: str, body: bytes) -> EvidenceObject:
    return EvidenceObject(name=name, sha256=signing.digest(body), media_type=media_type, body=body)


def approval(did: str, role: str, rule: str, at: str, by: Approval | None = None) -> EvidenceObject:
    """Reference 5: who decided, a rule or a person. `did` is the signer, `role` its side, `at` the time as text."""
    return evidence_object(
        APPROVAL[role], "application/json", signing.canonical(approvals.body(did, role, rule, at, by))
    )


def snapshot(dataset: Dataset, publisher: Party) -> EvidenceObject:
    """Reference 4: the description as it stood, with the version that the contract pins."""
    live = dataset.document.get("sha256") is None
    body = {
        "@context": {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/",
                     "spdx": "http://spdx.org/rdf/terms#"},
        "@id": dataset.id,
        "@type": "dcat:Dataset",
        "dct:title": dataset.title,
        "dct:description": dataset.document.get("description", ""),
        "dct:publisher": {"@id": publisher.did},
        "dcat:mediaType": dataset.document.get("media_type", ""),
        "dcat:byteSize": str(dataset.document.get("bytes") or ""),
        "https://w3id.org/hanse/v1#version": dataset.version,
        "https://w3id.org/hanse/v1#versionOf": "description" if live else "bytes",
        "https://w3id.org/hanse/v1#fileName": str(dataset.document.get("name", "")),
    }  # fmt: skip
    return evidence_object(DATASET, "application/ld+json", signing.canonical(body))


def profile(
    judge: Judge, policy: dict[str, Any], setting: str, until: int | None = None, replaces: str | None = None
) -> EvidenceObject:
    """Reference 3: what the clauses mean and how far each is enforced, as both sides saw it.

    `setting` is the offer's for countersignatures; `until` is the instant (ms) before which one has to be here, and so
    known to both.
    """
    body = {
        "badges": [{"badge": badge, "de": sentence} for sentence, badge in judge.clauses(policy, "de")],
        "countersignature": setting,
        "countersignBy": None if until is None else rfc3339(until),
        "operands": judge.operands(policy),
        "vocabulary": judge.vocabulary,
        **({} if replaces is None else {"replaces": replaces}),
    }
    return evidence_object(PROFILE, "application/json", signing.canonical(body))


def draft(
    case: Case,
    agreement_id: str,
    offer: Offer,
    dataset: Dataset,
    provider: Sealer,
    consumer: Party,
    judge: Judge,
    at: int,
    until: int | None = None,
) -> Draft:
    """The sealed contract for this negotiation; `at` and `until` (for the countersignature) in milliseconds."""
    plain = agreement_document(case, agreement_id, provider.party.did, at)
    document = signing.canonical(plain)
    live = dataset.document.get("sha256") is None
    facts = ContractFacts(
        agreement=agreement_id,
        provider=provider.party,
        consumer=consumer,
        dataset=dataset.id,
        dataset_title=dataset.title,
        description_sha256=dataset.version,
        dataset_sha256=None if live else dataset.version,
        purpose=judge.label(case.purpose, "de") if case.purpose else None,
        concluded_at=at,
        expires_at=judge.expires_at(plain, at),
    )
    html = render(facts, judge.clauses(plain, "de"), "de").encode()
    objects = (
        evidence_object(TEXT, "text/html", html),
        profile(judge, plain, offer.countersignature, until, case.replaces),
        snapshot(dataset, provider.party),
        approval(provider.party.did, "provider", offer.id, plain["timestamp"]),
    )
    key, seal = provider.key, None
    if isinstance(key, SoftwareKey):
        seal = signing.sign(refers_to(document, agreement_id, provider.root, objects), key, provider.chain, at // 1000)
    return Draft(document=document, plain=plain, seal=seal, objects=objects, facts=msgspec.to_builtins(facts))


def refers_to(
    document: bytes, agreement_id: str, root: str, objects: Iterable[EvidenceObject]
) -> list[signing.Reference]:
    """What the provider's seal covers, of the objects that it keeps below its root."""
    named = {item.name: item.body for item in objects}
    return signing.references(
        document,
        agreement_id,
        provider_root=root,
        signer_root=root,
        text=named[TEXT],
        profile=named[PROFILE],
        dataset=named[DATASET],
        approval=named[APPROVAL["provider"]],
    )


def canonical_document(plain: dict[str, Any]) -> bytes:
    """The bytes of an agreement that we received; raises PeerError if two parsers could differ about them."""
    return signing.canonical(plain)


def evidence_address(root: str, agreement: Agreement, consumer_jws: str | None) -> str:
    """What FINALIZED says: where the bundle is and what it commits to (contracts.md 9)."""
    digest = signing.evidence_digest(agreement.document, agreement.provider_jws or "", consumer_jws)
    return f"{root}/evidence/{agreement.uuid}#sha256={digest}"
