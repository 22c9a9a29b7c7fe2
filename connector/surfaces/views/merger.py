"""Mergers of members of a space, as its authority's people and programs see them. Days are those of the space."""

from collections.abc import Callable, Sequence

import msgspec

from connector.dataspace.spaces.documents import RequestClaims
from connector.dataspace.spaces.keeping.mergers import MemberMerger
from connector.dataspace.spaces.model import Joined, OwnMerger
from connector.identity.trust.members.trust_list import millis
from connector.surfaces.views.fields import Time, day, time


class MergerView(msgspec.Struct, frozen=True, kw_only=True):
    """`did` is part of `into` by law since that day (YYYY-MM-DD); `state`: asked (by one of both), said (by both),
    withdrawn (by the member), lapsed (either has moved), approved, refused, expired. `missing` people have to agree
    yet; `listed`: since when the list says it."""

    did: str
    name: str
    into: str
    into_name: str
    since: str
    state: str
    approved_by: list[str]
    missing: int
    reason: str
    listed: Time | None


class MergersView(msgspec.Struct, frozen=True):
    mergers: list[MergerView]


class OwnMergerView(msgspec.Struct, frozen=True, kw_only=True):
    """`member` is part of `into` since that day, DIDs with the names that the list has for them; `state`: waiting,
    unsaid (only the other one has said it), approved, refused, expired, withdrawn (by the other one), lapsed
    (either has moved before anybody decided)."""

    member: str
    member_name: str
    into: str
    into_name: str
    since: str
    state: str


class MergerSaidView(msgspec.Struct, frozen=True, kw_only=True):
    """What the authority was told."""

    space: str
    member: str
    into: str
    since: str


def mergers(found: Sequence[MemberMerger], now: int) -> MergersView:
    """`now` in milliseconds."""
    return MergersView([_merger(one, now) for one in found])


def said(one: RequestClaims) -> MergerSaidView:
    return MergerSaidView(space=one.space, member=one.member, into=one.into, since=day(millis(one.since)))


def own(one: Joined, name: Callable[[str], str]) -> list[OwnMergerView]:
    """What the participant has said of mergers in a space, or was said of it; `name` is that of a DID."""
    return [
        OwnMergerView(
            member=member,
            member_name=name(member),
            into=it.into,
            into_name=name(it.into),
            since=day(it.since),
            state=state_of(it),
        )
        for member, it in one.mergers.items()
    ]


def state_of(one: OwnMerger) -> str:
    """As people read it: whether our own word is missing."""
    return "unsaid" if one.state == "waiting" and not one.said else one.state


def _merger(one: MemberMerger, now: int) -> MergerView:
    it = one.merger
    return MergerView(
        did=one.member.did,
        name=one.member.name,
        into=it.into,
        into_name=one.into_name,
        since=day(it.since),
        state=one.state(now),
        approved_by=[vote.who for vote in it.ballot.votes],
        missing=one.missing(now),
        reason=it.reason,
        listed=None if it.listed is None else time(it.listed),
    )
