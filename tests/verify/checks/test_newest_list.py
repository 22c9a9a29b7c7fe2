"""The newest trust list counts, wherever it comes from: nobody stays a member by showing an old one (T67)."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
import pytest

from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.evidence import export
from connector.verify.__main__ import lines
from connector.verify.bundle import verify_bundle
from connector.verify.checks.trusted_time import written
from connector.verify.formats import base64url, jcs
from connector.verify.report import Report, Verdict
from tests.verify.forge import AGREEMENT, CONSUMER, DAY, NOW, PROVIDER, Authority, Case, LogKey, SealKey, root_of
from tests.verify.judge import FAILED, INDETERMINATE, PASSED, changed, local, named, verdicts

pytestmark = pytest.mark.threat("T67")
SEEN = NOW + 60
"""When the witness of a case saw the log."""
PARTIES = pytest.mark.parametrize("did", [PROVIDER, CONSUMER])


def listed(
    case: Case,
    version: int,
    changes: Mapping[str, Mapping[str, object]] = {},
    *,
    issued: int = NOW - DAY,
    until: int = NOW + 30 * DAY,
    **more: object,
) -> str:
    """A list of the case's authority; `changes` are members of entries by DID."""
    head = {"version": version, "issued": written(issued), "nextUpdate": written(until)}
    logs = {PROVIDER: [], CONSUMER: []} | {case.log.did: case.log.keys}
    return case.authority.list(logs, witnesses=[case.witness], changes=changes, head=head, **more)  # type: ignore[arg-type]


def judged(case: Case, bundled: str, given: str | None, now: int | None = None) -> Report:
    data = export.bundle(msgspec.structs.replace(case.parts, trust_list=bundled), case.seal_manifest)
    outside = None if given is None else given.encode() + b"\n"
    return verify_bundle(data, case.roots, "en", trust_list=outside, now=now)


@PARTIES
def test_an_older_list_in_the_bundle_makes_no_member(case: Case, did: str) -> None:
    """Bug: the exporter chose a list from before the suspension, and the verdict was PASSED. Not proven: the list of
    the bundle knew of none, so it may have been dated back."""
    old = listed(case, 7)
    suspended = {did: {"state": "suspended", "suspendedSince": written(NOW - 60)}}
    assert judged(case, old, None).verdict is PASSED
    report = judged(case, old, listed(case, 8, suspended))
    assert (report.verdict, report.doubts) == (INDETERMINATE, ("membership",))
    assert did in report.reason
    assert "only the newer list says so (version 8)" in report.reason
    assert named(judged(case, listed(case, 8, suspended), None)) == ("membership", "not-member"), "its own list"
    later = {did: {"state": "suspended", "suspendedSince": written(SEEN + 1)}}
    assert judged(case, old, listed(case, 8, later)).verdict is PASSED


@PARTIES
def test_who_is_no_longer_listed_is_not_passed(case: Case, did: str) -> None:
    """Its keys still count by the older list, so nothing fails; but nobody can tell since when it is gone."""
    report = judged(case, listed(case, 7), listed(case, 8, absent=(did,)))
    assert (report.verdict, report.doubts) == (INDETERMINATE, ("membership",))
    assert f"{did} is not in the trust list (version 8)" in report.reason


def test_an_older_list_from_outside_changes_nothing(case: Case) -> None:
    """An auditor's file of last year does not undo what the bundle brings."""
    suspended = {CONSUMER: {"state": "suspended", "suspendedSince": written(NOW - 60)}}
    report = judged(case, listed(case, 7), listed(case, 6, suspended))
    assert report.verdict is PASSED
    assert report.value("")["trustList"]["source"] == "bundle"  # type: ignore[index]


def test_two_lists_of_one_version_are_an_accusation(case: Case) -> None:
    """Signed twice with the same content is one list; with other content the authority, or a thief of its key, lies."""
    assert judged(case, listed(case, 7), listed(case, 7)).verdict is PASSED
    other = listed(case, 7, {CONSUMER: {"name": "Anders"}})
    assert named(judged(case, listed(case, 7), other)) == ("trust-list", "trust-list-forked")


