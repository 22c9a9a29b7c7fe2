"""How far a bundle tells its log: an end cannot be left out of a state that has it, nor shown as something else.

The exporter owns its log and its seal, so every forgery here has a manifest that it has sealed anew.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import pytest

from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.evidence import export
from connector.exchange.contracts.evidence.export import LogEvidence
from connector.verify import remarks
from connector.verify.__main__ import lines
from connector.verify.bundle import verify_bundle
from connector.verify.checks import disclosure, records
from connector.verify.checks.examination import Examination
from connector.verify.checks.records import Erased, Line, Logged
from connector.verify.checks.trusted_time import SKEW_S, written
from connector.verify.formats import jcs
from connector.verify.report import Report
from tests.verify.endings import digest, statement
from tests.verify.erased import evidence as with_erased
from tests.verify.forge import AGREEMENT, DAY, NOW, PROVIDER, Case, root_of
from tests.verify.judge import FAILED, INDETERMINATE, PASSED, changed, local, named, verdicts
from tests.verify.partner import Files, ended
from tests.verify.states import both, cut

pytestmark = pytest.mark.threat("T68")


def judged(case: Case, log: LogEvidence, files: Files | None = None) -> Report:
    return verify_bundle(changed(case, log=log, more=files or {}), case.roots, "en")


def kept(log: LogEvidence, wanted: Sequence[int]) -> LogEvidence:
    """Only these lines of the records."""
    lines = log.records.splitlines(keepends=True)
    return msgspec.structs.replace(log, records=b"".join(lines[at] for at in wanted))


def told_again(log: LogEvidence) -> LogEvidence:
    """The manifest says of what is left that it is all there is."""
    own = [line for line in records.parse(log.records) if isinstance(line, records.Logged)]
    last = max((line for line in own if line.record["agreement"] == AGREEMENT), key=lambda line: line.index)
    state = records.parse_proof(log.proof).checkpoint
    return msgspec.structs.replace(log, told=disclosure.value(AGREEMENT, last, state))


def found(report: Report) -> str:
    return next(check.code for check in report.checks if check.name == "told")


def test_the_verdict_says_until_when_it_speaks(case: Case) -> None:
    """In the check, beside the verdict, and for machines: how many records, of a log of which size, at what time."""
    log, files = ended(case)
    report = judged(case, log.evidence(AGREEMENT), files)
    assert report.verdict is PASSED, report.reason
    until = {"at": written(NOW + 100), "count": 8, "log": "localhost:18443/musterstadt/log/0", "size": len(log.rows)}
    assert report.value("now")["until"] == until
    said, verdict = lines(report, "en", datetime.now(UTC))[-2:]
    assert said.startswith(f"The result is about the state of {local(NOW + 100)}: records of this agreement: 8,")
    assert verdict == "Result: PASSED"
    assert "provider-ending" in verdicts(report)


def test_no_record_can_be_left_out(case: Case) -> None:
    """Each of them, with the manifest as it was, without its word, or with a word that fits: never PASSED."""
    log, files = ended(case)
    whole = log.evidence(AGREEMENT)
    count = len(whole.records.splitlines())
    for gone in range(count):
        short = kept(whole, [at for at in range(count) if at != gone])
        for forged in (short, msgspec.structs.replace(short, told=None), told_again(short)):
            assert judged(case, forged, files).verdict is not PASSED, gone
            assert judged(case, forged).verdict is not PASSED, gone


def test_the_newest_records_cannot_be_left_out(case: Case) -> None:
    """Every suffix, with and without the statement: the state that has them does not close what is left."""
    log, files = ended(case)
    whole = log.evidence(AGREEMENT)
    count = len(whole.records.splitlines())
    for left in range(1, count):
        short = kept(whole, range(left))
        for more in (files, {}):
            assert judged(case, short, more).verdict is FAILED
            assert judged(case, msgspec.structs.replace(short, told=None), more).verdict is not PASSED
            forged = told_again(short) if left > 1 else short
            assert judged(case, forged, more).verdict is FAILED
    tail = told_again(kept(whole, range(count - 4)))  # up to where it was told before the end
    assert found(judged(case, tail)) == "told-cut"


def test_an_older_state_says_that_it_is_old(case: Case) -> None:
    """>> the records and the state from before the end << true, and it says until when it speaks; not of later."""
    log, _ = ended(case)
    early = cut(log, len(case.log.rows)).evidence(AGREEMENT, close=False)
    report = judged(case, early)
    assert report.verdict is PASSED
    assert report.value("now")["until"]["at"] == written(NOW)  # type: ignore[index]
    late = verify_bundle(
        export.bundle(
            msgspec.structs.replace(case.parts, log=early), lambda manifest: sealed_at(case, manifest, DAY + 1)
        ),
        case.roots,
    )
    assert named(late) == ("told", "told-time"), "told a day before it was sealed: somebody kept it for that"
    assert judged(case, both(cut(log, len(case.log.rows)), log)).verdict is not PASSED, "the newer state has the end"


def sealed_at(case: Case, manifest: bytes, later: int) -> str:
    par = sealing.address(root_of(PROVIDER), manifest)
    return case.seal(case.provider, [sealing.Reference(par, manifest, "application/json")], NOW + later)


@pytest.mark.parametrize(("later", "good"), [(-SKEW_S, True), (-SKEW_S - 1, False), (DAY, True), (DAY + 1, False)])
def test_it_is_told_shortly_before_it_is_sealed(case: Case, later: int, good: bool) -> None:
    """Not a day later, and not before by more than clocks differ."""
    report = verify_bundle(export.bundle(case.parts, lambda manifest: sealed_at(case, manifest, later)), case.roots)
    assert found(report) == ("" if good else "told-time")


def test_a_bundle_that_does_not_say_how_far_it_goes_is_not_passed(case: Case) -> None:
    """As all did once: what its exporter left out cannot be seen, so it cannot be judged."""
    report = judged(case, msgspec.structs.replace(case.parts.log, told=None))
    assert (report.verdict, report.doubts) == (INDETERMINATE, ("told",))
    assert "does not say how far" in report.reason
    assert report.value("now")["until"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"count": 3},
        {"count": "4"},
        {"head": "0" * 64},
        {"size": 16},
        {"root": "AAAA"},
        {"at": written(NOW + 1)},
        {"log": "localhost:18443/musterstadt/log/1"},
        {"terminations": [1]},
        {"agreement": "urn:uuid:1"},
        {"more": 1},
    ],
)
def test_the_manifest_tells_the_same_as_the_log(case: Case, change: dict[str, object]) -> None:
    """Another count, head, state or time under the exporter's seal: named."""
    log = msgspec.structs.replace(case.parts.log, told={**(case.parts.log.told or {}), **change})
    assert named(judged(case, log)) == ("told", "told-other")


