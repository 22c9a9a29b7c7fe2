"""The signed end of an agreement in a bundle: by a party, about this contract, in the log, or refused by name."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from connector.exchange.contracts.document import sealing
from connector.foundation.language import local_text
from connector.verify.bundle import verify_bundle
from connector.verify.checks import archive, logbook
from connector.verify.checks.trusted_time import written
from connector.verify.formats import jcs
from connector.verify.report import Report
from tests.verify import forge
from tests.verify.endings import AT, NOTICE, digest, statement
from tests.verify.forge import AGREEMENT, NOW, PROVIDER, STRANGER, Case, SealKey, root_of
from tests.verify.judge import INDETERMINATE, PASSED, changed, named, verdicts
from tests.verify.responder import Responder
from tests.verify.states import both, tree_of, unseen


def ended(
    case: Case,
    *,
    role: str = "provider",
    key: SealKey | None = None,
    body: bytes | None = None,
    alone: bool = False,
    logged: bool = True,
    covered: bytes | None = None,
) -> Report:
    """The report on the case with a statement of that role; `alone`: the seal does not name the agreement besides."""
    signer = key or (case.provider if role == "provider" else case.consumer)
    said = statement(case, role) if body is None else body
    found = sealing.Reference(sealing.address(root_of(signer.did), said), said, "application/json")
    whole = sealing.Reference(AGREEMENT, case.parts.agreement if covered is None else covered, "application/json")
    token = case.seal(signer, [found] if alone else [whole, found], NOW + 100).encode()
    log = case.log.copy()
    if logged:
        log.add("termination", AGREEMENT, {"statement": digest(said), "jws": digest(token), "by": role})
    files = {f"termination-{role}.json": said, f"termination-{role}.jws": token}
    return judged(case, files, log)


def judged(case: Case, files: Mapping[str, bytes], log: forge.Log | None = None) -> Report:
    parts = msgspec.structs.replace(
        case.parts, more=files, log=case.parts.log if log is None else log.evidence(AGREEMENT)
    )
    changed: Any = Case(ca=case.ca, authority=case.authority, witness=case.witness)
    changed.parts, changed.exporter = parts, case.exporter
    return verify_bundle(changed.bundle(), case.roots, "en")


@pytest.mark.parametrize("role", ["provider", "consumer"])
@pytest.mark.parametrize("alone", [True, False])
def test_either_side_may_have_ended_it(case: Case, role: str, alone: bool) -> None:
    """The bundle still passes, and says who ended it and when."""
    report = ended(case, role=role, alone=alone)
    assert report.verdict is PASSED, report.reason
    sentence = next(check.sentence for check in report.checks if check.name == f"{role}-ending")
    assert (
        f"on {local_text(AT, 'en')} the {role} declared that the agreement ends on {local_text(NOTICE, 'en')}"
        in sentence
    )


def test_at_once_is_when_it_was_said(case: Case) -> None:
    """Without notice the time of the statement counts."""
    report = ended(case, body=statement(case, notice=None))
    assert f"the agreement ends on {local_text(AT, 'en')}" in next(
        c.sentence for c in report.checks if c.name == "provider-ending"
    )


@pytest.mark.threat("T54")
def test_a_statement_about_another_agreement_is_refused(case: Case) -> None:
    """Replay: sealed by the right party, but the other contract. By its own digest, and by what the seal covers."""
    other = statement(case, agreement="0" * 64)
    assert named(ended(case, body=other)) == ("provider-ending", "termination-foreign")
    assert named(ended(case, body=other, alone=True)) == ("provider-ending", "termination-foreign")
    assert named(ended(case, covered=b'{"@id":"another"}')) == ("provider-ending", "member-changed")


@pytest.mark.threat("T54")
def test_nobody_ends_it_in_anothers_name(case: Case) -> None:
    """The consumer seals as provider, a stranger does with the provider's DID, or a statement is the other side's."""
    assert named(ended(case, key=case.consumer)) == ("provider-ending", "seal-references")
    stranger = SealKey(PROVIDER, case.ca, uris=[STRANGER])
    assert named(ended(case, key=stranger)) == ("provider-ending", "seal-key")
    assert named(ended(case, body=statement(case, "consumer"))) == ("provider-ending", "termination-form")


@pytest.mark.parametrize(
    "change",
    [{"v": 2}, {"kind": "renewal"}, {"by": "authority"}, {"more": 1}, {"at": 7}, {"notice": 7, "v": "1"}],
)
def test_other_forms_are_refused(case: Case, change: dict[str, object]) -> None:
    """One member too many, another version, another kind."""
    assert named(ended(case, body=statement(case, **change))) == ("provider-ending", "termination-form")


def test_other_spellings_are_refused(case: Case) -> None:
    """What was sealed is canonical."""
    spaced = statement(case).replace(b":", b": ", 1)
    assert named(ended(case, body=spaced)) == ("provider-ending", "termination-form")


def test_the_log_must_know_it(case: Case) -> None:
    """A statement that was never logged was made up for this bundle."""
    assert named(ended(case, logged=False)) == ("provider-ending", "termination-unlogged")


@pytest.mark.threat("T54")
@pytest.mark.parametrize(
    ("since", "found"),
    [(NOW + 50, "termination-withdrawn"), (NOW + 61, ""), (NOW - 1, "termination-withdrawn")],
)
def test_a_withdrawn_key_ends_nothing(since: int, found: str) -> None:
    """The provider's key was withdrawn before a witness saw its statement; or after, and it holds."""
    case = Case()
    said = statement(case)
    place = sealing.address(root_of(PROVIDER), said)
    token = case.seal(case.provider, [sealing.Reference(place, said, "application/json")], NOW + 20).encode()
    log = case.log.copy()
    log.add("termination", AGREEMENT, {"statement": digest(said), "jws": digest(token), "by": "provider"})
    log.add("key", None, {"event": "key-revoked", "kid": case.provider.kid, "from": written(since)})
    report = judged(case, {"termination-provider.json": said, "termination-provider.jws": token}, log)
    assert next(check.code for check in report.checks if check.name == "provider-ending") == found


