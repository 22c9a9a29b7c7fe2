"""The journeys of the personas in a browser: those with a promise each time, all of them in the long run."""

import pytest

from tests.desk.browser import missing
from tests.desk.journeys import play
from tests.desk.journeys.all import JOURNEYS
from tests.desk.journeys.stage import WAYS, Journey, Played

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


@pytest.mark.long
async def test_what_is_promised_in_numbers_is_kept() -> None:
    """>> publish, approve, find and get, with the mouse << it ends where it should, and no page complains."""
    chosen = [one for one in JOURNEYS if one.always]
    runs = await play.play(chosen, ["mouse"])
    assert [run.line() for run in runs if run.fault] == []
    assert len(runs) == len(chosen) >= 3


@pytest.mark.long
async def test_everybody_comes_where_she_wants_to() -> None:
    """>> each journey by each of its ways << the same."""
    runs = await play.play(JOURNEYS, WAYS)
    assert [run.line() for run in runs if run.fault] == []
    assert len(runs) == sum(len(one.ways) for one in JOURNEYS)


def test_a_promise_that_is_not_kept_is_told() -> None:
    async def nothing(_: object) -> None: ...

    journey = Journey("x", "P1", nothing, {"actions": 3, "questions": 6})
    assert journey.broken(Played(3, 9, 6, 0, 0.0, 0.0)) == []
    assert journey.broken(Played(4, 9, 7, 0, 0.0, 0.0)) == [
        "4 actions, at most 3 promised",
        "7 questions, at most 6 promised",
    ]
