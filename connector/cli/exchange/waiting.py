"""Waiting for what takes its time at the other side: a negotiation, a transfer."""

import time
from collections.abc import Mapping
from typing import Any

from connector.cli.frame.client import Api

ENDS = ("FINALIZED", "TERMINATED", "COMPLETED")
POLL_S = 30  # the longest the server is asked to hold one answer back


def waited(api: Api, seconds: int, *parts: str) -> Mapping[str, Any]:
    """The state of a negotiation or transfer once it is final, else as it is after so many seconds."""
    until = time.monotonic() + seconds
    while True:
        left = max(0, min(POLL_S, round(until - time.monotonic())))
        now: Mapping[str, Any] = api.get(*parts, wait=left)
        if left == 0 or now["state"] in ENDS or now.get("outcome") or ours_to_say(now):
            return now


def ours_to_say(now: Mapping[str, Any]) -> bool:
    """An offer of other terms lies before us."""
    return now["state"] == "OFFERED" and now.get("role") == "consumer"
