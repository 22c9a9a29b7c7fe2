"""A figure and what it is counted from. A value is None where the log proves nothing: it is never a zero."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from connector.identity.audit.entry import Record

Chart = Literal["", "line", "bars", "strip"]
NOTHING_YET = "nothing-yet"
"""Why a figure has no value although the log could prove one: nothing of the kind has happened."""


class Definition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a figure counts: `types` of log entries, and why the log cannot prove it (`lacks`), if so."""

    id: str
    version: int
    unit: str
    types: tuple[str, ...] = msgspec.field(name="from")
    chart: Chart = ""
    lacks: str = ""


class _File(msgspec.Struct, frozen=True):
    figure: tuple[Definition, ...]


@cache
def definitions() -> tuple[Definition, ...]:
    """As shipped, in the order in which they are shown."""
    text = (Path(__file__).parent / "definitions.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), _File).figure


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A log entry that was counted: its id, its leaf in the tree (None until sealed), type, time (ms) and agreement."""

    id: int
    index: int | None
    type: str
    at: int
    agreement: str | None
    actor: str
    body: "Body"


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What figures read of a record's body; everything else in it is passed over."""

    action: str = ""
    agreement: str | None = None
    by: str = ""
    bytes: int = 0
    code: str = ""
    counterparty: str = ""
    dataset: str = ""
    decision: str = ""
    event: str = ""
    negotiation: str = ""
    offer: str = ""
    permit: bool | None = None
    policy: str = ""
    record: str = ""
    transfer: str = ""
    world: str = ""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A record as figures read it; `at` is in whole seconds, as it was signed."""

    type: str
    at: datetime
    agreement: str | None = None
    actor: str = ""
    body: Body = Body()


assert set(Written.__struct_fields__) <= set(Record.__struct_fields__)


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """Entries in their order, erased ones left out; `whole`: nothing older was left out for its number."""

    events: tuple[Event, ...] = ()
    whole: bool = True


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A share of a figure. `key` is a dataset, a reason's code or the name of a kind; `kin` is how much of `value` lies
    in our own groups, `of` what the value is a share of."""

    key: str
    value: float
    kin: int = 0
    of: int | None = None


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A month (`2026-11`) of a series; None where nothing could be counted then."""

    month: str
    value: float | None


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """`value` is None where there is none, and `lacks` says why. `events` are all entries that were counted; `spaces`
    how much of the value lies in each data space, by name, which may be in several."""

    definition: Definition
    value: float | None = None
    of: int | None = None
    parts: tuple[Part, ...] = ()
    spaces: tuple[Part, ...] = ()
    series: tuple[Point, ...] = ()
    events: tuple[Event, ...] = ()
    lacks: str = ""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A decision of the log made again from its case file: `reproduced`, and `equal` for another member with the same
    claims. `id` is that of the decision."""

    id: str
    reproduced: bool
    equal: bool


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What figures look at besides the log. `ends`: by digest of a contract that the log names, when that runs out by
    its own text (ms). `kin`: DIDs that share a group with us. `judged`: the decisions that could be made again.
    `spaces`: by DID, the names of the spaces through which we know whom the log names."""

    ends: dict[str, int] = {}
    kin: frozenset[str] = frozenset()
    judged: tuple[Judged, ...] = ()
    spaces: Mapping[str, Sequence[str]] = {}
