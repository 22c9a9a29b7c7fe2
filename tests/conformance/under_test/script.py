"""What the official test kit wants us to say, as a table: (role, what it is about, state, how often) -> move.

What the kit asks for is in spec/protocol.md 6.2; whatever is missing here means: say nothing. A scripted move waits
a moment, because the kit changes its own state only after it has read our answer.
"""

from collections.abc import Mapping
from typing import Literal

from connector.kernel.protocol.process import Role

P, C = Role.PROVIDER, Role.CONSUMER
Move = Literal["offer", "counter", "accept", "agree", "verify", "finalize", "start", "suspend", "complete", "terminate"]
Cue = tuple[Role, str, str, int]

_PROVIDES: Mapping[str, Mapping[str, Move]] = {
    "ACN0101": {"REQUESTED": "offer"},
    "ACN0102": {"REQUESTED": "offer", "REQUESTED 2": "terminate"},
    "ACN0103": {"REQUESTED": "offer", "ACCEPTED": "agree", "VERIFIED": "finalize"},
    "ACN0104": {"REQUESTED": "agree", "VERIFIED": "finalize"},
    "ACN0201": {"REQUESTED": "terminate"},
    "ACN0202": {},
    "ACN0203": {"REQUESTED": "agree"},
    "ACN0204": {"REQUESTED": "offer"},
    "ACN0205": {"REQUESTED": "offer", "OFFERED": "terminate"},
    "ACN0206": {"REQUESTED": "offer", "ACCEPTED": "terminate"},
    "ACN0207": {"REQUESTED": "agree", "VERIFIED": "terminate"},
    "ACN0301": {"REQUESTED": "agree", "VERIFIED": "finalize"},
    "ACN0302": {"REQUESTED": "offer"},
    "ACN0303": {"REQUESTED": "offer"},
    "ACN0304": {"REQUESTED": "offer"},
}
_CONSUMES: Mapping[str, Mapping[str, Move]] = {
    "ACNC0101": {"OFFERED": "accept", "AGREED": "verify"},
    "ACNC0102": {"OFFERED": "counter"},
    "ACNC0103": {"OFFERED": "terminate"},
    "ACNC0104": {"AGREED": "verify"},
    "ACNC0201": {},
    "ACNC0202": {"REQUESTED": "terminate"},
    "ACNC0203": {"AGREED": "terminate"},
    "ACNC0204": {},
    "ACNC0205": {"OFFERED": "accept"},
    "ACNC0206": {"AGREED": "verify"},
    "ACNC0301": {},
    "ACNC0302": {},
    "ACNC0303": {},
    "ACNC0304": {"OFFERED": "accept"},
    "ACNC0305": {"OFFERED": "accept"},
    "ACNC0306": {"OFFERED": "accept"},
}
_SENDS: Mapping[str, Mapping[str, Move]] = {
    "ATP0101": {"REQUESTED": "start", "STARTED": "terminate"},
    "ATP0102": {"REQUESTED": "start", "STARTED": "complete"},
    "ATP0103": {"REQUESTED": "start", "STARTED": "suspend", "SUSPENDED": "terminate"},
    "ATP0104": {"REQUESTED": "start", "STARTED": "suspend", "SUSPENDED": "start", "STARTED 2": "complete"},
    "ATP0105": {"REQUESTED": "terminate"},
    "ATP0201": {"REQUESTED": "start"},
    "ATP0202": {"REQUESTED": "start"},
    "ATP0203": {"REQUESTED": "start"},
    "ATP0204": {"REQUESTED": "start"},
    "ATP0205": {},
    "ATP0301": {},
    "ATP0302": {},
    "ATP0303": {"REQUESTED": "start"},
    "ATP0304": {"REQUESTED": "start"},
    "ATP0305": {"REQUESTED": "start"},
    "ATP0306": {"REQUESTED": "start"},
}
_FETCHES: Mapping[str, Mapping[str, Move]] = {
    "ATPC0101": {},
    "ATPC0102": {},
    "ATPC0103": {},
    "ATPC0104": {},
    "ATPC0105": {},
    "ATPC0201": {"STARTED": "terminate"},
    "ATPC0202": {"STARTED": "complete"},
    "ATPC0203": {"STARTED": "suspend", "SUSPENDED": "terminate"},
    "ATPC0204": {"STARTED": "suspend", "SUSPENDED": "start", "STARTED 2": "complete"},
    "ATPC0205": {"REQUESTED": "terminate"},
    "ATPC0301": {},
    "ATPC0302": {},
    "ATPC0303": {},
    "ATPC0304": {},
    "ATPC0305": {},
    "ATPC0306": {},
}

DATASETS = (*_PROVIDES, "CAT0101", "CAT0102")
"""What the provider under test publishes; CAT0103 must not be there."""
AGREEMENTS: Mapping[str, Role] = {**dict.fromkeys(_SENDS, P), **dict.fromkeys(_FETCHES, C)}
"""Agreements in force before the kit begins, and our role in them."""


def _cues() -> dict[Cue, Move]:
    tables = ((P, _PROVIDES), (C, _CONSUMES), (P, _SENDS), (C, _FETCHES))
    found: dict[Cue, Move] = {}
    for role, table in tables:
        for about, lines in table.items():
            for line, move in lines.items():
                state, _, nth = line.partition(" ")
                found[role, about, state, int(nth or 1)] = move
    return found


CUES: Mapping[Cue, Move] = _cues()


def offer_of(dataset: str) -> str:
    """The offer id that the kit asks for (spec/protocol.md 6.2)."""
    return f"CD123:{dataset}:456"
