"""Lines of `hanse doctor` about the copies of members' catalogues: who has been silent for long, what is set aside.

Asked of the running server; without one there is nothing to say here, which `doctor` says itself.
"""

from collections.abc import Iterator
from time import time
from typing import Any, Literal

from connector.cli.frame.client import Api, Problem
from connector.foundation.clock import rfc3339
from connector.foundation.errors import HanseError
from connector.foundation.settings.load import Settings

MOST = 20
"""Participants that are looked at, and members of each that are named."""
SILENT_S = 86_400
"""So long a member may be silent before that is amiss: connectors are restarted and moved."""
Line = tuple[Literal["ok", "warn", "bad"], str, dict[str, object]]


def lines(settings: Settings, lang: str) -> Iterator[Line]:
    """State, message under `cli.doctor`, and its facts."""
    api = Api(settings.api.socket)
    try:
        for one in api.get("participants")["participants"][:MOST]:
            yield from _of(str(one["slug"]), api.get("participants", one["slug"], "federation")["members"], lang)
    except (Problem, HanseError):
        return


def _of(slug: str, members: list[dict[str, Any]], lang: str) -> Iterator[Line]:
    before = rfc3339(int((time() - SILENT_S) * 1000))
    silent = [one for one in members if one["state"] == "silent" and one["silent_since"] < before]
    for one in silent[:MOST]:
        reason = (one["reason"] or {}).get(lang, "")
        yield (
            "warn",
            "federation-silent",
            {
                "participant": slug,
                "name": one["name"],
                "since": one["silent_since"],
                "reason": reason,
            },
        )
    for one in [one for one in members if one["set_aside_count"]][:MOST]:
        yield "warn", "federation-aside", {"participant": slug, "name": one["name"], "count": one["set_aside_count"]}
    if members:
        datasets = sum(one["datasets"] for one in members)
        yield "ok", "federation", {"participant": slug, "members": len(members) - len(silent), "datasets": datasets}
