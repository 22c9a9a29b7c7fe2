"""Who has taken whose place by the trust list: one successor for each, no circle, nothing before its day."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


class Step(NamedTuple):
    """`heir` has taken the place of `before` from `since` (ms) on."""

    before: str
    heir: str
    since: int


def unambiguous(steps: Sequence[Step]) -> bool:
    """Whether nobody has two successors, and nobody succeeds itself, directly or in a circle."""
    heir_of = {step.before: step.heir for step in steps}
    return len(heir_of) == len(steps) and not _returning(heir_of)


def straight(steps: Sequence[Step]) -> list[Step]:
    """Those that lead into no circle, of steps of which nobody has two: lists that contradict each other hold up nobody
    whom they do not name."""
    heir_of = {step.before: step.heir for step in steps}
    circling = _returning(heir_of)
    return [step for step in steps if step.before not in circling]


class Successors:
    """Steps that are unambiguous, to be asked at an instant; a place may be taken several times one after the other."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = {step.before: step for step in steps}

    def successor(self, did: str, now: int) -> str | None:
        """The last in the line whose day has come; None if nobody has taken that place."""
        if did not in self._steps:  # as of nearly everybody, at every message
            return None
        steps = self._way(did, now)
        return steps[-1].heir if steps else None

    def heirs(self, did: str, now: int) -> tuple[str, ...]:
        """All in the line whose day has come, one after the other."""
        return tuple(step.heir for step in self._way(did, now))

    def since(self, did: str, now: int) -> int | None:
        """From when on `successor` answers for `did` (ms)."""
        return max((step.since for step in self._way(did, now)), default=None)

    def predecessors(self, did: str, now: int) -> tuple[str, ...]:
        """All whose place it has taken."""
        return tuple(before for before in self._steps if self.successor(before, now) == did)

    def succeeded(self, now: int) -> tuple[str, ...]:
        """All whose place somebody has taken."""
        return tuple(before for before, step in self._steps.items() if step.since <= now)

    def _way(self, did: str, now: int) -> list[Step]:
        way: list[Step] = []
        while (step := self._steps.get(did)) is not None and step.since <= now:
            way.append(step)
            did = step.heir
        return way


def _returning(heir_of: Mapping[str, str]) -> frozenset[str]:
    """From whom following the successors never ends; each step is walked once, however long a line is."""
    known: dict[str, bool] = {}
    for start in heir_of:
        way: dict[str, None] = {}
        did = start
        while did in heir_of and did not in known and did not in way:
            way[did] = None
            did = heir_of[did]
        known |= dict.fromkeys(way, known.get(did, did in way))
    return frozenset(did for did, returns in known.items() if returns)
