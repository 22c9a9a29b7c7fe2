"""Which row of the table a path means: a walk along its segments, however many rows there are.

`{name}` is one segment, `{name+}` the rest of the path; a slash at the end changes nothing. Where several rows fit,
the one that stands first wins, and all of them say which methods there are.
"""

from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")

Found = tuple[int, T, tuple[str, ...]]
"""Where in the table it stands, the row, and what its path names, in order."""


class _Place(Generic[T]):
    """What may follow here: words, any one segment, the rest; and the rows whose path ends here."""

    __slots__ = ("any", "ends", "rest", "words")

    def __init__(self) -> None:
        self.words: dict[str, _Place[T]] = {}
        self.any: _Place[T] | None = None
        self.rest: list[tuple[int, T]] = []
        self.ends: list[tuple[int, T]] = []


class RouteTable(Generic[T]):
    """Rows by their paths."""

    def __init__(self, rows: Iterable[tuple[str, T]]) -> None:
        """Raises ValueError for a path in which `{name+}` is not the last segment."""
        self._root: _Place[T] = _Place()
        for number, (path, row) in enumerate(rows):
            self._add(number, path, row)

    def _add(self, number: int, path: str, row: T) -> None:
        place, segments = self._root, path.split("/")[1:]
        for at, segment in enumerate(segments):
            if segment.endswith("+}"):
                if at + 1 != len(segments):
                    raise ValueError(path)
                place.rest.append((number, row))
                return
            if segment.startswith("{"):
                place.any = place.any or _Place()
                place = place.any
            else:
                place = place.words.setdefault(segment, _Place())
        place.ends.append((number, row))

    def matches(self, path: str) -> list[Found[T]]:
        """The rows that fit, in the order of the table; the values are as they stand in the path."""
        segments = path.split("/")[1:]
        found: list[Found[T]] = []
        if len(segments) > 1 and not segments[-1]:
            _walk(self._root, segments[:-1], 0, (), found)
        without = {number for number, _, _ in found}
        _walk(self._root, segments, 0, (), found)
        if len(found) > 1:
            found = [one for at, one in enumerate(found) if at < len(without) or one[0] not in without]
            found.sort(key=lambda one: one[0])
        return found


def _walk(place: _Place[T], segments: list[str], at: int, named: tuple[str, ...], found: list[Found[T]]) -> None:
    while at < len(segments) and place.any is None and not place.rest:  # nothing but words can follow
        word = place.words.get(segments[at])
        if word is None:
            return
        place, at = word, at + 1
    if at == len(segments):
        found += [(number, row, named) for number, row in place.ends]
        return
    segment = segments[at]
    if (word := place.words.get(segment)) is not None:
        _walk(word, segments, at + 1, named, found)
    if segment and place.any is not None:
        _walk(place.any, segments, at + 1, (*named, segment), found)
    if place.rest and (rest := "/".join(segments[at:])):
        found += [(number, row, (*named, rest)) for number, row in place.rest]
