"""A bundle is judged: what passes, what cannot be judged, and what fails with the right check named."""

import random
import zipfile
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO

import msgspec
import pytest

from connector.audit import export
from connector.contracts import signing
from connector.verify import archive, jcs
from connector.verify.bundle import verify_bundle
from connector.verify.report import Report, Verdict
from tests.verify import forge
from tests.verify.forge import AGREEMENT, CONSUMER, NOW, PROVIDER, STRANGER, Case, SealCa, SealKey, root_of

PASSED, FAILED, INDETERMINATE = Verdict.PASSED, Verdict.FAILED, Verdict.INDETERMINATE


@pytest.fixture(scope="module")
def case() -> Case:
    """One honest case for tests that change only its bundle."""
    return Case()


@pytest.fixture(scope="module")
def members(case: Case) -> dict[str, bytes]:
    """Its members."""
    return dict(archive.members(case.bundle()))


def named(report: Report) -> tuple[str, str] | None:
    """The failed check that is named, and why."""
    failed = report.first_failed
    return None if failed is None else (failed.name, failed.code)


def verdicts(report: Report) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in report.checks}


def changed(case: Case, **parts: object) -> bytes:
    """The bundle of these parts, with a fresh sealed manifest: only the content itself can betray it."""
    return export.bundle(msgspec.structs.replace(case.parts, **parts), case.seal_manifest)


@pytest.mark.threat("T32")
def test_an_honest_bundle_passes(case: Case) -> None:
    """Every check holds; that no time is proven is said, and does not lower the verdict yet."""
    report = verify_bundle(case.bundle(), case.roots, "de")
    assert set(verdicts(report).values()) == {PASSED}
    assert (report.exit, report.reason) == (0, "")
    assert "Zeit: nur nach Angabe der Unterzeichner" in [check.sentence for check in report.checks]
    english = verify_bundle(case.bundle(), case.roots, "en")
    assert "time: only as the signers claim" in [check.sentence for check in english.checks]


def test_without_roots_it_cannot_judge(case: Case) -> None:
    """No anchors, only half of them, or an unreadable file: exit 2, never 0 and never 1."""
    for roots in (None, b"", b"no PEM", case.ca.pem(), case.authority.pem()):
        report = verify_bundle(case.bundle(), roots, "de")
        assert report.verdict is INDETERMINATE
        assert report.exit == 2
        assert "nicht zu beurteilen" in report.reason
    broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    assert verify_bundle(case.bundle(), broken).verdict is INDETERMINATE


def test_a_one_sided_agreement_is_indeterminate() -> None:
    """Nothing is wrong, but the consumer has not sealed."""
    one_sided = Case(one_sided=True)
    report = verify_bundle(one_sided.bundle(), one_sided.roots)
    assert verdicts(report)["consumer-seal"] is INDETERMINATE
    assert report.verdict is INDETERMINATE


def test_the_same_parts_make_the_same_bytes(case: Case) -> None:
    """The archive depends on its content alone (the seal itself is made once)."""
    seal = case.seal_manifest(b"x")
    assert export.bundle(case.parts, lambda _: seal) == export.bundle(case.parts, lambda _: seal)


@pytest.mark.threat("T32")
def test_every_bit_flip_in_a_member_fails_and_names_it(case: Case, members: dict[str, bytes]) -> None:
    """2,500 flips, spread over all members: the named check says which file was changed, or that the list was."""
    dice = random.Random(20261124)
    share = 2_500 // len(members)
    for name, content in members.items():
        for _ in range(share):
            position, bit = dice.randrange(len(content)), dice.randrange(8)
            flipped = bytearray(content)
            flipped[position] ^= 1 << bit
            report = verify_bundle(export.pack(members | {name: bytes(flipped)}), case.roots, "en")
            assert report.verdict is FAILED, (name, position, bit)
            first = report.first_failed
            assert first is not None
            if name == "manifest.json":
                assert first.name == "manifest" or first.name == "exporter-seal"
            elif name == "manifest.jws":
                assert first.name == "exporter-seal"
            else:
                assert first.name == "manifest"
                assert f'"{name}"' in first.sentence


