"""How the parts of a contract are written: the agreement, what a seal refers to besides the text, addresses.

Everything is a function of the values given, so both sides write the same bytes from the same facts (`render`).
The agreement is the consumer's offer verbatim (threat T22); only parties, target, id and time are added.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from typing import Any

import msgspec

from connector.exchange.contracts import approval as approvals
from connector.exchange.contracts.approval import Approval
from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.document.described_data import Described
from connector.exchange.contracts.document.frame import Frames
from connector.exchange.contracts.document.text import Party
from connector.exchange.contracts.model import Agreement, EvidenceObject
from connector.foundation.clock import rfc3339
from connector.foundation.http import strict
from connector.identity.trust.keys.signing import SoftwareKey
from connector.identity.trust.signers.port import SealKey
from connector.kernel.policy.engine import Document, PolicyEngine
from connector.kernel.policy.odrl.writing import without

_DEAL = frozenset({"@id", "@type", "@context", "target", "assigner", "assignee", "timestamp"})
TEXT, PROFILE, DATASET = "text-de.html", "profile.json", "dataset.jsonld"
LARGEST, SMALL, SMALL_KEPT = 524_288, 4_096, 128
"""Bytes of an object that is read at all, of one whose value is kept for a while, and how many are: a value takes up to
twenty times the memory of its text."""
_FRAMES = Frames()
APPROVAL = {"provider": "approval-provider.json", "consumer": "approval-consumer.json"}


class Sealer(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever signs: the party, its root, its seal key and the certificate chain (DER, leaf first).

    `second` is its key for second seals (ML-DSA-44), if it has one.
    """

    party: Party
    root: str
    key: SealKey
    chain: tuple[bytes, ...]
    second: SoftwareKey | None = None


def rules_of(offer: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an offer or agreement that is the deal itself: without its names, however they are spelled."""
    return without(offer, _DEAL)


def agreement_document(
    policy: Mapping[str, Any], agreement_id: str, target: str, provider: str, consumer: str, at: int
) -> dict[str, Any]:
    """The agreement about these terms (an offer or agreement) between two DIDs; `at` in milliseconds."""
    return {
        "@id": agreement_id,
        "@type": "Agreement",
        **rules_of(policy),
        "target": target,
        "assigner": provider,
        "assignee": consumer,
        "timestamp": rfc3339(at),
    }


def evidence_object(name: str, media_type: str, body: bytes) -> EvidenceObject:
    return EvidenceObject(name=name, sha256=sealing.digest(body), media_type=media_type, body=body)


def approval(
    did: str, role: str, rule: str, at: str, by: Approval | None = None, agent: object = None
) -> EvidenceObject:
    """Reference 5: who decided, a rule or a person. `did` is the signer, `role` its side, `at` the time as text;
    `agent` is the sealed mandate of who acts for the signer."""
    return evidence_object(
        APPROVAL[role], "application/json", sealing.canonical(approvals.body(did, role, rule, at, by, agent))
    )


def snapshot(dataset: str, described: Described, publisher: str) -> EvidenceObject:
    """Reference 4: the description as it stood, with the version that the contract pins; `publisher` is a DID."""
    body = _FRAMES.written((dataset, described, publisher), partial(_snapshot, dataset, described, publisher), (), str)
    return evidence_object(DATASET, "application/ld+json", body.encode())


def _snapshot(dataset: str, described: Described, publisher: str) -> str:
    body = {
        "@context": {
            "dcat": "http://www.w3.org/ns/dcat#",
            "dct": "http://purl.org/dc/terms/",
            "spdx": "http://spdx.org/rdf/terms#",
        },
        "@id": dataset,
        "@type": "dcat:Dataset",
        "dct:title": described.title,
        "dct:description": described.description,
        "dct:publisher": {"@id": publisher},
        "dcat:mediaType": described.media_type,
        "dcat:byteSize": str(described.bytes or ""),
        "https://w3id.org/hanse/v1#version": described.version,
        "https://w3id.org/hanse/v1#versionOf": "description" if described.bytes is None else "bytes",
        "https://w3id.org/hanse/v1#fileName": described.file_name,
    }
    return sealing.canonical(body).decode()


def profile(
    engine: PolicyEngine, policy: Document, setting: str, until: int, replaces: str | None, form: int
) -> EvidenceObject:
    """Reference 3: what the clauses mean and how far each is enforced, as both sides saw it.

    `setting` is the offer's for countersignatures; `until` is the instant (ms) before which one has to be here, and so
    known to both. `form` says how the text was written (decision 0045).
    """
    plan = engine.plan(policy)
    used = tuple((iri, one["source"], one["type"]) for iri, one in plan.operands.items())
    same = (plan.clauses("de"), used, engine.vocabulary, setting, replaces, form)
    return evidence_object(
        PROFILE, "application/json", _FRAMES.written(same, partial(_profile, *same), (rfc3339(until),), str).encode()
    )


def _profile(
    clauses: Iterable[tuple[str, str]],
    operands: Iterable[tuple[str, str, str]],
    vocabulary: str,
    setting: str,
    replaces: str | None,
    form: int,
    until: str,
) -> str:
    body = {
        "badges": [{"badge": badge, "de": sentence} for sentence, badge in clauses],
        "countersignature": setting,
        "countersignBy": until,
        "operands": {iri: {"source": source, "type": type_} for iri, source, type_ in operands},
        "textForm": form,
        "vocabulary": vocabulary,
        **({} if replaces is None else {"replaces": replaces}),
    }
    return sealing.canonical(body).decode()


def value_of(body: bytes) -> object:
    """What a signed JSON object says, read strictly; nobody changes it. Raises PeerError."""
    return _value_of(body) if len(body) <= SMALL else strict.loads(body, limit=LARGEST)


@lru_cache(maxsize=SMALL_KEPT)  # both sides look at the same few objects several times in a negotiation
def _value_of(body: bytes) -> object:
    return strict.loads(body, limit=LARGEST)


def refers_to(
    document: bytes, agreement_id: str, root: str, objects: Iterable[EvidenceObject]
) -> list[sealing.Reference]:
    """What the provider's seal covers, of the objects that it keeps below its root."""
    named = {item.name: item.body for item in objects}
    return sealing.references(
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
    return sealing.canonical(plain)


def evidence_address(root: str, agreement: Agreement, consumer_jws: str | None) -> str:
    """What FINALIZED says: where the bundle is and what it commits to (spec/contracts.md 3.1)."""
    digest = sealing.evidence_digest(agreement.document, agreement.provider_jws or "", consumer_jws)
    return f"{root}/evidence/{agreement.uuid}#sha256={digest}"
