"""Times in a bundle lie within what others bear out, and nobody who belongs to a party counts as another."""

import msgspec
import pytest

from connector.exchange.contracts.document import sealing
from connector.verify.bundle import verify_bundle
from connector.verify.checks.trusted_time import SKEW_S, exact, written
from connector.verify.formats import checkpoint, cosignature, jcs
from connector.verify.report import Report
from tests.fuzz.effort import one_in
from tests.verify import forge
from tests.verify.endings import digest, statement
from tests.verify.forge import AGREEMENT, CONSUMER, DAY, NOW, PROVIDER, Case, Log, Witness, root_of
from tests.verify.judge import FAILED, INDETERMINATE, PASSED, changed, local, named, verdicts
from tests.verify.states import both, cut, policy_of

pytestmark = pytest.mark.threat("T69")
THEIRS = "did:web:anderer-betrieb.example"


def seen(*witnesses: Witness, consumers: str | None = THEIRS, policy: str | None = None) -> Report:
    """The provider's bundle, whose log these saw; the consumer is with another operator."""
    case = Case()
    case.log.witnesses = list(witnesses)
    changes = {} if consumers is None else {CONSUMER: {"operator": consumers}}
    listed = case.authority.list({PROVIDER: case.log.keys}, witnesses=witnesses, changes=changes)
    bundle = changed(case, log=case.log.evidence(AGREEMENT, close=False), trust_list=listed)
    return verify_bundle(bundle, case.roots, "en", witness=policy)


def code(report: Report, name: str) -> str:
    return next(check.code for check in report.checks if check.name == name)


def test_the_counterpartys_operator_is_no_witness() -> None:
    """>> an old date that only the partner's operator vouches for << no time, and the line says why."""
    report = seen(Witness(THEIRS, NOW - 400 * DAY))
    assert (report.verdict, report.doubts) == (INDETERMINATE, ("time",))
    assert code(report, "time") == "no-independent-time"
    assert "belongs to one of the parties" in report.reason
    assert report.stated["trusted_time"] is None


def test_an_independent_witness_counts_beside_theirs() -> None:
    """>> the partner's operator says long ago, somebody else says now << now."""
    report = seen(Witness(THEIRS, NOW - 400 * DAY), Witness(at=NOW + 60))
    assert (report.verdict, report.stated["trusted_time"]) == (PASSED, written(NOW + 60))


def test_a_policy_of_the_auditor_makes_no_party_a_witness() -> None:
    """>> --witness names the key of the partner's operator, which the list knows << it does not count; others do."""
    theirs, other = Witness(THEIRS, NOW - 400 * DAY), Witness(at=NOW + 60)
    assert seen(theirs, other, policy=policy_of(theirs)).doubts == ("time",)
    assert seen(theirs, other, policy=policy_of(theirs, other, quorum="all")).doubts == ("time",)
    assert seen(theirs, other, policy=policy_of(theirs, other)).stated["trusted_time"] == written(NOW + 60)


def test_with_four_others_two_of_them_are_needed() -> None:
    """The party's operator fills no place in the quorum of the others."""
    four = [Witness(f"did:web:{name}.example", NOW + at) for at, name in enumerate("abcd")]
    assert cosignature.derived([one.entry() for one in (*four, Witness(THEIRS))], THEIRS) is not None
    assert seen(four[0], Witness(THEIRS)).verdict is PASSED
    case = Case()
    case.log.witnesses = [four[0], Witness(THEIRS)]
    listed = case.authority.list(
        {PROVIDER: case.log.keys}, witnesses=[*four, case.log.witnesses[1]], changes={CONSUMER: {"operator": THEIRS}}
    )
    bundle = changed(case, log=case.log.evidence(AGREEMENT, close=False), trust_list=listed)
    assert verify_bundle(bundle, case.roots).doubts == ("time",)


