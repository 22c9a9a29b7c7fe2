"""A participant takes the place of what it was elsewhere, or gives its own place up (spec/trust.md 4.6).

What was agreed under a former DID names that DID for good. So whoever asks whether a document means this participant
asks `Participant.is_me`, and nobody compares with its present DID alone. Who has given its place up never acts again:
there is no way back in the database either.
"""

from typing import Final

from connector.audit import store as audit
from connector.audit.entry import KEY, digest
from connector.errors import Mistake
from connector.participants import store
from connector.participants.model import Moved, Participant
from connector.participants.service import Hosted
from connector.storage.database import Tx
from connector.trust.did import did as dids
from connector.verify.formats import jcs

TERM_MS: Final = 365 * 86_400_000
"""How long an old DID is answered unless the operator says otherwise."""
MOST: Final = 16
"""Former DIDs of one participant: each costs a look-up wherever it is asked who is meant."""


def take_place(tx: Tx, participant: Participant, former: str) -> None:
    """From here on it acts under agreements that name `former` as well; raises Mistake, PeerError for no DID."""
    known = store.stored(tx, participant.id)
    before = () if known is None else known.participant.former
    if dids.parse(former) == participant.did or len(before) >= MOST:
        raise Mistake("succession.former", did=former[:200])
    if former not in before:
        store.set_former(tx, participant.id, (former, *before))
        store.changed(tx, participant.id)


def give_place(tx: Tx, hosted: Hosted, heir: str, until: int) -> bool:
    """`heir` acts in its place from now on; False if it does already. Raises Mistake if another one does."""
    participant = hosted.participant
    if participant.is_me(dids.parse(heir)):
        raise Mistake("succession.former", did=heir[:200])
    if not store.set_moved(tx, participant.id, Moved(heir, tx.now, until)):
        known = store.stored(tx, participant.id)
        gone = None if known is None else known.participant.moved
        if gone is None or gone.did != heir:
            raise Mistake("succession.moved", name=participant.name, did="" if gone is None else gone.did)
        return False
    body = {"event": "moved", "to": heir, "document": digest(jcs.encode(hosted.document))}
    audit.append(tx, participant.id, KEY, None, "system", body, did=participant.did)
    store.changed(tx, participant.id)
    return True
