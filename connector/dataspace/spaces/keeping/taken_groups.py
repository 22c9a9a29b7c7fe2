"""Groups, who is in them, and recognised spaces, as a list of our own says that the database does not know."""

from msgspec.structs import replace

from connector.dataspace.spaces import group_store, member_store
from connector.dataspace.spaces.decision.taking_back import group_of
from connector.dataspace.spaces.model import Group, GroupMembership, RecognisedAuthority, Space
from connector.foundation.storage.database import Tx
from connector.identity.trust.members.trust_list import GroupPeriod, TrustList, millis


def take(tx: Tx, space: Space, listed: TrustList) -> None:
    """All of it; what only waits for somebody to agree stays."""
    slug = space.participant
    for said_group in listed.groups:
        name = group_of(space.space, said_group.group)
        before = group_store.group(tx, slug, name) if name else None
        if name:
            ended = None if said_group.valid_until is None else millis(said_group.valid_until)
            fresh = before or Group(participant=slug, name=name, label={}, keeper="", made_at=tx.now)
            group_store.put_group(tx, replace(fresh, label=said_group.name, keeper=said_group.keeper, ended_at=ended))
    rows = list(group_store.grouped(tx, slug))
    said = [(one.did, period) for one in listed.participants for period in one.group_periods]
    for did, period in said:
        name = group_of(space.space, period.group)
        if name:
            _period(tx, slug, [one for one in rows if (one.did, one.name) == (did, name)], did, name, period)
    there = {(did, group_of(space.space, period.group)) for did, period in said if period.valid_until is None}
    for one in rows:
        if one.since is not None and one.until is None and (one.did, one.name) not in there:
            group_store.end(tx, slug, name=one.name, did=one.did)
    _recognised(tx, slug, listed)


def _period(tx: Tx, slug: str, rows: list[GroupMembership], did: str, name: str, period: GroupPeriod) -> None:
    since, until = millis(period.valid_from), None if period.valid_until is None else millis(period.valid_until)
    same = next((one for one in rows if one.since is not None and one.since // 1000 == since // 1000), None)
    if same is not None:
        if until is not None and same.until is None:
            group_store.put_until(tx, same, until)
        return
    if until is None:  # who was asked has agreed since
        group_store.end(tx, slug, name=name, did=did)
    number = 1 + max((one.number for one in group_store.grouped(tx, slug, name=name, did=did)), default=0)
    group_store.insert_grouped(
        tx,
        GroupMembership(
            participant=slug, name=name, did=did, number=number, asked_at=since, asked_by="", since=since, until=until
        ),
    )


def _recognised(tx: Tx, slug: str, listed: TrustList) -> None:
    known = {one.authority: one for one in member_store.recognised(tx, slug)}
    for authority in known.keys() - {one.authority for one in listed.recognised}:
        member_store.drop_recognised(tx, slug, authority)
    for one in listed.recognised:
        before = known.get(one.authority)
        member_store.put_recognised(
            tx,
            RecognisedAuthority(
                participant=slug,
                authority=one.authority,
                space=one.space,
                name=one.name,
                did="" if before is None else before.did,
                jwk=one.key,
                list_url=one.list_url,
                kinds=one.kinds,
                since=tx.now if before is None else before.since,
            ),
        )
