"""What the doctor says of clocks: verdicts over facts, in both languages (T70)."""

from typing import Any

import pytest

from connector.cli.operate.doctor_clock import judged
from connector.foundation.language import say

FINE: dict[str, Any] = {"now": "2026-11-27T12:00:00Z", "doubt": False, "jump": None, "database": 0.0, "peers": []}
JUMP = {"seconds": 34_560_000.0, "at": "2028-01-01T12:00:00Z"}


def peers(*seconds: float) -> list[dict[str, Any]]:
    return [{"did": f"did:web:p{number}.example", "seconds": off} for number, off in enumerate(seconds)]


@pytest.mark.threat("T70")
@pytest.mark.parametrize(
    ("amiss", "expected"),
    [
        ({}, []),
        ({"jump": JUMP, "doubt": True}, [("bad", "clock-doubt")]),
        ({"jump": JUMP}, [("warn", "clock-jumped")]),
        ({"database": -7.2}, [("bad", "clock-database")]),
        ({"database": 0.4}, []),
        ({"peers": peers(130.0)}, [("warn", "clock-peer-ahead")]),
        ({"peers": peers(-61.0)}, [("warn", "clock-peer-behind")]),
        ({"peers": peers(130.0, 128.0)}, [("bad", "clock-ours-ahead"), *[("warn", "clock-peer-ahead")] * 2]),
        ({"peers": peers(-90.0, -91.0)}, [("bad", "clock-ours-behind"), *[("warn", "clock-peer-behind")] * 2]),
        ({"peers": peers(130.0, -90.0)}, [("warn", "clock-peer-ahead"), ("warn", "clock-peer-behind")]),
    ],
)
def test_each_thing_amiss_is_said(amiss: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    found = list(judged({**FINE, **amiss}))
    assert [line[:2] for line in found] == expected
    for _, key, facts in found:
        for lang in ("de", "en"):
            assert "NTP" in say(f"cli.doctor.{key}", lang, **facts)
