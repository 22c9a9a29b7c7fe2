"""The words for states in the reports of public suites: many spellings, one word each.

`report:Not-Satisfied`, `unsatisfied` and `NotSatisfied` are one state; so are `NonSet`, `Not-set` and `notSet`.
"""

import re
from collections.abc import Mapping

_OPPOSITES: Mapping[str, str] = {
    "satisfied": "unsatisfied",
    "active": "inactive",
    "activated": "inactive",
    "performed": "unperformed",
    "attempted": "unattempted",
    "fulfilled": "unfulfilled",
    "violated": "unviolated",
    "set": "notset",
    "permitted": "deny",
    "allowed": "deny",
}
_NEGATIONS = ("not", "non", "un", "in")
_SAME: Mapping[str, str] = {
    "activated": "active",
    "deactivated": "inactive",
    "permitted": "permit",
    "allow": "permit",
    "allowed": "permit",
    "denied": "deny",
    "prohibited": "deny",
    "forbidden": "deny",
} | {negation + word: other for word, other in _OPPOSITES.items() for negation in _NEGATIONS}


def state(text: str) -> str:
    """The one word for a state, whatever its namespace, case, hyphens and negation; empty for none."""
    said = re.sub("[^a-z]", "", re.split(r"[#/:]", text)[-1].lower())
    return _SAME.get(said, said)
