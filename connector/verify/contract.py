"""The contract in a bundle: who agreed, what each party sealed, and whose seals they are (contracts.md 5 and 6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from connector.verify import chain, jades, jcs, owner
from connector.verify.anchors import Anchors
from connector.verify.archive import ROTATED
from connector.verify.faults import Doubt, Fault
from connector.verify.jades import Seal
from connector.verify.trustlist import TrustList

Role = Literal["provider", "consumer"]
Members = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Agreement:
    """What is read from the agreement: its IRI and the DIDs of both parties."""

    iri: str
    provider: str
    consumer: str

    def did(self, role: Role) -> str:
        return self.provider if role == "provider" else self.consumer


@dataclass(frozen=True, slots=True)
class Signed:
    """One object as a seal must reference it: member of the bundle, address, media type."""

    name: str
    par: str
    cty: str


def parse_agreement(data: bytes) -> Agreement:
    """The agreement in canonical form; Fault `agreement-form`."""
    try:
        value = jcs.decode(data)
    except jcs.NotCanonical as fault:
        raise Fault("agreement-form") from fault
    match value:
        case {"@id": str(iri), "assigner": str(provider), "assignee": str(consumer)} if provider != consumer:
            return Agreement(iri, provider, consumer)
        case _:
            raise Fault("agreement-form")


def parse_document(data: bytes, did: str) -> Mapping[str, object]:
    """The DID document of `did`; Fault `document-form` or `document-foreign`."""
    try:
        document = jcs.loads(data)
    except jcs.NotCanonical as fault:
        raise Fault("document-form", did=did) from fault
    if not isinstance(document, dict):
        raise Fault("document-form", did=did)
    if document.get("id") != did:
        raise Fault("document-foreign", did=did)
    return document


def signed_by(role: Role, agreement: Agreement, members: Members) -> list[Signed]:
    """The references of that party's seal, in their order."""
    provider, own = owner.root_of(agreement.provider), owner.root_of(agreement.did(role))
    approval = f"approval-{role}.json"
    objects = [
        Signed("agreement.json", agreement.iri, "application/json"),
        _addressed("text-de.html", provider, members, "text/html"),
        _addressed("profile.json", provider, members, "application/json"),
        _addressed("dataset.jsonld", provider, members, "application/ld+json"),
        _addressed(approval, own, members, "application/json"),
    ]
    if role == "consumer":
        objects.append(_addressed("provider.jws", provider, members, "application/jose"))
    return objects


def check_seal(
    role: Role,
    agreement: Agreement,
    document: Mapping[str, object],
    members: Members,
    anchors: Anchors,
    trust_list: TrustList | None,
) -> Seal:
    """That party's seal in full; Doubt `one-sided` if the consumer has not sealed, `no-roots` without anchors."""
    name = f"{role}.jws"
    if name not in members:
        raise Doubt("one-sided")
    seal = jades.read(_text(members[name]))
    check_references(seal, signed_by(role, agreement, members), members)
    check_owner(seal, agreement.did(role), document, anchors, trust_list)
    return seal


def check_references(seal: Seal, expected: list[Signed], members: Members) -> None:
    """The seal covers exactly these objects; Fault names the member that was changed or is not what it should be."""
    if len(seal.pars) != len(expected):
        raise Fault("seal-references")
    for one, found in zip(expected, seal.hashes, strict=True):
        if jades.object_hash(members[one.name]) != found:
            raise Fault("member-changed", name=one.name)
    if [(one.par, one.cty) for one in expected] != list(zip(seal.pars, seal.ctys, strict=True)):
        raise Fault("seal-references")


def check_owner(
    seal: Seal, did: str, document: Mapping[str, object], anchors: Anchors, trust_list: TrustList | None
) -> None:
    """Signature, key, certificate and chain belong to `did`."""
    jades.check_signature(seal)
    member = None if trust_list is None else trust_list.members.get(did)
    listed = frozenset() if member is None else member.seal_certificates
    level = owner.check(seal.chain[0], seal.kid, did=did, document=document, listed=listed)
    chain.check(seal.chain, anchors.roots, at=seal.iat)
    if level == "L2" and not anchors.authority:
        raise Doubt("no-authority")


def check_manifest_seal(
    agreement: Agreement,
    documents: Mapping[str, Mapping[str, object]],
    members: Members,
    anchors: Anchors,
    trust_list: TrustList | None,
) -> Seal:
    """The exporter's seal over the manifest; the exporter is one of the two parties."""
    seal = jades.read(_text(members["manifest.jws"]))
    if seal.did not in (agreement.provider, agreement.consumer):
        raise Fault("exporter", did=seal.did)
    if seal.did not in documents:
        raise Doubt("not-checked", check="documents")
    document = parse_document(members[ROTATED], seal.did) if ROTATED in members else documents[seal.did]
    reference = _addressed("manifest.json", owner.root_of(seal.did), members, "application/json")
    check_references(seal, [reference], members)
    check_owner(seal, seal.did, document, anchors, trust_list)
    return seal


def check_manifest(members: Members) -> None:
    """The manifest lists every other member with its size and hash; Fault names the member that differs."""
    try:
        value = jcs.decode(members["manifest.json"])
    except jcs.NotCanonical as fault:
        raise Fault("manifest-form") from fault
    if not isinstance(value, dict) or not isinstance(value.get("members"), list):
        raise Fault("manifest-form")
    listed = value["members"]
    expected = manifest_rows(members)
    for row in expected:
        if row not in listed:
            raise Fault("member-changed", name=row["name"])
    if listed != expected:
        raise Fault("manifest-form")


def manifest_rows(members: Members) -> list[dict[str, object]]:
    """Name, size and SHA-256 of every member but the manifest and its seal, by name."""
    names = sorted(members.keys() - {"manifest.json", "manifest.jws"})
    return [{"name": name, "sha256": sha256(members[name]).hexdigest(), "size": len(members[name])} for name in names]


def _addressed(name: str, root: str, members: Members, cty: str) -> Signed:
    return Signed(name, f"{root}/evidence/objects/{sha256(members[name]).hexdigest()}", cty)


def _text(data: bytes) -> str:
    try:
        return data.decode("ascii")
    except UnicodeDecodeError as fault:
        raise Fault("seal-form", what="compact") from fault
