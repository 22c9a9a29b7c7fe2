"""A key withdrawn before it sealed proves nothing; one withdrawn later takes nothing back (spec/contracts.md 5.3)."""

from collections.abc import Mapping
from hashlib import sha256

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from connector.foundation.language import local_text
from connector.verify.bundle import verify_bundle
from connector.verify.checks.trusted_time import SKEW_S, written
from connector.verify.formats import jcs
from connector.verify.report import Report
from tests.verify import erased, forge
from tests.verify.forge import CONSUMER, DAY, NOW, PROVIDER, Case, SealCa, SealKey
from tests.verify.judge import FAILED, INDETERMINATE, PASSED, changed, local, named
from tests.verify.responder import SEEN, Responder


def test_withdrawn_before_it_sealed() -> None:
    """From a time before a witness saw the seal: refused, whatever the seal says of its own time."""
    case = Case()
    body = {"event": "key-revoked", "kid": case.provider.kid, "from": written(NOW + 30), "document": "0" * 64}
    case.log.add("key", None, body)
    report = verify_bundle(changed(case, log=case.log.evidence(forge.AGREEMENT)), case.roots, "en")
    assert named(report) == ("revocation", "key-revoked")
    assert local_text(written(NOW + 30), "en") in report.reason


def revoked(since: object, *, at: int = NOW, witnessed: bool = True, kid: str | None = None) -> Report:
    """The provider withdraws a key in a later key event; the list of files is sealed at `at` by another key of its."""
    case = Case()
    if not witnessed:
        case.log.witnesses = []
    next_key = SealKey(PROVIDER, case.ca)
    next_key.kid = f"{PROVIDER}#next"
    document = jcs.encode(next_key.document())
    case.log.add("key", None, {"event": "rotated seal", "document": sha256(document).hexdigest()})
    body = {"event": "key-revoked", "kid": kid or case.provider.kid, "from": since, "document": "0" * 64}
    case.log.add("key", None, body)
    case.exporter = next_key
    log = case.log.evidence(forge.AGREEMENT)
    return verify_bundle(changed(case, log=log, exporter_document=document), case.roots, "en")


@pytest.mark.threat("T54")
def test_the_trusted_time_decides_and_not_the_signer() -> None:
    """Withdrawn from a second after the witness's time on: it holds. From that second on: it does not."""
    assert revoked(written(SEEN + 1)).verdict is PASSED
    for since in (written(SEEN), written(NOW + 1), written(NOW - DAY), None, "yesterday", 7):
        assert named(revoked(since)) == ("revocation", "key-revoked"), since


def test_without_a_trusted_time_an_old_seal_of_a_withdrawn_key_is_open() -> None:
    """Its thief could have written any time: only what the seal itself admits to is a failure."""
    assert named(revoked(written(NOW - 1), witnessed=False)) == ("revocation", "key-revoked")
    report = revoked(written(NOW + DAY), witnessed=False)
    assert (named(report), report.doubts) == (None, ("revocation", "time"))
    assert "only its owner says that the seal is older" in report.reason


def test_another_key_withdrawn_is_of_no_concern() -> None:
    """A peer key, or the key of somebody else."""
    assert revoked(written(NOW - DAY), kid=f"{PROVIDER}#peer").verdict is PASSED


def test_the_list_of_files_needs_a_key_in_force() -> None:
    """It is sealed at the export: a key withdrawn by then cannot."""
    assert named(revoked(written(NOW - 5), kid=f"{PROVIDER}#next")) == ("revocation", "key-revoked")


def test_a_key_rotated_after_signing_still_counts() -> None:
    """No revocation at all: the old key stays where the agreement record has it, the new one seals the list."""
    case = Case()
    case.exporter = SealKey(PROVIDER, case.ca)
    document = jcs.encode(case.exporter.document())
    unknown = changed(case, exporter_document=document)
    assert named(verify_bundle(unknown, case.roots)) == ("commitment", "commitment"), "no key event names it"
    case.log.add("key", None, {"event": "rotated seal", "document": sha256(document).hexdigest()})
    case.parts = msgspec.structs.replace(case.parts, log=case.log.evidence(forge.AGREEMENT))
    assert verify_bundle(changed(case, exporter_document=document), case.roots).verdict is PASSED
    assert named(verify_bundle(case.bundle(), case.roots)) == ("exporter-seal", "seal-key")


