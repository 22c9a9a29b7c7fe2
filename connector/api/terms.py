"""An ODRL policy as people read it: its clauses in both languages, each with how far it is enforced."""

from collections.abc import Mapping
from typing import Any

from connector.policy.judge import Judge


def clauses(judge: Judge, policy: Mapping[str, Any]) -> list[dict[str, object]]:
    german, english = (judge.clauses(policy, lang) for lang in ("de", "en"))
    return [
        {"text": {"de": one[0], "en": other[0]}, "badge": one[1]} for one, other in zip(german, english, strict=True)
    ]