def test_a_flip_in_the_raw_archive_changes_no_content(case: Case) -> None:
    """Either the archive is refused, or all contents are the same as before (ZIP has bytes that mean nothing)."""
    dice, honest = random.Random(7), case.bundle()
    for _ in range(400):
        raw = bytearray(honest)
        raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
        report = verify_bundle(bytes(raw), case.roots)
        if report.verdict is not FAILED:
            assert report.verdict is PASSED
            assert archive.members(bytes(raw)) == archive.members(honest)


@pytest.mark.threat("T32")
@pytest.mark.parametrize(
    ("part", "member"),
    [("text", "text-de.html"), ("profile", "profile.json"), ("dataset", "dataset.jsonld")],
)
def test_a_party_denies_what_it_signed(case: Case, part: str, member: str) -> None:
    """One changed byte in references 2 to 4 fails both seals, even if the exporter seals the list anew."""
    body = getattr(case.parts, part)
    report = verify_bundle(changed(case, **{part: body[:-1] + b"~"}), case.roots, "en")
    assert named(report) == ("provider-seal", "member-changed")
    assert verdicts(report)["consumer-seal"] is FAILED
    assert member in report.reason


@pytest.mark.threat("T32")
def test_another_agreement_under_the_same_seals_fails(case: Case) -> None:
    """A well-formed agreement with one more permission is not what was sealed."""
    agreement = jcs.loads(case.parts.agreement)
    assert isinstance(agreement, dict)
    agreement["permission"].append({"action": "odrl:distribute"})
    report = verify_bundle(changed(case, agreement=jcs.encode(agreement)), case.roots)
    assert named(report) == ("provider-seal", "member-changed")
    assert verdicts(report)["consumer-seal"] is FAILED
    assert verdicts(report)["commitment"] is FAILED


def test_the_same_agreement_in_another_spelling_fails(case: Case) -> None:
    """What counts are the bytes that were signed, not what they mean."""
    report = verify_bundle(changed(case, agreement=case.parts.agreement.replace(b":", b": ", 1)), case.roots)
    assert named(report) == ("agreement", "agreement-form")


def test_swapped_signatures_fail(case: Case) -> None:
    """The consumer's seal is not the provider's, and the other way round."""
    parts = case.parts
    report = verify_bundle(changed(case, provider_jws=parts.consumer_jws, consumer_jws=parts.provider_jws), case.roots)
    assert verdicts(report)["provider-seal"] is FAILED
    assert verdicts(report)["consumer-seal"] is FAILED


def test_a_bundle_rebuilt_with_foreign_keys_fails(case: Case) -> None:
    """Everything in it is consistent, but nothing in it leads to the trusted roots."""
    forged = Case()
    report = verify_bundle(forged.bundle(), case.roots)
    found = verdicts(report)
    assert report.verdict is FAILED
    assert [found[name] for name in ("trust-list", "provider-seal", "consumer-seal", "exporter-seal")] == [FAILED] * 4


def resealed(honest: Case, provider: SealKey, **document: object) -> bytes:
    """The bundle in which the provider's seal is by `provider`; the log and the list of files go along with it."""
    forged = Case(ca=honest.ca, authority=honest.authority)
    forged.provider = forged.exporter = provider
    forged.log = forge.Log(PROVIDER)
    forged.parts = forged.make()
    if document:
        forged.parts = msgspec.structs.replace(forged.parts, provider_document=jcs.encode(document))
    return forged.bundle()


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
    assert verify_bundle(changed(other, trust_list=signed), case.roots).verdict is PASSED


def test_the_consumer_can_export_too(case: Case) -> None:
    """Its own log and its own seal over the list."""
    mirror = Case(ca=case.ca, authority=case.authority)
    mirror.exporter = mirror.consumer
    report = verify_bundle(mirror.bundle(), case.roots)
    assert named(report) == ("log", "log-origin")
    mirror.log = forge.Log(CONSUMER)
    mirror.parts = mirror.make()
    document = mirror.parts.consumer_document
    mirror.log = forge.Log(CONSUMER)
    head = mirror.log.add("key", None, {"document": sha256(document).hexdigest()})
    mirror.log.add("agreement", AGREEMENT, commitment(mirror.parts, head))
    trust_list = case.authority.list({CONSUMER: mirror.log.keys})
    whole = changed(mirror, log=mirror.log.evidence(AGREEMENT), trust_list=trust_list)
    assert verify_bundle(whole, case.roots).verdict is PASSED