@pytest.mark.parametrize("what", ["foreign", "nonsense", "empty"])
def test_a_file_that_is_no_list_says_nothing_against_the_bundle(case: Case, what: str) -> None:
    """Signed by somebody else, or no list at all: cannot judge, for the auditor meant to judge by it."""
    foreign = Authority().list({PROVIDER: case.log.keys}, witnesses=[case.witness])
    report = judged(case, listed(case, 7), {"foreign": foreign, "nonsense": "x.y.z", "empty": ""}[what])
    assert (report.verdict, verdicts(report)["trust-list"]) == (INDETERMINATE, INDETERMINATE)
    assert "--trust-list" in report.reason


def test_a_list_that_was_over_when_the_bundle_was_made_proves_no_membership(case: Case) -> None:
    """There was a newer one by then. A newer one from outside takes its place; one that is over itself does not."""
    over = listed(case, 7, issued=NOW - 40 * DAY, until=SEEN + 10)
    assert judged(case, over, None).verdict is PASSED
    late = Case(ca=case.ca, authority=case.authority, witness=case.witness)
    late.provider, late.consumer, late.exporter = case.provider, case.consumer, case.exporter
    late.log, late.parts = case.log, case.parts

    def sealed_later(manifest: bytes) -> str:
        par = sealing.address(root_of(late.exporter.did), manifest)
        return late.seal(late.exporter, [sealing.Reference(par, manifest, "application/json")], NOW + DAY)

    late.seal_manifest = sealed_later  # type: ignore[method-assign]
    report = judged(late, over, None)
    assert (report.verdict, report.doubts) == (INDETERMINATE, ("membership",))
    assert local(SEEN + 10) in report.reason
    assert "--trust-list" in report.reason
    assert judged(late, over, listed(case, 8)).verdict is PASSED
    assert judged(late, over, listed(case, 8, until=SEEN + 20)).verdict is INDETERMINATE


def test_a_newest_state_witnessed_after_the_list_was_over_shows_that_it_is_old(case: Case) -> None:
    """Whatever the exporter says of its own time: the witnesses under the newest state of its log say another."""
    own = Case(ca=case.ca, authority=case.authority, witness=case.witness)
    early = own.log.evidence(AGREEMENT)
    own.log.add("transfer", AGREEMENT, {"bytes": 7})
    own.witness.at = NOW + 40 * DAY
    grown = own.log.evidence(AGREEMENT)
    own.witness.at = NOW + 60
    own.parts = msgspec.structs.replace(own.parts, log=later(own, early, grown))
    report = judged(own, listed(own, 7, until=NOW + 50 * DAY), None)
    assert report.verdict is PASSED, report.reason
    assert judged(own, listed(own, 7), None).doubts == ("membership",)
    for until, doubts in ((NOW + 40 * DAY, ("membership",)), (NOW + 40 * DAY + 1, ())):
        assert judged(own, listed(own, 7, until=until), None).doubts == doubts, "over in the second that it names"


def later(case: Case, early: export.LogEvidence, grown: export.LogEvidence) -> export.LogEvidence:
    """The proof leads to the earlier state, the records to the later one."""
    from connector.identity.audit import entry, merkle
    from connector.verify.checks import logbook, records

    leaves = [merkle.leaf_hash(entry.leaf_data(salt, data)) for data, salt in case.log.rows]
    size = records.parse_proof(early.proof).checkpoint.size
    growth = merkle.Tree(leaves).consistency(size)
    note = grown.proof.decode().partition("\n\n")[2]
    return export.LogEvidence(grown.records, early.proof, logbook.write_newest(size, growth, note), told=grown.told)


def test_what_the_newer_list_does_not_name_still_counts_by_the_older(case: Case) -> None:
    """A log key or a witness that is gone from the list spoils no contract of before; one that it ends, does."""
    old = listed(case, 7)
    fresh = {PROVIDER: {"logKeys": [LogKey().public_jwk]}}
    assert judged(case, old, listed(case, 8, fresh)).verdict is PASSED
    ended = [{**key.public_jwk, "until": written(NOW - 2 * DAY)} for key in case.log.keys]
    assert judged(case, old, listed(case, 8, {PROVIDER: {"logKeys": ended}})).doubts == ("log",)
    nobody = case.authority.list(
        {PROVIDER: case.log.keys}, head={"version": 8, "issued": written(NOW), "nextUpdate": written(NOW + 9 * DAY)}
    )
    assert judged(case, old, nobody).verdict is PASSED


