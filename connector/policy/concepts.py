"""Texts and concepts in classes that the clauses of the policies at hand cannot tell apart, so that few stand for all.

Every named text is a class of its own; concepts of the vocabulary with the same kin among the named ones share one; and
one class stands for everything that nobody knows.
"""

from collections.abc import Iterable

from .model import Closure


class Concepts:
    """The classes of texts that the named ones cannot tell apart; bit i of a mask is class i."""

    def __init__(self, named: frozenset[str], closure: Closure) -> None:
        self._closure = closure
        above = closure.above
        relevant = [above[name] for name in named if name in above]
        groups: dict[object, str] = {}
        for concept in above:
            if concept not in named:
                kin = above[concept] & named, frozenset(i for i, up in enumerate(relevant) if concept in up)
                groups.setdefault(kin, concept)
        stranger = "urn:any:other"
        while stranger in named or stranger in above:
            stranger += "-"
        self.members: tuple[str, ...] = (*sorted(named), *groups.values(), stranger)
        self.full = (1 << len(self.members)) - 1

    def among(self, texts: Iterable[str]) -> int:
        wanted = frozenset(texts)
        return sum(1 << index for index, member in enumerate(self.members) if member in wanted)

    def surely(self, parts: Iterable[str], answer: bool, *, upwards: bool = False) -> int:
        """The classes that some text contains (True), or that none does (False); `upwards`: that contain the texts."""
        texts, mask = tuple(parts), 0
        for index, member in enumerate(self.members):
            found = [self._closure.within(*((t, member) if upwards else (member, t))) for t in texts]
            if (True in found) if answer else all(each is False for each in found):
                mask |= 1 << index
        return mask
