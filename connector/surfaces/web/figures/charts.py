"""Pictures drawn here: bars, a line of months, a strip of points. Places are shares of the width, so that a picture is
as wide as its page and letters keep their size; everything in it stands in the table beside it too. Pure.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from msgspec import Struct

HEIGHT: Final = 160
TOP: Final = 16
FOOT: Final = 132
"""Of a line of months: the place of the largest value, and that of nothing."""
_EDGE: Final = 4.0
ROW: Final = 44
"""Of bars: pixels for each, its words above it."""
MOST_BARS: Final = 20


class Bar(Struct, frozen=True, kw_only=True):
    """`share` and `kin` of the longest bar, in percent of the width; `y` in pixels. `text` is its value in words."""

    label: str
    text: str
    share: float
    kin: float
    y: int


class Dot(Struct, frozen=True, kw_only=True):
    """`x` in percent of the width, `y` in pixels; `label` is said below it if it is not empty."""

    x: float
    y: float
    text: str
    label: str = ""


class Line(Struct, frozen=True, kw_only=True):
    """Dots of the months that have a value, what joins two neighbours, and the labels of the axis."""

    dots: tuple[Dot, ...]
    joins: tuple[tuple[Dot, Dot], ...]
    labels: tuple[Dot, ...]
    most: float


def bars(found: Iterable[tuple[str, str, float, float]]) -> list[Bar]:
    """Of (label, value in words, value, how much of it is kin), in this order; nothing that is negative."""
    chosen = list(found)[:MOST_BARS]
    most = max((value for _, _, value, _ in chosen), default=0.0) or 1.0
    return [
        Bar(label=label, text=text, share=_share(value, most), kin=_share(min(kin, value), most), y=number * ROW)
        for number, (label, text, value, kin) in enumerate(chosen)
    ]


def line(months: Sequence[tuple[str, float | None, str]], most: float | None = None) -> Line:
    """Of (label, value, value in words) by month; `most` is the top of the scale, else the largest value is."""
    values = [value for _, value, _ in months if value is not None]
    top = most or max(values, default=0.0) or 1.0
    step = (100 - 2 * _EDGE) / max(1, len(months) - 1)
    places = [
        (number, Dot(x=round(_EDGE + number * step, 2), y=round(_height(value, top), 1), text=text))
        for number, (_, value, text) in enumerate(months)
        if value is not None
    ]
    return Line(
        dots=tuple(dot for _, dot in places),
        joins=tuple((a, b) for (i, a), (j, b) in pairwise(places) if j == i + 1),
        labels=tuple(
            Dot(x=round(_EDGE + number * step, 2), y=HEIGHT - 6, text=label, label=label)
            for number, (label, _, _) in enumerate(months)
            if (len(months) - 1 - number) % 4 == 0
        ),
        most=top,
    )


def strip(found: Iterable[tuple[float, str]]) -> list[Dot]:
    """Of (value, value in words): each on one line between nothing and the largest."""
    values = sorted(found)
    most = max((value for value, _ in values), default=0.0) or 1.0
    return [
        Dot(x=round(_EDGE + _share(value, most) * (100 - 2 * _EDGE) / 100, 2), y=40, text=text)
        for value, text in values
    ]


def _share(value: float, most: float) -> float:
    return round(100 * max(0.0, value) / most, 2)


def _height(value: float, most: float) -> float:
    return FOOT - (FOOT - TOP) * max(0.0, min(value / most, 1.0))
