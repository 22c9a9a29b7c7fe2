"""A member becomes part of another one by law: what has to be said, by whom, and what makes it true. Pure.

The member says it first, the other one says the very same, and people of the authority agree. Nobody becomes part of
itself, in a circle either, or of who is no active member (spec/spaces.md 4.7; threat T122).
"""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from msgspec.structs import replace

from connector.data.approvals import decide as ballots
from connector.data.approvals.decide import Late
from connector.data.approvals.model import Ballot, Voter
from connector.dataspace.spaces.model import APPLICATION_MS, Member, Merger, Rules
from connector.foundation.clock import rfc3339
from connector.foundation.errors import Mistake, PeerError
from connector.foundation.zone import local
from connector.identity.trust.members.trust_list import MergedInto


class ShownMerger(NamedTuple):
    """What a person read before she agreed: into whom, and since which day (YYYY-MM-DD); empty: nobody says."""

    into: str = ""
    since: str = ""


NOTHING: Final = ShownMerger()


def asked(found: Member, into: str, since: int, rules: Rules, members: Mapping[str, Member], now: int) -> Member:
    """A member after it said that it is part of `into` since then (ms); the same again is the same.

    Something else that it says takes the place of what nobody has decided yet. Raises PeerError.
    """
    before = found.merger
    same = before is not None and (before.into, before.since) == (into, since)
    if before is not None and before.listed is not None:
        if not same:
            raise PeerError("spaces.merged-already")
        return found
    if same and before is not None and ballots.expire(before.ballot, now).state == "open":
        return found
    require_possible(found, into, since, members, now)
    ballot = Ballot(stewards=rules.approvals, protection=0, drafter="", due_at=now + APPLICATION_MS)
    return replace(found, merger=Merger(into=into, since=since, ballot=ballot, asked_at=now), changed_at=now)


def agreed(found: Member | None, into: str, since: int, members: Mapping[str, Member], now: int) -> Member:
    """The member after `into` said the same; PeerError unless the member says so, and nobody has decided it."""
    merger = None if found is None else found.merger
    if found is None or merger is None or (merger.into, merger.since) != (into, since):
        raise PeerError("spaces.merger-unsaid")
    if merger.listed is None and ballots.expire(merger.ballot, now).state != "open":
        raise PeerError("spaces.merger-unsaid")
    if merger.agreed:
        return found
    require_possible(found, into, since, members, now)
    return replace(found, merger=replace(merger, agreed=True), changed_at=now)


def approved(
    found: Member, voter: Voter, members: Mapping[str, Member], own: str, now: int, seen: ShownMerger = NOTHING
) -> Member:
    """The member after a person of the authority (`own`: its DID) agreed; with the last one that is needed it is true.

    Raises Mistake if the member says something else than was `seen`, while the other one has not said it, or if it
    cannot be any more, and what `ballots.yes` raises.
    """
    merger = _open(found, now)
    day = local(merger.since)
    if seen.into not in ("", merger.into) or (seen.since and (day is None or day.date().isoformat() != seen.since)):
        raise Mistake("spaces.merger-changed")
    if not merger.agreed and merger.into != own:
        raise Mistake("spaces.merger-unagreed", did=merger.into)
    try:
        require_possible(found, merger.into, merger.since, members, now)
    except PeerError as cause:
        raise Mistake(cause.code) from cause
    ballot = ballots.yes(merger.ballot, voter, "steward", now)
    if ballot == merger.ballot:  # she has said so before
        return found
    listed = now if ballot.state == "approved" else None
    return replace(found, merger=replace(merger, ballot=ballot, listed=listed), changed_at=now)


def departed(found: Member, who: str, role: str) -> Member:
    """The member without the yes of a person who has lost the role in which she said it."""
    merger = found.merger
    if merger is None:
        return found
    ballot = ballots.departed(merger.ballot, who, role)
    return found if ballot == merger.ballot else replace(found, merger=replace(merger, ballot=ballot))


