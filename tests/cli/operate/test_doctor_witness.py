"""What `hanse doctor` says of witnesses: each state of a log in both languages, what is amiss first, and an end."""

from types import SimpleNamespace
from typing import Any

import pytest

from connector.cli.frame.client import Api
from connector.cli.operate import doctor_witness, witness
from connector.foundation.clock import SystemClock, rfc3339
from connector.foundation.errors import Unavailable
from connector.foundation.language import say

SETTINGS: Any = SimpleNamespace(api=SimpleNamespace(socket="x"))
NOW = rfc3339(SystemClock().now())


def own(participant: str, state: str, restored: str | None = None) -> dict[str, Any]:
    seen = {"size": 3, "at": NOW} if state in ("good", "late") else None
    why = None if restored is None else {"at": restored, "size": 2, "known": 9, "by": "own"}
    return {
        "participant": participant,
        "state": state,
        "size": 5,
        "vouched": seen,
        "restored": why,
        "witnesses": [],
        "alone": [],
    }


def told(monkeypatch: pytest.MonkeyPatch, *logs: dict[str, Any], alarms: Any = ()) -> list[tuple[str, str, str]]:
    """State, message and participant of each line."""
    monkeypatch.setattr(Api, "get", lambda self, *parts: {"own": list(logs), "alarms": list(alarms)})
    found = list(doctor_witness.lines(SETTINGS, "de"))
    for _, key, facts in found:
        for lang in ("de", "en"):
            assert "{" not in say(f"cli.doctor.{key}", lang, **facts)
    return [
        (state, key, str(facts.get("participant") or facts.get("participants") or facts.get("origin")))
        for state, key, facts in found
    ]


def test_what_is_amiss_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> one log in each state, a fork, a restore of today and an old one << the worst first."""
    logs = [own(state, state) for state in ("good", "new", "nobody", "never", "late")]
    logs += [own("back", "good", NOW), own("long-ago", "good", "2025-01-01T00:00:00Z")]
    alarms = [{"kind": kind, "origin": kind, "held": "", "offered": ""} for kind in ("fork", "rollback")]
    assert told(monkeypatch, *logs, alarms=alarms) == [
        ("bad", "witness-fork", "fork"),
        ("bad", "witness-rollback", "rollback"),
        ("warn", "witness-restored", "back"),
        ("warn", "witness-late", "late"),
        ("warn", "witness-never", "never"),
        ("warn", "witness-nobody", "nobody"),
        ("ok", "witness-good", "back"),
        ("ok", "witness-good", "good"),
        ("ok", "witness-good", "long-ago"),
    ]


def test_bug_missing_witnesses_were_told_once_a_town(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> no witness for two towns, then for twelve << one line, with the towns, of many the first and how many."""
    assert told(monkeypatch, own("b", "nobody"), own("a", "nobody")) == [("warn", "witness-nobody", "a, b")]
    many = told(monkeypatch, *(own(f"p{at:02}", "nobody") for at in range(12)))
    assert many == [("warn", "witness-nobody", "p00, p01, p02, p03, p04 und 7 weiteren")]


@pytest.mark.threat("T69")
def test_partners_without_an_independent_witness_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> all witnesses belong to the operators of us and of one partner << a warning beside the good state."""
    known = {**own("musterstadt", "good"), "alone": ["did:web:stadtwerke.example"]}
    assert told(monkeypatch, known) == [
        ("warn", "witness-alone", "musterstadt"),
        ("ok", "witness-good", "musterstadt"),
    ]


def test_many_logs_are_not_all_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> three hundred good ones and one that is late << twenty lines, the late one among them."""
    found = told(monkeypatch, *(own(f"p{at:03}", "good") for at in range(300)), own("zuletzt", "late"))
    assert len(found) == doctor_witness.MOST
    assert found[0] == ("warn", "witness-late", "zuletzt")


def test_without_a_server_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise Unavailable("cli.no-server")

    monkeypatch.setattr(Api, "get", gone)
    assert list(doctor_witness.lines(SETTINGS, "de")) == []


@pytest.mark.parametrize("lang", ["de", "en"])
@pytest.mark.parametrize("state", ["new", "nobody", "never", "late", "good"])
def test_each_state_has_its_sentence(lang: str, state: str) -> None:
    """With its facts and nothing left open."""
    sentence = say(f"cli.witness.own.{state}", lang, **witness.facts(own("musterstadt", state)))
    assert "musterstadt" in sentence
    assert "{" not in sentence
