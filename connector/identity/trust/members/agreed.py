"""What several lists say of one DID, where each of them counts: only what all bear out (spec/spaces.md 5)."""

from collections.abc import Sequence

from msgspec.structs import replace

from connector.identity.trust.members.entries import common_log_keys, common_seals
from connector.identity.trust.members.trust_list import Entry


def agreed(entries: Sequence[Entry]) -> Entry:
    """What several lists say of one DID: the first, with the groups of all; where they differ in what rules look at,
    nobody knows it, and of keys only those count that all name."""
    first, others = entries[0], entries[1:]
    if not others:
        return first
    groups = tuple(dict.fromkeys(group for one in entries for group in one.groups))
    periods = tuple(dict.fromkeys(period for one in entries for period in one.group_periods))
    return replace(
        _common(first, others),
        groups=groups,
        group_periods=periods,
        kind=first.kind if all(one.kind == first.kind for one in others) else "",
        admin_level=first.admin_level if all(one.admin_level == first.admin_level for one in others) else None,
        ars=first.ars if all(one.ars == first.ars for one in others) else None,
        merged_into=next((one.merged_into for one in entries if one.merged_into), None),
    )


def shown(entries: Sequence[Entry]) -> Entry:
    """An active one first, for it says more than one that is over elsewhere."""
    return agreed(sorted(entries, key=lambda one: one.state != "active" or one.valid_until is not None))


def _common(first: Entry, others: Sequence[Entry]) -> Entry:
    return replace(
        first,
        seal_certificates=common_seals(first.listed_seals, [other.listed_seals for other in others]),
        log_keys=common_log_keys(first.log_keys, [other.log_keys for other in others]),
        keys=tuple(one for one in first.keys if all(one in other.keys for other in others)),
        seal_key_pq=first.seal_key_pq if all(one.seal_key_pq == first.seal_key_pq for one in others) else None,
    )