def sealed_at_l2() -> tuple[Case, str]:
    """A case whose provider has a listed certificate, and the list of its day, which knows of no end."""
    case = Case()
    case.provider = SealKey(PROVIDER, case.ca, uris=[])
    case.exporter, case.log = case.provider, case.new_log(PROVIDER)
    case.parts = case.make()
    return case, listed(case, 7, {PROVIDER: {"sealCertificates": [case.provider.fingerprint]}})


def ending(case: Case, version: int = 8, **period: str) -> str:
    certificate = {"sha256": case.provider.fingerprint, **period}
    return listed(case, version, {PROVIDER: {"sealCertificates": [certificate]}})


@pytest.mark.threat("T154")
def test_bug_an_end_that_only_a_later_list_names_fails_no_honest_bundle() -> None:
    """Bug: a member told the authority that its certificate ended in 2020, and its contracts were FAILED.

    << before the list of the bundle: as on that list's day; between both: not proven. A beginning is not moved.
    """
    case, old = sealed_at_l2()
    long_ago = "2020-01-01T00:00:00Z"

    def seal(bundled: str, given: str | None) -> Verdict:
        return verdicts(judged(case, bundled, given))["provider-seal"]

    assert seal(old, None) is PASSED
    recent = listed(case, 7, {PROVIDER: {"sealCertificates": [case.provider.fingerprint]}}, issued=SEEN + 60)
    assert seal(recent, ending(case, validUntil=long_ago)) is PASSED
    for end in (long_ago, written(NOW - 10)):
        assert seal(old, ending(case, validUntil=end)) is INDETERMINATE
        assert named(judged(case, old, ending(case, validUntil=end))) is None
    assert seal(old, ending(case, validFrom=written(NOW + 10))) is PASSED


@pytest.mark.threat("T154")
def test_what_was_struck_off_counts_no_more_from_the_stated_time() -> None:
    """>> stolen before the seal, or after it << FAILED from that time, whatever the list of the bundle says."""
    case, old = sealed_at_l2()
    for at, found in ((NOW - 10, ("provider-seal", "certificate-period")), (SEEN + 10, None)):
        struck = ending(case, validUntil=written(at), struckSince=written(at))
        assert named(judged(case, old, struck)) == found
    told = ending(case, 7, validUntil=written(NOW - 10))
    assert named(judged(case, told, ending(case, validUntil=written(NOW - 10)))) is not None, "its own list said it"


@pytest.mark.threat("T154")
def test_a_witness_that_a_later_list_retires_has_vouched_until_then(case: Case) -> None:
    """>> retired back to 2020 by a newer list << what it saw while the list of the bundle was made still counts."""
    old = listed(case, 7, issued=SEEN + 60)

    def retired(**more: str) -> str:
        keys = [{**key.public_jwk, **more} for key in case.witness.keys]
        claims = dict(jcs.loads(base64url.decode(listed(case, 8).split(".")[1])))  # type: ignore[call-overload]
        return case.authority.signed({**claims, "witnesses": [{**case.witness.entry(), "keys": keys}]})

    long_ago = "2020-01-01T00:00:00Z"
    assert judged(case, old, retired(validUntil=long_ago)).verdict is PASSED
    assert judged(case, old, retired(validUntil=long_ago, struckSince=long_ago)).doubts == ("time",)
    assert judged(case, listed(case, 7), retired(validUntil=long_ago)).doubts == ("time",)
    assert judged(case, retired(validFrom=written(SEEN)), None).verdict is PASSED
    assert judged(case, retired(validFrom=written(SEEN + 1)), None).doubts == ("time",), "before it was listed"


