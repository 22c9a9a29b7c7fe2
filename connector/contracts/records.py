"""What the log keeps of negotiations: decisions, agreements and endings, by digest and without texts of persons.

The one exception is a confirmation: what a person states stands in its record alone, so that erasing that erases it.
"""

from connector.audit import store as audit
from connector.contracts import store
from connector.contracts.model import Agreement, Case
from connector.contracts.signing import digest
from connector.storage.database import Tx

AGREEMENT, DECISION, TERMINATION = "agreement", "decision", "termination"
CONFIRMATION = "confirmation"


def record(tx: Tx, did: str, case: Case, type_: str, body: dict[str, object], actor: str = "system") -> None:
    """Appends an entry about this negotiation to the log of `did`, its participant; a person is a pseudonym."""
    whole = {"negotiation": case.id, "counterparty": case.counterparty, "state": case.shown, **body}
    audit.append(tx, case.participant, type_, case.agreement, actor, whole, did=did)


def of_agreement(tx: Tx, case: Case, agreement: Agreement) -> dict[str, object]:
    """The agreement, both seals, both DID documents and our newest key event (contracts.md 16.2)."""
    documents = {name: item.sha256 for name, item in store.objects(tx, case.participant, case.id).items()}
    return {
        "agreement": agreement.digest,
        "providerJws": _hash(agreement.provider_jws),
        "consumerJws": _hash(agreement.consumer_jws),
        "providerDidDocument": documents.get("did-provider.json"),
        "consumerDidDocument": documents.get("did-consumer.json"),
        "keyHead": audit.key_head(tx, case.participant),
        **({} if agreement.replaces is None else {"replaces": agreement.replaces}),
    }


def committed(tx: Tx, agreement: Agreement) -> bool:
    """Whether our log has a record of this agreement, which then names the provider's seal."""
    return bool(store.logged(tx, agreement.participant, agreement.id, AGREEMENT, limit=1))


def _hash(seal: str | None) -> str | None:
    return None if seal is None else digest(seal.encode("ascii"))
