"""Whether other terms are provably no wider than those that were offered, and if not, which clause says so.

"Compatible" is a proof: every request that the asked terms permit is permitted by the offer, every prohibition, duty
and obligation of the offer is kept, and nothing stands in the terms that is not understood and not also in the offer.
Everything else is "conflict" (with the clause, and a request that shows it where one can be made) or "unknown"
(spec/policy.md 9). It is the question for a counter-offer.
"""

from connector.kernel.policy.containment.compare import Answer, Comparison
from connector.kernel.policy.containment.logic import Exhausted
from connector.kernel.policy.odrl.model import Closure, Policy
from connector.kernel.policy.odrl.operands import BUILT_IN
from connector.kernel.policy.odrl.registry import Registry


def narrower(offer: Policy, asked: Policy, closure: Closure, registry: Registry = BUILT_IN) -> Answer:
    """Whether every request and every promise under `asked` is within `offer`; never raises, bounded by `STEPS`."""
    try:
        return Comparison(offer, asked, closure, registry).answer()
    except (Exhausted, RecursionError):
        return Answer(verdict="unknown", ground="size")