@pytest.mark.threat("T155")
def test_bug_lists_of_two_authorities_are_not_compared(case: Case) -> None:
    """Bug: >> two keys in the roots, a list of each << the higher version decided: a suspended member PASSED by the
    other authority's list, and an honest bundle was FAILED. Of another authority's list: cannot judge.
    """
    other = Authority()
    suspended = {CONSUMER: {"state": "suspended", "suspendedSince": written(NOW - 60)}}
    data = changed(case, trust_list=listed(case, 7))
    for version in (6, 7, 8):
        head = {"version": version, "issued": written(NOW - DAY), "nextUpdate": written(NOW + 30 * DAY)}
        theirs = other.list({case.log.did: case.log.keys}, witnesses=[case.witness], changes=suspended, head=head)
        report = verify_bundle(data, case.roots + other.pem(), "en", trust_list=theirs.encode())
        assert report.verdict is INDETERMINATE
        assert {one.name: one.code for one in report.checks}["trust-list"] == "trust-list-other"
        assert "or else that of this installation" in report.reason, "who gave none is told, too"
        assert "Please give with --trust-list the list of the data space" in report.reason
        foreign = changed(case, trust_list=other.list({case.log.did: case.log.keys}, witnesses=[case.witness]))
        for one, own in ((data, listed(case, 7)), (foreign, theirs)):
            report = verify_bundle(one, case.roots + other.pem(), "en", trust_list=own.encode())
            code = {found.name: found.code for found in report.checks}["trust-list"]
            assert code == ("trust-list-forked" if own == theirs and version == 7 else ""), "each by its own list"
    same = verify_bundle(data, case.roots + other.pem(), trust_list=listed(case, 8, suspended).encode())
    assert {one.name: one.code for one in same.checks}["membership"] == "list-later"


def test_the_report_says_by_which_list_and_how_old(case: Case) -> None:
    """In sentences of both languages, and for machines; that a list is over is told, and decides nothing by itself."""
    old = listed(case, 7)
    fresh = judged(case, old, None, now=NOW + DAY)
    assert "Age of the trust list at the time of this check, in days: 2." in fresh.notes
    assert any("version 7" in note and "from this archive" in note for note in fresh.notes)
    years = judged(case, old, None, now=NOW + 900 * DAY)
    assert years.verdict is PASSED
    assert any("has not been valid since" in note and "--trust-list" in note for note in years.notes)
    newer = judged(case, old, listed(case, 8, issued=NOW + DAY), now=NOW + 2 * DAY)
    assert any("version 8" in note and "given by you" in note for note in newer.notes)
    assert newer.value("")["trustList"] == {
        "version": 8,
        "issued": written(NOW + DAY),
        "nextUpdate": written(NOW + 30 * DAY),
        "source": "given",
        "ageDays": 1,
    }
    german = "\n".join(lines(verify_bundle(case.bundle(), case.roots, "de", now=NOW), "de", datetime.now(UTC)))
    assert "in Tagen: " in german


def test_a_list_from_before_the_seal_says_what_it_cannot_show(case: Case) -> None:
    """As a rule a list is some days older than a contract: not an error, but never passed over."""
    assert any("if a party was suspended in between" in note for note in judged(case, listed(case, 7), None).notes)
    after = judged(case, listed(case, 7, issued=SEEN + 1), None)
    assert not any("if a party was suspended in between" in note for note in after.notes)


@pytest.mark.parametrize("given", [False, True])
def test_any_list_at_all_from_outside_gives_a_verdict(case: Case, given: bool) -> None:
    """Signed by the authority and still odd: a verdict, no exception."""
    for odd in ({"participants": None}, {"witnesses": {}}, {"version": "8"}, {"version": 2**53 - 1}, {"issued": 5}):
        head, body, _ = listed(case, 8).split(".")
        payload = {**dict(jcs.loads(base64url.decode(body))), **odd}  # type: ignore[call-overload]
        other = case.authority.signed(payload)
        assert head
        report = judged(case, *((listed(case, 7), other) if given else (other, listed(case, 7))))
        assert report.verdict in (PASSED, FAILED, INDETERMINATE)


@PARTIES
def test_bug_a_witness_that_a_party_has_moved_to_dated_its_contract(case: Case, did: str) -> None:
    """<< the list from before the party moved to the witness's operator >> nobody independent saw the contract.

    Both together can date it back to when the older list was true.
    """
    moved = {did: {"operator": case.witness.operator}}
    report = judged(case, listed(case, 7), listed(case, 8, moved))
    assert (report.verdict, report.doubts) == (INDETERMINATE, ("time",))
    assert "operator" in report.reason
    away = judged(case, listed(case, 7, moved), listed(case, 8))
    assert (away.verdict, away.doubts) == (INDETERMINATE, ("time",))
