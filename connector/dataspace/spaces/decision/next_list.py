"""What the next list of a space says, and when it is due: pure (spec/spaces.md 4).

It names everybody who was ever a member, with an end where the membership is over, because what was sealed before is
judged by it.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import inf
from typing import Final

import msgspec
from msgspec.structs import replace

from connector.dataspace.spaces.decision import grouping, member_keys, merging, periods
from connector.dataspace.spaces.decision.member_keys import MOST_BYTES
from connector.dataspace.spaces.model import (
    DAY_MS,
    MOST_KEYS,
    Group,
    GroupMembership,
    Keys,
    Member,
    RecognisedAuthority,
    Rules,
    Space,
)
from connector.foundation.clock import rfc3339
from connector.foundation.errors import PeerError
from connector.identity.trust.keys.jwk import encode
from connector.identity.trust.members.list_writer import to_form
from connector.identity.trust.members.trust_list import (
    MOST_WITNESS_KEYS,
    TYP,
    Entry,
    GroupPeriod,
    ListedAuthority,
    Predecessor,
    TrustList,
    Witness,
    millis,
    require_distinct,
    require_form,
)
from connector.verify.formats import trustlist
from connector.verify.formats.cosignature import derived
from connector.verify.formats.faults import Fault
from connector.verify.formats.names import seen

MOST_SEALS: Final = 256
"""Seal certificates of one member, former ones too."""


def entry_of(member: Member, periods: Sequence[GroupPeriod] = ()) -> Entry:
    """What the list says of a member; `periods` in groups of the space."""
    return Entry(
        did=member.did,
        name=member.name,
        operator=member.operator,
        kind=member.kind,
        groups=tuple(one.group for one in periods if one.valid_until is None),
        state="suspended" if member.state == "suspended" else "active",
        valid_from=rfc3339(member.since),
        valid_until=None if member.until is None else rfc3339(member.until),
        suspended_since=None if member.suspended_since is None else rfc3339(member.suspended_since),
        ars=member.ars or None,
        admin_level=member.admin_level or None,
        seal_certificates=member.keys.seal_certificates,
        log_keys=member.keys.log_keys,
        seal_key_pq=member.keys.seal_key_pq,
        former_seal_keys_pq=member.keys.former_seal_keys_pq,
        keys=member.keys.keys,
        succeeds=tuple(Predecessor(did, since) for did, since in member.succeeds),
        group_periods=tuple(periods),
        merged_into=merging.listed(member),
    )


def following(
    space: Space,
    members: Sequence[Member],
    before: TrustList | None,
    now: int,
    version: int,
    recognised: Sequence[RecognisedAuthority] = (),
    groups: Sequence[Group] = (),
    grouped: Iterable[GroupMembership] = (),
) -> TrustList:
    """The list that says of all members what holds now; what was sealed under the one before can still be judged."""
    within = grouping.periods(space.space, grouped)
    known = {} if before is None else {one.did: one for one in before.participants}
    said = sorted(members, key=lambda one: one.did)
    return TrustList(
        version=version,
        issued=rfc3339(now),
        next_update=rfc3339(now + space.rules.list_days * DAY_MS),
        authority=space.authority,
        participants=tuple(
            _bounded(periods.of_member(known.get(one.did), entry_of(one, within.get(one.did, ())), one, now))
            for one in said
        ),
        witnesses=periods.of_witnesses(() if before is None else before.witnesses, _witnesses(said), said, now),
        space=space.space,
        name=space.name,
        recognised=tuple(
            ListedAuthority(one.authority, one.space, one.name, dict(one.jwk), one.list_url, one.kinds)
            for one in recognised
        ),
        groups=tuple(grouping.listed(space.space, one) for one in groups),
    )


def _bounded(entry: Entry) -> Entry:
    """With as many former keys and certificates as one member may fill the list with: those that count longest."""
    sizes = accumulate(len(msgspec.json.encode(one)) for one in entry.former_seal_keys_pq)
    fit = sum(size <= MOST_BYTES for size in sizes)
    entry = replace(entry, former_seal_keys_pq=entry.former_seal_keys_pq[:fit])
    if len(entry.seal_certificates) <= MOST_SEALS:
        return entry
    longest = sorted(entry.listed_seals, key=lambda one: -inf if one.valid_until is None else -millis(one.valid_until))
    kept = {one.sha256 for one in longest[:MOST_SEALS]}
    named = zip(entry.listed_seals, entry.seal_certificates, strict=True)
    return replace(entry, seal_certificates=tuple(said for one, said in named if one.sha256 in kept))


def _witnesses(members: Sequence[Member]) -> tuple[Witness, ...]:
    """Whoever works for several operators is a witness for none of them; names that look alike are one operator's. A
    key is that of who has shown to hold it, and among those of before such proofs of who named it first."""
    found: dict[str, dict[str, str]] = {}
    active = [one for one in sorted(members, key=lambda one: one.since) if one.state == "active"]
    named = [(one, one.keys.witness) for one in active if one.keys.witness is not None]
    owner = dict[str, str]()
    for shown in (True, False):
        for one, witness in named:
            for name in map(member_keys.key_print, witness.keys):
                if (name in one.keys.proven) is shown:
                    owner.setdefault(name, witness.url)
    keys = {}
    for one, witness in named:
        found.setdefault(witness.url, {}).setdefault(seen(one.operator), one.operator)
        keys[witness.url] = tuple(key for key in witness.keys if owner[member_keys.key_print(key)] == witness.url)
    alone = [
        Witness(next(iter(operators.values())), url, keys[url])
        for url, operators in sorted(found.items())
        if len(operators) == 1
    ]
    return tuple(alone[: MOST_WITNESS_KEYS // MOST_KEYS])


def require_listable(member: Member, now: int) -> None:
    """Raises PeerError for keys that would make any reader refuse the whole list, now or once they are former ones.

    Readers are those of members and the offline verifier, which reads each key of a witness (threat T106).
    """
    member_keys.require_well_formed(member.keys)
    space = Space(
        participant="",
        space="",
        name="",
        authority="",
        kid="",
        jwk={},
        rules=Rules(),
        changes=0,
        listed=0,
        next_update=0,
        created_at=now,
    )
    first = following(space, [member], None, now, 1)
    for listed in (first, following(space, [replace(member, keys=Keys())], first, now, 2)):
        require_form(listed)
        require_distinct(listed)
        _require_verifiable(listed)


def _require_verifiable(listed: TrustList) -> None:
    head = msgspec.json.encode({"alg": "ES256", "typ": TYP})
    unsigned = f"{encode(head)}.{encode(msgspec.json.encode(to_form(listed)))}.{encode(bytes(64))}"
    try:
        derived(trustlist.parse(unsigned.encode()).witnesses)
    except Fault as cause:
        raise PeerError("spaces.keys") from cause


def due(space: Space, now: int) -> bool:
    """Whether a version has to be made: something changed, or half of the life of the newest one is over."""
    return space.changes > space.listed or now >= space.next_update - space.rules.list_days * DAY_MS // 2
