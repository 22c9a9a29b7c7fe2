"""Other terms than those that lie there, made by people: the same, for a shorter time.

What comes out is no wider than what went in, so that a provider may offer it and a consumer ask for it; whether it is
within the published offer is decided as always (`decide`). What cannot be read with its limit is not written.
"""

from collections.abc import Mapping
from typing import Any

from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Tx
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.policy.odrl.days import midnight, read_day
from connector.kernel.policy.odrl.model import PolicyError
from connector.kernel.policy.odrl.writing import with_members, written


def until(tx: Tx, engine: PolicyEngine, policy: Mapping[str, Any], last_day: str) -> dict[str, Any]:
    """The terms with an end: the day counts in full. Raises Mistake for no day, one that is past, or foreign terms."""
    day = read_day(last_day.strip())
    if day is None:
        raise Mistake("approvals.counter-day", day=last_day[:40])
    end = midnight(day.fromordinal(day.toordinal() + 1))
    if end.timestamp() * 1000 <= tx.now:
        raise Mistake("approvals.counter-past", day=last_day[:40])
    permissions = written(policy, "permission")
    if not permissions or not all(isinstance(one, dict) for one in permissions):
        raise Mistake("approvals.counter-form")
    # The operand has its prefix: other connectors drop a bare one, and with it the end (spec/policy.md 1.2).
    limit = {"leftOperand": "odrl:dateTime", "operator": "lt", "rightOperand": end.isoformat()}
    limited = [with_members(one, {"constraint": [*written(one, "constraint"), limit]}) for one in permissions]
    terms = with_members(policy, {"permission": limited})
    if not _narrower(engine, policy, terms):
        raise Mistake("approvals.counter-form")
    return terms


def _narrower(engine: PolicyEngine, policy: Mapping[str, Any], terms: Mapping[str, Any]) -> bool:
    """Whether both can be read, and the terms permit nothing that the policy does not."""
    try:
        return engine.narrower(policy, terms).compatible
    except PolicyError:
        return False
