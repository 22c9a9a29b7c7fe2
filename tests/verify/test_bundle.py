"""A bundle is judged: what passes, what cannot be judged, and which change fails which check."""

from datetime import UTC, datetime

import pytest

from connector.exchange.contracts.evidence import export
from connector.foundation.language import local_text
from connector.verify.bundle import verify_bundle
from connector.verify.formats import jcs
from tests.verify.forge import Case
from tests.verify.judge import FAILED, INDETERMINATE, PASSED, changed, named, verdicts


@pytest.mark.threat("T32")
def test_an_honest_bundle_passes(case: Case) -> None:
    """Every check holds, and a witness vouches for the time."""
    report = verify_bundle(case.bundle(), case.roots, "de")
    assert set(verdicts(report).values()) == {PASSED}
    assert (report.exit, report.reason) == (0, "")
    at = datetime.fromtimestamp(case.witness.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert report.checks[-1].sentence.startswith(
        f"Zeit: der Vertrag bestand spätestens am {local_text(at, 'de')}, bestätigt durch "
    )
    english = verify_bundle(case.bundle(), case.roots, "en")
    assert english.checks[-1].sentence.startswith(
        f"time: the contract existed by {local_text(at, 'en')} at the latest, confirmed by "
    )
    seal = next(check for check in english.checks if check.name == "provider-seal")
    assert seal.sentence.endswith("over all parts of the contract; advanced seal (level L1)")


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
