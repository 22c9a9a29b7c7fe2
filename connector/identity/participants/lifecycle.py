"""A participant leaves: active, closing, closed, deleting, deleted, and never back (decision 0037). One that moves to
another provider is `moving`, and `moved` for good once that has it; there it is `arriving` (decision 0102).

Whatever begins something new asks `require_active` in its own transaction. That holds the participant open until the
transaction commits, so that nothing slips in behind the closing, whichever replica it reaches. Whatever takes in what a
partner says asks `require_not_deleting`: it is in before the deletion begins, which then counts it, or it is refused.
"""

from collections.abc import Mapping

from connector.foundation.errors import Mistake, PeerError, Unknown
from connector.foundation.storage import at_rest
from connector.foundation.storage.database import Tx
from connector.identity.audit import store as audit
from connector.identity.audit.entry import KEY, digest
from connector.identity.participants import lifecycle_store as store
from connector.identity.participants import store as participant_store
from connector.identity.participants.lifecycle_store import LifecycleState as LifecycleState
from connector.identity.participants.service import Hosted
from connector.verify.formats import jcs

LONGEST = 500
"""Characters of the reason."""


class Leaving(PeerError):
    """Nothing new begins with a participant that leaves: 410, because asking again will not help."""

    status = 410


def one_after_another(tx: Tx, slug: str) -> None:
    """Until the unit has ended no other one changes what a participant's people decide one by one, on any replica."""
    participant_store.lock_keys(tx, slug)


def require_active(tx: Tx, slug: str) -> None:
    """Raises Leaving once the participant has begun to leave."""
    found = store.held_open(tx, slug)
    if found is None:
        raise Unknown("participants.unknown", slug=slug[:80])
    at_rest.refuse(found.state)
    if found.state != "active":
        raise Leaving("leaving.closed", name=found.name)


def is_active(tx: Tx, slug: str) -> bool:
    """Whether it has not begun to leave; raises Unknown."""
    return known(tx, slug).state == "active"


def require_not_deleting(tx: Tx, slug: str) -> None:
    """First thing of a unit that takes in what a partner says: until it commits, no deletion begins.

    So what the partner was told is taken in is in the log when the deletion counts what was handed over, and whoever
    comes after that is told what everybody else is: raises Unknown once the participant is being deleted.
    """
    found = store.held_open(tx, slug)
    if found is None or found.state in ("deleting", "deleted"):
        raise Unknown("peer.nothing-here")


def is_deleting(tx: Tx, slug: str) -> bool:
    """The same as a question; whoever asks writes nothing more about it then."""
    try:
        require_not_deleting(tx, slug)
    except Unknown:
        return True
    return False


def checked(reason: str) -> str:
    """The reason in one line; raises Mistake if it is none or too long."""
    plain = " ".join(reason.split())
    if not plain or len(plain) > LONGEST or not plain.isprintable():
        raise Mistake("leaving.reason", limit=LONGEST)
    return plain


def known(tx: Tx, slug: str) -> LifecycleState:
    """How far it is; raises Unknown."""
    found = store.standing(tx, slug)
    if found is None:
        raise Unknown("participants.unknown", slug=slug[:80])
    return found


def all_dids(tx: Tx, slug: str) -> tuple[str, ...]:
    """As `own_dids`, also once nobody here knows it any more."""
    return store.all_dids(tx, slug)


def leavers(tx: Tx) -> list[LifecycleState]:
    """All participants that have begun to leave, those that are gone too; in the scope of the process."""
    return store.leaving(tx)


def begin_deleting(tx: Tx, slug: str) -> None:
    """From here on nobody here knows the participant any more; the caller holds it `alone`."""
    store.begin_deleting(tx, slug)
    participant_store.changed(tx, slug)


def mark_deleted(tx: Tx, slug: str) -> None:
    """Nothing of it is left but who it was; the caller holds it `alone` and has looked."""
    store.mark_deleted(tx, slug)
    participant_store.changed(tx, slug)


def handed(tx: Tx, slug: str, agreement: str, sha256: str, records: int) -> None:
    """An operator says that the evidence of an agreement lies on its disk, as a file with this SHA-256.

    `records` of the log there were before it was made; what came later may not be in it.
    """
    store.handed(tx, slug, agreement, sha256, records)


def gone(found: LifecycleState) -> Mistake:
    """What somebody is told who speaks of a participant that is being, or has been, deleted."""
    return Mistake("leaving.gone" if found.state == "deleted" else "leaving.deleting", slug=found.id, did=found.did)


