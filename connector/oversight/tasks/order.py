"""In which order tasks are shown, and to whom: pure. The same tasks stand in the same order whoever gathered them."""

from collections.abc import Iterable
from enum import IntEnum

from connector.oversight.tasks.model import Kind, Task

SOON_MS = 3 * 86_400_000
"""What is due within three days is urgent."""


class Urgency(IntEnum):
    """From what cannot wait to what can."""

    OVERDUE = 0
    SOON = 1
    AWAITED = 2
    """Somebody waits for us."""
    BROKEN = 3
    """Something does not go on by itself."""
    LATER = 4
    SOMETIME = 5


_AWAITED: frozenset[Kind] = frozenset(
    {
        "approval",
        "protection",
        "answer-offer",
        "countersign",
        "read-and-sign",
        "admission",
        "admission-second",
        "group-asked",
        "merger",
        "merger-second",
        "seal",
        "seal-second",
        "rule-waits",
    }
)
_SIGNATURES: frozenset[Kind] = frozenset({"countersign", "read-and-sign", "countersign-trouble"})
_SOMETIME: frozenset[Kind] = frozenset({"import", "draft"})
STEWARDS: frozenset[str] = frozenset({"steward"})
ROLES: dict[Kind, frozenset[str]] = {
    "approval": frozenset({"steward"}),
    "protection": frozenset({"protection"}),
    "rule-waits": frozenset({"admin", "protection"}),
    "import": frozenset({"steward", "publisher"}),
    "draft": frozenset({"steward", "publisher"}),
    "duty": frozenset({"steward", "protection"}),
}
"""Who can do something about it; all else is for stewards."""


def urgency(task: Task, now: int) -> Urgency:
    """How urgent it is at `now` (ms)."""
    if task.due is not None and task.due <= now:
        return Urgency.OVERDUE
    if task.due is not None and task.due - now <= SOON_MS:
        return Urgency.SOON
    if task.kind in _AWAITED:
        return Urgency.AWAITED
    if task.due is not None:
        return Urgency.LATER
    return Urgency.SOMETIME if task.kind in _SOMETIME else Urgency.BROKEN


def ordered(tasks: Iterable[Task], now: int) -> list[Task]:
    """The most urgent first; of equally urgent ones what is due first, then what has waited longest."""

    def place(task: Task) -> tuple[int, bool, int, int, str, str, str]:
        return (urgency(task, now), task.due is None, task.due or 0, task.since, task.kind, task.subject, task.action)

    return sorted(tasks, key=place)


def merged(tasks: Iterable[Task]) -> list[Task]:
    """One task for what several places know of: a signature that is due and that did not succeed, an offer and the
    approval that decides it. What has a deadline speaks for the rest."""
    tasks = list(tasks)
    decided = {task.process for task in tasks if task.process}
    found: dict[tuple[str, str, str], Task] = {}
    for task in tasks:
        if task.kind == "answer-offer" and task.subject in decided:
            continue
        family = "signature" if task.kind in _SIGNATURES else task.kind
        key = (family, (task.agreement or task.subject) if family == "signature" else task.subject, task.action)
        known = found.get(key)
        found[key] = task if known is None else min(known, task, key=_nearest)
    return list(found.values())


def _nearest(task: Task) -> tuple[bool, int, int, str]:
    return task.due is None, task.due or 0, task.since, task.kind


def theirs(tasks: Iterable[Task], roles: frozenset[str]) -> list[Task]:
    """Those that somebody with these roles can do something about."""
    return [task for task in tasks if ROLES.get(task.kind, STEWARDS) & roles]
