"""Groups that a participant keeps itself, as people and programs see them."""

import msgspec

from connector.oversight.partners.groups import GroupMembers
from connector.surfaces.views.fields import Time, time


class GroupMemberView(msgspec.Struct, frozen=True, kw_only=True):
    """`until` is empty for who is in it now."""

    did: str
    since: Time | None
    until: Time | None


class GroupView(msgspec.Struct, frozen=True, kw_only=True):
    """`group` is its IRI, for rules; `label` its name by language; `ended` if it has."""

    name: str
    group: str
    label: dict[str, str]
    ended: Time | None
    members: list[GroupMemberView]


class GroupsView(msgspec.Struct, frozen=True):
    groups: list[GroupView]


def group(found: GroupMembers) -> GroupView:
    one = found.group
    return GroupView(
        name=one.name,
        group=found.iri,
        label=dict(one.label),
        ended=time(one.ended_at),
        members=[GroupMemberView(did=who.did, since=time(who.since), until=time(who.until)) for who in found.members],
    )
