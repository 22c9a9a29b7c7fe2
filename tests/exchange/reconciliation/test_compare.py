"""How two accounts of one agreement compare: values in, findings out, and the same from the other side."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.exchange.reconciliation.compare import (
    PATIENCE_MS,
    SETTLING_MS,
    ComparedRecord,
    Finding,
    LogView,
    account,
    compare,
    state_of,
)
from tests.fuzz.effort import amount

NOW = 10 * PATIENCE_MS
OLD = NOW - 2 * PATIENCE_MS
SEALED = {"agreement": "a", "providerJws": "p", "consumerJws": "c"}


def told(*records: ComparedRecord, erased: frozenset[str] = frozenset(), waiting: bool = False) -> LogView:
    return account(records, lambda name: name, erased, waiting=waiting)


def moved(event: str, count: int = 8, at: int = OLD, **more: object) -> ComparedRecord:
    return ComparedRecord("transfer", at, {"transfer": "t", "event": event, "bytes": count, **more})


def kinds(ours: LogView, theirs: LogView, role: str = "provider") -> list[tuple[str, str]]:
    return [(found.what, found.kind) for found in compare(ours, theirs, role, NOW)]


def test_the_newest_agreement_record_counts() -> None:
    """>> one-sided first, whole later << the seal is there; whole first, null later << it is not."""
    late = told(
        ComparedRecord("agreement", OLD, {**SEALED, "consumerJws": None}), ComparedRecord("agreement", OLD, SEALED)
    )
    lost = told(
        ComparedRecord("agreement", OLD, SEALED), ComparedRecord("agreement", OLD, {**SEALED, "consumerJws": None})
    )
    assert kinds(late, told(ComparedRecord("agreement", OLD, SEALED))) == []
    assert kinds(lost, late) == [("seal", "missing-here")]
    assert kinds(late, lost) == [("seal", "missing-there")]


@pytest.mark.parametrize(
    ("sent", "got", "kind"),
    [
        ([moved("sent")], [moved("received")], None),
        ([moved("part", 3), moved("part", 5)], [moved("received")], None),  # in pieces
        ([moved("broken", 3, cause="cut"), moved("sent")], [moved("received")], None),  # again from the start
        ([moved("part", 3)], [], None),  # nobody says that it was whole
        ([moved("sent", 3)], [moved("received")], "differs"),  # fewer bytes than came
        ([moved("sent")], [moved("broken", reason="other bytes")], "differs"),  # how it ended
        ([moved("sent")], [moved("broken", 0, reason="cut")], "differs"),  # it gave up before the first byte
        ([moved("sent")], [], "missing-there"),
        ([], [moved("received")], "missing-here"),
        ([moved("terminated")], [moved("received")], "missing-here"),
        ([moved("sent", at=NOW - 1)], [], "unsealed"),
        ([moved("sent", at=NOW - SETTLING_MS)], [], "missing-there"),
    ],
)
def test_bytes_that_left_must_have_come(
    sent: list[ComparedRecord], got: list[ComparedRecord], kind: str | None
) -> None:
    """As the provider sees it; the consumer sees the same from its side."""
    mirrored = {"missing-here": "missing-there", "missing-there": "missing-here"}
    expected = [] if kind is None else [("transfer", kind)]
    assert kinds(told(*sent), told(*got)) == expected
    theirs = [(what, mirrored.get(one, one)) for what, one in expected]
    assert kinds(told(*got), told(*sent), "consumer") == theirs


def test_erased_and_unsealed_are_not_missing() -> None:
    whole = told(ComparedRecord("agreement", OLD, SEALED), moved("sent"))
    fresh = told(ComparedRecord("agreement", NOW - 1, SEALED))
    assert {kind for _, kind in kinds(whole, told(erased=frozenset({"agreement", "transfer"})))} == {"erased"}
    assert {kind for _, kind in kinds(fresh, told(waiting=True))} == {"unsealed"}
    assert {kind for _, kind in kinds(whole, told(waiting=True))} == {"missing-there"}  # it has waited for too long


def test_second_seals_are_told_only_where_two_differ() -> None:
    """>> one side names none: an older version, or its list knew it later << no accusation; two digests << told."""
    one, other = {**SEALED, "providerPq": "x"}, {**SEALED, "providerPq": "y", "consumerPq": "z"}
    ours, theirs, older = (told(ComparedRecord("agreement", OLD, body)) for body in (one, other, SEALED))
    assert kinds(ours, theirs) == [("second-seal", "differs")]
    assert kinds(theirs, ours, "consumer") == [("second-seal", "differs")]
    assert kinds(ours, older) == kinds(older, ours) == kinds(ours, ours) == []
    erased = told(erased=frozenset({"agreement"}))
    assert {what for what, _ in kinds(ours, erased)} == {"agreement", "seal"}
    odd = told(ComparedRecord("agreement", OLD, {**SEALED, "providerPq": 7}))
    assert kinds(ours, odd) == []


def test_a_further_record_that_names_a_second_seal_changes_nothing_else() -> None:
    """>> named later here than there << the accounts agree before and after."""
    later = told(
        ComparedRecord("agreement", OLD, SEALED), ComparedRecord("agreement", NOW - 1, {**SEALED, "consumerPq": "x"})
    )
    at_once = told(ComparedRecord("agreement", OLD, {**SEALED, "consumerPq": "x"}))
    assert (
        kinds(later, at_once)
        == kinds(at_once, later)
        == kinds(told(ComparedRecord("agreement", OLD, SEALED)), at_once)
        == []
    )


def test_what_weighs_most_names_the_state() -> None:
    def finding(kind: str) -> Finding:
        return Finding("seal", "", kind, None, None)  # type: ignore[arg-type]

    order = ["differs", "missing-here", "missing-there", "unsealed", "erased"]
    for at, kind in enumerate(order):
        assert state_of([finding(other) for other in reversed(order[at:])]) == kind
    assert state_of([]) == "agrees"


_MEMBERS = [
    "agreement",
    "providerJws",
    "consumerJws",
    "providerPq",
    "consumerPq",
    "by",
    "statement",
    "transfer",
    "event",
    "bytes",
    "reason",
]
_body = st.dictionaries(
    st.sampled_from(_MEMBERS),
    st.one_of(
        st.none(),
        st.integers(-3, 20),
        st.text(max_size=3),
        st.booleans(),
        st.lists(st.integers(), max_size=1),
        st.sampled_from(["provider", "consumer", "sent", "received", "part", "broken", "refused"]),
    ),
)
_record = st.builds(
    ComparedRecord, st.sampled_from(["agreement", "termination", "transfer", "decision"]), st.integers(0, NOW), _body
)


@pytest.mark.threat("T157")
def test_bug_a_count_that_is_true_was_one_byte() -> None:
    """Bug: >> the provider's record says that it sent `true` bytes of a file of one << the accounts agreed."""
    sent = ComparedRecord("transfer", OLD, {"transfer": "t", "event": "sent", "bytes": True})
    assert kinds(told(sent), told(moved("received", 1))) == [("transfer", "differs")]
    assert kinds(told(moved("sent", 1)), told(moved("received", 1))) == []


