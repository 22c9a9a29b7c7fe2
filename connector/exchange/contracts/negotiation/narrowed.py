"""Other terms than those that lie there, made by people: the same, for a shorter time.

What comes out is no wider than what went in, so that a provider may offer it and a consumer ask for it; whether it is
within the published offer is decided as always (`decide`).
"""

from collections.abc import Mapping
from typing import Any

from connector.foundation.errors import Mistake
from connector.foundation.storage.database import Tx
from connector.kernel.policy.odrl.days import midnight, read_day


def until(tx: Tx, policy: Mapping[str, Any], last_day: str) -> dict[str, Any]:
    """The terms with an end: the day counts in full. Raises Mistake for no day, one that is past, or foreign terms."""
    day = read_day(last_day.strip())
    if day is None:
        raise Mistake("approvals.counter-day", day=last_day[:40])
    end = midnight(day.fromordinal(day.toordinal() + 1))
    if end.timestamp() * 1000 <= tx.now:
        raise Mistake("approvals.counter-past", day=last_day[:40])
    given = policy.get("permission")
    permissions = given if isinstance(given, list) else [given]
    if not permissions or not all(isinstance(one, dict) for one in permissions):
        raise Mistake("approvals.counter-form")
    limit = {
        "leftOperand": "dateTime",
        "operator": "lt",
        "rightOperand": {"@value": end.isoformat(), "@type": "xsd:dateTime"},
    }
    return {
        **policy,
        "permission": [
            {**one, "constraint": [*_listed(one.get("constraint")), limit]}
            for one in permissions
            if isinstance(one, dict)
        ],
    }


def _listed(value: object) -> list[object]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
