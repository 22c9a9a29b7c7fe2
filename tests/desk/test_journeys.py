"""The journeys of the personas in a browser: with the mouse each time, by the other ways in the long run."""

import pytest

from tests.desk.browser import missing
from tests.desk.hand import Way
from tests.desk.journeys import play
from tests.desk.journeys.all import JOURNEYS
from tests.desk.journeys.stage import Journey, Played

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


@pytest.mark.parametrize(
    "ways", [["mouse"], pytest.param(["no scripts", "keyboard"], marks=pytest.mark.long)], ids=" and ".join
)
async def test_everybody_comes_where_she_wants_to(ways: list[Way]) -> None:
    """>> each journey by its ways << it ends where it should, within what is promised, and no page complains."""
    runs = await play.play(JOURNEYS, ways)
    assert [run.line() for run in runs if run.fault] == []
    assert len(runs) == sum(way in one.ways for one in JOURNEYS for way in ways) > 0


def test_a_promise_that_is_not_kept_is_told() -> None:
    async def nothing(_: object) -> None: ...

    journey = Journey("x", "P1", nothing, {"actions": 3, "questions": 6})
    assert journey.broken(Played(3, 9, 6, 0, 0.0, 0.0)) == []
    assert journey.broken(Played(4, 9, 7, 0, 0.0, 0.0)) == [
        "4 actions, at most 3 promised", "7 questions, at most 6 promised",
    ]  # fmt: skip
