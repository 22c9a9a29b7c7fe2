"""What the doctor says of contracts and evidence: verdicts over facts, in both languages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.cli.operate.doctor_contracts import judged
from connector.foundation.language import say

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAILY = timedelta(days=1)


def at(days: float) -> str:
    return (NOW + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def facts(**other: Any) -> dict[str, Any]:
    """A participant that needs nobody."""
    return {
        "seal_until": at(300),
        "log_key_listed": True,
        "countersign": [],
        "log": {"unstamped_since": None, "untimed_since": None},
        "seals_missing": [],
        "over_quota": [],
        "endings": {"waiting": 0, "oldest": None, "refused": 0},
        **other,
    }


def waiting(step: str, days: float) -> dict[str, Any]:
    return {"countersign": [{"agreement": "urn:uuid:1", "until": at(days), "step": step}]}


@pytest.mark.parametrize(
    ("amiss", "expected"),
    [
        ({}, ("ok", "seal")),
        ({"seal_until": at(30)}, ("ok", "seal")),
        ({"seal_until": at(29.9)}, ("warn", "seal-ends")),
        ({"seal_until": at(0)}, ("bad", "seal-ended")),
        ({"seal_until": None}, ("bad", "seal-none")),
        ({"log_key_listed": False}, ("bad", "log-key-unlisted")),
        ({"log_key_listed": None}, None),  # that it is no member is another matter
        ({"log": {"unstamped_since": at(-2.1), "untimed_since": None}}, ("bad", "stamps-late")),
        ({"log": {"unstamped_since": at(-1.9), "untimed_since": None}}, None),
        ({"log": {"unstamped_since": None, "untimed_since": at(-7.1)}}, ("bad", "untimed")),
        ({"log": {"unstamped_since": None, "untimed_since": at(-6.9)}}, None),
        ({"endings": {"waiting": 2, "oldest": at(-1.1), "refused": 0}}, ("warn", "endings-undelivered")),
        ({"endings": {"waiting": 1, "oldest": at(-0.9), "refused": 0}}, None),
        ({"endings": {"waiting": 0, "oldest": None, "refused": 1}}, ("warn", "endings-refused")),
        ({"seals_missing": ["signers.hsm-slow", "signers.hsm-slow"]}, ("bad", "seals-hsm")),
        ({"seals_missing": ["signers.csc-pin", "signers.pin"]}, ("bad", "seals-pin")),
        ({"seals_missing": ["signers.token"]}, ("bad", "seals-missing")),
        *(
            ({"over_quota": [{"peer": "did:web:a.example", "quota": quota}]}, ("warn", f"over-{quota}"))
            for quota in ("peer-starts", "peer-bytes", "operator-bytes", "participant-bytes", "process-bytes")
        ),
        (waiting("open", 2.9), ("warn", "deadline-ours")),
        (waiting("handing-in", 2.9), ("warn", "deadline-ours")),
        (waiting("other-side", 2.9), ("warn", "deadline-theirs")),
        (waiting("open", 3.1), None),
    ],
)
def test_one_thing_amiss_is_one_line(amiss: dict[str, Any], expected: tuple[str, str] | None) -> None:
    """>> one fact << its line with a sentence in both languages; the seal has a line in any case."""
    found = list(judged(facts(**amiss), NOW, DAILY))
    assert [line[1] for line in found].count("seal") == ("seal_until" not in amiss or amiss["seal_until"] == at(30))
    left = [line for line in found if line[1] != "seal" or not amiss or amiss.get("seal_until") == at(30)]
    assert [(state, key) for state, key, _ in left] == ([] if expected is None else [expected])
    for _, key, said in left:
        for lang in ("de", "en"):
            assert "musterstadt" in say(f"cli.doctor.{key}", lang, slug="musterstadt", **said)


def test_without_an_authority_nobody_waits_for_its_timestamps() -> None:
    late = facts(log={"unstamped_since": at(-300), "untimed_since": None})
    assert [key for _, key, _ in judged(late, NOW, None)] == ["seal"]
