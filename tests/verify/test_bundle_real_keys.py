"""A bundle made with the connector's own keys, certificates, DID documents and trust list passes the lone verifier."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from connector.exchange.contracts.evidence import export
from connector.foundation.clock import FakeClock, rfc3339
from connector.identity.trust.development import dev_ca
from connector.identity.trust.did import did
from connector.identity.trust.keys.signing import SoftwareKey, Vault
from connector.identity.trust.members.authority import Authority
from connector.identity.trust.members.entries import entry
from connector.identity.trust.members.roots import roots_pem
from connector.identity.trust.members.trust_list import TrustList
from connector.verify.bundle import verify_bundle
from connector.verify.formats import jcs
from connector.verify.report import Verdict
from tests.verify.forge import CONSUMER, NOW, PROVIDER, Case, Log, root_of


class RealKey:
    """A participant's keys as the trust room makes them, in the shape that `forge` works with."""

    def __init__(self, name: str, folder: dev_ca.DevelopmentCerts, clock: FakeClock) -> None:
        self.did = name
        ca = dev_ca.load(folder.seal_ca, folder.seal_ca_key)
        self.keys = {purpose: SoftwareKey.generate(purpose, name) for purpose in ("peer", "seal", "log", "log-pq")}
        self._seal = self.keys["seal"]
        self._chain = dev_ca.issue_seal_certificate(ca, name, self._seal.public_key(), "Siegel", clock)
        self.kid, self.alg = self._seal.kid, self._seal.alg
        self.sign, self.chain = self._seal.sign, dev_ca.chain_der(self._chain)

    @property
    def records(self) -> tuple[object, ...]:
        return tuple(key.record() for key in self.keys.values())

    def document(self) -> dict[str, object]:
        return did.document(did.parse(self.did), root_of(self.did), self.records)


def listed(authority: Authority, parties: Sequence[RealKey]) -> str:
    """The signed list of both."""
    entries = tuple(
        entry(
            did=party.did,
            name="Stadt",
            operator=party.did,
            kind="https://w3id.org/hanse/v1#municipality",
            valid_from=rfc3339((NOW - 3600) * 1000),
            keys=party.records,
        )
        for party in parties
    )
    now, later = rfc3339(NOW * 1000), rfc3339((NOW + 86_400) * 1000)
    return authority.issue(
        TrustList(version=1, issued=now, next_update=later, authority=authority.id, participants=entries)
    )


def test_the_connectors_own_keys_pass(tmp_path: Path) -> None:
    """Development CA, software keys, DID documents, signed list and roots file, all from the trust room."""
    clock = FakeClock(NOW * 1000)
    folder = dev_ca.create(tmp_path, clock)
    authority = Authority.create(tmp_path / "authority.jwk", Vault(b"m" * 32))
    case = Case()
    parties: Mapping[str, RealKey] = {name: RealKey(name, folder, clock) for name in (PROVIDER, CONSUMER)}
    case.provider, case.consumer = parties[PROVIDER], parties[CONSUMER]
    case.exporter = case.provider
    case.log = Log(PROVIDER)
    case.log.keys = [parties[PROVIDER].keys["log"], parties[PROVIDER].keys["log-pq"]]
    case.parts = msgspec.structs.replace(case.make(), trust_list=listed(authority, list(parties.values())))
    roots = roots_pem([folder.seal_ca.read_text()], authority.public_jwk).encode()
    report = verify_bundle(case.bundle(), roots, "en")
    assert report.holds_apart_from_time, report.reason
    assert report.verdict is Verdict.INDETERMINATE, "the real list names no witness here"
    other = jcs.encode(parties[CONSUMER].document() | {"id": PROVIDER})
    swapped = export.bundle(msgspec.structs.replace(case.parts, provider_document=other), case.seal_manifest)
    assert verify_bundle(swapped, roots, "en").verdict is Verdict.FAILED
