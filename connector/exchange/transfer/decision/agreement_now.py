"""What a decision looks at of an agreement, as frozen values: read once, in the transaction that decides."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from connector.exchange.contracts.agreement.agreements import Terms
from connector.exchange.contracts.model import Agreement
from connector.foundation.language.reasons import Reason
from connector.kernel.policy.evaluation.program import Program
from connector.kernel.policy.odrl.model import Closure
from connector.kernel.policy.odrl.state_of_world import Deed
from connector.kernel.policy.plan import Plan


class SignedPolicy(Struct, frozen=True, kw_only=True):
    """What follows from the signed bytes of an agreement alone, read once however often it is used.

    `document` is their value, which nobody changes; `sha256` is its digest in a decision record, `signed_at` its own
    time (ms), `windows` those that its clauses count uses in.
    """

    document: Mapping[str, Any]
    plan: Plan
    sha256: str
    signed_at: int
    windows: tuple[str, ...]


class AgreementNow(Struct, frozen=True, kw_only=True):
    """An agreement as it stands at `now` (ms), whether or not it is in force (`row.in_force`).

    `document` is the policy as signed, `program` the same compiled, `vocabulary` the digest of the concept lists that
    both sides signed and `closure` what they contain; before any are here, those of now. `root` is the participant's
    own address, `consumer` the DID of whoever uses the data and owes the duties.
    """

    now: int
    row: Agreement
    document: Mapping[str, Any]
    program: Program
    signed_at: int
    vocabulary: str
    closure: Closure
    terms: Terms
    root: str
    consumer: str
    groups: Mapping[str, frozenset[str]] = {}
    """As provider: who (by DID) is in which of our own groups that the policy names."""
    moved_on: Reason | None = None
    """As provider: what both sides are told if another version than the agreed one is served now."""


class History(Struct, frozen=True):
    """What was done under an agreement so far: deeds, and uses by window. Apart, because counters may be locked."""

    deeds: tuple[Deed, ...] = ()
    uses: Mapping[str, int] = {}
