"""Who has taken whose place by one trust list, looked up at the cost of what is found (spec/contracts.md 6.4, 8.8).

Each has one successor at most, and may have taken the places of many. The steps are laid out once for each list: a
list may name ten thousand of them, one behind the other (T67).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


class Succession(NamedTuple):
    """`heirs`: by DID who took its place, and since when (seconds); `before`: by DID whose places it took itself."""

    heirs: Mapping[str, tuple[str, int]]
    before: Mapping[str, Sequence[str]]

    def line(self, did: str) -> tuple[tuple[str, int], ...]:
        """All who have taken its place, one after the other, each with since when it holds it (seconds)."""
        found: dict[str, int] = {}
        at = 0
        while did in self.heirs and self.heirs[did][0] not in found:
            did, at = self.heirs[did][0], max(at, self.heirs[did][1])
            found[did] = at
        return tuple(found.items())

    def lineage(self, did: str) -> frozenset[str]:
        """Itself, and all whose place it has taken, or somebody whose place it took."""
        found, left = {did}, [did]
        while left:
            for one in self.before.get(left.pop(), ()):
                if one not in found:
                    found.add(one)
                    left.append(one)
        return frozenset(found)

    def in_order(self, dids: Sequence[str]) -> int:
        """How many from the first on each are the one before, or have taken its place; one walk along the line."""
        count, at = 0, dids[0] if dids else ""
        later = iter(self.line(at))
        for did in dids:
            while did != at:
                step = next(later, None)
                if step is None:
                    return count
                at = step[0]
            count += 1
        return count


def laid_out(steps: Iterable[tuple[str, str, int]]) -> Succession:
    """Of (whose place, who took it, since when in seconds)."""
    heirs: dict[str, tuple[str, int]] = {}
    before: dict[str, list[str]] = {}
    for gone, heir, since in steps:
        heirs[gone] = heir, since
        before.setdefault(heir, []).append(gone)
    return Succession(heirs, before)
