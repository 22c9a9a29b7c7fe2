"""Lines of `hanse doctor` about witnesses: who vouches for our logs and since when, and whose log has two histories.

Asked of the running server; without one there is nothing to say here, which `doctor` says itself.
"""

from collections.abc import Iterator
from time import time
from typing import Literal

from connector.cli.frame.client import Api, Problem
from connector.cli.operate.witness import facts, restored
from connector.clock import rfc3339
from connector.errors import HanseError
from connector.settings.load import Settings

MOST = 20
"""Logs that are named one by one; what is amiss comes first."""
RECENT_S = 30 * 86_400
"""So long a restore is told of: partners may still have to be asked for what was lost."""
Line = tuple[Literal["ok", "warn", "bad"], str, dict[str, object]]
_STATES: dict[str, Literal["ok", "warn"]] = {"late": "warn", "never": "warn", "nobody": "warn", "good": "ok"}


def lines(settings: Settings, _lang: str) -> Iterator[Line]:
    """State, message under `cli.doctor`, and its facts."""
    try:
        found = Api(settings.api.socket).get("witness")
    except (Problem, HanseError):
        return
    for alarm in found["alarms"][:MOST]:
        yield "bad", f"witness-{alarm['kind']}", {"origin": alarm["origin"]}
    since = rfc3339(int((time() - RECENT_S) * 1000))
    for own in [one for one in found["own"] if one["restored"] and one["restored"]["at"] >= since][:MOST]:
        yield "warn", "witness-restored", restored(own)
    for own in [one for one in found["own"] if one["alone"]][:MOST]:
        yield "warn", "witness-alone", {"participant": own["participant"], "partners": ", ".join(own["alone"][:MOST])}
    order = list(_STATES)
    known = [own for own in found["own"] if own["state"] in _STATES]
    for own in sorted(known, key=lambda one: (order.index(one["state"]), one["participant"]))[:MOST]:
        yield _STATES[own["state"]], f"witness-{own['state']}", facts(own)
