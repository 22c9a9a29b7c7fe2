"""Makes everything that a bundle needs: keys, certificates, trust list, log and two parties, all from fixed clocks.

Independent of the product's own key handling, so that it can also make what the product never would.
"""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.evidence import export
from connector.exchange.contracts.evidence.export import EvidenceParts, LogEvidence
from connector.identity.audit import entry, merkle, sealer
from connector.identity.audit.entry import Record
from connector.verify.checks import disclosure, records, trusted_time
from connector.verify.formats import base64url, checkpoint, jcs
from tests.verify.keys import (
    CONSUMER,
    DAY,
    NOW,
    PROVIDER,
    STRANGER,
    LogKey,
    PqLogKey,
    Private,
    Public,
    SealCa,
    SealKey,
    Witness,
    es256,
    jwk_of,
    root_of,
    signature,
)

__all__ = [
    "AGREEMENT",
    "CONSUMER",
    "DAY",
    "NOW",
    "PROVIDER",
    "STRANGER",
    "Authority",
    "Case",
    "Log",
    "LogKey",
    "PqLogKey",
    "Private",
    "Public",
    "SealCa",
    "SealKey",
    "Witness",
    "es256",
    "jwk_of",
    "root_of",
    "signature",
]

AGREEMENT = "urn:uuid:3f0c9a1e-0000-4000-8000-000000000001"


class Log:
    """A participant's log in memory: the same records, leaves and checkpoints as the product's."""

    def __init__(self, did: str) -> None:
        self.did = did
        self.keys: list[LogKey | PqLogKey] = [LogKey(), PqLogKey()]
        self.witnesses: list[Witness] = []
        self.epoch = 0
        self.at = NOW
        """When its next record is written."""
        self.rows: list[tuple[bytes, bytes]] = []
        self.heads: dict[str | None, tuple[int, str]] = {}

    def add(self, type: str, agreement: str | None, body: Mapping[str, object]) -> str:
        seq, prev = self.heads.get(agreement, (0, None))
        data = entry.encode(
            Record(
                type=type,
                at=self.at * 1000,
                participant=self.did,
                agreement=agreement,
                seq=seq,
                prev=prev,
                actor="p-7f3a91",
                body=dict(body),
            )
        )
        self.heads[agreement] = (seq + 1, entry.digest(data))
        self.rows.append((data, os.urandom(32)))
        return entry.digest(data)

    def copy(self) -> "Log":
        """The same log up to here, to go on in another way."""
        other = Log(self.did)
        other.keys, other.witnesses, other.at, other.epoch = self.keys, self.witnesses, self.at, self.epoch
        other.rows, other.heads = [*self.rows], {**self.heads}
        return other

    def noise(self, count: int) -> None:
        for number in range(count):
            self.add("decision", f"urn:uuid:other-{len(self.rows)}", {"number": number})

    def tell(self, agreement: str, **change: object) -> None:
        """Says how far the agreement is told, as the product does before it exports; `change` is untrue."""
        own = [one for one in (json.loads(data) for data, _ in self.rows) if one["agreement"] == agreement]
        ends = [one["seq"] for one in own if one["type"] == "termination"]
        keys = sum(json.loads(data)["type"] == "key" for data, _ in self.rows)
        self.add(disclosure.TOLD, agreement, {**disclosure.body(len(own), ends, keys), **change})

    def close(self, agreement: str) -> "Log":
        """Told, if its last record does not tell of this agreement already."""
        last = json.loads(self.rows[-1][0])
        if (last["type"], last["agreement"]) != (disclosure.TOLD, agreement):
            self.tell(agreement)
        return self

    def evidence(self, agreement: str, *, close: bool = True) -> LogEvidence:
        """Told and closed first, unless `close` is False."""
        if close:
            self.close(agreement)
        tree = merkle.Tree([merkle.leaf_hash(entry.leaf_data(salt, data)) for data, salt in self.rows])
        note = self.note(tree)
        lines, where, last = [], 0, None
        for index, (data, salt) in enumerate(self.rows):
            record = json.loads(data)
            if record["agreement"] == agreement or record["type"] == "key":
                lines.append((index, data, salt, tree.inclusion(index)))
            if record["agreement"] == agreement:
                last = records.Logged(index, record, data, salt, ())
            if record["agreement"] == agreement and record["type"] == "agreement":
                where = index
        proof = records.write_proof(where, tree.inclusion(where), note)
        how_far = None if last is None else disclosure.value(agreement, last, checkpoint.parse(note))
        return LogEvidence(records.write(lines), proof, told=how_far)

    def note(self, tree: merkle.Tree) -> str:
        batch = sealer.Batch(
            participant="x",
            size=tree.size,
            root=tree.root(),
            frontier=merkle.NOTHING,
            checkpoint=None,
            at=NOW * 1000,
        )
        note = sealer.sign(batch, sealer.origin(root_of(self.did), self.epoch), self.keys)
        for one in self.witnesses:
            note = one.cosign(note)
        return note


