"""Lines of `hanse doctor` about participants that have moved from here: until when their old DID is answered.

Asked of the running server; without one there is nothing to say here, which `doctor` says itself.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from connector.cli.frame.client import Api, Problem
from connector.foundation.errors import HanseError
from connector.foundation.settings.load import Settings

SOON: Final = timedelta(days=30)
Line = tuple[Literal["ok", "warn", "bad"], str, dict[str, object]]


def lines(settings: Settings, lang: str) -> Iterator[Line]:
    """State, message under `cli.doctor`, and its facts."""
    try:
        hosted = Api(settings.api.socket).get("participants")["participants"]
    except (Problem, HanseError):
        return
    now = datetime.now(UTC)
    for one in hosted:
        if one["moved"] is not None:
            yield line(str(one["slug"]), one["moved"]["did"], one["moved"]["until"], now)


def line(slug: str, did: str, until: str, now: datetime) -> Line:
    """What is said of one; a month before the end its partners should have found the new place."""
    ends = datetime.fromisoformat(until)
    facts: dict[str, object] = {"participant": slug, "did": did, "through": until}
    if ends <= now:
        return "ok", "moved-over", facts
    return ("warn", "moved-soon", facts) if ends - now <= SOON else ("ok", "moved", facts)
