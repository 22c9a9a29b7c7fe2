"""QR codes as SVG: bytes at level L, up to version 20, which is enough for any address of a second factor.

Source: ISO/IEC 18004:2015, by segno (decision 0212).
"""

from typing import Final

import segno
from markupsafe import Markup

from connector.foundation.errors import Defect

_QUIET: Final = 4
_MOST: Final = 858
"""Bytes of version 20; cameras of telephones have trouble with finer pictures on a screen."""


def svg(text: str, label: str) -> Markup:
    """Black on white whatever the page's colours are, because not every reader takes the opposite; Defect for more than
    858 bytes, which no reader would take from a screen."""
    rows = matrix(text.encode())
    size = len(rows) + 2 * _QUIET
    path = "".join(
        f"M{x + _QUIET},{y + _QUIET}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark
    )
    return Markup(
        '<svg class="desk-qr" viewBox="0 0 {size} {size}" width="{wide}" height="{wide}" role="img"'
        ' aria-label="{label}" shape-rendering="crispEdges">'
        '<rect width="{size}" height="{size}" fill="#fff"/><path d="{path}" fill="#000"/></svg>'
    ).format(size=size, wide=size * 5, label=label, path=path)


def matrix(data: bytes) -> tuple[bytearray, ...]:
    """Rows of modules, 1 is dark."""
    if len(data) > _MOST:
        raise Defect("web.qr", size=len(data))
    return tuple(segno.make_qr(data, error="l", mode="byte", boost_error=False).matrix)
