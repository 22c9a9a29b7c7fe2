"""What still counts of a list while its authority has two of one number: of what they say differently the strictest.

Pure. Whoever showed us the laxer list may be the one who lies, so nobody gains by it: who is a member in one of them
alone is none, and of keys, groups and periods only what both name counts (spec/trust.md 4.8, decision 0196).
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from connector.identity.trust.members.entries import common_log_keys, common_seals
from connector.identity.trust.members.trust_list import Entry, TrustList, millis, succession

T = TypeVar("T")


class Disagreement(Struct, frozen=True, kw_only=True):
    """Of what two lists say differently: members by DID, as each of both has them; witnesses by operator and address;
    recognised authorities by URN. `taken`: DIDs whose place somebody has taken by one of both alone."""

    members: Mapping[str, tuple[Entry | None, Entry | None]]
    taken: frozenset[str]
    witnesses: frozenset[tuple[str, str]]
    recognised: frozenset[str]


def disagreement(one: TrustList, two: TrustList) -> Disagreement:
    """What two lists of one number say differently."""
    first, second = ({entry.did: entry for entry in each.participants} for each in (one, two))
    return Disagreement(
        members={
            did: (first.get(did), second.get(did))
            for did in dict.fromkeys([*first, *second])
            if first.get(did) != second.get(did)
        },
        taken=frozenset(step.before for step in _one_sided(succession(one), succession(two))),
        witnesses=frozenset((each.operator, each.url) for each in _one_sided(one.witnesses, two.witnesses)),
        recognised=frozenset(each.authority for each in _one_sided(one.recognised, two.recognised)),
    )


def strictest(doubt: Disagreement, listed: TrustList) -> TrustList:
    """A list of that authority, of that number or a later one, as far as both do not contradict it."""
    return replace(
        listed,
        participants=tuple(_counting(doubt, one) for one in listed.participants),
        witnesses=tuple(one for one in listed.witnesses if (one.operator, one.url) not in doubt.witnesses),
        recognised=tuple(one for one in listed.recognised if one.authority not in doubt.recognised),
    )


def _counting(doubt: Disagreement, entry: Entry) -> Entry:
    """Of who takes the place of another one by one of them alone neither acts: nobody knows whose it is."""
    said = doubt.members.get(entry.did)
    found = entry if said is None else _narrowed(entry, said)
    return replace(found, state="suspended") if entry.did in doubt.taken else found


def _narrowed(entry: Entry, said: tuple[Entry | None, Entry | None]) -> Entry:
    both = [one for one in said if one is not None]
    every = [entry, *both]
    held_back = len(both) < len(said) or not _alike([one.succeeds for one in every])
    suspended = held_back or any(one.state == "suspended" for one in every)
    groups, known = _common_groups(every), _alike([one.merged_into for one in every])
    return replace(
        entry,
        state="suspended" if suspended else "active",
        suspended_since=next((one.suspended_since for one in every if one.suspended_since), None),
        valid_from=max((one.valid_from for one in every), key=millis),
        valid_until=min((one.valid_until for one in every if one.valid_until is not None), key=millis, default=None),
        groups=tuple(one for one in entry.groups if one in groups),
        group_periods=tuple(one for one in entry.group_periods if one.group in groups),
        keys=_common([one.keys for one in every]),
        seal_certificates=common_seals(entry.listed_seals, [one.listed_seals for one in both]),
        log_keys=common_log_keys(entry.log_keys, [one.log_keys for one in both]),
        seal_key_pq=entry.seal_key_pq if _alike([one.seal_key_pq for one in every]) else None,
        former_seal_keys_pq=_common([one.former_seal_keys_pq for one in every]),
        kind=entry.kind if known and _alike([one.kind for one in every]) else "",
        admin_level=entry.admin_level if known and _alike([one.admin_level for one in every]) else None,
        ars=entry.ars if known and _alike([one.ars for one in every]) else None,
    )


def _common_groups(every: Sequence[Entry]) -> frozenset[str]:
    """Groups of which all say the same: one whose period was taken out would be without end."""
    named = {group for one in every for group in (*one.groups, *(period.group for period in one.group_periods))}

    def told(one: Entry, group: str) -> tuple[object, ...]:
        return group in one.groups, *(period for period in one.group_periods if period.group == group)

    return frozenset(group for group in named if _alike([told(one, group) for one in every]))


def _common(every: Sequence[tuple[T, ...]]) -> tuple[T, ...]:
    return tuple(one for one in every[0] if all(one in other for other in every[1:]))


def _alike(said: Sequence[object]) -> bool:
    return all(one == said[0] for one in said)


def _one_sided(one: Sequence[T], two: Sequence[T]) -> list[T]:
    return [each for each in one if each not in two] + [each for each in two if each not in one]
