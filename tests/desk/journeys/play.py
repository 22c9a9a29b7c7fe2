"""Plays journeys and says a line for each: name, actions, fields typed, seconds, kilobytes."""

import tempfile
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.desk.browser import chromium
from tests.desk.hand import Way
from tests.desk.journeys.stage import Journey, Played, Stage
from tests.desk.towns import Towns, towns

if TYPE_CHECKING:
    from playwright.async_api import Browser


class Run(NamedTuple):
    """One journey by one way; `fault` says why it failed."""

    journey: Journey
    way: Way
    played: Played
    fault: str = ""

    def line(self) -> str:
        one = self.played
        told = [
            "FAILED" if self.fault else "passed",
            f"{self.journey.persona} {self.journey.name:<34} {self.way:<10}",
            f"{one.actions:>2} actions  {one.fields:>2} fields  {one.seconds:>5.1f} s  {one.kilobytes:>5.0f} kB",
            *([f"{one.questions} questions"] if "questions" in self.journey.most else []),
            *([f"{one.tabs} tabs"] if self.way == "keyboard" else []),
        ]
        return "  ".join(told) + (f"\n        {self.fault}" if self.fault else "")


@asynccontextmanager
async def scene() -> AsyncIterator[tuple[Towns, "Browser"]]:
    """Running towns and a browser, for as many journeys as one likes."""
    with tempfile.TemporaryDirectory(prefix="desk", ignore_cleanup_errors=True) as folder:
        async with towns(Path(folder)) as running, chromium() as browser:
            yield running, browser


async def play(
    journeys: Sequence[Journey], ways: Sequence[Way], tell: Callable[[Run], None] = lambda _: None
) -> list[Run]:
    """Each by each of its ways that was asked for, one after the other; one that fails stops no other."""
    runs = []
    async with scene() as (running, browser):
        for journey in journeys:
            for way in (one for one in journey.ways if one in ways):
                runs.append(await one_run(journey, way, running, browser))
                tell(runs[-1])
    return runs


async def one_run(journey: Journey, way: Way, running: Towns, browser: "Browser") -> Run:
    with tempfile.TemporaryDirectory(prefix="journey") as folder:
        stage = Stage(running, browser, Path(folder), way, tag=f"{journey.persona} {way}")
        fault = ""
        try:
            await journey.play(stage)
        except Exception as error:
            where = [one for one in traceback.extract_tb(error.__traceback__) if "journeys" in one.filename][-1]
            fault = f"{type(error).__name__}: {str(error)[:1500]} ({Path(where.filename).name}:{where.lineno})"
        played = stage.played()
        return Run(journey, way, played, fault or "; ".join(journey.broken(played)))