@pytest.mark.parametrize("value", [None, 1, "x", [], {}])
def test_what_it_tells_has_one_form(case: Case, value: object) -> None:
    """Anything else in its place is another statement."""
    log = msgspec.structs.replace(case.parts.log, told=value)
    expected = ("told-absent", INDETERMINATE) if value is None else ("told-other", FAILED)
    report = judged(case, log)
    assert (found(report), report.verdict) == expected


def test_a_record_that_tells_the_untrue_is_named(case: Case) -> None:
    """>> logged that nothing has ended, with an end before it; another count << refused, also if not the last."""
    log, files = ended(case)
    for change in (
        {"terminations": []},
        {"terminations": [4]},
        {"records": 7},
        {"keys": 2},
        {"keys": "1"},
        {"more": 1},
    ):
        false = log.copy()
        false.tell(AGREEMENT, **change)
        assert named(judged(case, false.evidence(AGREEMENT), files)) == ("told", "told-untrue")
        false.add("transfer", AGREEMENT, {"bytes": 1})
        assert named(judged(case, false.evidence(AGREEMENT), files)) == ("told", "told-untrue")


def test_key_events_are_not_left_out_either(case: Case) -> None:
    """>> the exporter withdrew a key, and leaves that out; nothing in the chain of key events shows it << refused."""
    log = case.log.copy()
    log.add("key", None, {"event": "key-revoked", "kid": f"{PROVIDER}#other", "from": written(NOW)})
    whole = log.evidence(AGREEMENT)
    assert judged(case, whole).verdict is PASSED
    rows = whole.records.splitlines()
    left = [at for at, row in enumerate(rows) if b"key-revoked" not in row]
    assert len(left) == len(rows) - 1
    assert named(judged(case, kept(whole, left))) == ("told", "told-untrue")


