"""Puts the slice together: the role of an authority, its lists, and joining the spaces of others."""

import msgspec
from msgspec import Struct

from connector.data.approvals.widening import Widening
from connector.dataspace.spaces.decision import member_keys
from connector.dataspace.spaces.joining import groups as joined_groups
from connector.dataspace.spaces.joining import joining
from connector.dataspace.spaces.joining.groups import GroupsElsewhere
from connector.dataspace.spaces.joining.joining import Joining
from connector.dataspace.spaces.joining.mergers import OwnMergers
from connector.dataspace.spaces.keeping import issuing
from connector.dataspace.spaces.keeping import recovery as recovering
from connector.dataspace.spaces.keeping.alarms import Alarms
from connector.dataspace.spaces.keeping.applications import Applications
from connector.dataspace.spaces.keeping.authority import People, SpaceAuthority
from connector.dataspace.spaces.keeping.certificates import Certificates
from connector.dataspace.spaces.keeping.groups import SpaceGroups
from connector.dataspace.spaces.keeping.hints import Hints
from connector.dataspace.spaces.keeping.invitations import Invitations
from connector.dataspace.spaces.keeping.issuing import ListIssuer
from connector.dataspace.spaces.keeping.memberships import Memberships
from connector.dataspace.spaces.keeping.mergers import Mergers
from connector.dataspace.spaces.keeping.recovery import ListRecovery
from connector.dataspace.spaces.model import GivenMandate, Keys, WitnessKeys
from connector.dataspace.witness.keys import WitnessKeys as Vouching
from connector.identity.infra import Infra
from connector.identity.jobs.background import Background
from connector.identity.jobs.work import Work
from connector.identity.participants.service import Hosted, Participants
from connector.identity.trust.assemble import TrustSlice
from connector.identity.trust.members.entries import entry
from connector.identity.trust.signers.registry import SignerRegistry
from connector.verify.checks import mandate

HINTS_S = 1.0


class SpaceSlice(Struct, frozen=True, kw_only=True):
    """`authority` is the role, `issuer` makes its lists of `memberships`, `joining` is for spaces of others."""

    authority: SpaceAuthority
    invitations: Invitations
    applications: Applications
    issuer: ListIssuer
    memberships: Memberships
    mergers: Mergers
    certificates: Certificates
    groups: SpaceGroups
    elsewhere: GroupsElsewhere
    joining: Joining
    own_mergers: OwnMergers
    recovery: ListRecovery
    hints: Hints
    alarms: Alarms
    work: Work


def assemble(
    infra: Infra,
    participants: Participants,
    trust: TrustSlice,
    people: People,
    elsewhere: SignerRegistry,
    vouching: Vouching,
    widening: Widening,
) -> SpaceSlice:
    db, clock = infra.db, infra.clock

    async def own_keys(hosted: Hosted) -> Keys:
        one = hosted.participant
        said = entry(
            did=one.did,
            name=one.name,
            operator=one.operator,
            kind=one.kind,
            valid_from="",
            keys=hosted.keys,
        )
        return Keys.of(said, WitnessKeys(url=vouching.url, keys=await vouching.public()), _entrusted(hosted))

    def belongs() -> bool:
        """Whether anybody here keeps a space or has joined one."""
        return bool(trust.anchor.joined)

    authority = SpaceAuthority(db, infra.vault, participants, people, own_keys)
    applications = Applications(db, clock, participants, trust.resolver, authority, trust.seal_roots)
    groups = SpaceGroups(db, participants, authority, widening)
    mergers = Mergers(db, clock, participants, authority)
    memberships = Memberships(
        db, clock, participants, trust.resolver, authority, applications, groups, mergers, trust.seal_roots
    )
    hints = Hints(db, clock, participants, infra.http, trust.anchor, trust.listing.look)
    recovery = ListRecovery(db, clock, participants, infra.http, trust.anchor, authority, trust.listing)
    issuer = ListIssuer(
        db,
        infra.vault,
        participants,
        elsewhere,
        trust.anchor,
        trust.listing,
        memberships,
        own_keys,
        hints,
        recovery,
    )
    joined = Joining(
        db, clock, infra.vault, participants, infra.http, trust.listing, trust.anchor, own_keys, vouching.proofs
    )
    alarms = Alarms(db, participants, trust.anchor)
    trust.spaces.listen(issuer.newest, alarms.raised)
    lists, asking = Background("space-lists", issuer.work), Background("space-join", joined.tick)
    hinting = Background("space-hints", hints.work)
    elsewhere_groups = GroupsElsewhere(db, clock, participants, joined, groups, widening)
    regaining = Background("space-recovery", recovery.work)
    grouping = Background("space-groups", elsewhere_groups.work)
    return SpaceSlice(
        authority=authority,
        invitations=Invitations(db, participants, authority),
        applications=applications,
        memberships=memberships,
        mergers=mergers,
        certificates=Certificates(db, participants, authority),
        groups=groups,
        elsewhere=elsewhere_groups,
        hints=hints,
        alarms=alarms,
        issuer=issuer,
        joining=joined,
        recovery=recovery,
        own_mergers=OwnMergers(db, participants, joined),
        work=Work(
            every={
                "space-lists": (issuing.LOOK_S, lists.begin),
                "space-join": (joining.LOOK_S, asking.begin),
                "space-groups": (joined_groups.LOOK_S, grouping.begin),
                "space-recovery": (recovering.LOOK_S, regaining.begin),
            },
            wanted={
                "space-lists": belongs,
                "space-join": joined.wanted,
                "space-groups": belongs,
                "space-recovery": belongs,
            },
            alone={"space-hints": (HINTS_S, hinting.begin)},
            rounds=(lists, asking, hinting, grouping, regaining),
        ),
    )


def _entrusted(hosted: Hosted) -> tuple[GivenMandate, ...]:
    """Who acts for the participant, as its authority has to know it to end that."""
    if hosted.acting is None:
        return ()
    return (member_keys.entrusted(mandate.read(msgspec.json.decode(hosted.acting.statement))),)
