"""`hanse doctor` says until when the old DID of a participant that has moved is answered, and when that ends soon."""

from datetime import UTC, datetime, timedelta

import pytest

from connector.cli.operate.doctor_moved import SOON, line
from connector.foundation.clock import rfc3339

NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (timedelta(days=365), ("ok", "moved")),
        (SOON + timedelta(seconds=1), ("ok", "moved")),
        (SOON, ("warn", "moved-soon")),
        (timedelta(seconds=1), ("warn", "moved-soon")),
        (timedelta(0), ("ok", "moved-over")),
        (timedelta(days=-400), ("ok", "moved-over")),
    ],
)
def test_how_long_the_old_did_is_answered(left: timedelta, said: tuple[str, str]) -> None:
    until = rfc3339(int((NOW + left).timestamp() * 1000))
    state, key, facts = line("musterstadt", "did:web:neu.example", until, NOW)
    assert (state, key) == said
    assert facts == {"participant": "musterstadt", "did": "did:web:neu.example", "through": until}