def test_bug_an_empty_file_that_never_came_was_missing_on_both_sides() -> None:
    """>> the provider sent all of no bytes, the consumer says nothing << missing at the consumer, for both."""
    sent = told(ComparedRecord("transfer", 0, {"transfer": "t", "event": "sent", "bytes": 0}))
    assert [one.kind for one in compare(sent, told(), "provider", NOW)] == ["missing-there"]
    assert [one.kind for one in compare(told(), sent, "consumer", NOW)] == ["missing-here"]


@settings(max_examples=amount(40, 400))
@given(st.lists(_record, max_size=8), st.lists(_record, max_size=8))
def test_both_sides_come_to_the_same(ours: list[ComparedRecord], theirs: list[ComparedRecord]) -> None:
    """>> anything a stranger may have signed << no error; missing here for one is missing there for the other."""
    mirrored = {"missing-here": "missing-there", "missing-there": "missing-here"}
    here = compare(told(*ours), told(*theirs), "provider", NOW)
    there = compare(told(*theirs), told(*ours), "consumer", NOW)
    assert {(one.what, one.subject, one.kind, one.ours, one.theirs) for one in here} == {
        (one.what, one.subject, mirrored.get(one.kind, one.kind), one.theirs, one.ours) for one in there
    }
    assert {one.what for one in compare(told(*ours), told(*ours), "provider", NOW)} <= {"transfer"}