def withdrawn(found: Member | None, did: str, now: int) -> Member:
    """The member after who said it (`did`: itself, or the one that takes it in) took that back; nobody has agreed then.

    Again is the same. Raises PeerError for what that one has not said, and for what is decided.
    """
    merger = None if found is None else found.merger
    if found is None or merger is None or did not in (found.did, merger.into):
        raise PeerError("spaces.merger-not-said")
    state = ballots.expire(merger.ballot, now).state
    if state == "withdrawn":
        return found
    if state != "open":
        raise PeerError("spaces.merger-decided")
    if did == found.did:
        return replace(found, merger=replace(merger, ballot=ballots.withdraw(merger.ballot)), changed_at=now)
    if not merger.agreed:
        return found
    unsaid = replace(merger, agreed=False, asked_at=now, ballot=replace(merger.ballot, votes=()))
    return replace(found, merger=unsaid, changed_at=now)


def refused(found: Member, voter: Voter, reason: str, now: int) -> Member:
    """One no ends it."""
    merger = _open(found, now)
    return replace(
        found, merger=replace(merger, ballot=ballots.no(merger.ballot, voter, now), reason=reason), changed_at=now
    )


def require_possible(found: Member, into: str, since: int, members: Mapping[str, Member], now: int) -> None:
    """Raises PeerError for two that cannot become one: not both active members, a circle, or not yet."""
    whole = members.get(into)
    if whole is None or not all(
        one.state == "active" and (one.until is None or now < one.until) for one in (found, whole)
    ):
        raise PeerError("spaces.merger-state")
    if found.did in wholes(into, members):
        raise PeerError("spaces.merger-circle")
    if not 0 < since <= now:
        raise PeerError("spaces.merger-early")


def wholes(did: str, members: Mapping[str, Member]) -> list[str]:
    """The DID, and every member that it is part of by what was decided; a member that moved counts as its successor."""
    heirs = {before: one.did for one in members.values() for before, _ in one.succeeds}
    found: list[str] = []
    while did not in found:
        found.append(did)
        one = members.get(did)
        after = heirs.get(did) or (
            None if one is None or one.merger is None or one.merger.listed is None else one.merger.into
        )
        if after is None:
            break
        did = after
    return found


def names(did: str, members: Mapping[str, Member]) -> frozenset[str]:
    """The DIDs of a member: its own, and those that it had before it moved, which rows may still have."""
    found, waiting = set[str](), [did]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += [before for before, _ in members[one].succeeds] if one in members else []
    return frozenset(found)


def listed(member: Member) -> MergedInto | None:
    """What the list says of it."""
    one = member.merger
    if one is None or one.listed is None:
        return None
    return MergedInto(did=one.into, since=rfc3339(one.since), listed=rfc3339(one.listed))


def kept(member: Member, now: int) -> Merger | None:
    """What goes along when it moves: what became of it; of what waits for people that it has to be said anew."""
    return _lapsed(member, now) or member.merger


def lapsed(members: Mapping[str, Member], dids: Collection[str], now: int) -> list[tuple[Member, str]]:
    """Who said to be part of one of these, and of which (DID), where nobody has decided it: they move now, or are
    members no more, so that is over.

    The word of the one that takes in falls with the DID that said it, as the part's does: nobody agrees to what was
    said for a town at the place that it has left.
    """
    asking = [(one, one.merger.into) for one in members.values() if one.merger is not None and one.merger.into in dids]
    found = [(one, _lapsed(one, now), into) for one, into in asking]
    return [(replace(one, merger=merger, changed_at=now), into) for one, merger, into in found if merger is not None]


def _lapsed(member: Member, now: int) -> Merger | None:
    """None where nothing waits for people."""
    one = member.merger
    if one is None or ballots.expire(one.ballot, now).state != "open":
        return None
    return replace(one, ballot=ballots.withdraw(one.ballot), lapsed=True)


def _open(found: Member, now: int) -> Merger:
    """Raises Mistake if the member says nothing of the kind, Late if it is decided, taken back or over."""
    if found.merger is None:
        raise Mistake("spaces.no-merger", did=found.did)
    state = ballots.expire(found.merger.ballot, now).state
    if state != "open":
        raise Late(f"spaces.merger-{'lapsed' if found.merger.lapsed else state}")
    return found.merger
