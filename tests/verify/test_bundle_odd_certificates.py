"""Certificates, times, proofs and archives that break a reader: the verifier answers with a verdict all the same."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from zipfile import ZipFile

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate, ocsp

from connector.verify.bundle import verify_bundle
from connector.verify.checks import archive, revocation
from connector.verify.checks.contract import Sealed
from connector.verify.formats import base64url, certificates, checkpoint, key_binding, merkle
from connector.verify.formats.faults import Fault
from connector.verify.formats.jades import read
from tests.verify import forge
from tests.verify.forge import NOW, PROVIDER, Case
from tests.verify.judge import FAILED, INDETERMINATE, changed, named


def version_nine(der: bytes) -> bytes:
    return der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020109"), 1)


def usage_twice(der: bytes) -> bytes:
    return der.replace(bytes.fromhex("551d0e"), bytes.fromhex("551d0f"), 1)


@pytest.mark.threat("T54")
@pytest.mark.parametrize("spoil", [version_nine, usage_twice])
def test_a_certificate_of_no_known_form_is_a_finding(spoil: Callable[[bytes], bytes]) -> None:
    """Past bug: an unknown version, or an extension that stands twice, broke the verifier instead of failing."""
    case = Case()
    spoilt = spoil(case.provider.chain[0])
    assert spoilt != case.provider.chain[0]
    with pytest.raises(ValueError, match="certificate"):
        certificates.der(spoilt)
    head, _, tail = case.parts.provider_jws.split(".")
    header = json.loads(base64url.decode(head))
    header |= {"x5c": [base64url.encode_padded(spoilt)], "x5t#S256": base64url.encode(sha256(spoilt).digest())}
    jws = f"{base64url.encode(json.dumps(header).encode())}..{tail}"
    report = verify_bundle(changed(case, provider_jws=jws), case.roots)
    assert report.verdict is FAILED
    assert ("provider-seal", "seal-form") in [(one.name, one.code) for one in report.checks]


def test_a_certificate_whose_purpose_cannot_be_read_seals_nothing() -> None:
    """Past bug: an unreadable key usage counted as none, so that it allowed everything."""
    case = Case()
    odd = load_der_x509_certificate(usage_twice(case.provider.chain[0]))
    with pytest.raises(Fault) as found:
        key_binding.check(odd, case.provider.kid, did=PROVIDER, document=case.provider.document())
    assert found.value.code == "seal-usage"


def test_an_answer_with_an_unknown_hash_is_a_finding() -> None:
    """Past bug: OCSP with a hash that the library does not know broke the verifier."""
    case = Case()
    seal = read(case.parts.provider_jws)
    at = datetime.fromtimestamp(NOW, UTC)
    made = (
        ocsp.OCSPResponseBuilder()
        .add_response(seal.chain[0], case.ca.certificate, SHA256(), ocsp.OCSPCertStatus.GOOD, at, None, None, None)
        .responder_id(ocsp.OCSPResponderEncoding.HASH, case.ca.certificate)
        .sign(case.ca.key, SHA256())
        .public_bytes(Encoding.DER)
    )
    sha256_oid, ecdsa_oid = bytes.fromhex("0609608648016503040201"), bytes.fromhex("06082a8648ce3d040302")
    assert made.count(sha256_oid) == 1
    revocation.check_certificate(Sealed(seal, "L2"), made, [case.ca.certificate], NOW)
    for oid in (sha256_oid, ecdsa_oid):
        spoilt = made.replace(oid, oid[:-1] + b"\x7f", 1)
        with pytest.raises(Fault) as found:
            revocation.check_certificate(Sealed(seal, "L2"), spoilt, [case.ca.certificate], NOW)
        assert found.value.code == "ocsp-form"


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
@pytest.mark.parametrize("witnessed", [True, False])
def test_a_withdrawal_at_a_time_that_no_calendar_has_counts_from_the_beginning(since: str, witnessed: bool) -> None:
    """Past bug: the zone led out of the calendar, and writing the time broke the verifier."""
    case = Case()
    case.log.witnesses = case.log.witnesses if witnessed else []
    case.log.add("key", None, {"event": "key-revoked", "kid": case.provider.kid, "from": since, "document": "0" * 64})
    report = verify_bundle(changed(case, log=case.log.evidence(forge.AGREEMENT)), case.roots)
    assert named(report) == ("revocation", "key-revoked")


def recorded(case: Case, key_head: str | None) -> bytes:
    """The bundle of a log that begins with the agreement record alone."""
    case.log = case.new_log(PROVIDER)
    parts = case.parts
    assert parts.consumer_jws is not None
    body = {
        "agreement": sha256(parts.agreement).hexdigest(),
        "providerJws": sha256(parts.provider_jws.encode()).hexdigest(),
        "consumerJws": sha256(parts.consumer_jws.encode()).hexdigest(),
        "providerDidDocument": sha256(parts.provider_document).hexdigest(),
        "consumerDidDocument": sha256(parts.consumer_document).hexdigest(),
        "keyHead": key_head,
    }
    case.log.add("agreement", forge.AGREEMENT, body)
    return changed(case, log=case.log.evidence(forge.AGREEMENT), trust_list=case.listed())


@pytest.mark.threat("T54")
def test_a_record_without_a_key_event_proves_no_keys() -> None:
    """Past bug: an exporter that names no key event could leave out that its key was withdrawn, and passed."""
    case = Case()
    report = verify_bundle(recorded(case, None), case.roots)
    assert (report.verdict, report.doubts) == (INDETERMINATE, ("commitment",))
    assert "Schlüssel" in report.reason


def test_an_end_without_a_statement_is_shown() -> None:
    """Past bug: a log that tells of an end passed without a word about it when the sealed statement was left out."""
    case = Case()
    honest = verify_bundle(case.bundle(), case.roots, "en")
    assert not [note for note in honest.notes if "end of the agreement" in note]
    case.log.add("termination", forge.AGREEMENT, {"statement": "ab" * 32})
    report = verify_bundle(changed(case, log=case.log.evidence(forge.AGREEMENT)), case.roots, "en")
    assert [note for note in report.notes if "Entry no. 4" in note and "end of the agreement" in note]


def test_what_the_other_log_knows_is_named_as_not_proven() -> None:
    """The key events of the other party lie in its own log, so whether its key was withdrawn is not shown here."""
    case = Case()
    assert any("log of the other party" in note for note in verify_bundle(case.bundle(), case.roots, "en").notes)


def test_a_proof_consists_of_hashes() -> None:
    """Longer or shorter siblings would let one inner node stand for several."""
    left, right = merkle.leaf_hash(b"a"), merkle.leaf_hash(b"b")
    assert merkle.verify_inclusion(left, 0, 2, [right], merkle.node_hash(left, right))
    for odd in (right + b"x", right[:-1], b""):
        root = merkle.node_hash(left, odd)
        assert not merkle.verify_inclusion(left, 0, 2, [odd], root)
        assert not merkle.verify_consistency(1, 2, [odd], left, root)


def test_an_origin_is_no_longer_than_a_cosignature_can_say() -> None:
    """Past bug: the length stands in one octet, and a longer origin broke whoever checked an ML-DSA line."""
    tail = f"\n5\n{base64url.encode_padded(bytes(32))}\n\n— x {base64url.encode_padded(bytes(68))}\n"
    assert checkpoint.parse("x" * 255 + tail).size == 5
    with pytest.raises(Fault) as found:
        checkpoint.parse("ü" * 128 + tail)
    assert found.value.code == "checkpoint-form"


@pytest.mark.threat("T14")
def test_an_index_of_very_many_entries_is_not_read() -> None:
    """Past bug: each entry of a ZIP's index costs many times its bytes in memory, and all were read before counting."""
    buffer = BytesIO()
    with ZipFile(buffer, "w") as packed:
        for number in range(1001):
            packed.writestr(f"m{number}", b"")
    with pytest.raises(Fault) as found:
        archive.members(buffer.getvalue())
    assert found.value.code == "archive-large"


@pytest.mark.parametrize("offset", [b"\xff" * 8, b"\x7f" + b"\xff" * 7, b"\xff" * 7 + b"\x7f"])
def test_an_index_that_points_nowhere_is_a_finding(case: Case, offset: bytes) -> None:
    """Places beyond what a file can have are damage, whatever error they cause."""
    data = case.bundle()
    end = data.rindex(b"PK\x05\x06")
    directory = int.from_bytes(data[end + 16 : end + 20], "little")
    wide = b"PK\x06\x06" + (44).to_bytes(8, "little") + bytes(4) + bytes(8)
    counts = 2 * len(archive.REQUIRED).to_bytes(8, "little")
    size = (end - directory).to_bytes(8, "little")
    locator = b"PK\x06\x07" + bytes(4) + end.to_bytes(8, "little") + (1).to_bytes(4, "little")
    tail = b"PK\x05\x06" + bytes(4) + b"\xff" * 12 + bytes(2)
    assert len(tail) == 22
    report = verify_bundle(data[:end] + wide + counts + size + offset + locator + tail, case.roots)
    assert named(report) == ("archive", "archive")
