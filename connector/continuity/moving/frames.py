"""What is inside of an archive: entries, each a head and blocks with their length, an empty block at its end.

Tables come as MessagePack, a block some rows; files as they are. Whoever reads has bounds for everything before it
believes any of it (threat T109).
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Raw, Struct

from connector.continuity.moving.manifest import MOST_ENTRIES, Entry, Tally
from connector.foundation.errors import Mistake

ROWS, FILES, MANIFEST = "rows/", "files/", "manifest"
RECEIVED = "received/"
MOST_BLOCK: Final = 16 << 20
SMALL: Final = 4 << 20
"""Bytes of a block of rows, unless one row alone has more."""
MOST_ROWS: Final = 200
"""Rows of a block: those that are read at once where it is written."""
_HEAD_MOST: Final = 65_536
_MOST_COLUMNS: Final = 200
Value = int | str | bytes | None
Row = tuple[Value, ...]
Values = Mapping[str, Value]
"""A row on its way, by the names of its columns."""
_Outline = Annotated[list[Annotated[tuple[Raw, ...], Meta(max_length=_MOST_COLUMNS)]], Meta(max_length=MOST_ROWS)]
_OUTLINE: Final = msgspec.msgpack.Decoder(_Outline)
_ROWS: Final = msgspec.msgpack.Decoder(list[tuple[Any, ...]])
_NESTED: Final = frozenset((*range(0x80, 0xA0), *range(0xDC, 0xE0), *range(0xC7, 0xCA), *range(0xD4, 0xD9)))
"""First bytes of arrays, maps and extensions in MessagePack."""


class Head(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`columns` are those of a table, in the order in which its rows have their values."""

    name: Annotated[str, Meta(max_length=1_000)]
    columns: Annotated[tuple[Annotated[str, Meta(max_length=63)], ...], Meta(max_length=_MOST_COLUMNS)] = ()


class Writer:
    """Gives the bytes of entries, and keeps what the manifest says of them: `begin`, any number of `block`, `end`."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._head, self._digest, self._size, self._rows = Head(name=""), sha256(), 0, 0

    def begin(self, head: Head) -> bytes:
        self._head, self._digest, self._size, self._rows = head, sha256(), 0, 0
        raw = msgspec.json.encode(head)
        return len(raw).to_bytes(4) + raw

    def block(self, data: bytes, rows: int = 0) -> bytes:
        """Never empty: that would be the end."""
        self._digest.update(data)
        self._size, self._rows = self._size + len(data), self._rows + rows
        return len(data).to_bytes(4) + data

    def end(self) -> bytes:
        self.entries.append(Entry(self._head.name, self._size, self._digest.hexdigest(), self._rows))
        return bytes(4)


def packed(rows: Iterable[Row]) -> bytes:
    """A block of these rows."""
    return msgspec.msgpack.encode(list(rows))


def portions(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The same rows in blocks that whoever reads them takes."""
    some, size = list[Row](), 0
    for row in rows:
        length = sum(len(value) for value in row if isinstance(value, str | bytes))
        if some and size + length > SMALL:
            yield some
            some, size = [], 0
        some.append(row)
        size += length
    if some:
        yield some


def unpacked(block: bytes) -> list[Row]:
    """Raises Mistake for what are no rows; of which kind a value has to be says its column (`rows.incoming`).

    A byte of MessagePack may be a list of its own, and a list takes 64 bytes: so first it is seen that there are a few
    rows of a few plain values.
    """
    try:
        if any(memoryview(value)[0] in _NESTED for row in _OUTLINE.decode(block) for value in row):
            raise Mistake("moving.damaged")
        return _ROWS.decode(block)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as cause:
        raise Mistake("moving.damaged") from cause


class Reader:
    """Entries one after the other; `seen` is what they were but for the manifest, to be compared with that."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._waiting = chunks, bytearray()
        self.seen = Tally()

    def entries(self) -> Iterator[tuple[Head, Iterator[bytes]]]:
        """Each with its blocks, which have to be read before the next; raises Mistake where anything is amiss."""
        while (raw := self._sized(_HEAD_MOST, end_allowed=True)) is not None:
            if self.seen.count >= MOST_ENTRIES:
                raise Mistake("moving.damaged")
            try:
                head = msgspec.json.decode(raw, type=Head)
            except (msgspec.MsgspecError, ValueError) as cause:
                raise Mistake("moving.damaged") from cause
            blocks = self._blocks(head)
            yield head, blocks
            for _ in blocks:
                pass

    def _blocks(self, head: Head) -> Iterator[bytes]:
        digest, size = sha256(), 0
        while block := self._sized(MOST_BLOCK):
            digest.update(block)
            size += len(block)
            yield block
        if head.name != MANIFEST:
            self.seen.add(head.name, size, digest.hexdigest())

    def _sized(self, most: int, *, end_allowed: bool = False) -> bytes | None:
        raw = self._exactly(4, end_allowed=end_allowed)
        if raw is None:
            return None
        size = int.from_bytes(raw)
        if size > most:
            raise Mistake("moving.damaged")
        return self._exactly(size)

    def _exactly(self, size: int, *, end_allowed: bool = False) -> bytes | None:
        while len(self._waiting) < size:
            piece = next(self._chunks, None)
            if piece is None:
                if end_allowed and not self._waiting:
                    return None
                raise Mistake("moving.damaged")
            self._waiting += piece
        found = bytes(self._waiting[:size])
        del self._waiting[:size]
        return found


def encoded(value: object) -> bytes:
    return msgspec.msgpack.encode(value)