class Authority:
    """The data space's authority: its key and its signed list."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())

    def pem(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def list(
        self,
        logs: Mapping[str, Sequence[LogKey | PqLogKey]],
        seals: Mapping[str, Sequence[object]] = {},
        *,
        witnesses: Sequence[Witness] = (),
        pq: Mapping[str, Mapping[str, str]] = {},
        changes: Mapping[str, Mapping[str, object]] = {},
        head: Mapping[str, object] = {},
        absent: Collection[str] = (),
    ) -> str:
        """Both parties and those of `logs` are on it, but for `absent`.

        `changes` are members of the entries by DID, `head` members of the list itself.
        """
        participants = [
            {
                "did": did,
                "state": "active",
                "validFrom": "2020-01-01T00:00:00Z",
                "name": did.rpartition(":")[2],
                "operator": "did:web:localhost%3A18443:betrieb",
                "sealKeyPq": dict(pq[did]) if did in pq else None,
                "logKeys": [key.public_jwk for key in keys],
                "sealCertificates": list(seals.get(did, [])),
                **changes.get(did, {}),
            }
            for did, keys in ({PROVIDER: [], CONSUMER: []} | dict(logs)).items()
            if did not in absent
        ]
        named = [one.entry() for one in witnesses]
        whole = {"version": 7, "issued": "2026-11-01T00:00:00Z", "nextUpdate": "2099-01-01T00:00:00Z", **head}
        return self.signed({**whole, "participants": participants, "witnesses": named})

    def signed(self, payload: Mapping[str, object]) -> str:
        """Anything at all under the authority's signature."""
        head = base64url.encode(jcs.encode({"alg": "ES256", "typ": "trust-list+jwt", "kid": "authority"}))
        body = base64url.encode(jcs.encode(payload))
        return f"{head}.{body}.{base64url.encode(es256(self.key, f'{head}.{body}'.encode()))}"


@dataclass
class Case:
    """Two parties, their authority, and the parts of a bundle; a test changes what it wants before `bundle()`."""

    ca: SealCa = field(default_factory=SealCa)
    authority: Authority = field(default_factory=Authority)
    one_sided: bool = False
    witness: Witness = field(default_factory=Witness)
    provider: SealKey = field(init=False)
    consumer: SealKey = field(init=False)
    exporter: SealKey = field(init=False)
    log: Log = field(init=False)
    parts: EvidenceParts = field(init=False)

    def __post_init__(self) -> None:
        self.provider, self.consumer = SealKey(PROVIDER, self.ca), SealKey(CONSUMER, self.ca)
        self.exporter = self.provider
        self.log = self.new_log(PROVIDER)
        self.parts = self.make()

    @property
    def roots(self) -> bytes:
        return self.ca.pem() + self.authority.pem()

    def new_log(self, did: str) -> Log:
        """An empty log of that party, whose states the witness cosigns."""
        log = Log(did)
        log.witnesses = [self.witness]
        return log

    def listed(self, *, seals: Mapping[str, Sequence[object]] = {}, pq: Mapping[str, Mapping[str, str]] = {}) -> str:
        """The trust list that fits this case."""
        logs = {PROVIDER: [], CONSUMER: [], STRANGER: []} | {self.log.did: self.log.keys}
        return self.authority.list(logs, seals, witnesses=[self.witness], pq=pq)

    def make(self, title: str = "Straßenbäume", **objects: bytes) -> EvidenceParts:
        """The parts; `objects` take the place of `text`, `profile` or `dataset`, and both parties seal them."""
        agreement = sealing.canonical(
            {
                "@id": AGREEMENT,
                "@type": "Agreement",
                "assigner": PROVIDER,
                "assignee": CONSUMER,
                "target": f"{root_of(PROVIDER)}/datasets/1",
                "permission": [{"action": "use"}],
            }
        )
        text = f"<!DOCTYPE html><html lang=de><title>{title}</title></html>".encode()
        profile, dataset = jcs.encode({"badges": ["enforced"]}), jcs.encode({"title": "Straßenbäume"})
        approvals = {role: jcs.encode({"role": "automatic", "side": role}) for role in ("provider", "consumer")}
        text, profile, dataset = (
            objects.get(name, body) for name, body in (("text", text), ("profile", profile), ("dataset", dataset))
        )
        common = {"provider_root": root_of(PROVIDER), "text": text, "profile": profile, "dataset": dataset}
        provider_jws = self.seal(
            self.provider,
            sealing.references(
                agreement, AGREEMENT, signer_root=root_of(PROVIDER), approval=approvals["provider"], **common
            ),
        )
        consumer_jws = self.seal(
            self.consumer,
            sealing.references(
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
            trust_list=self.listed(),
            log=self.log.evidence(AGREEMENT),
        )

    def seal(self, key: SealKey, references: Sequence[sealing.Reference], iat: int = NOW) -> str:
        return sealing.sign(references, key, key.chain, iat)

    def seal_manifest(self, manifest: bytes) -> str:
        """At once after it was told how far the log goes."""
        par = sealing.address(root_of(self.exporter.did), manifest)
        said = json.loads(manifest).get("told") if manifest.startswith(b"{") else None
        at = trusted_time.exact(said.get("at")) if isinstance(said, dict) else None
        return self.seal(self.exporter, [sealing.Reference(par, manifest, "application/json")], at or NOW)

    def bundle(self) -> bytes:
        return export.bundle(self.parts, self.seal_manifest)

    def _record(self, agreement: bytes, provider: str, consumer: str | None, documents: Sequence[bytes]) -> None:
        self.log.noise(5)
        own = documents[self.log.did == CONSUMER]
        head = self.log.add("key", None, {"document": sha256(own).hexdigest()})
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
