"""Trusted time: since when somebody other than the signers vouches that the log held this (spec/contracts.md 4.1).

Two kinds of witness count: the quorum of a witness policy, and a timestamp authority over the log's signed state. The
earliest of both is the time at which certificates, revocation and rotation are judged.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from cryptography import x509

from connector.verify.formats import checkpoint, cosignature, timestamp
from connector.verify.formats.checkpoint import Checkpoint
from connector.verify.formats.cosignature import Policy
from connector.verify.formats.faults import Doubt

SKEW_S = 300
"""By how much the clocks of a signer and of a witness may differ."""
_LATEST_MS = 253_402_300_800_000
_EXACT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


@dataclass(frozen=True, slots=True)
class Moment:
    """The time (milliseconds) and who says so; `name` is the authority's, empty for witnesses."""

    ms: int
    source: Literal["timestamp", "witnesses"]
    name: str = ""

    @property
    def seconds(self) -> int:
        return self.ms // 1000

    @property
    def facts(self) -> Mapping[str, object]:
        return {"at": written(self.seconds), "source": self.source, "name": self.name}


def written(seconds: int) -> str:
    """RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def exact(text: object) -> int | None:
    """Seconds of a time as `written` spells it and the calendar has it; None for anything else."""
    if not isinstance(text, str) or not _EXACT.fullmatch(text):
        return None
    try:
        found = int(datetime.fromisoformat(text).timestamp())
        return found if written(found) == text else None
    except (ValueError, OverflowError, OSError):
        return None


def find(
    state: Checkpoint,
    token: bytes | None,
    policy: Policy | None,
    roots: Sequence[x509.Certificate],
    now: int | None = None,
) -> Moment:
    """The earliest time anybody vouches for; Doubt `no-time` if nobody does, or for one that no calendar has, Doubt
    `time-future` for one beyond the clock of whoever judges (`now`, seconds): it bounds nothing.

    A token or a cosignature of a known witness that is wrong is a Fault, never just left out. A token that cannot be
    judged for want of `roots` is a Doubt only if the witnesses do not give a time either.
    """
    found: list[Moment] = []
    witnessed = None if policy is None else cosignature.time_of(state, policy)
    if witnessed is not None and witnessed >= _LATEST_MS:
        raise Doubt("no-time")
    if witnessed is not None:
        found.append(Moment(witnessed, "witnesses"))
    if token is not None:
        try:
            stamp = timestamp.check(token, own_note(state).encode(), roots)
            found.append(Moment(stamp.time_ms, "timestamp", stamp.authority))
        except Doubt:
            if not found:
                raise
    if not found:
        raise Doubt("no-time")
    earliest = min(found, key=lambda moment: moment.ms)
    if now is not None and earliest.seconds > now + SKEW_S:
        raise Doubt("time-future", at=written(earliest.seconds), known=written(now))
    return earliest


def own_note(state: Checkpoint) -> str:
    """The note as the log itself signed it: what a token covers, without cosignatures that came later."""
    own = [checkpoint.line_of(*line) for line in state.lines if line[0] == state.origin]
    return "".join([state.text, "\n", *own])
