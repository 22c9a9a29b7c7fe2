"""What somebody is told, and of what: values only (spec/approvals.md 5)."""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

Cause = Literal[
    "approval",
    "reminder",
    "sign",
    "ends",
    "failed",
    "refused",
    "not-agreed",
    "ended",
    "duty",
    "certificate",
    "rules",
    "application",
    "second",
    "space-member",
    "space-refused",
    "space-ended",
    "space-suspended",
    "space-resumed",
    "space-renewed",
    "space-ends",
    "space-alarm",
    "space-forked",
    "renewals",
    "group-asked",
    "merger",
    "merger-second",
    "merger-asked",
    "merger-withdrawn",
    "merger-lapsed",
    "merged",
    "not-merged",
    "seal",
    "seal-second",
    "seal-listed",
    "seal-refused",
    "list-lost",
    "rule-waits",
    "space-rules",
]
URGENCY: Final[Mapping[Cause, int]] = {
    "reminder": 0,
    "approval": 1,
    "sign": 1,
    "duty": 2,
    "certificate": 2,
    "failed": 3,
    "ended": 3,
    "refused": 4,
    "not-agreed": 4,
    "ends": 5,
    "rules": 3,
    "application": 1,
    "second": 1,
    "space-member": 4,
    "space-refused": 3,
    "space-ended": 2,
    "space-suspended": 2,
    "space-resumed": 4,
    "space-renewed": 5,
    "space-ends": 2,
    "space-alarm": 0,
    "space-forked": 0,
    "renewals": 2,
    "group-asked": 1,
    "merger": 1,
    "merger-second": 1,
    "merger-asked": 1,
    "merger-withdrawn": 4,
    "merged": 4,
    "merger-lapsed": 2,
    "not-merged": 3,
    "seal": 1,
    "seal-second": 1,
    "seal-listed": 4,
    "seal-refused": 2,
    "list-lost": 0,
    "rule-waits": 1,
    "space-rules": 1,
}
"""In which order they are read: what waits for somebody first."""
PAGES: Final[Mapping[Cause, str]] = {
    "approval": "approvals",
    "reminder": "approvals",
    "sign": "contracts",
    "ends": "contracts",
    "failed": "deliveries",
    "refused": "requests",
    "not-agreed": "partners",
    "ended": "contracts",
    "duty": "contracts",
    "certificate": "people",
    "rules": "approvals",
    "application": "applications",
    "second": "applications",
    "space-member": "spaces",
    "space-refused": "spaces",
    "space-ended": "spaces",
    "space-suspended": "spaces",
    "space-resumed": "spaces",
    "space-renewed": "spaces",
    "space-ends": "spaces",
    "space-alarm": "spaces",
    "space-forked": "spaces",
    "renewals": "space",
    "group-asked": "spaces/groups",
    "merger": "space/mergers",
    "merger-second": "space/mergers",
    "merger-asked": "spaces",
    "merger-withdrawn": "spaces",
    "merger-lapsed": "spaces",
    "merged": "spaces",
    "not-merged": "spaces",
    "seal": "space/certificates",
    "seal-second": "space/certificates",
    "seal-listed": "spaces",
    "seal-refused": "spaces",
    "list-lost": "space/recovery",
    "rule-waits": "approvals/rules",
    "space-rules": "space",
}
"""The page of the participant where the next step is; that of the subject lies below it, but for certificates."""
PASSING: Final = frozenset({"rule-waits"})
"""What each look finds as long as it is so, and takes away once it is not."""
BELOW: Final = frozenset(
    {"approval", "reminder", "sign", "ends", "refused", "ended", "duty", "rules", "application", "second"}
)


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is its cause with all that makes it one: the same is told once. `facts` fill the sentence
    `notifications.cause.<cause>`; what a peer said in them is plain. `audience` are roles and pseudonyms; `at` in ms.
    """

    name: str
    cause: Cause
    subject: str
    facts: Mapping[str, str]
    audience: frozenset[str]
    at: int

    @property
    def place(self) -> tuple[str, ...]:
        """Parts of the address of the page with the next step, below the participant's."""
        page = tuple(PAGES[self.cause].split("/"))
        return (*page, self.subject.removeprefix("urn:uuid:")) if self.cause in BELOW and self.subject else page

    def concerns(self, who: str, roles: frozenset[str]) -> bool:
        return who in self.audience or not self.audience.isdisjoint(roles)


def told(
    cause: Cause, subject: str, facts: Mapping[str, str], audience: frozenset[str], at: int, more: str = ""
) -> Notification:
    """With its name: the cause, what it is about, and what else makes it one."""
    name = ":".join(part for part in (cause, subject, more) if part)
    return Notification(name=name, cause=cause, subject=subject, facts=facts, audience=audience, at=at)
