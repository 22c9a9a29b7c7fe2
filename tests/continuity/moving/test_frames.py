"""What stands in a block: rows of plain values, and nothing that takes more memory than it has bytes."""

import tracemalloc
from collections.abc import Iterator

import pytest

from connector.continuity.moving import frames
from connector.continuity.moving.frames import (
    MOST_BLOCK,
    MOST_ROWS,
    Head,
    Reader,
    Value,
    Writer,
    packed,
    portions,
    unpacked,
)
from connector.continuity.moving.manifest import Entry, tally_of
from connector.foundation.errors import Mistake

FILL = MOST_BLOCK - 16


def array(size: int) -> bytes:
    """The head of an array in MessagePack."""
    return b"\xdd" + size.to_bytes(4)


@pytest.mark.threat("T109")
@pytest.mark.parametrize(
    "block",
    [
        array(FILL) + b"\x90" * FILL,  # rows without values
        array(FILL // 2) + b"\x91\xc0" * (FILL // 2),  # rows of one value
        array(1) + array(FILL) + b"\xc0" * FILL,  # one row of many values
        array(1) + array(1) + array(FILL) + b"\x90" * FILL,  # a value that is a list of lists
        array(1) + array(1) + array(FILL) + b"\x80" * FILL,  # of maps
        array(1) + array(1) + b"\xdf" + (FILL // 2).to_bytes(4) + b"\xc0\x90" * (FILL // 2),  # a map of lists
        array(1) + b"\x91" * FILL + b"\xc0",  # deeper than anybody counts
        array(1) + array(1) + b"\xd6\xff\x00\x00\x00\x00",  # a time, which no column has
    ],
    ids=["rows", "thin rows", "values", "lists", "maps", "a map", "depth", "time"],
)
def test_a_block_takes_no_more_memory_than_it_has_bytes(block: bytes) -> None:
    """>> the largest block, made of what takes the most memory for a byte << refused before it is unfolded."""
    tracemalloc.start()
    try:
        with pytest.raises(Mistake, match="damaged"):
            unpacked(block)
        assert tracemalloc.get_traced_memory()[1] < MOST_BLOCK
    finally:
        tracemalloc.stop()


def test_rows_come_out_as_they_went_in() -> None:
    """>> as many rows as are read at once, with a value of each kind; a text of many bytes << the same."""
    rows: list[tuple[Value, ...]] = [(at, -at, "ä" * at, bytes(at), None, 1 << 40) for at in range(MOST_ROWS)]
    for some in ([*rows], [("x" * 70_000, b"y" * 5_000_000)]):
        assert [row for block in portions(some) for row in unpacked(packed(block))] == some


@pytest.mark.threat("T124")
def test_a_million_empty_entries_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """>> 5,000 entries of nothing, with long names; one more than there may be << read in less than a MiB; damaged."""

    def entries(count: int) -> Iterator[bytes]:
        writer = Writer()
        for at in range(count):
            yield writer.begin(Head(name=f"files/{at:07d}/{'x' * 200}")) + writer.end()
            writer.entries.clear()

    tracemalloc.start()
    try:
        reader = Reader(entries(5_000))
        assert sum(1 for _ in reader.entries()) == reader.seen.count == 5_000
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    monkeypatch.setattr(frames, "MOST_ENTRIES", 100)
    with pytest.raises(Mistake, match="damaged"):
        list(Reader(entries(101)).entries())


@pytest.mark.threat("T124")
@pytest.mark.parametrize("said", [MOST_BLOCK + 1, (1 << 32) - 1])
def test_a_block_that_says_it_is_longer_is_not_waited_for(said: int) -> None:
    """>> a length beyond the longest, of a head or a block, with octets without end behind it << damaged, and none of
    them asked for."""
    asked = 0

    def chunks(before: bytes) -> Iterator[bytes]:
        nonlocal asked
        yield before + said.to_bytes(4)
        while True:
            asked += 1
            assert asked < 100
            yield bytes(1 << 20)

    for before in (b"", Writer().begin(Head(name="files/a"))):
        asked = 0
        with pytest.raises(Mistake, match="damaged"):
            [list(blocks) for _, blocks in Reader(chunks(before)).entries()]
        assert asked == 0


@pytest.mark.threat("T124")
def test_entries_in_another_order_or_with_other_bounds_are_others() -> None:
    """>> the same entries; exchanged; one that is called as two << the same digest; others."""
    one, two = Entry("a", 1, "0" * 64), Entry("b", 2, "1" * 64)
    assert tally_of([one, two]) == tally_of(iter((one, two)))
    merged = Entry('a",1,"' + "0" * 64 + '"]["b', 2, "1" * 64)
    assert len({tally_of(some) for some in ([one, two], [two, one], [one], [merged], [])}) == 5
