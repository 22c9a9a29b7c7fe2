"""Mergers in spaces that a participant joined: what it has said of one there, and what people decided.

Whoever waits asks the authority, as an applicant does; what it decided is booked once, by whichever replica reads it
first, and nobody hears of mergers of others (spec/spaces.md 4.7).
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from connector.dataspace.spaces import joined_store
from connector.dataspace.spaces.documents import MergerStanding, RequestClaims
from connector.dataspace.spaces.keeping.authority import record
from connector.dataspace.spaces.model import Joined, OwnMerger
from connector.foundation.errors import PeerError
from connector.foundation.http import strict
from connector.foundation.http.outbound import Answer
from connector.foundation.storage.database import Tx
from connector.identity.participants.service import Hosted
from connector.identity.trust.members.trust_list import millis

LIMIT: Final = 1_048_576
"""Bytes of what an authority says of our mergers."""
Present = Callable[[str], str]
"""Who has the place of a DID now."""
EVENTS: Final = {
    "approved": "merged",
    "refused": "not merged",
    "expired": "not merged",
    "withdrawn": "merger withdrawn",
    "lapsed": "merger lapsed",
}
"""What a decision is called in the log of who waited for it."""


def _itself(did: str) -> str:
    return did


def _by_present(hosted: Hosted, one: Joined, present: Present = _itself) -> dict[str, OwnMerger]:
    """What is known of mergers there, by the DID that the part has now: its authority names it by that."""
    own = hosted.participant
    return {own.did if own.is_me(part) else present(part): known for part, known in one.mergers.items()}


def waits(one: Joined) -> bool:
    """Whether a decision of that authority may be news."""
    return one.state == "member" and any(own.state == "waiting" for own in one.mergers.values())


def remember(tx: Tx, hosted: Hosted, claims: RequestClaims, *, own: bool = True) -> bool:
    """From now on we wait for what is decided of this; False if we did before, or if it is decided for good.

    `own`: it is our word, and not only that of the other one.
    """
    one = joined_store.joined(tx, hosted.participant.id, claims.space, lock=True)
    if one is None or one.state != "member":
        return False
    mergers = _by_present(hosted, one)
    new, before = OwnMerger(into=claims.into, since=millis(claims.since), said=own), mergers.get(claims.member)
    known = (
        before is not None
        and before.state in ("waiting", "approved")
        and (before.into, before.since) == (new.into, new.since)
    )
    if known and before is not None and (before.said or not own):
        return False
    joined_store.put(tx, replace(one, mergers={**mergers, claims.member: new}), None)
    return not known


def forget(tx: Tx, seen: Joined, member: str) -> Joined:
    """Our word was taken back: what becomes of the merger of this member (DID) is waited for no longer. Where we had
    said nothing, our word is missing as before."""
    one = joined_store.joined(tx, seen.participant, seen.space, lock=True)
    if one is None or member not in one.mergers or not one.mergers[member].said:
        return one or seen
    return joined_store.put(
        tx, replace(one, mergers={did: own for did, own in one.mergers.items() if did != member}), None
    )


def remember_asked(tx: Tx, hosted: Hosted, claims: RequestClaims) -> None:
    """A member that works here, too, has said that it became part of this participant, whose word is missing."""
    if remember(tx, hosted, claims, own=False):
        record(tx, hosted, "merger asked", space=claims.space, member=claims.member, into=claims.into)


def read(answer: Answer) -> Sequence[MergerStanding]:
    """Raises PeerError for what makes no sense."""
    try:
        return msgspec.convert(strict.loads(answer.body, limit=LIMIT), list[MergerStanding])
    except msgspec.ValidationError as cause:
        raise PeerError("spaces.statement") from cause


def book(tx: Tx, hosted: Hosted, seen: Joined, found: Sequence[MergerStanding], present: Present = _itself) -> None:
    """What was decided of what we wait for, and whether our word for another one counts there; what the authority
    knows nothing of any more, or what we took back ourselves, is waited for no longer.

    Who said something since the authority was asked, or a replica that heard the same, finds another version.
    """
    one = joined_store.joined(tx, seen.participant, seen.space, lock=True)
    if one is None or one.version != seen.version:
        return
    states = {(said.member, said.into, said.since): said.state for said in found}
    known = _by_present(hosted, one, present)
    kept = dict(known)
    for part, own in known.items():
        state = states.get((part, own.into, own.since)) if own.state == "waiting" else own.state
        if state is None and own.into != hosted.participant.did and hosted.participant.is_me(own.into):
            state = "lapsed"  # with our former DID; something else was said since
        if state is None or (state == "withdrawn" and part == hosted.participant.did):
            del kept[part]
        elif own.state == "waiting" and state in EVENTS:
            kept[part] = replace(own, state=state)
            record(tx, hosted, EVENTS[state], space=one.space, member=part, into=own.into)
        elif own.state == "waiting" and part != hosted.participant.did and own.said is (state == "asked"):
            kept[part] = replace(own, said=not own.said)
            if own.said:
                record(tx, hosted, "merger asked", space=one.space, member=part, into=own.into)
    if kept != one.mergers:
        joined_store.put(tx, replace(one, mergers=kept), None)
