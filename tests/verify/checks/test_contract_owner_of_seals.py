"""Whose seals they are: foreign keys, certificates, lists and exporters are refused by name."""

from hashlib import sha256

import msgspec
import pytest

from connector.verify.bundle import verify_bundle
from connector.verify.formats import jcs
from tests.verify import forge
from tests.verify.forge import CONSUMER, NOW, PROVIDER, STRANGER, Case, SealCa, SealKey
from tests.verify.judge import FAILED, PASSED, changed, named, verdicts


def resealed(honest: Case, provider: SealKey, **document: object) -> bytes:
    """The bundle in which the provider's seal is by `provider`; the log and the list of files go along with it."""
    forged = Case(ca=honest.ca, authority=honest.authority)
    forged.provider = forged.exporter = provider
    forged.log = forge.Log(PROVIDER)
    forged.parts = forged.make()
    if document:
        forged.parts = msgspec.structs.replace(forged.parts, provider_document=jcs.encode(document))
    return forged.bundle()


def test_a_bundle_rebuilt_with_foreign_keys_fails(case: Case) -> None:
    """Everything in it is consistent, but nothing in it leads to the trusted roots."""
    forged = Case()
    report = verify_bundle(forged.bundle(), case.roots)
    found = verdicts(report)
    assert report.verdict is FAILED
    assert [found[name] for name in ("trust-list", "provider-seal", "consumer-seal", "exporter-seal")] == [FAILED] * 4


@pytest.mark.threat("T32")
def test_a_member_seals_in_anothers_name_with_its_own_certificate(case: Case) -> None:
    """The stranger's certificate is valid and its key stands in the (unsigned) DID document of the bundle: refused."""
    stranger = SealKey(PROVIDER, case.ca, uris=[STRANGER])
    assert named(verify_bundle(resealed(case, stranger), case.roots)) == ("provider-seal", "seal-certificate")


def test_a_seal_that_names_another_did_is_refused(case: Case) -> None:
    """The stranger seals honestly as itself: it is not the assigner."""
    stranger = SealKey(STRANGER, case.ca)
    report = verify_bundle(resealed(case, stranger, **SealKey(PROVIDER, case.ca).document()), case.roots)
    assert named(report) == ("provider-seal", "seal-foreign")


def test_a_key_that_the_did_document_does_not_name_is_refused(case: Case) -> None:
    """Certificate and DID fit, but the DID document has another seal key."""
    key = SealKey(PROVIDER, case.ca)
    report = verify_bundle(resealed(case, key, **SealKey(PROVIDER, case.ca).document()), case.roots)
    assert named(report) == ("provider-seal", "seal-key")


def test_a_key_for_authentication_only_cannot_seal(case: Case) -> None:
    """The method is there, but not under assertionMethod."""
    key = SealKey(PROVIDER, case.ca)
    document = key.document() | {"assertionMethod": [], "authentication": [key.kid]}
    assert named(verify_bundle(resealed(case, key, **document), case.roots)) == ("provider-seal", "key-unknown")


def test_an_expired_certificate_fails(case: Case) -> None:
    """The certificate ended before the seal was made."""
    key = SealKey(PROVIDER, case.ca)
    key.certificate = case.ca.issue(key.key.public_key(), [PROVIDER], start=NOW - 30 * forge.DAY, days=10)
    assert named(verify_bundle(resealed(case, key), case.roots)) == ("provider-seal", "certificate-time")


def test_a_certificate_of_another_ca_of_the_same_name_fails(case: Case) -> None:
    """The issuer's name says nothing; its signature does."""
    assert named(verify_bundle(resealed(case, SealKey(PROVIDER, SealCa())), case.roots)) == ("provider-seal", "chain")


def test_a_seal_certificate_cannot_issue_another(case: Case) -> None:
    """A member uses its own certificate as if it were a CA."""
    member, key = SealKey(STRANGER, case.ca), SealKey(PROVIDER, case.ca)
    false_ca = SealCa.__new__(SealCa)
    false_ca.key, false_ca.name = member.key, member.certificate.subject
    key.certificate = false_ca.issue(key.key.public_key(), [PROVIDER])
    chain = [*key.chain, *member.chain]
    key_chain = type("Key", (SealKey,), {"chain": property(lambda _: chain)})
    key.__class__ = key_chain
    assert named(verify_bundle(resealed(case, key), case.roots)) == ("provider-seal", "chain")


def test_the_trust_list_may_name_the_certificate_instead(case: Case) -> None:
    """Levels L2 and L3: a certificate without the DID, listed by its SHA-256, is accepted; else not."""
    other = Case(ca=case.ca, authority=case.authority)
    other.provider = other.exporter = SealKey(PROVIDER, case.ca, uris=[])
    other.log = forge.Log(PROVIDER)
    other.parts = other.make()
    assert named(verify_bundle(other.bundle(), case.roots)) == ("provider-seal", "seal-certificate")
    listed = {PROVIDER: [sha256(other.provider.chain[0]).hexdigest()]}
    signed = case.authority.list({PROVIDER: other.log.keys, CONSUMER: []}, listed)
    report = verify_bundle(changed(other, trust_list=signed), case.roots)
    assert verdicts(report)["provider-seal"] is PASSED
    assert (named(report), report.doubts) == (None, ("revocation", "time"))


def test_a_stranger_cannot_export(case: Case) -> None:
    """The list of files is sealed by a party of the contract, not by anybody."""
    other = Case(ca=case.ca, authority=case.authority)
    other.exporter = SealKey(STRANGER, case.ca)
    assert named(verify_bundle(other.bundle(), case.roots)) == ("exporter-seal", "exporter")


def test_a_list_of_an_unknown_authority_fails(case: Case) -> None:
    """Signed, but not by the authority whose key came from outside."""
    forged = forge.Authority().list({PROVIDER: case.log.keys})
    assert named(verify_bundle(changed(case, trust_list=forged), case.roots)) == ("trust-list", "trust-list-signature")


def test_the_provider_must_be_listed(case: Case) -> None:
    """Its log key comes from the list alone."""
    signed = case.authority.list({CONSUMER: case.log.keys}, absent=[PROVIDER])
    assert named(verify_bundle(changed(case, trust_list=signed), case.roots)) == ("log", "not-listed")
