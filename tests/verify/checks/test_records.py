"""The log in a bundle: whoever edits, deletes, reorders or adds a record is found out."""

from collections.abc import Callable
from hashlib import sha256

import msgspec
import pytest

from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.evidence import export
from connector.verify.bundle import verify_bundle
from connector.verify.checks.trusted_time import written
from connector.verify.report import Report
from tests.verify import forge
from tests.verify.forge import AGREEMENT, CONSUMER, NOW, PROVIDER, Case, root_of
from tests.verify.judge import PASSED, changed, named


def lines_of(case: Case) -> list[bytes]:
    return case.parts.log.records.splitlines(keepends=True)


def with_records(case: Case, edit: Callable[[list[bytes]], list[bytes]]) -> Report:
    """The report after `edit` on the lines of records.ndjson, with a fresh sealed list of files."""
    log = export.LogEvidence(b"".join(edit(lines_of(case))), case.parts.log.proof)
    return verify_bundle(changed(case, log=log), case.roots, "en")


def commitment(parts: export.EvidenceParts, head: str | None) -> dict[str, object]:
    """The body of an agreement record for these parts."""
    return {
        "agreement": sealing.digest(parts.agreement),
        "providerJws": sealing.digest(parts.provider_jws.encode()),
        "consumerJws": sealing.digest((parts.consumer_jws or "").encode()),
        "providerDidDocument": sealing.digest(parts.provider_document),
        "consumerDidDocument": sealing.digest(parts.consumer_document),
        "keyHead": head,
    }


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
    trust_list = case.authority.list({CONSUMER: mirror.log.keys}, witnesses=[mirror.witness])
    mirror.log.witnesses = [mirror.witness]
    whole = changed(mirror, log=mirror.log.evidence(AGREEMENT), trust_list=trust_list)
    assert verify_bundle(whole, case.roots).verdict is PASSED


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
def test_a_key_event_that_is_left_out_is_named(case: Case) -> None:
    """>> the event by which a key was withdrawn, from between two others << a gap in the chain of key events."""
    own = Case(ca=case.ca, authority=case.authority)
    for event in ("rotated peer", "key-revoked", "rotated peer"):
        body = {"event": event, "kid": f"{PROVIDER}#peer", "from": written(NOW), "document": "0" * 64}
        own.log.add("key", None, body)
    log = own.log.evidence(AGREEMENT)
    assert verify_bundle(changed(own, log=log), own.roots).verdict is PASSED
    left = b"".join(line for line in log.records.splitlines(keepends=True) if b"key-revoked" not in line)
    report = verify_bundle(changed(own, log=msgspec.structs.replace(log, records=left)), own.roots, "en")
    assert named(report) == ("records", "record-gap")


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
    again = sealing.references(
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
