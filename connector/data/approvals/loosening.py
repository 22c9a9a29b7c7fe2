"""Who has to agree before a rule asks for less: pure, and explored exhaustively by its test (spec/approvals.md 1.4)."""

import math

from connector.data.approvals.model import PEOPLE, ApprovalRule


def required(before: ApprovalRule, after: ApprovalRule) -> frozenset[str]:
    """The roles in which somebody besides the proposer has to agree; none where nothing is loosened.

    Another admin for fewer people or a longer time, data protection wherever it had to agree until now.
    """
    fewer = PEOPLE[after.people] < PEOPLE[before.people]
    longer = _asks(before) and _span(after) > _span(before)
    unprotected = before.protection and not after.protection
    if not (fewer or longer or unprotected):
        return frozenset()
    admin = {"admin"} if fewer or longer else set()
    return frozenset(admin | ({"protection"} if before.protection else set()))


def _asks(rule: ApprovalRule) -> bool:
    """A time limit binds nobody where nobody has to agree."""
    return rule.people != "none" or rule.protection


def _span(rule: ApprovalRule) -> float:
    """Days; those of a rule without a limit never end."""
    return rule.days or math.inf
