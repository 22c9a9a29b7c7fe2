"""How a membership stands by the list of its space, and what of that people should hear of (spec/spaces.md 3)."""

from collections.abc import Iterator

from msgspec.structs import replace

from connector.dataspace.spaces.model import SKEW_MS, Joined
from connector.identity.trust.members.trust_list import Anchor, millis


def by_list(one: Joined, listed: Anchor, did: str, now: int) -> Joined:
    """A list that was made before we were told of the membership says nothing of it."""
    entry = listed.entry(did)
    if entry is None or (entry.valid_until is not None and millis(entry.valid_until) <= now):
        if one.state == "ended" or millis(listed.current.issued) <= one.changed_at + SKEW_MS:
            return one
        return replace(one, state="ended", until=None, suspended=False)
    until = None if entry.valid_until is None else millis(entry.valid_until)
    return replace(one, state="member", until=until, suspended=entry.state == "suspended")


def news(before: Joined, after: Joined) -> Iterator[str]:
    """What people should hear of: the first end that a list says is none."""
    if after.state != before.state:
        yield after.state
        return
    if after.suspended is not before.suspended:
        yield "suspended" if after.suspended else "resumed"
    if before.until is not None and (after.until is None or after.until > before.until):
        yield "renewed"
