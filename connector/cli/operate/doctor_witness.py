"""Lines of `hanse doctor` about witnesses: who vouches for our logs and since when, and whose log has two histories.

Asked of the running server; without one there is nothing to say here, which `doctor` says itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from time import time
from typing import Any, Literal

from connector.cli.frame.client import Api, Problem
from connector.cli.operate.witness import facts, restored
from connector.foundation.clock import rfc3339
from connector.foundation.errors import HanseError
from connector.foundation.language import say
from connector.foundation.settings.load import Settings

MOST = 20
"""Logs that are named one by one; what is amiss comes first."""
NAMED = 5
"""Participants that a line about several names; the others are counted."""
RECENT_S = 30 * 86_400
"""So long a restore is told of: partners may still have to be asked for what was lost."""
Line = tuple[Literal["ok", "warn", "bad"], str, dict[str, object]]
_STATES: dict[str, Literal["ok", "warn"]] = {"late": "warn", "never": "warn", "nobody": "warn", "good": "ok"}


def lines(settings: Settings, lang: str) -> Iterator[Line]:
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
    yield from islice(_logs(found["own"], lang), MOST)


def _logs(found: Sequence[Mapping[str, Any]], lang: str) -> Iterator[Line]:
    """How each log stands, the worst first. That no witness is listed is said once: it is one thing to ask for."""
    for state, level in _STATES.items():
        these = sorted((own for own in found if own["state"] == state), key=lambda own: str(own["participant"]))
        if state != "nobody":
            yield from ((level, f"witness-{state}", facts(own)) for own in these)
        elif these:
            yield level, "witness-nobody", {"participants": _named([str(own["participant"]) for own in these], lang)}


def _named(names: Sequence[str], lang: str) -> str:
    shown, more = ", ".join(names[:NAMED]), len(names) - NAMED
    return say("cli.doctor.and-more", lang, names=shown, count=more) if more > 0 else shown
