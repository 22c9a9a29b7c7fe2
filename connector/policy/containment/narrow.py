"""Whether other terms are provably no wider than those that were offered, and if not, which clause says so.

"Compatible" is a proof: every request that the asked terms permit is permitted by the offer, every prohibition, duty
and obligation of the offer is kept, and nothing stands in the terms that is not understood and not also in the offer.
Everything else is "conflict" (with the clause, and a request that shows it where one can be made) or "unknown"
(spec/policy.md 9). It is the question for a counter-offer, and for an onward policy under `nextPolicy`.
"""

from msgspec.structs import replace

from connector.policy.containment.compare import Answer, Comparison
from connector.policy.containment.encode import COUNT, atoms, clauses_of
from connector.policy.containment.logic import Exhausted
from connector.policy.odrl.model import Atom, Closure, Policy
from connector.policy.odrl.names import HANSE, ODRL
from connector.policy.odrl.operands import BUILT_IN
from connector.policy.odrl.registry import Registry


def narrower(offer: Policy, asked: Policy, closure: Closure, registry: Registry = BUILT_IN) -> Answer:
    """Whether every request and every promise under `asked` is within `offer`; never raises, bounded by `STEPS`."""
    try:
        return Comparison(offer, asked, closure, registry).answer()
    except (Exhausted, RecursionError):
        return Answer(verdict="unknown", ground="size")


_OWN_TIME = frozenset({ODRL + "elapsedTime", ODRL + "delayPeriod", ODRL + "meteredTime", HANSE + "dueWithin", COUNT})
"""What counts from an agreement of its own: under a later agreement it begins again."""


def at_least_as_strict(parent: Policy, onward: Policy, closure: Closure, registry: Registry = BUILT_IN) -> Answer:
    """Whether what is passed on under `onward` is within `parent`; whom the two agreements are between is left out.

    A clause of `parent` that counts from its agreement would begin again with each link of the chain: unknown.
    """
    again: Atom | None = next((atom for atom in atoms(clauses_of(parent)) if atom.left in _OWN_TIME), None)
    if again is not None:
        return Answer(verdict="unknown", ground="clause", item=again, pointer=again.pointer)
    nobody = {"assigner": "", "assignee": "", "target": "", "kind": "Set"}
    return narrower(replace(parent, **nobody), replace(onward, **nobody), closure, registry)
