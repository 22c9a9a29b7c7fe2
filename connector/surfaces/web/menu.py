"""The way through the desk: six entries, each with its pages; what a role may not open is not shown (spec/desk.md 1.5).

An entry is where its first page is that exists and that the person may open.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from connector.surfaces.web.call import Call

SECTIONS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("today", ("",)),
    ("share", ("datasets", "publish")),
    ("find", ("find", "requests")),
    ("contracts", ("contracts", "approvals", "deliveries")),
    ("partners", ("partners", "network", "spaces")),
    ("figures", ("figures",)),
)
"""Entries, and the first part of the path of each of their pages."""
BELOW: Final = {"imports": "datasets", "space": "spaces", "applications": "spaces"}
"""Pages that stand below one of these although their path does not say so."""
ASIDE: Final = ("notifications", "beginning", "people", "tokens")
"""Pages of a participant that stand behind the person's name."""


class Entry(Struct, frozen=True):
    """`here`: the page that is shown is this one or lies below it."""

    name: str
    href: str
    here: bool
    pages: tuple["Entry", ...] = ()


class Choice(Struct, frozen=True):
    """A participant that the person may turn to."""

    name: str
    href: str
    here: bool


def sections(call: Call) -> list[Entry]:
    """Empty on pages of no participant."""
    if call.participant is None:
        return []
    found = []
    for name, pages in SECTIONS:
        shown = tuple(_open(call, pages))
        if shown:
            found.append(Entry(name, shown[0].href, any(page.here for page in shown), shown))
    return found


def aside(call: Call) -> list[Entry]:
    return [] if call.participant is None else list(_open(call, ASIDE))


async def choices(call: Call) -> list[Choice]:
    """By name; the participants at which this person has a role."""
    if call.signed is None:
        return []
    here = call.participant.id if call.participant is not None else ""
    hosted = [one.participant for one in await call.desk.participants.all()]
    found = [Choice(one.name, f"/t/{one.id}/", one.id == here) for one in hosted if call.signed.roles.get(one.id)]
    return sorted(found, key=lambda one: (one.name.casefold(), one.href))


def _open(call: Call, pages: Iterable[str]) -> Iterable[Entry]:
    part = call.request.path.removeprefix(call.at()).partition("/")[0]
    part = BELOW.get(part, part)
    for page in pages:
        allowed = call.desk.paths.get(f"/t/{{p}}/{page}", frozenset())
        if allowed & call.roles:
            yield Entry(page or "today", call.at(page) if page else call.at(), part == page)
