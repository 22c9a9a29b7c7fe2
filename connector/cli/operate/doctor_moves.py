"""Lines of `hanse doctor` about moves that are not finished: the participant works nowhere meanwhile.

Asked of the running server; without one there is nothing to say here, which `doctor` says itself.
"""

from collections.abc import Iterator
from typing import Literal

from connector.cli.frame.client import Api, Problem
from connector.foundation.errors import HanseError
from connector.foundation.settings.load import Settings

Line = tuple[Literal["ok", "warn", "bad"], str, dict[str, object]]


def lines(settings: Settings, lang: str) -> Iterator[Line]:
    """State, message under `cli.doctor`, and its facts."""
    api = Api(settings.api.socket)
    try:
        for one in api.get("participants")["participants"]:
            if one.get("state") == "moving":
                yield "warn", "move-out", {"participant": one["slug"]}
        for one in api.get("arrivals")["arrivals"]:
            yield "warn", f"move-{one['state']}", {"participant": one["slug"], "did": one["did"]}
    except (Problem, HanseError):
        return