def ended(
    case: Case,
    *,
    by: str = "provider",
    sealed: int = NOW + 100,
    logged: int = NOW + 100,
    early: int = 0,
    **change: object,
) -> Report:
    """A statement in the provider's log, sealed and logged at these times; `early`: seen without it then."""
    said = statement(case, by, **{"at": written(NOW + 100), **change})
    signer = case.provider if by == "provider" else case.consumer
    place = sealing.address(root_of(signer.did), said)
    token = case.seal(signer, [sealing.Reference(place, said, "application/json")], sealed).encode()
    log = case.log.copy()
    log.at = logged
    log.add("termination", AGREEMENT, {"statement": digest(said), "jws": digest(token), "by": by})
    case.witness.at = early or logged + 60
    shown = both(case.log, log) if early else log.evidence(AGREEMENT)
    files = {f"termination-{by}.json": said, f"termination-{by}.jws": token}
    return verify_bundle(changed(case, log=shown, more=files), case.roots, "en")


NO_TIMES: list[object] = [
    "yesterday",
    "",
    "2026-11-18",
    "2026-11-18T11:08:20",
    "2026-11-18T11:08:20+00:00",
    "2026-02-31T00:00:00Z",
    "2026-11-18T11:08:20.5Z",
    "2026-11-18t11:08:20z",
    " 2026-11-18T11:08:20Z",
    "0000-01-01T00:00:00Z",
    "2026-11-18T24:00:00Z",
    "٢٠٢٦-11-18T11:08:20Z",
    7,
    True,
    ["x"],
]


def test_other_texts_are_no_times() -> None:
    """One spelling, and on the calendar."""
    assert [text for text in NO_TIMES if exact(text) is not None] == []


@pytest.mark.parametrize("text", one_in(4, NO_TIMES))
def test_times_of_an_end_are_times(case: Case, text: object) -> None:
    """Past bug: `at` and `notice` were any text, which the verdict repeated."""
    assert named(ended(case, at=text)) == ("provider-ending", "termination-form")
    assert named(ended(case, notice=text)) == ("provider-ending", "termination-form")


@pytest.mark.parametrize(
    ("at", "found"),
    [
        (NOW - 400 * DAY, "termination-time"),
        (NOW - 2 * SKEW_S - 1, "termination-time"),
        (NOW + 100 + SKEW_S, ""),
        (NOW + 101 + SKEW_S, "termination-time"),
        (NOW + 40 * DAY, "termination-time"),
    ],
)
def test_an_end_is_of_its_time(case: Case, at: int, found: str) -> None:
    """Not from before the contract, not from behind its seal or its record; clocks may differ a little."""
    assert code(ended(case, at=written(at), notice=None), "provider-ending") == found


def test_its_seal_is_as_old_as_it_says(case: Case) -> None:
    """>> sealed ten days after it says, in the log even later << refused."""
    report = ended(case, sealed=NOW + 10 * DAY, logged=NOW + 10 * DAY + 60)
    assert named(report) == ("provider-ending", "termination-time")


@pytest.mark.parametrize(
    ("notice", "found"),
    [
        (NOW + 100 - SKEW_S, ""),
        (NOW + 99 - SKEW_S, "termination-notice"),
        (NOW - 400 * DAY, "termination-notice"),
        (NOW + 30 * 366 * DAY, "termination-notice"),
    ],
)
def test_notice_lies_ahead(case: Case, notice: int, found: str) -> None:
    """Nobody ends a contract for last year, nor in a hundred years."""
    assert code(ended(case, notice=written(notice)), "provider-ending") == found


def test_an_end_takes_effect_when_the_log_knows_of_it(case: Case) -> None:
    """>> stated on Monday, in this log on Thursday, "at once" << ends on Thursday."""
    report = ended(case, by="consumer", notice=None, logged=NOW + 3 * DAY)
    assert report.verdict is PASSED, report.reason
    sentence = next(check.sentence for check in report.checks if check.name == "consumer-ending")
    assert f"on {local(NOW + 100)} the consumer declared that the agreement ends on {local(NOW + 3 * DAY)}" in sentence
    assert any("Not proven: that the consumer stated the end" in note for note in report.notes)
    assert not any("stated the end" in note for note in ended(case, by="consumer").notes)