def test_bug_a_key_event_of_an_agreement_stood_for_a_withdrawal_that_was_left_out(case: Case) -> None:
    """>> the exporter withdrew the key of its seal before it sealed, tells so, and shows another "key event" instead,
    one that names the agreement << key events name none: refused. Their number was right, so it was PASSED."""
    log = case.log.copy()
    log.add("key", None, {"event": "key-revoked", "kid": case.provider.kid, "from": written(NOW - DAY)})
    log.add("key", AGREEMENT, {"event": "seen"})
    true = sum(json.loads(data)["type"] == "key" for data, _ in log.rows) - 1
    log.tell(AGREEMENT, keys=true)
    whole = log.evidence(AGREEMENT)
    rows = whole.records.splitlines()
    left = [at for at, row in enumerate(rows) if b"key-revoked" not in row]
    assert named(judged(case, kept(whole, left))) == ("records", "record-foreign")


def test_an_end_is_not_erased_as_something_else(case: Case) -> None:
    """>> the end is erased, its tombstone calls it a decision << what was told of it before says otherwise."""
    log, _ = ended(case)
    place = next(at for at, (data, _) in enumerate(log.rows) if b'"event":"stated"' in data)
    log.add("tombstone", AGREEMENT, {"index": place, "type": "decision", "seq": 4, "ground": "x", "role": "y"})
    log.tell(AGREEMENT, terminations=[5])
    assert named(judged(case, with_erased(log, {place: ("decision", 4)}))) == ("told", "told-untrue")
    honest, _ = ended(case)
    honest.add("tombstone", AGREEMENT, {"index": place, "type": "termination", "seq": 4, "ground": "x", "role": "y"})
    report = judged(case, with_erased(honest, {place: ("termination", 4)}))
    assert report.verdict is PASSED
    assert [note for note in report.notes if "Entry no. 4" in note and "end of the agreement" in note]


def test_what_was_erased_before_it_was_told_may_have_been_an_end(case: Case) -> None:
    """>> erased right away, before anything said what it was << cannot be judged."""
    log = case.log.copy()
    log.add("termination", AGREEMENT, {"event": "stated", "by": "provider", "statement": "0" * 64, "jws": "0" * 64})
    place = len(log.rows) - 1
    log.add("tombstone", AGREEMENT, {"index": place, "type": "decision", "seq": 4, "ground": "x", "role": "y"})
    log.tell(AGREEMENT, terminations=[])
    report = judged(case, with_erased(log, {place: ("decision", 4)}))
    assert (report.verdict, report.doubts) == (INDETERMINATE, ("told",))
    assert found(report) == "erased-untold"


def test_an_end_is_not_shown_as_a_record_of_something_else(case: Case) -> None:
    """Its leaf under another type, as erased key event, or as a line about another agreement: refused by the tree."""
    log, files = ended(case)
    whole = log.evidence(AGREEMENT)
    rows = [json.loads(line) for line in whole.records.splitlines()]
    at = next(at for at, row in enumerate(rows) if row["record"]["body"].get("event") == "stated")
    for change in ({"type": "decision"}, {"agreement": "urn:uuid:other"}, {"seq": 40}, {"prev": "0" * 64}):
        forged = [row if one != at else {**row, "record": {**row["record"], **change}} for one, row in enumerate(rows)]
        data = b"".join(jcs.encode(row) + b"\n" for row in forged)
        for more in (files, {}):
            report = judged(case, msgspec.structs.replace(whole, records=data), more)
            assert verdicts(report)["records"] is FAILED
    leaf = records.parse(whole.records)[at]
    assert isinstance(leaf, records.Logged)
    grave = records.write([Erased(leaf.index, "key", 1, b"\0" * 32, leaf.proof)])
    lines = whole.records.splitlines(keepends=True)
    forged_lines = b"".join([*lines[:at], grave, *lines[at + 1 :]])
    assert verdicts(judged(case, msgspec.structs.replace(whole, records=forged_lines)))["records"] is FAILED