@pytest.fixture(scope="module")
def listed() -> Case:
    """A provider at L2: its certificate stands in the trust list."""
    case = Case()
    case.provider = case.exporter = SealKey(PROVIDER, case.ca, uris=[])
    case.log = case.new_log(PROVIDER)
    case.parts = case.make()
    case.parts = msgspec.structs.replace(
        case.parts, trust_list=case.listed(seals={PROVIDER: [case.provider.fingerprint]})
    )
    return case


def with_files(case: Case, files: Mapping[str, bytes]) -> Report:
    return verify_bundle(changed(case, more=files), case.roots, "en")


def test_a_good_answer_closes_what_was_open(listed: Case) -> None:
    """By the CA itself, by its responder, with SHA-1 for the names as many do."""
    assert verify_bundle(listed.bundle(), listed.roots).doubts == ("revocation",)
    ca = Responder(listed.ca)
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
    delegate = SealKey("did:web:ocsp.example", listed.ca, uris=[], more=[purposes])
    certificate = listed.provider.certificate
    for answer in (ca.answer(certificate), ca.answer(certificate, by=delegate), ca.answer(certificate, sha1=True)):
        assert with_files(listed, {"provider.ocsp": answer}).verdict is PASSED


@pytest.mark.threat("T54")
def test_a_withdrawn_certificate_is_named(listed: Case) -> None:
    """Before the trusted time: refused, with the day. After it: the seal still holds."""
    ca, certificate = Responder(listed.ca), listed.provider.certificate
    early = with_files(listed, {"provider.ocsp": ca.answer(certificate, since=NOW - 5)})
    assert named(early) == ("revocation", "certificate-revoked")
    assert local_text(written(NOW - 5), "en") in early.reason
    assert with_files(listed, {"provider.ocsp": ca.answer(certificate, since=SEEN + 5)}).verdict is PASSED


def test_an_answer_from_before_says_nothing(listed: Case) -> None:
    """Older than the trusted time, or an authority that does not know: as if there were none."""
    ca, certificate = Responder(listed.ca), listed.provider.certificate
    for answer in (ca.answer(certificate, at=SEEN - 5), ca.answer(certificate, unknown=True)):
        report = with_files(listed, {"provider.ocsp": answer})
        assert (named(report), report.doubts) == (None, ("revocation",))


@pytest.mark.threat("T54")
def test_an_answer_by_anybody_else_fails(listed: Case) -> None:
    """Another CA of that name, a member with its seal certificate, an answer about another certificate, garbage."""
    ca, certificate = Responder(listed.ca), listed.provider.certificate
    false = Responder(SealCa())
    member = SealKey(CONSUMER, listed.ca)
    answers = {
        "ocsp-signature": [
            false.answer(certificate, issuer=listed.ca.certificate),
            ca.answer(certificate, by=member),
        ],
        "ocsp-form": [
            false.answer(certificate),
            ca.answer(member.certificate),
            b"",
            b"\x30\x03\x0a\x01\x06",
            ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(Encoding.DER),
            ca.answer(certificate) + b"\0" * 70_000,
        ],
    }
    for code, forged in answers.items():
        for answer in forged:
            assert named(with_files(listed, {"provider.ocsp": answer})) == ("revocation", code)


