"""Groups of a space: how they are called, who may say who is in them, and what the list says of that. Pure.

Two have to want it: who keeps the group names a member, and that member agrees, for it is named in public. Either ends
it alone (spec/spaces.md 7; threat T107).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from connector.dataspace.spaces.model import MOST_ENDED, MOST_PERIODS, Group, GroupMembership, Member
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake, PeerError, Unknown
from connector.identity.trust.members import trust_list

PLACE: Final = "/groups/"
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class NotKeeper(PeerError):
    """403: the member that asks does not keep the group, and may not say who is in it."""

    status = 403


def checked_name(name: str) -> str:
    """The name itself; raises Mistake if it could not end an IRI."""
    if not _NAME.fullmatch(name):
        raise Mistake("spaces.group-name", name=name[:80])
    return name


def iri(place: str, name: str) -> str:
    """The IRI of a group; `place` is that of its space."""
    return f"{place}{PLACE}{name}"


def name_of(space: str, group: str) -> str:
    """The name of a group of this space by its IRI; raises Unknown for a group elsewhere."""
    before, place, name = group.rpartition(PLACE)
    if not place or before != space or not _NAME.fullmatch(name):
        raise Unknown("spaces.no-group", group=group[:200])
    return name


def space_of(group: str) -> str:
    """The IRI of the space whose group it would be."""
    return group.rpartition(PLACE)[0]


def require_keeper(group: Group, asks: Member) -> None:
    """Raises NotKeeper unless who asks keeps the group and is a member in good standing."""
    if asks.did != group.keeper or asks.state != "active":
        raise NotKeeper("spaces.not-keeper")


def require_going(group: Group) -> None:
    """Raises Mistake for a group that has ended."""
    if group.ended_at is not None:
        raise Mistake("spaces.group-ended", group=group.name)


def periods(space: str, grouped: Iterable[GroupMembership]) -> Mapping[str, Sequence[trust_list.GroupPeriod]]:
    """What the list says of each member (DID): when it has been in which group; who has not agreed is in none."""
    found: dict[str, list[GroupMembership]] = {}
    been = [one for one in grouped if one.since is not None]
    ended = sorted((one for one in been if one.until is not None), key=lambda one: -(one.until or 0))
    for one in (*(one for one in been if one.until is None), *ended[:MOST_ENDED]):
        found.setdefault(one.did, []).append(one)
    return {did: [_period(space, one) for one in _latest(rows)] for did, rows in found.items()}


def _latest(rows: list[GroupMembership]) -> list[GroupMembership]:
    """The periods that the list names of one member, as many as it may, in one order."""
    newest = sorted(rows, key=lambda one: (one.until is not None, -(one.until or 0)))[:MOST_PERIODS]
    return sorted(newest, key=lambda one: (one.name, one.number))


def _period(space: str, one: GroupMembership) -> trust_list.GroupPeriod:
    return trust_list.GroupPeriod(
        iri(space, one.name), rfc3339(one.since or 0), None if one.until is None else rfc3339(one.until)
    )


def listed(space: str, one: Group) -> trust_list.Group:
    """What the list says of a group itself."""
    until = None if one.ended_at is None else rfc3339(one.ended_at)
    return trust_list.Group(iri(space, one.name), dict(one.label), one.keeper, until)
