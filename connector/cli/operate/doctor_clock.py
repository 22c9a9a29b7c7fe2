"""Lines of `hanse doctor` about the clock: whether it was set, and whose differs from ours.

Asked of the running server; without one there is nothing to say here, which `doctor` says itself.
"""

from collections.abc import Iterator
from statistics import median
from typing import Any, Literal

from connector.cli.frame.client import Api, Problem
from connector.foundation.errors import HanseError
from connector.foundation.settings.load import Settings

MOST = 10
"""Peers that are named one by one."""
DATABASE_S = 5
Line = tuple[Literal["ok", "warn", "bad"], str, dict[str, object]]


def lines(settings: Settings, _lang: str) -> Iterator[Line]:
    """State, message under `cli.doctor`, and its facts."""
    try:
        found = Api(settings.api.socket).get("clock")
    except (Problem, HanseError):
        return
    yield from judged(found)


def judged(found: dict[str, Any]) -> Iterator[Line]:
    """What there is to say; where several peers agree that we are off, ours is the clock that is wrong."""
    jump = found["jump"]
    if jump is not None:
        facts = {"seconds": round(jump["seconds"]), "at": jump["at"]}
        yield ("bad", "clock-doubt", facts) if found["doubt"] else ("warn", "clock-jumped", facts)
    if abs(found["database"]) >= DATABASE_S:
        yield "bad", "clock-database", {"seconds": round(abs(found["database"]))}
    off = [one["seconds"] for one in found["peers"] if one["seconds"]]
    for way, some in (("ahead", [one for one in off if one > 0]), ("behind", [one for one in off if one < 0])):
        if len(some) > 1:
            yield "bad", f"clock-ours-{way}", {"seconds": round(abs(median(some)))}
    for one in found["peers"][:MOST]:
        way = "ahead" if one["seconds"] >= 0 else "behind"
        yield "warn", f"clock-peer-{way}", {"did": one["did"], "seconds": round(abs(one["seconds"]))}
