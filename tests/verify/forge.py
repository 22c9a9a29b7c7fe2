"""Makes everything that a bundle needs: keys, certificates, trust list, log and two parties, all from fixed clocks.

Independent of the product's own key handling, so that it can also make what the product never would.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from connector.audit import entry, export, merkle, seal
from connector.audit.entry import Record
from connector.audit.export import EvidenceParts, LogEvidence
from connector.contracts import signing
from connector.verify import base64url, jcs, records

NOW = 1_795_000_000
PROVIDER = "did:web:localhost%3A18443:musterstadt"
CONSUMER = "did:web:localhost%3A18443:nachbardorf"
STRANGER = "did:web:localhost%3A19443:stadtwerke"
AGREEMENT = "urn:uuid:3f0c9a1e-0000-4000-8000-000000000001"
DAY = 86_400


def root_of(did: str) -> str:
    return "https://" + did.removeprefix("did:web:").replace(":", "/").replace("%3A", ":")


def es256(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


def jwk_of(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    x, y = (base64url.encode(number.to_bytes(32)) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


class SealCa:
    """A root for seal certificates."""

    def __init__(self, name: str = "Siegel-CA") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._make(self.name, self.key.public_key(), [], ca=True, days=3650)

    def issue(
        self, public: ec.EllipticCurvePublicKey, uris: Sequence[str], *, start: int = NOW - DAY, days: int = 730
    ) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Siegel")])
        return self._make(name, public, uris, ca=False, start=start, days=days)

    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def _make(
        self,
        subject: x509.Name,
        public: ec.EllipticCurvePublicKey,
        uris: Sequence[str],
        *,
        ca: bool,
        days: int,
        start: int = NOW - DAY,
    ) -> x509.Certificate:
        begin = datetime.fromtimestamp(start, UTC)
        usage = x509.KeyUsage(not ca, not ca, False, False, False, ca, ca, False, False)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if uris:
            names = [x509.UniformResourceIdentifier(uri) for uri in uris]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, SHA256())


class SealKey:
    """A seal key with its certificate: what `contracts.signing.sign` takes."""

    alg = "ES256"

    def __init__(self, did: str, ca: SealCa, *, uris: Sequence[str] | None = None, days: int = 730) -> None:
        self.did = did
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.kid = f"{did}#seal"
        self.certificate = ca.issue(self.key.public_key(), [did] if uris is None else uris, days=days)

    @property
    def chain(self) -> list[bytes]:
        return [self.certificate.public_bytes(Encoding.DER)]

    def sign(self, data: bytes) -> bytes:
        return es256(self.key, data)

    def document(self) -> dict[str, object]:
        method = {"id": self.kid, "type": "JsonWebKey2020", "controller": self.did, "publicKeyJwk": jwk_of(self.key)}
        return {"id": self.did, "verificationMethod": [method], "assertionMethod": [self.kid]}


class LogKey:
    alg = "Ed25519"

    def __init__(self) -> None:
        self._key = ed25519.Ed25519PrivateKey.generate()
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.public_jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(public)}

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


class PqLogKey:
    alg = "ML-DSA-44"

    def __init__(self) -> None:
        self._key = mldsa.MLDSA44PrivateKey.generate()
        public = self._key.public_key().public_bytes_raw()
        self.public_jwk = {"kty": "AKP", "alg": "ML-DSA-44", "pub": base64url.encode(public)}

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


class Log:
    """A participant's log in memory: the same records, leaves and checkpoints as the product's."""

    def __init__(self, did: str) -> None:
        self.did = did
        self.keys = [LogKey(), PqLogKey()]
        self.rows: list[tuple[bytes, bytes]] = []
        self._heads: dict[str | None, tuple[int, str]] = {}

    def add(self, type: str, agreement: str | None, body: Mapping[str, object]) -> str:
        seq, prev = self._heads.get(agreement, (0, None))
        data = entry.encode(
            Record(
                type=type,
                at=NOW * 1000,
                participant=self.did,
                agreement=agreement,
                seq=seq,
                prev=prev,
                actor="p-7f3a91",
                body=dict(body),
            )
        )
        self._heads[agreement] = (seq + 1, entry.digest(data))
        self.rows.append((data, os.urandom(32)))
        return entry.digest(data)

    def noise(self, count: int) -> None:
        for number in range(count):
            self.add("decision", f"urn:uuid:other-{len(self.rows)}", {"number": number})

    def evidence(self, agreement: str) -> LogEvidence:
        tree = merkle.Tree([merkle.leaf_hash(entry.leaf_data(salt, data)) for data, salt in self.rows])
        note = self.note(tree)
        lines, where = [], 0
        for index, (data, salt) in enumerate(self.rows):
            record = json.loads(data)
            if record["agreement"] == agreement or record["type"] == "key":
                lines.append((index, data, salt, tree.inclusion(index)))
            if record["agreement"] == agreement and record["type"] == "agreement":
                where = index
        return LogEvidence(records.write(lines), records.write_proof(where, tree.inclusion(where), note))

    def note(self, tree: merkle.Tree) -> str:
        batch = seal.Batch(
            participant="x",
            size=tree.size,
            root=tree.root(),
            frontier=merkle.NOTHING,
            checkpoint=None,
            at=NOW * 1000,
        )
        return seal.sign(batch, seal.origin(root_of(self.did)), self.keys)


class Authority:
    """The data space's authority: its key and its signed list."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())

    def pem(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def list(self, logs: Mapping[str, Sequence[LogKey | PqLogKey]], seals: Mapping[str, Sequence[str]] = {}) -> str:
        participants = [
            {
                "did": did,
                "name": did.rpartition(":")[2],
                "logKeys": [key.public_jwk for key in keys],
                "sealCertificates": list(seals.get(did, [])),
            }
            for did, keys in logs.items()
        ]
        head = base64url.encode(jcs.encode({"alg": "ES256", "typ": "trust-list+jwt", "kid": "authority"}))
        body = base64url.encode(jcs.encode({"version": 7, "participants": participants, "witnesses": []}))
        return f"{head}.{body}.{base64url.encode(es256(self.key, f'{head}.{body}'.encode()))}"


@dataclass
class Case:
    """Two parties, their authority, and the parts of a bundle; a test changes what it wants before `bundle()`."""

    ca: SealCa = field(default_factory=SealCa)
    authority: Authority = field(default_factory=Authority)
    one_sided: bool = False
    provider: SealKey = field(init=False)
    consumer: SealKey = field(init=False)
    exporter: SealKey = field(init=False)
    log: Log = field(init=False)
    parts: EvidenceParts = field(init=False)

    def __post_init__(self) -> None:
        self.provider, self.consumer = SealKey(PROVIDER, self.ca), SealKey(CONSUMER, self.ca)
        self.exporter = self.provider
        self.log = Log(PROVIDER)
        self.parts = self.make()

    @property
    def roots(self) -> bytes:
        return self.ca.pem() + self.authority.pem()

    def make(self) -> EvidenceParts:
        agreement = signing.canonical(
            {
                "@id": AGREEMENT,
                "@type": "Agreement",
                "assigner": PROVIDER,
                "assignee": CONSUMER,
                "target": f"{root_of(PROVIDER)}/datasets/1",
                "permission": [{"action": "use"}],
            }
        )
        text = "<!DOCTYPE html><html lang=de><title>Straßenbäume</title></html>".encode()
        profile, dataset = jcs.encode({"badges": ["enforced"]}), jcs.encode({"title": "Straßenbäume"})
        approvals = {role: jcs.encode({"role": "automatic", "side": role}) for role in ("provider", "consumer")}
        common = {"provider_root": root_of(PROVIDER), "text": text, "profile": profile, "dataset": dataset}
        provider_jws = self.seal(
            self.provider,
            signing.references(
                agreement, AGREEMENT, signer_root=root_of(PROVIDER), approval=approvals["provider"], **common
            ),
        )
        consumer_jws = self.seal(
            self.consumer,
            signing.references(
                agreement,
                AGREEMENT,
                signer_root=root_of(CONSUMER),
                approval=approvals["consumer"],
                provider_jws=provider_jws,
                **common,
            ),
        )
        documents = [jcs.encode(key.document()) for key in (self.provider, self.consumer)]
        sealed = None if self.one_sided else consumer_jws
        self._record(agreement, provider_jws, sealed, documents)
        return EvidenceParts(
            agreement=agreement,
            text=text,
            profile=profile,
            dataset=dataset,
            approval_provider=approvals["provider"],
            approval_consumer=None if self.one_sided else approvals["consumer"],
            provider_jws=provider_jws,
            consumer_jws=sealed,
            provider_document=documents[0],
            consumer_document=documents[1],
            trust_list=self.authority.list({PROVIDER: self.log.keys, CONSUMER: [], STRANGER: []}),
            log=self.log.evidence(AGREEMENT),
        )

    def seal(self, key: SealKey, references: Sequence[signing.Reference], iat: int = NOW) -> str:
        return signing.sign(references, key, key.chain, iat)

    def seal_manifest(self, manifest: bytes) -> str:
        par = signing.address(root_of(self.exporter.did), manifest)
        return self.seal(self.exporter, [signing.Reference(par, manifest, "application/json")])

    def bundle(self) -> bytes:
        return export.bundle(self.parts, self.seal_manifest)

    def _record(self, agreement: bytes, provider: str, consumer: str | None, documents: Sequence[bytes]) -> None:
        self.log.noise(5)
        head = self.log.add("key", None, {"document": sha256(documents[0]).hexdigest()})
        self.log.noise(3)
        self.log.add("decision", AGREEMENT, {"permit": True})
        self.log.add(
            "agreement",
            AGREEMENT,
            {
                "agreement": sha256(agreement).hexdigest(),
                "providerJws": sha256(provider.encode()).hexdigest(),
                "consumerJws": None if consumer is None else sha256(consumer.encode()).hexdigest(),
                "providerDidDocument": sha256(documents[0]).hexdigest(),
                "consumerDidDocument": sha256(documents[1]).hexdigest(),
                "keyHead": head,
            },
        )
        self.log.add("transfer", AGREEMENT, {"bytes": 1_284_311})
        self.log.noise(4)
