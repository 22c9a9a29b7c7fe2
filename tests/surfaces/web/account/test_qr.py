"""QR codes: read back by the rules of the standard, without what the encoder used to place them."""

import pytest

from connector.foundation.errors import Defect
from connector.surfaces.web.account import qr


def read(grid: list[list[bool]]) -> bytes:
    """The data of a code with one block: mask 0, byte mode, from the bottom right upwards in pairs of columns."""
    size = len(grid)
    free = qr._patterns((size - 17) // 4)
    bits, upward, right = [], True, size - 1
    while right > 0:
        right -= right == 6
        for y in range(size - 1, -1, -1) if upward else range(size):
            bits += [grid[y][x] ^ ((x + y) % 2 == 0) for x in (right, right - 1) if free[y][x] is None]
        upward, right = not upward, right - 2
    number = lambda some: int("".join("01"[bit] for bit in some), 2)  # noqa: E731
    assert number(bits[:4]) == 4
    length = number(bits[4:12])
    return bytes(number(bits[at : at + 8]) for at in range(12, 12 + 8 * length, 8))


@pytest.mark.parametrize("count", [1, 17, 18, 53, 78, 106])
def test_what_is_written_can_be_read(count: int) -> None:
    data = (b"otpauth://totp/Hanse:petra%40musterstadt.de?secret=" * 3)[:count]
    assert read(qr.matrix(data)) == data


def test_the_example_of_the_standard() -> None:
    """>> the codewords of annex I (version 1-M, `01234567`) << their check words; and the format of level L, mask 0."""
    words = bytes([16, 32, 12, 86, 97, 128, 236, 17, 236, 17, 236, 17, 236, 17, 236, 17])
    assert qr._check(words, 10) == [165, 36, 212, 193, 237, 54, 199, 135, 44, 85]
    grid = qr.matrix(b"x")
    assert [grid[8][x] for x in (0, 1, 2, 3, 4, 5, 7, 8)] == [True, True, True, False, True, True, True, True]
    assert qr._remainder(7, 0x1F25, 12) == 0b000111110010010100


def test_sizes_and_limits() -> None:
    """>> longer and longer << larger versions, then a defect instead of a picture that nobody can read."""
    assert [len(qr.matrix(b"x" * count)) for count in (17, 18, 300, 858)] == [21, 25, 61, 97]
    with pytest.raises(Defect):
        qr.matrix(b"x" * 859)
    assert 'aria-label="a &amp; b"' in qr.svg("x", "a & b")
