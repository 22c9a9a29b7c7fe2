"""QR codes: which sizes they have, and that the picture is the code."""

import re

import pytest

from connector.foundation.errors import Defect
from connector.surfaces.web.account import qr

TEXT = "otpauth://totp/Hanse:petra%40musterstadt.de?secret=ÄÖÜ"


def test_the_picture_is_the_code() -> None:
    """>> the squares of the SVG << the dark modules, with four modules of white around them."""
    rows, picture = qr.matrix(TEXT.encode()), str(qr.svg(TEXT, "x"))
    squares = {(int(x) - 4, int(y) - 4) for x, y in re.findall(r"M(\d+),(\d+)h1v1h-1z", picture)}
    assert squares == {(x, y) for y, row in enumerate(rows) for x, dark in enumerate(row) if dark}
    assert f'viewBox="0 0 {len(rows) + 8} {len(rows) + 8}"' in picture


def test_it_is_level_l_whatever_room_is_left() -> None:
    """>> the first bits of the format << level L (01, under the mask 10 of the standard): the fewest modules."""
    for count in (1, 17, 300):
        grid = qr.matrix(b"x" * count)
        assert [grid[8][0], grid[8][1]] == [1, 1]


def test_sizes_and_limits() -> None:
    """>> longer and longer << larger versions, then a defect instead of a picture that nobody can read."""
    assert [len(qr.matrix(b"x" * count)) for count in (17, 18, 300, 858)] == [21, 25, 61, 97]
    with pytest.raises(Defect):
        qr.matrix(b"x" * 859)
    assert 'aria-label="a &amp; b"' in qr.svg("x", "a & b")
