"""Whether the rules of a space may change so: nothing that waits is let in by less than what it was asked for.

Who comes later is judged by the new rules, which are public; who waits, by what people were told to look at
(spec/spaces.md 1.2).
"""

from connector.dataspace.spaces.model import Rules
from connector.foundation.errors import Mistake


def loosens(before: Rules, after: Rules) -> bool:
    """Fewer people have to approve, or a point of the checklist is asked for no more."""
    return after.approvals < before.approvals or not set(before.checklist) <= set(after.checklist)


def require_nothing_opened(before: Rules, after: Rules, applications: int, certificates: int) -> None:
    """Raises Mistake for what loosens while so many applications or seal certificates wait for people."""
    if (applications or certificates) and loosens(before, after):
        raise Mistake("spaces.rules-waiting", applications=applications, certificates=certificates)
