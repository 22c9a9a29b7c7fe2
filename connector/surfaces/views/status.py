"""In a word how things stand: of a contract, a negotiation, a transfer, a dataset; the same on every surface of ours.

A protocol's state is for programs. People read the `text` of a status, which also says what the state alone does not:
that a contract has run out, that an offer waits for this side, that a transfer was refused.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal, get_args

import msgspec

from connector.exchange.contracts.model import AgreementState
from connector.exchange.transfer.model import Outcome
from connector.foundation.language import LANGUAGES, say
from connector.surfaces.views.fields import Sentences

Tone = Literal["good", "waiting", "attention", "over"]
"""All is well; it goes on by itself or at the other side; a person here has to look; nothing more happens."""
Step = Literal["requested", "checked", "signed", "ready"]
"""The four steps from a request to the data."""
STEPS: Final[tuple[Step, ...]] = get_args(Step)
_STEP_OF: Final[dict[str, Step]] = {
    "REQUESTED": "requested",
    "OFFERED": "requested",
    "ACCEPTED": "requested",
    "AGREED": "checked",
    "VERIFIED": "signed",
    "FINALIZED": "ready",
}
_AGREEMENT_TONES: Final[dict[str, Tone]] = {
    "signed": "waiting",
    "one-sided": "good",
    "in-force": "good",
    "ending": "attention",
    "expired": "over",
    "terminated": "over",
    "ended": "over",
}
_NEGOTIATION_TONES: Final[dict[str, Tone]] = {"offered-to-us": "attention", "finalized": "good", "terminated": "over"}
_TRANSFER_TONES: Final[dict[str, Tone]] = {
    "suspended": "attention",
    "completed": "good",
    "received": "good",
    "delivered": "good",
    "refused": "attention",
    "broken": "attention",
    "terminated": "over",
}


class StatusView(msgspec.Struct, frozen=True):
    """`code` names the status, `text` says it by language; `tone` is how much it asks of whoever reads it."""

    code: str
    text: Sentences
    tone: Tone


class StepView(msgspec.Struct, frozen=True):
    """One of the four steps from a request to the data."""

    code: Step
    text: Sentences


def agreement(state: AgreementState, *, expired: bool, ending: bool) -> StatusView:
    """`expired`: its time is over; `ending`: a side has stated an end that is still to come."""
    code: str = "in-force" if state == "finalized" else state
    if state in ("finalized", "one-sided"):
        code = "expired" if expired else "ending" if ending else code
    return _status("agreement", code, _AGREEMENT_TONES[code])


def negotiation(state: str, role: str) -> StatusView:
    """`state` and `role` as the protocol names them; an offer waits for the consumer."""
    code = "offered-to-us" if state == "OFFERED" and role == "consumer" else state.lower()
    return _status("negotiation", code, _NEGOTIATION_TONES.get(code, "waiting"))


def transfer(state: str, outcome: Outcome | None) -> StatusView:
    """Once it is over here, the `outcome` says more than the state."""
    code = outcome or state.lower()
    return _status("transfer", code, _TRANSFER_TONES.get(code, "waiting"))


def dataset(state: Literal["published", "withdrawn"]) -> StatusView:
    return _status("dataset", state, "good" if state == "published" else "over")


def steps(states: Sequence[str]) -> list[StepView]:
    """Those that a negotiation has taken which went through these states: each once, in order, none left out."""
    furthest = max((STEPS.index(_STEP_OF[state]) for state in states if state in _STEP_OF), default=-1)
    return every_step()[: furthest + 1]


def every_step() -> list[StepView]:
    return [StepView(one, _said(f"status.step.{one}")) for one in STEPS]


def _status(of: str, code: str, tone: Tone) -> StatusView:
    return StatusView(code, _said(f"status.{of}.{code}"), tone)


@lru_cache(maxsize=256)
def _said(key: str) -> Sentences:
    return {lang: say(key, lang) for lang in LANGUAGES}
