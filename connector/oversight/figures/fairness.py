"""Whether decisions look at claims alone: each is made again, for the member it was about and for another with the same
claims (spec/records.md 8.3).

Pure. The log holds the digests of record and world; what does not fit them is not judged but counted as changed.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from connector.kernel.policy.evaluation.record import replay, sha256
from connector.kernel.policy.odrl.model import Closure, PolicyError
from connector.kernel.policy.odrl.registry import Registry
from connector.oversight.figures.model import Event, Judged
from connector.oversight.figures.store import Case

SOMEBODY = "did:web:somebody-else.invalid"
"""Another member with the same claims; no rule can name it, because nobody can be called so."""


def judge(event: Event, case: Case, agreement: Mapping[str, Any], closure: Closure, registry: Registry) -> Judged:
    """`event` is the log's entry of the decision, `agreement` the contract under which it was made."""
    record, world = msgspec.json.decode(case.record), msgspec.json.decode(case.world)
    changed = Judged(id=case.id, reproduced=False, equal=False)
    if (sha256(record), record.get("world")) != (event.body.record, event.body.world):
        return changed
    try:
        again = replay(record, world, agreement, closure, registry)
        swapped = _named(world, world["participant"])
        other = replay(record, swapped, _reassigned(agreement), closure, registry)
    except (PolicyError, ValueError):
        return changed
    return Judged(id=case.id, reproduced=again == record, equal=other["permit"] == again["permit"])


def _named(value: Any, before: str) -> Any:
    """The world with the other member in every place of this one."""
    match value:
        case dict():
            return {key: _named(inner, before) for key, inner in value.items()}
        case list():
            return [_named(inner, before) for inner in value]
        case _:
            return SOMEBODY if value == before else value


def _reassigned(value: Any) -> Any:
    """The contract as the other one would have signed it: with itself as assignee, and every condition as it was."""
    match value:
        case dict():
            return {
                key: SOMEBODY if key == "assignee" and isinstance(inner, str) else _reassigned(inner)
                for key, inner in value.items()
            }
        case list():
            return [_reassigned(inner) for inner in value]
        case _:
            return value