def test_statement_and_seal_come_together(case: Case) -> None:
    """One without the other is an incomplete bundle."""
    for name in ("termination-provider.json", "termination-provider.jws"):
        assert named(judged(case, {name: statement(case)})) == ("archive", "member-missing")


def test_another_bit_in_either_is_found(case: Case) -> None:
    """The list of files names it; sealed anew, the statement's own seal does."""
    report = ended(case)
    assert verdicts(report)["provider-ending"] is PASSED
    said = statement(case)
    token = case.seal(
        case.provider, [sealing.Reference(sealing.address(root_of(PROVIDER), said), said, "x/y")]
    ).encode()
    files = {"termination-provider.json": said, "termination-provider.jws": token}
    assert named(judged(case, files)) == ("provider-ending", "seal-references"), "another media type"
    assert archive.TOGETHER[1] == files.keys()


def test_a_party_with_new_keys_brings_its_document(case: Case) -> None:
    """Keys changed between agreement and end: `did-termination-consumer.json`, which must be that party's."""
    later = SealKey(case.consumer.did, case.ca)
    said = statement(case, "consumer")
    place = sealing.address(root_of(later.did), said)
    token = case.seal(later, [sealing.Reference(place, said, "application/json")], NOW + 100).encode()
    log = case.log.copy()
    log.add("termination", AGREEMENT, {"statement": digest(said), "jws": digest(token), "by": "consumer"})
    files = {"termination-consumer.json": said, "termination-consumer.jws": token}
    assert named(judged(case, files, log)) == ("consumer-ending", "seal-key")
    documents = {"did-termination-consumer.json": jcs.encode(later.document())}
    assert judged(case, files | documents, log).verdict is PASSED
    foreign = {"did-termination-consumer.json": jcs.encode(case.provider.document())}
    assert named(judged(case, files | foreign, log)) == ("consumer-ending", "document-foreign")


def stolen(case: Case, *, since: int, at: int = NOW + 100, newest: int | None = None) -> Report:
    """The provider's own log has an end under a key that it withdrew; others saw the contract before. `newest`: when
    they saw the end, else nobody has."""
    said = statement(case, at=written(at))
    found = sealing.Reference(sealing.address(root_of(PROVIDER), said), said, "application/json")
    token = case.seal(case.provider, [found], at).encode()
    early, log = case.log.copy(), case.log.copy()
    log.at = at
    log.add("termination", AGREEMENT, {"statement": digest(said), "jws": digest(token), "by": "provider"})
    later = SealKey(PROVIDER, case.ca)
    later.kid = f"{PROVIDER}#next"
    document = jcs.encode(later.document())
    log.add("key", None, {"event": "rotated seal", "document": digest(document)})
    log.add("key", None, {"event": "key-revoked", "kid": case.provider.kid, "from": written(since)})
    files = {"termination-provider.json": said, "termination-provider.jws": token}
    files["did-termination-provider.json"] = case.parts.provider_document
    evidence = both(early, log)
    if newest is not None:
        seen = case.witness.cosign(unseen(log, tree_of(log)), newest)
        growth = tree_of(log).consistency(len(early.rows))
        evidence = msgspec.structs.replace(evidence, newest=logbook.write_newest(len(early.rows), growth, seen))
    parts = msgspec.structs.replace(case.parts, more=files, log=evidence, exporter_document=document)
    honest = Case(ca=case.ca, authority=case.authority, witness=case.witness)
    honest.parts, honest.exporter = parts, later
    return verify_bundle(honest.bundle(), case.roots, "en")


