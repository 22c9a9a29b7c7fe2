"""Our seal certificates above level L1 in spaces that we joined: at which the authority's people have to look, and what
they decided (spec/spaces.md 3.4).

Whoever waits asks the authority, as for a merger; what it decided is booked once, by whichever replica reads it first.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from connector.dataspace.spaces import joined_store
from connector.dataspace.spaces.decision import sealing
from connector.dataspace.spaces.documents import CertificateStanding
from connector.dataspace.spaces.keeping.authority import record
from connector.dataspace.spaces.model import Joined, Keys
from connector.dataspace.spaces.seal_model import OwnSeal
from connector.foundation.errors import PeerError
from connector.foundation.http import strict
from connector.foundation.http.outbound import Answer
from connector.foundation.language.reasons import plain
from connector.foundation.storage.database import Tx
from connector.identity.participants.service import Hosted

LIMIT: Final = 262_144
"""Bytes of what an authority says of our certificates."""
EVENTS: Final = {"listed": "seal listed", "refused": "seal refused"}
"""What a decision is called in the log of who waited for it."""


def waits(one: Joined) -> bool:
    """Whether a decision of that authority may be news."""
    return one.state == "member" and any(own.state == "waiting" for own in one.seals.values())


def told(one: Joined, keys: Keys, listed: frozenset[str]) -> Joined:
    """From now on we wait for what is decided of certificates that the authority has just heard of; those that we name
    no more nobody waits for."""
    named = {name: one.seals.get(name) for name in sealing.names(replace(keys, seal_certificates=sealing.usable(keys)))}
    kept = {name: own or OwnSeal() for name, own in named.items() if own is not None or name not in listed}
    return replace(one, seals=kept)


def read(answer: Answer) -> Sequence[CertificateStanding]:
    """Raises PeerError for what makes no sense."""
    try:
        return msgspec.convert(strict.loads(answer.body, limit=LIMIT), list[CertificateStanding])
    except msgspec.ValidationError as cause:
        raise PeerError("spaces.statement") from cause


def book(tx: Tx, hosted: Hosted, seen: Joined, found: Sequence[CertificateStanding]) -> None:
    """What was decided of what we wait for. Who named other certificates since the authority was asked, or a replica
    that heard the same, finds another version."""
    one = joined_store.joined(tx, seen.participant, seen.space, lock=True)
    if one is None or one.version != seen.version:
        return
    said, kept = {each.sha256: each for each in found}, dict(one.seals)
    for name, own in one.seals.items():
        now = said.get(name)
        if own.state == "waiting" and now is not None and now.state in EVENTS:
            reason = plain(now.reason, sealing.LONGEST)
            kept[name] = OwnSeal(state=now.state, reason=reason)
            record(tx, hosted, EVENTS[now.state], space=one.space, sha256=name, told=reason)
    if kept != one.seals:
        joined_store.put(tx, replace(one, seals=kept), None)
