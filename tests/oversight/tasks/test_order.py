"""Tasks stand in order of urgency, the same whoever gathered them, and before those who can do something."""

from itertools import permutations, product
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from connector.identity.accounts.model import ROLES as ROLES_OF_PERSONS
from connector.oversight.tasks.model import Kind, Task
from connector.oversight.tasks.order import ROLES, STEWARDS, Urgency, merged, ordered, theirs, urgency

NOW, DAY = 1_795_000_000_000, 86_400_000
KINDS: tuple[Kind, ...] = get_args(Kind)
AWAITED = (
    "approval",
    "protection",
    "answer-offer",
    "countersign",
    "read-and-sign",
    "admission",
    "admission-second",
    "group-asked",
    "merger",
    "merger-second",
    "seal",
    "seal-second",
    "rule-waits",
)
DUES = (None, NOW - 1, NOW, NOW + 1, NOW + 3 * DAY, NOW + 3 * DAY + 1)
TASKS = st.builds(
    Task,
    kind=st.sampled_from(KINDS),
    subject=st.sampled_from("abc"),
    since=st.integers(0, NOW),
    due=st.sampled_from(DUES),
    agreement=st.sampled_from(["", "x", "y"]),
    process=st.sampled_from(["", "a"]),
)


def task(kind: Kind, subject: str = "a", since: int = 0, due: int | None = None, **more: str) -> Task:
    return Task(kind=kind, subject=subject, since=since, due=due, **more)


def test_each_kind_has_its_urgency_with_and_without_a_day() -> None:
    """Every kind × every place of its day: over, within three days, later, none."""
    for kind, due in product(KINDS, DUES):
        found = urgency(task(kind, due=due), NOW)
        if due is not None and due <= NOW:
            assert found is Urgency.OVERDUE
        elif due is not None and due <= NOW + 3 * DAY:
            assert found is Urgency.SOON
        elif kind in AWAITED:
            assert found is Urgency.AWAITED
        elif due is not None:
            assert found is Urgency.LATER
        else:
            assert found is (Urgency.SOMETIME if kind in ("import", "draft") else Urgency.BROKEN)


def test_what_cannot_wait_comes_first() -> None:
    """>> a draft, a duty for later, a broken message, an approval, one due tomorrow, one overdue << turned."""
    tasks = [
        task("draft"),
        task("contract-ends", due=NOW + 20 * DAY),
        task("undeliverable"),
        task("approval"),
        task("approval", "b", due=NOW + DAY),
        task("duty", due=NOW - DAY),
    ]
    for given_ in permutations(tasks):
        assert ordered(given_, NOW) == tasks[::-1]


def test_of_equal_urgency_what_waited_longest() -> None:
    first, second = task("approval", "b", since=1), task("approval", "a", since=2)
    assert ordered([second, first], NOW) == [first, second]


@given(st.lists(TASKS, max_size=12), st.randoms())
def test_the_order_does_not_depend_on_who_gathered(tasks: list[Task], chance: object) -> None:
    """>> the same tasks shuffled << the same order; nothing is lost, nothing invented."""
    mixed = list(tasks)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    key = [(one.kind, one.subject, one.due, one.since) for one in ordered(tasks, NOW)]
    assert [(one.kind, one.subject, one.due, one.since) for one in ordered(mixed, NOW)] == key
    grades = [urgency(one, NOW) for one in ordered(tasks, NOW)]
    assert grades == sorted(grades)
    assert len(grades) == len(tasks)


def test_one_task_for_what_several_places_know() -> None:
    """>> a signature that is due, one that failed, an offer and the approval of it << two tasks."""
    due = task("countersign", "urn:x", agreement="urn:x", due=NOW + DAY)
    failed = task("countersign-trouble", "n", agreement="urn:x")
    offer, approval = task("answer-offer", "n"), task("approval", "id", process="n")
    for given_ in permutations([due, failed, offer, approval]):
        assert set(map(str, merged(given_))) == {str(due), str(approval)}
    assert merged([offer]) == [offer]


@given(st.lists(TASKS, max_size=12))
def test_merging_twice_changes_nothing(tasks: list[Task]) -> None:
    once = merged(tasks)
    assert merged(once) == once
    assert set(map(str, once)) <= set(map(str, tasks))


def test_everybody_sees_what_they_can_do() -> None:
    """Every kind has somebody; an auditor, who only reads, has none."""
    every = [task(kind) for kind in KINDS]
    seen = {role: {one.kind for one in theirs(every, frozenset({role}))} for role in ROLES_OF_PERSONS}
    assert set().union(*seen.values()) == set(KINDS)
    assert seen["auditor"] == set()
    assert seen["admin"] == {"rule-waits"}
    assert seen["protection"] == {"protection", "duty", "rule-waits"}
    assert seen["publisher"] == {"import", "draft"}
    assert set(ROLES) <= set(KINDS)
    assert frozenset({"steward"}) == STEWARDS
