"""Whether a party was a member when it sealed: what the list of the authority can tell, and what it cannot."""

from collections.abc import Mapping

import pytest

from connector.foundation.language import local_text
from connector.verify.bundle import verify_bundle
from connector.verify.checks.trusted_time import written
from connector.verify.report import Report
from tests.verify.forge import CONSUMER, DAY, NOW, PROVIDER, STRANGER, Case
from tests.verify.judge import FAILED, INDETERMINATE, PASSED, changed, named, verdicts

SEEN = NOW + 60
"""When the witness of a case saw the log."""
PARTIES = pytest.mark.parametrize("did", [PROVIDER, CONSUMER])


def judged(
    case: Case,
    changes: Mapping[str, Mapping[str, object]] = {},
    *,
    head: Mapping[str, object] = {},
    absent: tuple[str, ...] = (),
    witnessed: bool = True,
) -> Report:
    seeing = [case.witness] if witnessed else []
    logs = {PROVIDER: case.log.keys, STRANGER: []}
    signed = case.authority.list(logs, witnesses=seeing, changes=changes, head=head, absent=absent)
    return verify_bundle(changed(case, trust_list=signed), case.roots, "en")


def said(report: Report) -> tuple[object, str]:
    """Verdict and sentence of the check."""
    check = next(one for one in report.checks if one.name == "membership")
    return check.verdict, check.sentence


def test_two_members(case: Case) -> None:
    """Both of them were, and the others on the list do not matter."""
    report = judged(case, {STRANGER: {"state": "suspended", "validUntil": "2020-02-01T00:00:00Z"}})
    assert report.verdict is PASSED, report.reason
    assert "both parties were members" in said(report)[1]


@PARTIES
@pytest.mark.threat("T56")
def test_whose_membership_had_ended_fails(case: Case, did: str) -> None:
    """By the second: over at the trusted time, or a day before; what ends a second later leaves the contract alone."""
    for end in (SEEN, SEEN - DAY):
        report = judged(case, {did: {"validUntil": written(end)}})
        assert named(report) == ("membership", "not-member")
        assert did in report.reason
        assert local_text(written(end), "en") in report.reason
    assert judged(case, {did: {"validUntil": written(SEEN + 1)}}).verdict is PASSED


@PARTIES
@pytest.mark.threat("T56")
def test_a_suspension_takes_nothing_back_that_is_older(case: Case, did: str) -> None:
    """Suspended since later: passed. Since before: failed. Since the list does not say when: not proven."""
    since = {at: {did: {"state": "suspended", "suspendedSince": written(at)}} for at in (SEEN, SEEN + 1)}
    assert judged(case, since[SEEN + 1]).verdict is PASSED
    assert named(judged(case, since[SEEN])) == ("membership", "not-member")
    report = judged(case, {did: {"state": "suspended"}})
    assert (report.verdict, report.doubts) == (INDETERMINATE, ("membership",))
    assert "does not say since when" in report.reason
    lifted = judged(case, {did: {"suspendedSince": written(SEEN - DAY)}})
    assert lifted.verdict is PASSED, "active again, and the list says no more"


@PARTIES
@pytest.mark.threat("T56")
def test_a_stranger_is_never_passed(case: Case, did: str) -> None:
    """Not listed, or listed only from later on: who left or came back may have been a member, but nobody can tell."""
    later = judged(case, {did: {"validFrom": written(SEEN + 1)}})
    assert (later.verdict, later.doubts) == (INDETERMINATE, ("membership",))
    assert local_text(written(SEEN + 1), "en") in later.reason
    assert judged(case, {did: {"validFrom": written(SEEN)}}).verdict is PASSED
    absent = judged(case, absent=(did,))
    assert verdicts(absent)["membership"] is INDETERMINATE
    assert "cannot be told" in said(absent)[1]
    assert absent.verdict is not PASSED


def test_of_both_parties_the_worse_counts(case: Case) -> None:
    """An open question about the provider does not hide that the consumer was none."""
    changes = {PROVIDER: {"state": "suspended"}, CONSUMER: {"validUntil": written(SEEN - 1)}}
    report = judged(case, changes)
    assert named(report) == ("membership", "not-member")
    assert CONSUMER in report.reason


@pytest.mark.threat("T56")
def test_an_expired_list_says_nothing_about_later(case: Case) -> None:
    """Its `nextUpdate` was over when they sealed: a newer one may say something else."""
    report = judged(case, head={"nextUpdate": written(SEEN)})
    assert (report.verdict, report.doubts) == (INDETERMINATE, ("membership",))
    assert "obtain a newer list" in report.reason
    assert judged(case, head={"nextUpdate": written(SEEN + 1)}).verdict is PASSED


def test_without_a_trusted_time_the_claimed_one_is_judged(case: Case) -> None:
    """The time is open anyway; a member that had left by what it says itself is still none."""
    open_ = judged(case, witnessed=False)
    assert (named(open_), open_.doubts) == (None, ("time",))
    gone = judged(case, {CONSUMER: {"validUntil": written(NOW)}}, witnessed=False)
    assert named(gone) == ("membership", "not-member")


def test_a_consumer_that_has_not_sealed_is_judged_too() -> None:
    """A one-sided contract is with a member as well."""
    case = Case(one_sided=True)
    report = judged(case, {CONSUMER: {"validUntil": written(SEEN - 1)}})
    assert named(report) == ("membership", "not-member")


def test_without_the_authority_nothing_is_said(case: Case) -> None:
    """Whoever signed the list may have written anything into it."""
    report = verify_bundle(case.bundle(), case.ca.pem(), "en")
    assert verdicts(report)["membership"] is INDETERMINATE
    assert verdicts(verify_bundle(case.bundle(), Case().roots))["membership"] is not FAILED


@pytest.mark.threat("T56")
@pytest.mark.parametrize(
    "bad",
    [
        {"state": "pending"},
        {"state": None},
        {"validFrom": None},
        {"validFrom": "yesterday"},
        {"validFrom": 7},
        {"validUntil": "2026-01-01T00:00:00"},
        {"suspendedSince": "soon"},
        {"validUntil": ["2026-01-01T00:00:00Z"]},
        {"validUntil": "9999-12-31T23:59:59-23:59"},
    ],
    ids=str,
)
def test_a_list_that_does_not_say_who_belongs_is_none(case: Case, bad: dict[str, object]) -> None:
    """No state, no begin, or times that are none: not the list of any authority."""
    assert named(judged(case, {CONSUMER: bad})) == ("trust-list", "trust-list-form")


@pytest.mark.parametrize("bad", [{"nextUpdate": None}, {"nextUpdate": "soon"}, {"nextUpdate": 5}], ids=str)
def test_a_list_without_an_end_is_none(case: Case, bad: dict[str, object]) -> None:
    """Somebody could show an old one for ever."""
    assert named(judged(case, head=bad)) == ("trust-list", "trust-list-form")