def commitment(parts: export.EvidenceParts, head: str | None) -> dict[str, object]:
    """The body of an agreement record for these parts."""
    return {
        "agreement": signing.digest(parts.agreement),
        "providerJws": signing.digest(parts.provider_jws.encode()),
        "consumerJws": signing.digest((parts.consumer_jws or "").encode()),
        "providerDidDocument": signing.digest(parts.provider_document),
        "consumerDidDocument": signing.digest(parts.consumer_document),
        "keyHead": head,
    }


def test_a_stranger_cannot_export(case: Case) -> None:
    """The list of files is sealed by a party of the contract, not by anybody."""
    other = Case(ca=case.ca, authority=case.authority)
    other.exporter = SealKey(STRANGER, case.ca)
    assert named(verify_bundle(other.bundle(), case.roots)) == ("exporter-seal", "exporter")


def with_raw(names: list[str], members: dict[str, bytes]) -> bytes:
    """A ZIP whose directory has exactly these names, doubled ones included."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive_file:
        for name in names:
            archive_file.NameToInfo.clear()
            archive_file.writestr(zipfile.ZipInfo(name), members.get(name, b"x"))
    return buffer.getvalue()


@pytest.mark.parametrize("name", sorted(archive.REQUIRED | archive.COUNTERSIGNED))
def test_missing_and_doubled_members_are_named(case: Case, members: dict[str, bytes], name: str) -> None:
    """Each member, left out and put in twice."""
    missing = verify_bundle(export.pack({key: body for key, body in members.items() if key != name}), case.roots)
    assert named(missing) == ("archive", "member-missing")
    assert name in missing.reason
    doubled = verify_bundle(with_raw([*members, name], members), case.roots)
    assert named(doubled) == ("archive", "member-doubled")
    assert name in doubled.reason


@pytest.mark.parametrize("name", ["extra.txt", "text-de.html/", "../README", "/README", "readme", "ocsp/1.der", "a\\b"])
def test_unknown_members_are_named(case: Case, members: dict[str, bytes], name: str) -> None:
    """Nothing rides along, no folder, no other case."""
    assert named(verify_bundle(with_raw([*members, name], members), case.roots)) == ("archive", "member-unknown")


@pytest.mark.threat("T14")
def test_a_bomb_is_refused_before_it_unpacks(case: Case, members: dict[str, bytes]) -> None:
    """15 MiB of zeros in some 15 kB, and a member larger than any may be."""
    for size in (15 * 1024 * 1024, archive.LARGEST + 1):
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
            for name in members:
                packed.writestr(name, b"\0" * size if name == "README" else members[name])
        assert named(verify_bundle(buffer.getvalue(), case.roots)) == ("archive", "archive-large")


def test_no_archive_at_all() -> None:
    """Empty, text, cut off: one sentence each, no exception."""
    honest = Case().bundle()
    for data in (b"", b"hello", honest[: len(honest) // 2], honest[:-1], b"PK\x05\x06" + b"\0" * 18):
        assert verify_bundle(data, None).verdict is FAILED


def lines_of(case: Case) -> list[bytes]:
    return case.parts.log.records.splitlines(keepends=True)


def with_records(case: Case, edit: Callable[[list[bytes]], list[bytes]]) -> Report:
    """The report after `edit` on the lines of records.ndjson, with a fresh sealed list of files."""
    log = export.LogEvidence(b"".join(edit(lines_of(case))), case.parts.log.proof)
    return verify_bundle(changed(case, log=log), case.roots, "en")


@pytest.mark.threat("T26")
@pytest.mark.parametrize("row", [0, 1, 2, 3])
def test_an_edited_record_is_named(case: Case, row: int) -> None:
    """Another actor in one record: its leaf is no longer in the tree, or the next one does not follow."""

    def edit(lines: list[bytes]) -> list[bytes]:
        return [line.replace(b"p-7f3a91", b"p-000000") if at == row else line for at, line in enumerate(lines)]

    report = with_records(case, edit)
    assert named(report) in {("records", "record-proof"), ("records", "record-chain")}


@pytest.mark.threat("T26")
def test_a_deleted_record_is_named(case: Case) -> None:
    """Out of the middle: a gap. The agreement record: nothing to point to."""
    report = with_records(case, lambda lines: [lines[0], lines[2], lines[3]])
    assert named(report) == ("records", "record-gap")
    assert "no. 0" in report.reason
    report = with_records(case, lambda lines: [lines[0], lines[1], lines[3]])
    assert named(report) == ("records", "record-gap")
    report = with_records(case, lambda lines: lines[:2])
    assert named(report) == ("commitment", "commitment-missing")


@pytest.mark.threat("T26")
def test_reordered_records_are_named(case: Case) -> None:
    """Two records change places."""
    report = with_records(case, lambda lines: [lines[0], lines[2], lines[1], lines[3]])
    assert named(report) == ("records", "record-gap")


@pytest.mark.threat("T26")
def test_a_rewritten_log_has_no_signed_root(case: Case) -> None:
    """Someone with the database but without the log key changes a record, its leaf and all proofs."""
    other = Case(ca=case.ca, authority=case.authority)
    other.log.rows[10] = (other.log.rows[10][0].replace(b"p-7f3a91", b"p-000000"), b"\0" * 32)
    honest, other.log.keys = other.log.keys, [forge.LogKey()]
    evidence = other.log.evidence(AGREEMENT)
    report = verify_bundle(changed(other, log=evidence), case.roots)
    assert named(report) == ("log", "checkpoint-signature")
    assert honest != other.log.keys


def test_a_record_of_another_agreement_does_not_belong(case: Case) -> None:
    """A record with a valid proof that is about something else."""
    other = Case(ca=case.ca, authority=case.authority)
    foreign = other.log.evidence("urn:uuid:other-0").records.splitlines(keepends=True)
    log = export.LogEvidence(other.parts.log.records + foreign[0], other.parts.log.proof)
    assert named(verify_bundle(changed(other, log=log), case.roots)) == ("records", "record-foreign")


def test_the_log_must_have_seen_these_seals(case: Case) -> None:
    """A stolen seal key makes a new countersignature of an old agreement: the log names another one."""
    again = signing.references(
        case.parts.agreement,
        AGREEMENT,
        provider_root=root_of(PROVIDER),
        signer_root=root_of(CONSUMER),
        text=case.parts.text,
        profile=case.parts.profile,
        dataset=case.parts.dataset,
        approval=case.parts.approval_consumer or b"",
        provider_jws=case.parts.provider_jws,
    )
    jws = case.seal(case.consumer, again, NOW + 1)
    report = verify_bundle(changed(case, consumer_jws=jws), case.roots)
    assert named(report) == ("commitment", "commitment")


def test_the_key_event_must_name_the_did_document(case: Case) -> None:
    """`keyHead` of the agreement record leads to another document than the one in the bundle."""
    other = Case(ca=case.ca, authority=case.authority)
    log = forge.Log(PROVIDER)
    log.keys = other.log.keys
    head = log.add("key", None, {"document": "0" * 64})
    log.add("agreement", AGREEMENT, commitment(other.parts, head))
    report = verify_bundle(changed(other, log=log.evidence(AGREEMENT)), case.roots)
    assert named(report) == ("commitment", "key-head")


def test_a_list_of_an_unknown_authority_fails(case: Case) -> None:
    """Signed, but not by the authority whose key came from outside."""
    forged = forge.Authority().list({PROVIDER: case.log.keys})
    assert named(verify_bundle(changed(case, trust_list=forged), case.roots)) == ("trust-list", "trust-list-signature")


def test_the_provider_must_be_listed(case: Case) -> None:
    """Its log key comes from the list alone."""
    signed = case.authority.list({CONSUMER: case.log.keys})
    assert named(verify_bundle(changed(case, trust_list=signed), case.roots)) == ("log", "not-listed")