def begin(tx: Tx, hosted: Hosted, reason: str) -> bool:
    """From here on nothing new begins and no token opens data; False if it had begun to leave before."""
    slug = hosted.participant.id
    found = store.alone(tx, slug)
    if found is None:
        raise Unknown("participants.unknown", slug=slug[:80])
    if found.state in ("deleting", "deleted"):
        raise gone(found)
    if found.state != "active":
        return False
    store.begin(tx, slug, checked(reason))
    store.revoke_tokens(tx, slug)
    _log_key_event(tx, hosted, {"event": "closing", "reason": checked(reason)})
    participant_store.changed(tx, slug)
    return True


def end(tx: Tx, hosted: Hosted) -> None:
    """The participant is closed; the caller has seen under `alone` that nothing is open. Again is the same."""
    if known(tx, hosted.participant.id).state != "closing":
        return
    store.close(tx, hosted.participant.id)
    store.revoke_tokens(tx, hosted.participant.id)
    _log_key_event(tx, hosted, {"event": "closed"})
    participant_store.changed(tx, hosted.participant.id)


def rest_alone(tx: Tx, slug: str) -> None:
    """First of a unit that lays a participant to rest: it waits until every unit that writes for it has ended."""
    store.at_rest_alone(tx, slug)


def lay_to_rest(tx: Tx, hosted: Hosted, facts: Mapping[str, object]) -> None:
    """From here on nothing is written for it, but by the move. Last record of its log before that says where it goes.

    Raises Mistake unless it is active. The caller has waited for the units of it that began before (`rest_alone`).
    """
    slug = hosted.participant.id
    if alone(tx, slug).state != "active":
        raise Mistake("moving.not-active", slug=slug)
    _log_key_event(tx, hosted, {"event": "moving", **facts})
    store.set_state(tx, slug, "active", "moving")
    participant_store.changed(tx, slug)


def wake(tx: Tx, hosted: Hosted) -> None:
    """The participant stays after all; the caller has seen that nothing was handed over."""
    if not store.set_state(tx, hosted.participant.id, "moving", "active"):
        raise Mistake("moving.not-moving", slug=hosted.participant.id)
    _log_key_event(tx, hosted, {"event": "stays"})
    participant_store.changed(tx, hosted.participant.id)


def leave_for_good(tx: Tx, slug: str) -> None:
    """The participant works elsewhere: nothing is sent, opened or begun here any more. Again is the same."""
    if store.set_state(tx, slug, "moving", "moved"):
        store.revoke_tokens(tx, slug)
        participant_store.changed(tx, slug)


def works(tx: Tx, did: str) -> bool:
    """Whether a participant with this DID works here, or is to."""
    return store.works(tx, did)


def answered_until(tx: Tx, slug: str) -> int:
    """Until when (ms) the old DID of one that has moved is answered here; 0 if it is not."""
    found = participant_store.stored(tx, slug)
    return 0 if found is None or found.participant.moved is None else found.participant.moved.until


def arrive(tx: Tx, slug: str) -> None:
    """From here on it works here; raises Mistake unless it was arriving."""
    if not store.set_state(tx, slug, "arriving", "active"):
        raise Mistake("moving.not-arriving", slug=slug)
    participant_store.changed(tx, slug)


def own_dids(tx: Tx, slug: str) -> tuple[str, ...]:
    """All DIDs that mean this participant, the present one first; none once it is being deleted."""
    found = participant_store.stored(tx, slug)
    return () if found is None else found.participant.own_dids


def unmake(tx: Tx, slug: str) -> None:
    """Removes a participant that never arrived; the caller has deleted what hung on its row."""
    store.remove(tx, slug)


def alone(tx: Tx, slug: str) -> LifecycleState:
    """Locked against every unit that adds something of the participant; raises Unknown."""
    found = store.alone(tx, slug)
    if found is None:
        raise Unknown("participants.unknown", slug=slug[:80])
    return found


def _log_key_event(tx: Tx, hosted: Hosted, body: dict[str, object]) -> None:
    """In the chain of key events, because bundles carry it whole: an auditor reads when the signer left."""
    whole = {"document": digest(jcs.encode(hosted.document)), **body}
    audit.append(tx, hosted.participant.id, KEY, None, "system", whole, did=hosted.participant.did)
