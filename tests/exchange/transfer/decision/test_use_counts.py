"""Uses are counted once per flow, in calendar windows of Europe/Berlin, and never beyond what was agreed."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from connector.app import policy_engine
from connector.exchange.transfer.decision.use_counts import period, windows
from connector.foundation.clock import FakeClock
from connector.foundation.storage.database import Database, Tx
from tests.testkit.towns import Towns

CONSUMER, PROVIDER = "nachbardorf", "musterstadt"
COUNTED = "SELECT name, period, uses FROM counter WHERE participant = :participant ORDER BY period"


def at_most(limit: int, window: str = "", **more: Any) -> dict[str, Any]:
    """A permission of `limit` uses, in each such window if one is named."""
    count = {"leftOperand": "odrl:count", "operator": "lteq", "rightOperand": str(limit)}
    if not window:
        return {"action": "use", "constraint": [count], **more}
    interval = {"leftOperand": "odrl:timeInterval", "operator": "eq", "rightOperand": window}
    return {"action": "use", "constraint": [{"and": [count, interval]}], **more}


def only_for(purpose: str) -> dict[str, str]:
    return {"leftOperand": "odrl:purpose", "operator": "eq", "rightOperand": f"https://w3id.org/hanse/v1#{purpose}"}


def by_hand(towns: Towns) -> FakeClock:
    assert isinstance(towns.clock, FakeClock)
    return towns.clock


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("instant", "day", "month"),
    [
        ("2026-11-24T22:59:59Z", "P1D/2026-11-24", "P1M/2026-11"),
        ("2026-11-24T23:00:00Z", "P1D/2026-11-25", "P1M/2026-11"),
        ("2026-07-31T21:59:59Z", "P1D/2026-07-31", "P1M/2026-07"),
        ("2026-07-31T22:00:00Z", "P1D/2026-08-01", "P1M/2026-08"),
        ("2026-12-31T23:00:00Z", "P1D/2027-01-01", "P1M/2027-01"),
        ("2026-03-29T00:59:59Z", "P1D/2026-03-29", "P1M/2026-03"),
        ("2026-10-25T22:59:59Z", "P1D/2026-10-25", "P1M/2026-10"),
        ("2026-10-25T23:00:00Z", "P1D/2026-10-26", "P1M/2026-10"),
    ],
)
def test_a_window_begins_at_midnight_in_berlin(instant: str, day: str, month: str) -> None:
    """Winter, summer, the turn of the year, and both days on which the clocks change."""
    assert [period(window, ms(instant)) for window in ("", "P1D", "P1M")] == ["", day, month]


def test_only_the_windows_that_a_policy_names_are_locked() -> None:
    engine = policy_engine.policy_engine()
    assert windows(engine.policy({"permission": [{"action": "use"}]})) == ()
    assert windows(engine.policy({"permission": [at_most(3)]})) == ("",)
    assert windows(engine.policy({"permission": [at_most(3, "P1M"), at_most(1, "P1D")]})) == ("P1D", "P1M")


async def test_a_quota_of_a_day_begins_anew_the_next_day(timed: Towns, agreed, started, accessed) -> None:
    """>> two flows under one use a day << the second is refused today and permitted tomorrow."""
    clock = by_hand(timed)
    agreement = await agreed(timed, permission=[at_most(1, "P1D")])
    _, first = await started(timed, agreement)
    _, second = await started(timed, agreement)
    assert (await accessed(timed, first)).permit
    assert not (await accessed(timed, second)).permit
    clock.advance(86_400_000)
    assert (await accessed(timed, second)).permit
    assert [row["uses"] for row in await timed.rows(PROVIDER, COUNTED)] == [1, 1]


async def test_a_flow_that_was_counted_goes_on_the_next_day_for_nothing(
    timed: Towns, agreed, started, accessed
) -> None:
    clock = by_hand(timed)
    _, first = await started(timed, await agreed(timed, permission=[at_most(1, "P1D")]))
    assert (await accessed(timed, first)).permit
    clock.advance(86_400_000)
    assert (await accessed(timed, first)).permit
    assert [row["uses"] for row in await timed.rows(PROVIDER, COUNTED)] == [1]


async def test_a_clock_that_is_set_back_gives_no_second_quota(timed: Towns, agreed, started, accessed) -> None:
    """>> the day's use, then the clock goes back an hour << the same row counts, refused."""
    clock = by_hand(timed)
    clock.at = ms("2026-11-24T12:00:00Z")
    agreement = await agreed(timed, permission=[at_most(1, "P1D")])
    _, first = await started(timed, agreement)
    _, second = await started(timed, agreement)
    assert (await accessed(timed, first)).permit
    clock.advance(-3_600_000)
    assert not (await accessed(timed, second)).permit