@pytest.mark.threat("T167")
@pytest.mark.parametrize("by", ["provider", "consumer"])
def test_bug_an_end_dated_before_the_contract_was_sealed_passed(case: Case, by: str) -> None:
    """Bug: >> sealed five minutes, dated ten minutes before the party's own seal << PASSED. It is not proven."""
    for at, found in ((NOW - SKEW_S, ""), (NOW - SKEW_S - 1, "termination-early")):
        report = ended(case, by=by, sealed=NOW - SKEW_S, logged=NOW, at=written(at), notice=None)
        assert code(report, f"{by}-ending") == found
        assert report.verdict is (INDETERMINATE if found else PASSED)


@pytest.mark.threat("T167")
def test_bug_an_end_is_not_dated_before_its_own_log_has_it(case: Case) -> None:
    """Bug: >> stated and sealed fourteen minutes before the record in the same party's log << PASSED. Whoever states an
    end has it in its log at once."""
    for at, found in (
        (NOW + 1000, ""),
        (NOW + 1300 - SKEW_S, ""),
        (NOW + 1299 - SKEW_S, "termination-early"),
        (NOW + 1300 - 840, "termination-early"),
    ):
        assert code(ended(case, sealed=at, logged=NOW + 1300, at=written(at)), "provider-ending") == found


@pytest.mark.threat("T167")
def test_an_end_is_not_dated_before_a_state_that_did_not_have_it(case: Case) -> None:
    """>> a witness saw the log of who ended it, without the end << dated before that it is not proven."""
    seen_at = NOW + 2 * SKEW_S
    for at, found in ((seen_at - SKEW_S, ""), (seen_at - SKEW_S - 1, "termination-early")):
        report = ended(case, sealed=at, logged=at, early=seen_at, at=written(at))
        assert code(report, "provider-ending") == found
    theirs = ended(case, by="consumer", sealed=NOW + 10, logged=seen_at, early=seen_at, at=written(NOW + 10))
    assert code(theirs, "consumer-ending") == "", "the other's may have been on its way"


def log_of(case: Case, *times: int) -> Log:
    """The case's log, with a transfer at each of these times."""
    log = case.log.copy()
    for at in times:
        log.at = at
        log.add("transfer", AGREEMENT, {"bytes": at})
    return log


def test_records_are_in_the_order_of_their_times(case: Case) -> None:
    """>> one dated long before the one in front of it << not proven, which one is wrong cannot be told."""
    assert judged(case, log_of(case, NOW + 50, NOW + 50 - SKEW_S)).verdict is PASSED
    report = judged(case, log_of(case, NOW + 50, NOW + 49 - SKEW_S))
    assert (report.verdict, code(report, "times")) == (INDETERMINATE, "record-order-of-times")


@pytest.mark.threat("T167")
def test_bug_small_steps_do_not_lead_back_a_day(case: Case) -> None:
    """Bug: >> each record is dated five minutes before the one in front of it << PASSED, however far that led back."""
    steps = [NOW + 50 - SKEW_S * step for step in range(3)]
    assert code(judged(case, log_of(case, *steps)), "times") == "record-order-of-times"


@pytest.mark.threat("T167")
def test_bug_a_record_is_not_older_than_the_seal_that_it_names() -> None:
    """Bug: >> the whole log is dated a day before the seals that it names << PASSED."""
    for at, found in ((NOW - SKEW_S, ""), (NOW - SKEW_S - 1, "record-before-seal"), (NOW - DAY, "record-before-seal")):
        case = Case()
        case.log = case.new_log(PROVIDER)
        case.log.at = at
        case.parts = case.make()
        report = verify_bundle(case.bundle(), case.roots, "en")
        assert code(report, "times") == found
        assert report.verdict is (INDETERMINATE if found else PASSED)


def judged(case: Case, log: Log, **changes: object) -> Report:
    return verify_bundle(changed(case, log=log.evidence(AGREEMENT), **changes), case.roots, "en")


