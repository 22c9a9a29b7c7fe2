"""What `hanse doctor` says of copies: who has been silent for long, what is set aside, and how much there is."""

from types import SimpleNamespace
from typing import Any

import pytest

from connector.cli.frame.client import Api
from connector.cli.operate import doctor_federation
from connector.foundation.clock import SystemClock, rfc3339
from connector.foundation.errors import Unavailable
from connector.foundation.language import say

SETTINGS: Any = SimpleNamespace(api=SimpleNamespace(socket="x"))


def member(name: str, silent_days: float | None = None, aside: int = 0) -> dict[str, Any]:
    now = SystemClock().now()
    since = None if silent_days is None else rfc3339(int(now - silent_days * 86_400_000))
    why = None if since is None else {"de": "Weg.", "en": "Away."}
    state = "good" if since is None else "silent"
    return {"name": name, "state": state, "silent_since": since, "reason": why, "datasets": 2, "set_aside_count": aside}


def told(monkeypatch: pytest.MonkeyPatch, *members: dict[str, Any]) -> list[tuple[str, str]]:
    answers: dict[str, Any] = {"participants": [{"slug": "musterstadt"}], "members": list(members)}
    monkeypatch.setattr(Api, "get", lambda self, *parts: answers)
    found = list(doctor_federation.lines(SETTINGS, "de"))
    for _, key, facts in found:
        for lang in ("de", "en"):
            assert "{" not in say(f"cli.doctor.{key}", lang, **facts)
    return [(state, key) for state, key, _ in found]


def test_who_is_silent_for_days_and_what_is_set_aside_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> one good, one silent for an hour, one for two days, one with bad entries << two warnings, one summary."""
    members = [member("a"), member("b", 0.04), member("c", 2), member("d", aside=3)]
    assert told(monkeypatch, *members) == [
        ("warn", "federation-silent"),
        ("warn", "federation-aside"),
        ("ok", "federation"),
    ]


def test_without_members_or_a_server_there_is_nothing_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch) == []

    def away(*_: object) -> None:
        raise Unavailable("cli.no-server")

    monkeypatch.setattr(Api, "get", away)
    assert list(doctor_federation.lines(SETTINGS, "de")) == []
