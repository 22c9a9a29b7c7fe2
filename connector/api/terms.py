"""An ODRL policy as people read it: its clauses in both languages, each with how far it is enforced, and why."""

from collections.abc import Mapping
from typing import Any

from connector.policy.judge import LANGUAGES, Judge


def clauses(judge: Judge, policy: Mapping[str, Any]) -> list[dict[str, object]]:
    """Empty if the policy cannot be said completely. A `level` above 0 belongs to the clause before."""
    said = {lang: judge.statements(policy, lang) for lang in LANGUAGES}
    return [
        {
            "text": {lang: said[lang][index].sentence for lang in LANGUAGES},
            "badge": one.badge,
            "level": one.level,
            "notes": {lang: judge.notes(one, lang) for lang in LANGUAGES},
        }
        for index, one in enumerate(said["de"])
    ]
