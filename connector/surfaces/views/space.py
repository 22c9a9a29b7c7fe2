"""Spaces as people and programs see them: the authority's side, and the spaces that a participant belongs to."""

from collections.abc import Callable, Sequence

import msgspec

from connector.dataspace.spaces.documents import Description, GroupStanding
from connector.dataspace.spaces.joining.groups import GroupStandings
from connector.dataspace.spaces.keeping.groups import GroupMembers
from connector.dataspace.spaces.keeping.invitations import NewInvitation
from connector.dataspace.spaces.model import (
    Application,
    Invitation,
    Joined,
    Member,
    RecognisedAuthority,
    Rules,
    fingerprint,
)
from connector.identity.trust.members.roots import authority_pem
from connector.surfaces.views.fields import Time, time
from connector.surfaces.views.merger import OwnMergerView, own


class SpaceView(msgspec.Struct, frozen=True, kw_only=True):
    """`fingerprint` is what people compare by voice; `list` is where the signed list lies."""

    space: str
    name: str
    authority: str
    did: str
    fingerprint: str
    list: str
    rules: Rules


class InvitationView(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: open, used, withdrawn, or expired."""

    id: str
    name: str
    ars: str
    kind: str
    domain: str
    state: str
    until: Time | None
    application: str | None


class InvitedView(msgspec.Struct, frozen=True, kw_only=True):
    """`link` carries the code; it is shown now and never again."""

    id: str
    name: str
    link: str
    until: Time | None


class InvitationsView(msgspec.Struct, frozen=True):
    invitations: list[InvitationView]


class CheckView(msgspec.Struct, frozen=True, kw_only=True):
    """`by` is the pseudonym of who noted it; empty: this machine found it out."""

    name: str
    good: bool
    note: str
    by: str
    at: Time | None


class AttachmentView(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    media_type: str
    sha256: str
    size: int


class ApplicationView(msgspec.Struct, frozen=True, kw_only=True):
    """`name` is what it calls itself, `invited` whom the authority invited; `agent` (a DID) acts for it by a mandate
    that it sealed, empty: nobody; `missing` people have to approve yet."""

    id: str
    did: str
    name: str
    invited: str
    operator: str
    agent: str
    kind: str
    ars: str
    state: str
    checks: list[CheckView]
    open_checks: list[str]
    documents: list[AttachmentView]
    approved_by: list[str]
    missing: int
    reason: str
    asked: Time | None
    decided: Time | None


class ApplicationsView(msgspec.Struct, frozen=True):
    applications: list[ApplicationView]


class SpaceMemberView(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: active, suspended, expelled, left, ended."""

    did: str
    name: str
    operator: str
    kind: str
    ars: str
    state: str
    since: Time | None
    until: Time | None
    reason: str


class SpaceMembersView(msgspec.Struct, frozen=True):
    members: list[SpaceMemberView]


class GroupedView(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: asked, member, ended. `since` is empty for who never agreed."""

    did: str
    state: str
    since: Time | None
    until: Time | None


class SpaceGroupView(msgspec.Struct, frozen=True, kw_only=True):
    """`group` is its IRI, `label` its name by language, `keeper` the DID of who fills it; `ended` if it has."""

    name: str
    group: str
    label: dict[str, str]
    keeper: str
    ended: Time | None
    members: list[GroupedView]


class SpaceGroupsView(msgspec.Struct, frozen=True):
    groups: list[SpaceGroupView]


class GroupStandingView(msgspec.Struct, frozen=True, kw_only=True):
    """A group of a space that the participant belongs to: `state` asked, member, or empty; `members` (DID and state) if
    it keeps the group."""

    group: str
    label: dict[str, str]
    keeper: str
    state: str
    members: dict[str, str]


class GroupStandingsView(msgspec.Struct, frozen=True):
    """`away` are spaces (IRI) whose authorities say nothing now."""

    groups: list[GroupStandingView]
    away: list[str]


class RecognisedView(msgspec.Struct, frozen=True, kw_only=True):
    space: str
    name: str
    authority: str
    fingerprint: str
    kinds: list[str]
    since: Time | None


class RecognisedSpacesView(msgspec.Struct, frozen=True):
    spaces: list[RecognisedView]


class JoinedView(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: applying, pending, member, refused, left, ended; `key` is the public key that was compared (PEM).

    `until` is the end of the membership by the newest list that was booked, `suspended` whether that suspends it,
    `mergers` are those that the participant is part of.
    """

    space: str
    name: str
    authority: str
    fingerprint: str
    state: str
    reason: str
    key: str
    asked: Time | None
    changed: Time | None
    until: Time | None
    suspended: bool
    mergers: list[OwnMergerView]


class UntoldView(msgspec.Struct, frozen=True):
    """Names of partners that do not know yet that a contract has ended."""

    partners: list[str]


class JoinedSpacesView(msgspec.Struct, frozen=True):
    spaces: list[JoinedView]


def space(said: Description) -> SpaceView:
    return SpaceView(
        space=said.space,
        name=said.name,
        authority=said.authority,
        did=said.did,
        fingerprint=said.fingerprint,
        list=said.list,
        rules=said.rules,
    )


def invited(made: NewInvitation) -> InvitedView:
    one = made.invitation
    return InvitedView(id=one.id, name=one.name, link=made.link, until=time(one.until))


def invitation(one: Invitation, now: int) -> InvitationView:
    state = "expired" if one.state == "open" and one.until <= now else one.state
    return InvitationView(
        id=one.id,
        name=one.name,
        ars=one.ars,
        kind=one.kind,
        domain=one.domain,
        state=state,
        until=time(one.until),
        application=one.application,
    )


def application(one: Application, rules: Rules, invited_as: str) -> ApplicationView:
    noted = {check.name for check in one.checks if check.by and check.good}
    return ApplicationView(
        id=one.id,
        did=one.did,
        name=one.name,
        invited=invited_as,
        operator=one.operator,
        agent=one.agent,
        kind=one.kind,
        ars=one.ars,
        state=one.state,
        checks=[
            CheckView(name=check.name, good=check.good, note=check.note, by=check.by, at=time(check.at))
            for check in one.checks
        ],
        open_checks=[name for name in rules.checklist if name not in noted],
        documents=[
            AttachmentView(name=it.name, media_type=it.media_type, sha256=it.sha256, size=it.size)
            for it in one.attachments
        ],
        approved_by=[vote.who for vote in one.votes],
        missing=max(one.ballot.missing("steward"), 0) if one.state == "pending" else 0,
        reason=one.reason,
        asked=time(one.asked_at),
        decided=time(one.decided_at),
    )


def member(one: Member) -> SpaceMemberView:
    return SpaceMemberView(
        did=one.did,
        name=one.name,
        operator=one.operator,
        kind=one.kind,
        ars=one.ars,
        state=one.state,
        since=time(one.since),
        until=time(one.until),
        reason=one.reason,
    )


def group(found: GroupMembers) -> SpaceGroupView:
    one = found.group
    return SpaceGroupView(
        name=one.name,
        group=found.iri,
        label=dict(one.label),
        keeper=one.keeper,
        ended=time(one.ended_at),
        members=[
            GroupedView(did=who.did, state=who.state, since=time(who.since), until=time(who.until))
            for who in found.grouped
        ],
    )


def standings(found: GroupStandings) -> GroupStandingsView:
    return GroupStandingsView([standing(one) for one in found.groups], [one.space for one in found.away])


def standing(one: GroupStanding) -> GroupStandingView:
    return GroupStandingView(
        group=one.group,
        label=one.name,
        keeper=one.keeper,
        state=one.state,
        members={did: str(state) for did, state in one.members.items()},
    )


def recognised(found: Sequence[RecognisedAuthority]) -> RecognisedSpacesView:
    return RecognisedSpacesView(
        [
            RecognisedView(
                space=one.space,
                name=one.name,
                authority=one.authority,
                fingerprint=fingerprint(one.authority),
                kinds=list(one.kinds),
                since=time(one.since),
            )
            for one in found
        ]
    )


def joined(one: Joined, name: Callable[[str], str]) -> JoinedView:
    """`name` is that of a DID."""
    return JoinedView(
        space=one.space,
        name=one.name,
        authority=one.authority,
        fingerprint=fingerprint(one.authority),
        state=one.state,
        reason=one.reason,
        key=authority_pem(one.jwk),
        asked=time(one.asked_at),
        changed=time(one.changed_at),
        until=time(one.until),
        suspended=one.suspended,
        mergers=own(one, name),
    )
