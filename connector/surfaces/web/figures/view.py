"""What a page says of a figure: its value in words, its picture, and the table with the same."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from connector.foundation.language import catalogue, decimal
from connector.oversight.figures.model import Figure, Part
from connector.surfaces.web.call import Call
from connector.surfaces.web.figures import charts

_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
SHARES: Final = frozenset({"N1", "N5", "N9"})
"""Figures that are so many of so many."""


class Row(Struct, frozen=True, kw_only=True):
    """A row of the table beside a picture."""

    label: str
    text: str
    kin: str = ""


class FigureShown(Struct, frozen=True, kw_only=True):
    """`value` is empty where there is none; then `lacks` says why. `chart` names the picture, `spaces` the data spaces
    with how much of the value lies in each."""

    id: str
    title: str
    means: str
    value: str
    lacks: str
    entries: int
    chart: str
    bars: list[charts.Bar]
    line: charts.Line | None
    strip: list[charts.Dot]
    least: str
    most: str
    rows: list[Row]
    spaces: str


def shown(call: Call, figure: Figure, titles: Mapping[str, str]) -> FigureShown:
    """`titles` are those of datasets by IRI."""
    id_ = figure.definition.id
    parts = [(label(call, id_, part.key, titles), part) for part in figure.parts]
    months = [(point.month, point.value, _month_value(call, id_, point.value)) for point in figure.series]
    drawn_line = sum(found is not None for _, found, _ in months) > 1
    drawn_strip = figure.definition.chart == "strip" and len(parts) > 1
    return FigureShown(
        id=id_,
        title=call.say(f"figures.{id_}.title"),
        means=call.say(f"figures.{id_}.means"),
        value=value(call, figure),
        lacks=call.say(f"figures.lacks.{figure.lacks}") if figure.lacks else "",
        entries=len(figure.events),
        chart="line" if drawn_line else "strip" if drawn_strip else "bars" if _has_bars(figure) else "",
        bars=charts.bars((name, _part_value(call, id_, part), part.value, part.kin) for name, part in parts),
        line=charts.line([(_month(name), found, text) for name, found, text in months], _top(id_)),
        strip=charts.strip((part.value, _part_value(call, id_, part)) for _, part in parts) if drawn_strip else [],
        least="0",
        most=_month_value(call, id_, _most(figure)),
        rows=[Row(label=name, text=_part_value(call, id_, part), kin=_kin(call, part)) for name, part in parts]
        + [Row(label=_month(name), text=text) for name, _, text in months if drawn_line],
        spaces=", ".join(f"{part.key} ({_part_value(call, id_, part)})" for part in figure.spaces),
    )


def value(call: Call, figure: Figure) -> str:
    """The number with what it counts; empty where there is none."""
    found, id_ = figure.value, figure.definition.id
    if found is None:
        return ""
    if id_ in SHARES and figure.of:
        percent = decimal(100 * found / figure.of, call.lang, 0)
        return call.say("figures.share", value=int(found), of=figure.of, percent=percent)
    if id_ == "N3":
        return duration(call, found * _DAY)
    if id_ == "N4":
        return duration(call, found)
    return decimal(found, call.lang, 0)


def duration(call: Call, seconds: float) -> str:
    """As people say it, with one decimal from minutes on; records have whole seconds, so less cannot be told."""
    for unit, length in (("days", _DAY), ("hours", _HOUR), ("minutes", _MINUTE)):
        if seconds >= 2 * length:
            return call.say(f"figures.unit.{unit}", count=decimal(seconds / length, call.lang, 1))
    if seconds < 1:
        return call.say("figures.unit.instant")
    if round(seconds) == 1:
        return call.say("figures.unit.second")
    return call.say("figures.unit.seconds", count=decimal(seconds, call.lang, 0))


def label(call: Call, id_: str, key: str, titles: Mapping[str, str]) -> str:
    """What a part is called: the title of a dataset, a reason or a kind in words; a partner's own code as it is."""
    if "/" in key:
        return titles.get(key) or call.say("figures.no-title", id=key.rpartition("/")[2][:8])
    group = {"N4": "pace", "N7": "reason", "N9": "verdict"}.get(id_, "")
    known = f"figures.{group}.{key}"
    return call.say(known) if known in catalogue(call.lang) else call.say("figures.other-reason", code=key[:60])


def _has_bars(figure: Figure) -> bool:
    return figure.definition.chart == "bars" and any(part.value for part in figure.parts)


def _part_value(call: Call, id_: str, part: Part) -> str:
    if id_ == "N3":
        return duration(call, part.value * _DAY)
    if id_ == "N4":
        return call.say("figures.median-of", value=duration(call, part.value), of=part.of or 0)
    return decimal(part.value, call.lang, 0)


def _month_value(call: Call, id_: str, found: float | None) -> str:
    if found is None:
        return call.say("figures.none")
    if id_ in SHARES:
        return f"{decimal(100 * found, call.lang, 0)} %"
    return duration(call, found * (_DAY if id_ == "N3" else 1))


def _top(id_: str) -> float | None:
    return 1.0 if id_ in SHARES else None


def _most(figure: Figure) -> float:
    if figure.definition.id in SHARES:
        return 1.0
    points = [point.value for point in figure.series if point.value is not None]
    return max([*points, *(part.value for part in figure.parts if figure.definition.chart == "strip")], default=0.0)


def _month(name: str) -> str:
    """`11/2026`"""
    year, _, month = name.partition("-")
    return f"{month}/{year}"


def _kin(call: Call, part: Part) -> str:
    return decimal(part.kin, call.lang, 0)
