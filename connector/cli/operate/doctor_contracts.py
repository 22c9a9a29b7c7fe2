"""Lines of `hanse doctor` about contracts and evidence: what ends soon, what did not arrive, what nobody vouches for.

Asked of the running server; without one there is nothing to say here, which `doctor` says itself.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from connector.cli.frame.client import Api, Problem
from connector.foundation.errors import HanseError
from connector.foundation.settings.load import Settings

MOST = 20
"""Participants looked at, and contracts named one by one."""
SEAL_DAYS = 30
UNTIMED_DAYS = 7
DEADLINE_DAYS = 3
UNDELIVERED_DAYS = 1
STAMP_PATIENCE = timedelta(days=1)
"""So much later than due may a timestamp come before the authority counts as silent."""
Line = tuple[Literal["ok", "warn", "bad"], str, dict[str, object]]


def lines(settings: Settings, _lang: str) -> Iterator[Line]:
    """State, message under `cli.doctor`, and its facts."""
    api, now = Api(settings.api.socket), datetime.now(UTC)
    every = timedelta(seconds=settings.timestamps.every_s) if settings.timestamps.url else None
    try:
        slugs = [str(one["slug"]) for one in api.get("participants")["participants"]]
        found = [(slug, api.get("participants", slug, "attention")) for slug in slugs[:MOST]]
    except (Problem, HanseError):
        return
    for slug, facts in found:
        for state, key, said in judged(facts, now, every):
            yield state, key, {"slug": slug, **said}


def judged(found: dict[str, Any], now: datetime, every: timedelta | None) -> Iterator[Line]:
    """What there is to say about one participant; `every`: pause between timestamps, None without an authority."""
    yield from _seal(found["seal_until"], now)
    if found["log_key_listed"] is False:
        yield "bad", "log-key-unlisted", {}
    yield from _missing(found["seals_missing"])
    for one in found["over_quota"][:MOST]:
        yield "warn", f"over-{one['quota']}", {"peer": one["peer"]}
    yield from _time(found["log"], now, every)
    terminations = found["endings"]
    if terminations["oldest"] and now - _moment(terminations["oldest"]) > timedelta(days=UNDELIVERED_DAYS):
        yield "warn", "endings-undelivered", {"count": terminations["waiting"], "since": terminations["oldest"]}
    if terminations["refused"]:
        yield "warn", "endings-refused", {"count": terminations["refused"]}
    near = [one for one in found["countersign"] if _moment(one["until"]) - now < timedelta(days=DEADLINE_DAYS)]
    for one in near[:MOST]:
        side = "theirs" if one["step"] == "other-side" else "ours"
        yield "warn", f"deadline-{side}", {"agreement": one["agreement"], "until": one["until"]}


def _seal(until: str | None, now: datetime) -> Iterator[Line]:
    if until is None:
        yield "bad", "seal-none", {}
    elif _moment(until) <= now:
        yield "bad", "seal-ended", {"until": until}
    elif (days := (_moment(until) - now).days) < SEAL_DAYS:
        yield "warn", "seal-ends", {"days": days, "until": until}
    else:
        yield "ok", "seal", {"until": until}


_RESTART = {"signers.hsm-slow": "seals-hsm", "signers.pin": "seals-pin", "signers.csc-pin": "seals-pin"}


def _missing(reasons: list[str]) -> Iterator[Line]:
    """Contracts that wait for a seal of ours; some need a restart, which nobody else will think of."""
    kinds = Counter(_RESTART.get(reason, "seals-missing") for reason in reasons)
    for kind in ("seals-hsm", "seals-pin", "seals-missing"):
        if kinds[kind]:
            yield "bad", kind, {"count": kinds[kind]}


def _time(log: dict[str, str | None], now: datetime, every: timedelta | None) -> Iterator[Line]:
    """Only of what waits: a state of the log that somebody has put a time to needs nobody any more."""
    since = log["unstamped_since"]
    if every is not None and since is not None and now - _moment(since) > every + STAMP_PATIENCE:
        yield "bad", "stamps-late", {"since": since}
    since = log["untimed_since"]
    if since is not None and now - _moment(since) > timedelta(days=UNTIMED_DAYS):
        yield "bad", "untimed", {"since": since, "days": (now - _moment(since)).days}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
