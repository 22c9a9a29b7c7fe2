"""A development space: its authority lists participants at once, its seal CA certifies their keys."""

import asyncio
from pathlib import Path

import pytest
from cryptography import x509
from msgspec.structs import replace

from connector.cli.operate import dev
from connector.foundation.clock import FakeClock
from connector.identity.trust.development.dev_ca import chain_der
from connector.identity.trust.development.space import DevelopmentSpace
from connector.identity.trust.keys.signing import SoftwareKey
from connector.identity.trust.members.entries import entry
from connector.identity.trust.members.roots import read_roots
from connector.identity.trust.members.trust_list import Entry, TrustList, read_list
from connector.verify.formats import chain, key_binding

DID = "did:web:localhost%3A18443:musterstadt"


@pytest.fixture
def space(tmp_path: Path, clock: FakeClock) -> DevelopmentSpace:
    dev.prepare(tmp_path, {}, clock)
    return DevelopmentSpace(tmp_path / "certs", clock)


def current(folder: Path) -> TrustList:
    roots = (folder / "trust" / "roots.pem").read_text()
    return read_list((folder / "trust" / "list.jws").read_text(), read_roots(roots)[1])


def member(did: str, valid_from: str, name: str = "M") -> Entry:
    return entry(did=did, name=name, operator="O", kind="urn:kind", valid_from=valid_from, keys=())


def test_the_seal_certificate_names_the_did_and_chains_to_the_seal_ca(space: DevelopmentSpace, tmp_path: Path) -> None:
    key = SoftwareKey.generate("seal", DID)
    certificates = [x509.load_der_x509_certificate(der) for der in chain_der(space.seal(DID, key, "Müsterstadt"))]
    method = {"id": key.kid, "publicKeyJwk": key.public_jwk}
    document = {"id": DID, "assertionMethod": [key.kid], "verificationMethod": [method]}
    assert key_binding.check(certificates[0], key.kid, did=DID, document=document) == "L1"
    roots = [x509.load_pem_x509_certificate((tmp_path / "certs" / "seal-ca.pem").read_bytes())]
    chain.check(certificates, roots, at=FakeClock().now() // 1000)


def test_each_list_is_a_version_further_and_keeps_the_others(space: DevelopmentSpace, tmp_path: Path) -> None:
    """>> enlist A, then B, then A anew << both are listed, A as it is now; versions rise by one."""
    before = current(tmp_path).version
    space.enlist(lambda at: [member("did:web:a", at)])
    space.enlist(lambda at: [member("did:web:b", at)])
    space.enlist(lambda at: [member("did:web:a", at, name="New")])
    listed = current(tmp_path)
    assert listed.version == before + 3
    assert {one.did: one.name for one in listed.participants} == {"did:web:a": "New", "did:web:b": "M"}


def test_members_belong_at_once(space: DevelopmentSpace, tmp_path: Path, clock: FakeClock) -> None:
    """Even for a process whose clock is a little behind."""
    space.enlist(lambda at: [member("did:web:a", at)])
    assert current(tmp_path).participants[0].admitted(clock.now())
    assert current(tmp_path).participants[0].admitted(clock.now() - 30_000)


async def test_processes_that_enlist_at_once_lose_nobody(space: DevelopmentSpace, tmp_path: Path) -> None:
    """>> eight at the same time << eight are listed, under eight versions."""
    before = current(tmp_path).version

    def one(n: int) -> None:
        space.enlist(lambda at: [member(f"did:web:m{n}", at)])

    await asyncio.gather(*(asyncio.to_thread(one, n) for n in range(8)))
    listed = current(tmp_path)
    assert {entry.did for entry in listed.participants} == {f"did:web:m{n}" for n in range(8)}
    assert listed.version == before + 8


def test_only_log_keys_are_in_the_list() -> None:
    """The list serves verifiers; peer and seal keys are in the DID document."""
    keys = tuple(SoftwareKey.generate(purpose, DID).record() for purpose in ("peer", "seal", "log"))  # type: ignore[arg-type]
    listed = entry(did=DID, name="M", operator="O", kind="urn:kind", valid_from="2020-01-01T00:00:00Z", keys=keys)
    assert [dict(key) for key in listed.log_keys] == [dict(keys[2].public_jwk)]
    assert all("d" not in key for key in listed.log_keys)


@pytest.mark.threat("T60")
def test_a_retired_log_key_stays_listed_with_its_end_and_a_withdrawn_peer_key_is_vouched_for_no_more() -> None:
    """Past bug: the list named a stolen peer key, so whoever took the domain could come back with it alone; and it did
    not say of a log key that it signs nothing new."""
    made = {purpose: SoftwareKey.generate(purpose, DID) for purpose in ("peer", "seal", "log")}  # type: ignore[arg-type]
    ends = {"pending": None, "active": None, "verify-only": 1_800_000_000_000, "removed": 1_800_000_000_000}
    for state, until in ends.items():
        keys = tuple(replace(key.record(), state=state, until=until) for key in made.values())
        listed = entry(did=DID, name="M", operator="O", kind="urn:kind", valid_from="2020-01-01T00:00:00Z", keys=keys)
        assert len(listed.keys) == (0 if state == "removed" else 2)
        (log,) = listed.log_keys
        assert {name: log[name] for name in made["log"].public_jwk} == made["log"].public_jwk
        assert log.get("until") == (None if until is None else "2027-01-15T08:00:00Z")
        assert len(listed.logging(1_799_999_999_999)) == 1
        assert len(listed.logging(1_800_000_000_000)) == (until is None)


def test_an_end_that_is_no_time_is_long_past() -> None:
    key = {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}
    for odd in ("", "tomorrow", "2027-01-15", "9" * 40):
        listed = replace(member("did:web:a", "2020-01-01T00:00:00Z"), log_keys=({**key, "until": odd},))
        assert listed.logging(0) == listed.logging(1_800_000_000_000) == ()