@pytest.mark.threat("T185")
def test_bug_an_end_under_a_stolen_key_made_an_honest_contract_wrong(case: Case) -> None:
    """Bug: >> a thief of the provider's key ends the contract in its log, which others saw long before; the key is
    withdrawn from before that end on << the honest bundle was FAILED. Whether it ended is not proven. An end that was
    seen before the withdrawal counts, and one that was seen by nobody is open as before."""
    for since, newest, code in (
        (NOW + 90, NOW + 160, "termination-withdrawn"),
        (NOW + 160, NOW + 160, "termination-withdrawn"),
        (NOW + 161, NOW + 160, ""),
        (NOW + 161, None, "termination-withdrawn"),
    ):
        report = stolen(case, since=since, newest=newest)
        assert next(one.code for one in report.checks if one.name == "provider-ending") == code, report.reason
        assert report.verdict is (INDETERMINATE if code else PASSED), report.reason


@pytest.mark.threat("T185")
def test_bug_what_the_authority_of_a_certificate_withdrew_ended_a_contract() -> None:
    """Bug: >> the certificate's own authority says, in the bundle, that it was withdrawn before anybody saw the end
    << PASSED. At L2 struck off before that, and dated back << PASSED; dated as it was << the contract was FAILED."""
    for level in ("L1", "L2"):
        case = Case()
        case.provider, case.exporter = SealKey(PROVIDER, case.ca, uris=[] if level == "L2" else None), case.consumer
        case.log = case.new_log(case.consumer.did)
        case.parts = case.make()
        for at, since, code in (
            (NOW + 300, NOW + 350, "termination-withdrawn"),
            (NOW + 300, NOW + 100, "termination-withdrawn"),
            (NOW + 300, NOW + 401, ""),
        ):
            said = statement(case, at=written(at))
            found = sealing.Reference(sealing.address(root_of(PROVIDER), said), said, "application/json")
            token = case.seal(case.provider, [found], at).encode()
            early, log = case.log.copy(), case.log.copy()
            log.at = at
            log.add("termination", AGREEMENT, {"statement": digest(said), "jws": digest(token), "by": "provider"})
            files = {"termination-provider.json": said, "termination-provider.jws": token}
            answered = since if level == "L1" else None
            files["provider.ocsp"] = Responder(case.ca).answer(case.provider.certificate, since=answered)
            struck = {"sha256": case.provider.fingerprint, "struckSince": written(since)}
            seals = {PROVIDER: [struck]} if level == "L2" else {}
            listed = case.authority.list({log.did: log.keys}, seals, witnesses=[case.witness])
            case.witness.at = NOW + 60
            evidence = both(early, log)
            seen = case.witness.cosign(unseen(log, tree_of(log)), NOW + 400)
            growth = tree_of(log).consistency(len(early.rows))
            evidence = msgspec.structs.replace(evidence, newest=logbook.write_newest(len(early.rows), growth, seen))
            report = verify_bundle(changed(case, log=evidence, more=files, trust_list=listed), case.roots, "en")
            codes = {one.name: one.code for one in report.checks if one.verdict is not PASSED}
            assert codes == ({"provider-ending": code} if code else {}), (level, since)


@pytest.mark.threat("T185")
@pytest.mark.parametrize(
    ("begin", "struck", "code"),
    [
        (NOW + 1_000, NOW + 10**6, "certificate-period"),
        (NOW - 1_000, NOW + 100, "termination-withdrawn"),
        (NOW - 1_000, NOW + 161, ""),
    ],
)
def test_only_what_was_struck_off_is_excused(begin: int, struck: int, code: str) -> None:
    """>> an end under a certificate that had not begun, and was struck off long since; one that was struck off between
    the time that it claims and the one at which a witness, whose clock is slow, saw it << FAILED; not proven; holds."""
    case = Case()
    later, at = SealKey(PROVIDER, case.ca, uris=[]), NOW + 160
    said = statement(case, at=written(at))
    place = sealing.address(root_of(PROVIDER), said)
    token = case.seal(later, [sealing.Reference(place, said, "application/json")], at).encode()
    log, case.witness.at = case.log.copy(), NOW + 60
    log.at = at
    log.add("termination", AGREEMENT, {"statement": digest(said), "jws": digest(token), "by": "provider"})
    files = {"termination-provider.json": said, "termination-provider.jws": token}
    files["did-termination-provider.json"] = jcs.encode(later.document())
    period = {"sha256": later.fingerprint, "validFrom": written(begin), "struckSince": written(struck)}
    listed = case.authority.list({PROVIDER: log.keys}, {PROVIDER: [period]}, witnesses=[case.witness])
    report = verify_bundle(changed(case, log=log.evidence(AGREEMENT), more=files, trust_list=listed), case.roots, "en")
    assert next(one.code for one in report.checks if one.name == "provider-ending") == code, report.reason
