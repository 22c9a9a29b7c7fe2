"""Two states of one log in a bundle: the early one that gives the time, the newer one that the records lead to."""

import msgspec
import pytest

from connector.exchange.contracts.evidence.export import LogEvidence
from connector.identity.audit import entry
from connector.verify.bundle import verify_bundle
from connector.verify.checks import logbook
from connector.verify.formats import checkpoint
from connector.verify.report import Report
from tests.verify import forge
from tests.verify.forge import AGREEMENT, Case
from tests.verify.judge import PASSED, changed, named, verdicts
from tests.verify.states import EARLY, both, cut, tree_of


def judged(case: Case, log: LogEvidence) -> Report:
    return verify_bundle(changed(case, log=log), case.roots, "en")


def test_the_early_state_gives_the_time_and_the_newer_one_the_records(case: Case) -> None:
    """What came after the early state is in the bundle and proven."""
    report = judged(case, both(cut(case.log, EARLY), case.log))
    assert report.verdict is PASSED, report.reason
    assert report.stated["trusted_time"] is not None
    for size in range(11, len(case.log.rows) + 1):
        assert judged(case, both(cut(case.log, size), case.log)).verdict is PASSED


@pytest.mark.threat("T54")
def test_a_log_that_was_rolled_back_is_found(case: Case) -> None:
    """The newer state is the smaller one: records were taken away."""
    assert named(judged(case, both(case.log, cut(case.log, EARLY), growth=[]))) == ("log", "log-rolled-back")


@pytest.mark.threat("T54")
def test_two_states_of_one_size_are_found(case: Case) -> None:
    """Both are signed by the log, and they differ: it tells two stories."""
    other = case.log.copy()
    other.rows[-1] = (other.rows[-1][0], b"\0" * 32)
    report = judged(case, both(case.log, other, growth=[]))
    assert named(report) == ("log", "log-forked")
    assert str(len(case.log.rows)) in report.reason


@pytest.mark.threat("T54")
def test_a_log_that_was_rewritten_is_found(case: Case) -> None:
    """The newer state does not continue the early one: another record before it, with whatever proof."""
    other = case.log.copy()
    other.rows[2] = (other.rows[2][0], b"\0" * 32)
    early = cut(case.log, EARLY)
    for growth in (None, [], tree_of(case.log).consistency(EARLY)):
        assert named(judged(case, both(early, other, growth=growth))) == ("log", "log-rewritten")


def test_both_states_are_the_exporters_own(case: Case) -> None:
    """The newer one is signed by another key, or is the log of somebody else."""
    early = cut(case.log, EARLY)
    foreign = case.log.copy()
    foreign.keys = [forge.LogKey()]
    assert named(judged(case, both(early, foreign))) == ("log", "checkpoint-signature")
    other = case.log.copy()
    other.did = forge.CONSUMER
    stolen = msgspec.structs.replace(both(early, case.log), newest=both(early, other).newest)
    assert named(judged(case, stolen)) == ("log", "log-origin")


def test_records_do_not_lead_to_the_early_state(case: Case) -> None:
    """Proofs are for the newer state: the early one does not hold what came later."""
    early = cut(case.log, EARLY)
    log = msgspec.structs.replace(case.log.evidence(AGREEMENT), proof=early.evidence(AGREEMENT, close=False).proof)
    assert named(judged(case, log)) == ("records", "record-proof")


@pytest.mark.parametrize("change", [b"old 11\n", b"old 012\n", b"new 12\n", b"old 12\n\n", b"old 12\nAAA\n", b"\xff"])
def test_other_spellings_are_refused(case: Case, change: bytes) -> None:
    """One spelling, and the size of the state in the proof."""
    honest = both(cut(case.log, EARLY), case.log)
    assert honest.newest is not None
    broken = msgspec.structs.replace(honest, newest=honest.newest.replace(b"old 12\n", change, 1))
    report = judged(case, broken)
    assert named(report) in {("log", "log-proof-form"), ("log", "checkpoint-form")}
    assert "log" not in report.doubts


def test_a_log_that_moved_to_a_new_origin_is_still_one_log(case: Case) -> None:
    """After a restore the same tree goes on under the next epoch. The report remarks it: a second history looks so."""
    moved = both(cut(case.log, EARLY), case.log)
    tree = tree_of(case.log)
    next_log = case.log.copy()
    next_log.epoch = 1
    newest = logbook.write_newest(EARLY, tree.consistency(EARLY), next_log.note(tree))
    told = {**(moved.told or {}), "log": checkpoint.parse(next_log.note(tree)).origin}
    report = judged(case, msgspec.structs.replace(moved, newest=newest, told=told))
    assert report.verdict is PASSED
    assert any("was continued under a new identifier" in note and "/log/1" in note for note in report.notes)
    assert not any("was continued" in note for note in judged(case, moved).notes)


@pytest.mark.parametrize("epoch", ["\u0663", "01", "-1", "x", "", "9" * 20])
def test_an_origin_has_one_spelling(case: Case, epoch: str) -> None:
    """Past bug: digits of any script were a number of an origin, for the verifier alone."""
    early = cut(case.log, len(case.log.rows))
    early.epoch = epoch  # type: ignore[assignment]
    report = verify_bundle(changed(case, log=early.evidence(forge.AGREEMENT)), case.roots)
    assert named(report) == ("log", "log-origin")


def test_a_late_countersignature_is_a_further_record() -> None:
    """First the agreement without the consumer's seal, then with it: the newest record counts, both must agree."""
    case = Case()
    late = forge.Log(case.log.did)
    late.keys, late.witnesses, late.rows = case.log.keys, case.log.witnesses, case.log.rows[:10]
    late.heads = {AGREEMENT: (1, entry.digest(case.log.rows[9][0]))}
    whole = msgspec.json.decode(case.log.rows[10][0])["body"]
    late.add("agreement", AGREEMENT, whole | {"consumerJws": None})
    late.add("agreement", AGREEMENT, whole)
    assert judged(case, late.evidence(AGREEMENT)).verdict is PASSED
    for member in ("agreement", "providerJws"):
        swapped = late.copy()
        swapped.rows, swapped.heads = case.log.rows[:10], {AGREEMENT: (1, entry.digest(case.log.rows[9][0]))}
        swapped.add("agreement", AGREEMENT, whole | {member: "0" * 64})
        swapped.add("agreement", AGREEMENT, whole)
        assert named(judged(case, swapped.evidence(AGREEMENT))) == ("commitment", "commitment-replaced")


def test_one_state_is_enough(case: Case) -> None:
    """Without a newer one everything leads to the state in the proof."""
    assert case.parts.log.newest is None
    assert verdicts(judged(case, case.parts.log))["log"] is PASSED