async def test_only_the_counters_of_the_granting_permission_are_increased(
    towns: Towns, agreed, started, accessed
) -> None:
    """>> use under a permission without count, beside one with << nothing is counted."""
    free = {"action": "use", "constraint": [only_for("publicAdministration")]}
    agreement = await agreed(towns, permission=[free, at_most(1)])
    for _ in range(2):
        _, theirs = await started(towns, agreement)
        assert (await accessed(towns, theirs)).permit
    assert [row["uses"] for row in await towns.rows(PROVIDER, COUNTED)] == [0]


async def test_a_head_is_no_use_and_a_refusal_counts_nothing(towns: Towns, agreed, started, accessed) -> None:
    agreement = await agreed(towns, permission=[at_most(1)])
    _, first = await started(towns, agreement)
    _, second = await started(towns, agreement)
    assert (await accessed(towns, first, head=True)).permit
    assert [row["uses"] for row in await towns.rows(PROVIDER, COUNTED)] == []
    assert (await accessed(towns, first)).permit
    for _ in range(3):
        assert not (await accessed(towns, second)).permit
    assert [row["uses"] for row in await towns.rows(PROVIDER, COUNTED)] == [1]


@pytest.mark.on_both
async def test_first_requests_at_once_never_get_more_than_agreed(towns: Towns, agreed, started, accessed) -> None:
    """>> ten flows at once under four uses, on each database << four, whoever comes first; the others are refused."""
    agreement = await agreed(towns, permission=[at_most(4)])
    flows = [(await started(towns, agreement))[1] for _ in range(10)]
    decisions = await asyncio.gather(*(accessed(towns, flow) for flow in flows))
    assert sum(decision.permit for decision in decisions) == 4
    assert [row["uses"] for row in await towns.rows(PROVIDER, COUNTED)] == [4]
    kept = "SELECT permit FROM decision WHERE participant = :participant AND phase = 'access'"
    assert sum(row["permit"] for row in await towns.rows(PROVIDER, kept)) == 4


async def test_two_replicas_share_one_quota(replicas: tuple[Towns, Database], agreed, started, accessed) -> None:
    """>> twelve flows, six at each replica, at once, under five uses a day << five."""
    towns, other = replicas
    agreement = await agreed(towns, permission=[at_most(5, "P1D")])
    flows = [(await started(towns, agreement))[1] for _ in range(12)]
    places = [towns.db, other] * 6
    decisions = await asyncio.gather(*(accessed(towns, flow, db) for flow, db in zip(flows, places, strict=True)))
    assert sum(decision.permit for decision in decisions) == 5


class Killed(Exception):
    """The process dies here."""


async def test_what_dies_before_the_commit_has_counted_nothing(towns: Towns, agreed, started, accessed) -> None:
    """>> permitted and counted, then killed before the commit << not counted; the next try is, once."""
    _, theirs = await started(towns, await agreed(towns, permission=[at_most(1)]))
    sound = towns.access.entitled

    def dying(tx: Tx, *args: Any) -> Any:
        assert sound(tx, *args).permit
        raise Killed

    towns.access.entitled = dying  # type: ignore[method-assign]
    with pytest.raises(Killed):
        await accessed(towns, theirs)
    towns.access.entitled = sound  # type: ignore[method-assign]
    assert await towns.rows(PROVIDER, COUNTED) == []
    assert (await accessed(towns, theirs)).permit
    assert [row["uses"] for row in await towns.rows(PROVIDER, COUNTED)] == [1]
