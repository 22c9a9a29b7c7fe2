"""What stays the same from one contract about an offer to the next is written once; the rest is filled in.

A frame is the whole document, written by the function that defines it, around marks in the place of a few values. The
marks have a random part that nobody outside this process knows, so that no word of a peer can be taken for one (threat
T112). A frame is kept by everything else that the document is written from, and all frames are bounded in bytes
(decision 0086).
"""

import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

MOST_BYTES = 8_388_608
"""Of the frames of one kind of document; what was not asked for longest goes first."""
_NONCE = secrets.token_hex(16)
_MARKS = tuple(f"\ue000{_NONCE}{slot}\ue001" for slot in range(4))
_SPLIT = re.compile("|".join(_MARKS))
Write = Callable[..., str]
"""Writes the whole document, given the values of its slots."""


class _Frame:
    """The text between the slots, and which slot stands behind each piece."""

    def __init__(self, whole: str) -> None:
        self._pieces = _SPLIT.split(whole)
        self._slots = [_MARKS.index(mark) for mark in _SPLIT.findall(whole)]
        self.size = len(whole)

    def filled(self, values: tuple[str, ...]) -> str:
        parts = [self._pieces[0]]
        for slot, piece in zip(self._slots, self._pieces[1:], strict=True):
            parts += (values[slot], piece)
        return "".join(parts)


class Frames:
    """Frames of one kind of document. Used by several threads."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._size = most_bytes, 0
        self._frames: OrderedDict[Hashable, _Frame] = OrderedDict()
        self._lock = Lock()

    def written(self, key: Hashable, write: Write, values: tuple[str, ...], spelt: Callable[[str], str]) -> str:
        """The same as `write(*values)`, at most four values.

        `key` is all that `write` writes from besides them; `spelt` is how it spells a value. Raises what it raises.
        """
        frame = self._known(key)
        if frame is None:
            frame = _Frame(write(*_MARKS[: len(values)]))
            self._keep(key, frame)
        return frame.filled(tuple(map(spelt, values)))

    def _known(self, key: Hashable) -> _Frame | None:
        with self._lock:
            found = self._frames.get(key)
            if found is not None:
                self._frames.move_to_end(key)
            return found

    def _keep(self, key: Hashable, frame: _Frame) -> None:
        with self._lock:
            if key in self._frames:
                return
            self._frames[key], self._size = frame, self._size + frame.size
            while self._size > self._most:
                self._size -= self._frames.popitem(last=False)[1].size
