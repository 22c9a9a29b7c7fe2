"""What an authority takes back from a list of its own that its database does not know: pure (spec/spaces.md 4.8; T151).

The list is the authority's own word, so it goes before what a backup says. Only what ends or suspends somebody here
after that list was made stays: nobody belongs again by a restore. Reasons, votes and notes are in no list.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from connector.data.approvals.model import Ballot
from connector.dataspace.spaces.decision.grouping import PLACE
from connector.dataspace.spaces.decision.member_keys import key_print
from connector.dataspace.spaces.model import OVER, Keys, Member, MemberState, Merger, WitnessKeys
from connector.dataspace.spaces.seal_model import Strike
from connector.identity.trust.members.trust_list import (
    BEGINS,
    RETIRED,
    STRUCK,
    Entry,
    MergedInto,
    TrustList,
    Witness,
    millis,
)

A_SECOND: Final = 2
"""Numbers for each second that a space is old: lists are made once a second at most (`issuing.LOOK_S`)."""
_STRICT: Final[Mapping[MemberState, int]] = {"active": 0, "suspended": 1, "ended": 2, "left": 2, "expelled": 2}


class Change(Struct, frozen=True, kw_only=True):
    """What a list says of a member that the database does not: `what`: `new`, a state, `keys`, `terms`, `groups`."""

    did: str
    name: str
    what: str


def unused(began_at: int, now: int) -> int:
    """A number that no list of a space of that age ever had (ms).

    Every list until now is below it: those that were made one after the other are one a second at most, and those made
    after a recovery began at this very number for an earlier time, and have added one a second since. So it does not
    matter which backups were put back in between, or how often. The age is in every backup; a number that is counted
    from the newest list of a backup is not enough, for another branch may have gone further by then.
    """
    return 2 + A_SECOND * (1 + max(0, now - began_at) // 1000)


def changes(members: Mapping[str, Member], taken: Sequence[Member], grouped: frozenset[str]) -> list[Change]:
    """For people to read before they agree; `grouped` are the DIDs whose groups change."""
    found = [_change(members.get(one.did), one) for one in taken]
    named = {one.did for one in found if one is not None}
    names = {one.did: one.name for one in taken}
    more = [Change(did=did, name=names.get(did, did), what="groups") for did in sorted(grouped - named)]
    return [one for one in found if one is not None] + more


def _change(before: Member | None, after: Member) -> Change | None:
    if before is None:
        what = "new" if after.state == "active" else f"new-{after.state}"
    elif before.state != after.state:
        what = after.state
    elif before.keys != after.keys:
        what = "keys"
    elif before != after:
        what = "terms"
    else:
        return None
    return Change(did=after.did, name=after.name, what=what)


def members(slug: str, known: Mapping[str, Member], listed: TrustList, now: int) -> list[Member]:
    """Everybody whom the list names, as it says; nobody else is touched."""
    heirs = {before.did for one in listed.participants for before in one.succeeds}
    issued = millis(listed.issued)
    return [_member(slug, one, known.get(one.did), listed.witnesses, heirs, issued, now) for one in listed.participants]


def _member(
    slug: str, entry: Entry, before: Member | None, witnesses: Sequence[Witness], heirs: set[str], issued: int, now: int
) -> Member:
    state = _state(entry, before, heirs, issued)
    until = None if entry.valid_until is None else millis(entry.valid_until)
    suspended = None if entry.suspended_since is None else millis(entry.suspended_since)
    if before is not None and state == before.state and _later(before, issued):
        until, suspended = before.until, before.suspended_since
    after = Member(
        participant=slug,
        did=entry.did,
        name=entry.name,
        operator=entry.operator,
        kind=entry.kind,
        ars=entry.ars or "",
        admin_level=entry.admin_level or "",
        keys=_keys(entry, state, before, witnesses),
        succeeds=tuple((one.did, one.since) for one in entry.succeeds),
        state=state,
        since=millis(entry.valid_from),
        until=until,
        suspended_since=suspended,
        reason=before.reason if before is not None and before.state == state else "",
        application="" if before is None else before.application,
        changed_at=now if before is None else before.changed_at,
        version=0 if before is None else before.version,
        merger=_merger(entry.merged_into, before),
    )
    return after if after == before else replace(after, changed_at=now)


def _state(entry: Entry, before: Member | None, heirs: set[str], issued: int) -> MemberState:
    """What the list says, unless people here have been stricter since it was made."""
    said: MemberState = "suspended" if entry.state == "suspended" else "active"
    if entry.valid_until is not None and millis(entry.valid_until) <= issued:
        said = "left" if entry.did in heirs else "ended"
    if before is None:
        return said
    if before.state in OVER and said in OVER:
        return before.state
    return before.state if _later(before, issued) and _STRICT[before.state] > _STRICT[said] else said


def _later(before: Member, issued: int) -> bool:
    return before.changed_at > issued


def _merger(said: MergedInto | None, before: Member | None) -> Merger | None:
    known = None if before is None else before.merger
    if said is None or (known is not None and known.listed is not None):
        return known
    listed = millis(said.listed)
    ballot = Ballot(stewards=0, protection=0, drafter="", due_at=listed, state="approved")
    return Merger(into=said.did, since=millis(said.since), ballot=ballot, asked_at=listed, agreed=True, listed=listed)


def _keys(entry: Entry, state: MemberState, before: Member | None, witnesses: Sequence[Witness]) -> Keys:
    """Keys that the list names; former ones go on by the list itself, which is the one before the next. Mandates are
    kept here alone. Of who is suspended there and was not here no key comes back that the list dropped: it may be one
    that was struck."""
    known = Keys() if before is None else before.keys
    seals = tuple(one.sha256 for one in entry.listed_seals if one.valid_until is None)
    struck = known.struck
    if entry.state == "suspended" and before is not None and before.state == "active":
        struck = tuple(dict.fromkeys((*struck, *(key for key in known.keys if key not in entry.keys))))
    own = _witness(entry, known, witnesses) if state == "active" else known.witness
    proven = () if own is None else tuple(map(key_print, own.keys))
    return replace(
        known,
        seal_certificates=seals,
        log_keys=tuple(key for key in entry.log_keys if "until" not in key),
        seal_key_pq=entry.seal_key_pq,
        former_seal_keys_pq=entry.former_seal_keys_pq,
        keys=entry.keys,
        witness=own,
        struck=struck,
        asked=tuple(one for one in known.asked if one.sha256 not in seals),
        strikes=_strikes(entry, known, witnesses),
        proven=proven,
    )


def _witness(entry: Entry, known: Keys, witnesses: Sequence[Witness]) -> WitnessKeys | None:
    """Those of its keys that still count. Who is not active has none in the list: what was known here stays."""
    found = [one for one in _own(entry, known, witnesses) if one.operator == entry.operator]
    keys = [_bare(key) for one in found for key in one.keys if STRUCK not in key and RETIRED not in key]
    return WitnessKeys(url=found[0].url, keys=tuple(keys)) if keys else None


def _own(entry: Entry, known: Keys, witnesses: Sequence[Witness]) -> Iterable[Witness]:
    """A witness lies below the root of its process, which many members may share: it is one of those that this member
    had, or the one of its operator."""
    urls = {known.witness.url} if known.witness is not None else set[str]()
    return [one for one in witnesses if one.url in urls] or [one for one in witnesses if one.operator == entry.operator]


def _bare(key: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in key.items() if name not in (BEGINS, RETIRED, STRUCK)}


def _strikes(entry: Entry, known: Keys, witnesses: Sequence[Witness]) -> tuple[Strike, ...]:
    said = {one.name: one for one in known.strikes}
    for seal in entry.listed_seals:
        if seal.struck_since is not None:
            said[seal.sha256] = Strike(name=seal.sha256, since=seal.struck_since)
    for one in _own(entry, known, witnesses):
        for key in one.keys:
            if STRUCK in key and key_print(key):
                said[key_print(key)] = Strike(name=key_print(key), since=key[STRUCK])
    return tuple(said.values())


def group_of(space: str, group: str) -> str:
    """The name that ends the IRI of a group of this space; empty for another's."""
    return group.removeprefix(space + PLACE) if group.startswith(space + PLACE) else ""