def test_one_place_in_the_chain_has_one_record(case: Case) -> None:
    """>> the same `seq` twice in the log, one with the end, one without << shown both: a gap in the order."""
    log, files = ended(case)
    whole = log.evidence(AGREEMENT)
    lines = whole.records.splitlines(keepends=True)
    for at in range(1, len(lines)):
        doubled = b"".join([*lines[: at + 1], *lines[at:]])
        assert verdicts(judged(case, msgspec.structs.replace(whole, records=doubled), files))["records"] is FAILED


def test_of_two_ends_none_is_left_out(case: Case) -> None:
    """>> notice given, then ended at once << the older statement in place of the newer: refused; none: not passed."""
    log, files = ended(case)
    first = dict(files)
    said = statement(case, at=written(NOW + 100), notice=None)
    place = sealing.address(root_of(PROVIDER), said)
    token = case.seal(case.provider, [sealing.Reference(place, said, "application/json")], NOW + 100).encode()
    log.add(
        "termination",
        AGREEMENT,
        {"event": "stated", "by": "provider", "statement": digest(said), "jws": digest(token)},
    )
    whole = log.evidence(AGREEMENT)
    newer = {"termination-provider.json": said, "termination-provider.jws": token}
    assert judged(case, whole, newer).verdict is PASSED
    assert named(judged(case, whole, first)) == ("provider-ending", "termination-superseded")
    report = judged(case, whole)
    assert (report.verdict, report.doubts) == (INDETERMINATE, ("provider-ending",))
    assert "ask both parties" in report.reason


def test_the_other_sides_end_is_not_left_out(case: Case) -> None:
    """>> both have ended it, only one statement is here << not passed."""
    log, files = ended(case)
    log.add("termination", AGREEMENT, {"event": "stated", "by": "consumer", "statement": "0" * 64, "jws": "1" * 64})
    report = judged(case, log.evidence(AGREEMENT), files)
    assert (report.verdict, report.doubts) == (INDETERMINATE, ("consumer-ending",))


def test_bug_an_erased_end_was_told_to_nobody_beside_a_later_one() -> None:
    """>> one party's end is erased, the other's with notice is shown << the report names the erased one as well."""
    erased, later = Erased(8, "termination", 4, b"", ()), Logged(9, {"type": "termination"}, b"", b"", ())
    shown = {"termination-consumer.json": b""}

    def told_of(*rows: Line) -> list[bool]:
        exam = Examination("en")
        remarks.end(exam, shown, rows)
        return ["Entry no. 4" in note for note in exam.report().notes]

    assert (told_of(erased, later), told_of(erased)) == ([True], [])


@pytest.mark.threat("T156")
def test_bug_a_bundle_speaks_no_further_than_the_clock_of_who_checks(case: Case) -> None:
    """Bug: >> told in the year 2040 << believed. Five minutes are the difference of clocks."""
    case.witness.at = NOW
    bundle = changed(case, log=case.log.evidence(AGREEMENT))
    for now, verdict in ((NOW - SKEW_S, PASSED), (NOW - SKEW_S - 1, INDETERMINATE)):
        report = verify_bundle(bundle, case.roots, now=now)
        assert report.verdict is verdict
        assert report.doubts == (() if verdict is PASSED else ("told", "time"))


@pytest.mark.threat("T156")
def test_bug_a_bundle_sealed_in_the_future_was_believed(case: Case) -> None:
    """Bug: >> told now, its list of files sealed twenty hours from now << PASSED, for only the record was compared."""
    late = export.bundle(case.parts, lambda manifest: sealed_at(case, manifest, 20 * 3600))
    assert verify_bundle(late, case.roots, now=NOW + DAY).verdict is PASSED
    assert found(verify_bundle(late, case.roots, now=NOW + 60)) == "told-future"