@pytest.mark.threat("T54")
def test_who_was_certified_for_something_else_or_then_not_at_all_answers_for_nobody(listed: Case) -> None:
    """>> certified for servers, for answers until last month or in some years, by another CA << no word."""
    oids = ExtendedKeyUsageOID.OCSP_SIGNING, ExtendedKeyUsageOID.SERVER_AUTH
    answers, servers = (x509.ExtendedKeyUsage([oid]) for oid in oids)
    ca, certificate, other = Responder(listed.ca), listed.provider.certificate, SealCa()
    others = [
        (listed.ca, servers, NOW - DAY, 3600),
        (listed.ca, answers, NOW - 60 * DAY, 30),
        (listed.ca, answers, NOW + 3000 * DAY, 30),
        (other, answers, NOW - DAY, 3600),
    ]
    for issuer, purposes, start, days in others:
        by = SealKey("did:web:ocsp.example", issuer)
        by.certificate = issuer.issue(by.key.public_key(), [], start=start, days=days, more=[purposes])
        files = {"provider.ocsp": ca.answer(certificate, by=by)}
        assert named(with_files(listed, files)) == ("revocation", "ocsp-signature"), (start, days)


@pytest.mark.threat("T54")
def test_an_authority_that_came_along_says_nothing_of_anothers_certificate(listed: Case) -> None:
    """>> another CA in `provider-chain.pem`, in front of the right one, and its answer << it did not issue this one."""
    other, certificate = SealCa(), listed.provider.certificate
    for pem in (other.pem(), other.pem() + listed.ca.pem()):
        files = {"provider-chain.pem": pem, "provider.ocsp": Responder(other).answer(certificate)}
        assert named(with_files(listed, files)) == ("revocation", "ocsp-form")
        good = {**files, "provider.ocsp": Responder(listed.ca).answer(certificate)}
        assert with_files(listed, good).verdict is PASSED


@pytest.mark.threat("T54")
def test_an_authority_with_an_rsa_key_is_checked_as_any_other() -> None:
    """>> its own answer, and one that another RSA key signed in its name << only the first one counts."""
    ca, false = (SealCa(key=rsa.generate_private_key(65537, 2048)) for _ in range(2))
    case = Case(ca=ca)
    certificate = case.consumer.certificate
    assert with_files(case, {"consumer.ocsp": Responder(ca).answer(certificate)}).verdict is PASSED
    forged = Responder(false).answer(certificate, issuer=ca.certificate)
    assert named(with_files(case, {"consumer.ocsp": forged})) == ("revocation", "ocsp-signature")


@pytest.mark.threat("T188")
def test_bug_a_certificate_withdrawn_before_a_witness_saw_the_seal_failed_the_partners_bundle(listed: Case) -> None:
    """Bug: >> its owner has the certificate withdrawn a minute after it sealed, before a witness saw the seal << the
    partner's honest bundle, too, was FAILED. Not proven: nobody but the owner says that it sealed in time."""
    ca, certificate = Responder(listed.ca), listed.provider.certificate
    for since, verdict in ((NOW + 1, INDETERMINATE), (SEEN, INDETERMINATE), (SEEN + 1, PASSED), (NOW, FAILED)):
        report = with_files(listed, {"provider.ocsp": ca.answer(certificate, since=since, at=NOW + DAY)})
        assert report.verdict is verdict, (since, report.reason)
        if verdict is FAILED:
            assert named(report) == ("revocation", "certificate-revoked")
        elif verdict is INDETERMINATE:
            assert report.doubts == ("revocation",)
            assert "only its owner says that the seal is older" in report.reason


@pytest.mark.threat("T188")
def test_bug_without_a_trusted_time_a_certificate_withdrawn_later_was_no_concern() -> None:
    """Bug: >> nobody saw the seal, and its certificate was withdrawn a day after the time that it claims << the check
    passed, although whoever stole the key may claim any time. It is open, as for a key."""
    case = Case()
    case.log.witnesses = []
    case.parts = case.make()
    answer = Responder(case.ca).answer(case.provider.certificate, since=NOW + DAY, at=NOW + 2 * DAY)
    assert with_files(case, {"provider.ocsp": answer}).doubts == ("revocation", "time")


