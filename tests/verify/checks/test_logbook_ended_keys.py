"""A log key that the trust list calls ended signs no new state: a thief's branch is not proven, stamped or not.

What it signed before stays proven (spec/contracts.md 5.3).
"""

import pytest

from connector.exchange.contracts.evidence.export import LogEvidence
from connector.verify.bundle import verify_bundle
from connector.verify.checks.trusted_time import SKEW_S, written
from connector.verify.report import Report
from tests.verify.forge import AGREEMENT, DAY, NOW, Case, LogKey
from tests.verify.judge import INDETERMINATE, PASSED, changed
from tests.verify.states import EARLY, both, cut

SEEN = NOW + 60
"""When the witness saw the state in the proof."""
pytestmark = pytest.mark.threat("T54")


def judged(case: Case, until: object, evidence: LogEvidence, *more: LogKey, issued: int = NOW + 30 * DAY) -> Report:
    """Under a list of that day in which the keys of the log ended then, and `more` go on."""
    keys = [{**key.public_jwk, "until": until} for key in case.log.keys] + [key.public_jwk for key in more]
    listed = case.authority.list(
        {case.log.did: case.log.keys},
        witnesses=[case.witness],
        changes={case.log.did: {"logKeys": keys}},
        head={"issued": written(issued)},
    )
    return verify_bundle(changed(case, trust_list=listed, log=evidence), case.roots, "en")


def test_what_was_seen_before_the_end_holds(case: Case) -> None:
    """Ended a day later, or by as much as clocks may differ; signed by nobody else since."""
    for until in (SEEN + DAY, SEEN - SKEW_S + 1):
        assert judged(case, written(until), case.log.evidence(AGREEMENT)).verdict is PASSED


@pytest.mark.parametrize("until", [written(SEEN - SKEW_S), written(NOW - DAY), "soon", 7, None])
def test_what_was_seen_after_the_end_is_not_proven(case: Case, until: object) -> None:
    """Past bug: a withdrawn key went on with the log, somebody gave that a time, and the bundle passed."""
    report = judged(case, until, case.log.evidence(AGREEMENT))
    assert (report.verdict, report.doubts) == (INDETERMINATE, ("log",))
    assert "withdrawn" in report.reason


def test_the_newest_state_is_by_a_key_in_force(case: Case) -> None:
    """>> a genuine state of before, and a longer one by the ended key << not proven; by its successor: passed."""
    early, until = cut(case.log, EARLY), written(SEEN + DAY)
    report = judged(case, until, both(early, case.log))
    assert (report.verdict, report.doubts) == (INDETERMINATE, ("log",))
    assert judged(case, until, both(early, case.log), issued=NOW).verdict is PASSED  # the list says: not yet
    successor, later = LogKey(), case.log.copy()
    later.keys = [successor]
    assert judged(case, until, both(early, later), successor).verdict is PASSED


def test_without_a_time_the_day_of_the_list_decides(case: Case) -> None:
    """Nobody vouches for any time: an ended key proves nothing more than that."""
    case.log.witnesses = []
    report = judged(case, written(SEEN + DAY), case.log.evidence(AGREEMENT))
    assert report.doubts == ("log", "time")
    assert judged(case, written(NOW + 31 * DAY), case.log.evidence(AGREEMENT)).doubts == ("time",)
