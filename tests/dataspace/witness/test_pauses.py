"""Whom a log leaves alone: by itself, with all logs, with those that a witness has never vouched for."""

from collections.abc import Collection, Iterator

import pytest

from connector.dataspace.witness.pauses import FIRST_MS, LATE_MS, LONGEST_MS, Pauses
from connector.foundation.clock import FakeClock

URL, OTHER = "https://zeuge.example/w", "https://andere.example/w"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def pauses(clock: FakeClock) -> Pauses:
    return Pauses(clock)


def held(pauses: Pauses, *logs: str, url: str = URL) -> list[bool]:
    return [pauses.holds(log, url) for log in logs]


def test_what_fails_with_one_log_holds_up_no_other(pauses: Pauses) -> None:
    pauses.failed("a", URL, everywhere=False)
    assert held(pauses, "a", "b") == [True, False]
    assert not pauses.holds("a", OTHER)


def test_a_witness_that_is_away_is_left_alone_with_all_logs(pauses: Pauses, clock: FakeClock) -> None:
    """>> away, once more, and it answers << pauses that double, and then none for anybody."""
    pauses.failed("a", URL, everywhere=True)
    assert held(pauses, "a", "b") == [True, True]
    clock.advance(FIRST_MS)
    assert held(pauses, "a", "b") == [False, False]
    pauses.failed("b", URL, everywhere=True)
    clock.advance(2 * FIRST_MS - 1)
    assert held(pauses, "a", "b") == [True, True]
    clock.advance(1)
    pauses.answered("a", URL)
    pauses.failed("a", URL, everywhere=True)
    clock.advance(FIRST_MS)
    assert held(pauses, "a", "b") == [False, False]


def test_a_pause_is_a_quarter_of_an_hour_at_most(pauses: Pauses, clock: FakeClock) -> None:
    for _ in range(40):
        pauses.failed("a", URL, everywhere=True)
    clock.advance(LONGEST_MS - 1)
    assert pauses.holds("b", URL)
    clock.advance(1)
    assert not pauses.holds("b", URL)


def test_logs_that_are_new_to_a_witness_do_not_hold_up_the_others(pauses: Pauses) -> None:
    """>> it takes no new log now << those it knows go on; the new ones wait together until it has taken one."""
    for log, new in (("known", False), ("new", True), ("newer", True)):
        pauses.stands(log, URL, new=new)
    pauses.failed("new", URL, everywhere=True)
    assert held(pauses, "known", "new", "newer", "unread") == [False, True, True, False]
    pauses.stands("newer", URL, new=False)  # another replica was faster
    assert held(pauses, "newer") == [False]
    pauses.answered("new", URL)
    assert held(pauses, "new") == [False]
    pauses.stands("newest", URL, new=True)
    pauses.failed("newest", URL, everywhere=True)
    assert held(pauses, "new", "newest") == [False, True]  # it knows that one now


def test_a_log_rests_until_something_is_due_or_it_has_grown(pauses: Pauses, clock: FakeClock) -> None:
    pauses.rest("a", URL, 7, 60_000)
    assert pauses.rests("a", URL, 7)
    assert not pauses.rests("a", URL, 8)
    assert not pauses.rests("a", OTHER, 7)
    assert not pauses.holds("a", URL)  # who makes a bundle asks all the same
    clock.advance(60_000)
    assert not pauses.rests("a", URL, 7)


def test_who_comes_too_soon_after_a_refusal_need_not_ask(pauses: Pauses, clock: FakeClock) -> None:
    pauses.crowd(URL)
    assert [pauses.crowded(url) for url in (URL, OTHER)] == [True, False]
    clock.advance(200)
    assert not pauses.crowded(URL)


def test_logs_take_turns_and_keep_them(pauses: Pauses, clock: FakeClock) -> None:
    """>> three ask at once << one may, the others two and four seconds later, though they grow; who was heard queues
    again."""
    assert [pauses.turn(log, URL, 7, 2_000) for log in ("a", "b", "c")] == [True, False, False]
    assert pauses.turn("c", OTHER, 7, 2_000)
    assert pauses.rests("b", URL, 7)
    assert not pauses.turn("b", URL, 8, 2_000)
    pauses.answered("a", URL)
    clock.advance(2_000)
    assert [pauses.turn(log, URL, 8, 2_000) for log in ("b", "c")] == [True, False]
    clock.advance(2_000)
    assert [pauses.turn(log, URL, 8, 2_000) for log in ("a", "c")] == [False, True]


