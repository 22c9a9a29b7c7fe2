"""The state of the world that one decision looks at: plain values gathered beforehand, no I/O (spec/policy.md 7.1)."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from connector.kernel.policy.odrl.model import Closure

Source = Literal["measured", "verified-credential", "declared"]
Value = int | frozenset[str] | None
"""Milliseconds, a whole number, or millionths of a decimal; or texts and IRIs. None means "nobody knows"."""
DutyState = Literal["not-set", "fulfilled", "violated", "healed"]


class Fact(Struct, frozen=True):
    """One value with who vouches for it; `evidence` names the credential, register entry or flow it comes from."""

    value: Value
    source: Source = "measured"
    evidence: str = ""
    unit: str = ""


class Deed(Struct, frozen=True, kw_only=True):
    """Something that was done since signing: a duty done, or a forbidden act that became known.

    `rule` is the id or pointer of the rule it answers, empty if any that fits; `values` are parameters by operand IRI.
    """

    action: str
    at: int
    party: str = ""
    target: str = ""
    rule: str = ""
    values: Mapping[str, Value] = {}
    evidence: str = ""


class World(Struct, frozen=True, kw_only=True):
    """Times in milliseconds since the epoch; None and absence always mean "nobody knows" and never "none".

    `participant` is the requester's verified DID. `facts` by operand IRI. `parties` and `assets` are the sources of the
    collections that participant and target belong to. `purpose_source` "contractual" without a purpose: the peer bound
    itself to the agreed purposes (spec/policy.md 4.3). `action` empty: the request names none; `target` empty: not
    checked. `uses` by window ("", "P1D", "P1M") counts this use. `duty_states` by rule id are those that somebody
    reported. `can` are the actions of *during* duties that the plane of this request executes.
    """

    now: int
    participant: str
    clock: Literal["", "synchronised", "unsynchronised"] = ""
    action: str = ""
    target: str = ""
    facts: Mapping[str, Fact] = {}
    parties: frozenset[str] = frozenset()
    assets: frozenset[str] = frozenset()
    purpose: str | None = None
    purpose_source: Literal["declared", "contractual"] | None = None
    agreement_at: int | None = None
    agreement_end: int | None = None
    first_access: int | None = None
    event_end: int | None = None
    uses: Mapping[str, int] = {}
    deeds: tuple[Deed, ...] = ()
    duty_states: Mapping[str, DutyState] = {}
    can: frozenset[str] = frozenset()
    closure: Closure = Closure()


def asked(now: int, participant: str, *, purpose: str | None, action: str | None, **known: Any) -> World:
    """The world of a request, real or made up: a peer that declares no purpose binds itself to those agreed.

    Whatever decides or explains a request makes its world here, so that an explanation is the gate's answer.
    """
    source: Literal["declared", "contractual"] = "declared" if purpose else "contractual"
    return World(
        now=now, participant=participant, purpose=purpose or None, purpose_source=source, action=action or "", **known
    )
