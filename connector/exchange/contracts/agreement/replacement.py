"""Which agreement a new one takes the place of: only one in force, between the same two, about the same dataset.

The consumer names it in its request; a provider that knows nothing of it skips the member, and the consumer's own old
agreement ends all the same. What lay side by side before the approval is kept as evidence of the new negotiation.
"""

from connector.exchange.contracts import object_store
from connector.exchange.contracts.agreement import ending, succession, termination_store
from connector.exchange.contracts.agreement.succession import Line
from connector.exchange.contracts.document import clause_diff
from connector.exchange.contracts.model import Agreement, EvidenceObject, NegotiationRow
from connector.foundation.errors import Mistake, PeerError
from connector.foundation.storage.database import Tx
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.protocol.process import Role


def ours(tx: Tx, line: Line, old: Agreement, did: str, dataset: str) -> str:
    """As consumer: the digest of the agreement that we ask to replace; raises Mistake if it cannot be."""
    if not _fits(tx, line, old, "consumer", did, dataset):
        raise Mistake("endings.not-replaceable")
    return old.digest


def theirs(tx: Tx, line: Line, slug: str, digest: str | None, did: str, dataset: str) -> str | None:
    """As provider: the same of what a peer asks for; PeerError, whether it is not there or not this peer's."""
    if digest is None:
        return None
    old = termination_store.by_digest(tx, slug, digest[:64])
    if old is None or digest != old.digest or not _fits(tx, line, old, "provider", did, dataset):
        raise PeerError("endings.not-replaceable")
    return digest


def compared(
    tx: Tx, engine: PolicyEngine, case: NegotiationRow, policy: dict[str, object]
) -> tuple[EvidenceObject, ...]:
    """The old and the new sentences side by side; nothing if the negotiation replaces no agreement that we have."""
    old = None if case.replaces is None else termination_store.by_digest(tx, case.participant, case.replaces)
    if old is None:
        return ()
    rows = clause_diff.compare(clause_diff.clauses(engine, old.policy), clause_diff.clauses(engine, policy))
    return (clause_diff.document(old.digest, rows, case.provider_pid or case.id),)


def conclude(tx: Tx, did: str, agreement: Agreement) -> None:
    """It has come into force: the one that it replaces ends. `did` is the participant's."""
    old = (
        None
        if agreement.replaces is None
        else termination_store.by_digest(tx, agreement.participant, agreement.replaces)
    )
    if old is not None and old.id != agreement.id:
        ending.end(tx, did, old, {"event": "replaced", "by": agreement.digest})


def too_late(tx: Tx, agreement: Agreement) -> bool:
    """As provider: whether another agreement has taken the place of the same one.

    Asked in the transaction that says FINALIZED, with the old one locked: of two that are negotiated side by side
    exactly one comes into force, the same one on both sides.
    """
    if agreement.replaces is None:
        return False
    old = termination_store.by_digest(tx, agreement.participant, agreement.replaces, lock=True)
    return old is not None and termination_store.replaced_by_another(tx, agreement)


def stored(tx: Tx, case: NegotiationRow) -> EvidenceObject | None:
    """What was compared in this negotiation."""
    name = clause_diff.COMPARISON
    return object_store.objects(tx, case.participant, case.id, name).get(name)


def _fits(tx: Tx, line: Line, old: Agreement, role: str, did: str, dataset: str) -> bool:
    same = old.role == Role(role) and old.dataset == dataset
    return same and old.in_force and succession.after(line, old, did, tx.now)
