"""Former DIDs mean the participant too, and a participant gives its own place up once (spec/trust.md 4.6).

What was agreed under a former DID names that DID for good. So whoever asks whether a document means this participant
asks `Participant.is_me`, and nobody compares with its present DID alone. Who has given its place up never acts again:
there is no way back in the database either.
"""

from typing import Final

from connector.foundation.errors import Mistake, PeerError, Unknown
from connector.foundation.storage.database import Tx
from connector.identity.participants import store
from connector.identity.participants.model import Moved, Participant
from connector.identity.trust.did import did as dids

TERM_MS: Final = 365 * 86_400_000
"""How long an old DID is answered unless the operator says otherwise."""
MOST_FORMER: Final = 16
"""DIDs that a participant had before. None is ever dropped: contracts and datasets name it by them for good."""


def from_here(participant: Participant, text: str, *, whole: bool) -> str:
    """A message that was written under a former DID, with the addresses of now: where answers go, and with `whole`
    every address below the old root. What was sealed is never `whole`.
    """
    for did in participant.former:
        before, now = (f'"{root}/' for root in (dids.root_of(dids.Did(did)), participant.root))
        if whole:
            text = text.replace(before, now)
        else:
            text = text.replace(f'"callbackAddress":{before}', f'"callbackAddress":{now}')
    return text


def roots(participant: Participant) -> tuple[str, ...]:
    """Below which its datasets have their IRIs: what was named at another operator keeps its name."""
    return (participant.root, *(dids.root_of(dids.Did(did)) for did in participant.former))


def named(participant: Participant, path: str) -> tuple[str, ...]:
    """The IRIs that something of it with this path may have, the present one first."""
    return tuple(f"{root}/{path}" for root in roots(participant))


def here(participant: Participant, iri: str) -> str:
    """Where what has this IRI is had now: the same below its present root, if it was named below a former one."""
    before = next((root for root in roots(participant) if iri.startswith(f"{root}/")), None)
    return iri if before is None else participant.root + iri[len(before) :]


class Gone(PeerError):
    """Who asks a participant that has moved: 410, with the DID that acts in its place."""

    status = 410


def require_here(participant: Participant, now: int) -> None:
    """Raises Gone for one that has moved, and Unknown once its old DID is answered no more; `now` in ms."""
    if participant.moved is None:
        return
    if now >= participant.moved.until:
        raise Unknown("peer.nothing-here")
    raise Gone("succession.gone", name=participant.name, did=participant.moved.did)


def require_own_place(participant: Participant, heir: str | None) -> None:
    """Raises Gone if the trust list names another one in its place, whatever its row says: it is one from a backup."""
    if heir is not None:
        raise Gone("succession.gone", name=participant.name, did=heir)


def answered(participant: Participant, now: int) -> bool:
    """Whether what anybody may read of it is still read here."""
    return participant.moved is None or now < participant.moved.until


def give_place(tx: Tx, participant: Participant, heir: str, until: int) -> bool:
    """`heir` acts in its place from now on; False if it does already. Raises Mistake if another one does.

    Its log gets no record here: whoever takes it in goes on behind the last one.
    """
    if participant.is_me(dids.parse(heir)):
        raise Mistake("succession.former", did=heir[:200])
    if not store.set_moved(tx, participant.id, Moved(heir, tx.now, until)):
        known = store.stored(tx, participant.id)
        gone = None if known is None else known.participant.moved
        if gone is None or gone.did != heir:
            raise Mistake("succession.moved", name=participant.name, did="" if gone is None else gone.did)
        return False
    store.changed(tx, participant.id)
    return True
