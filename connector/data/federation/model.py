"""What a crawl reads, what it sets aside and how it stands with each member (spec/metadata-federation.md 1.4)."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from connector.foundation.errors import HanseError

Form = Literal["", "inventory", "catalogue"]
"""How a member was read last: by its inventory, or its whole catalogue; empty: not yet."""


class UnreadEntry(Struct, frozen=True):
    """An entry of a catalogue that is no dataset, and where that shows."""

    name: str | None
    pointer: str


class CataloguePage(Struct, frozen=True, kw_only=True):
    """A page of a peer's catalogue; `url` is where it was asked for, `following` the address of the next one."""

    entries: tuple[dict[str, Any], ...]
    unread: tuple[UnreadEntry, ...]
    following: str | None
    url: str


class SetAside(Struct, frozen=True, kw_only=True):
    """A dataset that was shown and cannot be used: `told` is what its provider calls this state of it, `code` why."""

    dataset: str
    told: str
    code: str
    facts: Mapping[str, object] = {}

    @staticmethod
    def of(dataset: str, told: str, error: HanseError) -> "SetAside":
        facts = {name: str(value)[:200] for name, value in error.facts.items()}
        return SetAside(dataset=dataset, told=told, code=error.code, facts=facts)


class CrawlState(Struct, frozen=True, kw_only=True):
    """A row of `crawl`: `digest` of the inventory that the copies agree with, `due_at` of the next crawl (ms).

    `failures` in a row, `code` and `facts` of the last one; `doubted_at`: since when a listing is not believed.
    """

    provider: str
    form: Form = ""
    digest: str | None = None
    due_at: int = 0
    failures: int = 0
    code: str | None = None
    facts: Mapping[str, object] = {}
    doubted_at: int | None = None


class CrawlResult(Struct, frozen=True, kw_only=True):
    """What one crawl brought: `error` why it is not complete, or None. Counts are of datasets."""

    provider: str
    form: Form
    listed: int = 0
    fetched: int = 0
    gone: int = 0
    set_aside: int = 0
    unchanged: bool = False
    doubted: bool = False
    error: HanseError | None = None