@pytest.mark.threat("T188")
def test_bug_what_is_open_of_one_seal_hid_that_the_other_was_withdrawn() -> None:
    """Bug: >> the provider's certificate ended before a witness saw its seal, which is open; the consumer's was
    withdrawn a day before it sealed << what was withdrawn was not judged at all."""
    case = Case()
    case.provider = SealKey(PROVIDER, case.ca, days=1)
    case.exporter = SealKey(PROVIDER, case.ca)
    document = jcs.encode(case.exporter.document())
    case.log = case.new_log(PROVIDER)
    case.parts = case.make()
    case.log.add("key", None, {"event": "rotated seal", "document": sha256(document).hexdigest()})
    log = case.log.evidence(forge.AGREEMENT)
    for since, verdict in ((None, INDETERMINATE), (NOW - DAY, FAILED)):
        answer = Responder(case.ca).answer(case.consumer.certificate, since=since, at=NOW + DAY)
        made = changed(case, log=log, more={"consumer.ocsp": answer}, exporter_document=document)
        report = verify_bundle(made, case.roots, "en")
        assert next(one.code for one in report.checks if one.name == "provider-seal") == "certificate-unseen"
        assert report.verdict is verdict, report.reason
    assert named(report) == ("revocation", "certificate-revoked")


@pytest.mark.threat("T188")
def test_bug_an_erased_key_event_hid_that_the_partners_certificate_was_withdrawn() -> None:
    """Bug: >> of the provider's log a key event was erased, which is open; the consumer's certificate was withdrawn a
    day before it sealed << not proven instead of FAILED."""
    case = Case()
    case.log.add("key", None, {"event": "rotated seal", "document": "0" * 64})
    answer = Responder(case.ca).answer(case.consumer.certificate, since=NOW - DAY, at=NOW + DAY)
    at = next(index for index, (data, _) in enumerate(case.log.rows) if b"rotated seal" in data)
    said = {"index": at, "type": "key", "seq": 1, "ground": "retention-decision", "role": "steward"}
    case.log.add("tombstone", forge.AGREEMENT, said)
    log = erased.evidence(case.log, {at: ("key", 1)})
    report = verify_bundle(changed(case, log=log, more={"consumer.ocsp": answer}), case.roots, "en")
    assert named(report) == ("revocation", "certificate-revoked")


def test_an_answer_is_as_new_as_the_trusted_time(listed: Case) -> None:
    """>> answered in the very second in which others saw the seal << that is new enough."""
    ca, certificate = Responder(listed.ca), listed.provider.certificate
    assert with_files(listed, {"provider.ocsp": ca.answer(certificate, at=SEEN)}).verdict is PASSED


def test_an_answer_at_level_one_is_judged_too(case: Case) -> None:
    """Nobody asks for it there, but what is there counts."""
    ca = Responder(case.ca)
    good, bad = (ca.answer(case.consumer.certificate, since=since) for since in (None, NOW - 5))
    assert with_files(case, {"consumer.ocsp": good}).verdict is PASSED
    assert named(with_files(case, {"consumer.ocsp": bad})) == ("revocation", "certificate-revoked")


def test_certificates_between_may_come_along(case: Case) -> None:
    """`provider-chain.pem` helps to find a path; unreadable or endless it is a failure of that seal."""
    pem = case.ca.certificate.public_bytes(Encoding.PEM)
    assert with_files(case, {"provider-chain.pem": pem}).verdict is PASSED
    for broken in (b"", b"no PEM", pem * 6):
        assert named(with_files(case, {"provider-chain.pem": broken})) == ("provider-seal", "chain-form")


@pytest.mark.threat("T54")
def test_a_withdrawn_key_cannot_date_the_list_of_files_back() -> None:
    """Past bug: a thief packs anew what was proven long after the key was withdrawn, and claims an earlier day."""
    for since, allowed in ((SEEN - SKEW_S, False), (NOW + 1 - SKEW_S, False), (SEEN + 1, True)):
        case = Case()
        body = {"event": "key-revoked", "kid": f"{PROVIDER}#stolen", "from": written(since), "document": "0" * 64}
        stolen = SealKey(PROVIDER, case.ca)
        stolen.kid = f"{PROVIDER}#stolen"
        document = jcs.encode(stolen.document())
        case.log.add("key", None, {"event": "rotated seal", "document": sha256(document).hexdigest()})
        case.log.add("key", None, body)
        case.exporter = stolen
        log = case.log.evidence(forge.AGREEMENT)
        seal = case.seal
        case.seal = lambda key, references, iat=NOW, seal=seal: seal(key, references, NOW - SKEW_S)  # type: ignore[method-assign,misc]
        report = verify_bundle(changed(case, log=log, exporter_document=document), case.roots, "en")
        assert (report.verdict is PASSED) is allowed, report.reason
        assert allowed or named(report) == ("revocation", "key-revoked")