def test_bug_after_a_witness_was_away_all_asked_at_once(pauses: Pauses, clock: FakeClock) -> None:
    """>> five logs wait for their turn; the witness is away for an hour, and they are looked at every five seconds; it
    is back << one asks, the others two seconds after each other; a turn missed by less is still one's own."""
    logs = "abcde"

    def asking() -> list[str]:
        return [log for log in logs if not pauses.rests(log, URL, 7) and pauses.turn(log, URL, 7, 2_000)]

    assert asking() == ["a"]
    pauses.failed("a", URL, everywhere=True)
    clock.advance(LATE_MS)
    assert asking() == ["a", "b", "c", "d", "e"]
    clock.advance(3_600_000)
    asked = list[list[str]]()
    for _ in range(6):
        asked.append(asking())
        for log in asked[-1]:
            pauses.answered(log, URL)
            pauses.rest(log, URL, 7, 3_600_000)
        clock.advance(2_000)
    assert asked == [["a"], ["b"], ["c"], ["d"], ["e"], []]


def test_who_is_looked_at_seldom_misses_no_turn(clock: FakeClock) -> None:
    """>> a look every two minutes, in which several turns pass << all of them ask at the next one."""
    pauses = Pauses(clock, 120_000)
    assert [pauses.turn(log, URL, 7, 2_000) for log in "abc"] == [True, False, False]
    clock.advance(120_000)
    assert [pauses.turn(log, URL, 7, 2_000) for log in "bc"] == [True, True]


def test_nothing_is_remembered_of_what_is_gone(pauses: Pauses) -> None:
    """>> a thousand witnesses that were listed once fail, refuse, are rested from; two of three logs are gone, and all
    witnesses but one << what is known of that log and that witness stays, and nothing else."""
    for number in range(1_000):
        for log in "abc":
            url = f"{OTHER}/{number}"
            pauses.stands(log, url, new=number % 2 == 0)
            pauses.failed(log, url, everywhere=number % 3 == 0)
            pauses.turn(log, url, 7, 2_000)
            pauses.crowd(url)
    for log in "ab":
        pauses.stands(log, URL, new=True)
        pauses.failed(log, URL, everywhere=False)
        pauses.rest(log, URL, 7, 60_000)
    pauses.crowd(URL)
    pauses.keep(["a"], [URL])
    assert (held(pauses, "a", "b"), pauses.rests("a", URL, 7), pauses.crowded(URL)) == ([True, False], True, True)
    kept = [
        pauses._new,
        pauses._rests,
        pauses._free,
        pauses._crowded,
        *(one._failures for one in (pauses._one, pauses._of_new, pauses._of_all)),
    ]
    assert [len(one) for one in kept] == [1, 1, 0, 1, 1, 0, 0]


def test_bug_each_witness_of_all_lists_was_paired_with_each_log(pauses: Pauses) -> None:
    """>> what is gone is dropped, where lists name any number of witnesses << none of them is gone through: five
    hundred logs and ten thousand witnesses took 2.6 s and 446 MiB."""

    class Named(Collection[str]):
        def __contains__(self, url: object) -> bool:
            return url == URL

        def __iter__(self) -> Iterator[str]:
            raise AssertionError

        def __len__(self) -> int:
            raise AssertionError

    for url in (URL, OTHER):
        pauses.failed("a", url, everywhere=False)
    pauses.keep(["a"], Named())
    assert (pauses.holds("a", URL), pauses.holds("a", OTHER)) == (True, False)


def test_a_log_that_lost_states_does_not_rest(pauses: Pauses) -> None:
    """Seven leaves may be seven others now."""
    for log in ("a", "b"):
        pauses.rest(log, URL, 7, 60_000)
    pauses.wake("a")
    assert [pauses.rests(log, URL, 7) for log in ("a", "b")] == [False, True]
