"""What must be there before the official kit begins: its datasets with their offers, and agreements already in force.

Ids are the kit's own (spec/protocol.md 6.2); none of them is an IRI.
"""

from connector.data.catalogue import store as shelves
from connector.data.catalogue.model import Dataset, Offer, record_of
from connector.data.sources import store as source_store
from connector.data.sources.model import Source
from connector.exchange.contracts import store
from connector.exchange.contracts.document import sealing
from connector.exchange.contracts.model import Agreement, NegotiationRow
from connector.foundation.clock import rfc3339
from connector.foundation.storage.database import Tx
from connector.identity.participants.model import Participant
from connector.kernel.policy.engine import PolicyEngine
from connector.kernel.protocol.negotiation import Negotiation, State
from connector.kernel.protocol.process import Role
from tests.conformance.under_test.script import AGREEMENTS, DATASETS, offer_of

USE = {"permission": [{"action": "use"}]}
_SHA256 = "0" * 64


def sow(tx: Tx, participant: Participant, engine: PolicyEngine, peer: str) -> None:
    """Everything at once, or nothing if it was done before."""
    if source_store.source(tx, participant.id, "kit") is not None:
        return
    source = Source(
        id="kit", kind="file", location=_SHA256, name="kit.csv", media_type="text/csv", bytes=8, sha256=_SHA256
    )
    source_store.insert(tx, participant.id, source)
    for name in (*DATASETS, "ATP0101"):
        _shelve(tx, participant, engine, name)
    for name, role in AGREEMENTS.items():
        _conclude(tx, participant, peer, name, role)


def _shelve(tx: Tx, participant: Participant, engine: PolicyEngine, name: str) -> None:
    document = {"title": name, "name": "kit.csv", "media_type": "text/csv", "bytes": 8, "sha256": _SHA256}
    dataset = Dataset(
        id=name,
        source="kit",
        title=name,
        version=_SHA256,
        document=document,
        created_at=tx.now,
        changed_at=tx.now,
        record=record_of(name, document),
    )
    shelves.insert_dataset(tx, participant.id, dataset)
    offer = Offer(
        id=offer_of(name),
        dataset=name,
        policy=dict(USE),
        digest=engine.digest(USE),
        visibility="members",
        countersignature="none",
        template={"id": "kit", "slots": {}},
        state="published",
        created_at=tx.now,
    )
    shelves.insert_offer(tx, participant.id, offer)


def _conclude(tx: Tx, participant: Participant, peer: str, name: str, role: Role) -> None:
    parties = (participant.did, peer) if role is Role.PROVIDER else (peer, participant.did)
    plain = {
        "@id": name,
        "@type": "Agreement",
        **USE,
        "target": "ATP0101",
        "assigner": parties[0],
        "assignee": parties[1],
        "timestamp": rfc3339(tx.now),
    }
    document = sealing.canonical(plain)
    case = NegotiationRow(
        participant=participant.id,
        id=f"seed:{name}",
        counterparty=peer,
        address="",
        kernel=Negotiation(role=role, state=State.FINALIZED, peer_pid=f"peer:{name}"),
        version=1,
        dataset="ATP0101",
        offer=offer_of("ATP0101"),
        policy={"@id": offer_of("ATP0101"), **USE},
        purpose=None,
        action=None,
        agreement=None,
        reason=None,
        created_at=tx.now,
        changed_at=tx.now,
    )
    store.insert_case(tx, case)
    store.insert_agreement(
        tx,
        Agreement(
            participant=participant.id,
            id=name,
            negotiation=case.id,
            role=str(role),
            counterparty=peer,
            dataset="ATP0101",
            state="finalized",
            document=document,
            digest=sealing.digest(document),
            provider_jws=None,
            consumer_jws=None,
            facts={},
            expires_at=None,
            created_at=tx.now,
            finalized_at=tx.now,
        ),
    )