@pytest.fixture(scope="module")
def asked() -> Case:
    """A provider at L1 whose certificate names a responder."""
    case = Case()
    place = x509.UniformResourceIdentifier("http://ocsp.example/")
    access = x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)])
    case.provider = case.exporter = SealKey(PROVIDER, case.ca, more=[access])
    case.log = case.new_log(PROVIDER)
    case.parts = case.make()
    return case


@pytest.mark.threat("T54")
def test_a_level_one_seal_is_asked_for_revocation_too(asked: Case) -> None:
    """Bug: at L1 a missing answer was never missed, though the certificate names who gives one."""
    ca, certificate = Responder(asked.ca), asked.provider.certificate
    assert verify_bundle(asked.bundle(), asked.roots).doubts == ("revocation",)
    assert with_files(asked, {"provider.ocsp": ca.answer(certificate)}).verdict is PASSED
    withdrawn = with_files(asked, {"provider.ocsp": ca.answer(certificate, since=NOW - 5)})
    assert named(withdrawn) == ("revocation", "certificate-revoked")


def test_the_report_shows_of_each_seal_what_was_withdrawn_and_when(asked: Case) -> None:
    """Whatever the verdict: also what was withdrawn only later, and where nobody can say."""
    ca, certificate = Responder(asked.ca), asked.provider.certificate
    later = with_files(asked, {"provider.ocsp": ca.answer(certificate, since=SEEN + 5)})
    assert later.verdict is PASSED
    said = dict(later.value("")["revocation"])  # type: ignore[call-overload]
    assert set(said) == {"provider", "consumer", "exporter"}
    assert said["provider"] == {
        "kid": asked.provider.kid,
        "keyWithdrawn": None,
        "keyKnown": True,
        "certificate": "withdrawn",
        "certificateAsOf": written(SEEN + DAY),
        "certificateWithdrawn": written(SEEN + 5),
    }
    assert said["consumer"]["certificate"] == "unnamed"
    assert said["consumer"]["keyKnown"] is False
    assert f"provider's seal: the certificate is withdrawn since {local(SEEN + 5)}" in "\n".join(later.notes)
    assert "consumer's seal: whether the key is withdrawn stands only in the log of the other" in "\n".join(later.notes)
    garbage = with_files(asked, {"provider.ocsp": b"garbage"})
    assert dict(garbage.value("")["revocation"])["provider"]["certificate"] == "unanswered"  # type: ignore[call-overload]


def test_a_key_withdrawn_after_the_seal_is_shown_although_the_contract_holds() -> None:
    """From the log of the exporting party; and the list may no longer name a key, without a word since when."""
    report = revoked(written(SEEN + 1))
    assert report.verdict is PASSED
    assert any(f"is withdrawn since {local(SEEN + 1)}" in note for note in report.notes)
    assert dict(report.value("")["revocation"])["provider"]["keyWithdrawn"] == written(SEEN + 1)  # type: ignore[call-overload]
    case = Case()
    keys = {PROVIDER: {"keys": ["peer", "another"]}, CONSUMER: {"keys": ["seal"]}}
    signed = case.authority.list({PROVIDER: case.log.keys}, witnesses=[case.witness], changes=keys)
    notes = verify_bundle(changed(case, trust_list=signed), case.roots, "en").notes
    assert any(case.provider.kid in note and "does not name the key" in note for note in notes)
    assert not any(case.consumer.kid in note and "does not name the key" in note for note in notes)
