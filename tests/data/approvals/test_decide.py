"""The state machine of an approval, every state that people and time can reach."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import combinations, product

import pytest

from connector.data.approvals import decide
from connector.data.approvals.decide import Late, NotYours
from connector.data.approvals.model import Ballot, Part, Voter

DUE = 100
ANNA = Voter("p-aaaaaa", frozenset({"steward"}))
BERTA = Voter("p-bbbbbb", frozenset({"steward"}))
CARL = Voter("p-cccccc", frozenset({"protection"}))
DORA = Voter("p-dddddd", frozenset({"steward", "protection"}))
EMIL = Voter("p-eeeeee", frozenset({"publisher", "auditor"}))
EVERYBODY = (ANNA, BERTA, CARL, DORA, EMIL)
PARTS: tuple[Part, ...] = ("steward", "protection")
DEMANDS = [(1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]


def ballot(stewards: int, protection: int, drafter: str = "") -> Ballot:
    return Ballot(stewards=stewards, protection=protection, drafter=drafter, due_at=DUE)


Step = Callable[[Ballot, int], Ballot]


def steps() -> Iterator[tuple[str, Voter | None, Step]]:
    """All that anybody can do, allowed or not."""
    for voter in EVERYBODY:
        for part in PARTS:
            yield "yes", voter, lambda one, now, v=voter, p=part: decide.yes(one, v, p, now)
        yield "revoke", voter, lambda one, now, v=voter: decide.revoke(one, v, now)
        yield "no", voter, lambda one, now, v=voter: decide.no(one, v, now)
        yield "counter", voter, lambda one, now, v=voter: decide.counter(one, v, now)
    yield "expire", None, lambda one, now: decide.expire(one, now)
    yield "withdraw", None, lambda one, now: decide.withdraw(one)


def explored(start: Ballot) -> Iterator[tuple[Ballot, str, Voter | None, int, Ballot | None]]:
    """Every step from every state that can be reached, before and at the deadline; None: refused."""
    seen, left = {start}, [start]
    while left:
        one = left.pop()
        for name, voter, step in steps():
            for now in (1, DUE):
                try:
                    after = step(one, now)
                except (Late, NotYours):
                    yield one, name, voter, now, None
                    continue
                yield one, name, voter, now, after
                if after not in seen:
                    seen.add(after)
                    left.append(after)


@pytest.mark.threat("T144")
@pytest.mark.parametrize(
    ("stewards", "protection", "drafter"),
    [
        *((*demand, drafter) for demand in DEMANDS for drafter in ("", ANNA.who, CARL.who)),
        *((*demand, f"{ANNA.who} {BERTA.who}") for demand in ((1, 0), (0, 1), (1, 1))),
    ],
)
def test_all_that_people_and_time_can_do(stewards: int, protection: int, drafter: str) -> None:
    """>> everything, in any order << approved only by enough different people in their roles, and by nobody who wrote
    a part; who wrote refuses as a steward alone."""
    ends = set()
    for before, name, voter, now, after in explored(ballot(stewards, protection, drafter)):
        if before.state != "open":
            assert after in (None, before)  # after the end nothing changes
            continue
        if after is None or after == before:
            continue
        ends.add(after.state)
        if voter is not None:
            steward = name == "no" and "steward" in voter.roles
            assert voter.who not in drafter.split() or name == "revoke" or steward
            assert now < DUE  # whoever is late changes nothing
        if after.state == "approved":
            people = [vote.who for vote in after.votes]
            assert len(set(people)) == len(people) == stewards + protection
            assert not set(drafter.split()) & set(people)
            assert sum(vote.part == "steward" for vote in after.votes) == stewards
            by_role = {each.who: each.roles for each in EVERYBODY}
            assert all(vote.part in by_role[vote.who] for vote in after.votes)
            assert name == "yes"
        if after.state in ("refused", "countered"):
            assert voter is not None
            assert "steward" in voter.roles or (name == "no" and protection and "protection" in voter.roles)
        if after.state == "expired":
            assert now >= DUE
    assert ends >= {"approved", "refused", "countered", "expired", "withdrawn"}


@pytest.mark.threat("T93")
def test_four_eyes_are_two_people() -> None:
    """>> the same person twice << one yes; another one << approved."""
    once = decide.yes(ballot(2, 0), ANNA, "steward", 1)
    assert decide.yes(once, ANNA, "steward", 2) == once
    assert decide.yes(once, BERTA, "steward", 3).state == "approved"


@pytest.mark.threat("T93")
def test_one_person_with_two_roles_is_still_one() -> None:
    """>> agrees as steward, then as data protection << refused in words: another person has to."""
    once = decide.yes(ballot(1, 1), DORA, "steward", 1)
    with pytest.raises(NotYours, match=r"approvals\.one-voice"):
        decide.yes(once, DORA, "protection", 2)
    assert decide.yes(once, CARL, "protection", 2).state == "approved"


@pytest.mark.threat("T93")
def test_a_drafter_who_was_erased_could_be_one_of_those_who_agree() -> None:
    """>> whoever drafted it is known no more << two others have to agree, not one."""
    once = decide.yes(ballot(1, 0, "p-******"), ANNA, "steward", 1)
    assert once.state == "open"
    assert decide.yes(once, BERTA, "steward", 2).state == "approved"


@pytest.mark.threat("T183")
def test_bug_a_drafter_who_was_erased_agreed_as_data_protection() -> None:
    """Bug: where no steward had to agree nobody more had to. >> data protection alone has to agree; whoever drafted it
    is known no more << data protection and a steward, who is not the same person."""
    once = decide.yes(ballot(0, 1, "p-******"), DORA, "protection", 1)
    assert once.state == "open"
    with pytest.raises(NotYours, match=r"approvals\.one-voice"):
        decide.yes(once, DORA, "steward", 2)
    assert decide.yes(once, ANNA, "steward", 2).state == "approved"
    assert decide.yes(ballot(0, 1, "p-eeeeee"), DORA, "protection", 1).state == "approved"


@pytest.mark.threat("T93")
def test_who_has_no_name_decides_nothing() -> None:
    nobody = Voter("", frozenset({"steward", "protection"}))
    for step in (decide.no, decide.counter):
        with pytest.raises(NotYours):
            step(ballot(1, 1), nobody, 1)
    with pytest.raises(NotYours):
        decide.yes(ballot(1, 1), nobody, "steward", 1)


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (lambda one: decide.yes(one, ANNA, "steward", 1), "approved"),
        (lambda one: decide.no(one, ANNA, 1), "refused"),
        (lambda one: decide.counter(one, ANNA, 1), "countered"),
        (lambda one: decide.expire(one, DUE), "expired"),
        (decide.withdraw, "withdrawn"),
    ],
)
def test_a_yes_after_the_end_is_refused_in_words(end: Callable[[Ballot], Ballot], code: str) -> None:
    over = end(ballot(1, 0))
    for step in (lambda: decide.yes(over, BERTA, "steward", 2), lambda: decide.revoke(over, ANNA, 2)):
        with pytest.raises(Late, match=rf"approvals\.{code}"):
            step()


def test_what_is_due_is_over_before_its_timer_has_fired() -> None:
    with pytest.raises(Late, match=r"approvals\.expired"):
        decide.yes(ballot(1, 0), ANNA, "steward", DUE)


def test_whom_it_waits_for() -> None:
    """Data protection first, for few can do that; nobody twice, and not the drafter."""
    open_ = ballot(1, 1, drafter=ANNA.who)
    assert [decide.part_for(open_, each) for each in EVERYBODY] == [None, "steward", "protection", "protection", None]
    after = decide.yes(open_, CARL, "protection", 1)
    assert [decide.part_for(after, each) for each in EVERYBODY] == [None, "steward", None, "steward", None]


@pytest.mark.parametrize("demand", DEMANDS)
def test_what_lacks_a_person_nobody_can_complete(demand: tuple[int, int]) -> None:
    """>> every town of up to five people, every author, every yes so far << a person is said to be missing exactly
    where no order of yeses completes it."""
    for count in range(len(EVERYBODY) + 1):
        for town in combinations(EVERYBODY, count):
            for author in ("", ANNA.who, f"{ANNA.who} {DORA.who}"):
                for one in reached(ballot(*demand, author), town):
                    if one.state == "open":
                        ends = any(after.state == "approved" for after in reached(one, town))
                        lacks = decide.lacking(one, having(town, "steward"), having(town, "protection"))
                        assert (lacks is None) == ends


@pytest.mark.threat("T160")
def test_what_asks_for_fewer_in_any_part_falls_short() -> None:
    """>> every demand of before beside every one of now << it falls short unless no part asks for more now."""
    for before, now in product([(0, 0), *DEMANDS], [(0, 0), *DEMANDS]):
        enough = now[0] <= before[0] and now[1] <= before[1]
        assert decide.falls_short(ballot(*before), *now) is not enough


def having(town: tuple[Voter, ...], role: str) -> frozenset[str]:
    return frozenset(one.who for one in town if role in one.roles)


def reached(start: Ballot, town: tuple[Voter, ...]) -> set[Ballot]:
    """All that they can make of it by saying yes, one after the other."""
    seen, left = {start}, [start]
    while left:
        one = left.pop()
        for voter, part in product(town, PARTS):
            with suppress(Late, NotYours):
                after = decide.yes(one, voter, part, 1)
                left += [] if after in seen else [after]
                seen.add(after)
    return seen