def test_what_was_seen_is_not_younger(case: Case) -> None:
    """>> a record dated after a witness saw it << not proven, its time is wrong."""
    case.witness.at = NOW + 60
    assert judged(case, log_of(case, NOW + 60 + SKEW_S)).verdict is PASSED
    report = judged(case, log_of(case, NOW + 61 + SKEW_S))
    assert (report.verdict, code(report, "times")) == (INDETERMINATE, "record-younger")
    assert code(judged(case, log_of(case, NOW + 400 * DAY)), "times") == "record-younger"


def test_what_was_not_there_yet_is_not_older(case: Case) -> None:
    """>> dated before a state that did not have it << not proven: the record was dated back."""
    case.witness.at = NOW + 10 * DAY
    early = cut(case.log, 12)
    report = verify_bundle(changed(case, log=both(early, log_of(case, NOW + 10 * DAY))), case.roots, "en")
    assert code(report, "times") == "record-older", "the transfer behind the early state is of NOW"
    assert code(judged(case, log_of(case, NOW + 10 * DAY)), "times") == ""


@pytest.mark.parametrize("text", ["yesterday", 7, None, "2026-11-18T11:06:40+00:00"])
def test_a_record_has_a_time(case: Case, text: object) -> None:
    """Anything else is refused."""
    log = case.log.copy()
    log.add("transfer", AGREEMENT, {})
    data, salt = log.rows.pop()
    value = {**jcs.loads(data), "at": text}  # type: ignore[dict-item]
    log.rows.append((jcs.encode(value), salt))
    log.heads[AGREEMENT] = (5, sealing.digest(jcs.encode(value)))
    report = judged(case, log)
    assert (report.verdict, code(report, "times")) == (FAILED, "record-time")


def dated(text: str | None) -> Report:
    """A contract with this time in it, sealed at NOW."""
    case = Case()
    case.log = case.new_log(PROVIDER)
    plain, made = case.make, sealing.canonical
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sealing, "canonical", lambda value: made({**value, **({} if text is None else {"timestamp": text})})
        )
        case.parts = plain()
    case.parts = msgspec.structs.replace(case.parts, trust_list=case.listed())
    return verify_bundle(case.bundle(), case.roots, "en")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, ""),
        (written(NOW), ""),
        (written(NOW + 2 * DAY), ""),
        (written(NOW - 31 * DAY), ""),
        ("2026-11-18T11:06:40.5", ""),
        (written(NOW + 2 * DAY + 1), "agreement-time"),
        ("2019-01-01T00:00:00Z", "agreement-time"),
        ("someday", "agreement-time"),
    ],
)
def test_a_contract_is_not_dated_back(text: str | None, found: str) -> None:
    """>> sealed now, dated years ago << not proven: its periods count from that date."""
    report = dated(text)
    assert code(report, "times") == found
    assert (report.verdict is PASSED) is (found == "")


def test_who_claims_to_have_sealed_before_it_was_a_member_is_not_passed(case: Case) -> None:
    """>> admitted long after the seals say they were made, or a second more than clocks may differ, and seen later
    still << not proven for that time; a second less << PASSED."""
    case.witness.at = NOW + 30 * DAY

    def admitted(begin: int) -> Report:
        changes = {CONSUMER: {"validFrom": written(begin)}}
        listed = case.authority.list({PROVIDER: case.log.keys}, witnesses=[case.witness], changes=changes)
        return judged(case, case.log, trust_list=listed)

    for begin in (NOW + 10 * DAY, NOW + SKEW_S + 1):
        report = admitted(begin)
        assert verdicts(report)["membership"] is INDETERMINATE
        assert code(report, "membership") == "member-later"
    assert verdicts(admitted(NOW + SKEW_S))["membership"] is PASSED


def test_a_line_of_a_witness_is_found_under_a_state() -> None:
    """`seen_by` looks for keys of these operators alone."""
    case = Case()
    note = checkpoint.parse(case.log.note(forge.merkle.Tree([b"\0" * 32])))
    entries = [case.witness.entry()]
    assert cosignature.seen_by(note, entries, case.witness.operator)
    assert not cosignature.seen_by(note, entries, THEIRS)
    assert not cosignature.seen_by(note, entries)
